"""Floors judged by the whole interval: rare classes, and how many rows would decide.

z = 1.959964, z^2 = 3.841459; Wilson's ends are by hand.
"""

import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.intervals import Estimate, wilson
from tasks.metrics import HIGHER_IS_BETTER
from tasks.performance_audit.classes import rare_classes
from tasks.performance_audit.floor_limits import further_rows, judge_bound, judge_value
from tasks.performance_audit.floors import judge_floors
from tasks.project.audit_sections import LOW_IS_GOOD
from tasks.project.sections import Floor
from tasks.slice_metrics import ScoredRows


def floor(**values):
    return Floor.model_validate({"metric": "recall", "minimum": 0.8, **values})


def rate(successes, n):
    low, high = wilson(successes, n)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="wilson")


def bound(limit, estimate):
    return judge_bound(limit, "recall of class 'w'", "rows of class 'w'", estimate, estimate.n)


def judged(counts, declared, classes=("u", "w"), rare=frozenset({"w"}), positive="w", **more):
    """Checks of floors over (label, predicted): how many rows."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["y", "predicted"]).astype("str")
    told = frame[["predicted"]].copy()
    for name in classes:
        told[f"p:{name}"] = (told["predicted"] == name) * 0.8 + 0.1
    scored = ScoredRows(frame["y"], told, positive, 200, 0, **more)
    test = pd.Series(True, index=frame.index).to_numpy()
    return judge_floors([declared], frame, test, scored, classes, 30, rare)


# Refusals


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"minimum": None}, "a floor of recall needs 'minimum'"),
        ({"minimum": None, "maximum": 0.5}, "a high recall is good: give 'minimum'"),
        ({"metric": "log_loss"}, "a low log_loss is good: give 'maximum', not 'minimum'"),
        ({"metric": "brier", "minimum": None}, "a floor of brier needs 'maximum'"),
    ],
)
def test_a_limit_on_the_wrong_side_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        floor(**values)


def test_which_metrics_are_good_when_low_is_known_once():
    low = {name for name, up in HIGHER_IS_BETTER.items() if not up}
    assert low & LOW_IS_GOOD == LOW_IS_GOOD & set(HIGHER_IS_BETTER)


# By the whole interval


def test_the_lower_bound_passes():
    outcome, detail = bound(floor(), rate(95, 100))  # from 88.8 %
    assert outcome == "passed"
    assert "with its whole interval at or above the floor of 80.0%" in detail


def test_the_upper_bound_fails():
    outcome, detail = bound(floor(), rate(3, 12))  # up to 53.2 %
    assert outcome == "failed"
    assert "with its whole interval below the floor of 80.0%" in detail


def test_in_between_says_how_many_more_rows_would_show_it():
    # 3.841459 * 0.8 * 0.2 / 0.1^2 = 61.5, so 62 rows and 42 more than 20
    outcome, detail = bound(floor(), rate(18, 20))
    assert outcome == "not_applicable"
    assert "about 42 further rows of class 'w' would show that it meets it" in detail
    # 3.841459 * 0.16 / 0.05^2 = 245.9: 226 more
    assert (
        "226 further rows of class 'w' would show that it misses" in bound(floor(), rate(15, 20))[1]
    )


def test_a_rate_at_the_floor_is_not_decided_by_more_rows():
    outcome, detail = bound(floor(), rate(16, 20))
    assert outcome == "not_applicable"
    assert "more rows at this value will not decide it" in detail


def test_the_promised_rows_do_clear_the_floor_and_one_fewer_does_not():
    more = further_rows(floor(minimum=0.7), rate(75, 100), 100)
    assert more == 223  # 3.841459 * 0.21 / 0.05^2 = 322.7
    assert wilson(0.75 * 323, 323)[0] >= 0.7 > wilson(0.75 * 322, 322)[0]


def test_other_metrics_narrow_by_the_root_of_the_rows():
    f1 = Estimate(value=0.8, low=0.7, high=0.88, n=50)
    assert further_rows(floor(metric="f1", minimum=0.75), f1, 50) == 150  # 50 * (0.1/0.05)^2


def test_a_low_value_is_good_where_the_limit_is_a_maximum():
    limit = floor(metric="log_loss", minimum=None, maximum=0.5)
    good = Estimate(value=0.4, low=0.35, high=0.45, n=100)
    across = Estimate(value=0.4, low=0.3, high=0.6, n=100)
    bad = Estimate(value=0.6, low=0.55, high=0.7, n=100)
    assert [bound(limit, one)[0] for one in (good, across, bad)] == [
        "passed",
        "not_applicable",
        "failed",
    ]
    assert further_rows(limit, across, 100) == 300  # 100 * (0.2 / 0.1)^2
    outcome, detail = judge_value(limit, "log loss", across, 100)
    assert outcome == "passed"
    assert "the interval reaches above it" in detail
    outcome, detail = judge_value(limit, "log loss", bad, 100)
    assert outcome == "failed"
    assert "above the highest allowed value of 0.500." in detail


# Which floors are judged so


def test_a_rare_class_is_judged_by_its_bound_and_others_by_their_value():
    counts = {("w", "w"): 18, ("w", "u"): 2, ("u", "u"): 80, ("u", "w"): 20}
    (rare,) = judged(counts, floor())
    assert (rare.outcome, rare.n) == ("not_applicable", 20)
    assert "42 further test rows of class 'w'" in rare.detail
    (common,) = judged(counts, floor(minimum=0.6), rare=frozenset())
    assert common.outcome == "not_applicable"  # 20 rows, 30 are needed
    (asked,) = judged(counts, floor(minimum=0.6, judge="lower_bound"), rare=frozenset())
    assert asked.outcome == "passed"  # Wilson, 18 of 20: from 69.9 %


def test_precision_counts_the_predicted_rows():
    counts = {("w", "w"): 18, ("u", "w"): 2, ("u", "u"): 80}
    (found,) = judged(counts, floor(metric="precision"))
    assert (found.value, found.n) == (0.9, 20)
    assert "42 further test rows predicted as class 'w'" in found.detail


def test_a_rare_class_without_a_row_says_how_many_it_takes():
    (found,) = judged({("u", "u"): 80}, floor())
    assert (found.outcome, found.n) == ("not_applicable", 0)
    assert "at least 16 are needed" in found.detail  # 3.841459 * 0.8 / 0.2 = 15.4


def test_the_value_decides_where_the_project_says_so():
    counts = {("w", "w"): 28, ("w", "u"): 4, ("u", "u"): 80}
    assert judged(counts, floor(judge="value"))[0].outcome == "passed"
    assert judged(counts, floor())[0].outcome == "not_applicable"


def test_f1_of_a_rare_class_needs_the_least_rows_of_the_bootstrap():
    counts = {("w", "w"): 20, ("u", "u"): 80}
    (found,) = judged(counts, floor(metric="f1", minimum=0.5))
    assert (found.outcome, found.n) == ("not_applicable", 20)
    assert "at least 30 are needed" in found.detail


def test_log_loss_is_over_all_classes():
    counts = {("w", "w"): 50, ("u", "u"): 50}
    (found,) = judged(counts, floor(metric="log_loss", minimum=None, maximum=0.2))
    assert (found.outcome, found.n, found.limit) == ("passed", 100, 0.2)
    assert found.value == pytest.approx(0.1054, abs=1e-4)  # -ln 0.9
    wrong = floor(metric="log_loss", minimum=None, maximum=0.2, **{"class": "w"})
    assert judged(counts, wrong)[0].outcome == "error"


def test_rare_is_below_the_share():
    labels = pd.Series(["u"] * 95 + ["v"] * 5)
    assert rare_classes(labels, 0.05) == frozenset()
    assert rare_classes(labels, 0.06) == {"v"}
