"""A number to be estimated, through every stage: by hand where it can be, then one whole run."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import write_small

from tasks.error_analysis.dev_errors import DevErrors
from tasks.errors import ProjectFileError
from tasks.estimators import resolve_estimator
from tasks.golden_rows import golden_problem, make_golden_rows
from tasks.labels import check_labels
from tasks.metrics import estimate_metrics, metric_value, paired_difference
from tasks.metrics.group_numbers import NumberRows, number_values
from tasks.metrics.simultaneous import compare
from tasks.models import ModelPackage
from tasks.performance_audit import audit_performance
from tasks.performance_audit.sanity import reloaded_check
from tasks.project import Roles, load_project
from tasks.project.dataset import Dataset
from tasks.project.roles import quarters
from tasks.project.sections import Project
from tasks.training import train
from tasks.training.prediction_intervals import prediction_interval

SMALL = """
name: small
source: rows.csv
target: rent
task: regression
seed: 3
training:
  candidates:
    - {name: ridge, estimator: sklearn.linear_model.Ridge, search: {alpha: [0.1, 10.0]}}
slices: [town]
audit:
  gaps:
    - {column: town, metric: mae, max_difference: 100, owner: landlord}
gate: {min_gain: 2, replicates: 300}
"""


def make_roles(**changes):
    return Roles(**{"target": "y", "numeric": ("x",), "regression": True, **changes})


def make_project(**sections):
    return Project(name="p", source="x.csv", target="y", task="regression", **sections)


def make_rows(rows=300, seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, rows)
    frame = pd.DataFrame({"x": x, "town": random.choice(["a", "b"], rows)})
    frame["y"] = 3 * x + random.normal(0, 1, rows)
    frame.index = pd.Index([f"k{place:04d}" for place in range(rows)], name="row_key")
    side = np.repeat(["train", "dev", "test"], [rows - 160, 80, 80])
    split = pd.DataFrame({"unit": frame.index, "side": side}, index=frame.index)
    return frame, split


def rents(rows=900):
    random = np.random.default_rng(5)
    size, town = random.uniform(20, 200, rows).round(1), random.choice(["north", "south"], rows)
    rent = 5 * size + np.where(town == "north", 200, 0) + random.normal(0, 40, rows)
    return pd.DataFrame({"size": size, "town": town, "rent": rent.round(2)})


# What is declared has to go with the task


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("positive_class: yes", "'positive_class' is for classes"),
        ("training: {metric: f1}", "'training.metric' is f1, and task regression takes mae"),
        ("labels: {annotators: [a]}", "'labels.annotators' is for classes"),
        (
            "audit: {gaps: [{column: x, metric: selection_rate, max_difference: 0.1}]}",
            "audit.gaps: selection_rate",
        ),
        ("", "'gate.min_gain' is missing: for mae it is in units of 'y'"),
        ("gate: {intent: refresh, min_gain: 1}", "'gate.margin' is missing"),
        ("gate: {min_gain: 1, guard_slices: [x]}", "'gate.margin' is missing"),
        ("gate: {min_gain: 1, anchor: 3}", "'gate.budget' is missing"),
    ],
)
def test_what_does_not_go_with_a_number_is_refused(tmp_path, lines, told):
    path = tmp_path / "p.yaml"
    path.write_text(f"name: p\nsource: x.csv\ntarget: y\ntask: regression\n{lines}\n")
    with pytest.raises(ProjectFileError, match=told):
        load_project(path)


def test_a_metric_of_numbers_is_refused_for_classes(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsource: x.csv\ntarget: y\ntraining: {metric: mae}\n")
    with pytest.raises(
        ProjectFileError, match=r"'training.metric' is mae, and task classification"
    ):
        load_project(path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("audit: {gaps: [{column: x, metric: mae, max_difference: 1}]}", "'audit.gaps' is of mae"),
        (
            "audit: {weighted_floor: {metric: r2, minimum: 0.5}, "
            "important: [{name: a, condition: x > 1, weight: 2}]}",
            "'audit.weighted_floor.metric' is r2",
        ),
        (
            "training: {mitigate: {columns: [x], max_selection_rate: 0.1}}",
            "'training.mitigate.max_selection_rate' is for two classes",
        ),
    ],
)
def test_what_classes_have_no_use_for_is_refused(tmp_path, lines, told):
    path = tmp_path / "p.yaml"
    path.write_text(f"name: p\nsource: x.csv\ntarget: y\n{lines}\n")
    with pytest.raises(ProjectFileError, match=told):
        load_project(path)


def test_r2_needs_no_gain_in_units(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsource: x.csv\ntarget: y\ntask: regression\ngate: {metric: r2}\n")
    assert load_project(path).project.gate.min_gain == 0.01


def test_a_classifier_is_refused_and_a_regressor_taken():
    with pytest.raises(ProjectFileError, match="is no regressor"):
        resolve_estimator("sklearn.linear_model.LogisticRegression", (), regression=True)
    assert resolve_estimator("sklearn.linear_model.Ridge", (), regression=True)


# Numbers by hand: true 1, 2, 4, 9 and estimated 1, 3, 2, 9


TRUE = pd.Series([1.0, 2.0, 4.0, 9.0])
ESTIMATED = pd.DataFrame({"predicted": [1.0, 3.0, 2.0, 9.0]})


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("mae", 0.75),
        ("rmse", 1.25**0.5),
        ("mean_error", -0.25),
        # errors squared 5, squares about the mean of 4: 9 + 4 + 0 + 25
        ("r2", 1 - 5 / 38),
    ],
)
def test_metrics_by_hand(metric, value):
    assert metric_value(metric, TRUE, ESTIMATED, positive_class=None) == pytest.approx(value)


def test_coverage_counts_both_ends_and_has_wilsons_interval():
    ends = ESTIMATED.assign(low=[1, 3, 0, 8], high=[2, 4, 4, 9])
    found = estimate_metrics(["coverage"], TRUE, ends, positive_class=None, replicates=10, seed=0)
    assert found["coverage"].value == 0.75
    assert found["coverage"].method == "wilson"
    assert found["coverage"].low == pytest.approx(0.3006, abs=1e-4)


def test_coverage_is_undefined_without_intervals():
    assert np.isnan(metric_value("coverage", TRUE, ESTIMATED, positive_class=None))


def test_an_estimate_that_is_no_number_leaves_all_undefined():
    broken = ESTIMATED.assign(predicted=[1.0, np.nan, 2.0, 9.0])
    assert np.isnan(metric_value("mae", TRUE, broken, positive_class=None))


def test_a_smaller_error_is_a_positive_difference():
    better = pd.DataFrame({"predicted": [1.0, 2.0, 3.0, 9.0]})
    found = paired_difference(
        "mae", TRUE, better, ESTIMATED, positive_class=None, replicates=200, seed=0
    )
    assert found.value == pytest.approx(0.5)
    assert found.discordant is None


def test_the_same_estimates_differ_by_exactly_nothing():
    found = paired_difference(
        "rmse", TRUE, ESTIMATED, ESTIMATED, positive_class=None, replicates=200, seed=0
    )
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_quarters_are_closed_on_the_left_and_the_last_on_both_sides():
    names = quarters(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], name="y")).tolist()
    assert names == [
        "y from 1 to 2",
        "y from 2 to 3",
        "y from 3 to 4",
        "y from 4 to 5",
        "y from 4 to 5",
    ]


def test_the_interval_takes_the_errors_ranked_for_nine_rows():
    # (n + 1) x 0.1 = 1: the smallest and the largest of nine signed errors.
    labels = pd.Series(np.arange(9.0))
    errors = pd.Series([0.5, -2.0, 0.1, 0.2, 3.0, -0.1, 0.0, 0.3, -0.4])
    assert prediction_interval(labels, labels - errors) == pytest.approx((-2.0, 3.0))


def test_eight_rows_make_no_interval():
    labels = pd.Series(np.arange(8.0))
    assert prediction_interval(labels, labels) is None


def numbers_by_group(errors, units=None):
    """`NumberRows` of errors by group."""
    names = np.repeat(list(errors), [len(values) for values in errors.values()])
    return NumberRows(
        groups={name: names == name for name in errors},
        errors=np.concatenate([np.asarray(values, dtype=float) for values in errors.values()]),
        units=units,
        replicates=4000,
        seed=0,
    )


def test_the_error_of_a_group_has_students_interval():
    found = number_values("mean_error", numbers_by_group({"a": [1, 3, -1, 1], "b": [2, 2, 4, 0]}))
    # Mean 1, standard deviation sqrt(8 / 3); t of 3 is 3.18245: 1 +- 3.18245 * 0.81650
    assert found.value.tolist() == [1, 2]
    assert (found.low[0], found.high[0]) == pytest.approx((-1.59845, 3.59845), abs=1e-5)
    absolute = number_values("mae", numbers_by_group({"a": [1, 3, -1, 1]}))
    assert absolute.value.tolist() == [1.5]
    assert absolute.low[0] == 0  # 1.5 - 3.18245 * 0.5 is below what an absolute error can be


def test_the_rows_of_one_unit_are_one_when_errors_are_compared():
    errors = {"a": [1, 1, 3, 3, -1, -1, 1, 1]}
    found = number_values("mean_error", numbers_by_group(errors, np.repeat(range(4), 2)))
    assert (found.n.tolist(), found.units.tolist()) == ([8], [4])
    assert (found.low[0], found.high[0]) == pytest.approx((-1.59845, 3.59845), abs=1e-5)


def test_a_unit_with_rows_in_two_groups_cancels_out_of_their_difference():
    same = {"a": [1, 3, -1, 1, 5, 2], "b": [1, 3, -1, 1, 5, 2]}
    alone = compare(number_values("mean_error", numbers_by_group(same)), [0, 1])
    pairs = numbers_by_group(same, np.tile(np.arange(6), 2))
    paired = compare(number_values("mean_error", pairs), [0, 1])
    assert alone.largest_difference.high > 1
    assert paired.largest_difference.high == pytest.approx(0, abs=1e-6)


def test_the_gap_of_errors_of_many_groups_is_simultaneous():
    """Of six equal groups the extreme pair's own interval is above 0 far too often."""
    random, missed, naive = np.random.default_rng(2), 0, 0
    for _ in range(200):
        rows = numbers_by_group({f"g{i}": random.normal(size=60) for i in range(6)})
        found = compare(number_values("mean_error", rows), range(6))
        missed += found.largest_difference.low > 0
        pair = [found.values.draws[:, place] for place in (found.highest, found.lowest)]
        naive += found.largest_difference.value > 1.96 * np.std(pair[0] - pair[1])
    assert missed <= 20  # 10 expected; more than 20 has a chance of 0.2 %
    assert naive >= 50


# Labels


def test_equal_rows_with_far_numbers_conflict_and_near_ones_do_not():
    frame = pd.DataFrame(
        {"x": [1.0, 1.0, 2.0, 2.0, 3.0, 4.0], "y": [0.0, 10.0, 5.0, 5.5, 0.0, 10.0]},
        index=list("abcdef"),
    )
    split = pd.DataFrame({"unit": frame.index, "side": "train"}, index=frame.index)
    found = check_labels(Dataset(frame, split, make_roles()), make_project())
    check = next(one for one in found.checks if one.id == "label_consistency.conflicts")
    assert (check.outcome, check.value, check.n) == ("failed", 2 / 6, 6)
    assert found.tables["conflicts"].frame["row_key"].tolist() == ["a", "b"]
    assert not found.outputs["label_quality"]["issue"].any()


def test_rows_that_all_differ_have_no_conflict():
    frame, split = make_rows(200)
    found = check_labels(Dataset(frame, split, make_roles()), make_project())
    outcomes = {check.id.partition(".")[2]: check.outcome for check in found.checks}
    assert outcomes == {"conflicts": "passed", "issues": "not_applicable"}


# What is wrong


def test_wrong_is_off_by_more_than_the_tolerance():
    frame, split = make_rows()
    dev = frame[split["side"] == "dev"]
    predictions = pd.DataFrame({"predicted": dev["y"]}, index=dev.index)
    predictions.iloc[0] += 2.0
    predictions.iloc[1] -= 2.1
    predictions.iloc[2] = np.nan
    errors = DevErrors.of(dev, Dataset(frame, split, make_roles()), predictions, 2.05)
    assert np.flatnonzero(errors.wrong).tolist() == [1, 2]


def test_the_tolerance_is_half_a_deviation_of_train_by_default():
    frame, split = make_rows()
    dev = frame[split["side"] == "dev"]
    predictions = pd.DataFrame({"predicted": dev["y"]}, index=dev.index)
    errors = DevErrors.of(dev, Dataset(frame, split, make_roles()), predictions)
    assert errors.tolerance == pytest.approx(0.5 * frame["y"][split["side"] == "train"].std())


def test_train_rows_without_spread_ask_for_a_tolerance():
    frame, split = make_rows()
    frame.loc[split["side"] == "train", "y"] = 1.0
    dev = frame[split["side"] == "dev"]
    predictions = pd.DataFrame({"predicted": dev["y"]}, index=dev.index)
    with pytest.raises(ProjectFileError, match=r"set error_analysis\.tolerance"):
        DevErrors.of(dev, Dataset(frame, split, make_roles()), predictions)


# The audit


def audited(frame, split, **sections):
    roles, project = make_roles(), make_project(**sections)
    trained = train(Dataset(frame, split, roles), project)
    package = ModelPackage.from_files(trained.files, "model")
    result = audit_performance(Dataset(frame, split, roles), project, package)
    return {check.id.partition(".")[2]: check for check in result.checks}, result, package


def test_intervals_that_hold_what_they_promise_pass():
    checks, result, _ = audited(*make_rows(600))
    assert checks["coverage"].outcome == "passed"
    assert result.metrics["test.mae"] < 1.2
    assert checks["judged"].outcome == "passed"


def test_test_rows_unlike_dev_rows_are_told_by_the_coverage():
    frame, split = make_rows(600)
    test = (split["side"] == "test").to_numpy()
    frame.loc[test, "y"] += np.random.default_rng(1).normal(0, 8, int(test.sum()))
    checks, _, _ = audited(frame, split)
    assert checks["coverage"].outcome == "failed"


def test_too_few_rows_for_the_coverage_are_not_judged():
    checks, _, _ = audited(*make_rows(600), audit={"min_support": 81})
    assert checks["coverage"].outcome == "not_applicable"


@pytest.mark.parametrize(("limit", "outcome"), [(0.5, "failed"), (20.0, "passed")])
def test_a_gap_of_errors_between_groups(limit, outcome):
    frame, split = make_rows(600)
    far = (frame["town"] == "b").to_numpy()
    frame.loc[far, "y"] += np.random.default_rng(1).normal(0, 6, int(far.sum()))
    gap = {"column": "town", "metric": "mae", "max_difference": limit}
    checks, _, _ = audited(frame, split, audit={"gaps": [gap], "min_support": 20})
    found = checks["gap:town:mae:difference"]
    assert found.outcome == outcome, found.detail
    assert found.interval[0] < found.value < found.interval[1]


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [
        ({"metric": "mae", "maximum": 0.1}, "failed"),
        ({"metric": "rmse", "maximum": 2}, "passed"),
        ({"metric": "r2", "minimum": 0.9}, "passed"),
        ({"metric": "coverage", "minimum": 0.99}, "failed"),
    ],
)
def test_a_floor_of_a_number(floor, outcome):
    checks, _, _ = audited(*make_rows(600), audit={"floors": [floor]})
    found = checks[f"floor:{floor['metric']}"]
    assert (found.outcome, found.n) == (outcome, 80)
    assert found.interval[0] < found.value < found.interval[1]


def test_a_floor_on_a_slice_with_too_few_rows_is_not_judged():
    floor = {"metric": "mae", "maximum": 5, "slice": "town"}
    checks, _, _ = audited(*make_rows(600), audit={"floors": [floor], "min_support": 60})
    assert checks["floor:mae:town=a"].outcome == "not_applicable"


def test_a_gap_of_one_group_is_not_judged():
    frame, split = make_rows(600)
    frame["town"] = "a"
    gap = {"column": "town", "metric": "mean_error", "max_difference": 1}
    checks, _, _ = audited(frame, split, audit={"gaps": [gap]})
    assert checks["gap:town:mean_error:difference"].outcome == "not_applicable"


def test_a_group_that_is_too_small_is_named_and_blocks_where_required():
    frame, split = make_rows(600)
    test = np.flatnonzero((split["side"] == "test").to_numpy())
    frame.iloc[test[:5], frame.columns.get_loc("town")] = "c"
    gap = {"column": "town", "metric": "mae", "max_difference": 9, "required": True}
    checks, _, _ = audited(frame, split, audit={"gaps": [gap], "min_support": 10})
    assert checks["gap:town:mae:difference"].outcome == "passed"
    small = checks["gap_group:mae:town=c"]
    assert (small.outcome, small.n, small.blocks) == ("not_applicable", 5, True)
    assert {checks["gap:town:mae:difference"].entry, small.entry} == {"audit.gaps[0]"}


def test_two_groups_carry_no_interval_that_decides():
    frame, split = make_rows(600)
    roles = make_roles(group="town")
    floor = {"metric": "mae", "maximum": 5, "judge": "lower_bound"}
    project = make_project(audit={"floors": [floor]})
    trained = train(Dataset(frame, split, roles), project)
    package = ModelPackage.from_files(trained.files, "model")
    result = audit_performance(Dataset(frame, split, roles), project, package)
    checks = {check.id.partition(".")[2]: check for check in result.checks}
    assert checks["floor:mae"].outcome == "not_applicable"
    assert "n=80 of 2 independent units, and at least 30 are needed" in checks["floor:mae"].detail
    assert checks["coverage"].outcome == "not_applicable"


def test_the_last_digits_of_a_number_are_the_same_prediction():
    before = pd.DataFrame({"predicted": [1e7, 2.0]})
    near = pd.DataFrame({"predicted": [1e7 + 1e-4, 2.0]})
    other = pd.DataFrame({"predicted": [1e7 + 1, 2.0]})
    assert reloaded_check(near, before).outcome == "passed"
    assert reloaded_check(other, before).value == 1.0


def test_golden_rows_notice_another_model():
    frame, split = make_rows()
    _, _, package = audited(frame, split)
    golden = make_golden_rows(package, frame, make_roles(), ())
    assert golden_problem(package, golden) is None
    golden.loc[3, "predicted"] += 1e-3
    assert "is estimated as" in golden_problem(package, golden)


# One whole run


def test_a_run_promotes_a_number_and_the_next_is_compared(tmp_path, assayline, capsys):
    from flows.cli import main

    path = write_small(tmp_path, "rents-of-numbers", SMALL, rents())
    code, document, _ = assayline(path)
    assert (code, document["verdict"]) == (0, "promote")
    other = {"seed": 4, "gate": {"intent": "refresh", "margin": 3}}
    other["error_analysis"] = {"tolerance": 40}
    declared = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**declared, **other, "gate": declared["gate"] | other["gate"]}))
    code, document, _ = assayline(path)
    assert (code, document["verdict"]) == (0, "promote")
    assert main(["compare", str(path), "1", "2"]) == 0
    assert "mae (lower is better)" in capsys.readouterr().out
    assert main(["labels", "review", str(path)]) == 2
    assert main(["tag", "export", str(path), "--out", str(tmp_path), "--count", "40"]) == 0
    strata = json.loads((tmp_path / "design.json").read_text())["strata"]
    # The noise has a deviation of 40: about a third of the rows is further off.
    sizes = {one["name"]: one["rows"] for one in strata}
    assert 0.2 < sizes["errors"] / sum(sizes.values()) < 0.45
