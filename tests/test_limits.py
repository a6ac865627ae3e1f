"""Limits by the whole interval, by the point, by the worse end; and how many rows would decide.

z = 1.959964, z^2 = 3.841459; Wilson's ends are by hand.
"""

import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.errors import ProjectFileError
from tasks.intervals import Estimate, wilson
from tasks.metrics import HIGHER_IS_BETTER
from tasks.performance_audit.classes import rare_classes
from tasks.performance_audit.floors import judge_floors
from tasks.performance_audit.limits import Limit, further_rows
from tasks.project.audit_sections import LOW_IS_GOOD, Floor, Gap, ImportantExamples, WeightedFloor
from tasks.project.robustness_section import RobustnessLimit
from tasks.slice_metrics import ScoredRows


def floor(**values):
    return Floor.model_validate({"metric": "recall", "minimum": 0.8, **values})


def rate(successes, n):
    low, high = wilson(successes, n)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="wilson")


def least(minimum=0.8, judge="interval"):
    return Limit(name="floor", written="{:.0%}".format, minimum=minimum, judge=judge)


def most(maximum=0.5, judge="interval"):
    return Limit(name="limit", written="{:g}".format, maximum=maximum, judge=judge)


def judged(counts, declared, classes=("u", "w"), positive="w", groups=None, **more):
    """Checks of floors over (label, predicted): how many rows."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["y", "predicted"]).astype("str")
    told = frame[["predicted"]].copy()
    for name in classes:
        told[f"p:{name}"] = (told["predicted"] == name) * 0.8 + 0.1
    if groups is not None:
        more["groups"] = pd.Series([groups(place) for place in range(len(frame))])
    scored = ScoredRows(frame["y"], told, positive, 200, 0, **more)
    test = pd.Series(True, index=frame.index).to_numpy()
    return judge_floors([declared], frame, test, scored, classes, 30)


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


@pytest.mark.parametrize(
    ("section", "values", "sentence"),
    [
        (Floor, {"metric": "recall", "minimum": 0}, "'minimum: 0' judges nothing: no recall"),
        (Floor, {"metric": "brier", "maximum": 2}, "'maximum: 2' judges nothing"),
        (
            Gap,
            {"column": "g", "metric": "accuracy", "max_difference": 1},
            "'max_difference: 1' judges nothing",
        ),
        (
            Gap,
            {"column": "g", "metric": "accuracy", "min_ratio": 0},
            "'min_ratio: 0' judges nothing",
        ),
        (
            ImportantExamples,
            {"name": "n", "condition": "a > 1", "weight": 2, "max_error_rate": 1},
            "'max_error_rate: 1' judges nothing",
        ),
        (WeightedFloor, {"minimum": 0}, "greater than 0"),
        (RobustnessLimit, {"kind": "case", "max_flip_share": 1}, "less than 1"),
    ],
)
def test_a_limit_that_nothing_can_miss_is_refused(section, values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        section.model_validate(values)


def test_an_r2_of_0_can_be_missed():
    assert floor(metric="r2", minimum=0).limit == 0


def test_the_earlier_word_for_the_point_is_still_read():
    assert floor(judge="value").judge == "point"


# One rule, three ways to judge


@pytest.mark.parametrize(
    ("estimate", "by_interval", "by_point", "by_bound"),
    [
        (rate(95, 100), "passed", "passed", "passed"),  # from 88.8 %
        (rate(18, 20), "not_applicable", "passed", "failed"),  # from 69.9 %
        (rate(15, 20), "not_applicable", "failed", "failed"),  # up to 88.8 %
        (rate(3, 12), "failed", "failed", "failed"),  # up to 53.2 %
    ],
)
def test_the_interval_the_point_and_the_worse_end(estimate, by_interval, by_point, by_bound):
    ways = ("interval", "point", "lower_bound")
    found = [least(judge=judge).outcome(estimate) for judge in ways]
    assert found == [by_interval, by_point, by_bound]


def test_an_interval_that_only_touches_the_limit_is_clear_of_a_good_value():
    def value(low, high):
        return Estimate(value=0.7, low=low, high=high, n=9)

    assert least(0.6).outcome(value(0.6, 0.8)) == "passed"
    assert least(0.8).outcome(value(0.6, 0.8)) == "not_applicable"
    assert most(0.8).outcome(value(0.6, 0.8)) == "passed"
    assert most(0.6).outcome(value(0.6, 0.8)) == "not_applicable"


def test_a_low_value_is_good_where_the_limit_is_a_maximum():
    good = Estimate(value=0.4, low=0.35, high=0.45, n=100)
    across = Estimate(value=0.4, low=0.3, high=0.6, n=100)
    bad = Estimate(value=0.6, low=0.55, high=0.7, n=100)
    outcomes = [most().outcome(one) for one in (good, across, bad)]
    assert outcomes == ["passed", "not_applicable", "failed"]
    assert further_rows(most(), across, 100) == 300  # 100 * (0.2 / 0.1)^2


def test_the_sentence_says_what_decided_and_what_would():
    assert least().verdict(rate(95, 100), None) == (
        "with its whole interval at or above the floor of 80%"
    )
    assert least().verdict(rate(15, 20), "about 226 rows") == (
        "below the floor of 80%; but its interval includes 80%, so it may be chance; about 226 "
        "rows would decide it"
    )
    assert (
        least()
        .verdict(rate(16, 20), None)
        .endswith("and more rows at this value will not decide it")
    )
    assert least(judge="point").verdict(rate(15, 20), None) == (
        "below the floor of 80%, judged by the point, although its interval includes 80%: it may "
        "be chance"
    )
    assert least(judge="point").verdict(rate(3, 12), None).endswith("judged by the point")
    assert least(judge="lower_bound").verdict(rate(18, 20), None) == (
        "at or above the floor of 80%, but judged by the lower end of its interval, which misses it"
    )


def test_the_promised_rows_do_clear_the_floor_and_one_fewer_does_not():
    more = further_rows(least(0.7), rate(75, 100), 100)
    assert more == 223  # 3.841459 * 0.21 / 0.05^2 = 322.7
    assert wilson(0.75 * 323, 323)[0] >= 0.7 > wilson(0.75 * 322, 322)[0]


def test_other_metrics_narrow_by_the_root_of_the_rows():
    f1 = Estimate(value=0.8, low=0.7, high=0.88, n=50)
    assert further_rows(least(0.75), f1, 50) == 150  # 50 * (0.1/0.05)^2


# Floors


def test_a_floor_that_the_interval_reaches_across_says_how_many_rows_decide():
    counts = {("w", "w"): 18, ("w", "u"): 2, ("u", "u"): 80, ("u", "w"): 20}
    (found,) = judged(counts, floor())
    assert (found.outcome, found.n) == ("not_applicable", 20)
    # 3.841459 * 0.8 * 0.2 / 0.1^2 = 61.5, so 62 rows and 42 more than 20
    assert "about 42 further test rows of class 'w' would decide it" in found.detail
    (lower,) = judged(counts, floor(minimum=0.6, judge="lower_bound"))
    assert lower.outcome == "passed"  # Wilson, 18 of 20: from 69.9 %
    (strict,) = judged(counts, floor(judge="lower_bound"))
    assert strict.outcome == "failed"


def test_a_critical_value_beyond_an_open_floor_blocks_unless_the_project_says_otherwise():
    beyond = {("w", "w"): 15, ("w", "u"): 5, ("u", "u"): 80}
    (found,) = judged(beyond, floor())
    assert (found.outcome, found.blocks) == ("not_applicable", True)
    assert not judged(beyond, floor(required=False))[0].blocks
    assert not judged(beyond, floor(severity="warning"))[0].blocks
    within = {("w", "w"): 18, ("w", "u"): 2, ("u", "u"): 80}
    assert not judged(within, floor())[0].blocks
    assert judged(within, floor(required=True))[0].blocks


def test_the_value_decides_where_the_project_says_so():
    counts = {("w", "w"): 28, ("w", "u"): 4, ("u", "u"): 80}
    assert judged(counts, floor(judge="point"))[0].outcome == "passed"
    assert judged(counts, floor())[0].outcome == "not_applicable"
    few = {("w", "w"): 20, ("u", "u"): 80}
    (small,) = judged(few, floor(judge="point"))
    assert (small.outcome, small.n) == ("not_applicable", 20)
    assert "n=20, and at least 30 are needed" in small.detail


def test_rows_of_few_people_are_few():
    counts = {("w", "w"): 400, ("u", "u"): 400}
    many = judged(counts, floor(minimum=0.5), groups=lambda place: place // 10)[0]
    assert (many.outcome, many.n) == ("passed", 400)
    assert many.interval == wilson(40, 40)  # all of 40 people: 91.2 % and more
    (few,) = judged(counts, floor(minimum=0.5), groups=lambda place: place // 100)
    assert (few.outcome, few.n) == ("not_applicable", 400)
    assert "n=400 of 4 independent units, and at least 30 are needed" in few.detail


def test_a_floor_on_a_slice_that_no_row_has_is_a_mistake():
    nobody = floor(slice={"condition": "y == 'x'"})
    with pytest.raises(ProjectFileError, match=r"audit\.floors\[0\]: none of the 80 rows"):
        judged({("u", "u"): 80}, nobody)


def test_precision_counts_the_predicted_rows():
    counts = {("w", "w"): 18, ("u", "w"): 2, ("u", "u"): 80}
    (found,) = judged(counts, floor(metric="precision"))
    assert (found.value, found.n) == (0.9, 20)
    assert "42 further test rows predicted as class 'w'" in found.detail


def test_a_rare_class_without_a_row_says_how_many_it_takes():
    (found,) = judged({("u", "u"): 80}, floor())
    assert (found.outcome, found.n) == ("not_applicable", 0)
    assert "at least 16 are needed" in found.detail  # 3.841459 * 0.8 / 0.2 = 15.4


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
