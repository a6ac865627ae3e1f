"""Why a metric has no interval: which class is too small, and how many rows it takes."""

import math

import pandas as pd
import pytest

from tasks.metrics.undefined import explain_undefined, interval_words


def labels(**counts):
    return pd.Series([name for name, rows in counts.items() for _ in range(rows)], dtype="str")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            labels(rain=200, snow=4),
            "of 204 rows the class 'snow' has 4, and 5 of each class are needed; collect more of "
            "them, merge the class into another, or set it aside",
        ),
        (
            labels(rain=200, fog=3, hail=2, snow=2, wind=1),
            "of 208 rows the class 'wind' has 1, 'hail' has 2, 'snow' has 2 and 1 more classes "
            "too few, and 6 of each class are needed; collect more of them, merge the class "
            "into another, or set it aside",
        ),
        (labels(rain=9), "the 9 rows have one class only, 'rain'; rows of another are needed"),
        (labels(), "the 0 rows have one class only, none; rows of another are needed"),
        (labels(rain=200, snow=5), ""),
    ],
)
def test_the_class_that_is_too_small_is_named_with_what_it_takes(found, said):
    assert explain_undefined(found) == said


def test_an_interval_without_ends_is_not_written():
    assert interval_words(0.25, 0.75, ".2f") == " (0.25 to 0.75)"
    assert interval_words(math.nan, math.nan, ".2f") == ""
