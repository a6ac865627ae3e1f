"""`assayline predict` and MLflow's own loading: the champion's answers, the same by every door."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import small_rows, write_small

from tasks.project import load_project
from tasks.scoring import package_scorer
from tasks.tracking import Tracking


@pytest.fixture(scope="module")
def project(prefect_server, tmp_path_factory, home):
    """A small project whose first model was promoted."""
    from flows.pipeline import run

    path = write_small(tmp_path_factory.mktemp("predicted"), "predicted")
    assert run(project=str(path))["verdict"] == "promote"
    return path


@pytest.fixture
def cli(capsys):
    from flows.cli import main

    def command(*words):
        code = main(["predict", *map(str, words)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def judged(project, rows, home):
    """The answers of the package that was judged, as the audit and the gate compute them."""
    champion = Tracking(home).champion("predicted", "1")
    return package_scorer(champion.package, load_project(project).project, ())(rows)


def test_the_command_and_mlflow_answer_as_the_judged_model_does(
    cli, project, home, tmp_path, monkeypatch
):
    rows = small_rows(200, seed=9).drop(columns="bought")
    data = tmp_path / "new.csv"
    rows.to_csv(data, index=False)
    expected = judged(project, rows, home)

    out = tmp_path / "answers.parquet"
    assert cli(project, data, "--out", out)[0] == 0
    answers = pd.read_parquet(out)
    assert list(answers.columns) == ["line", "prediction", "p_no", "p_yes"]
    assert answers["line"].tolist() == list(range(2, 202))
    assert answers["prediction"].tolist() == expected["predicted"].tolist()
    assert np.array_equal(answers["p_yes"], expected["p:yes"])

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    model = mlflow.pyfunc.load_model("models:/predicted@champion")
    loaded = model.predict(rows)
    assert list(loaded.columns) == ["prediction", "p_no", "p_yes"]
    assert loaded["prediction"].tolist() == expected["predicted"].tolist()
    assert np.array_equal(loaded["p_no"], expected["p:no"])
    assert np.array_equal(loaded["p_yes"], expected["p:yes"])


def test_the_threshold_is_applied_to_what_mlflow_answers():
    from sklearn.dummy import DummyClassifier

    from tasks.tracking.assayline_model import ServedModel

    model = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), ["no", "no", "no", "yes"])
    roles = {"numeric": ["x"], "categorical": [], "text": []}
    facts = {"classes": ["no", "yes"], "positive_class": "yes", "roles": roles}
    rows = pd.DataFrame({"x": [1.0, None]}, index=[7, 8])
    for threshold, said in ((0.25, "yes"), (0.26, "no"), (None, "no")):
        answer = ServedModel(model, {**facts, "threshold": threshold}).predict(rows)
        assert answer["prediction"].tolist() == [said, said]
        assert answer["p_yes"].tolist() == [0.25, 0.25]
        assert answer.index.tolist() == [7, 8]
    with pytest.raises(ValueError, match="needs the column 'x', which the rows lack"):
        ServedModel(model, {**facts, "threshold": None}).predict(pd.DataFrame({"y": [1]}))


def test_an_estimate_has_its_interval():
    from sklearn.dummy import DummyRegressor

    from tasks.tracking.assayline_model import ServedModel

    model = DummyRegressor(strategy="mean").fit(np.zeros((2, 1)), [10.0, 20.0])
    facts = {"classes": [], "positive_class": None, "threshold": None, "interval": [-4.0, 5.0]}
    roles = {"numeric": ["x"], "categorical": [], "text": []}
    answer = ServedModel(model, {**facts, "roles": roles}).predict(pd.DataFrame({"x": [1.0]}))
    assert answer.to_dict("records") == [{"prediction": 15.0, "low": 11.0, "high": 20.0}]


def test_cells_and_rows_that_do_not_fit_are_told_and_a_target_may_be_there(cli, project, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text("city,age,income,bought\nnorth,40,50,yes\nnorth,old,50,\nsouth,1,2,3,4,5\n")
    code, out, err = cli(project, data)
    assert code == 0
    lines = out.splitlines()
    assert [line.split(",")[:2][0] for line in lines] == ["line", "2", "3"]
    assert "1 rows cannot be read and have no answer: line 4" in err
    assert "1 cells of 'age' are no numbers and count as missing: line 3" in err


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        ("age,city\n40,north\n", 3, "has no column 'income', which the model needs"),
        ("", 3, "is empty"),
        (None, 2, "no data file at"),
    ],
)
def test_rows_of_another_kind_are_refused(cli, project, tmp_path, content, code, sentence):
    data = tmp_path / "new.csv"
    if content is not None:
        data.write_text(content)
    done, out, err = cli(project, data)
    assert (done, out) == (code, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_what_cannot_answer_is_said(cli, project, tmp_path):
    data = tmp_path / "new.csv"
    small_rows(5).to_csv(data, index=False)
    assert cli(project, data, "--version", "7")[0] == 2
    assert "--out answers.txt: name a file" in cli(project, data, "--out", "answers.txt")[2]
    code, _, err = cli(project, data, "--out", tmp_path / "no" / "answers.csv")
    assert (code, "no folder" in err) == (2, True)
    other = write_small(tmp_path, "never-ran")
    code, _, err = cli(other, data)
    assert (code, "has no champion" in err or "has no model" in err) == (2, True)


def test_a_changed_model_answers_nothing(cli, project, home, tmp_path):
    data = tmp_path / "new.csv"
    small_rows(5).to_csv(data, index=False)
    (facts,) = (home / "mlflow-artifacts" / "predicted" / "models").glob(
        "*/artifacts/extra_files/model.json"
    )
    kept = facts.read_text()
    changed = json.loads(kept)
    changed["threshold"] = 0.99
    facts.write_text(json.dumps(changed, sort_keys=True))
    try:
        code, out, err = cli(project, data)
    finally:
        facts.write_text(kept)
    assert (code, out) == (6, "")
    assert "nothing was predicted" in err
