"""`import assayline`: light, found under its name, and equal to what the stages find."""

import doctest
import subprocess
import sys
import zipfile
from pathlib import Path

import assayline
import numpy as np
import pandas as pd
import pytest
from assayline import Roles
from hatchling.builders.wheel import WheelBuilder

from tasks.error_analysis import analyse_errors
from tasks.gate.contest import Contest
from tasks.ingestion import ingest
from tasks.labels import check_labels
from tasks.leakage import find_leaks
from tasks.performance_audit.groups import AuditedRows, compare_groups
from tasks.project.dataset import Dataset
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows
from tasks.splitting import split_rows

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = ROOT / "tasks" / "library" / "public"
FUNCTIONS = [name for name in assayline.__all__ if name != "Roles"]
HEAVY = ("numpy", "pandas", "sklearn", "scipy", "pyarrow", "pydantic", "prefect", "mlflow")


def python(script, folder=ROOT, *paths, options=()):
    """What a fresh interpreter in `folder` prints of `script`."""
    env = {"PYTHONPATH": ":".join(map(str, paths or (ROOT, PUBLIC))), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, *options, "-c", script],
        capture_output=True,
        text=True,
        cwd=folder,
        env=env,
        check=False,
    )
    return done.stdout.strip() + done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_in_the_docstring_holds(name):
    (found,) = doctest.DocTestFinder(recurse=False).find(getattr(assayline, name), name, globs={})
    assert len(found.examples) >= 3
    report = []
    doctest.DocTestRunner().run(found, out=report.append)
    assert not report, "".join(report)


def test_an_import_is_light_and_a_function_knows_no_orchestrator():
    script = f"import sys, assayline; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(script) == "[]"
    script = (
        "import sys, assayline; [getattr(assayline, n) for n in assayline.__all__]; "
        "print([m for m in ('prefect', 'mlflow', 'great_expectations') if m in sys.modules])"
    )
    assert python(script) == "[]"


def test_a_users_own_tasks_is_named(tmp_path):
    (tmp_path / "tasks.py").write_text("")
    hidden = python("import assayline; assayline.Roles", tmp_path, tmp_path, ROOT, PUBLIC)
    assert hidden == (
        f"ImportError: {tmp_path / 'tasks.py'} hides Assayline's own package of the name 'tasks'; "
        "rename it, or start Python in another folder"
    )
    alone = python("import assayline; assayline.Roles", tmp_path, PUBLIC, tmp_path / "nothing")
    assert "hides Assayline's own package" in alone
    (tmp_path / "tasks.py").unlink()
    bare = python("import assayline; assayline.Roles", tmp_path, PUBLIC, options=["-S"])
    assert bare.startswith("ImportError: Assayline's package 'tasks' is not there")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="assayline has no 'audit'; it has Roles, compare_mod"):
        assayline.audit  # noqa: B018 - the access is what is tested
    assert set(assayline.__all__) <= set(dir(assayline))


def test_a_wheel_and_an_editable_install_hold_the_name(tmp_path):
    built = {}
    for kind in ("standard", "editable"):
        (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path / kind), versions=[kind])
        built[kind] = zipfile.ZipFile(path)
    names = built["standard"].namelist()
    assert "assayline.py" in names
    assert not [name for name in names if "public" in name]
    built["standard"].extractall(tmp_path / "site")
    script = "import assayline; print(assayline.__file__, assayline.Roles(target='y').target)"
    found = python(script, tmp_path, tmp_path / "site")
    assert found == f"{tmp_path / 'site' / 'assayline.py'} y"
    editable = built["editable"]
    (paths,) = (editable.read(name) for name in editable.namelist() if name.endswith(".pth"))
    assert {ROOT, PUBLIC} == {Path(line) for line in paths.decode().splitlines()}


def made(rows=240, seed=0):
    """Two classes far apart in `a`, with a few labels turned round; text keys in order."""
    rng = np.random.default_rng(seed)
    high = np.arange(rows) % 2 == 0
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=rows) + np.where(high, 3.0, -3.0),
            "site": rng.choice(["north", "south"], rows),
            "y": np.where(high ^ (np.arange(rows) % 40 == 7), "high", "low"),
        },
        index=pd.Index([f"{place:0{len(str(rows))}d}" for place in range(rows)], name="row_key"),
    )
    return frame.astype({"site": "str", "y": "str"})


def on(side, frame, roles, project):
    """The units of a split, with every row on one side."""
    split = split_rows(frame, roles, project.split, None).outputs["split"]
    return split.assign(side=side)


ROLES = Roles(target="y", numeric=("a",), categorical=("site",))


def test_leaks_are_those_of_a_run(tmp_path):
    frame = made()
    frame["sent"] = np.where(frame["y"] == "high", "yes", "no")
    frame.reset_index(drop=True).to_parquet(tmp_path / "rows.parquet")
    project = Project(name="p", source={"path": "rows.parquet"}, target="y")
    read = ingest(tmp_path / "rows.parquet", project)
    rows, roles = read.outputs["snapshot"], Roles.from_facts(read.facts["roles"])
    result = find_leaks(Dataset(rows, on("train", rows, roles, project), roles), project)
    found = assayline.find_leaks(frame.reset_index(drop=True), "y")
    assert found.suspects == ("a", "sent") == tuple(result.facts["suspects"])
    assert found.values.equals(result.tables["suspects"].frame)
    again = assayline.find_leaks(frame, "y", accept={"sent": "known before"})
    assert again.values["use"].unique().tolist() == ["accepted"]


def test_label_issues_and_conflicts_are_those_of_the_stage():
    frame = made()
    frame.loc["003", ["a", "site"]] = frame.loc["004", ["a", "site"]]
    project = Project(name="p", source="s.csv", target="y")
    split = on("train", frame, ROLES, project)
    result = check_labels(Dataset(frame.loc[split.index], split, ROLES), project)
    mine = frame.set_axis([f"row {place}" for place in range(len(frame))])
    probabilities = assayline.label_probabilities(mine, ROLES)
    found = assayline.find_label_issues(mine["y"], probabilities)
    expected = result.outputs["label_quality"][["label", "likely_label", "quality", "issue"]]
    assert list(found.index[found["issue"]]) == [
        f"row {int(key)}" for key in expected.index[expected["issue"]]
    ]
    pd.testing.assert_frame_equal(found.set_axis(frame.index), expected, check_names=False)
    conflicts = assayline.find_conflicts(mine, ROLES)
    assert conflicts.to_dict("list") == {
        "group": [1, 1], "kind": ["equal", "equal"], "label": ["low", "high"]
    }  # fmt: skip
    assert list(conflicts.index) == ["row 3", "row 4"]
    assert result.facts["conflicts"] == 2


def test_nearly_equal_rows_are_told_after_equal_ones_of_a_larger_group():
    frame = pd.DataFrame(
        {"n": [0.0, 0.0, 0.0, 50.0, 50.001, 100.0], "y": ["a", "b", "b", "a", "b", "a"]}
    )
    found = assayline.find_conflicts(frame, Roles(target="y", numeric=("n",)))
    assert found["kind"].tolist() == ["equal"] * 3 + ["nearly equal"] * 2
    assert found["group"].tolist() == [1, 1, 1, 2, 2]
    assert assayline.find_conflicts(
        frame.drop(index=[1, 2, 4]), Roles(target="y", numeric=("n",))
    ).empty


def test_agreement_is_that_of_the_stage():
    frame = made(120).assign(ann=lambda t: t["y"], bo=lambda t: t["y"])
    frame.loc[frame.index[:9], "bo"] = "low"
    roles = Roles(target="y", numeric=("a",), categorical=("site",), annotators=("ann", "bo"))
    section = {"annotators": ["ann", "bo"]}
    project = Project(name="p", source="s.csv", target="y", labels=section)
    split = on("train", frame, roles, project)
    table = check_labels(Dataset(frame, split, roles), project).tables["agreement"].frame
    found = assayline.measure_agreement(frame[["ann", "bo"]])
    assert table.loc[0, ["value", "low", "high", "n"]].tolist() == [
        found.alpha.value, found.alpha.low, found.alpha.high, 120
    ]  # fmt: skip
    steps = assayline.measure_agreement(
        frame[["ann", "bo"]], scale="ordinal", order=["low", "high"]
    )
    assert steps.alpha.value == pytest.approx(found.alpha.value)  # of two classes all is one step


def predicted(frame, rows):
    """Labels that are wrong where `rows` says so."""
    return frame["y"].mask(rows, frame["y"].map({"high": "low", "low": "high"}))


def test_weak_slices_and_group_metrics_are_those_of_the_stages():
    frame = made(2000).assign(y=lambda t: np.where(t["a"] > 0, "high", "low")).astype({"y": "str"})
    rng = np.random.default_rng(1)
    said = predicted(frame, rng.random(2000) < np.where(frame["site"] == "north", 0.4, 0.05))
    project = Project(name="p", source="s.csv", target="y", slices=["site"], positive_class="high")
    roles = Roles(target="y", positive_class="high", numeric=("a",), categorical=("site",))
    split = pd.DataFrame({"unit": frame.index, "side": "dev"}, index=frame.index)
    predictions = pd.DataFrame({"predicted": said})
    result = analyse_errors(Dataset(frame, split, roles), project, predictions, ())
    found = assayline.find_weak_slices(frame, frame["y"], said)
    assert found.loc[0, "label"] == "site=north"
    pd.testing.assert_frame_equal(found, result.tables["weak_slices"].frame)

    scored = ScoredRows(frame["y"], predictions, "high", replicates=2000, seed=0)
    every = np.ones(2000, dtype=bool)
    gaps = compare_groups(project, AuditedRows(frame, frame["y"], every, scored, None), ())
    rates = next(one for one in gaps.others if one.metric == "false_positive_rate")
    mine = assayline.measure_groups(
        frame["y"], said, frame["site"], positive_class="high", metrics=["false_positive_rate"]
    )
    assert mine.groups["value"].tolist() == [rate.value for rate in rates.rates]
    assert mine.gaps.loc[0, ["difference", "low", "high"]].tolist() == [
        rates.difference.value, rates.difference.low, rates.difference.high
    ]  # fmt: skip


def test_a_comparison_is_that_of_the_gate():
    rng = np.random.default_rng(2)
    frame = made(300)
    both = []
    for strength in (1.5, 0.5):
        high = 1 / (1 + np.exp(-strength * frame["a"] + rng.normal(size=300)))
        both.append(pd.DataFrame({"high": high, "low": 1 - high}))
    stored = [
        pd.DataFrame({"predicted": np.where(p["high"] >= 0.5, "high", "low"), "p:high": p["high"],
                      "p:low": p["low"]}, index=frame.index).astype({"predicted": "str"})
        for p in both
    ]  # fmt: skip
    contest = Contest(
        metric="average_precision", labels=frame["y"], candidate=stored[0], positive_class="high",
        replicates=1000, seed=0,
    )  # fmt: skip
    expected = contest.difference(stored[1])
    found = assayline.compare_models(
        frame["y"], *both, metric="average_precision", positive_class="high"
    )
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    later = assayline.compare_models(
        frame["y"], *both, metric="average_precision", positive_class="high", judgements=20
    )
    assert (later.low < found.low, round(later.level, 5)) == (True, 0.99881)
    numbers = assayline.compare_models([1.0, 2, 3], [1.0, 2, 4], [2.0, 3, 5], "mae")
    assert numbers.value == pytest.approx(1)  # errors of 0, 0, 1 and of 1, 1, 2


def test_a_decision_takes_rows_that_tell_the_models_apart():
    truth, old = ["a"] * 300, ["a"] * 293 + ["b"] * 7
    difference = assayline.compare_models(truth, truth, old)  # 7 rows and 10 are needed
    found = assayline.decide_promotion(difference)
    assert (found.verdict, found.rows_needed) == ("inconclusive", 429)  # 300 * 10 / 7
    assert assayline.decide_promotion(difference, min_discordant=7).verdict == "promote"
    worse = assayline.compare_models(truth, ["b"] * 60 + ["a"] * 240, truth)
    assert assayline.decide_promotion(worse, intent="refresh", margin=0.05).verdict == "reject"


def test_a_prediction_sees_all_columns_as_they_were():
    table = pd.DataFrame(
        {
            "day": pd.date_range("2020-01-01", periods=60),
            "paid": [True, False] * 30,
            "n": np.arange(60) % 12,
            "kind": pd.Categorical(["x", "y"] * 30),
        },
        index=range(100, 160),
    )
    seen = []

    def predict(rows):
        seen.append((tuple(rows.columns), rows["day"].dtype.kind, rows["paid"].dtype.kind))
        return np.where(rows["n"].fillna(0) > 5, "a", "b")

    found = assayline.measure_robustness(table, ["a", "b"] * 30, predict)
    assert set(seen) == {(("day", "paid", "n", "kind"), "M", "b")}
    column = found.set_index("label")["flips"]
    assert column["n missing"] == 0.5  # those above 5, of which there are 6 in 12
    assert column["kind missing"] == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: assayline.fingerprint([1]), "the table is a list, and a pandas DataFrame is"),
        (lambda: assayline.fingerprint(pd.DataFrame({"a": ["x", 1]})), "cells of several types"),
        (
            lambda: assayline.find_leaks(pd.DataFrame({"age": [1]}), "agee"),
            "the table is asked for 'agee', which the data does not have; did you mean 'age'?",
        ),
        (
            lambda: assayline.find_leaks(pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
            "the table has two columns named 'a'; rename one of them",
        ),
        (
            lambda: assayline.label_probabilities(pd.DataFrame({"y": ["a", "b"]}), "y"),
            r"no column is a feature \(there is none but the target\)",
        ),
        (
            lambda: assayline.find_conflicts(pd.DataFrame({"x": ["a", 1], "y": ["a", "b"]}), "y"),
            "the cells of column 'x' are of several types",
        ),
        (
            lambda: assayline.find_label_issues(["a", "b"], [[1.0, 0.0]], classes=["a", "b"]),
            "labels has 2 rows and probabilities has 1; give the same rows",
        ),
        (
            lambda: assayline.find_label_issues(["a"], [[0.7, 0.7]], classes=["a", "b"]),
            "row 0 of probabilities adds up to 1.4, and 1 is needed",
        ),
        (
            lambda: assayline.find_label_issues(["a", None], [[1.0], [1.0]], classes=["a"]),
            "1 of 2 values of labels are missing; leave them out",
        ),
        (
            lambda: assayline.measure_agreement(pd.DataFrame({"ann": ["a"]})),
            "ratings are not a frame with a column for each of two people or more",
        ),
        (
            lambda: assayline.measure_agreement(
                pd.DataFrame({"ann": ["a"], "bo": ["c"]}), scale="ordinal", order=["a", "b"]
            ),
            "a rating is 'c', and the labels are a, b",
        ),
        (
            lambda: assayline.find_weak_slices(pd.DataFrame({"x": [1, 2]}), ["a", "b"], ["a", "a"]),
            "1 of 2 rows are predicted wrongly; a search takes 60 rows, of which 20 are wrong",
        ),
        (
            lambda: assayline.measure_groups(["a"], ["a"], ["g"], positive_class="b"),
            "positive_class is 'b', and the labels are a",
        ),
        (
            lambda: assayline.measure_groups(
                ["a"], ["a"], ["g"], positive_class="a", metrics=["recal"]
            ),
            "unknown metric 'recal'; known are base_rate",
        ),
        (
            lambda: assayline.compare_models(["a"], ["a"], ["a"], "auc"),
            "unknown metric 'auc'; known are accuracy",
        ),
        (
            lambda: assayline.compare_models([1.0], ["x"], [1.0], "mae"),
            "candidate holds 'x', which is no finite number",
        ),
        (
            lambda: assayline.measure_robustness(
                pd.DataFrame({"x": [1.5]}), ["a"], lambda rows: [None]
            ),
            "1 of 1 values of predict are missing",
        ),
        (lambda: assayline.compare_models([], [], []), "y_true has no rows"),
        (
            lambda: assayline.compare_models(["a", float("nan")], ["a", "a"], ["a", "a"]),
            "1 of 2 values of y_true are missing; leave them out",
        ),
        (
            lambda: assayline.compare_models(["a"], ["a"], ["a"], units=[None]),
            "1 of 1 values of units are missing; leave them out",
        ),
        (
            lambda: assayline.compare_models(["a"], ["a"], ["a"], replicates=0),
            "^replicates is 0: input should be greater than",
        ),
        (
            lambda: assayline.compare_models(["a"], ["a"], ["a"], judgements=float("nan")),
            "judgements is nan, and this one counts: 1 at least",
        ),
        (
            lambda: assayline.decide_promotion(
                assayline.compare_models(["a"] * 9, ["a"] * 9, ["b"] * 9), min_gain=float("nan")
            ),
            "^min_gain is nan: input should be ",
        ),
        (
            lambda: assayline.find_weak_slices(
                pd.DataFrame({"x": [1, 2]}), ["a", "b"], ["a", "a"], false_discovery_rate=7
            ),
            "^false_discovery_rate is 7: input should be less than ",
        ),
        (
            lambda: assayline.find_label_issues(["a"], [[0.5, 0.5]], classes=["a", "a"]),
            "the class 'a' is named twice; name each column differently",
        ),
        (
            lambda: assayline.find_conflicts(
                pd.DataFrame({"x": [1], "y": ["a"]}), "y", tolerance=float("nan")
            ),
            "tolerance is nan, and it is 0 or more standard deviations",
        ),
        (
            lambda: assayline.measure_agreement(
                pd.DataFrame({"ann": [1.0], "bo": [float("inf")]}), scale="interval"
            ),
            "bo of ratings holds inf, which is no finite number",
        ),
        (
            lambda: assayline.measure_robustness(
                pd.DataFrame({"x": [1.5, 2.5]}), ["a", "b"], lambda rows: ["a"]
            ),
            "rows has 2 rows and predict has 1; give the same rows",
        ),
        (
            lambda: assayline.measure_robustness(
                pd.DataFrame({"x": [1.5]}), ["a"], lambda rows: ["a"], max_rows=0
            ),
            "^max_rows is 0: input should be greater than",
        ),
        (
            lambda: assayline.find_leaks(pd.DataFrame({"x": [1, 2], "y": ["a", "a"]}), "y"),
            "'y' has one value in all rows: nothing can tell it",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()
