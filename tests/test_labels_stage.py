"""The stage: each check fires, stays silent and does not apply; test rows choose nothing."""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ProjectFileError
from tasks.labels import check_labels
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project


def make_roles(**changes):
    return Roles(**{"target": "y", "numeric": ("a", "b"), **changes})


def make_project(**labels):
    return Project(name="p", source="x.csv", target="y", labels=labels)


def make_data(rows=120, seed=0):
    """Two classes far apart in `a`; 60 % train, 20 % dev, 20 % test."""
    rng = np.random.default_rng(seed)
    high = np.arange(rows) % 2 == 0
    index = pd.Index([f"k{i:03d}" for i in range(rows)], name="row_key")
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=rows) + np.where(high, 4.0, -4.0),
            "b": rng.normal(size=rows),
            "y": pd.Series(np.where(high, "high", "low"), index=index, dtype="str").to_numpy(),
        },
        index=index,
    )
    frame["y"] = frame["y"].astype("str")
    place = np.arange(rows) % 10 // 2
    side = np.select([place < 3, place == 3], ["train", "dev"], "test")
    return frame, pd.DataFrame({"unit": index.to_numpy(), "side": side}, index=index)


def set_label(frame, keys, label):
    frame = frame.copy()
    frame.loc[keys, "y"] = label
    return frame


def by_id(result):
    return {check.id.removeprefix("label_consistency."): check for check in result.checks}


def test_an_unknown_estimator_is_refused():
    frame, split = make_data()
    project = make_project().model_copy(
        update={
            "training": Project(
                name="p",
                source="x.csv",
                target="y",
                training={"candidates": [{"name": "c", "estimator": "sklearn.nowhere.Nothing"}]},
            ).training
        }
    )
    with pytest.raises(ProjectFileError):
        check_labels(Dataset(frame, split, make_roles()), project)


def test_clean_labels_pass():
    frame, split = make_data()
    result = check_labels(Dataset(frame, split, make_roles()), make_project())
    checks = by_id(result)
    assert result.stage == "label_consistency"
    assert result.outcome == "passed"
    assert {name: checks[name].outcome for name in ("conflicts", "near_conflicts", "issues")} == {
        "conflicts": "passed",
        "near_conflicts": "passed",
        "issues": "passed",
    }
    assert checks["issues"].n == 96
    assert checks["issues"].value == 0
    assert result.summary == "0 conflicts, 0 near conflicts, 0 suspected label issues (0.0%)"
    json.dumps(dict(result.facts), allow_nan=False)


def test_flipped_labels_lead_the_review_list():
    frame, split = make_data()
    flipped = ["k000", "k004", "k010"]  # train rows of class high
    frame = set_label(frame, flipped, "low")
    result = check_labels(Dataset(frame, split, make_roles()), make_project(max_issue_share=0.03))
    review = result.tables["review"].frame
    assert set(review["row_key"].head(3)) == set(flipped)
    assert review["likely_label"].head(3).tolist() == ["high"] * 3
    assert review["rank"].tolist() == list(range(1, len(review) + 1))
    assert "rather than low" in review["reason"].iloc[0]
    check = by_id(result)["issues"]
    assert (check.outcome, check.severity) == ("failed", "info")
    assert check.value == pytest.approx(3 / 96)
    assert check.interval == pytest.approx((0.0107, 0.0879), abs=2e-4)
    assert "not proven errors" in check.detail
    assert result.metrics["label_consistency.issue_share.train"] == pytest.approx(3 / 72)
    quality = result.outputs["label_quality"]
    assert quality.columns.tolist() == ["side", "label", "likely_label", "quality", "issue"]
    assert quality.index[quality["issue"]].tolist() == flipped
    counts = result.tables["issues_by_class"].frame.set_index(["actual", "predicted"])["count"]
    assert counts.to_dict() == {
        ("high", "high"): 45,
        ("high", "low"): 0,
        ("low", "high"): 3,
        ("low", "low"): 48,
    }


def test_a_number_of_suspects_never_blocks():
    frame, split = make_data()
    frame = set_label(frame, ["k000", "k004"], "low")
    project = make_project(max_issue_share=0.01, severity="critical")
    result = check_labels(Dataset(frame, split, make_roles()), project)
    issues = by_id(result)["issues"]
    assert (issues.severity, issues.outcome, result.outcome) == ("info", "failed", "passed")


def test_test_labels_change_nothing_but_their_own_figures():
    frame, split = make_data()
    tests = split.index[split["side"] == "test"]
    before = check_labels(Dataset(frame, split, make_roles()), make_project())
    turned = frame.copy()
    turned.loc[tests, "y"] = frame.loc[tests, "y"].map({"high": "low", "low": "high"})
    after = check_labels(Dataset(turned, split, make_roles()), make_project())
    rest = split["side"] != "test"
    pd.testing.assert_frame_equal(
        before.outputs["label_quality"][rest], after.outputs["label_quality"][rest]
    )
    pd.testing.assert_frame_equal(before.tables["review"].frame, after.tables["review"].frame)
    assert by_id(after)["issues"].value == 0
    assert before.metrics["label_consistency.issue_share.test"] == 0
    assert after.metrics["label_consistency.issue_share.test"] > 0.3
    assert "of 24 test rows, apart" in by_id(after)["issues"].detail


def test_conflicts_are_counted_shown_and_put_on_the_review_list():
    frame, split = make_data()
    frame.loc["k001", ["a", "b"]] = frame.loc["k000", ["a", "b"]]  # low like high; both train
    frame.loc["k009", ["a", "b"]] = frame.loc["k008", ["a", "b"]]  # both test
    result = check_labels(
        Dataset(frame, split, make_roles()), make_project(max_conflict_share=0.01)
    )
    check = by_id(result)["conflicts"]
    assert (check.outcome, check.value, check.n) == ("failed", 2 / 96, 96)
    assert check.detail == (
        "2 of 96 train and dev rows (2.1%) have an equal row with another label; "
        "so have 2 test rows, counted apart."
    )
    assert by_id(result)["near_conflicts"].value == 0
    assert result.tables["conflicts"].frame["row_key"].tolist() == ["k000", "k001", "k008", "k009"]
    review = result.tables["review"].frame.set_index("row_key")
    assert "an equal row has another label" in review.loc["k000", "reason"]
    assert "an equal row has another label" in review.loc["k001", "reason"]
    assert "k008" not in review.index


def test_nearly_equal_rows_have_a_check_of_their_own():
    frame, split = make_data()
    frame.loc["k001", ["a", "b"]] = frame.loc["k000", ["a", "b"]] + 0.0001
    result = check_labels(
        Dataset(frame, split, make_roles()), make_project(max_conflict_share=0.01)
    )
    assert by_id(result)["conflicts"].outcome == "passed"
    assert by_id(result)["near_conflicts"].outcome == "failed"
    assert by_id(result)["near_conflicts"].value == pytest.approx(2 / 96)


def test_the_review_list_is_as_long_as_the_project_says():
    frame, split = make_data()
    result = check_labels(Dataset(frame, split, make_roles()), make_project(review_rows=7))
    assert len(result.tables["review"].frame) == 7


def test_a_class_too_rare_for_the_folds_is_left_out_and_said_so():
    frame, split = make_data()
    frame = set_label(frame, ["k000", "k004"], "odd")
    result = check_labels(Dataset(frame, split, make_roles()), make_project())
    check = by_id(result)["rare_class:odd"]
    assert check.outcome == "not_applicable"
    assert check.n == 2
    assert "3 are needed" in check.detail
    assert by_id(result)["issues"].outcome == "passed"
    assert by_id(result)["issues"].n == 94
    quality = result.outputs["label_quality"]
    assert quality.loc[["k000", "k004"], "quality"].isna().all()
    assert not quality.loc[["k000", "k004"], "issue"].any()


def test_three_rows_of_a_class_are_judged_however_many_folds():
    frame, split = make_data()
    odd = set_label(frame, ["k000", "k002", "k004"], "odd")
    assert make_project().labels.folds == 5
    result = check_labels(Dataset(odd, split, make_roles()), make_project())
    assert "rare_class:odd" not in by_id(result)
    assert result.outputs["label_quality"]["quality"].notna().all()


def test_of_many_rows_a_sample_is_learned_from_and_all_are_judged():
    frame, split = make_data(rows=2_000)
    # A wrong label in every 100th row of the class "high", which is every second row.
    frame = set_label(frame, frame.index[::200], "low")
    result = check_labels(Dataset(frame, split, make_roles()), make_project(fit_rows=1_000))
    said = (
        "Each model learned from a sample of 1,001 of 1,200 train rows (labels.fit_rows), and of "
        "as many in each of 5 folds; all rows are judged."
    )
    assert said in by_id(result)["issues"].detail
    assert said in result.tables["issues_by_class"].note
    assert by_id(result)["issues"].n == 1_600
    quality = result.outputs["label_quality"]
    assert quality["quality"].notna().all()
    # No right label is suspected; two wrong ones stay just below the mean of their class.
    assert len(set(frame.index[::200]) - set(quality.index[quality["issue"]])) == 2
    assert set(quality.index[quality["issue"]]) < set(frame.index[::200])


def test_of_few_rows_nothing_is_said_of_samples():
    frame, split = make_data()
    result = check_labels(Dataset(frame, split, make_roles()), make_project())
    assert "sample" not in by_id(result)["issues"].detail
    assert "sample" not in result.tables["issues_by_class"].note


def test_one_unit_counts_once_however_many_rows_it_has():
    frame, split = make_data()
    frame = set_label(frame, ["k000", "k002", "k004", "k010"], "odd")
    split.loc[["k000", "k002", "k004", "k010"], "unit"] = "k000"
    assert (
        by_id(check_labels(Dataset(frame, split, make_roles()), make_project()))["rare_class:odd"].n
        == 1
    )


def test_one_class_only_is_not_judged():
    frame, split = make_data()
    result = check_labels(
        Dataset(set_label(frame, frame.index, "low"), split, make_roles()), make_project()
    )
    assert {check.outcome for check in result.checks} == {"not_applicable"}
    assert result.outcome == "blocked"


def test_a_model_that_cannot_be_fitted_is_an_error_and_conflicts_are_still_judged():
    frame, split = make_data()
    frame["words"] = pd.Series([f"w{i}" for i in range(120)], index=frame.index, dtype="str")
    roles = make_roles(numeric=(), text=("words",))  # no word occurs twice
    result = check_labels(Dataset(frame, split, roles), make_project())
    assert by_id(result)["issues"].outcome == "error"
    assert "could not be fitted" in by_id(result)["issues"].detail
    assert by_id(result)["conflicts"].outcome == "passed"
    assert result.outcome == "warned"


def test_rows_without_a_label_are_left_out():
    frame, split = make_data()
    frame.loc["k000", "y"] = None
    result = check_labels(Dataset(frame, split, make_roles()), make_project())
    assert "k000" not in result.outputs["label_quality"].index
    assert by_id(result)["issues"].n == 95


def test_rows_without_a_side_take_no_part():
    # A split leaves out later copies of earlier rows.
    frame, split = make_data()
    result = check_labels(
        Dataset(frame, split.drop(["k000", "k050"]), make_roles()), make_project()
    )
    assert {"k000", "k050"}.isdisjoint(result.outputs["label_quality"].index)
    assert len(result.outputs["label_quality"]) == len(frame) - 2


def annotated(frame, differing):
    roles = make_roles(annotators=("one", "two", "three"))
    for name in roles.annotators:
        frame[name] = frame["y"]
    others = frame.loc[differing, "y"].map({"high": "low", "low": "high"})
    frame.loc[differing, "one"] = others
    frame.loc[differing, "two"] = others
    return frame, roles


def test_agreement_below_the_projects_limit_blocks():
    frame, split = make_data()
    frame, roles = annotated(frame, ["k000", "k001", "k008"])
    result = check_labels(Dataset(frame, split, roles), make_project(min_agreement=0.99))
    check = by_id(result)["agreement"]
    assert (check.outcome, check.severity, check.n) == ("failed", "critical", 120)
    # 3 of 120 items have one pair in three that agrees: 1 - 2/3 * 3/120.
    assert result.metrics["label_consistency.percent_agreement"] == pytest.approx(1 - 2 / 120)
    shown = result.tables["consensus"].frame
    assert shown["row_key"].tolist() == ["k000", "k001", "k008"]
    assert shown["consensus"].tolist() == ["low", "high", "low"]
    review = result.tables["review"].frame.set_index("row_key")
    assert review.loc["k000", "reason"] == "most annotators say low"
    assert result.facts["not_consensus"] == 3


def test_agreement_above_the_limit_passes():
    frame, split = make_data()
    frame, roles = annotated(frame, ["k000"])
    check = by_id(check_labels(Dataset(frame, split, roles), make_project(min_agreement=0.8)))[
        "agreement"
    ]
    assert check.outcome == "passed"
    assert check.interval[0] < check.value <= check.interval[1]


def test_agreement_without_a_limit_is_shown_only():
    frame, split = make_data()
    frame, roles = annotated(frame, ["k000"])
    check = by_id(check_labels(Dataset(frame, split, roles), make_project()))["agreement"]
    assert (check.severity, check.outcome, check.limit) == ("info", "passed", None)


def test_agreement_does_not_apply_without_two_labels_an_item():
    frame, split = make_data()
    assert (
        by_id(check_labels(Dataset(frame, split, make_roles()), make_project()))[
            "agreement"
        ].outcome
        == "not_applicable"
    )
    frame["one"] = frame["y"]
    frame["two"] = pd.Series(np.nan, index=frame.index, dtype="str")
    roles = make_roles(annotators=("one", "two"))
    check = by_id(check_labels(Dataset(frame, split, roles), make_project(min_agreement=0.5)))[
        "agreement"
    ]
    assert (check.outcome, check.n) == ("not_applicable", 0)


def test_the_same_input_gives_the_same_result():
    frame, split = make_data()
    frame = set_label(frame, ["k000"], "low")
    first = check_labels(Dataset(frame, split, make_roles()), make_project())
    second = check_labels(Dataset(frame, split, make_roles()), make_project())
    assert first.checks == second.checks
    pd.testing.assert_frame_equal(first.outputs["label_quality"], second.outputs["label_quality"])
    pd.testing.assert_frame_equal(first.tables["review"].frame, second.tables["review"].frame)


def test_with_many_classes_the_commonest_suspects_stand_in_for_the_matrix():
    rng = np.random.default_rng(0)
    index = pd.Index([f"k{i:03d}" for i in range(600)], name="row_key")
    kind = np.arange(600) % 15
    frame = pd.DataFrame(
        {"a": kind * 1.0, "b": rng.normal(size=600), "y": [f"c{k:02d}" for k in kind]}, index=index
    )
    for position in range(15):
        frame[f"is_{position}"] = (kind == position) * 1.0
    frame["y"] = frame["y"].astype("str")
    frame = set_label(frame, ["k000", "k015", "k030"], "c09")
    frame = set_label(frame, ["k001"], "c09")
    split = pd.DataFrame({"unit": index.to_numpy(), "side": "train"}, index=index)
    roles = make_roles(numeric=("a", "b", *(f"is_{position}" for position in range(15))))
    result = check_labels(Dataset(frame, split, roles), make_project())
    assert result.figures == ()
    pairs = result.tables["issues_by_class"].frame
    # Three rows of class 0 against one of class 1 carry the label c09.
    assert pairs.loc[0, ["actual", "predicted"]].tolist() == ["c09", "c00"]
    assert pairs["count"].is_monotonic_decreasing
    assert pairs["count"].min() >= 1
    assert (pairs["actual"] != pairs["predicted"]).all()
