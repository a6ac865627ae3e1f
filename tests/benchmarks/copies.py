"""Copies of one example: what they do to the gate and to intervals, and what it costs to find them.

Run as `python tests/benchmarks/copies.py`; prints three tables:

* the attack: 180 random points, each there five times (with noise of 1e-6, 1e-3 or none), labels
  drawn by point, so that nothing can be learned. A model that remembers its nearest train row meets
  the constant on test, by accuracy: how often the lower end of the gain is above 0 (nominal 2.5 %)
  where rows are split and drawn alone, and where the split's units are;
* the coverage of a 95 % interval of accuracy whose rows come in units that are right together;
* the seconds that the search takes on 100,000 rows x 29 columns.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.intervals import wilson
from tasks.metrics import estimate_metrics, paired_difference
from tasks.project.roles import Roles
from tasks.splitting.copies import example_codes, recurring_codes
from tasks.splitting.units import twin_codes

DRAWS, REPLICATES = 1_000, 200
POINTS, COPIES, COLUMNS = 180, 5, 5


def roles(columns: list[str]) -> Roles:
    """Numeric features of these names."""
    return Roles(target="y", numeric=tuple(columns))


def table(numbers: np.ndarray) -> tuple[pd.DataFrame, Roles]:
    """The numbers as a frame with its roles."""
    columns = [f"f{place}" for place in range(numbers.shape[1])]
    return pd.DataFrame(numbers, columns=columns), roles(columns)


def wins(rng: np.random.Generator, noise: float, *, by_unit: bool) -> bool:
    """Whether a model that only remembers beats the constant on one draw of the attack."""
    points = rng.normal(size=(POINTS, COLUMNS))
    numbers = np.repeat(points, COPIES, axis=0)
    numbers += noise * rng.normal(size=numbers.shape)
    labels = np.repeat(rng.integers(0, 2, POINTS), COPIES)
    units = np.arange(len(numbers))
    if by_unit:
        frame, given = table(numbers)
        units = example_codes(frame, given, twin_codes(frame, given.features)).to_numpy()
    names, code = np.unique(units, return_inverse=True)
    test = (rng.random(len(names)) < 0.2)[code]
    nearest = cKDTree(numbers[~test]).query(numbers[test])[1]
    constant = np.full(int(test.sum()), np.bincount(labels[~test]).argmax())
    index = pd.RangeIndex(int(test.sum()))
    told, always = (
        pd.DataFrame({"predicted": pd.Series(given, index=index).astype("str")})
        for given in (labels[~test][nearest], constant)
    )
    found = paired_difference(
        "accuracy",
        pd.Series(labels[test], index=index).astype("str"),
        told,
        always,
        positive_class=None,
        replicates=REPLICATES,
        seed=0,
        groups=pd.Series(code[test], index=index),
    )
    return found.low > 0


def covers(rng: np.random.Generator, units: int, size: int, *, drawn: bool) -> bool:
    """Whether the interval of accuracy holds the truth, 0.8, where a unit's rows go together."""
    chance = rng.beta(0.8 * 4, 0.2 * 4, units)  # an intra-unit correlation of 0.2
    right = (rng.random((units, size)) < chance[:, None]).ravel()
    index = pd.RangeIndex(units * size)
    labels = pd.Series("yes", index=index, dtype="str")
    told = pd.DataFrame({"predicted": np.where(right, "yes", "no")}, index=index).astype("str")
    groups = pd.Series(np.repeat(np.arange(units), size), index=index) if drawn else None
    found = estimate_metrics(
        ["accuracy"], labels, told, positive_class=None, replicates=REPLICATES, seed=0,
        groups=groups,
    )["accuracy"]  # fmt: skip
    return found.low <= 0.8 <= found.high


def rate(found: list[bool]) -> str:
    """The share with its 95 % interval."""
    low, high = wilson(sum(found), len(found))
    return f"{sum(found) / len(found):.1%} [{low:.1%}, {high:.1%}]"


def main() -> None:
    """Print the three tables."""
    print("| noise | rows split and drawn alone | split units |\n| --- | ---: | ---: |")
    for noise in (0.0, 1e-6, 1e-3):
        columns = []
        for by_unit in (False, True):
            rng = np.random.default_rng(0)
            columns.append(rate([wins(rng, noise, by_unit=by_unit) for _ in range(DRAWS)]))
        print(f"| {noise:g} | {columns[0]} | {columns[1]} |")
    print("\n| units x rows | rows drawn | units drawn |\n| --- | ---: | ---: |")
    for units, size in ((10, 30), (20, 20), (50, 10), (200, 5)):
        columns = []
        for drawn in (False, True):
            rng = np.random.default_rng(1)
            columns.append(rate([covers(rng, units, size, drawn=drawn) for _ in range(DRAWS)]))
        print(f"| {units} x {size} | {columns[0]} | {columns[1]} |")
    print("\n| 100,000 x 29 | search, s | for time and group, s |\n| --- | ---: | ---: |")
    rng = np.random.default_rng(2)
    shapes = {
        "measurements": rng.normal(size=(100_000, 29)),
        "each five times, noise 1e-3": np.repeat(rng.normal(size=(20_000, 29)), 5, axis=0)
        + 1e-3 * rng.normal(size=(100_000, 29)),
        "functions of two": rng.normal(size=(100_000, 2)) @ rng.normal(size=(2, 29)),
    }
    for name, numbers in shapes.items():
        frame, given = table(numbers)
        twins, seconds = twin_codes(frame, given.features), []
        for search in (example_codes, recurring_codes):
            start = time.perf_counter()
            search(frame, given, twins)
            seconds.append(time.perf_counter() - start)
        print(f"| {name} | {seconds[0]:.1f} | {seconds[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
