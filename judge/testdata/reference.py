"""Writes synthetic.csv, a blurred draw from penguins.csv, and reference.json, what
NumPy, SciPy, scikit-learn and POT say of the two: the values that judge_test.go
compares with. Run once, in this folder:

    /usr/bin/python3 reference.py
"""

import csv
import json

import numpy as np
import ot
from scipy.stats import ks_2samp
from scipy.stats.contingency import association
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, pairwise_distances, r2_score, roc_auc_score
from sklearn.preprocessing import RobustScaler

NUMBERS = [2, 3, 4, 5]
rows = list(csv.reader(open("penguins.csv")))
header, real = rows[0], rows[1:]
rng = np.random.default_rng(1)

width = {j: np.std([float(r[j]) for r in real if r[j]]) for j in NUMBERS}
synth = []
for i in rng.integers(len(real), size=300):
    r = list(real[i])
    for j in NUMBERS:
        if r[j]:
            r[j] = f"{float(r[j]) + 0.3 * width[j] * rng.normal():.{1 if j < 4 else 0}f}"
    if rng.random() < 0.1:
        r[1] = ["Biscoe", "Dream", "Torgersen"][rng.integers(3)]
    if rng.random() < 0.05:
        r[2] = ""
    synth.append(r)
with open("synthetic.csv", "w", newline="") as f:
    csv.writer(f, lineterminator="\n").writerows([header] + synth)

levels = {j: sorted({r[j] for r in real if r[j]}) for j in (0, 1, 6)}


def number(t, j):
    return np.array([float(r[j]) if r[j] else np.nan for r in t])


def level(t, j):
    return np.array([levels[j].index(r[j]) if r[j] else len(levels[j]) for r in t])


def freq(codes, n):
    return np.bincount(codes, minlength=n) / len(codes)


shape = []
for j in range(7):
    if j in NUMBERS:
        a, b = number(real, j), number(synth, j)
        shape.append(ks_2samp(a[~np.isnan(a)], b[~np.isnan(b)]).statistic)
    else:
        n = len(levels[j]) + 1
        shape.append(abs(freq(level(real, j), n) - freq(level(synth, j), n)).sum() / 2)


def coded(t, j):
    if j not in NUMBERS:
        return level(t, j)
    a = number(real, j)
    d = np.digitize(number(t, j), np.histogram_bin_edges(a[~np.isnan(a)], bins=10))
    d[np.isnan(number(t, j))] = 12
    return d


def pearson(t, i, j):
    a, b = number(t, i), number(t, j)
    ok = ~np.isnan(a) & ~np.isnan(b)
    return np.corrcoef(a[ok], b[ok])[0, 1]


trend = {}
for j in range(7):
    for i in range(j):
        if i in NUMBERS and j in NUMBERS:
            e = abs(pearson(real, i, j) - pearson(synth, i, j)) / 2
        else:
            joint = []
            for t in (real, synth):
                m = np.zeros((13, 13))
                for a, b in zip(coded(t, i), coded(t, j)):
                    m[a, b] += 1 / len(t)
                joint.append(m)
            e = abs(joint[0] - joint[1]).sum() / 2
        trend[f"{header[i]}, {header[j]}"] = e


def points(t, half):
    """Scaled numbers (missing at the median, and as a level) and one-hot levels."""
    out = []
    for j in range(7):
        if j in NUMBERS:
            a, v = number(real, j), number(t, j)
            lo, hi, mid = np.nanmin(a), np.nanmax(a), np.nanmedian(a)
            gap = np.isnan(v)
            out.append((np.where(gap, mid, v) - lo) / (hi - lo))
            out += [gap * half, ~gap * half]
        else:
            out += list((level(t, j)[:, None] == np.arange(len(levels[j]) + 1)).T * half)
    return np.stack(out, 1).astype(float)


r, s = points(real, 0.5), points(synth, 0.5)
rr, rs = pairwise_distances(r, metric="cityblock"), pairwise_distances(r, s, metric="cityblock")
np.fill_diagonal(rr, np.inf)
near = np.sort(rr, 1)
k = 1
while (near[:, k - 1] > 1e-12).mean() < 0.95:
    k += 1
k += 1
inside = rs < near[:, k - 1][:, None]
w2 = ot.dist(points(real, np.sqrt(0.5)), points(synth, np.sqrt(0.5)))

R, S = points(real, 1), points(synth, 1)
alphas = np.linspace(0, 1, 30)
centre, other = R.mean(0), S.mean(0)
radii = np.quantile(np.linalg.norm(R - centre, axis=1), alphas)
precision = [(np.linalg.norm(S - centre, axis=1) <= q).mean() for q in radii]
RR, RS = pairwise_distances(R), pairwise_distances(R, S)
np.fill_diagonal(RR, np.inf)
reach = np.linalg.norm(S[RS.argmin(1)] - other, axis=1)
recall = [((RS.min(1) <= RR.min(1)) & (reach <= q)).mean() for q in np.quantile(reach, alphas)]

# A logistic regression on the numbers as features has them, and the levels.
both = real + synth
x = []
for j in NUMBERS:
    v = number(both, j)
    x.append(RobustScaler().fit_transform(v[:, None])[:, 0])
    x[-1][np.isnan(x[-1])] = RobustScaler().fit(v[:, None]).transform([[np.nanmean(v)]])[0, 0]
for j in (0, 1, 6):
    x += list((level(both, j)[:, None] == np.arange(len(levels[j]) + 1)).T.astype(float))
x = np.stack(x, 1)
y = np.array([0] * len(real) + [1] * len(synth))
fit = LogisticRegression(C=1, tol=1e-12, max_iter=10000).fit(x, y)
score = fit.decision_function(x)

truth, answer = rng.integers(4, size=50), rng.integers(4, size=50)
rough = np.round(rng.random(50), 1)
json.dump(
    {
        "shape": shape,
        "trend": trend,
        "k": k,
        "coverage": inside.any(1).mean(),
        "density": inside.sum() / k / len(s),
        "w1": ot.emd2([], [], rs),
        "w2": np.sqrt(ot.emd2([], [], w2)),
        "precision": 1 - abs(alphas - precision).sum() / alphas.sum(),
        "recall": 1 - abs(alphas - recall).sum() / alphas.sum(),
        "logistic": list(score[::40]),
        "cramer": association(
            np.array([[((level(real, 0) == a) & (level(real, 1) == b)).sum() for b in range(3)] for a in range(3)]), method="cramer"
        ),
        "truth": truth.tolist(),
        "answer": answer.tolist(),
        "rough": rough.tolist(),
        "auc": roc_auc_score(truth == 1, rough),
        "f1": f1_score(truth, answer, average="macro"),
        "r2": r2_score(truth, rough),
    },
    open("reference.json", "w"),
    indent=1,
)
