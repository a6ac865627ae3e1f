"""Does a column nearly settle the target by itself? Then it may be known only after the outcome.

`columns` says what is looked at, `single_values` and `single_features` look for leaks,
`novel_categories` for words that training has never met, `judging` says what a find means.
"""

from tasks.leakage.stage import find_leaks

__all__ = ["find_leaks"]
