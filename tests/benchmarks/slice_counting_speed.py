"""Rows and errors of every slice, against sliceline on the same table.

Run as `python tests/benchmarks/slice_counting_speed.py` (needs sliceline, the extra `bench`, and
Linux for the memory); prints rows of a Markdown table. All slices of order 2 (and 1) of 100,000
rows and 15 columns of 7 values by both, in one process after the imports, on the same array: ours
from the array on, columns turned into codes included; the rows and errors of each of sliceline's
slices are compared with ours (aim: none differs, at least 300 times as fast). Then ours alone at
1,000,000 rows (aim: about a second, under 300 MiB) and at order 3. The memory is the peak that a
process of its own adds to what it held with the array. With `ASSAYLINE_DATASETS=<folder>` also
the whole search to order 3 on the dev half of `us_military_2012`, with errors drawn at a seeded
rate, higher in one planted crossing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.slice_search import SearchColumn, SearchPlan, search_slices, value_column
from tasks.slice_search.counting import CrossingCounts, count_slices

COLUMNS, VALUES, REPEATS = 15, 7, 5
MIB = 1024


def table(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Values 1 to 7 at random, 10 % of the rows wrong."""
    rng = np.random.default_rng(0)
    return rng.integers(1, VALUES + 1, (rows, COLUMNS)), rng.random(rows) < 0.1


def ours(values: np.ndarray, wrong: np.ndarray, order: int) -> list[CrossingCounts]:
    """The counts of all crossings up to `order`."""
    columns = []
    for place in range(values.shape[1]):
        own = values[:, place]
        least, most = int(own.min()), int(own.max())
        named = tuple(f"c{place}={value}" for value in range(least, most + 1))
        columns.append(SearchColumn(f"c{place}", (), named, (own - least).astype(np.uint8)))
    return [counts for one in range(1, order + 1) for counts in count_slices(columns, wrong, one)]


def sliceline(values: np.ndarray, wrong: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """The slices it keeps, those wrong more often than the whole: values, (rows, errors)."""
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(k=1_000_000, max_l=order, min_sup=1, alpha=1.0, verbose=False)
    finder.fit(values, wrong.astype(np.float64))
    statistics_ = finder.top_slices_statistics_
    numbers = [(int(one["slice_size"]), round(one["sum_slice_error"])) for one in statistics_]
    return finder.top_slices_, np.array(numbers)


def differing(found: list[CrossingCounts], peer: tuple[np.ndarray, np.ndarray]) -> int:
    """In how many of the peer's slices rows or errors differ."""
    ours_by = {counts.columns: counts for counts in found}
    wrong = 0
    for row, (rows, errors) in zip(*peer, strict=True):
        named = [(place, int(value) - 1) for place, value in enumerate(row) if value is not None]
        counts = ours_by[tuple(place for place, _ in named)]
        at = tuple(code for _, code in named)
        wrong += (int(counts.rows[at]), int(counts.errors[at])) != (rows, errors)
    return wrong


def seconds(work) -> tuple[float, float, object]:
    """Wall and CPU time of one call, and what it gave."""
    start, cpu = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - start, time.process_time() - cpu, found


def kibibytes(field: str) -> int:
    """Resident memory of this process: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def measure_memory(which: str, rows: int, order: int) -> None:
    """In a process of its own: print what the work adds to the array, in KiB."""
    work = ours if which == "ours" else sliceline
    work(*table(1000), order)
    values, wrong = table(rows)
    Path("/proc/self/clear_refs").write_text("5")
    before = kibibytes("VmRSS")
    work(values, wrong, order)
    print(kibibytes("VmHWM") - before)


def peak(which: str, rows: int, order: int) -> float:
    """What `measure_memory` printed, in MiB."""
    command = [sys.executable, __file__, which, str(rows), str(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / MIB


def against_sliceline() -> None:
    """Order 2 at 100,000 rows by both."""
    values, wrong = table(100_000)
    sliceline(*table(1000), 2)
    spent, cpu, peer = seconds(lambda: sliceline(values, wrong, 2))
    times, cpus, found = zip(
        *(seconds(lambda: ours(values, wrong, 2)) for _ in range(REPEATS)), strict=True
    )
    mine, my_cpu = statistics.median(times), statistics.median(cpus)
    print(
        f"| sliceline, order 2 | 100,000 x 15 | {len(peer[1]):,} | {spent:.1f} | {cpu:.1f} "
        f"| {peak('sliceline', 100_000, 2):,.0f} | | | |"
    )
    print(
        f"| ours, order 2 | 100,000 x 15 | {slices(found[0]):,} | {mine:.3f} | {my_cpu:.3f} "
        f"| {peak('ours', 100_000, 2):,.0f} | {spent / mine:,.0f} ({spent / max(times):,.0f} to "
        f"{spent / min(times):,.0f}) | {cpu / my_cpu:,.0f} | {differing(found[0], peer)} |",
        flush=True,
    )


def slices(found: list[CrossingCounts]) -> int:
    """How many slices have a row."""
    return sum(int((counts.rows > 0).sum()) for counts in found)


def alone(rows: int, order: int) -> None:
    """Ours at a larger size."""
    values, wrong = table(rows)
    times, cpus, found = zip(
        *(seconds(lambda: ours(values, wrong, order)) for _ in range(REPEATS)), strict=True
    )
    print(
        f"| ours, order {order} | {rows:,} x 15 | {slices(found[0]):,} "
        f"| {statistics.median(times):.3f} | {statistics.median(cpus):.3f} "
        f"| {peak('ours', rows, order):,.0f} | | | |",
        flush=True,
    )


def military(folder: Path) -> None:
    """The whole search on real columns: codes, counts, candidates, confirmation, merging."""
    frame = pd.read_parquet(folder / "us_military_2012" / "military.parquet")
    Path("/proc/self/clear_refs").write_text("5")
    before = kibibytes("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    columns = [value_column(frame[name], name, name, 4, 20) for name in frame.columns]
    largest = columns[0].codes == np.bincount(columns[0].codes).argmax()
    planted = largest & (columns[1].codes == np.bincount(columns[1].codes).argmax())
    wrong = np.random.default_rng(0).random(len(frame)) < np.where(planted, 0.12, 0.1)
    found = search_slices(columns, wrong, pd.Series(np.arange(len(frame))), SearchPlan())
    spent, added = time.perf_counter() - start, (kibibytes("VmHWM") - before) / MIB
    print(
        f"| whole search to order 3, us_military_2012 | {len(frame):,} x {len(columns)} "
        f"| {sum(found.choice.searched):,} | {spent:.1f} "
        f"| {time.process_time() - cpu:.1f} | {added:,.0f} | | | |"
    )
    print(f"reported: {[one.name for one in found.reported]}")


def main() -> None:
    """Print all rows."""
    print("| what | rows x columns | slices | s | CPU s | peak MiB added ", end="")
    print("| times as fast (range) | by CPU time | slices that differ |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |")
    against_sliceline()
    alone(1_000_000, 2)
    alone(100_000, 3)
    if "ASSAYLINE_DATASETS" in os.environ:
        military(Path(os.environ["ASSAYLINE_DATASETS"]))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure_memory(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
