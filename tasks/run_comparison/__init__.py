"""Two runs side by side: what changed between them, and what that did.

`rows` pairs their rows, `data` and `settings` say what changed, `results` what two models do on
the same test rows: `effects` by metric, `slices` where, `flips` which predictions. `results` loads
the libraries that models need, so it is imported where models are compared.
"""

from tasks.run_comparison.comparison import (
    Changes,
    ComparedRun,
    LabelMeasure,
    RunComparison,
    compare_labels,
)
from tasks.run_comparison.data import DataChanges, compare_data
from tasks.run_comparison.rows import RunRows, key_problem, pair_rows
from tasks.run_comparison.settings import Change, changed_entries, changed_settings

__all__ = [
    "Change",
    "Changes",
    "ComparedRun",
    "DataChanges",
    "LabelMeasure",
    "RunComparison",
    "RunRows",
    "changed_entries",
    "changed_settings",
    "compare_data",
    "compare_labels",
    "key_problem",
    "pair_rows",
]
