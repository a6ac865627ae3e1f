"""The gate: is the evidence enough to replace the model in service?

`contestants` scores the models and `contest` holds the rows on which they meet. `absolute` reads
what the earlier stages found, `support` counts the rows, `wear` the models that the test set has
judged; `comparison` measures the candidate against others, `anchor` against a pinned version, and
`guards` looks for a loss on slices. `rules` says what an interval means, `verdict` puts all of it
together, `stage` is the whole, and `evidence` shows it.
"""

from tasks.gate.contestants import judge_candidate
from tasks.gate.stage import judge

__all__ = ["judge", "judge_candidate"]
