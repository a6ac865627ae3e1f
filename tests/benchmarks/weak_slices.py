"""Weak slices found where one was planted, and where there is none, beside sliceline.

Run as `python tests/benchmarks/weak_slices.py [runs] [runs of sliceline]` (needs sliceline, the
extra `bench`); prints rows of a Markdown table. A dev set of 20,000 rows, 15 columns of 7 values;
every row is wrong with probability 10 %, the rows of one crossing of two values (2 % of all) at
that times a ratio. Columns: in which share of the runs any slice was reported (aim for pure noise:
at most 10 %), in which the planted crossing was reported as those two values (aim: 90 % at 2.5
times, 80 % at twice), in which nothing else was reported beside it, and the mean share of reported
slices that share no row's excess with it (a part of it, or one of its two values, is no false
discovery). With 95 % Clopper-Pearson intervals of the simulation.

sliceline (order up to 2, which is the planted one's and spares it time; slices of at least 30 rows;
alpha 0.99: with less weight on the rate a slice of 2 % of the rows has a score below 0) ranks
slices on all rows and tests nothing: its first slice is compared with the planted one. It gets
fewer runs, as it is slow.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.slice_search import SearchColumn, SearchPlan, search_slices

ROWS, COLUMNS, VALUES, BASE = 20_000, 15, 7, 0.1
RUNS, PEER_RUNS = 200, 10
RATIOS = (1.0, 2.0, 2.5)


def draw(seed: int, ratio: float) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    """Codes, which rows are wrong, and the names of the two values of the planted crossing."""
    rng = np.random.default_rng([seed, int(10 * ratio)])
    codes = rng.integers(0, VALUES, (ROWS, COLUMNS), dtype=np.uint8)
    first, second = sorted(rng.choice(COLUMNS, 2, replace=False))
    one, two = rng.integers(0, VALUES, 2)
    planted = (codes[:, first] == one) & (codes[:, second] == two)
    wrong = rng.random(ROWS) < np.where(planted, BASE * ratio, BASE)
    return codes, wrong, (f"c{first}={one}", f"c{second}={two}")


def our_slices(codes: np.ndarray, wrong: np.ndarray, seed: int) -> list[str]:
    """The names of the reported slices."""
    columns = [
        SearchColumn(
            f"c{place}",
            (f"c{place}",),
            tuple(f"c{place}={value}" for value in range(VALUES)),
            np.ascontiguousarray(codes[:, place]),
        )
        for place in range(COLUMNS)
    ]
    units = pd.Series(np.arange(len(wrong)))
    found = search_slices(columns, wrong, units, SearchPlan(seed=seed))
    return [one.name for one in found.reported]


def sliceline_slices(codes: np.ndarray, wrong: np.ndarray, seed: int) -> list[str]:
    """The name of the first slice of sliceline, if it has one."""
    from sliceline.slicefinder import Slicefinder

    del seed
    finder = Slicefinder(k=1, max_l=2, min_sup=30, alpha=0.99, verbose=False)
    finder.fit(codes.astype(np.int64), wrong.astype(np.float64))
    named = [
        " & ".join(f"c{place}={int(value)}" for place, value in enumerate(row) if value is not None)
        for row in finder.top_slices_
    ]
    return named[:1]


def interval(hits: int, runs: int) -> str:
    """A share with its Clopper-Pearson interval, in per cent."""
    low = beta.ppf(0.025, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, runs - hits) if hits < runs else 1.0
    return f"{100 * hits / runs:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def compare(name: str, slices, ratio: float, runs: int) -> None:
    """Print the row of one search at one ratio."""
    some = exact = alone = 0
    false_shares = []
    start = time.perf_counter()
    for seed in range(runs):
        codes, wrong, values = draw(seed, ratio)
        reported = slices(codes, wrong, seed)
        planted = " & ".join(values)
        some += bool(reported)
        exact += planted in reported
        alone += reported == [planted]
        false = [one for one in reported if ratio == 1 or not set(one.split(" & ")) & set(values)]
        false_shares.append(len(false) / max(len(reported), 1))
    spent = (time.perf_counter() - start) / runs
    print(
        f"| {name} | {ratio} | {runs} | {interval(some, runs)} "
        f"| {interval(exact, runs) if ratio > 1 else ''} "
        f"| {interval(alone, runs) if ratio > 1 else ''} "
        f"| {100 * np.mean(false_shares):.1f} % | {spent:.2f} |",
        flush=True,
    )


def main() -> None:
    """Run all ratios with both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    peer_runs = int(sys.argv[2]) if len(sys.argv) > 2 else PEER_RUNS
    print("| search | error rate, times | runs | any slice | the planted two values ", end="")
    print("| and nothing else | false discoveries | s a run |")
    print("| --- | ---: | ---: | --- | --- | --- | ---: | ---: |")
    for ratio in RATIOS:
        compare("ours", our_slices, ratio, runs)
    for ratio in RATIOS if peer_runs else ():
        compare("sliceline", sliceline_slices, ratio, peer_runs)


if __name__ == "__main__":
    main()
