"""Weak slices in the stage: what is searched, what is said, what is too little to judge."""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.weak_slices import find_weak_slices
from tasks.errors import ProjectFileError
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices, named_slices

NO_TAGS = NamedSlices({})


def project(**more):
    values = {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes"}
    return Project.model_validate({**values, **more})


def roles(**more):
    values = {"categorical": ("a",), "excluded": {"site": "protected"}}
    values |= {"target": "y", "positive_class": "yes"}
    return Roles(**{**values, **more})


def data(rows=2000, base=0.1, weak=0.5, seed=0):
    """Dev rows; those of site=s2 with a=x are wrong at the rate `weak`, the others at `base`."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"r{place:05d}" for place in range(rows)], name="row_key")
    frame = pd.DataFrame(
        {"a": rng.choice(["x", "z"], rows), "site": rng.choice(["s1", "s2", "s3"], rows)},
        index=index,
    ).astype("str")
    frame["y"] = pd.Series(rng.choice(["yes", "no"], rows), index=index, dtype="str")
    planted = ((frame["a"] == "x") & (frame["site"] == "s2")).to_numpy()
    wrong = rng.random(rows) < np.where(planted, weak, base)
    predicted = np.where(wrong, np.where(frame["y"] == "yes", "no", "yes"), frame["y"])
    predictions = pd.DataFrame({"predicted": predicted}, index=index)
    predictions["p:yes"] = np.where(predicted == "yes", 0.9, 0.1)
    predictions["p:no"] = 1 - predictions["p:yes"]
    return frame, predictions, planted


def find(frame, predictions, tags=NO_TAGS, search=None, units=None, own=None, leaks=(), rules=()):
    own = own or roles()
    split = pd.DataFrame({"side": "dev"}, index=frame.index)
    errors = DevErrors.of(frame, Dataset(frame, split, own), predictions)
    units = frame.index.to_series() if units is None else units
    settings = {"search": search or {}, "tags": rules}
    chosen = project(error_analysis=settings)
    return find_weak_slices(errors, frame, tags, own, chosen, units, leaks)


def test_a_column_that_there_is_not_cannot_be_excluded():
    frame, predictions, _ = data(200)
    with pytest.raises(ProjectFileError, match=r"search\.exclude names the column 'sit'.*'site'"):
        find(frame, predictions, search={"exclude": ["sit"]})


def test_the_weak_slice_is_named_with_its_numbers():
    frame, predictions, planted = data()
    finding, weak = find(frame, predictions)
    (check,) = finding.checks
    assert (check.outcome, check.severity, check.value) == ("failed", "warning", 1.0)
    assert check.detail.startswith("Rows with a=x & site=s2 are ")
    assert [(one.name, one.columns) for one in weak] == [("a=x & site=s2", ("a", "site"))]
    assert np.array_equal(weak[0].rows, planted)
    (row,) = finding.tables["weak_slices"].frame.to_dict("records")
    wrong = (predictions["predicted"] != frame["y"]).to_numpy()
    assert row["dev_rows"] == planted.sum()
    assert row["dev_errors"] == (planted & wrong).sum()
    assert row["share"] == pytest.approx(planted.mean())
    # The rates are those of about half of the rows.
    assert planted.sum() * 0.4 < row["n"] < planted.sum() * 0.6
    assert row["value"] == pytest.approx(row["errors"] / row["n"])
    assert row["low"] < row["value"] < row["high"]
    assert row["lift_low"] < row["lift"] < row["lift_high"]
    assert row["lift"] == pytest.approx(row["value"] / row["rest_rate"])
    (fact,) = json.loads(json.dumps(finding.facts["weak_slices"]))
    assert fact["name"] == "a=x & site=s2"
    assert fact["sentence"] in check.detail
    (figure,) = finding.figures
    assert {"label", "value", "low", "high", "n"} <= set(finding.tables[figure.table].frame.columns)


def test_the_examples_are_wrong_rows_of_the_slice():
    frame, predictions, planted = data()
    examples = find(frame, predictions)[0].tables["weak_slice_rows"].frame
    assert len(examples) == 5
    assert (examples["true_label"] != examples["predicted_label"]).all()
    assert planted[frame.index.get_indexer(examples["row_key"])].all()


def test_noise_passes_and_says_what_would_have_been_found():
    frame, predictions, _ = data(weak=0.1)
    finding, weak = find(frame, predictions)
    assert weak == ()
    assert finding.checks[0].outcome == "passed"
    assert "would have been found in 8 of 10 searches from" in finding.checks[0].detail
    assert finding.facts["weak_slices"] == []
    assert finding.figures == ()
    assert finding.tables["weak_slices"].frame.empty


@pytest.mark.parametrize(("base", "weak"), [(0.0, 0.0), (1.0, 1.0), (0.001, 0.001)])
def test_too_few_errors_or_right_answers_are_not_searched(base, weak):
    frame, predictions, _ = data(base=base, weak=weak)
    finding, weak_slices = find(frame, predictions)
    assert weak_slices == ()
    assert finding.checks[0].outcome == "not_applicable"
    assert "of which 20 are wrong and 20 are right" in finding.checks[0].detail


def test_where_hardly_anything_could_be_found_nothing_passes():
    frame, predictions, _ = data(rows=70, base=0.5, weak=0.5)
    frame = frame.assign(**{f"n{i}": np.random.default_rng(i).random(70) for i in range(8)})
    finding, _ = find(frame, predictions)
    assert finding.checks[0].outcome == "not_applicable"
    assert "dev rows would find one" in finding.checks[0].detail


def test_target_group_and_excluded_columns_are_not_searched():
    frame, predictions, _ = data()
    excluded = find(frame, predictions, search={"exclude": ["site"]})[1]
    units = pd.Series(np.arange(2000) // 4, index=frame.index).astype("str")
    grouped = find(frame, predictions, units=units, own=roles(group="site"))[1]
    # Half of the weak crossing's rows are still to be seen in the other column.
    assert [one.columns for one in (*excluded, *grouped)] == [("a",), ("a",)]
    # The label itself tells the errors best, and is not searched.
    always = predictions.assign(predicted="no")
    assert find(frame, always)[1] == ()


def test_columns_that_give_the_target_away_do_not_describe_where_the_model_errs():
    frame, predictions, _ = data()
    # An excluded column says the outcome of most rows, and so where "always no" is wrong.
    told = np.where(np.random.default_rng(3).random(2000) < 0.9, frame["y"], "open")
    frame = frame.assign(outcome_code=pd.Series(told, index=frame.index, dtype="str"))
    always = predictions.assign(predicted="no")
    own = roles(excluded={"outcome_code": "known later", "site": "protected"})
    found = find(frame, always, own=own)[1]
    assert [one.columns for one in found] == [("outcome_code",)]
    assert find(frame, always, own=own, leaks=["outcome_code"])[1] == ()
    assert find(frame, always, own=roles(outcome_only=("outcome_code",)))[1] == ()
    # A tag whose rule asks for the column says no more; a protected one is still searched.
    tags = NamedSlices({"closed": (frame["outcome_code"] == "yes").to_numpy()})
    rule = [{"name": "closed", "condition": "outcome_code == 'yes'"}]
    assert [one.name for one in find(frame, always, tags, own=own, leaks=["site"])[1]]
    assert find(frame, always, tags, own=own, leaks=["outcome_code"], rules=rule)[1] == ()
    weak = find(frame, predictions, own=own, leaks=["outcome_code"])[1]
    assert [one.columns for one in weak] == [("a", "site")]


def test_a_feature_that_gives_the_target_away_is_still_searched():
    frame, predictions, _ = data()
    (weak,) = find(frame, predictions, leaks=["a"])[1]
    assert weak.columns == ("a", "site")


def test_a_tag_is_searched_and_one_that_repeats_a_value_is_not():
    frame, predictions, _ = data(weak=0.1)
    tagged = np.random.default_rng(1).random(2000) < 0.15
    wrong = np.random.default_rng(2).random(2000) < np.where(tagged, 0.5, 0.1)
    other = np.where(frame["y"] == "yes", "no", "yes")
    predictions["predicted"] = np.where(wrong, other, frame["y"])
    tags = NamedSlices({"a=x": (frame["a"] == "x").to_numpy(), "a is blurry": tagged})
    _, weak = find(frame, predictions, tags)
    assert [(one.name, one.columns) for one in weak] == [("a is blurry", ("a",))]


def test_a_project_slice_that_is_a_crossing_is_not_searched_twice():
    frame, predictions, _ = data()
    spec = project(slices=[["a", "site"]]).slices
    _, weak = find(frame, predictions, named_slices(spec, frame))
    assert [one.columns for one in weak] == [("a", "site")]


def test_rows_in_groups_are_counted_by_group():
    frame, predictions, _ = data()
    units = pd.Series(np.arange(2000) // 4, index=frame.index).astype("str")
    finding, weak = find(frame, predictions, units=units, own=roles(group=None))
    assert [one.name for one in weak] == ["a=x & site=s2"]
    assert "rows that share a group" in finding.tables["weak_slices"].note


def test_a_text_stands_by_its_length():
    frame, predictions, planted = data()
    frame["note"] = np.where(planted, "long words", "w")
    frame["note"] = frame["note"].astype("str")
    own = roles(text=("note",), categorical=("a",))
    _, weak = find(frame, predictions, own=own)
    assert [(one.name, one.columns) for one in weak] == [("characters of note=10", ("note",))]
