"""The candidate's probabilities: measured out of fold on train, calibrated where that is better."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

from tasks.errors import ProjectFileError
from tasks.estimators import predict
from tasks.estimators.calibrated import (
    CalibrationRefusedError,
    base_estimator,
    calibrated_probabilities,
    fit_calibrator,
    raw_scores,
)
from tasks.metrics import metric_value
from tasks.models import ModelPackage, load_model, model_digest
from tasks.project.dataset import Dataset
from tasks.project.loading import load_project
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.training import calibration as module
from tasks.training import train
from tasks.training.calibration import Calibration, Gain
from tasks.training.calibration_finding import report_calibration

LOGISTIC = Candidate(name="logistic", estimator="sklearn.linear_model.LogisticRegression")
FOREST = Candidate(
    name="forest",
    estimator="sklearn.ensemble.RandomForestClassifier",
    params={"n_estimators": 15},
)
TREE = Candidate(name="tree", estimator="sklearn.tree.DecisionTreeClassifier")


def world(rows=1500, share=0.15, strength=1.5, seed=0, copies=1):
    """A logistic truth, so that a logistic regression is calibrated unless it is weighed."""
    random = np.random.default_rng(seed)
    values = random.normal(size=rows // copies).repeat(copies)
    wanted = expit(strength * values + np.log(share / (1 - share)))
    frame = pd.DataFrame({"x": values, "noise": random.normal(size=len(values))})
    happened = random.random(rows // copies).repeat(copies) < wanted
    frame["y"] = pd.Series(np.where(happened, "yes", "no"), dtype="str")
    frame.index = pd.Index([f"r{i}" for i in range(len(frame))], name="row_key")
    units = np.arange(len(frame)) // copies
    sides = np.asarray(["train", "train", "train", "dev", "test"], dtype=object)[units % 5]
    return frame, pd.DataFrame({"unit": units, "side": sides}, index=frame.index)


def roles(positive="yes"):
    return Roles(target="y", positive_class=positive, numeric=("x", "noise"))


def trained(data, *candidates, positive="yes", **training):
    project = Project(
        name="p", source="-", target="y", positive_class=positive,
        training={"candidates": candidates or (LOGISTIC,), **training},
    )  # fmt: skip
    return train(Dataset(*data, roles(positive)), project)


def stored(result):
    return ModelPackage.from_files(result.files, "model")


def told(result, data):
    """Test labels, and what the stored model tells of them."""
    frame, split = data
    test = frame[split["side"] == "test"]
    return test["y"], predict(load_model(stored(result)), test, roles(), None)


def found(result):
    (check,) = [one for one in result.checks if one.id == "training.calibration"]
    return check


def test_a_calibrated_model_is_left_as_it_is():
    result = trained(world())
    assert result.facts["calibration"]["method"] == "none"
    assert isinstance(load_model(stored(result)).named_steps["estimator"], LogisticRegression)
    (beaten,) = [one for one in result.checks if one.id == "training.beats_constant"]
    assert beaten.outcome == "passed"
    assert 0 < beaten.interval[0] < beaten.value
    check = found(result)
    assert (check.outcome, check.severity, check.n) == ("passed", "warning", 900)
    assert "no method (temperature, sigmoid) is surely better" in check.detail
    assert result.tables["calibration_methods"].frame["method"].tolist() == [
        "none", "temperature", "sigmoid",
    ]  # fmt: skip


def test_class_weights_are_repaired_and_the_stored_model_is_the_calibrated_one():
    data = world()
    raw = trained(data, class_weight="balanced", calibration="none")
    result = trained(data, class_weight="balanced")
    assert result.facts["calibration"]["method"] == "sigmoid"
    model = load_model(stored(result))
    assert isinstance(model.named_steps["estimator"], CalibratedClassifierCV)
    assert isinstance(base_estimator(model), LogisticRegression)
    assert result.facts["imbalance_handling"] == {"logistic": "class_weight"}
    values = {
        name: [metric_value(name, *told(one, data), positive_class="yes") for one in (raw, result)]
        for name in ("log_loss", "brier", "roc_auc")
    }
    assert values["log_loss"][1] < 0.8 * values["log_loss"][0]
    assert values["brier"][1] < 0.8 * values["brier"][0]
    assert values["roc_auc"][1] == pytest.approx(values["roc_auc"][0], abs=1e-9)
    check = found(result)
    assert check.outcome == "passed"
    assert check.value < check.interval[1] < result.facts["calibration"]["log_loss_before"]


def test_probabilities_that_are_left_uncalibrated_are_a_warning():
    check = found(trained(world(), class_weight="balanced", calibration="none"))
    assert (check.outcome, check.severity, check.blocks) == ("failed", "warning", False)
    assert "sigmoid would lower it to" in check.detail or "no better than always" in check.detail


def test_a_forest_that_tells_0_and_1_is_calibrated():
    data = world()
    raw = trained(data, FOREST, calibration="none")
    result = trained(data, FOREST)
    assert result.facts["calibration"]["method"] != "none"
    before, after = (
        metric_value("log_loss", *told(one, data), positive_class="yes") for one in (raw, result)
    )
    assert after < before - 0.05


def test_noise_learned_by_heart_is_no_better_than_the_shares_and_says_so():
    random = np.random.default_rng(1)
    frame, split = world(400)
    frame["y"] = pd.Series(random.choice(["no", "yes"], 400), index=frame.index, dtype="str")
    result = trained((frame, split), TREE, calibration="none", metric="log_loss")
    check = found(result)
    assert check.outcome == "failed"
    (beaten,) = [one for one in result.checks if one.id == "training.beats_constant"]
    assert (beaten.outcome, beaten.severity, beaten.n) == ("failed", "warning", 80)
    assert "tree is no better on dev than always giving the same answer: log loss" in beaten.detail
    assert "no better than always telling the classes' shares" in check.detail


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST])
def test_a_declared_method_is_applied_stored_and_the_same_each_time(method, candidate):
    data = world(400)
    first, second = (trained(data, candidate, calibration=method) for _ in range(2))
    assert first.facts["calibration"]["method"] == method
    assert model_digest(stored(first)) == model_digest(stored(second))
    assert stored(first).facts["calibration"] == method
    _, predictions = told(first, data)
    assert predictions[["p:no", "p:yes"]].sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_more_than_two_classes_are_calibrated():
    random = np.random.default_rng(3)
    frame, split = world(900)
    classes = np.array(["a", "b", "c"])[np.clip(np.round(frame["x"] + 1), 0, 2).astype(int)]
    noisy = np.where(random.random(900) < 0.3, random.choice(["a", "b", "c"], 900), classes)
    frame["y"] = pd.Series(noisy, index=frame.index, dtype="str")
    result = trained((frame, split), TREE, positive=None)
    assert result.facts["calibration"]["method"] != "none"
    test = frame[split["side"] == "test"]
    values = [
        metric_value(
            "log_loss",
            test["y"],
            predict(load_model(stored(one)), test, roles(None), None),
            positive_class=None,
        )
        for one in (result, trained((frame, split), TREE, positive=None, calibration="none"))
    ]
    assert values[0] < values[1] / 3


def test_copies_of_a_row_are_scored_by_models_that_saw_none_of_them():
    # Four copies of each row: a tree that saw one copy would know the others' label.
    copies = trained(world(1600, copies=4), TREE, calibration="none")
    assert found(copies).outcome == "failed"
    assert copies.facts["calibration"]["log_loss_before"] > 0.5


def test_a_class_with_one_row_is_not_applicable():
    frame, split = world(300)
    frame.loc["r0", "y"] = "maybe"
    check = found(trained((frame, split), positive=None))
    assert check.outcome == "not_applicable"
    assert "a class has too few rows for every fold" in check.detail


def test_many_rows_cost_one_fit_more(monkeypatch):
    monkeypatch.setattr(module, "ENOUGH_ROWS", 200)
    monkeypatch.setattr(module, "MOST_ROWS", 250)
    result = trained(world(), class_weight="balanced")
    assert found(result).n == 250  # of the 300 rows of the first of three folds
    assert result.facts["calibration"]["method"] == "sigmoid"


def test_families_are_compared_calibrated_where_the_metric_reads_probabilities():
    result = trained(world(), FOREST, metric="log_loss")
    table = result.tables["families"].frame
    assert result.facts["calibration"]["method"] != "none"
    assert table["value"].tolist() == [result.metrics["dev.log_loss"]]


def test_the_calibrator_is_scikit_learns():
    random = np.random.default_rng(0)
    values, outcomes = random.normal(size=(300, 1)), np.repeat(["a", "b"], 150)
    values[150:] += 1
    model = LogisticRegression(class_weight="balanced").fit(values, outcomes)
    scores = raw_scores(model, values)
    every = np.arange(300)
    for method in ("sigmoid", "isotonic", "temperature"):
        own = fit_calibrator(scores, outcomes, method, margins=True)
        # In their own fit on all rows, the scores are those of the same model.
        theirs = CalibratedClassifierCV(
            LogisticRegression(class_weight="balanced"), method=method, cv=[(every, every)],
            ensemble=False,
        ).fit(values, outcomes)  # fmt: skip
        assert calibrated_probabilities(own, scores) == pytest.approx(theirs.predict_proba(values))


def test_scores_are_never_turned_round():
    outcomes = np.repeat(["a", "b"], 50)
    backwards = np.linspace(1, -1, 100)[:, None]
    with pytest.raises(CalibrationRefusedError, match="turned round"):
        fit_calibrator(backwards, outcomes, "sigmoid", margins=True)


def test_the_sentences():
    gain = Gain(value=0.1, low=0.05, high=0.15)
    values = {"asked": "none", "losses": {"none": 0.5, "sigmoid": 0.4}, "gains": {"sigmoid": gain},
              "best": "sigmoid", "constant": 0.6, "n": 100}  # fmt: skip
    (left,) = report_calibration("lr", Calibration(**values)).checks
    assert left.detail.endswith(
        "They are not calibrated: sigmoid would lower it to 0.4000 (a gain of 0.1000, 95 % "
        "interval 0.0500 to 0.1500). Set training.calibration to auto."
    )
    worse = Gain(value=-0.1, low=-0.15, high=-0.05)
    declared = values | {"asked": "sigmoid", "applied": "sigmoid", "best": "none",
                         "losses": {"none": 0.4, "sigmoid": 0.5},
                         "gains": {"sigmoid": worse}}  # fmt: skip
    (harm,) = report_calibration("lr", Calibration(**declared)).checks
    assert harm.outcome == "failed"
    assert harm.detail.endswith("own are surely better: set training.calibration to auto.")
    (broken,) = report_calibration("lr", Calibration(asked="auto", reason="x", broken=True)).checks
    assert broken.outcome == "error"


def test_an_unknown_method_is_one_sentence(tmp_path):
    path = tmp_path / "project.yaml"
    path.write_text("name: p\nsource: s.csv\ntarget: y\ntraining: {calibration: platt}\n")
    with pytest.raises(ProjectFileError, match=r"training\.calibration"):
        load_project(path)
