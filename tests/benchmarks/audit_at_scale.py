"""The audit's metrics, intervals and groups on a table of 1.4 million rows: time and memory.

Run as `ASSAYLINE_DATASETS=FOLDER python tests/benchmarks/audit_at_scale.py`; FOLDER holds
us_military_2012/military.parquet. A quick model (officer or not, from branch, gender, race and
hisp; `rank` tells `grade` and is left out) is fitted on four fifths of the rows. Prints, for the
283,000 rows of the last fifth and for all rows: the time of all metrics with their intervals, of
the same with rows drawn and scores not binned (as a sample of replicates, scaled up), of the
groups of race, gender and their crossing with branch, the peak memory of the process above the
loaded table; and how far binning moves a metric, in points of the metric (aim: below 1e-3), on
scores that all differ.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.conditions import Mask
from tasks.metrics import resampling
from tasks.metrics.values import WeightedMetrics
from tasks.performance_audit.gaps import SHOWN, grouped_rows, measure_gap
from tasks.performance_audit.quality import OVERALL
from tasks.project.fields import SliceSpec
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks

FEATURES = ["branch", "gender", "race", "hisp"]
REPLICATES, PLAIN_REPLICATES, MIN_SUPPORT = 1000, 20, 30
CROSSINGS = (("race",), ("gender",), ("race", "gender"), ("branch", "race", "gender"))


def main() -> None:
    """Fit the quick model, and audit the last fifth and then all rows."""
    frame = pd.read_parquet(folder() / "military.parquet")
    labels = pd.Series(np.where(frame["grade"] == "officer", "officer", "other"), dtype="str")
    frame = frame[FEATURES].astype("str")
    told = probabilities(frame, labels)
    base = peak()
    print(
        "| rows | metrics, s | drawing rows, s (scaled) | groups, s | peak above the table, MiB |"
    )
    print("| ---: | ---: | ---: | ---: | ---: |")
    for rows in (slice(len(frame) * 4 // 5, None), slice(None)):
        test: Mask = np.zeros(len(frame), dtype=bool)
        test[rows] = True
        scored = scored_rows(labels[test], told[test])
        metrics = seconds(lambda scored=scored: scored.estimate(OVERALL))
        plain = seconds_of_drawing_rows(scored)
        groups = seconds(lambda scored=scored, test=test: audit_groups(frame, test, scored))
        print(f"| {len(scored):,} | {metrics:.1f} | {plain:.0f} | {groups:.1f} "
              f"| {peak() - base:.0f} |")  # fmt: skip
    print(moved_by_binning())


def folder() -> Path:
    """The folder of the data set."""
    if "ASSAYLINE_DATASETS" not in os.environ:
        sys.exit("set ASSAYLINE_DATASETS to the folder that holds us_military_2012/")
    return Path(os.environ["ASSAYLINE_DATASETS"]) / "us_military_2012"


def probabilities(frame: pd.DataFrame, labels: pd.Series) -> Any:
    """Of each row being an officer's: shares of the feature combinations, of four fifths."""
    key = frame.groupby(FEATURES, sort=True).ngroup().to_numpy()
    officer = (labels == "officer").to_numpy()
    train = np.arange(len(frame)) < len(frame) * 4 // 5
    count = np.bincount(key[train], minlength=key.max() + 1)
    hits = np.bincount(key[train], officer[train], minlength=key.max() + 1)
    return ((hits + officer[train].mean()) / (count + 1))[key]


def scored_rows(labels: pd.Series, told: Any) -> ScoredRows:
    """Predictions at a threshold near the share of the class."""
    predictions = pd.DataFrame(
        {
            "predicted": pd.Series(np.where(told > 0.2, "officer", "other"), dtype="str"),
            "p:officer": told,
            "p:other": 1 - told,
        }
    ).set_index(labels.index)
    return ScoredRows(labels, predictions, "officer", replicates=REPLICATES, seed=0)


def audit_groups(frame: pd.DataFrame, test: Mask, scored: ScoredRows) -> None:
    """All shown metrics of all groups of the columns and crossings, compared."""
    for columns in CROSSINGS:
        masks = dict(slice_masks(SliceSpec(columns=columns), frame))
        rows = grouped_rows({n: m[test] for n, m in masks.items()}, scored, "officer")
        for metric in SHOWN:
            found = measure_gap(" & ".join(columns), metric, "officer", rows, MIN_SUPPORT)
            _ = found.difference, found.ratio


def seconds_of_drawing_rows(scored: ScoredRows) -> float:
    """The same metrics without patterns and bins, of a few replicates, scaled to all."""
    limit, resampling.BINNED_ROWS = resampling.BINNED_ROWS, len(scored) + 1
    few = ScoredRows(scored.labels, scored.predictions, "officer", PLAIN_REPLICATES, 0)
    taken = seconds(lambda: few.estimate(OVERALL))
    resampling.BINNED_ROWS = limit
    return taken * REPLICATES / PLAIN_REPLICATES


def moved_by_binning() -> str:
    """The largest change of each metric of scores over resamples of 283,000 rows."""
    random = np.random.default_rng(0)
    odds = 1.5 * random.normal(size=283_000) - 2.2
    told = 1 / (1 + np.exp(-odds))
    labels = pd.Series(np.where(random.random(len(told)) < told, "officer", "other"), dtype="str")
    scored = scored_rows(labels, told)
    names = ["average_precision", "roc_auc", "log_loss", "brier", "calibration_error"]
    sizes, first, alike = resampling._patterns(names, labels, [scored.predictions], "officer")
    assert sizes is not None
    exact = WeightedMetrics(names, labels, scored.predictions, positive_class="officer")
    binned = WeightedMetrics(names, first, alike[0], positive_class="officer", score_bins=4096)
    one = exact(np.ones((1, len(labels)), dtype=np.int32))
    other = binned(sizes[None, :].astype(np.int32))
    apart = {name: float(np.abs(one[name] - other[name]).max()) for name in names}
    listed = ", ".join(f"{name} {value:.1e}" for name, value in apart.items())
    return f"moved by binning 283,000 scores that all differ: {listed}"


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak() -> float:
    """The most memory that the process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
