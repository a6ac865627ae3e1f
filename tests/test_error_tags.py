"""The four numbers of tags that some rows are known to have: by hand, weighted, in groups."""

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis.tag_estimates import Resamples, effective_rows
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tags import measure_tags, tags_table

REPLICATES = 400


def tag(rows, name="t"):
    """A tag and its wrong rows, from (wrong, has, weight) with how many; None is not known."""
    cells = [cell for cell, count in rows.items() for _ in range(count)]
    wrong = np.array([bool(one[0]) for one in cells])
    known = np.array([one[1] is not None for one in cells])
    has = np.array([bool(one[1]) for one in cells])
    weights = np.array([float(one[2]) for one in cells])
    return TagRows(name, has, known, weights), wrong


def measure(rows, groups=None):
    found, wrong = tag(rows)
    series = None if groups is None else pd.Series(groups)
    (one,) = measure_tags([found], wrong, Resamples(REPLICATES, 7, series))
    return one


# 1,000 rows, 100 of them wrong: every error was looked at, and each tenth right row.
BY_HAND = {
    (1, 1, 1): 40,
    (1, 0, 1): 60,
    (0, 1, 10): 9,
    (0, 0, 10): 81,
    (0, None, 10): 810,
}


def test_rows_stand_for_those_that_were_not_asked_about():
    found = measure(BY_HAND)
    # 40 errors and 9 x 10 right rows have it: 130 of 1,000, of which 40 are wrong.
    assert found.share_of_errors.value == pytest.approx(0.4)
    assert found.share.value == pytest.approx(0.13)
    assert found.error_rate.value == pytest.approx(40 / 130)
    assert (found.n, found.wrong, found.known, found.known_errors) == (49, 40, 190, 100)
    # (40 + 90)^2 / (40 + 900).
    assert found.effective == pytest.approx(16_900 / 940)
    assert (found.share_of_errors.n, found.error_rate.n, found.share.n) == (100, 49, 190)


def test_rows_that_nobody_looked_at_are_not_rows_without():
    fewer = {**BY_HAND, (0, None, 10): 0}
    # The counts of right rows are then 90, all known: 9 of them have the tag.
    assert measure(fewer).share.value == pytest.approx((40 + 9) / 190)


def test_weights_differ_within_the_errors_after_the_model_changed():
    rows = {(1, 1, 1): 10, (1, 0, 1): 10, (1, 1, 20): 1, (0, 0, 1): 30, (0, None, 20): 9}
    # Among the errors known: 10 + 20 of 10 + 10 + 20 weigh in with the tag.
    assert measure(rows).share_of_errors.value == pytest.approx(30 / 40)


def test_the_bootstrap_is_about_as_wide_as_the_formula():
    found = measure(BY_HAND)
    # Share: variance of the two strata, 0.1^2 x 0.4 x 0.6 / 100 + 0.9^2 x 0.1 x 0.9 / 90, and of
    # how many rows are wrong, (0.4 - 0.1)^2 x 0.1 x 0.9 / 1000.
    deviation = np.sqrt(0.01 * 0.24 / 100 + 0.81 * 0.09 / 90 + 0.09 * 0.09 / 1000)
    assert found.share.high - found.share.low == pytest.approx(2 * 1.96 * deviation, rel=0.15)
    assert found.share.low < 0.13 < found.share.high
    assert found.share.method == "bootstrap"


def test_no_right_row_with_the_tag_is_not_taken_for_certain():
    rows = {(1, 1, 1): 30, (1, 0, 1): 70, (0, 0, 18): 50, (0, None, 18): 850}
    found = measure(rows)
    assert found.error_rate.value == 1.0
    assert (found.error_rate.low < 0.5, found.error_rate.high) == (True, 1.0)
    assert found.share.high > 0.06


def test_a_tag_known_of_every_row_has_wilsons_interval_whatever_its_weights():
    found = measure({(1, 1, 3): 9, (0, 1, 3): 21, (1, 0, 1): 3, (0, 0, 1): 67})
    # Wilson's interval of 9 of 30, as statsmodels 0.14 gives it.
    assert (found.error_rate.low, found.error_rate.high) == pytest.approx(
        (0.1666, 0.4788), abs=1e-4
    )
    assert (found.error_rate.method, found.draws) == ("wilson", None)


def test_rows_in_groups_are_drawn_in_groups():
    rows = {(1, 1, 1): 100, (0, 1, 1): 100, (0, 0, 1): 200}
    # Ten rows a group, all alike: 40 units and not 400.
    found = measure(rows, np.repeat(np.arange(40), 10))
    alone = measure(rows)
    assert found.error_rate.method == "group bootstrap"
    assert found.error_rate.value == alone.error_rate.value == 0.5
    width = found.error_rate.high - found.error_rate.low
    # 20 units with the tag: 2 x 1.96 x 0.5 / sqrt(20).
    assert width == pytest.approx(0.438, rel=0.2)
    assert width > 2.5 * (alone.error_rate.high - alone.error_rate.low)


def test_groups_of_one_row_are_none():
    rows = {(1, 1, 1): 5, (0, 1, 1): 5, (0, 0, 1): 10}
    assert measure(rows, np.arange(20)) == measure(rows)


def test_two_groups_are_needed_for_an_interval():
    found = measure({(1, 1, 1): 20, (0, 0, 1): 20}, np.zeros(40))
    assert np.isnan(found.error_rate.low)
    assert found.why_not_ranked(10) == "too few rows to tell"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (BY_HAND, ""),
        ({(1, 1, 1): 4, (1, 0, 1): 60, (0, 1, 9): 3, (0, 0, 9): 90}, "too small to judge"),
        ({(1, 1, 1): 20, (1, 0, 1): 20, (0, None, 9): 90}, "too few rows tagged"),
        ({(1, None, 9): 20, (0, 1, 1): 20, (0, 0, 1): 20}, "too few rows tagged"),
        ({(1, 1, 1): 20, (0, 1, 1): 20}, "every row has it"),
        ({(0, 1, 1): 20, (0, 0, 1): 20}, ""),
    ],
)
def test_a_tag_with_too_few_known_rows_is_not_ranked(rows, why):
    assert measure(rows).why_not_ranked(10) == why


def test_the_table_says_what_is_known_of_a_tag_by_hand():
    by_hand, wrong = tag(BY_HAND)
    rule = TagRows.of_all("rule", wrong)
    measured = measure_tags([by_hand, rule], wrong, Resamples(REPLICATES, 7))
    table = tags_table(measured, {"t": (0.2, 0.1, 0.3)}, {"rule": "too small to judge"}, [])
    first = table.frame.set_index("tag").loc["t"]
    assert (first["known"], round(first["effective"], 2)) == (190, 17.98)
    assert (first["room"], first["room_low"], first["room_high"]) == (0.2, 0.1, 0.3)
    assert table.frame.set_index("tag")["status"].to_dict() == {
        "t": "ranked",
        "rule": "too small to judge",
    }
    assert "rows that were looked at" in table.note
    alone = tags_table(measured[1:], {}, {}, [])
    assert "known" not in alone.frame


def test_the_same_seed_gives_the_same_intervals():
    assert measure(BY_HAND) == measure(BY_HAND)


def test_kish_counts_what_weighted_rows_are_worth():
    assert effective_rows(np.array([1.0, 1.0, 1.0])) == 3
    assert effective_rows(np.array([3.0, 1.0])) == pytest.approx(1.6)
    assert effective_rows(np.array([])) == 0
