"""What a model's predictions are worth: the value of a metric, and how sure it is.

`values` defines the metrics (`ranking` and `probabilities` those of scores), `estimates` gives
intervals and paired differences, `reports` the tables by class. `group_metrics` is what a model
does to groups of rows, counted and resampled by `group_sums`; `simultaneous` compares the groups.
"""

from tasks.intervals import Difference, Estimate, difference_of_rates, ratio_of_rates
from tasks.metrics.estimates import estimate_metrics, paired_difference
from tasks.metrics.numbers import NUMBER_METRICS
from tasks.metrics.reports import class_report, confusion_counts
from tasks.metrics.values import CLASS_METRICS, HIGHER_IS_BETTER, SCORE_METRICS, metric_value

__all__ = [
    "CLASS_METRICS",
    "HIGHER_IS_BETTER",
    "NUMBER_METRICS",
    "SCORE_METRICS",
    "Difference",
    "Estimate",
    "class_report",
    "confusion_counts",
    "difference_of_rates",
    "estimate_metrics",
    "metric_value",
    "paired_difference",
    "ratio_of_rates",
]
