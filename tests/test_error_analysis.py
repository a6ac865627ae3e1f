"""Error analysis: the textbook's priorities, the four numbers by hand, what is too small."""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis import analyse_errors, priority
from tasks.error_analysis.priorities import Reference, choose_reference, rank_tags
from tasks.error_analysis.tags import Tag
from tasks.errors import ProjectFileError
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project

NO_LADDER = [
    {"name": "constant", "metric": "accuracy", "value": 0.99, "kind": "constant"},
    {"name": "quick", "metric": "average_precision", "value": 0.95, "kind": "quick"},
]


def project(**more):
    values = {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes"}
    return Project.model_validate({**values, "gate": {"replicates": 200}, **more})


def roles(positive="yes", **more):
    return Roles(**{"target": "y", "positive_class": positive, "categorical": ("g",), **more})


def data(counts, train=("no",)):
    """Dev rows from (g, label, predicted): how many; train rows only give the commonest class."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    groups, labels, predicted = zip(*rows, strict=True)
    index = pd.Index([f"r{place:03d}" for place in range(len(rows) + len(train))], name="row_key")
    learned = len(train)
    frame = pd.DataFrame({"g": [*groups, *["a"] * learned], "y": [*labels, *train]}, index=index)
    sides = ["dev"] * len(rows) + ["train"] * learned
    split = pd.DataFrame({"side": sides, "unit": index.to_numpy()}, index=index)
    predictions = pd.DataFrame({"predicted": list(predicted)}, index=index[: len(rows)])
    for name in sorted({*labels, *predicted}):
        predictions[f"p:{name}"] = np.where(predictions["predicted"] == name, 0.8, 0.1)
    strings = {"g": "str", "y": "str"}
    return frame.astype(strings), split, predictions.astype({"predicted": "str"})


# 100 dev rows, 12 errors: g=b has 30 of the rows and 9 of the errors.
COUNTS = {
    ("a", "no", "no"): 58,
    ("a", "no", "yes"): 1,
    ("a", "yes", "yes"): 9,
    ("a", "yes", "no"): 2,
    ("b", "no", "no"): 15,
    ("b", "no", "yes"): 3,
    ("b", "yes", "yes"): 6,
    ("b", "yes", "no"): 6,
}


def analyse(counts=COUNTS, ladder=(), positive="yes", train=("no",), **more):
    frame, split, predictions = data(counts, train)
    chosen = project(positive_class=positive, **more)
    return analyse_errors(Dataset(frame, split, roles(positive)), chosen, predictions, ladder)


def check(result, name):
    return next(c for c in result.checks if c.id == f"error_analysis.{name}")


@pytest.mark.parametrize(
    ("noise", "hlp", "accuracy", "share", "points"),
    [
        ("clean", 0.95, 0.94, 0.60, 0.6),
        ("car", 0.93, 0.89, 0.04, 0.16),
        ("people", 0.89, 0.87, 0.30, 0.6),
        ("low bandwidth", 0.70, 0.70, 0.06, 0.0),
    ],
)
def test_the_textbook_example_of_speech(noise, hlp, accuracy, share, points):
    assert priority(hlp, accuracy, share) == pytest.approx(points, abs=1e-12), noise


def test_a_tag_above_the_reference_has_no_room():
    assert priority(0.8, 0.9, 0.5) == 0.0


def test_a_slice_that_the_data_does_not_have_is_refused():
    with pytest.raises(ProjectFileError, match="did you mean 'g'"):
        analyse(slices=["gg"])
    with pytest.raises(ProjectFileError, match="position 1"):
        analyse(error_analysis={"tags": [{"condition": "gg == 'a'"}]})


def test_the_four_numbers_by_hand():
    table = analyse(slices=["g"]).tables["tags"].frame.set_index("tag")
    row = table.loc["g=b"]
    assert (row["n"], row["errors"]) == (30, 9)
    assert row["share_of_errors"] == 9 / 12
    assert row["error_rate"] == 9 / 30
    assert row["share_of_data"] == 30 / 100
    assert row["room"] == pytest.approx(0.88 - 0.70)
    # Wilson's interval of 9 of 30, as statsmodels 0.14 gives it.
    assert row["error_rate_low"] == pytest.approx(0.166649, abs=1e-4)
    assert row["error_rate_high"] == pytest.approx(0.478758, abs=1e-4)
    assert set(table.index) == {"g=a", "g=b", "y=no", "y=yes"}


def test_priorities_are_ranked_and_told_in_a_sentence():
    result = analyse(slices=["g"])
    first = result.facts["priorities"][0]
    # y=yes: 8 of 23 wrong; room 0.88 - 15/23, share 0.23. g=b: room 0.18, share 0.30.
    assert [p["name"] for p in result.facts["priorities"]] == ["y=yes", "g=b"]
    assert first["gain_points"] == pytest.approx(100 * (0.88 - 15 / 23) * 0.23)
    assert first["low"] < first["gain_points"] < first["high"]
    assert result.facts["priorities"][1]["sentence"] == (
        "Rows with g=b are 30% of the dev data and 75% of its errors: 9 of 30 are predicted "
        "wrongly (30.0%, against 12.0% over all); reaching 88.0% right (the model's accuracy on "
        "all dev rows) would remove 5 errors and win 5.4 points of accuracy."
    )
    ranked = result.tables["priorities"].frame["label"].tolist()
    assert ranked == ["y=yes", "g=b", "g=a", "y=no"]
    json.dumps(dict(result.facts), allow_nan=False)


def test_the_lower_bound_ranks_before_the_gain():
    wide = Tag.counted("wide", n=500, wrong=40, rows=1000, errors=60)
    sure = Tag.counted("sure", n=30, wrong=15, rows=1000, errors=60)
    ranked = rank_tags([wide, sure], Reference(0.95, "HLP"), min_rows=10)
    # sure: (0.95 - 0.50) * 3 %; wide: (0.95 - 0.92) * 50 %.
    assert [p.tag.name for p in ranked] == ["sure", "wide"]
    assert [p.gain_points for p in ranked] == pytest.approx([1.35, 1.5])
    assert ranked[0].low > ranked[1].low > 0


def test_the_reference_is_the_highest_comparable_accuracy():
    hlp = {"name": "experts", "metric": "accuracy", "value": 0.97}
    told = project(baselines={"hlp": hlp})
    assert choose_reference(told, NO_LADDER, 0.9).accuracy == 0.97
    assert choose_reference(project(), NO_LADDER, 0.9).accuracy == 0.9
    rung = {"name": "champion", "metric": "accuracy", "value": 0.93, "kind": "champion"}
    assert choose_reference(project(), [*NO_LADDER, rung], 0.9) == Reference(
        0.93, "the baseline champion"
    )
    unknown = {**rung, "value": None}
    assert choose_reference(project(), [unknown], 0.9).accuracy == 0.9
    other = project(baselines={"hlp": {**hlp, "metric": "recall"}})
    assert choose_reference(other, [], 0.9).accuracy == 0.9


def test_a_small_tag_is_shown_and_not_ranked():
    counts = {**COUNTS, ("c", "yes", "no"): 9}
    result = analyse(counts, slices=["g"])
    table = result.tables["tags"].frame.set_index("tag")
    assert table.loc["g=c", "status"] == "too small to judge"
    assert "g=c" not in [p["name"] for p in result.facts["priorities"]]
    assert "1 have fewer than the 10 dev rows" in check(result, "tags").detail


def test_a_tag_that_every_row_has_is_not_ranked():
    result = analyse(error_analysis={"tags": [{"condition": "notnull(g)", "name": "all"}]})
    assert result.tables["tags"].frame.set_index("tag").loc["all", "status"] == "every row has it"


def test_without_slices_or_tags_there_is_advice():
    found = check(analyse(), "tags")
    assert found.outcome == "not_applicable"
    assert "name columns or conditions" in found.detail
    assert check(analyse(slices=["g"]), "tags").outcome == "passed"


def test_errors_are_counted_with_their_interval():
    found = check(analyse(), "errors")
    assert (found.value, found.n, found.outcome) == (0.12, 100, "passed")
    assert found.interval == pytest.approx((0.0700, 0.1981), abs=1e-4)


def test_a_model_that_a_constant_beats_is_warned_of():
    result = analyse({("a", "no", "no"): 60, ("a", "no", "yes"): 30, ("a", "yes", "yes"): 10})
    found = check(result, "skew")
    assert (found.outcome, found.severity, found.value, found.limit) == (
        "failed",
        "warning",
        0.7,
        0.9,
    )
    assert "judge by precision and recall" in found.detail
    assert check(analyse(), "skew").outcome == "passed"


def test_accuracy_says_something_only_where_the_model_has_more_of_it():
    told = "accuracy says something here"
    # 12 rows are right that "no" misses, and 4 the other way: Tango's interval is 0.2 to 16.
    assert told in check(analyse(), "skew").detail
    # As often right as the constant: 10 gained and 10 lost.
    level = {("a", "no", "no"): 70, ("a", "no", "yes"): 10, ("a", "yes", "yes"): 10}
    found = check(analyse({**level, ("a", "yes", "no"): 10}), "skew")
    assert (found.outcome, found.value, found.limit) == ("failed", 0.8, 0.8)
    assert told not in found.detail
    # One more: better, and not shown to be.
    found = check(analyse({**level, ("a", "yes", "yes"): 11, ("a", "yes", "no"): 9}), "skew")
    assert (found.outcome, found.value, found.limit) == ("passed", 0.81, 0.8)
    assert told not in found.detail
    assert "that the model is better is not shown" in found.detail


SKEWED = {("a", "no", "no"): 966, ("a", "yes", "yes"): 14, ("a", "yes", "no"): 20}


@pytest.mark.parametrize("section", ["training", "gate"])
def test_accuracy_on_skewed_data_is_warned_of_though_the_model_beats_the_constant(section):
    found = check(analyse(SKEWED, **{section: {"metric": "accuracy"}}), "skew")
    assert (found.outcome, found.severity) == ("failed", "warning")
    assert (found.value, found.limit) == (0.98, 0.966)
    assert 'print("no"), which always answers' in found.detail
    assert "reaches 96.6% on the dev rows, the model 98.0%" in found.detail


def test_accuracy_is_not_warned_of_where_it_does_not_decide_or_classes_are_even():
    assert check(analyse(SKEWED), "skew").outcome == "passed"
    even = {("a", "no", "no"): 70, ("a", "yes", "yes"): 30}
    assert check(analyse(even, training={"metric": "accuracy"}), "skew").outcome == "passed"


def test_a_class_that_is_never_predicted_is_warned_of():
    counts = {("a", "no", "no"): 40, ("a", "yes", "no"): 12, ("a", "rare", "rare"): 3}
    result = analyse(counts, positive=None)
    never = check(result, "class_recall:yes")
    assert (never.outcome, never.severity, never.value, never.n) == ("failed", "warning", 0, 12)
    assert check(result, "class_recall:no").outcome == "passed"
    small = check(result, "class_recall:rare")
    assert (small.outcome, small.n) == ("not_applicable", 3)
    assert "at least 10 such rows are needed" in small.detail


def test_a_class_without_dev_rows_is_not_judged():
    found = check(analyse(train=("no", "other"), positive=None), "class_recall:other")
    assert (found.outcome, found.n, found.value) == ("not_applicable", 0, None)


def test_the_surest_errors_come_first_with_their_features():
    frame, split, predictions = data(COUNTS)
    wrong = (predictions["predicted"] != frame["y"].reindex(predictions.index)).to_numpy()
    surest = predictions.index[wrong][5]
    predictions.loc[surest, f"p:{predictions.loc[surest, 'predicted']}"] = 0.99
    result = analyse_errors(Dataset(frame, split, roles()), project(), predictions, [])
    table = result.tables["confident_errors"].frame
    assert len(table) == 12
    assert table.loc[0, "row_key"] == surest
    assert table.loc[0, "probability"] == 0.99
    assert list(table) == [
        *("row_key", "true_label", "predicted_label", "probability", "reading"),
        *("nearest_labels", "features", "nearest_train_row"),
    ]
    assert table.loc[0, "features"] == frame.loc[surest, "g"]


def test_no_dev_rows_judge_nothing():
    frame, split, predictions = data(COUNTS)
    split["side"] = "train"
    result = analyse_errors(Dataset(frame, split, roles()), project(), predictions, [])
    assert [c.outcome for c in result.checks] == ["not_applicable"]
    assert result.outcome == "blocked"


def test_the_same_inputs_give_the_same_result():
    one, other = analyse(slices=["g"]), analyse(slices=["g"])
    assert one.checks == other.checks
    assert one.metrics == other.metrics
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table.frame, other.tables[name].frame)


def test_metrics_and_figures_name_what_they_show():
    result = analyse(slices=["g"], training={"metric": "accuracy"})
    assert result.metrics["dev.accuracy"] == 0.88
    assert result.metrics["dev.accuracy.g=b"] == 0.7
    assert result.metrics["dev.recall.yes"] == pytest.approx(15 / 23)
    by_slice = result.tables["by_slice"].frame
    assert by_slice["label"].tolist() == ["overall", "g=a", "g=b"]
    assert {f.kind: set(result.tables[f.table].frame) for f in result.figures} == {
        "confusion": {"actual", "predicted", "count"},
        "bars": {"label", "value", "low", "high", "room", "share", "n", "reference", "advice"},
        "intervals": {"label", "value", "low", "high", "n"},
    }


def test_a_slice_with_one_class_has_no_ranking_metric():
    counts = {**COUNTS, ("c", "no", "no"): 20}
    result = analyse(counts, slices=["g"])
    assert "g=c" not in result.tables["by_slice"].frame["label"].tolist()
    assert "g=c" in result.tables["by_slice"].note


def test_accuracy_stands_in_where_slices_lack_classes():
    counts = {("a", "u", "u"): 19, ("a", "w", "w"): 1, ("b", "v", "v"): 15, ("b", "v", "u"): 5}
    counts[("b", "w", "w")] = 3
    result = analyse(counts, positive=None, slices=["g"], training={"metric": "macro_f1"})
    by_slice = result.tables["by_slice"]
    assert by_slice.title == "accuracy by slice (dev)"
    assert by_slice.note.startswith("macro_f1 is not defined on most of these slices")
    assert by_slice.frame.set_index("label").loc["g=b", "value"] == pytest.approx(18 / 23)
    assert result.metrics["dev.accuracy.g=a"] == 1.0
    assert "dev.macro_f1" in result.metrics


def test_a_model_without_errors_has_nothing_to_work_on():
    result = analyse({("a", "no", "no"): 30, ("b", "yes", "yes"): 20}, slices=["g"])
    assert result.facts["priorities"] == []
    assert "no tag stands out" in result.summary
    json.dumps(dict(result.facts), allow_nan=False)
