"""Metrics of groups with a bootstrap, against Fairlearn's MetricFrame: same numbers, other speed.

Run as `python tests/benchmarks/group_metrics_speed.py` (needs fairlearn, in the extra `dev`).
100,000 rows, 6 groups, 10 metrics, both in this process after the imports. Fairlearn draws rows
and computes every metric of every group again for each replicate; ours counts the rows of each
group once and draws the counts. Prints the time of a replicate of each (Fairlearn's from a few,
less its point values), the ratio (aim: 1,000 or more) and the largest difference of a point
value (aim: none beyond rounding).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairlearn.metrics as fair
import numpy as np
import sklearn.metrics as sk

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.metrics.group_metrics import metric_of
from tasks.metrics.group_sums import GroupedRows

ROWS, GROUPS, REPLICATES, PEER_REPLICATES, PAIRS = 100_000, 6, 1000, 2, 3
PEERS: dict[str, Callable[..., float]] = {
    "base_rate": lambda actual, _: float(np.mean(actual)),
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "true_negative_rate": fair.true_negative_rate,
    "false_positive_rate": fair.false_positive_rate,
    "false_negative_rate": fair.false_negative_rate,
    "precision": sk.precision_score,
    "accuracy": sk.accuracy_score,
    "f1": sk.f1_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
}


def data() -> tuple[Any, Any, Any]:
    """Groups of 5 % to 40 % of the rows, labels and predictions that differ between them."""
    random = np.random.default_rng(0)
    groups = random.choice(GROUPS, ROWS, p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
    score = random.normal(size=ROWS) + 0.2 * groups
    member = score + random.normal(size=ROWS) > 1.2
    return groups, member.astype(int), (score > 1.0).astype(int)


def ours(groups: Any, member: Any, selected: Any) -> dict[str, Any]:
    """Point values and draws of all metrics, from one set of resamples."""
    rows = GroupedRows(
        groups={str(g): groups == g for g in range(GROUPS)},
        member=member == 1,
        selected=selected == 1,
        told=None,
        units=None,
        replicates=REPLICATES,
        seed=0,
    )
    return {name: (metric_of(name, rows.sums), metric_of(name, rows.resampled)) for name in PEERS}


def peer(groups: Any, member: Any, selected: Any, replicates: int) -> fair.MetricFrame:
    """Fairlearn's own, with or without its bootstrap."""
    more = {"n_boot": replicates, "ci_quantiles": [0.025, 0.975]} if replicates else {}
    return fair.MetricFrame(
        metrics=PEERS,
        y_true=member,
        y_pred=selected,
        sensitive_features=groups,
        random_state=0,
        **more,
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Time both, and compare what they find."""
    rows = data()
    found, frame = ours(*rows), peer(*rows, replicates=0)
    apart = max(
        float(np.abs(found[name][0] - frame.by_group[name].to_numpy()).max()) for name in PEERS
    )
    drawn = len(next(iter(found.values()))[1])
    own, others, parts = [], [], []
    for _ in range(PAIRS):
        own.append(seconds(lambda: ours(*rows)) / drawn)
        plain = seconds(lambda: peer(*rows, replicates=0))
        both = seconds(lambda: peer(*rows, replicates=PEER_REPLICATES))
        others.append((both - plain) / PEER_REPLICATES)
        parts.append(others[-1] / own[-1])
    parts.sort()
    print(f"{ROWS:,} rows, {GROUPS} groups, {len(PEERS)} metrics, {drawn:,} replicates of ours")
    print("| ours, s a replicate | all of ours, s | fairlearn, s a replicate ", end="")
    print("| ratio (range) | largest difference of a value |")
    print("| ---: | ---: | ---: | --- | ---: |")
    print(
        f"| {statistics.median(own):.2e} | {statistics.median(own) * drawn:.3f} "
        f"| {statistics.median(others):.2f} | {statistics.median(parts):,.0f} "
        f"({parts[0]:,.0f} to {parts[-1]:,.0f}) | {apart:.1e} |"
    )


if __name__ == "__main__":
    main()
