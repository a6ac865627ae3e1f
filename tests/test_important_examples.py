"""Important examples: the weighted metric and each set by itself, on predictions set by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tasks.checks import stage_outcome
from tasks.errors import ProjectFileError, UserError
from tasks.ingestion import unknown_columns
from tasks.metrics.importance import weighted_estimate
from tasks.performance_audit.important import judge_important
from tasks.project.audit_sections import AuditSection
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows


def rows(counts, groups=None):
    """Rows from (kind, right?): how many; the label is always `yes` where `right` is told."""
    cells = [key for key, count in counts.items() for _ in range(count)]
    index = pd.Index([f"r{i:04}" for i in range(len(cells))], name="row_key")
    frame = pd.DataFrame(cells, columns=["kind", "right"], index=index)
    frame["value"] = 1.0
    labels = pd.Series("yes", index=index, dtype="str")
    predicted = pd.Series(np.where(frame["right"], "yes", "no"), index=index, dtype="str")
    scored = ScoredRows(
        labels, predicted.to_frame("predicted"), "yes", replicates=400, seed=0, groups=groups
    )
    return frame, scored


COUNTS = {("nav", True): 30, ("nav", False): 10, ("other", True): 152, ("other", False): 8}


def judge(audit, counts=COUNTS, frame=None, **more):
    made, scored = rows(counts, **more)
    frame = made if frame is None else frame
    section = AuditSection.model_validate(audit)
    # One row of each kind is not in test: no condition of these is a mistake.
    others = pd.DataFrame({"kind": ["nav", "other"], "value": [1.0, 1.0]})
    everything = pd.concat([frame, others])
    return judge_important(
        section, everything, np.arange(len(everything)) < len(frame), scored, "accuracy"
    )


def navigational(**values):
    one = {"name": "navigational", "condition": "kind == 'nav'", "weight": 5, **values}
    return {"important": [one]}


def by_id(found):
    return {check.id.removeprefix("performance_audit."): check for check in found.checks}


# Refusals


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        ({}, "either a 'condition' or a 'column'"),
        ({"condition": "a > 1", "column": "b"}, "either a 'condition' or a 'column'"),
        ({"condition": "a > 1"}, "need a 'weight'"),
        ({"condition": "a > 1", "weight": 0.5}, "greater than or equal to 1"),
        ({"column": "b", "weight": 2}, "belong to a 'condition'"),
        ({"column": "b", "tolerance": 0.1}, "'tolerance' is against the other rows"),
        (
            {"condition": "a > 1", "weight": 2, "tolerance": 0.1, "max_error_rate": 0.0},
            "without 'max_error_rate'",
        ),
    ],
)
def test_an_entry_that_says_too_little_or_too_much_is_refused(one, sentence):
    with pytest.raises(ValueError, match=sentence):
        AuditSection.model_validate({"important": [{"name": "n", **one}]})


def test_a_weighted_floor_needs_weights_and_a_metric_with_a_minimum():
    with pytest.raises(ValueError, match="needs the weights of 'important'"):
        AuditSection.model_validate({"weighted_floor": {"minimum": 0.5}})
    with pytest.raises(ValueError, match="a low one is good"):
        AuditSection.model_validate(
            {**navigational(), "weighted_floor": {"metric": "log_loss", "minimum": 0.5}}
        )
    with pytest.raises(ValueError, match="names of important examples must differ"):
        AuditSection.model_validate({"important": navigational()["important"] * 2})


def test_a_column_of_weights_that_is_absent_or_holds_words_is_refused():
    column = {"important": [{"name": "traffic", "column": "kinds"}]}
    with pytest.raises(ProjectFileError, match="did you mean 'kind'"):
        judge(column)
    column["important"][0]["column"] = "kind"
    with pytest.raises(ProjectFileError, match="'kind' holds words, and weights are numbers"):
        judge(column)
    with pytest.raises(ProjectFileError, match="condition"):
        judge(navigational(condition="kinds == 'nav'"))


def test_nothing_important_is_no_finding():
    assert judge({}).checks == ()


# The weighted metric


def test_the_weighted_metric_stands_beside_the_plain_one_and_is_not_judged_without_a_floor():
    found = judge(navigational())
    check = by_id(found)["weighted_metric"]
    assert (check.severity, check.outcome, check.entry) == ("info", "not_applicable", "")
    assert check.value == pytest.approx((30 * 5 + 152) / (40 * 5 + 160))  # 302 / 360
    assert found.metrics == {"test.weighted_accuracy": check.value}
    assert "83.9%" in check.detail
    assert "against 91.0% with all rows alike" in check.detail
    assert "set audit.weighted_floor" in check.detail
    table = found.tables["important"].frame.set_index("what")
    assert table.loc["accuracy, all rows alike", "value"] == pytest.approx(0.91)
    assert table.loc["error rate on 'navigational'", "weight"] == 5
    assert table.loc["error rate on 'navigational'", "value"] == pytest.approx(0.25)
    assert table.loc["error rate on all but 'navigational'", "value"] == pytest.approx(0.05)


def test_a_weighted_floor_fires_stays_silent_and_says_when_it_is_not_certain():
    def floor(minimum, **more):
        values = {"minimum": minimum, "owner": "Search", "reason": "promised", **more}
        return by_id(judge({**navigational(), "weighted_floor": values}))["weighted_metric"]

    low = floor(0.95)
    assert (low.outcome, low.severity, low.entry) == ("failed", "critical", "audit.weighted_floor")
    assert low.detail.endswith(
        "with its whole interval below the floor of 95.0%. Limit set by Search: promised."
    )
    near = floor(0.83)
    assert (near.outcome, near.blocks) == ("not_applicable", False)
    assert "but its interval includes 83.0%, so it may be chance; about" in near.detail
    assert floor(0.83, judge="point").outcome == "passed"
    assert floor(0.83, judge="lower_bound").outcome == "failed"
    assert (floor(0.85).outcome, floor(0.85).blocks) == ("not_applicable", True)
    assert floor(0.5).outcome == "passed"
    assert floor(0.5, severity="warning").severity == "warning"


def test_a_weighted_floor_on_too_few_rows_is_not_judged():
    few = {("nav", True): 10, ("nav", False): 2, ("other", True): 10}
    found = judge({**navigational(), "weighted_floor": {"minimum": 0.1, "required": True}}, few)
    check = by_id(found)["weighted_metric"]
    assert check.outcome == "not_applicable"
    assert "too few rows to judge, 30 are needed" in check.detail
    assert check.blocks


def test_a_missing_weight_is_an_error_and_never_a_guess():
    frame, _ = rows(COUNTS)
    frame.loc[frame.index[:3], "value"] = [math.nan, -1.0, math.inf]
    audit = {
        "important": [{"name": "traffic", "column": "value"}],
        "weighted_floor": {"minimum": 0.1},
    }
    check = by_id(judge(audit, frame=frame))["weighted_metric"]
    assert (check.outcome, check.value) == ("error", None)
    assert "3 of 200 test rows have no weight, or a negative one" in check.detail
    assert stage_outcome([check]) == "error"
    frame["value"] = 0.0
    assert (
        "all 200 test rows have the weight 0"
        in by_id(judge(audit, frame=frame))["weighted_metric"].detail
    )


def test_a_row_that_several_entries_weigh_counts_for_the_product():
    frame, _ = rows(COUNTS)
    frame["value"] = 2.0
    audit = navigational()
    audit["important"] += [
        {"name": "traffic", "column": "value"},
        {"name": "all navigational", "condition": "kind != 'other'", "weight": 3},
    ]
    check = by_id(judge(audit, frame=frame))["weighted_metric"]
    assert check.value == pytest.approx((30 * 15 + 152) / (40 * 15 + 160))


def scores(n=300, seed=5):
    random = np.random.default_rng(seed)
    index = pd.RangeIndex(n)
    labels = pd.Series(np.where(random.random(n) < 0.3, "yes", "no"), index=index, dtype="str")
    told = np.clip(0.3 * (labels == "yes") + random.random(n), 0, 1).round(2) / 1.3
    predictions = pd.DataFrame(
        {"predicted": np.where(told > 0.4, "yes", "no"), "p:no": 1 - told, "p:yes": told}, index
    )
    return labels, predictions, told, random.uniform(0.2, 7, n)


@pytest.mark.parametrize(
    ("name", "peer"),
    [("average_precision", average_precision_score), ("roc_auc", roc_auc_score)],
)
def test_ranking_metrics_equal_those_of_scikit_learn_with_sample_weights(name, peer):
    labels, predictions, told, weights = scores()
    found = weighted_estimate(
        name, labels, predictions, weights, positive_class="yes", replicates=200, seed=0
    )
    wanted = peer(labels == "yes", told, sample_weight=weights)
    assert found.value == pytest.approx(wanted, abs=1e-12)
    assert found.low < found.value < found.high
    assert found.n == 300


def test_the_interval_covers_as_often_as_it_says_and_widens_with_few_heavy_rows():
    random = np.random.default_rng(1)
    covered, widths = 0, {1: [], 50: []}
    for turn in range(80):
        heavy = random.random(200) < 0.1
        right = random.random(200) < np.where(heavy, 0.6, 0.9)
        labels = pd.Series("yes", index=pd.RangeIndex(200), dtype="str")
        predicted = pd.DataFrame({"predicted": np.where(right, "yes", "no")})
        for weight, found_widths in widths.items():
            weights = np.where(heavy, float(weight), 1.0)
            found = weighted_estimate(
                "accuracy",
                labels,
                predicted,
                weights,
                positive_class=None,
                replicates=200,
                seed=turn,
            )
            found_widths.append(found.high - found.low)
        # 50 x 10 % against 90 %: (5 x 0.6 + 0.9 x 0.9) / 5.9
        covered += found.low <= (5 * 0.6 + 0.81) / 5.9 <= found.high
    assert covered >= 80 * 0.88  # 95 % less what the percentile bootstrap of 20 rows falls short
    assert np.mean(widths[50]) > 2 * np.mean(widths[1])


def test_rows_in_groups_are_drawn_as_groups():
    labels, predictions, _, weights = scores()
    values = {"positive_class": "yes", "replicates": 300, "seed": 0}
    one = pd.Series(np.repeat(np.arange(10), 30), index=labels.index)
    alone = weighted_estimate("accuracy", labels, predictions, weights, **values)
    single = pd.Series(np.arange(300), index=labels.index)
    grouped = weighted_estimate("accuracy", labels, predictions, weights, groups=one, **values)
    assert grouped.value == alone.value
    assert (grouped.method, alone.method) == ("group bootstrap", "bootstrap")
    same = weighted_estimate("accuracy", labels, predictions, weights, groups=single, **values)
    assert (same.low, same.high) == (alone.low, alone.high)
    everyone = pd.Series(0, index=labels.index)
    lone = weighted_estimate("accuracy", labels, predictions, weights, groups=everyone, **values)
    assert math.isnan(lone.low)


# Each set by itself


def test_important_rows_that_are_worse_off_fail_with_newcombes_interval():
    check = by_id(judge(navigational(owner="Search")))["important:navigational"]
    assert (check.outcome, check.severity, check.n) == ("failed", "warning", 40)
    assert check.value == pytest.approx(0.25)
    assert check.interval == pytest.approx((0.1419, 0.4019), abs=1e-4)  # Wilson, 10 of 40
    # By hand: Wilson of 8/160 is 0.0256 to 0.0955; hypot(.1081, .0455) and hypot(.1519, .0244).
    assert "a difference of 20.0 points (95 % interval 8.3 to 35.4)" in check.detail
    assert "these rows are worse off" in check.detail
    assert check.entry == "audit.important[0]"
    assert check.detail.endswith("Limit set by Search.")


def test_important_rows_that_are_not_shown_to_be_worse_off_are_not_passed_for_that():
    even = {("nav", True): 37, ("nav", False): 3, ("other", True): 152, ("other", False): 8}

    def judged(counts=even, **values):
        return by_id(judge(navigational(**values), counts))["important:navigational"]

    # 3/40 is 7.5 % (2.6 to 19.9), 8/160 is 5 % (2.6 to 9.6): 2.5 points, -4.2 to 15.1 by hand.
    assert judged().outcome == "not_applicable"
    assert "a difference of 2.5 points (95 % interval -4.2 to 15.1)" in judged().detail
    assert "neither that they are worse off is shown" in judged().detail
    # Within 5 points: (12.62 / 2.5)^2 * 40 rows. Above 0: (6.71 / 2.5)^2 * 40 = 288 is fewer.
    assert "about 288 test rows of the set (there are 40) would decide it" in judged().detail
    assert judged(tolerance=0.2).outcome == "passed"
    assert "at most the 20 points that count as no worse" in judged(tolerance=0.2).detail
    assert judged(judge="point").outcome == "passed"
    assert judged(judge="point", tolerance=0.01).outcome == "failed"
    many = {key: 40 * count for key, count in even.items()}
    many[("nav", False)] = 80  # 5.1 % of 1,560 against 5 %
    assert judged(many).outcome == "passed"


def test_a_worse_set_that_is_not_sure_to_be_worse_blocks_where_it_is_critical():
    worse = {("nav", True): 34, ("nav", False): 6, ("other", True): 148, ("other", False): 12}
    check = by_id(judge(navigational(severity="critical"), worse))["important:navigational"]
    assert (check.outcome, check.blocks) == ("not_applicable", True)
    assert not by_id(judge(navigational(), worse))["important:navigational"].blocks


def test_rows_of_few_people_are_few_in_a_set_too():
    counts = {("nav", True): 120, ("other", True): 160}
    people = pd.Series([f"p{i // 4}" for i in range(280)], index=rows(counts)[0].index)
    many = by_id(judge(navigational(max_error_rate=0.2), counts, groups=people))
    # Nobody of 30 people is told wrongly: Wilson, 0 of 30, is up to 11.4 %.
    assert many["important:navigational"].interval[1] == pytest.approx(0.1135, abs=1e-4)
    assert many["important:navigational"].outcome == "passed"
    fewer = pd.Series([f"p{i // 40}" for i in range(280)], index=people.index)
    few = by_id(judge(navigational(max_error_rate=0.2), counts, groups=fewer))
    assert few["important:navigational"].outcome == "not_applicable"
    assert "n=120 test rows are 'navigational', of 3 independent units, and at least 30" in (
        few["important:navigational"].detail
    )


def test_a_declared_error_rate_is_the_limit():
    def limit(share, counts=COUNTS):
        return by_id(judge(navigational(max_error_rate=share), counts))["important:navigational"]

    assert (limit(0.1).outcome, limit(0.1).limit) == ("failed", 0.1)
    assert limit(0.3).outcome == "not_applicable"  # Wilson, 10 of 40: 14.2 to 40.2 %
    # 3.841459 * 0.3 * 0.7 / 0.05^2 = 322.7, so 323 rows and 283 more than 40
    assert "about 283 further test rows of the set would decide it" in limit(0.3).detail
    assert limit(0.5).outcome == "passed"
    by_point = navigational(max_error_rate=0.3, judge="point")
    assert by_id(judge(by_point))["important:navigational"].outcome == "passed"


def test_a_set_that_no_row_of_the_table_is_in_is_a_mistake():
    with pytest.raises(UserError, match=r"audit\.important\[0\]: none of the 202 rows"):
        judge(navigational(condition="kind == 'nobody'"))


def test_too_few_important_rows_are_not_judged_unless_they_break_the_limit_for_certain():
    few = {("nav", True): 9, ("nav", False): 3, ("other", True): 152}

    def judged(**values):
        return by_id(judge(navigational(**values), few))["important:navigational"]

    assert judged().outcome == "not_applicable"
    assert "n=12 test rows are 'navigational', and at least 30 are needed" in judged().detail
    assert judged(max_error_rate=0.3).outcome == "not_applicable"
    assert judged(max_error_rate=0.0).outcome == "failed"
    none = by_id(judge(navigational(), {("other", True): 50}))["important:navigational"]
    assert (none.outcome, none.n, none.value) == ("not_applicable", 0, None)
    everything = by_id(judge(navigational(), {("nav", True): 50}))["important:navigational"]
    assert everything.outcome == "not_applicable"
    assert "no other rows to compare with" in everything.detail


def test_important_rows_of_one_group_have_no_interval_and_are_not_judged():
    counts = {("nav", True): 30, ("nav", False): 10, ("other", True): 160}
    one = pd.Series(["g"] * 40 + [f"h{i // 4}" for i in range(160)])
    one.index = rows(counts)[0].index
    for values in ({}, {"max_error_rate": 0.5}):
        check = by_id(judge(navigational(**values), counts, groups=one))["important:navigational"]
        assert (check.outcome, check.value, check.n) == ("not_applicable", None, 40)
        assert "of 1 independent units, and at least 30 are needed" in check.detail


def test_an_unknown_weight_column_refuses_the_data():
    audit = {"important": [{"name": "traffic", "column": "visit"}]}
    project = Project.model_validate(
        {"name": "p", "source": "s.csv", "target": "y", "audit": audit}
    )
    (clause,) = unknown_columns(project, ["visits", "y"])
    assert clause == "'visit' in audit.important (did you mean 'visits'?)"
