"""Finding the candidate.

`search` picks each family's setting by cross-validation on train, `families` scores it on dev,
`threshold` reads from which probability on the positive class is predicted, `judgement` turns
what was found into checks, `evidence` into tables, and `stage` puts them together.
"""

from tasks.training.stage import train

__all__ = ["train"]
