import json
import math

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

from tasks.baselines import judgement, measure_baselines
from tasks.baselines.rungs import quick_candidate
from tasks.baselines.sanity import (
    Pipelines,
    Shuffled,
    relax,
    shuffle_limit,
    tiny_sample,
)
from tasks.constant import class_shares, constant_predictions
from tasks.errors import UserError
from tasks.estimators import as_outcomes, predict
from tasks.intervals import Estimate
from tasks.models import Champion, ModelPackage, load_model
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.training import train

LOGISTIC = Candidate(name="logistic", estimator="sklearn.linear_model.LogisticRegression")
TREE = Candidate(name="tree", estimator="sklearn.tree.DecisionTreeClassifier")
HERE = (__name__,)


class Broken(ClassifierMixin, BaseEstimator):
    """A classifier that cannot be fitted."""

    def fit(self, features, outcomes):
        raise RuntimeError("no licence")

    def predict_proba(self, features):
        raise AssertionError


class Foreign(DummyClassifier):
    """A classifier of a type that nobody lists."""


def make_data(rows=200, classes=("no", "yes"), shift=3.0, seed=0):
    generator = np.random.default_rng(seed)
    label = generator.integers(0, len(classes), rows)
    frame = pd.DataFrame(
        {
            "size": shift * label + generator.normal(size=rows),
            "noise": generator.normal(size=rows),
            "label": pd.Series(np.asarray(classes, dtype=object)[label], dtype="str"),
        }
    ).set_index(pd.Index([f"r{i:03d}" for i in range(rows)], name="row_key"))
    side = np.asarray(["train", "train", "train", "dev", "test"], dtype=object)
    units = [f"u{i}" for i in range(rows)]
    split = pd.DataFrame({"unit": units, "side": side[np.arange(rows) % 5]}, index=frame.index)
    return frame, split


def make_roles(positive="yes", numeric=("size", "noise"), text=(), categorical=()):
    return Roles(
        target="label",
        positive_class=positive,
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        text=tuple(text),
    )


def make_project(candidates=(LOGISTIC,), positive="yes", metric=None, **baselines):
    return Project(
        name="p",
        source="x.csv",
        target="label",
        positive_class=positive,
        baselines={"shuffle_repeats": 2, **baselines},
        training={"candidates": candidates, "metric": metric},
    )


def run(data=None, roles=None, champion=None, allow=(), **project):
    frame, split = data or make_data()
    roles = roles or make_roles()
    declared = make_project(positive=roles.positive_class, **project)
    return measure_baselines(Dataset(frame, split, roles), declared, champion, allow)


def check(result, what):
    (found,) = [one for one in result.checks if one.id == f"baselines.{what}"]
    return found


def estimate(value, n=50):
    return Estimate(value=value, low=value, high=value, n=n)


class TestConstant:
    INDEX = pd.Index(["a", "b"], name="row_key")

    def test_shares_by_hand(self):
        assert class_shares(pd.Series(["no", "yes", "no", "no"])) == {"no": 0.75, "yes": 0.25}

    def test_the_most_frequent_class_with_the_shares(self):
        found = constant_predictions({"no": 0.75, "yes": 0.25}, self.INDEX)
        assert found["predicted"].tolist() == ["no", "no"]
        assert found["p:yes"].tolist() == [0.25, 0.25]

    def test_of_equals_the_first(self):
        found = constant_predictions({"b": 0.5, "a": 0.5}, self.INDEX)
        assert found["predicted"].tolist() == ["a", "a"]

    def test_accuracy_that_a_constant_reaches_is_a_warning(self):
        found = judgement.constant(
            {"no": 0.9, "yes": 0.1}, "accuracy", {"accuracy": estimate(0.88, n=50)}
        )
        assert (found.outcome, found.severity, found.limit) == ("failed", "warning", 0.8)
        assert 'print("no") is right on 88.0% of 50 dev rows' in found.detail

    @pytest.mark.parametrize(("metric", "accuracy"), [("accuracy", 0.8), ("f1", 0.95)])
    def test_silent_below_and_for_other_metrics(self, metric, accuracy):
        measured = {"f1": estimate(0.2), "accuracy": estimate(accuracy)}
        found = judgement.constant({"no": 0.9, "yes": 0.1}, metric, measured)
        assert (found.outcome, found.severity) == ("passed", "info")

    def test_a_metric_that_is_undefined_is_not_applicable(self):
        measured = {"precision": estimate(math.nan), "accuracy": estimate(0.9)}
        found = judgement.constant({"no": 0.9, "yes": 0.1}, "precision", measured)
        assert (found.outcome, found.value) == ("not_applicable", None)


class TestLadder:
    def test_rungs_in_order_with_intervals(self):
        result = run()
        ladder = result.facts["ladder"]
        assert [(rung["kind"], rung["metric"]) for rung in ladder] == [
            ("constant", "average_precision"),
            ("constant", "accuracy"),
            ("quick", "average_precision"),
            ("quick", "accuracy"),
        ]
        assert all(rung["low"] <= rung["value"] <= rung["high"] for rung in ladder)
        assert {rung["n"] for rung in ladder} == {40}
        json.dumps(result.facts, allow_nan=False)

    def test_the_constant_is_the_share_of_train(self):
        frame, split = make_data()
        result = run((frame, split))
        labels = frame.loc[(split["side"] == "train").to_numpy(), "label"]
        assert result.facts["constant"]["shares"] == {
            "no": (labels == "no").mean(),
            "yes": (labels == "yes").mean(),
        }

    def test_the_quick_model_is_stored_as_it_was_measured(self):
        frame, split = make_data()
        result = run((frame, split))
        package = ModelPackage.from_files(result.files, "quick")
        dev = frame[split["side"] == "dev"]
        found = predict(load_model(package), dev, make_roles(), package.facts["threshold"])
        accuracy = (found["predicted"] == dev["label"]).mean()
        assert result.metrics["dev.baseline.quick.accuracy"] == pytest.approx(accuracy)

    @pytest.mark.parametrize(
        ("roles", "depth"),
        [
            (make_roles(), 1),
            (make_roles(positive=None), 3),
            (make_roles(text=("note",)), 3),
        ],
    )
    def test_how_many_questions_the_quick_model_asks(self, roles, depth):
        assert quick_candidate(roles).params["max_depth"] == depth

    def test_more_than_two_classes(self):
        data = make_data(300, ("a", "b", "c"))
        result = run(data, make_roles(positive=None))
        assert result.facts["metric"] == "macro_f1"
        assert result.outcome == "passed"

    def test_test_rows_are_not_looked_at(self):
        frame, split = make_data()
        changed = frame.copy()
        rows = (split["side"] == "test").to_numpy()
        changed.loc[rows, "label"] = "other"
        changed.loc[rows, "size"] = np.nan
        one, two = run((frame, split)), run((changed, split))
        assert one.checks == two.checks
        assert one.files == two.files

    def test_the_figure_has_its_columns(self):
        table = run().tables["ladder"].frame
        assert {"label", "value", "low", "high", "n"} <= set(table)
        assert table["value"].is_monotonic_increasing

    def test_a_quick_model_that_cannot_be_fitted_is_an_error(self):
        frame, split = make_data()
        frame["note"] = pd.Series(["?"] * len(frame), index=frame.index, dtype="str")
        result = run((frame, split), make_roles(numeric=(), text=("note",)))
        found = check(result, "quick")
        assert (found.outcome, found.severity) == ("error", "critical")
        assert not result.files


HLP = {"name": "two clerks", "metric": "accuracy", "value": 0.97, "source": "a study"}
TARGET = {"name": "target", "metric": "recall", "value": 0.8}


class TestDeclared:
    def test_unknown_human_level_is_said(self):
        found = check(run(), "hlp")
        assert found.outcome == "not_applicable"
        assert "nobody declared it" in found.detail

    def test_declared_numbers_stand_on_the_ladder_without_intervals(self):
        result = run(hlp=HLP, declared=(TARGET,))
        rungs = {rung["name"]: rung for rung in result.facts["ladder"] if rung["n"] is None}
        assert rungs["two clerks"]["kind"] == "hlp"
        assert rungs["target"] == {
            "name": "target",
            "kind": "declared",
            "metric": "recall",
            "value": 0.8,
            "low": None,
            "high": None,
            "n": None,
        }
        assert check(result, "hlp").value == 0.97
        assert "source: a study" in check(result, "hlp").detail
        assert check(result, "declared:target").value == 0.8

    def test_the_models_are_measured_by_the_declared_metrics_too(self):
        result = run(declared=(TARGET,))
        assert "dev.baseline.quick.recall" in result.metrics


class TestChampion:
    def champion(self, data, units=frozenset(), **changes):
        frame, split = data
        files = train(Dataset(frame, split, make_roles()), make_project()).files
        package = ModelPackage.from_files(files, "model")
        return Champion(
            "7", ModelPackage(package.skops, {**package.facts, **changes}), frozenset(units)
        )

    def test_none_yet(self):
        assert check(run(), "champion").outcome == "not_applicable"

    def test_measured_on_all_dev_rows(self):
        data = make_data()
        result = run(data, champion=self.champion(data))
        (rung,) = [
            rung
            for rung in result.facts["ladder"]
            if rung["kind"] == "champion" and rung["metric"] == "accuracy"
        ]
        assert (rung["name"], rung["n"]) == ("champion 7", 40)
        assert "none of which it was fitted or tuned on" in check(result, "champion").detail

    def test_rows_that_it_has_seen_are_counted(self):
        data = make_data()
        units = data[1].loc[data[1]["side"] == "dev", "unit"][:15]
        found = check(run(data, champion=self.champion(data, units)), "champion")
        assert found.outcome == "passed"
        assert "15 of the 40 rows are of units that it was fitted or tuned on" in found.detail

    def test_one_of_other_columns_is_not_applicable(self):
        data = make_data()
        champion = self.champion(data)
        frame = data[0].drop(columns="noise")
        result = run((frame, data[1]), make_roles(numeric=("size",)), champion)
        found = check(result, "champion")
        assert found.outcome == "not_applicable"
        assert "it needs the column 'noise'" in found.detail

    def test_one_of_unlisted_types_is_not_applicable(self):
        data = make_data()
        package = ModelPackage(skops.io.dumps(Foreign()), self.champion(data).package.facts)
        found = check(run(data, champion=Champion("7", package, frozenset())), "champion")
        assert found.outcome == "not_applicable"
        assert f"{__name__}.Foreign" in found.detail


class TestTinySample:
    def test_as_many_rows_of_each_class(self):
        frame = pd.DataFrame(
            {"size": np.arange(100.0), "noise": 0.0, "label": ["no"] * 90 + ["yes"] * 10},
            index=[f"r{i:03d}" for i in range(100)],
        )
        sample = tiny_sample(frame, make_roles(), 12, seed=0)
        assert sample["label"].value_counts().to_dict() == {"no": 6, "yes": 6}
        assert sample.index.is_monotonic_increasing

    def test_a_rare_class_gives_all_it_has(self):
        frame = pd.DataFrame(
            {"size": np.arange(20.0), "noise": 0.0, "label": ["no"] * 18 + ["yes"] * 2}
        )
        sample = tiny_sample(frame, make_roles(), 12, seed=0)
        assert sample["label"].value_counts().to_dict() == {"no": 10, "yes": 2}

    def test_rows_that_contradict_each_other_are_left_out(self):
        frame = pd.DataFrame(
            {
                "size": [1.0, 1.0, 2.0, 3.0, np.nan, np.nan],
                "noise": 0.0,
                "label": ["no", "yes", "yes", "no", "no", "yes"],
            }
        )
        assert tiny_sample(frame, make_roles(), 10, seed=0)["size"].tolist() == [2.0, 3.0]

    def test_what_holds_a_family_back_is_relaxed(self):
        boosted = Candidate(
            name="b",
            estimator="sklearn.ensemble.HistGradientBoostingClassifier",
            params={"max_depth": 2},
        )
        pipelines = Pipelines(
            candidates=(boosted,),
            roles=make_roles(text=("note",)),
            class_weight="none",
            seed=0,
            allow_imports=(),
        )
        model = relax(pipelines.build(boosted))
        assert model.named_steps["estimator"].min_samples_leaf == 1
        assert model.named_steps["estimator"].max_depth is None
        assert model.named_steps["prepare"].get_params()["text_0__min_df"] == 1


class TestOverfits:
    def test_passes_where_a_family_learns_by_heart(self):
        found = check(run(candidates=(LOGISTIC, TREE)), "overfits_tiny_sample")
        assert (found.outcome, found.value, found.n) == ("passed", 1.0, 40)
        assert found.detail.startswith("tree learns 100% of 40 train rows by heart")

    def test_boosted_trees_learn_categories_of_one_row_each(self):
        frame, split = make_data(rows=200)
        towns = [f"town {place}" for place in range(200)]
        frame["town"] = pd.Series(towns, index=frame.index, dtype="str")
        boosted = Candidate(
            name="boosted",
            estimator="sklearn.ensemble.HistGradientBoostingClassifier",
            params={"max_bins": 31},
        )
        roles = make_roles(numeric=(), categorical=("town",))
        found = check(run((frame, split), roles, candidates=(boosted,)), "overfits_tiny_sample")
        assert (found.outcome, found.value, found.n) == ("passed", 1.0, 40)

    def test_not_applicable_where_no_two_rows_can_be_told_apart(self):
        frame, split = make_data()
        frame["size"] = np.nan
        found = check(run((frame, split), make_roles(numeric=("size",))), "overfits_tiny_sample")
        assert (found.outcome, found.n) == ("not_applicable", 0)

    def test_fails_where_a_column_is_lost_on_the_way(self, monkeypatch):
        def losing(model, features, labels, *, class_weight):
            return model.fit(features.assign(size=0.0, noise=0.0), as_outcomes(labels))

        monkeypatch.setattr("tasks.baselines.sanity.fit_pipeline", losing)
        found = check(run(candidates=(LOGISTIC, TREE)), "overfits_tiny_sample")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 0.5)

    def test_an_error_where_nothing_can_be_fitted(self):
        broken = Candidate(name="broken", estimator=f"{__name__}.Broken")
        result = run(candidates=(broken,), allow=HERE)
        found = check(result, "overfits_tiny_sample")
        assert found.outcome == "error"
        assert "broken: no licence" in found.detail
        assert check(result, "shuffled_labels").outcome == "error"
        assert result.outcome == "error"

    def test_a_candidate_that_cannot_be_built_ends_the_run(self):
        with pytest.raises(UserError, match="--allow-imports"):
            run(candidates=(Candidate(name="a", estimator="elsewhere.Model"),))


class TestShuffled:
    def test_a_sound_pipeline_falls_to_guessing(self):
        found = check(run(), "shuffled_labels")
        assert (found.outcome, found.severity, found.n) == ("passed", "critical", 40)

    @pytest.mark.parametrize("metric", ["average_precision", "accuracy", "log_loss"])
    def test_a_pipeline_that_reads_the_label_is_caught(self, metric, monkeypatch):
        from tasks.baselines import sanity

        honest = sanity.feature_frame

        def leaking(frame, roles):
            label = (frame[roles.target] == "yes").astype(float)
            return honest(frame, roles).assign(size=label)

        monkeypatch.setattr(sanity, "feature_frame", leaking)
        monkeypatch.setattr("tasks.estimators.fitting.feature_frame", leaking)
        found = check(run(metric=metric), "shuffled_labels")
        assert found.outcome == "failed"
        assert "by another way" in found.detail

    def test_of_many_rows_a_sample_takes_part_and_is_told(self):
        found = check(run(make_data(rows=4_000), shuffle_rows=1_000), "shuffled_labels")
        assert found.outcome == "passed"
        assert found.detail.endswith(
            "A sample took part (baselines.shuffle_rows): 1,001 of 2,400 train rows."
        )
        assert found.n == 800
        assert "sample" not in check(run(), "shuffled_labels").detail

    def test_a_leak_is_caught_in_a_sample_too(self, monkeypatch):
        from tasks.baselines import sanity

        honest = sanity.feature_frame

        def leaking(frame, roles):
            return honest(frame, roles).assign(size=(frame[roles.target] == "yes").astype(float))

        monkeypatch.setattr(sanity, "feature_frame", leaking)
        monkeypatch.setattr("tasks.estimators.fitting.feature_frame", leaking)
        found = check(run(make_data(rows=4_000), shuffle_rows=1_000), "shuffled_labels")
        assert found.outcome == "failed"

    def test_the_false_alarm_is_rare(self):
        data = make_data(100)
        outcomes = [
            check(
                measure_baselines(
                    Dataset(*data, make_roles()),
                    make_project().model_copy(update={"seed": seed}),
                    None,
                ),
                "shuffled_labels",
            ).outcome
            for seed in range(6)
        ]
        assert outcomes == ["passed"] * 6

    def test_limit_by_hand(self):
        found = Shuffled(repeats=1, rows=40, value=0.5, guessing=0.5, deviation=0.05)
        assert shuffle_limit(found, "accuracy") == pytest.approx(0.7)
        assert shuffle_limit(found, "log_loss") == pytest.approx(0.3)

    def test_undefined_on_dev_is_not_applicable(self):
        frame, split = make_data()
        split["side"] = split["side"].replace("dev", "test")
        found = check(run((frame, split)), "shuffled_labels")
        assert found.outcome == "not_applicable"
        assert "0 dev rows" in found.detail


def test_the_same_inputs_give_the_same_result():
    one, two = run(), run()
    assert one.checks == two.checks
    assert one.files == two.files
    assert one.facts == two.facts
