"""The audit: floors, gaps, rare classes and cost on rows whose predictions are set by hand.

The model answers what column `x` says, so that every expected number can be counted.
"""

import dataclasses
import json

import pandas as pd
import pytest

from tasks.checks import Check
from tasks.errors import ProjectFileError, UserError
from tasks.estimators import build_pipeline, feature_frame, fit_pipeline
from tasks.intervals import wilson
from tasks.models import save_model
from tasks.performance_audit import Trained, audit_performance, cost
from tasks.performance_audit.calibration import calibration_check, measure_calibration
from tasks.performance_audit.cost import (
    Latency,
    latency_check,
    load_with_memory,
    memory_check,
    size_check,
)
from tasks.performance_audit.sanity import output_check, reloaded_check
from tasks.project.audit_sections import AuditSection
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows

# Newcombe 1998, table II (a): 56 of 70 against 48 of 80.
SELECTED = {
    ("a", "yes", "yes"): 40,
    ("a", "no", "yes"): 16,
    ("a", "no", "no"): 14,
    ("b", "yes", "yes"): 30,
    ("b", "no", "yes"): 18,
    ("b", "no", "no"): 27,
    ("b", "yes", "no"): 5,
}


@pytest.fixture(autouse=True)
def few_timings(monkeypatch):
    """No test is about the clock."""
    monkeypatch.setattr(cost, "SINGLE_ROWS", 1)
    monkeypatch.setattr(cost, "WARM_UPS", 0)


def project(audit=None, **more):
    values = {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes"}
    gate = {"replicates": 200}
    return Project.model_validate({**values, "gate": gate, "audit": audit or {}, **more})


def roles(positive):
    return Roles(target="y", positive_class=positive, categorical=("x",))


def packaged(classes, positive):
    """A model that predicts the class that `x` names."""
    train = pd.DataFrame({"x": list(classes) * 20, "y": list(classes) * 20}, dtype="str")
    candidate = Candidate(
        name="rule", estimator="sklearn.linear_model.LogisticRegression", params={"C": 100.0}
    )
    model = build_pipeline(candidate, roles(positive), class_weight="none", seed=0)
    features = feature_frame(train, roles(positive))
    fit_pipeline(model, features, roles(positive).labels(train), class_weight="none")
    facts = {
        "classes": sorted(classes),
        "positive_class": positive,
        "threshold": 0.5 if positive else None,
        "roles": roles(positive).to_facts(),
        "candidate": "rule",
        "estimator": candidate.estimator,
    }
    return save_model(model, extra_types=(), facts=facts)


PACKAGES = {"yes": packaged(("no", "yes"), "yes"), None: packaged(("u", "v", "w"), None)}


def data(counts, side="test"):
    """Rows of `side` from (g, label, predicted): how many of them."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    index = pd.Index([f"r{place:04d}" for place in range(len(rows))], name="row_key")
    frame = pd.DataFrame(rows, columns=["g", "y", "x"], index=index).astype("str")
    return frame, pd.DataFrame({"side": side, "unit": index}, index=index)


def audit(counts, limits=None, positive="yes", **more):
    frame, split = data(counts)
    chosen = project(limits, positive_class=positive, **more)
    return audit_performance(Dataset(frame, split, roles(positive)), chosen, PACKAGES[positive])


def check(result, name) -> Check:
    return next(c for c in result.checks if c.id == f"performance_audit.{name}")


def ids(result, start):
    start = f"performance_audit.{start}"
    return [c.id.removeprefix("performance_audit.") for c in result.checks if start in c.id]


# Refusals


def test_a_gap_or_slice_on_an_absent_column_is_refused():
    gap = {"column": "gg", "metric": "selection_rate", "min_ratio": 0.8}
    with pytest.raises(ProjectFileError, match="did you mean 'g'"):
        audit(SELECTED, {"gaps": [gap]})
    with pytest.raises(ProjectFileError, match="did you mean 'g'"):
        audit(SELECTED, {"floors": [{"metric": "accuracy", "minimum": 0.5, "slice": "gg"}]})
    with pytest.raises(ProjectFileError, match="did you mean 'g'"):
        audit(SELECTED, slices=["gg"])


def test_a_package_with_an_undeclared_type_is_refused():
    frame, split = data(SELECTED)
    own = {"estimator": "other.Model", "name": "o", "trusted_types": ["other.Model"]}
    chosen = project(training={"candidates": [own]})
    with pytest.raises(UserError, match="--allow-imports other"):
        audit_performance(Dataset(frame, split, roles("yes")), chosen, PACKAGES["yes"])
    result = audit_performance(
        Dataset(frame, split, roles("yes")), chosen, PACKAGES["yes"], ("other",)
    )
    assert check(result, "model_output").outcome == "passed"


def test_no_test_rows_block():
    frame, split = data(SELECTED, side="dev")
    result = audit_performance(Dataset(frame, split, roles("yes")), project(), PACKAGES["yes"])
    assert check(result, "judged").outcome == "failed"
    assert result.outcome == "blocked"


# What is judged


def test_the_reloaded_model_is_judged_on_test_rows_alone():
    frame, split = data(SELECTED)
    split.loc[frame.index[:100], "side"] = "train"
    result = audit_performance(Dataset(frame, split, roles("yes")), project(), PACKAGES["yes"])
    predictions = result.outputs["test_predictions"]
    assert list(predictions.index) == list(frame.index[100:])
    assert (predictions["predicted"] == frame["x"].iloc[100:]).all()
    assert list(predictions) == ["predicted", "p:no", "p:yes"]
    assert "loaded back from its package" in check(result, "model_output").detail


def test_probabilities_that_are_none_fail():
    labels = pd.Series(["no", "yes"], dtype="str")
    told = pd.DataFrame({"predicted": ["no", "yes"], "p:no": [0.5, 0.2], "p:yes": [0.5, 0.2]})
    rows = ScoredRows(labels, told, "yes", replicates=200, seed=0)
    broken = output_check(rows, ["no", "yes"], 1000)
    assert (broken.outcome, broken.value, broken.severity) == ("failed", 1.0, "critical")
    other = output_check(rows, ["no", "maybe"], 1000)
    assert "its classes are not those of its package" in other.detail
    nothing = ScoredRows(labels, told.assign(**{"p:no": float("nan")}), "yes", 200, 0)
    assert output_check(nothing, ["no", "yes"], 1000).value == 2.0


def test_overall_metrics_by_hand():
    result = audit(SELECTED)
    assert result.metrics["test.accuracy"] == pytest.approx(111 / 150)
    assert result.metrics["test.recall"] == pytest.approx(70 / 75)
    assert result.metrics["test.precision.yes"] == pytest.approx(70 / 104)
    assert result.metrics["test.recall.no"] == pytest.approx(41 / 75)
    table = result.tables["overall"].frame.set_index("metric")
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    json.dumps(dict(result.facts), allow_nan=False)


# Floors


def floor(**values):
    return {"floors": [{"metric": "recall", "minimum": 0.8, **values}]}


def test_a_floor_fires_stays_silent_and_is_not_judged_where_its_interval_reaches_across():
    counts = {("a", "yes", "yes"): 30, ("a", "yes", "no"): 10, ("a", "no", "no"): 40}
    low = check(audit(counts, floor(minimum=0.9)), "floor:recall.yes")
    assert (low.outcome, low.value, low.limit, low.n) == ("failed", 0.75, 0.9, 40)
    assert low.interval == pytest.approx((0.5981, 0.8581), abs=1e-4)  # Wilson, 30 of 40
    assert check(audit(counts, floor(minimum=0.5)), "floor:recall.yes").outcome == "passed"
    beyond = check(audit(counts, floor()), "floor:recall.yes")
    assert (beyond.outcome, beyond.blocks) == ("not_applicable", True)
    # 3.841459 * 0.8 * 0.2 / 0.05^2 = 245.9: 206 more than 40
    assert (
        "below the floor of 80.0%; but its interval includes 80.0%, so it may be chance; about "
        "206 further test rows of class 'yes' would decide it."
    ) in beyond.detail
    within = check(audit(counts, floor(minimum=0.7)), "floor:recall.yes")
    assert (within.outcome, within.blocks) == ("not_applicable", False)


def test_a_floor_names_its_owner_and_severity():
    told = floor(severity="warning", owner="Risk", reason="policy 7.")
    found = check(audit(SELECTED, told), "floor:recall.yes")
    assert found.severity == "warning"
    assert found.detail.endswith("Limit set by Risk: policy 7.")


def test_a_floor_holds_on_each_slice_and_a_small_one_is_not_judged():
    counts = {**SELECTED, ("c", "yes", "yes"): 29, ("c", "no", "no"): 50}
    result = audit(counts, floor(slice="g", judge="point"))
    outcomes = {name: check(result, name).outcome for name in ids(result, "floor")}
    assert outcomes == {
        "floor:recall.yes:g=a": "passed",
        "floor:recall.yes:g=b": "passed",
        "floor:recall.yes:g=c": "not_applicable",
    }
    small = check(result, "floor:recall.yes:g=c")
    assert small.detail.startswith("Too small to judge the recall of class 'yes' on test rows with")
    assert "n=29, and at least 30 are needed" in small.detail
    assert result.tables["floors"].frame["n"].tolist() == [40, 35, 29]


@pytest.mark.parametrize(
    ("metric", "relevant"),
    [("accuracy", 150), ("precision", 104), ("recall", 75), ("f1", 75), ("roc_auc", 75)],
)
def test_the_rows_that_a_metric_hangs_on(metric, relevant):
    limits = {"floors": [{"metric": metric, "minimum": 0.1}], "min_support": 10}
    (found,) = (c for c in audit(SELECTED, limits).checks if ".floor:" in c.id)
    assert (found.n, found.outcome) == (relevant, "passed")


def test_with_more_classes_a_floor_holds_for_each():
    counts = {("a", "u", "u"): 40, ("a", "v", "v"): 30, ("a", "v", "u"): 10, ("a", "w", "v"): 40}
    result = audit(counts, floor(), positive=None)
    outcomes = [check(result, f"floor:recall.{name}").outcome for name in "uvw"]
    assert outcomes == ["passed", "not_applicable", "failed"]  # v: 30 of 40, up to 85.8 %
    one = audit(counts, floor(**{"class": "u"}), positive=None)
    assert ids(one, "floor") == ["floor:recall.u"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"class": "yess"}, "did you mean 'yes'?"),
        ({"metric": "accuracy", "class": "yes"}, "accuracy is over all classes"),
    ],
)
def test_a_floor_that_cannot_be_judged_is_an_error(values, sentence):
    result = audit(SELECTED, floor(**values))
    (found,) = (c for c in result.checks if ".floor:" in c.id)
    assert found.outcome == "error"
    assert found.blocks
    assert sentence in found.detail


def test_two_floors_of_one_subject_keep_apart():
    limits = {"floors": [*floor()["floors"], *floor(minimum=0.5)["floors"]]}
    assert ids(audit(SELECTED, limits), "floor:") == ["floor:recall.yes", "floor:recall.yes (2)"]


# Gaps


def gap(metric="selection_rate", **values):
    return {"gaps": [{"column": "g", "metric": metric, **values}]}


def test_a_difference_fires_with_newcombes_interval_and_the_label_rates():
    found = check(audit(SELECTED, gap(max_difference=0.05)), "gap:g:selection_rate:difference")
    assert (found.outcome, found.n) == ("failed", 70)
    assert found.value == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=1e-4)  # as published
    assert "with its whole interval above the limit of 5 points." in found.detail
    # 40 of 70 and 35 of 80, with Wilson's and Newcombe's intervals.
    assert (
        "In the labels of these test rows y=yes is 57.1% (45.5% to 68.1%, n=70) for g=a and 43.8% "
        "(33.4% to 54.7%, n=80) for g=b, a difference of 13.4 points (95 % interval"
    ) in found.detail


def test_a_difference_stays_silent_within_its_limit():
    found = check(audit(SELECTED, gap(max_difference=0.35)), "gap:g:selection_rate:difference")
    assert found.outcome == "passed"
    assert "with its whole interval at or below the limit of 35 points." in found.detail


def test_a_gap_that_its_interval_leaves_open_is_not_judged_and_says_what_would_decide():
    found = check(audit(SELECTED, gap(max_difference=0.1)), "gap:g:selection_rate:difference")
    assert (found.outcome, found.value) == ("not_applicable", pytest.approx(0.2))
    # Newcombe's lower end of 0.8 less 0.6 passes 0.1 from 161 rows each on: 0.1003 by hand.
    assert (
        "above the limit of 10 points; but its interval includes 10 points, so it may be chance; "
        "about 161 test rows of each group (g=a has 70, g=b has 80) would decide it."
    ) in found.detail
    assert found.blocks
    asked = {"required": False}, {"severity": "warning"}
    for more in asked:
        open_ = check(
            audit(SELECTED, gap(max_difference=0.1, **more)), "gap:g:selection_rate:difference"
        )
        assert not open_.blocks
    within = gap(max_difference=0.3)
    assert not check(audit(SELECTED, within), "gap:g:selection_rate:difference").blocks
    needed = gap(max_difference=0.3, severity="warning", required=True)
    assert check(audit(SELECTED, needed), "gap:g:selection_rate:difference").blocks


def test_the_point_of_a_gap_decides_where_the_project_says_so():
    limits = gap(max_difference=0.1, min_ratio=0.7, judge="point")
    result = audit(SELECTED, limits)
    found = check(result, "gap:g:selection_rate:difference")
    assert found.outcome == "failed"
    assert (
        "above the limit of 10 points, judged by the point, although its interval includes 10 "
        "points: it may be chance."
    ) in found.detail
    assert check(result, "gap:g:selection_rate:ratio").outcome == "passed"


def test_a_ratio_is_the_lower_rate_over_the_higher_with_katz_interval():
    found = check(audit(SELECTED, gap(min_ratio=0.8)), "gap:g:selection_rate:ratio")
    assert found.outcome == "not_applicable"
    assert found.value == pytest.approx(0.75)  # 48/80 over 56/70
    assert found.interval == pytest.approx((0.6056, 0.9288), abs=1e-4)  # by hand, log scale
    # (1.959964 / ln(0.8 / 0.75))^2 * (1/0.6 - 1 + 1/0.8 - 1) = 845.4 rows each
    assert "about 846 test rows of each group (g=a has 70, g=b has 80)" in found.detail
    for limit, outcome in ((0.6, "passed"), (0.95, "failed")):
        found = check(audit(SELECTED, gap(min_ratio=limit)), "gap:g:selection_rate:ratio")
        assert found.outcome == outcome


def test_the_favourable_class_can_be_compared_instead():
    found = check(
        audit(SELECTED, gap(min_ratio=0.8, **{"class": "no"})), "gap:g:selection_rate.no:ratio"
    )
    assert found.value == pytest.approx((14 / 70) / (32 / 80))
    assert found.detail.startswith("The share of rows predicted y=no is 40.0%")


def test_error_rates_count_their_own_rows():
    result = audit(SELECTED, gap("false_positive_rate", max_difference=0.5))
    found = check(result, "gap:g:false_positive_rate:difference")
    assert found.value == pytest.approx(16 / 30 - 18 / 45)
    result = audit(SELECTED, gap("false_negative_rate", max_difference=0.02))
    found = check(result, "gap:g:false_negative_rate:difference")
    assert found.value == pytest.approx(5 / 35)
    # Newcombe, 5 of 35 less 0 of 40: from 2.4 points
    assert (found.outcome, found.interval[0]) == ("failed", pytest.approx(0.0240, abs=1e-4))


def test_groups_too_small_to_compare_say_what_they_need():
    counts = {**SELECTED, ("b", "yes", "no"): 0, ("b", "yes", "yes"): 29}
    result = audit(counts, gap("false_negative_rate", max_difference=0.1))
    found = check(result, "gap:g:false_negative_rate:difference")
    assert found.outcome == "not_applicable"
    assert "two groups of g need 30 test rows each" in found.detail
    assert "g=a has 40, g=b has 29" in found.detail
    group = check(result, "gap_group:false_negative_rate:g=b")
    assert (group.outcome, group.n) == ("not_applicable", 29)
    assert "29 of its 74 test rows count" in group.detail


def test_the_extreme_pair_of_more_groups_is_compared_without_the_small_one():
    counts = {**SELECTED, ("c", "no", "no"): 36, ("c", "no", "yes"): 4, ("d", "no", "no"): 5}
    result = audit(counts, gap(max_difference=0.5))
    found = check(result, "gap:g:selection_rate:difference")
    assert found.value == pytest.approx(0.8 - 0.1)
    assert "for g=a and" in found.detail
    assert "for g=c:" in found.detail
    assert check(result, "gap_group:selection_rate:g=d").outcome == "not_applicable"
    chart = result.tables["gap_1"]
    assert chart.frame["label"].tolist() == ["g=a", "g=b", "g=c"]
    assert chart.note == "Too small to judge: g=d (n=5)."


def test_a_ratio_of_nothing_to_nothing_is_not_judged():
    counts = {("a", "no", "no"): 40, ("b", "no", "no"): 30, ("b", "yes", "no"): 5}
    result = audit(counts, gap(min_ratio=0.8, max_difference=0.1))
    assert check(result, "gap:g:selection_rate:ratio").outcome == "not_applicable"
    assert check(result, "gap:g:selection_rate:difference").outcome == "passed"


def test_a_gap_that_cannot_be_judged_is_an_error():
    misnamed = audit(SELECTED, gap(min_ratio=0.8, **{"class": "nope"}))
    assert "did you mean 'no'?" in check(misnamed, "gap:g:selection_rate").detail
    counts = {("a", "u", "u"): 40, ("b", "v", "v"): 40}
    unnamed = check(audit(counts, gap(min_ratio=0.8), positive=None), "gap:g:selection_rate")
    assert unnamed.outcome == "error"
    assert "has to name the 'class'" in unnamed.detail
    named = audit(counts, gap(max_difference=0.8, **{"class": "u"}), positive=None)
    assert check(named, "gap:g:selection_rate.u:difference").value == 1.0


def test_rates_of_every_slice_column_are_shown_without_a_limit():
    result = audit(SELECTED, slices=["g"])
    shown = result.tables["gaps"].frame
    assert shown.groupby("rate")["group"].agg(list).to_dict() == {
        rate: ["g=a", "g=b"]
        for rate in (
            "calibration",
            "calibration_error",
            "false_negative_rate",
            "false_positive_rate",
            "precision",
            "selection_rate",
        )
    }
    assert result.metrics["test.precision.g=a"] == pytest.approx(40 / 56)
    assert result.metrics["test.selection_rate.g=b"] == pytest.approx(0.6)
    assert check(result, "gaps").outcome == "not_applicable"
    assert check(result, "floors").outcome == "not_applicable"
    assert result.outcome != "blocked"
    pairs = result.tables["gap_pairs"].frame.set_index("rate")
    assert pairs.loc["selection_rate", "highest_group"] == "g=a"
    # A calibration error is biased by the number of rows: shown, never compared.
    assert "calibration_error" not in pairs.index
    against = result.tables["gap_groups"].frame.set_index("rate").loc["selection_rate"]
    assert (against["group"], against["reference"]) == ("g=a", "g=b")
    assert against["difference"] == pytest.approx(0.2)


def test_the_four_fifths_ratio_is_shown_for_both_outcomes():
    shown = audit(SELECTED, slices=["g"]).tables["four_fifths"]
    table = shown.frame.set_index("selected_as")
    assert table.loc["y=yes", "ratio"] == pytest.approx(0.75)  # 48/80 over 56/70
    assert table.loc["y=no", "ratio"] == pytest.approx((14 / 70) / (32 / 80))
    assert table.loc["y=yes", "at_least_four_fifths"] == "no, not certain"
    assert table.loc["y=no", ["low", "ratio", "high"]].is_monotonic_increasing
    assert "read its row" in shown.note
    counts = {("a", "u", "u"): 40, ("a", "v", "v"): 40, ("b", "u", "v"): 20, ("b", "u", "u"): 20}
    named = audit(counts, gap(max_difference=0.8, **{"class": "u"}), positive=None)
    assert named.tables["four_fifths"].frame["selected_as"].tolist() == ["y=u"]


def test_the_labels_of_all_rows_stand_beside_the_models_gap():
    frame, split = data(SELECTED)
    # Rows that are not in test, 10 of 40 against 4 of 40 of the class.
    more, side = data({("a", "yes", "yes"): 10, ("a", "no", "no"): 30, ("b", "yes", "yes"): 4,
                       ("b", "no", "no"): 36}, "train")  # fmt: skip
    more.index = side.index = side["unit"] = more.index.str.replace("r", "s")
    frame, split = pd.concat([frame, more]), pd.concat([split, side])
    chosen = project(gap(max_difference=0.1))
    result = audit_performance(Dataset(frame, split, roles("yes")), chosen, PACKAGES["yes"])
    detail = check(result, "gap:g:selection_rate:difference").detail
    # 50 of 110 and 39 of 120.
    assert "In the labels of all 230 rows y=yes is 45.5% (36.5% to 54.8%, n=110) for g=a" in detail
    assert "of these test rows 57.1% (45.5% to 68.1%, n=70) for g=a" in detail
    table = result.tables["label_rates"].frame.set_index(["where", "group"])
    assert table.loc[("all rows", "g=b"), "rate_in_labels"] == pytest.approx(39 / 120)


def test_a_crossing_of_columns_has_its_gap():
    counts = {
        (group, label, said): n + (group == "a") * 5
        for group in "ab"
        for label, said, n in (("yes", "yes", 40), ("no", "no", 40))
    }
    frame, split = data(counts)
    frame["s"] = ["u", "v"] * (len(frame) // 2)
    crossed = {"columns": ["g", "s"], "metric": "accuracy", "max_difference": 0.1}
    chosen = project({"gaps": [crossed]})
    result = audit_performance(Dataset(frame, split, roles("yes")), chosen, PACKAGES["yes"])
    found = check(result, "gap:g & s:accuracy:difference")
    assert (found.outcome, found.value) == ("passed", 0.0)
    assert found.interval[1] < 0.1
    groups = result.tables["gaps"].frame["group"].tolist()
    assert groups == ["g=a & s=u", "g=a & s=v", "g=b & s=u", "g=b & s=v"]
    wrong = project({"gaps": [{**crossed, "columns": ["g", "ss"]}]})
    with pytest.raises(ProjectFileError, match="did you mean 's'"):
        audit_performance(Dataset(frame, split, roles("yes")), wrong, PACKAGES["yes"])


def test_calibration_of_groups_is_a_difference_of_means():
    found = check(audit(SELECTED, gap("calibration", max_difference=0.05)),
                  "gap:g:calibration:difference")  # fmt: skip
    assert found.outcome == "not_applicable"
    # The model is sure: a is told 56 of 70 and has 40, b 48 of 80 and has 35.
    assert found.value == pytest.approx(abs(16 / 70 - 13 / 80), abs=0.02)
    assert found.detail.startswith("The mean probability of y=yes less its share is +")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"columns": ["h"]}, "'column', or 'columns' for a crossing, and not both"),
        ({"column": None}, "'column', or 'columns' for a crossing, and not both"),
        ({"column": None, "columns": ["h", "h"]}, "crosses different columns, not h, h"),
        ({"metric": "calibration"}, "has no ratio: set 'max_difference'"),
    ],
)
def test_a_gap_that_makes_no_sense_is_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        project(gap(min_ratio=0.8, **values))


def test_grouped_rows_widen_the_interval_of_a_gap():
    frame, split = data(SELECTED)
    # Three rows of a person, alike within each: the persons are what is drawn.
    frame["person"] = [f"p{place // 3}" for place in range(len(frame))]
    chosen = project(gap(max_difference=0.1) | {"min_support": 20})
    alone, together = (
        check(
            audit_performance(Dataset(frame, split, of), chosen, PACKAGES["yes"]),
            "gap:g:selection_rate:difference",
        )
        for of in (roles("yes"), dataclasses.replace(roles("yes"), group="person"))
    )
    assert together.value == alone.value
    assert together.interval[1] - together.interval[0] > 1.3 * (
        alone.interval[1] - alone.interval[0]
    )


def test_groups_of_few_people_are_too_small_however_many_rows_they_have():
    frame, split = data(SELECTED)
    frame["person"] = [f"p{place // 10}" for place in range(len(frame))]
    of = dataclasses.replace(roles("yes"), group="person")
    chosen = project(gap(max_difference=0.1))
    result = audit_performance(Dataset(frame, split, of), chosen, PACKAGES["yes"])
    found = check(result, "gap:g:selection_rate:difference")
    assert (found.outcome, found.value) == ("not_applicable", None)
    assert "need 30 independent units each" in found.detail
    assert "g=a has 70 rows of 7 units, g=b has 80 rows of 8 units" in found.detail
    group = check(result, "gap_group:selection_rate:g=a")
    assert "70 of its 70 test rows count for the selection rate, of 7 independent units" in (
        group.detail
    )
    # Even where the project asks for fewer it takes ten.
    fewer = project(gap(max_difference=0.1) | {"min_support": 5})
    again = audit_performance(Dataset(frame, split, of), fewer, PACKAGES["yes"])
    assert check(again, "gap:g:selection_rate:difference").value is None


def test_declared_limits_need_no_advice():
    result = audit(SELECTED, {**floor(), **gap(min_ratio=0.5)})
    assert "floors" not in ids(result, "")
    assert "gaps" not in ids(result, "")


# Rare classes, probabilities, cost


def test_a_rare_class_that_is_never_found_is_warned_of():
    counts = {("a", "u", "u"): 200, ("a", "v", "v"): 200, ("a", "w", "u"): 12}
    found = check(audit(counts, positive=None), "rare_class:w")
    assert (found.outcome, found.severity, found.value, found.n) == ("failed", "warning", 0, 12)
    assert "does not find this class at all" in found.detail


def test_a_rare_class_is_shown_when_small_and_passes_when_found():
    counts = {("a", "u", "u"): 300, ("a", "v", "v"): 300, ("a", "w", "w"): 20}
    small = check(audit(counts, positive=None), "rare_class:w")
    assert (small.outcome, small.value, small.n) == ("not_applicable", 1.0, 20)
    assert small.interval == pytest.approx((0.8389, 1.0), abs=1e-4)  # Wilson, 20 of 20
    enough = audit(counts, {"min_support": 20}, positive=None)
    assert check(enough, "rare_class:w").outcome == "passed"
    assert ids(enough, "rare_class") == ["rare_class:w"]


def test_the_positive_class_always_has_its_check():
    assert check(audit(SELECTED), "rare_class:yes").value == pytest.approx(70 / 75)


def test_probabilities_are_compared_with_the_classes_shares():
    good = {("a", "yes", "yes"): 40, ("a", "no", "no"): 60}
    found = check(audit(good), "calibration")
    assert (found.outcome, found.severity) == ("passed", "warning")
    assert found.limit == pytest.approx(0.24)  # 0.4 * 0.6
    assert found.value < 0.01
    bad = check(audit({("a", "yes", "no"): 40, ("a", "no", "yes"): 60}), "calibration")
    assert bad.outcome == "failed"
    assert "do not read them as chances" in bad.detail
    few = check(audit({("a", "yes", "yes"): 5, ("a", "no", "no"): 5}), "calibration")
    assert few.outcome == "not_applicable"


@pytest.mark.parametrize(("told", "outcome"), [(0.25, "passed"), (0.45, "failed")])
def test_probabilities_that_are_surely_off_are_a_warning_even_if_they_order_rows(told, outcome):
    # Half the rows are told 0.05 and are so in 5 %; half are told 0.25 or 0.45, and are in 25 %.
    labels = pd.Series((["yes"] + ["no"] * 19) * 20 + (["yes"] + ["no"] * 3) * 100, dtype="str")
    yes = pd.Series([0.05] * 400 + [told] * 400)
    scored = ScoredRows(
        labels=labels,
        predictions=pd.DataFrame({"predicted": "no", "p:no": 1 - yes, "p:yes": yes}),
        positive_class="yes",
        replicates=400,
        seed=0,
    )
    found = measure_calibration(
        scored, ["no", "yes"], scored.estimate(["brier", "calibration_error"])
    )
    check = calibration_check(found, scored, 30)
    assert (check.outcome, check.severity, check.blocks) == (outcome, "warning", False)
    assert ("surely off by more than 0.05 in the mean" in check.detail) == (outcome == "failed")


def test_probabilities_of_more_classes_add_up_over_them():
    counts = {("a", "u", "u"): 20, ("a", "v", "v"): 20, ("a", "w", "w"): 10}
    result = audit(counts, positive=None)
    assert check(result, "calibration").limit == pytest.approx(0.64)  # 1 - .16 - .16 - .04
    assert result.tables["calibration"].frame["n"].sum() == 50
    by_class = result.tables["calibration_by_class"].frame.set_index("class")
    assert by_class.loc["w", "brier_of_share"] == pytest.approx(0.16)
    assert (by_class["brier_low"] <= by_class["brier"]).all()
    assert (by_class["calibration_error_low"] <= by_class["calibration_error"]).all()
    assert by_class["brier"].sum() == pytest.approx(result.metrics["test.brier"])


def test_a_calibration_error_is_shown_beside_what_chance_makes_of_it():
    scored = ScoredRows(
        labels=pd.Series(["yes"] * 25 + ["no"] * 75, dtype="str"),
        predictions=pd.DataFrame({"predicted": ["no"] * 100, "p:no": 0.75, "p:yes": 0.25}),
        positive_class="yes",
        replicates=400,
        seed=0,
    )
    found = measure_calibration(
        scored, ["no", "yes"], scored.estimate(["brier", "calibration_error"])
    )
    assert found.error.value == pytest.approx(0)
    # One bin of 100 rows: sqrt(2 / pi * 0.25 * 0.75 / 100).
    assert found.by_chance == pytest.approx(0.03455, abs=1e-5)
    (row,) = found.bins.to_dict("records")
    assert (row["n"], row["mean_probability"], row["observed"]) == (100, 0.25, 0.25)
    assert (row["observed_low"], row["observed_high"]) == wilson(25, 100)
    said = calibration_check(found, scored, 30).detail
    assert "chance alone would show 0.035 if they were perfectly calibrated" in said


def test_latency_is_measured_and_a_warning():
    latency = Latency(median_ms=120.0, p95_ms=150.0, rows_per_second=900.0)
    slow = latency_check(latency, AuditSection())
    assert (slow.outcome, slow.severity, slow.measured) == ("failed", "warning", True)
    assert latency_check(latency, AuditSection(max_latency_ms=121)).outcome == "passed"


def test_size_is_judged_by_its_bytes():
    small = size_check(4_520, AuditSection())
    assert (small.outcome, small.value, small.measured) == ("passed", 0.00452, False)
    assert "4.5 kB" in small.detail
    large = size_check(60_000_000, AuditSection())
    assert (large.outcome, large.severity) == ("failed", "critical")


def test_memory_is_measured_and_a_warning():
    large = memory_check(1_200_000_000, 1000, AuditSection())
    assert (large.outcome, large.severity, large.measured) == ("failed", "warning", True)
    assert memory_check(900_000_000, 1000, AuditSection()).outcome == "passed"
    assert memory_check(900_000_000, 9, AuditSection(max_memory_mb=899)).outcome == "failed"


def test_memory_is_the_peak_of_loading_and_scoring():
    rows = pd.DataFrame({"x": range(10)})

    def load():
        held = bytearray(3_000_000)
        return lambda given: (len(held), bytearray(5_000_000), given)

    score, peak = load_with_memory(load, rows)
    assert 8_000_000 <= peak < 8_100_000
    assert score(rows)[0] == 3_000_000


def told_before(frame, model="yes"):
    """What the model says of the rows before it is stored."""
    return audit_performance(
        Dataset(frame, pd.DataFrame({"side": "test", "unit": frame.index}, index=frame.index),
        roles(model)), project(), PACKAGES[model],
    ).outputs["test_predictions"]  # fmt: skip


def test_the_reloaded_model_predicts_dev_as_before_it_was_stored():
    frame, split = data(SELECTED)
    split.loc[frame.index[:40], "side"] = "dev"
    before = told_before(frame).iloc[:40]
    given = (Dataset(frame, split, roles("yes")), project(), PACKAGES["yes"], ())
    same = check(audit_performance(*given, Trained(dev_predictions=before)), "reloaded")
    assert (same.outcome, same.severity, same.value, same.n) == ("passed", "critical", 0.0, 40)
    moved = before.copy()
    moved.loc[moved.index[:3], "p:yes"] += 2e-12
    found = audit_performance(*given, Trained(dev_predictions=moved))
    assert (check(found, "reloaded").outcome, check(found, "reloaded").value) == ("failed", 3.0)
    assert found.outcome == "blocked"


def test_what_cannot_be_compared_is_no_reloaded_model():
    told = pd.DataFrame({"predicted": ["no", "yes"], "p:no": [0.8, 0.2], "p:yes": [0.2, 0.8]})
    assert reloaded_check(told, told).outcome == "passed"
    assert reloaded_check(told, None).outcome == "not_applicable"
    assert reloaded_check(told.iloc[:0], told.iloc[:0]).outcome == "not_applicable"
    assert reloaded_check(told, told.iloc[:1]).outcome == "failed"
    assert reloaded_check(told, told.drop(columns="p:no")).value == 2.0
    unknown = told.assign(**{"p:no": float("nan")})
    assert reloaded_check(unknown, unknown).value == 2.0
    assert reloaded_check(told, told.assign(predicted="no")).value == 1.0


def test_the_floor_of_a_rare_class_is_judged_by_its_interval():
    counts = {("a", "u", "u"): 300, ("a", "v", "v"): 300, ("a", "w", "w"): 18, ("a", "w", "u"): 2}
    result = audit(counts, floor(), positive=None)
    outcomes = [check(result, f"floor:recall.{name}").outcome for name in "uvw"]
    assert outcomes == ["passed", "passed", "not_applicable"]
    assert "42 further test rows" in check(result, "floor:recall.w").detail
    assert check(result, "rare_class:w").detail.endswith(
        "at least 30 such rows are needed, 10 more."
    )


def test_small_changes_are_tried_after_the_plain_audit():
    limits = {"robustness": {"limits": [{"kind": "case", "max_flip_share": 0.1}]}}
    result = audit(SELECTED, limits)
    found = check(result, "robustness:case")
    # An unknown category: the model falls back on one class for all rows.
    assert (found.outcome, found.n) == ("failed", 150)
    assert result.metrics["test.flip_share.case"] == pytest.approx(found.value)
    names = [c.id for c in result.checks]
    assert names.index("performance_audit.calibration") < names.index(found.id)
    assert result.metrics["test.accuracy"] == pytest.approx(111 / 150)


def test_what_is_not_measured_is_the_same_every_time():
    limits = {**floor(slice="g"), **gap(min_ratio=0.8, max_difference=0.1)}
    one, other = audit(SELECTED, limits, slices=["g"]), audit(SELECTED, limits, slices=["g"])
    assert [c for c in one.checks if not c.measured] == [c for c in other.checks if not c.measured]
    assert one.metrics == other.metrics
    assert one.facts == other.facts
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table.frame, other.tables[name].frame)


def test_grouped_rows_widen_the_intervals():
    frame, split = data(SELECTED)
    frame["person"] = [f"p{place // 10}" for place in range(len(frame))]
    grouped = dataclasses.replace(roles("yes"), group="person")
    limits = project(floor())
    alone = audit_performance(Dataset(frame, split, roles("yes")), limits, PACKAGES["yes"])
    together = audit_performance(Dataset(frame, split, grouped), limits, PACKAGES["yes"])
    widths = [
        high - low
        for result in (alone, together)
        for low, high in [check(result, "floor:recall.yes").interval]
    ]
    assert widths[1] > widths[0]


def test_figures_have_the_columns_that_they_need():
    result = audit(SELECTED, gap(min_ratio=0.5), slices=["g"])
    for figure in result.figures:
        columns = set(result.tables[figure.table].frame)
        needed = {
            "confusion": {"actual", "predicted", "count"},
            "reliability": {"mean_probability", "observed", "observed_low", "observed_high", "n"},
        }
        assert needed.get(figure.kind, {"label", "value", "low", "high", "n"}) <= columns
