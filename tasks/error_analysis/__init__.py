"""Where and why the model is wrong, on dev rows: what to work on next.

`stage` puts the evidence together; `overview` measures the errors, `tags` answers how much of them
a property of the examples accounts for, and `priorities` what removing them is worth.
"""

from tasks.error_analysis.priorities import priority
from tasks.error_analysis.stage import analyse_errors
from tasks.tagging.sources import TagSources

__all__ = ["TagSources", "analyse_errors", "priority"]
