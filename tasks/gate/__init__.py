"""The gate: is the evidence enough to replace the model in service?

`absolute` reads what the earlier stages found, `support` counts the rows, `comparison` measures
the candidate against others, `guards` looks for a loss on slices, `rules` says what an interval
means, `verdict` puts all of it together, and `evidence` shows it.
"""

from tasks.gate.contestants import judge_candidate
from tasks.gate.stage import judge

__all__ = ["judge", "judge_candidate"]
