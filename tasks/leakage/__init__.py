"""Does a column nearly settle the target by itself? Then it may be known only after the outcome.

`columns` says what is looked at; `value_counts` and `single_values` look for values that settle a
class or leave it out, `single_features` (a text by `telling_words`) for columns that tell the
classes, `novel_categories` for words that training has never met; `tasks.unit_intervals` says how
sure that is; `value_findings` and `feature_findings` say what a find means.
"""

from tasks.leakage.stage import find_leaks

__all__ = ["find_leaks"]
