"""What does a prediction cost: time for one row and for many, and the size of the model.

Guarantees: times are measured and stand beside the hashed core of the result; the size is the
number of bytes of the stored model, the same for the same model. Times are those of this process
on this machine, without network or server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, judged
from tasks.performance_audit.wording import STAGE, size
from tasks.project.sections import AuditSection

WARM_UPS = 3
SINGLE_ROWS = 30
BATCH_ROWS = 1000

Score = Callable[[pd.DataFrame], object]


@dataclass(frozen=True)
class Latency:
    """Milliseconds to score one row (median and 95th percentile), and rows scored in a second."""

    median_ms: float
    p95_ms: float
    rows_per_second: float


def judge_cost(score: Score, rows: pd.DataFrame, size_bytes: int, audit: AuditSection) -> Finding:
    """Latency and size against the project's budget; the time is that of scoring `rows`."""
    latency = measure_latency(score, rows)
    return Finding(
        checks=(latency_check(latency, audit), size_check(size_bytes, audit)),
        measured={
            "latency_ms_median": latency.median_ms,
            "latency_ms_p95": latency.p95_ms,
            "rows_per_second": latency.rows_per_second,
        },
    )


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
