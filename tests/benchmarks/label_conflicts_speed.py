"""Finding equal rows with different labels in a million rows, against a pandas group-by.

Run as `python tests/benchmarks/label_conflicts_speed.py`; prints rows of a Markdown table: the
median, over interleaved pairs, of the ratio of wall times (target for the mixed columns: 0.2 or
less), and in how many rows the two differ (target: none). The last row is what nearly equal texts
cost, which pandas cannot find.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.labels.conflicts import FeatureVectors
from tasks.labels.row_groups import group_equal_rows
from tasks.labels.similar_texts import similar_pairs

ROWS, REPEATED, PAIRS = 1_000_000, 50_000, 5


def with_repeats(columns: dict[str, pd.Series]) -> pd.DataFrame:
    """The columns, 5 % of the rows once more, in random order; three classes at random."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(columns)
    again = frame.iloc[rng.integers(0, len(frame), REPEATED)]
    frame = pd.concat([frame, again], ignore_index=True)
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    return frame.assign(label=pd.Series(rng.choice(["a", "b", "c"], len(frame)), dtype="str"))


def mixed_columns() -> pd.DataFrame:
    """Fifteen columns: eleven numbers (one with gaps) and four of words."""
    rng = np.random.default_rng(0)
    rows = ROWS - REPEATED
    columns = {f"f{i}": pd.Series(rng.normal(size=rows).round(3)) for i in range(8)}
    columns["f0"] = columns["f0"].mask(rng.random(rows) < 0.05)
    columns |= {f"i{i}": pd.Series(rng.integers(0, 1000, rows) * 1.0) for i in range(3)}
    cities = ["Boston", "Chicago", "New York", "Los Angeles"]
    columns |= {f"s{i}": pd.Series(rng.choice(cities, rows), dtype="str") for i in range(4)}
    return with_repeats(columns)


def texts() -> pd.DataFrame:
    """One column of short texts, about 70 characters each."""
    rng = np.random.default_rng(0)
    rows = ROWS - REPEATED
    words = np.array([f"w{number:x}" for number in rng.integers(0, 1 << 20, 20_000)], dtype=object)
    lengths = rng.integers(5, 18, rows)
    drawn, ends = words[rng.integers(0, len(words), lengths.sum())], np.cumsum(lengths)
    found = [" ".join(drawn[e - n : e]) for e, n in zip(ends, lengths, strict=True)]
    return with_repeats({"text": pd.Series(found, dtype="str")})


def ours(frame: pd.DataFrame) -> np.ndarray:
    """Which rows have an equal row with another label."""
    features = [name for name in frame.columns if name != "label"]
    of_row = group_equal_rows(frame, features)
    count = int(of_row.max()) + 1
    vectors = FeatureVectors(of_row=of_row, count=count, pairs=np.empty((0, 2), dtype=np.int64))
    labels = pd.factorize(frame["label"])[0].astype(np.int64)
    return vectors.equal_conflicts(labels, np.ones(len(frame), dtype=bool))


def pandas_group_by(frame: pd.DataFrame) -> np.ndarray:
    """The same by pandas."""
    features = [name for name in frame.columns if name != "label"]
    groups = frame.groupby(features, dropna=False, sort=False)["label"]
    return (groups.transform("nunique") > 1).to_numpy()


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, frame: pd.DataFrame) -> None:
    """Print the row of one table."""
    found, peer = ours(frame), pandas_group_by(frame)
    pairs = [
        (seconds(lambda: ours(frame)), seconds(lambda: pandas_group_by(frame)))
        for _ in range(PAIRS)
    ]
    ratios = sorted(first / second for first, second in pairs)
    print(
        f"| {name} | {len(frame):,} x {frame.shape[1] - 1} | {found.sum():,} "
        f"| {(found != peer).sum()} | {statistics.median(a for a, _ in pairs):.2f} "
        f"| {statistics.median(b for _, b in pairs):.2f} "
        f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |"
    )


def main() -> None:
    """Time both on both tables."""
    print("| what | rows x columns | in conflict | rows that differ | ours, s | pandas, s ", end="")
    print("| median ratio (range) |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    compare("equal rows, mixed columns", mixed_columns())
    table = texts()
    compare("equal rows, text alone", table)
    distinct = table["text"].unique().tolist()
    spent = seconds(lambda: similar_pairs(distinct, 0.9))
    print(f"| texts 0.9 alike | {len(distinct):,} x 1 | | | {spent:.1f} | | |")


if __name__ == "__main__":
    main()
