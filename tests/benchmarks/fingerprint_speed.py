"""The fingerprint of a million rows against SHA-256 over the same Arrow buffers in memory.

Run as `python tests/benchmarks/fingerprint_speed.py`; prints one row of a Markdown table: the
median, over interleaved pairs, of the ratio of wall times (target: 2 or less).
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.fingerprints import fingerprint_table

ROWS = 1_000_000
PAIRS = 7


def build_table() -> pa.Table:
    """Fifteen columns: eight floats (two with missing cells), three integers, four of words."""
    rng = np.random.default_rng(0)
    columns: dict[str, pa.Array] = {f"f{i}": pa.array(rng.normal(size=ROWS)) for i in range(6)}
    for i in range(6, 8):
        gaps = rng.random(ROWS) < 0.05
        columns[f"f{i}"] = pa.array(rng.normal(size=ROWS), mask=gaps)
    for i in range(3):
        columns[f"i{i}"] = pa.array(rng.integers(0, 10**6, ROWS))
    cities = np.array(["Boston", "Chicago", "New York", "Los Angeles"])
    for i in range(3):
        gaps = rng.random(ROWS) < 0.02 * i
        columns[f"s{i}"] = pa.array(cities[rng.integers(0, 4, ROWS)], mask=gaps)
    columns["id"] = pa.array([f"row-{number:07d}-of-a-million" for number in range(ROWS)])
    return pa.table(columns)


def sha256_of_buffers(table: pa.Table) -> str:
    """SHA-256 over the buffers as they lie in memory."""
    digest = hashlib.sha256()
    for column in table.columns:
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                if buffer is not None:
                    digest.update(buffer)
    return digest.hexdigest()


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Time the pairs and print the row."""
    table = build_table()
    fingerprint_table(table)
    sha256_of_buffers(table)
    pairs = [
        (seconds(lambda: fingerprint_table(table)), seconds(lambda: sha256_of_buffers(table)))
        for _ in range(PAIRS)
    ]
    ours = statistics.median(first for first, _ in pairs)
    peer = statistics.median(second for _, second in pairs)
    ratios = sorted(first / second for first, second in pairs)
    print("| what | rows x columns | ours, s | SHA-256, s | median ratio (range) | target |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| fingerprint | {table.num_rows:,} x {table.num_columns} | {ours:.3f} | {peer:.3f} "
        f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | 2 or less |"
    )


if __name__ == "__main__":
    main()
