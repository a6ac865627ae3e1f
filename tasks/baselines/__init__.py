"""What a model has to be compared with, and whether the pipeline works at all.

`rungs` are the models of the ladder and their worth on dev, `sanity` holds the two tests of the
pipeline itself, `judgement` and `sanity_checks` turn them into checks, `stage` puts them together.
"""

from tasks.baselines.stage import measure_baselines

__all__ = ["measure_baselines"]
