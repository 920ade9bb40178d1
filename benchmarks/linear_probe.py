"""The linear probe against scikit-learn's LogisticRegression at equal loss: times as fast.

    python benchmarks/linear_probe.py [--rows 50000] [--dim 512] [--classes 10] [--strength 1e-4] [--rounds 2]

Both minimise the mean cross-entropy and half the squared weights times `strength` on the same standardised float32
features: a mixture whose directions differ in variance, as an encoder's do. scikit-learn's tolerance is lowered until
its loss is no higher than holdfast's (by 1e-6 of it), and that fit is timed. Losses are said.
"""

import argparse
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from measuring import finish, take_turns, times_faster
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from holdfast.evaluation.probes.newton import Problem, covariance_of, minimise

EQUAL = 1e-6


def drawn(rows: int, dim: int, classes: int) -> tuple[Tensor, Tensor]:
    """Features [rows, dim] of classes that overlap, in directions of falling variance; labels [rows]."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    scales = torch.arange(1, dim + 1).float().rsqrt()
    noise = torch.randn(rows, dim, generator=generator) * scales
    means = torch.randn(classes, dim, generator=generator) * scales * 0.08
    rotation = torch.linalg.qr(torch.randn(dim, dim, generator=generator)).Q
    features = (noise + means[labels]) @ rotation
    deviation, mean = torch.std_mean(features, 0, correction=0)
    return (features - mean) / deviation, labels


def loss(features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, strength: float) -> float:
    """What both minimise, in float64."""
    logits = F.linear(features.double(), weight.double(), bias.double())
    return float(F.cross_entropy(logits, labels) + strength / 2 * weight.double().square().sum())


def fitting(
    features: Tensor, labels: Tensor, strength: float, goal: float
) -> tuple[Callable[[], object], float, float]:
    """(scikit-learn's fit at the loosest tolerance that reaches the goal, its tolerance, its loss)."""
    x, y = features.numpy(), labels.numpy()
    warnings.simplefilter("ignore")
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        model = LogisticRegression(C=1 / (len(x) * strength), tol=tolerance, max_iter=1000, solver="lbfgs")
        model.fit(x, y)
        weight, bias = (torch.from_numpy(part) for part in (model.coef_, model.intercept_))
        reached = loss(features, labels, weight, bias, strength)
        if reached <= goal * (1 + EQUAL):
            break
    return lambda: model.fit(x, y), tolerance, reached


def main() -> None:
    """Takes turns and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--strength", type=float, default=1e-4)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    features, labels = drawn(options.rows, options.dim, options.classes)

    def ours() -> Tensor:
        start = torch.zeros(options.classes, options.dim + 1)
        return minimise(Problem(features, labels, options.strength), start, covariance_of(features))

    fitted = ours()
    goal = loss(features, labels, fitted[:, :-1], fitted[:, -1], options.strength)
    theirs, tolerance, reached = fitting(features, labels, options.strength, goal)
    rounds = take_turns({"holdfast": ours, "scikit-learn": theirs}, options.rounds, warm=0)
    size = f"{options.rows:,} × {options.dim}, {options.classes} classes"
    what = f"linear probe, {size}, against scikit-learn's LogisticRegression at equal loss: times as fast"
    ratio = times_faster(what, rounds, "holdfast", "scikit-learn", target=5.0)
    losses = f"losses {goal:.7f} and {reached:.7f} (tol {tolerance:g})"
    threads = f"strength {options.strength:g}, {torch.get_num_threads()} threads"
    finish("linear_probe", [ratio], settings=f"{size}, {threads}, one fit of the several that a probe takes; {losses}")


if __name__ == "__main__":
    main()
