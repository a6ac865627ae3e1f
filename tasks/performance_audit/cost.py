"""What does a prediction cost: time for one row and for many, memory, and the size of the model.

Guarantees: all is measured on the model as loaded back from its package; times and memory stand
beside the hashed core of the result; the size is the number of bytes of the stored model, the same
for the same model. Times are those of this process on this machine, without network or server.

Memory is the peak of what is allocated while the model is loaded and scores one batch, by
`tracemalloc`: Python's objects and NumPy's arrays, which are nearly all that scikit-learn's models
are made of. It leaves out what a compiled library takes for itself, the libraries' own code (a
server pays for that once, whatever the model) and the stored bytes. The resident memory of this
process would not do, because it holds freed memory of earlier stages, which the model is then
given without a trace; a fresh process would, at the price of seconds of imports in each run.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, judged
from tasks.performance_audit.wording import STAGE, size
from tasks.project.audit_sections import AuditSection

WARM_UPS = 3
SINGLE_ROWS = 30
BATCH_ROWS = 1000

Score = Callable[[pd.DataFrame], object]
AnyScore = TypeVar("AnyScore", bound=Score)


@dataclass(frozen=True)
class Latency:
    """Milliseconds to score one row (median and 95th percentile), and rows scored in a second."""

    median_ms: float
    p95_ms: float
    rows_per_second: float


def judge_cost(
    score: Score, rows: pd.DataFrame, size_bytes: int, memory_bytes: int, audit: AuditSection
) -> Finding:
    """Latency, memory and size against the project's budget; the time is that of scoring `rows`.

    `memory_bytes` is what `load_with_memory` measured.
    """
    latency = measure_latency(score, rows)
    batch = len(rows.iloc[:BATCH_ROWS])
    return Finding(
        checks=(
            latency_check(latency, audit),
            memory_check(memory_bytes, batch, audit),
            size_check(size_bytes, audit),
        ),
        measured={
            "latency_ms_median": latency.median_ms,
            "latency_ms_p95": latency.p95_ms,
            "rows_per_second": latency.rows_per_second,
            "memory_mb": memory_bytes / 1e6,
        },
    )


def load_with_memory(load: Callable[[], AnyScore], rows: pd.DataFrame) -> tuple[AnyScore, int]:
    """What `load` gives, and the peak of bytes allocated by it and by scoring a batch of `rows`.

    Loading takes some four times as long under the tracing.
    """
    traced_already = tracemalloc.is_tracing()
    if not traced_already:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        score = load()
        score(rows.iloc[:BATCH_ROWS])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not traced_already:
            tracemalloc.stop()
    return score, max(peak - before, 0)


def measure_latency(score: Score, rows: pd.DataFrame) -> Latency:
    """Time `score` on single rows, 30 times after 3 warm-ups, and on one batch of up to 1,000."""
    times = []
    for turn in range(WARM_UPS + SINGLE_ROWS):
        place = turn % len(rows)
        one = rows.iloc[place : place + 1]
        times.append(_seconds(score, one))
    batch = rows.iloc[:BATCH_ROWS]
    milliseconds = 1000 * np.asarray(times[WARM_UPS:])
    return Latency(
        median_ms=float(np.median(milliseconds)),
        p95_ms=float(np.quantile(milliseconds, 0.95)),
        rows_per_second=len(batch) / max(_seconds(score, batch), 1e-9),
    )


def latency_check(latency: Latency, audit: AuditSection) -> Check:
    """The median time for one row against the budget: a warning, since machines differ."""
    outcome = judged(latency.median_ms, maximum=audit.max_latency_ms)
    verdict = "within" if outcome == "passed" else "over"
    return Check(
        id=f"{STAGE}.latency",
        stage=STAGE,
        title="Median time to score one row, in milliseconds",
        severity="warning",
        outcome=outcome,
        value=latency.median_ms,
        limit=audit.max_latency_ms,
        n=SINGLE_ROWS,
        detail=f"One row takes {latency.median_ms:.1f} ms (median of {SINGLE_ROWS}; 95 % of them "
        f"at most {latency.p95_ms:.1f} ms), {verdict} the budget of {audit.max_latency_ms:g} ms; "
        f"in a batch {latency.rows_per_second:,.0f} rows a second.",
        measured=True,
    )


def memory_check(memory_bytes: int, rows: int, audit: AuditSection) -> Check:
    """The peak of memory against the budget (1 MB is a million bytes): a warning."""
    megabytes = memory_bytes / 1e6
    outcome = judged(megabytes, maximum=audit.max_memory_mb)
    verdict = "within" if outcome == "passed" else "over"
    return Check(
        id=f"{STAGE}.memory",
        stage=STAGE,
        title="Peak memory to load the model and score a batch, in MB",
        severity="warning",
        outcome=outcome,
        value=megabytes,
        limit=audit.max_memory_mb,
        n=rows,
        detail=f"Loading the model and scoring {rows} rows takes {size(memory_bytes)} at its peak, "
        f"beside the libraries, {verdict} the budget of {audit.max_memory_mb:g} MB.",
        measured=True,
    )


def size_check(size_bytes: int, audit: AuditSection) -> Check:
    """The size of the stored model against the budget (1 MB is a million bytes)."""
    megabytes = size_bytes / 1e6
    outcome = judged(megabytes, maximum=audit.max_size_mb)
    verdict = "within" if outcome == "passed" else "over"
    return Check(
        id=f"{STAGE}.size",
        stage=STAGE,
        title="Size of the stored model, in MB",
        severity="critical",
        outcome=outcome,
        value=megabytes,
        limit=audit.max_size_mb,
        detail=f"The stored model has {size(size_bytes)}, {verdict} the budget of "
        f"{audit.max_size_mb:g} MB.",
    )


def _seconds(score: Score, rows: pd.DataFrame) -> float:
    started = time.perf_counter()
    score(rows)
    return time.perf_counter() - started
