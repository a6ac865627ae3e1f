"""What the stage says of ratings: each check fires, stays silent and does not apply."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, small_rows, write_small
from test_labels_stage import make_data, make_roles

from tasks.labels.probabilities import LabelProbabilities
from tasks.labels.rating_findings import judge_ratings
from tasks.project.dataset import Dataset
from tasks.project.sections import Project

DATA = Path(__file__).resolve().parent.parent / "data" / "sentiment_raters"
NO_MODEL = LabelProbabilities(reason="no model was asked for")


def make_project(slices=(), **labels):
    return Project(name="p", source="x.csv", target="y", labels=labels, slices=slices)


def annotated(differing, names=("one", "two", "three"), rows=120):
    """Annotators who say the label; those named in `differing` say the other on its rows."""
    frame, split = make_data(rows)
    other = frame["y"].map({"high": "low", "low": "high"})
    for name in names:
        frame[name] = frame["y"]
        keys = differing.get(name, [])
        frame.loc[keys, name] = other[keys]
    return frame, split, make_roles(annotators=tuple(names))


def judged(frame, split, roles, project, probabilities=NO_MODEL, path=None):
    found = judge_ratings(Dataset(frame, split, roles), project, probabilities, path)
    checks = [check for finding in found for check in finding.checks]
    for finding in found:
        json.dumps(dict(finding.facts), allow_nan=False)
    return (
        {check.id.removeprefix("label_consistency."): check for check in checks},
        {name: table.frame for finding in found for name, table in finding.tables.items()},
        {name: frame for finding in found for name, frame in finding.outputs.items()},
    )


# Nothing is labelled twice


def test_without_ratings_human_level_is_unknown_and_says_what_is_needed():
    frame, split = make_data()
    checks, tables, outputs = judged(frame, split, make_roles(), make_project())
    assert set(checks) == {"agreement", "human_level"}
    assert {check.outcome for check in checks.values()} == {"not_applicable"}
    assert checks["human_level"].detail == (
        "Human-level performance is unknown: no item is labelled by two people. Have 139 items "
        "drawn at random labelled by a second person, for a 95 % interval of +-0.05 at an "
        "agreement of 0.9: n = 1.96^2 x 0.9 x 0.1 / 0.05^2."
    )
    assert outputs["human_level"].empty
    assert tables == {}


def test_a_limit_that_cannot_be_judged_blocks():
    frame, split = make_data()
    checks, _, _ = judged(frame, split, make_roles(), make_project(min_agreement=0.5))
    assert (checks["agreement"].outcome, checks["agreement"].blocks) == ("not_applicable", True)
    checks, _, _ = judged(frame, split, make_roles(), make_project())
    assert not checks["agreement"].blocks


# Agreement


def test_an_agreement_that_the_interval_leaves_open_is_said():
    frame, split, roles = annotated({"one": ["k000", "k003"]})
    checks, _, _ = judged(frame, split, roles, make_project(min_agreement=0.97))
    check = checks["agreement"]
    assert (check.outcome, check.severity) == ("passed", "critical")
    assert check.interval[0] < 0.97 < check.value
    assert check.detail.endswith("Its interval reaches below the limit.")


@pytest.mark.parametrize(
    ("rows", "outcome"), [(2, "not_applicable"), (35, "not_applicable"), (36, "passed")]
)
def test_too_few_items_cannot_meet_a_limit(rows, outcome):
    # 29 of 35, and 30 of 36 items are train and dev, and 30 are needed.
    frame, split, roles = annotated({}, rows=rows)
    checks, _, _ = judged(frame, split, roles, make_project(min_agreement=0.8))
    check = checks["agreement"]
    assert (check.outcome, check.value, check.n) == (outcome, 1.0, rows)
    assert check.blocks == (outcome != "passed")
    assert ("needs 30 train and dev items" in check.detail) == check.blocks
    without = judged(frame, split, roles, make_project())[0]["agreement"]
    assert (without.outcome, without.blocks) == ("passed", False)


def test_a_class_too_rare_for_an_interval_cannot_meet_a_limit():
    frame, split, roles = annotated({})
    frame["y"] = frame["one"] = frame["two"] = frame["three"] = "low"
    frame.loc["k000", ["y", "one", "two", "three"]] = "high"
    checks, _, _ = judged(frame, split, roles, make_project(min_agreement=0.8))
    assert (checks["agreement"].outcome, checks["agreement"].interval) == ("not_applicable", None)
    assert checks["agreement"].blocks


def test_the_limit_is_judged_on_train_and_dev_and_test_is_told_apart():
    # 24 of 120 rows are test; both people differ on each of them and nowhere else.
    tests = [f"k{n:03d}" for n in range(120) if n % 10 in (8, 9)]
    frame, split, roles = annotated({"one": tests}, names=("one", "two"))
    checks, tables, _ = judged(frame, split, roles, make_project(min_agreement=0.8))
    assert (checks["agreement"].outcome, checks["agreement"].n) == ("passed", 120)
    assert checks["agreement"].value < 0.8
    assert "judged on the 96 train and dev items: 1.000" in checks["agreement"].detail
    shown = tables["agreement"].set_index("coefficient")["value"]
    assert shown["Krippendorff's alpha, nominal, train and dev items"] == 1.0
    assert shown["Krippendorff's alpha, nominal, test items"] < 0
    split["side"] = split["side"].map({"train": "test", "dev": "test", "test": "train"})
    checks, _, _ = judged(frame, split, roles, make_project(min_agreement=-2))
    assert checks["agreement"].outcome == "not_applicable"


def test_the_severity_of_a_limit_is_the_projects():
    frame, split, roles = annotated({"one": [f"k{n:03d}" for n in range(60)]})
    project = make_project(min_agreement=0.9, agreement_severity="warning")
    check = judged(frame, split, roles, project)[0]["agreement"]
    assert (check.outcome, check.severity, check.blocks) == ("failed", "warning", False)


def test_the_scale_of_the_project_is_judged():
    frame, split = make_data(60)
    frame["one"], frame["two"] = "1", "1"
    frame.loc[frame.index[::3], ["one", "two"]] = ["1", "2"]
    frame.loc[frame.index[::4], ["one", "two"]] = "9"
    roles = make_roles(annotators=("one", "two"))
    project = make_project(scale="interval")
    checks, tables, _ = judged(frame, split, roles, project)
    assert "Krippendorff's alpha (interval)" in checks["agreement"].detail
    names = tables["agreement"].set_index("coefficient")["value"]
    assert names.iloc[0] > names.iloc[1] + 0.1
    assert "not in the classes of the target" in checks["human_level"].detail
    assert checks["consensus"].outcome == "not_applicable"


def test_labels_that_are_none_of_the_classes_are_set_aside_and_judged():
    frame, split, roles = annotated({})
    frame.loc["k000", "one"] = "hihg"
    checks, _, _ = judged(frame, split, roles, make_project())
    assert checks["ratings"].outcome == "passed"
    assert checks["ratings"].detail.startswith("1 of 360 labels of the annotators")
    assert checks["agreement"].value == 1.0
    checks, _, _ = judged(frame, split, roles, make_project(max_unusable_ratings=0.001))
    assert checks["ratings"].blocks


# Annotators


def test_the_annotator_who_stands_apart_is_named():
    frame, split, roles = annotated({"two": [f"k{n:03d}" for n in range(40)]})
    checks, tables, _ = judged(frame, split, roles, make_project())
    assert checks["annotators"].value == pytest.approx(80 / 120)
    assert checks["annotators"].detail.startswith("'two' agrees with the others on 66.7% of 120")
    assert "reads differently" in checks["annotators"].detail
    assert tables["annotators"]["annotator"].tolist() == ["two", "one", "three"]
    assert tables["annotator_pairs"]["n"].tolist() == [120, 120, 120]
    assert tables["pair_confusion"]["n"].sum() == 80


def test_raters_who_are_anonymous_are_not_told_apart():
    frame, split, roles = annotated({"two": ["k000"]})
    checks, tables, _ = judged(frame, split, roles, make_project(anonymous=True))
    assert "annotators" not in checks
    assert "annotators" not in tables
    assert checks["agreement"].n == 120


# Consensus


def test_all_methods_stand_beside_the_chosen_one():
    frame, split, roles = annotated({"one": ["k000", "k001"], "two": ["k000"]})
    matrix = np.where((frame["y"] == "high").to_numpy()[:, None], [0.9, 0.1], [0.1, 0.9])
    model = LabelProbabilities(classes=("high", "low"), matrix=matrix)
    checks, tables, outputs = judged(frame, split, roles, make_project(), model)
    methods = tables["consensus_methods"]
    assert methods["method"].tolist() == ["majority", "dawid_skene", "model_assisted"]
    assert methods["method"][methods["chosen"]].tolist() == ["dawid_skene"]
    # Two of three say another class on k000: the label is the consensus on 119 of 120.
    assert methods["is_label"][0] == pytest.approx(119 / 120)
    assert tables["consensus"]["row_key"].tolist()[0] == "k000"
    assert outputs["consensus"].loc["k000", "consensus"] == "low"
    assert checks["consensus"].outcome == "passed"
    chosen = judged(frame, split, roles, make_project(consensus="majority"), model)[1]
    assert chosen["consensus_methods"]["chosen"].tolist() == [True, False, False]


def test_a_model_that_is_not_there_cannot_assist():
    frame, split, roles = annotated({})
    checks, _, outputs = judged(frame, split, roles, make_project(consensus="model_assisted"))
    assert (checks["consensus"].outcome, checks["consensus"].severity) == (
        "not_applicable",
        "warning",
    )
    assert "consensus" not in outputs


def test_ties_and_weak_consensus_are_listed():
    frame, split, roles = annotated({"one": ["k000"]}, names=("one", "two"))
    checks, tables, _ = judged(frame, split, roles, make_project())
    assert "119 items with two labels or more are settled, 1 are tied and 1 weak" in (
        checks["consensus"].detail
    )
    row = tables["consensus"].iloc[0]
    assert (row["row_key"], row["tied"], row["confidence"]) == ("k000", True, 0.5)


# Human level


def test_human_level_rests_on_train_and_dev_and_tells_test_apart():
    # Rows k008 and k009 of every ten are test: people differ there and nowhere else.
    tests = [f"k{n:03d}" for n in range(120) if n % 10 in (8, 9)]
    frame, split, roles = annotated({"one": tests}, names=("one", "two"))
    project = make_project(slices=[{"condition": "y == 'high'", "name": "tall"}])
    checks, tables, outputs = judged(frame, split, roles, project)
    assert (checks["human_level"].value, checks["human_level"].n) == (1.0, 96)
    assert "(0.0% of 24 test items, apart)" in checks["human_level"].detail
    level = outputs["human_level"]
    assert set(level["of"]) == {"overall", "class", "slice"}
    tall = level[level["name"] == "tall"].iloc[0]
    assert (tall["metric"], tall["value"], tall["n"]) == ("accuracy", 1.0, 48)
    assert tables["human_level"]["of"].tolist()[-1] == "test"


def test_high_agreement_says_that_a_shared_error_counts_as_agreement():
    frame, split, roles = annotated({})
    checks, _, _ = judged(frame, split, roles, make_project())
    assert "an error that all share counts as agreement" in checks["human_level"].detail
    habit = checks["shared_habit"]
    assert (habit.outcome, habit.value) == ("not_applicable", 1.0)
    assert "nothing here tells truth from a shared habit" in habit.detail


def test_a_consensus_that_the_label_denies_is_a_shared_habit():
    wrong = [f"k{n:03d}" for n in range(0, 120, 4)]
    frame, split, roles = annotated(dict.fromkeys(("one", "two", "three"), wrong))
    checks, _, _ = judged(frame, split, roles, make_project())
    habit = checks["shared_habit"]
    # 24 of the 96 train and dev rows.
    assert (habit.outcome, habit.severity, habit.value) == ("failed", "warning", 0.75)
    assert habit.detail.startswith("People agree with each other on 100.0%, but the consensus is")


def test_a_consensus_that_the_label_bears_out_passes():
    differing = {
        name: [f"k{n:03d}" for n in range(place, 120, 12)]
        for place, name in enumerate(("one", "two", "three"))
    }
    frame, split, roles = annotated(differing)
    frame.loc["k000", "y"] = "low"
    checks, _, _ = judged(frame, split, roles, make_project())
    assert checks["shared_habit"].outcome == "passed"
    assert checks["human_level"].value < checks["shared_habit"].value < 0.995


# The long form


def test_the_same_labels_in_both_forms_give_the_same(tmp_path):
    frame, split, roles = annotated({"one": ["k000", "k001"], "three": ["k001", "k020"]})
    frame["name"] = frame.index.str.upper()
    long = frame.melt("name", ["one", "two", "three"], "who", "label").sample(
        frac=1, random_state=0
    )
    long.rename(columns={"name": "item"}).to_csv(tmp_path / "r.csv", index=False)
    wide = judged(frame, split, roles, make_project())[0]
    project = make_project(
        ratings={"path": "r.csv", "annotator": "who", "matches": "name"},
    )
    plain = make_roles()
    found = judged(frame, split, plain, project, path=tmp_path / "r.csv")[0]
    assert found.pop("ratings").outcome == "passed"
    assert {n: (c.value, c.n) for n, c in found.items()} == {
        n: (c.value, c.n) for n, c in wide.items()
    }


def test_somebody_who_labels_again_shows_his_self_consistency(tmp_path):
    frame, split = make_data()
    lines = ["item,who,label"]
    for key, label in frame["y"].items():
        lines += [f"{key},ann,{label}", f"{key},bob,{label}", f"{key},ann,{label}"]
    lines[-1] = lines[-1].replace("high", "x").replace("low", "high").replace("x", "low")
    (tmp_path / "r.csv").write_text("\n".join(lines) + "\n")
    project = make_project(ratings={"path": "r.csv", "annotator": "who"})
    checks, tables, _ = judged(frame, split, make_roles(), project, path=tmp_path / "r.csv")
    assert checks["self_consistency"].value == pytest.approx(119 / 120)
    assert tables["self_consistency"]["annotator"].tolist() == ["ann"]
    assert checks["agreement"].n == 119


@pytest.mark.skipif(
    "ASSAYLINE_DATASETS" not in os.environ,
    reason="ASSAYLINE_DATASETS names no folder with crowd_labels",
)
def test_people_who_all_say_the_same_and_are_wrong_are_shown(tmp_path):
    # Every item of task_spam has labels of one class only, and a third of its gold is another.
    folder = Path(os.environ["ASSAYLINE_DATASETS"]) / "crowd_labels"
    gold = pd.read_csv(folder / "task_spam_gold.csv", dtype="str").set_index("item")
    frame = gold.rename(columns={"gold": "y"}).rename_axis("row_key")
    split = pd.DataFrame({"unit": frame.index, "side": "train"}, index=frame.index)
    said = pd.read_parquet(folder / "task_spam_labels.parquet")
    said[said["item"].isin(frame.index)].to_parquet(tmp_path / "said.parquet")
    project = make_project(ratings={"path": "said.parquet", "annotator": "worker"})
    roles = make_roles(numeric=())
    checks, tables, _ = judged(frame, split, roles, project, path=tmp_path / "said.parquet")
    assert checks["agreement"].value == 1.0
    assert checks["self_consistency"].value == 1.0
    assert (checks["shared_habit"].outcome, checks["shared_habit"].value) == ("failed", 0.66)
    assert set(tables["consensus_methods"]["is_label"]) == {0.66}


# Whole runs

RATED = SMALL.replace(
    "labels: {max_issue_share: 0.5}",
    """key: id
labels:
  max_issue_share: 0.5
  min_agreement: 0.5
  ratings: {path: said.csv, item: id}""",
)


@pytest.fixture
def rated(tmp_path, request):
    """The small project with three anonymous labels a row, one of ten of them wrong."""
    rows = small_rows()
    rows.insert(0, "id", [f"c{n:03d}" for n in range(len(rows))])
    rng = np.random.default_rng(0)
    said = pd.concat([rows[["id", "bought"]]] * 3).rename(columns={"bought": "label"})
    wrong = rng.random(len(said)) < 0.1
    said.loc[wrong, "label"] = said["label"][wrong].map({"yes": "no", "no": "yes"})
    said.to_csv(tmp_path / "said.csv", index=False)
    name = request.node.name.lower()
    return write_small(tmp_path, name=name, text=RATED, rows=rows)


def stage_of(document, name):
    return next(one for one in document["stages"] if one["name"] == name)


def check_of(document, stage, name):
    return next(c for c in stage_of(document, stage)["checks"] if c["id"] == f"{stage}.{name}")


def test_ratings_reach_the_ladder_and_the_priorities(rated, assayline):
    code, document, _ = assayline(rated)
    assert code in (0, 4, 5)
    level = check_of(document, "label_consistency", "human_level")
    assert level["value"] == pytest.approx(0.85, abs=0.05)
    assert check_of(document, "baselines", "hlp")["value"] == level["value"]
    # Another limit runs the label stage alone; another rating, and what follows from people.
    _, again, _ = assayline(rated, "--set", "labels.min_agreement=0.4")
    ran = {one["name"] for one in again["stages"] if not one["cached"]}
    assert ran == {"label_consistency", "promotion"}
    said = rated.parent / "said.csv"
    lines = said.read_text().splitlines()
    lines[1] = lines[1].replace("no", "x").replace("yes", "no").replace("x", "yes")
    said.write_text("\n".join(lines) + "\n")
    _, third, _ = assayline(rated)
    ran = {one["name"] for one in third["stages"] if not one["cached"]}
    assert {"label_consistency", "baselines", "error_analysis"} <= ran
    assert not ran & {"ingestion", "validation", "splitting", "leakage", "training"}


def test_ratings_that_name_no_row_refuse_the_data(rated, assayline):
    said = rated.parent / "said.csv"
    said.write_text(said.read_text().replace("c0", "d0"))
    code, document, _ = assayline(rated)
    assert code == 3
    assert document["refused_by"] == ["label_consistency.ratings"]


def test_ratings_that_are_not_there_are_said_before_anything_runs(rated, assayline):
    (rated.parent / "said.csv").unlink()
    code, document, err = assayline(rated)
    assert (code, document) == (2, None)
    assert "no ratings at" in err
    assert "labels.ratings.path" in err


def test_a_column_that_the_data_lack_is_said(rated, assayline):
    code, _, err = assayline(rated, "--set", "labels.ratings.matches=nowhere")
    assert (code, "'nowhere' in labels.ratings.matches" in err) == (2, True)


def test_a_replay_is_given_the_ratings_of_then(rated, assayline, replay_here, capsys):
    from flows.cli import main

    code, document, _ = assayline(rated)
    assert document["candidate_version"] == "1", code
    (rated.parent / "said.csv").write_text("id,label\n")
    code = main(["replay", str(rated), "1", "--json", "--here"])
    printed = capsys.readouterr()
    assert (code, json.loads(printed.out)["sentence"].startswith("equal")) == (0, True), printed.out


# Few folds and one setting: nothing in these two is about the model.
QUICK = (
    "--set=labels.folds=2",
    "--set=training.candidates="
    "[{name: one, estimator: sklearn.linear_model.LogisticRegression, params: {C: 0.3}}]",
)


def test_labels_that_people_agree_on_pass(assayline):
    code, document, _ = assayline(DATA / "product_reviews.yaml", *QUICK)
    agreement = check_of(document, "label_consistency", "agreement")
    assert code != 3
    assert (round(agreement["value"], 3), agreement["limit"]) == (0.691, 0.6)
    assert (agreement["outcome"], agreement["n"]) == ("passed", 3708)
    level = check_of(document, "label_consistency", "human_level")
    assert level["value"] == pytest.approx(0.868, abs=0.001)
    assert check_of(document, "baselines", "hlp")["value"] == level["value"]


def test_labels_that_people_do_not_agree_on_are_refused(assayline):
    code, document, _ = assayline(DATA / "editorials.yaml", *QUICK)
    agreement = check_of(document, "label_consistency", "agreement")
    assert (code, document["refused_by"]) == (3, ["label_consistency.agreement"])
    assert round(agreement["value"], 3) == 0.365
