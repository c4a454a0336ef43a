"""Convolution, attention and whole networks in PyTorch, for peers.py.

Weights come from peers.uniform in the order in which a network first asks for
them, which is that of Laminar's arena; a convolution's weight is read there as
[out, height, width, in], the channels last, and turned to PyTorch's order.
"""

import math


class Weights:
    """The parameters of a network, made when they are first asked for."""

    def __init__(self, uniform):
        self.uniform, self.known = uniform, {}

    def __call__(self, name, *shape, taps=0):
        import torch

        if name not in self.known:
            u = 2 * self.uniform(100 + len(self.known), math.prod(shape)).reshape(shape) - 1
            if name.endswith(".weight"):
                u = u / math.sqrt(shape[1])
            elif name.endswith(".scale"):
                u = 1 + 0.1 * u
            else:
                u = 0.1 * u
            p = torch.from_numpy(u).float()
            if taps:
                p = p.reshape(shape[0], taps, taps, -1).permute(0, 3, 1, 2).contiguous()
            self.known[name] = p.requires_grad_(True)
        return self.known[name]

    def linear(self, name, x, out):
        import torch

        weight = self(name + ".weight", out, x.shape[-1])
        return torch.nn.functional.linear(x, weight, self(name + ".bias", out))

    def conv(self, name, x, out, k, stride=1):
        import torch

        weight = self(name + ".weight", out, k * k * x.shape[1], taps=k)
        return torch.nn.functional.conv2d(x, weight, self(name + ".bias", out), stride=stride, padding=k // 2)


def time_features(t, n):
    import torch

    angle = t * (math.pi * torch.arange(1, n // 2 + 1))
    return torch.cat([t, torch.sin(angle), torch.cos(angle)], 1)


def embedding(w, t, width, features):
    import torch

    silu = torch.nn.functional.silu
    return silu(w.linear("embed.1", silu(w.linear("embed.0", time_features(t, features), width)), width))


def attention(q, k, v):
    import torch

    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v


def unet(w, x, t, width, levels, heads, features=16):
    """A residual U-Net of one block for each resolution, as nn's unet; x is [n, c, h, w]."""
    import torch

    f = torch.nn.functional
    e = embedding(w, t, 4 * width, features)

    def norm(name, h):
        c = h.shape[1]
        groups = next(g for g in range(8, 0, -1) if c % g == 0)
        return f.group_norm(h, groups, w(name + ".scale", c), w(name + ".shift", c), 1e-5)

    def block(name, x, out):
        h = w.conv(name + ".conv0", f.silu(norm(name + ".norm0", x)), out, 3)
        a, b = w.linear(name + ".embed", e, 2 * out)[:, :, None, None].chunk(2, 1)
        h = f.silu(norm(name + ".norm1", h) * (1 + a) + b)
        h = w.conv(name + ".conv1", h, out, 3)
        return (w.conv(name + ".skip", x, out, 1) if x.shape[1] != out else x) + h

    def attend(name, x):
        n, c, height, across = x.shape
        flat = norm(name + ".norm", x).flatten(2).transpose(1, 2)
        q, k, v = (w.linear(name + "." + p, flat, c).reshape(n, -1, heads, c // heads).transpose(1, 2) for p in "qkv")
        y = w.linear(name + ".out", attention(q, k, v).transpose(1, 2).reshape(n, -1, c), c)
        return x + y.transpose(1, 2).reshape(n, c, height, across)

    h, skips = w.conv("in", x, width, 3), []
    for i, m in enumerate(levels):
        if i:
            h = w.conv(f"down.{i}", h, h.shape[1], 3, 2)
        h = block(f"down.{i}.0", h, m * width)
        skips.append(h)
    h = block("middle.1", attend("middle.attention", block("middle.0", h, h.shape[1])), h.shape[1])
    for i in reversed(range(len(levels))):
        h = block(f"up.{i}.0", torch.cat([h, skips.pop()], 1), levels[i] * width)
        if i:
            like = skips[-1]
            h = f.interpolate(h, scale_factor=2)[:, :, : like.shape[2], : like.shape[3]]
            h = w.conv(f"up.{i}", h, h.shape[1], 3)
    return w.conv("out", f.silu(norm("out.norm", h)), x.shape[1], 3)


def places(h, w, width):
    import numpy as np

    q = width // 4
    frequency = 10000.0 ** (-np.arange(q) / q)
    out = np.zeros((h, w, 4 * q))
    for axis, at in enumerate(np.meshgrid(np.arange(h), np.arange(w), indexing="ij")):
        out[..., 2 * axis * q : (2 * axis + 1) * q] = np.sin(at[..., None] * frequency)
        out[..., (2 * axis + 1) * q : (2 * axis + 2) * q] = np.cos(at[..., None] * frequency)
    return out.reshape(h * w, -1).astype(np.float32)


def dit(w, x, t, width, depth, heads, patch, place, features=16):
    """A transformer as nn's dit; x is [n, h, w, c]."""
    import torch

    f = torch.nn.functional
    n, height, across, c = x.shape
    e = embedding(w, t, width, features)

    def modulation(name, k):
        return w.linear(name + ".modulation", e, k * width)[:, None, :].chunk(k, 2)

    def modulate(x, shift, scale):
        return f.layer_norm(x, (width,), eps=1e-6) * (1 + scale) + shift

    def rms(name, v):
        return v * torch.rsqrt(v.square().mean(-1, keepdim=True) + 1e-6) * w(name + ".scale", width // heads)

    rows, cols = height // patch, across // patch
    h = x.reshape(n, rows, patch, cols, patch * c).transpose(2, 3).reshape(n, rows * cols, -1)
    h = w.linear("in", h, width) + place
    for i in range(depth):
        name = f"block.{i}"
        m = modulation(name, 6)
        qkv = w.linear(name + ".qkv", modulate(h, m[0], m[1]), 3 * width)
        q, k, v = qkv.reshape(n, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        y = attention(rms(name + ".q", q), rms(name + ".k", k), v)
        h = h + m[2] * w.linear(name + ".join", y.transpose(1, 2).reshape(n, -1, width), width)
        u = f.silu(w.linear(name + ".mlp.0", modulate(h, m[3], m[4]), 4 * width))
        h = h + m[5] * w.linear(name + ".mlp.1", u, width)
    m = modulation("out", 2)
    y = w.linear("out", modulate(h, m[0], m[1]), patch * patch * c)
    return y.reshape(n, rows, cols, patch, patch * c).transpose(2, 3).reshape(x.shape)
