#!/usr/bin/env python3
"""The reference program for `--preset post`, in PyTorch, and its figures.

Noise N(0, I) is carried to two moons by a 3-64-64-2 ReLU network that is fitted
to x1 - x0 at x_t = x0 + t (x1 - x0), with Adam at 1e-3, for 2000 steps of 256
pairs; every batch is a fresh draw of scikit-learn's moons. The coupling is
either independent or the assignment of least total Euclidean distance.

    python3 post.py --seeds 5

prints one JSON object: for each coupling and seed the mean loss of the last 100
steps and the 2-Wasserstein distance of 2000 samples from a fresh draw of moons,
at 1, 2, 4, 8, 16 and 100 Euler steps.
"""

import argparse
import json
import os
import time

NFE = (1, 2, 4, 8, 16, 100)
NOISE = 0.05


def limit_threads(n):
    """Must run before numpy or torch is imported: OpenBLAS reads it once."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n)


def network(width=64):
    from torch import nn

    return nn.Sequential(
        nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
    )


def moons(n, random):
    import torch
    from sklearn.datasets import make_moons

    points, _ = make_moons(n, noise=NOISE, random_state=random)
    return torch.from_numpy(points).float()


def pair_by_transport(x0, x1):
    import torch
    from scipy.optimize import linear_sum_assignment

    rows, cols = linear_sum_assignment(torch.cdist(x0, x1).numpy())
    return x0[rows], x1[cols]


def train(seed, coupling, steps=2000, batch=256):
    """Returns the network and the mean loss of the last 100 steps."""
    import numpy as np
    import torch

    torch.manual_seed(seed)
    random = np.random.RandomState(seed)
    net = network()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    mse = torch.nn.MSELoss()
    tail = []
    for step in range(steps):
        x0, x1 = torch.randn(batch, 2), moons(batch, random)
        if coupling == "ot":
            x0, x1 = pair_by_transport(x0, x1)
        t = torch.rand(batch, 1)
        target = x1 - x0
        loss = mse(net(torch.cat([x0 + target * t, t], dim=1)), target)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step >= steps - 100:
            tail.append(loss.item())
    return net, sum(tail) / len(tail)


def euler(net, x, steps):
    import torch

    with torch.no_grad():
        for i in range(steps):
            t = torch.full((len(x), 1), i / steps)
            x = x + net(torch.cat([x, t], dim=1)) / steps
    return x


def w2(x, y):
    """Exact 2-Wasserstein distance of two point sets of equal size."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


def figures(seed, coupling, n=2000):
    import numpy as np
    import torch

    begin = time.time()
    net, loss = train(seed, coupling)
    seconds = time.time() - begin
    random = np.random.RandomState(10_000 + seed)
    row = {"coupling": coupling, "seed": seed, "loss": loss, "seconds": round(seconds, 2), "w2": {}}
    for steps in NFE:
        row["w2"][str(steps)] = w2(euler(net, torch.randn(n, 2), steps), moons(n, random))
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to SEEDS-1 (default 5)")
    parser.add_argument("--coupling", choices=("independent", "ot", "both"), default="both")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    limit_threads(args.threads)
    import numpy as np
    import torch

    torch.set_num_threads(args.threads)
    couplings = ("independent", "ot") if args.coupling == "both" else (args.coupling,)
    rows = [figures(seed, coupling) for coupling in couplings for seed in range(args.seeds)]
    floor = [
        w2(moons(2000, np.random.RandomState(20_000 + s)), moons(2000, np.random.RandomState(30_000 + s)))
        for s in range(args.seeds)
    ]
    print(json.dumps({"torch": torch.__version__, "n": 2000, "nfe": NFE, "floor_w2": floor, "rows": rows}))


if __name__ == "__main__":
    main()
