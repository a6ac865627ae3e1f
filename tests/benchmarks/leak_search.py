"""How often planted leaks are found, and clean features accused: stage Leakage alone.

Run as `python tests/benchmarks/leak_search.py [runs] [runs of leaks and texts]`; prints rows
of a Markdown table. Each run draws a frame with one feature and judges it by `find_leaks`, with all
rows in train.
`found`: a failed check about the feature; `critical`: one that blocks. With 95 % Clopper-Pearson
intervals of the simulation.

Planted: a value of a category that only rows of the class have; a copy of the label in which a
share of the rows says another class, as words, as numbers, and with three classes; a category of
which one value is never met with one of three classes; numbers that are missing unless the class
is met; a note with the outcome among other words. Clean: a normal number whose true area under the
ROC curve is given, as it is, and in ten categories; honest texts of many words; an honest category
whose classes go with its values as 1 to 3; a city of 15 people with ten rows each, 14 of whom have
one label (a search that counts rows would be sure of it).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta, norm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.leakage import find_leaks
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project

RUNS, FEWER_RUNS = 1_000, 200
WORDS = np.array([f"w{place}" for place in range(300)])

Drawn = tuple[pd.DataFrame, str]
Random = np.random.Generator


def two_classes(rng: Random, rows: int, base: float) -> np.ndarray:
    return rng.random(rows) < base


def value_leak(rng: Random, rows: int, base: float, share: float) -> Drawn:
    yes = two_classes(rng, rows, base)
    words = rng.choice(["north", "south", "west"], rows)
    words[yes & (rng.random(rows) < share / base)] = "fraud team"
    return frame(words, yes), "categorical"


def noisy_copy(rng: Random, rows: int, base: float, noise: float, kind: str) -> Drawn:
    yes = two_classes(rng, rows, base)
    copy = yes ^ (rng.random(rows) < noise)
    return frame(np.where(copy, "granted", "denied") if kind == "categorical" else 1 * copy, yes), (
        kind
    )


def noisy_copy_of_three(rng: Random, rows: int, noise: float, kind: str) -> Drawn:
    label = rng.integers(0, 3, rows)
    copy = np.where(rng.random(rows) < noise, rng.integers(0, 3, rows), label)
    values = (
        np.array(["a", "b", "c"])[copy]
        if kind == "categorical"
        else copy + rng.normal(0, 0.05, rows)
    )
    return frame(values, label), kind


def left_out(rng: Random, rows: int, share: float) -> Drawn:
    label = rng.integers(0, 3, rows)
    words = rng.choice(["north", "south", "west"], rows)
    words[(label != 2) & (rng.random(rows) < share)] = "closed"
    return frame(words, label), "categorical"


def missing_unless(rng: Random, rows: int, base: float) -> Drawn:
    yes = two_classes(rng, rows, base)
    return frame(np.where(yes & (rng.random(rows) < 0.5), rng.normal(size=rows), np.nan), yes), (
        "numeric"
    )


def note_with_outcome(rng: Random, rows: int, base: float, noise: float) -> Drawn:
    yes = two_classes(rng, rows, base)
    said = np.where(yes ^ (rng.random(rows) < noise), "granted", "rejected")
    other = rng.choice(WORDS, (rows, 8))
    return frame(
        [" ".join([*o, s, "by officer"]) for o, s in zip(other, said, strict=True)], yes
    ), ("text")


def honest_text(rng: Random, rows: int, base: float, strength: float) -> Drawn:
    """Forty of the words are likelier in one class; the rest is chance."""
    yes = two_classes(rng, rows, base)
    weights = np.ones((2, len(WORDS)))
    weights[0, :20], weights[1, 20:40] = strength, strength
    weights /= weights.sum(axis=1, keepdims=True)
    return frame([" ".join(rng.choice(WORDS, 15, p=weights[int(one)])) for one in yes], yes), "text"


def clean_number(rng: Random, rows: int, base: float, auc: float, kind: str) -> Drawn:
    yes = two_classes(rng, rows, base)
    values = rng.normal(size=rows) + yes * np.sqrt(2) * norm.ppf(auc)
    if kind == "categorical":
        edges = np.quantile(values, np.arange(1, 10) / 10)
        values = np.array([f"d{place}" for place in range(10)])[np.searchsorted(edges, values)]
    return frame(values, yes), kind


def honest_category(rng: Random, rows: int, base: float) -> Drawn:
    yes = two_classes(rng, rows, base)
    odds = np.where(yes, 0.75, 0.25)
    return frame(np.where(rng.random(rows) < odds, "high", "low"), yes), "categorical"


def people(rng: Random, people_of_city: int, others: int) -> Drawn:
    """Ten rows a person, of one label each; all but one of a small city have the same by chance."""
    yes = np.r_[np.ones(people_of_city - 1, bool), False, rng.random(others) < 0.5]
    city = np.r_[np.full(people_of_city, "x"), rng.choice(["y", "z"], others)]
    drawn = frame(np.repeat(city, 10), np.repeat(yes, 10))
    drawn["unit"] = np.repeat([f"p{one}" for one in range(len(yes))], 10)
    return drawn, "categorical"


def frame(values: object, label: np.ndarray) -> pd.DataFrame:
    drawn = pd.DataFrame({"x": values, "y": pd.Series(label.astype(int)).astype("str")})
    return drawn.rename_axis("row_key").set_axis([f"k{p}" for p in range(len(label))], axis=0)


def judge(drawn: pd.DataFrame, kind: str) -> tuple[bool, bool]:
    """Whether the feature is found, and whether that blocks."""
    units = drawn["unit"] if "unit" in drawn else pd.Series(drawn.index, index=drawn.index)
    split = pd.DataFrame({"unit": units.astype("str"), "side": "train"}, index=drawn.index)
    kinds = {name: ("x",) if name == kind else () for name in ("numeric", "categorical", "text")}
    two = drawn["y"].nunique() == 2
    roles = Roles(target="y", positive_class="1" if two else None, **kinds)
    project = Project(name="p", source="s.csv", target="y", positive_class="1" if two else None)
    result = find_leaks(Dataset(drawn.drop(columns="unit", errors="ignore"), split, roles), project)
    failed = [c for c in result.checks if c.outcome == "failed"]
    return bool(failed), any(c.severity == "critical" for c in failed)


def interval(hits: int, runs: int) -> str:
    """A share with its Clopper-Pearson interval, in per cent."""
    low = beta.ppf(0.025, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, runs - hits) if hits < runs else 1.0
    return f"{100 * hits / runs:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def measure(name: str, draw: Callable[[Random], Drawn], runs: int) -> None:
    """Print the row of one case."""
    found = critical = 0
    for seed in range(runs):
        one, other = judge(*draw(np.random.default_rng([seed, 12])))
        found, critical = found + one, critical + other
    print(f"| {name} | {runs} | {interval(found, runs)} | {interval(critical, runs)} |", flush=True)


Cases = list[tuple[str, Callable[[Random], Drawn]]]


def planted() -> Cases:
    """Name and draw of each leak."""
    listed: Cases = []
    for base, share in ((0.5, 0.2), (0.4, 0.16), (0.35, 0.09), (0.3, 0.1), (0.2, 0.09)):
        draw = partial(value_leak, rows=3_000, base=base, share=share)
        listed.append((f"value of {share:.0%} of 3,000 rows, class {base:.0%}", draw))
    for rows, kind, base in product((400, 2_000), ("categorical", "numeric"), (0.5, 0.3)):
        for noise in (0.0, 0.01, 0.02, 0.03, 0.05):
            draw = partial(noisy_copy, rows=rows, base=base, noise=noise, kind=kind)
            word = "words" if kind == "categorical" else "numbers"
            name = f"copy as {word}, {noise:.0%} noise, class {base:.0%}, {rows:,} rows"
            listed.append((name, draw))
    for kind in ("categorical", "numeric"):
        draw = partial(noisy_copy_of_three, rows=2_000, noise=0.03, kind=kind)
        listed.append((f"copy of three classes, 3% noise, {kind}, 2,000 rows", draw))
    draw = partial(left_out, rows=3_000, share=0.2)
    listed.append(("value never met with one of three classes, 3,000 rows", draw))
    draw = partial(missing_unless, rows=2_000, base=0.3)
    listed.append(("missing unless the class (30%), 2,000 rows", draw))
    for noise in (0.0, 0.03):
        draw = partial(note_with_outcome, rows=1_000, base=0.4, noise=noise)
        listed.append((f"outcome in a note, {noise:.0%} noise, 1,000 rows", draw))
    return listed


def clean() -> Cases:
    """Name and draw of each honest feature."""
    listed: Cases = []
    for rows in (400, 2_000):
        for auc in (0.93, 0.96, 0.975):
            draw = partial(clean_number, rows=rows, base=0.5, auc=auc, kind="numeric")
            listed.append((f"clean: AUC {auc:g}, class 50%, {rows:,} rows", draw))
        draw = partial(clean_number, rows=rows, base=0.3, auc=0.975, kind="numeric")
        listed.append((f"clean: AUC 0.975, class 30%, {rows:,} rows", draw))
        draw = partial(clean_number, rows=rows, base=0.5, auc=0.8, kind="categorical")
        listed.append((f"clean: AUC 0.8 in ten categories, class 50%, {rows:,} rows", draw))
        draw = partial(honest_category, rows=rows, base=0.5)
        listed.append((f"clean: category of 75% against 25%, {rows:,} rows", draw))
    draw = partial(people, people_of_city=15, others=185)
    listed.append(("clean: a city of 15 people, 14 with one label, ten rows each", draw))
    return listed


def texts() -> Cases:
    """Honest texts."""
    draw = partial(honest_text, rows=1_000, base=0.4, strength=3.0)
    return [("clean: text of 15 words, 40 three times likelier", draw)]


def main() -> None:
    """Run all cases."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    fewer = int(sys.argv[2]) if len(sys.argv) > 2 else FEWER_RUNS
    print("| case | runs | found | critical |")
    print("| --- | ---: | --- | --- |")
    for listed, times in ((planted(), fewer), (clean(), runs), (texts(), fewer)):
        for name, draw in listed:
            measure(name, draw, times)


if __name__ == "__main__":
    main()
