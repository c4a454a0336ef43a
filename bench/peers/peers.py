#!/usr/bin/env python3
"""The Python side of `make bench-peers`: NumPy, PyTorch, SciPy and POT at the
same work as Laminar, one process per work, driven round by round.

    peers.py gemm M N K [--ta] [--tb]     float32 product through OpenBLAS
    peers.py train WIDTH BATCH            one Adam step of a 3-w-w-2 ReLU network
    peers.py sample N STEPS WIDTH         Euler through that network
    peers.py adaptive N RTOL WIDTH        Dormand and Prince's method, one step size for all points
    peers.py likelihood N STEPS WIDTH     log-density with the exact divergence, by RK4
    peers.py cfm COUPLING STEPS           training by torchcfm, where it can be imported
    peers.py assign N DIM                 scipy.optimize.linear_sum_assignment
    peers.py sinkhorn N                   ot.sinkhorn, 100 iterations
    peers.py unbalanced N                 ot.unbalanced.sinkhorn_unbalanced, likewise
    peers.py post                         the whole training run of post.py
    peers.py conv N H W IN OUT            a convolution of 3 x 3 taps [--backward]
    peers.py attention N HEADS TOKENS D   softmax(q k' / sqrt(d)) v [--backward]
    peers.py unet N SIDE CHANNELS WIDTH   one Adam step of a U-Net (networks.py)
    peers.py dit N SIDE CHANNELS WIDTH    one Adam step of a transformer

After set-up it prints a line {"ready": versions}. Then for every line on stdin,
"REPETITIONS ROUND", it does that many and prints one line

    {"reps": 3, "cpu_s": 0.0142, "wall_s": 0.0142, "answer": 96.5, "memory_mib": 12.5}

where the times are for all repetitions, "answer" is a figure of the result that
the other side must reproduce, and the memory is the most that was held since the
set-up, without what the process held before it. End of input ends it. A package that is not
installed is reported as {"missing": ...} with exit status 3.

How long an assignment takes depends on the points, so every round of those
works has points of its own; their preparation is not counted. Inputs come from a counter-based generator that the Go side repeats, so that
both sides solve the same problem without exchanging files.
"""

import argparse
import gc
import json
import math
import sys
import time

import networks
import post

DEBIAN = {"numpy": "python3-numpy", "torch": "python3-torch", "scipy": "python3-scipy",
          "sklearn": "python3-sklearn", "ot": "python3-pot"}


# Inputs. SplitMix64 (Steele, Lea, Flood 2014) read as a counter: the state of
# the i-th number is seed + (i+1) * golden ratio.

def uniform(seed, *shape):
    import numpy as np

    count = math.prod(shape)
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)) * 2.0**-53).reshape(shape)


def normal(seed, *shape):
    """Box and Muller, the cosine half only."""
    import numpy as np

    u = uniform(seed, math.prod(shape), 2)
    z = np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])
    return z.reshape(shape).astype(np.float32)


def moons(seed, n):
    """Two half circles, even rows above and odd rows below, noise 0.05."""
    import numpy as np

    angle = np.pi * uniform(seed, n)
    below = np.arange(n) % 2
    x = np.where(below, 1 - np.cos(angle), np.cos(angle))
    y = np.where(below, 0.5 - np.sin(angle), np.sin(angle))
    return (np.stack([x, y], axis=1) + 0.05 * normal(seed + 1, n, 2).astype(np.float64)).astype(np.float32)


def mixture(seed, n, dim):
    """Eight Gaussians of deviation 1/2 about centres drawn from N(0, 4 I), each
    row's centre by chance."""
    import numpy as np

    centres = 2 * normal(seed, 8, dim)
    which = (8 * uniform(seed + 2, n)).astype(np.int64)
    return centres[which] + np.float32(0.5) * normal(seed + 1, n, dim)


def squared_distance(n, dim, round):
    """The float32 cost of Gaussian noise against data, summed in order."""
    import numpy as np

    seed = 100 * round
    x0 = normal(seed + 1, n, dim)
    x1 = moons(seed + 2, n) if dim == 2 else mixture(seed + 2, n, dim)
    cost = np.zeros((n, n), np.float32)
    for k in range(dim):
        difference = x0[:, k, None] - x1[None, :, k]
        cost += difference * difference
    return cost


def network(width):
    """post.network with weights from the shared generator, layer by layer."""
    import torch

    net = post.network(width)
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            fan_in = 3 if i < 2 else width
            p.copy_(torch.from_numpy((2 * uniform(10 + i, *p.shape) - 1) / math.sqrt(fan_in)))
    return net


# Works. Each returns (prepare, step, answer): prepare(round) makes the round's
# input, step does one repetition, answer tells a figure of the last one.

def same(round):
    """The preparation of a work that does the same in every round."""


def gemm(args):
    import numpy as np

    a = normal(1, args.k, args.m).T if args.ta else normal(1, args.m, args.k)
    b = normal(2, args.n, args.k).T if args.tb else normal(2, args.k, args.n)
    c = np.empty((args.m, args.n), np.float32)
    return same, lambda: np.dot(a, b, out=c), lambda: float(np.square(c, dtype=np.float64).sum())


def train(args):
    import torch

    net = network(args.width)
    x = torch.from_numpy(normal(1, args.batch, 3))
    y = torch.from_numpy(normal(2, args.batch, 2))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=args.foreach)
    mse = torch.nn.MSELoss()

    def step():
        adam.zero_grad(set_to_none=True)
        loss = mse(net(x), y)
        loss.backward()
        adam.step()
        return loss

    losses = [step().item() for _ in range(10)]
    return same, step, lambda: losses[-1]


def sample(args):
    import torch

    net = network(args.width)
    x0 = torch.from_numpy(normal(1, args.n, 2))
    out = [x0]

    def step():
        out[0] = post.euler(net, x0, args.steps)

    return same, step, lambda: float(out[0].double().square().mean())


# Solving in the manner of torchdiffeq: the state is a tensor (or several), an
# adaptive step is one for all points, and its error is the root mean square over
# all of them.

DOPRI5_C = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1)
DOPRI5_A = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
DOPRI5_E = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def dopri5(f, x, tolerance):
    import torch

    t, h, first = 0.0, 0.1, f(0.0, x)
    while t < 1:
        h = min(h, 1 - t)
        k = [first]
        for c, row in zip(DOPRI5_C[1:], DOPRI5_A[1:]):
            y = x + h * sum(a * v for a, v in zip(row, k) if a)
            k.append(f(t + c * h, y))
        error = h * sum(e * v for e, v in zip(DOPRI5_E, k) if e)
        scale = tolerance + tolerance * torch.maximum(x.abs(), y.abs())
        ratio = float((error / scale).square().mean().sqrt())
        if ratio <= 1:
            t, x, first = t + h, y, k[-1]
        h *= min(10.0, max(0.2, 0.9 * max(ratio, 1e-10) ** -0.2))
    return x


def adaptive(args):
    import torch

    net = network(args.width)
    x0 = torch.from_numpy(normal(1, args.n, 2))
    out = [x0]

    def f(t, x):
        return net(torch.cat([x, torch.full((len(x), 1), t)], dim=1))

    def step():
        with torch.no_grad():
            out[0] = dopri5(f, x0, args.rtol)

    return same, step, lambda: float(out[0].double().square().mean())


def likelihood(args):
    """log p of points at t = 1: back to t = 0 with the trace of the Jacobian, one
    reverse pass for each coordinate."""
    import torch

    net = network(args.width)
    data = torch.from_numpy(normal(1, args.n, 2))
    out = [data]

    def f(t, x):
        with torch.enable_grad():
            x = x.requires_grad_(True)
            v = net(torch.cat([x, torch.full((len(x), 1), t)], dim=1))
            trace = sum(
                torch.autograd.grad(v[:, i].sum(), x, retain_graph=i == 0)[0][:, i] for i in range(2))
        return v.detach(), trace

    def step():
        x, total, h = data, torch.zeros(len(data)), -1 / args.steps
        for i in range(args.steps):
            t = 1 + i * h
            v1, d1 = f(t, x)
            v2, d2 = f(t + h / 2, x.detach() + h / 2 * v1)
            v3, d3 = f(t + h / 2, x.detach() + h / 2 * v2)
            v4, d4 = f(t + h, x.detach() + h * v3)
            x = x.detach() + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
            total = total + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        out[0] = -0.5 * x.double().square().sum(1) - math.log(2 * math.pi) + total.double()

    return same, step, lambda: float(out[0].mean())


def pairing(coupling):
    """The pairs of a batch as torchcfm makes them: torchcfm itself where it can be
    imported (its folder in PYTHONPATH), else POT in the same way: a plan, from
    which as many pairs as the batch holds are drawn."""
    import numpy as np

    if coupling == "independent":
        return lambda x0, x1: (x0, x1)
    import ot

    try:
        from torchcfm.optimal_transport import OTPlanSampler

        return OTPlanSampler(method=coupling, reg=0.05, reg_m=1.0).sample_plan
    except ModuleNotFoundError:
        plan = {
            "exact": ot.emd,
            "sinkhorn": lambda a, b, cost: ot.sinkhorn(a, b, cost, 0.05),
            "unbalanced": lambda a, b, cost: ot.unbalanced.sinkhorn_knopp_unbalanced(a, b, cost, 0.05, 1.0),
        }[coupling]

        def pair(x0, x1):
            import torch

            n = len(x0)
            weight = np.full(n, 1 / n)
            p = plan(weight, weight, torch.cdist(x0, x1).square().double().numpy()).ravel()
            drawn = np.random.choice(n * n, n, p=p / p.sum())
            return x0[drawn // n], x1[drawn % n]

        return pair


def cfm(args):
    import numpy as np
    import sklearn.datasets  # noqa: F401  imports belong to set-up
    import torch

    try:
        from torchcfm.conditional_flow_matching import ConditionalFlowMatcher

        sample = ConditionalFlowMatcher(sigma=0.0).sample_location_and_conditional_flow
    except ModuleNotFoundError:

        def sample(x0, x1):
            t = torch.rand(len(x0))
            s = t[:, None]
            return t, s * x1 + (1 - s) * x0, x1 - x0

    pair, seed, out = pairing(args.coupling), [0], [math.nan]

    def prepare(round):
        seed[0] = round

    def step():
        torch.manual_seed(seed[0])
        np.random.seed(seed[0])
        random = np.random.RandomState(seed[0])
        net = post.network()
        adam = torch.optim.Adam(net.parameters(), lr=1e-3)
        tail = []
        for i in range(args.steps):
            x0, x1 = pair(torch.randn(256, 2), post.moons(256, random))
            t, xt, ut = sample(x0, x1)
            loss = torch.mean((net(torch.cat([xt, t[:, None]], dim=1)) - ut) ** 2)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            if i >= args.steps - 100:
                tail.append(loss.item())
        out[0] = sum(tail) / len(tail)

    return prepare, step, lambda: out[0]


def assign(args):
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    cost, out = [None], [None]

    def prepare(round):
        cost[0] = squared_distance(args.n, args.dim, round).astype(np.float64)

    def step():
        out[0] = linear_sum_assignment(cost[0])

    return prepare, step, lambda: float(cost[0][out[0]].sum())


def sinkhorn(args):
    import numpy as np
    import ot

    weight = np.full(args.n, 1 / args.n, args.dtype)
    cost, out = [None], [None]

    def prepare(round):
        c = squared_distance(args.n, 2, round)
        cost[0] = (c / c.mean(dtype=np.float64)).astype(args.dtype)

    def step():
        out[0] = ot.sinkhorn(weight, weight, cost[0], 0.1, numItermax=100, stopThr=0, warn=False)

    return prepare, step, lambda: float((out[0].astype(np.float64) * cost[0]).sum())


def unbalanced(args):
    import numpy as np
    import ot

    weight = np.full(args.n, 1 / args.n)
    cost, out = [None], [None]
    epsilon = 0.1
    # POT's entropy is that of the plan alone, Laminar's is relative to the
    # marginals: a constant cost apart.
    shift = 2 * epsilon * math.log(args.n)

    def prepare(round):
        c = squared_distance(args.n, 2, round)
        cost[0] = (c / c.mean(dtype=np.float64)).astype(np.float64)

    def step():
        out[0] = ot.unbalanced.sinkhorn_unbalanced(weight, weight, cost[0] + shift, epsilon, 1, numItermax=100, stopThr=0)

    return prepare, step, lambda: float((out[0] * cost[0]).sum())


def post_run(args):
    import scipy.optimize  # noqa: F401  imports belong to set-up
    import sklearn.datasets  # noqa: F401

    seed, loss = [0], [math.nan]

    def prepare(round):
        seed[0] = round

    def step():
        _, loss[0] = post.train(seed[0], args.coupling, args.steps)

    post.train(0, args.coupling, 110)
    return prepare, step, lambda: loss[0]


def ones_of(*arrays):
    """Tensors of arrays that take gradients."""
    import torch

    return [torch.from_numpy(a).contiguous().requires_grad_(True) for a in arrays]


def differentiable(args, forward, *inputs):
    """A forward pass, or with --backward one and its gradients."""
    import torch

    out = [None]
    seed = None

    def step():
        nonlocal seed
        if not args.backward:
            with torch.no_grad():
                out[0] = forward(*inputs)
            return
        y = forward(*inputs)
        if seed is None:
            seed = torch.ones_like(y) * 0.5
        out[0] = torch.autograd.grad(y, inputs, y.detach() * seed)

    def answer():
        values = out[0] if args.backward else [out[0]]
        return float(sum(v.double().square().mean() for v in values))

    return same, step, answer


def conv(args):
    import torch

    x, weight = normal(1, args.n, args.h, args.w, args.input), normal(2, args.out, 3, 3, args.input)
    weight /= math.sqrt(9 * args.input)
    inputs = ones_of(x.transpose(0, 3, 1, 2), weight.transpose(0, 3, 1, 2), normal(3, args.out))
    return differentiable(args, lambda x, w, b: torch.nn.functional.conv2d(x, w, b, padding=1), *inputs)


def attention(args):
    shape = args.n, args.heads, args.tokens, args.d
    return differentiable(args, networks.attention, *ones_of(*(normal(k, *shape) for k in (1, 2, 3))))


def stepped(weights, velocity, target):
    """Steps of Adam on the mean squared error, of which set-up does three."""
    import torch

    with torch.no_grad():
        velocity()
    adam = torch.optim.Adam(weights.known.values(), lr=1e-3)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(velocity(), target)
        loss.backward()
        adam.step()
        return loss

    losses = [step().item() for _ in range(3)]
    return same, step, lambda: losses[-1]


def unet(args):
    import torch

    shape = args.n, args.side, args.side, args.channels
    x, target = (torch.from_numpy(normal(k, *shape).transpose(0, 3, 1, 2).copy()) for k in (1, 2))
    t = torch.from_numpy(uniform(3, args.n, 1)).float()
    w = networks.Weights(uniform)
    return stepped(w, lambda: networks.unet(w, x, t, args.width, (1, 2, 2), 2), target)


def dit(args):
    import torch

    shape = args.n, args.side, args.side, args.channels
    x, target = (torch.from_numpy(normal(k, *shape)) for k in (1, 2))
    t = torch.from_numpy(uniform(3, args.n, 1)).float()
    w = networks.Weights(uniform)
    place = torch.from_numpy(networks.places(args.side // 4, args.side // 4, args.width))
    return stepped(w, lambda: networks.dit(w, x, t, args.width, 4, 4, 4, place), target)


def memory(field):
    """What this process holds, VmRSS, or has held at most, VmHWM, in MiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def versions():
    out = {"python": sys.version.split()[0]}
    for name in (*DEBIAN, "torchcfm"):
        if name in sys.modules:
            out[name] = sys.modules[name].__version__
    return out


def reply(message):
    print(json.dumps(message), flush=True)


def serve(prepare, step, answer, before):
    gc.collect()
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")  # forget the most that was held
    reply({"ready": versions()})
    for line in sys.stdin:
        reps, round = map(int, line.split())
        prepare(round)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(reps):
            step()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        reply({"reps": reps, "cpu_s": cpu, "wall_s": wall, "answer": answer(),
               "memory_mib": memory("VmHWM") - before})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--threads", type=int, default=1)
    works = parser.add_subparsers(dest="work", required=True)

    def work(name, run, *sizes):
        sub = works.add_parser(name)
        sub.set_defaults(run=run)
        for size in sizes:
            sub.add_argument(size, type=int)
        return sub

    product = work("gemm", gemm, "m", "n", "k")
    product.add_argument("--ta", action="store_true", help="the left factor is stored transposed")
    product.add_argument("--tb", action="store_true", help="the right factor is stored transposed")
    work("train", train, "width", "batch").add_argument(
        "--foreach", action="store_true", default=None, help="PyTorch's multi-tensor Adam")
    work("sample", sample, "n", "steps", "width")
    work("likelihood", likelihood, "n", "steps", "width")
    free = work("adaptive", adaptive, "n")
    free.add_argument("rtol", type=float)
    free.add_argument("width", type=int)
    pairs = work("cfm", cfm)
    pairs.add_argument("coupling")
    pairs.add_argument("steps", type=int)
    work("assign", assign, "n", "dim")
    work("sinkhorn", sinkhorn, "n").add_argument("--dtype", default="float64")
    work("unbalanced", unbalanced, "n")
    for name, run, sizes in (("conv", conv, ("n", "h", "w", "input", "out")), ("attention", attention, ("n", "heads", "tokens", "d"))):
        work(name, run, *sizes).add_argument("--backward", action="store_true", help="the gradients too")
    for name, run in (("unet", unet), ("dit", dit)):
        work(name, run, "n", "side", "channels", "width")
    run = work("post", post_run)
    run.add_argument("--coupling", default="ot")
    run.add_argument("--steps", type=int, default=2000)
    return parser.parse_args()


def main():
    args = arguments()
    post.limit_threads(args.threads)
    try:
        if args.work not in ("gemm", "assign", "sinkhorn"):
            import torch

            torch.set_num_threads(args.threads)
        before = memory("VmRSS")
        work = args.run(args)
    except ModuleNotFoundError as err:
        package = DEBIAN.get(err.name, err.name)
        reply({"missing": f"Python package {err.name} is not installed (Debian: {package})"})
        sys.exit(3)
    serve(*work, before)


if __name__ == "__main__":
    main()
