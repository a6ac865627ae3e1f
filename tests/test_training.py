import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

from tasks.errors import ProjectFileError, UserError
from tasks.estimators import predict
from tasks.intervals import Estimate
from tasks.models import ModelPackage, load_model, model_digest
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate, ThresholdRule
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.training import judgement, train
from tasks.training.families import ScoredFamily
from tasks.training.folds import fold_count, make_folds
from tasks.training.search import FittedFamily, Trial, rank, settings_to_try
from tasks.training.threshold import Choice, choose_threshold, shown_curve, threshold_curve

LOGISTIC = "sklearn.linear_model.LogisticRegression"
TREE = "sklearn.tree.DecisionTreeClassifier"


class Broken(ClassifierMixin, BaseEstimator):
    """A classifier that cannot be fitted."""

    def fit(self, features, outcomes):
        raise RuntimeError("the licence has expired.\nsecond line")

    def predict_proba(self, features):
        raise AssertionError


class Recording(DummyClassifier):
    """A classifier that remembers the rows that it was given."""

    seen: list = []  # noqa: RUF012

    def fit(self, features, outcomes, sample_weight=None):
        self.seen.append(len(outcomes))
        return super().fit(features, outcomes, sample_weight)


HERE = (__name__,)


def make_data(rows=120, classes=("no", "yes"), seed=0):
    """Rows whose column `size` tells the class nearly; sides in turn 3:1:1."""
    generator = np.random.default_rng(seed)
    label = generator.integers(0, len(classes), rows)
    frame = pd.DataFrame(
        {
            "size": label + generator.normal(scale=0.4, size=rows),
            "noise": generator.normal(size=rows),
            "label": pd.Series(np.asarray(classes, dtype=object)[label], dtype="str"),
        }
    ).set_index(pd.Index([f"r{i:03d}" for i in range(rows)], name="row_key"))
    side = np.asarray(["train", "train", "train", "dev", "test"], dtype=object)
    units = [f"u{i}" for i in range(rows)]
    split = pd.DataFrame({"unit": units, "side": side[np.arange(rows) % 5]}, index=frame.index)
    return frame, split


def make_roles(positive="yes", group=None):
    return Roles(target="label", positive_class=positive, numeric=("size", "noise"), group=group)


def make_project(*candidates, positive="yes", **training):
    names = {"candidates": candidates} if candidates else {}
    return Project(
        name="p",
        source="x.csv",
        target="label",
        positive_class=positive,
        training={**names, **training},
    )


def candidate(name="logistic", estimator=LOGISTIC, **fields):
    return Candidate(name=name, estimator=estimator, **fields)


TWO = (
    candidate(search={"C": (0.1, 1.0)}),
    candidate("tree", TREE, params={"max_depth": 2}),
)


def run(*candidates, data=None, roles=None, allow=(), **training):
    frame, split = data or make_data()
    roles = roles or make_roles()
    project = make_project(*(candidates or TWO), positive=roles.positive_class, **training)
    return train(Dataset(frame, split, roles), project, allow)


def check(result, id_):
    (found,) = [one for one in result.checks if one.id == id_]
    return found


def run_fitted():
    trial = Trial(family="a", params={}, scores=(0.5,))
    return FittedFamily(
        candidate=candidate(),
        model=None,
        trials=(trial,),
        best=trial,
        not_converged=(),
        not_converged_in_search=0,
    )


def max_f1(positive, scores):
    return choose_threshold(ThresholdRule(objective="max_f1"), positive, scores).threshold


class TestRefusal:
    def test_an_unknown_parameter_ends_the_run(self):
        with pytest.raises(ProjectFileError, match="no parameter"):
            run(candidate(params={"c": 1}))

    def test_an_import_that_is_not_allowed_ends_the_run(self):
        with pytest.raises(UserError, match="--allow-imports"):
            run(candidate(estimator="elsewhere.Model"))

    def test_a_model_of_unlisted_types_ends_the_run(self):
        with pytest.raises(ProjectFileError, match=f"{__name__}.Recording"):
            run(candidate(estimator=f"{__name__}.Recording"), allow=HERE)

    def test_declared_types_let_it_be_saved(self):
        type_name = f"{__name__}.Recording"
        result = run(
            candidate(estimator=type_name, trusted_types=(type_name,)),
            allow=HERE,
        )
        assert result.facts["extra_types"] == [type_name]


class TestFamilies:
    def test_the_best_on_dev_is_chosen_and_stored(self):
        frame, split = make_data()
        result = run(*TWO, data=(frame, split))
        package = ModelPackage.from_files(result.files, "model")
        table = result.tables["families"].frame
        best = table.loc[table["value"].idxmax(), "label"]
        assert result.facts["chosen"] == package.facts["candidate"] == best
        assert result.outcome == "passed"
        dev = frame[split["side"] == "dev"]
        stored = predict(load_model(package), dev, make_roles(), package.facts["threshold"])
        assert stored.equals(result.outputs["dev_predictions"])

    def test_facts_of_the_package(self):
        facts = ModelPackage.from_files(run(TWO[0]).files, "model").facts
        assert facts["classes"] == ["no", "yes"]
        assert facts["positive_class"] == "yes"
        assert facts["estimator"] == LOGISTIC
        assert facts["params"]["C"] in (0.1, 1.0)
        assert Roles.from_facts(facts["roles"]) == make_roles()

    def test_the_candidate_is_fitted_on_train_alone(self):
        frame, split = make_data()
        moved = frame.copy()
        elsewhere = (split["side"] != "train").to_numpy()
        moved.loc[elsewhere, "noise"] += 50
        one, two = run(TWO[0], data=(frame, split)), run(TWO[0], data=(moved, split))
        assert one.files["model.skops"] == two.files["model.skops"]

    def test_test_rows_are_not_looked_at(self):
        frame, split = make_data()
        changed = frame.copy()
        rows = (split["side"] == "test").to_numpy()
        changed.loc[rows, "label"] = "other"
        changed.loc[rows, ["size", "noise"]] = np.nan
        one, two = run(data=(frame, split)), run(data=(changed, split))
        assert one.files == two.files
        assert one.metrics == two.metrics

    def test_the_same_inputs_give_the_same_result(self):
        one, two = run(), run()
        assert one.files == two.files
        assert json.dumps(one.facts) == json.dumps(two.facts)
        assert one.checks == two.checks

    def test_a_family_that_cannot_be_fitted_is_a_check(self):
        result = run(TWO[0], candidate("broken", f"{__name__}.Broken"), allow=HERE)
        found = check(result, "training.fits:broken")
        assert (found.outcome, found.severity) == ("error", "warning")
        assert found.detail == "broken could not be fitted: the licence has expired."
        assert result.facts["chosen"] == "logistic"
        assert result.outcome == "warned"

    def test_no_family_that_can_be_fitted_is_a_critical_error(self):
        result = run(candidate("broken", f"{__name__}.Broken"), allow=HERE)
        assert check(result, "training.fits:broken").severity == "critical"
        assert (result.outcome, dict(result.files)) == ("error", {})

    def test_more_than_two_classes(self):
        data = make_data(150, ("a", "b", "c"))
        result = run(data=data, roles=make_roles(positive=None))
        assert result.facts["metric"] == "macro_f1"
        assert result.facts["threshold"] is None
        assert list(result.outputs["dev_predictions"]) == ["predicted", "p:a", "p:b", "p:c"]
        assert "threshold" not in result.tables

    def test_a_metric_of_which_less_is_better(self):
        result = run(metric="log_loss")
        table = result.tables["families"].frame
        assert result.facts["chosen"] == table.loc[table["value"].idxmin(), "label"]

    def test_without_dev_rows_cross_validation_decides(self):
        frame, split = make_data()
        split["side"] = split["side"].replace("dev", "test")
        result = run(data=(frame, split))
        table = result.tables["families"].frame
        best = table.loc[table["cross_validation"].idxmax(), "label"]
        assert result.facts["chosen"] == best
        assert check(result, "training.chosen").outcome == "failed"
        assert result.facts["threshold"] == 0.5

    def test_facts_are_json(self):
        json.dumps(run().facts, allow_nan=False)


class TestSettings:
    GRID = candidate(search={"C": (1, 2, 3), "fit_intercept": (True, False)})

    def test_a_small_grid_is_tried_whole_and_in_order(self):
        found = settings_to_try(self.GRID, 6, seed=0)
        assert [(one["C"], one["fit_intercept"]) for one in found] == [
            (1, True),
            (1, False),
            (2, True),
            (2, False),
            (3, True),
            (3, False),
        ]

    def test_a_larger_grid_is_sampled_without_repeats(self):
        found = settings_to_try(self.GRID, 4, seed=0)
        assert len({tuple(one.values()) for one in found}) == 4
        assert found == settings_to_try(self.GRID, 4, seed=0)

    def test_no_search_space_is_one_setting(self):
        assert settings_to_try(candidate(), 6, seed=0) == [{}]

    def test_the_best_mean_wins(self):
        shown = run(candidate(search={"C": (1e-6, 1.0)})).tables["trials"].frame
        assert shown.loc[shown["best"], "cv_mean"].iloc[0] == shown["cv_mean"].max()


class TestFolds:
    def folds(self, labels, units, wanted=3):
        return make_folds(pd.Series(labels), pd.Series(units), wanted=wanted, seed=0)

    def test_a_unit_stays_in_one_fold(self):
        units = [f"u{i // 2}" for i in range(24)]
        for learn, score in self.folds(["a", "a", "b", "b"] * 6, units):
            assert not {units[i] for i in learn} & {units[i] for i in score}

    def test_every_row_is_scored_once_and_classes_are_spread(self):
        labels = ["a"] * 9 + ["b"] * 3
        found = self.folds(labels, range(12))
        assert sorted(i for _, score in found for i in score) == list(range(12))
        assert [sum(labels[i] == "b" for i in score) for _, score in found] == [1, 1, 1]

    @pytest.mark.parametrize(
        ("labels", "units", "count"),
        [
            ("aaabbb", "123456", 3),
            ("aaabb", "12345", 2),
            ("aaab", "1234", 2),
            ("aaaaaa", "123456", 0),
            ("ab", "12", 0),
            ("aabbb", "11345", 2),
        ],
    )
    def test_as_many_folds_as_the_rarest_class_has_units(self, labels, units, count):
        assert fold_count(pd.Series(list(labels)), pd.Series(list(units)), 3) == count

    def test_fewer_folds_are_said(self):
        frame, split = make_data()
        rare = frame.index[(split["side"] == "train").to_numpy()][2:]
        frame.loc[rare, "label"] = "no"
        frame.loc[frame.index[:2], "label"] = "yes"
        found = check(run(TWO[1], data=(frame, split)), "training.search")
        assert (found.outcome, found.severity) == ("failed", "info")
        assert "on 2 folds of 72 train rows and not on 3" in found.detail

    def test_enough_folds_are_said(self):
        found = check(run(), "training.search")
        assert (found.outcome, found.value) == ("passed", 3)
        assert found.detail == "3 settings were compared on 3 folds of 72 train rows."

    def test_none_is_said(self):
        assert judgement.searched(1, 0, 3, 4).outcome == "not_applicable"


def test_an_undefined_fold_is_left_out_of_the_mean():
    trial = Trial(family="a", params={}, scores=(0.2, math.nan, 0.4))
    assert trial.mean == pytest.approx(0.3)
    assert trial.std == pytest.approx(0.1)


def test_an_undefined_score_ranks_last():
    assert rank(math.nan, "accuracy") < rank(0.0, "accuracy")
    assert rank(0.3, "log_loss") > rank(0.4, "log_loss") > rank(math.nan, "log_loss")


class TestThreshold:
    POSITIVE = np.array([False, False, True, False, True])
    SCORES = np.array([0.1, 0.2, 0.4, 0.6, 0.8])

    def test_curve_by_hand(self):
        curve = threshold_curve(self.POSITIVE, self.SCORES)
        assert curve["threshold"].tolist() == pytest.approx([0.1, 0.15, 0.3, 0.5, 0.7])
        assert curve["precision"].tolist() == pytest.approx([2 / 5, 2 / 4, 2 / 3, 1 / 2, 1])
        assert curve["recall"].tolist() == pytest.approx([1, 1, 1, 0.5, 0.5])
        assert curve["f1"].tolist() == pytest.approx([4 / 7, 4 / 6, 4 / 5, 2 / 4, 2 / 3])

    def test_the_best_f1(self):
        assert max_f1(self.POSITIVE, self.SCORES) == pytest.approx(0.3)

    def test_of_equals_the_nearest_to_one_half(self):
        positive = np.array([True, False, True, True, False])
        scores = np.array([0.9, 0.6, 0.55, 0.1, 0.05])
        curve = threshold_curve(positive, scores)
        best = curve[curve["f1"] == curve["f1"].max()]
        assert max_f1(positive, scores) in best["threshold"].to_numpy()

    def test_no_positive_row_is_one_half(self):
        assert max_f1(np.zeros(3, dtype=bool), self.SCORES[:3]) == 0.5

    def test_equal_scores_cannot_be_told_apart(self):
        curve = threshold_curve(np.array([True, False]), np.array([0.4, 0.4]))
        assert curve["threshold"].tolist() == [0.4]
        assert curve["precision"].tolist() == [0.5]

    def test_neighbouring_floats_are_told_apart(self):
        low = 0.3
        high = np.nextafter(low, 1)
        curve = threshold_curve(np.array([False, True]), np.array([low, high]))
        assert (np.array([low, high]) >= curve["threshold"].iloc[1]).tolist() == [False, True]

    def test_half_is_half(self):
        assert run(threshold="half").facts["threshold"] == 0.5

    def test_the_choice_goes_with_the_facts_the_package_and_the_page(self):
        result = run(threshold={"max_selection_rate": 0.25})
        choice = result.facts["threshold_choice"]
        assert choice["objective"] == {"max_selection_rate": 0.25}
        assert choice["met"] is True
        assert choice["selection_rate"]["value"] <= 0.25
        assert choice["threshold"] == result.facts["threshold"]
        told = (result.outputs["dev_predictions"]["predicted"] == "yes").mean()
        assert told == choice["selection_rate"]["value"]
        package = ModelPackage.from_files(result.files, "model")
        assert package.facts["threshold_choice"] == choice
        assert check(result, "training.threshold").outcome == "passed"
        assert result.figures[1].table == "threshold_curve"

    def test_test_rows_do_not_move_it(self):
        frame, split = make_data()
        changed = frame.copy()
        changed.loc[(split["side"] == "test").to_numpy(), "size"] = 0.0
        rule = {"cost": {"false_positive": 1, "false_negative": 10}}
        one = run(data=(frame, split), threshold=rule)
        two = run(data=(changed, split), threshold=rule)
        assert one.facts["threshold_choice"] == two.facts["threshold_choice"]

    def test_a_rule_for_two_classes_is_told_where_there_are_more(self):
        data = make_data(150, ("a", "b", "c"))
        result = run(
            data=data, roles=make_roles(positive=None), threshold={"max_selection_rate": 0.1}
        )
        assert check(result, "training.threshold").outcome == "not_applicable"

    def test_a_family_that_meets_the_rule_goes_before_a_better_one_that_does_not(self):
        family = ScoredFamily(
            fitted=run_fitted(),
            choice=Choice(0.5, False),
            interval=None,
            dev_predictions=pd.DataFrame(),
            dev=Estimate(value=0.9, low=0.8, high=1.0, n=9),
            train_value=0.9,
        )
        worse = dataclasses.replace(
            family, choice=Choice(0.5, True), dev=Estimate(value=0.6, low=0.5, high=0.7, n=9)
        )
        assert max((family, worse), key=lambda one: one.merit("accuracy")) is worse

    def test_a_long_curve_is_thinned_and_keeps_the_chosen_row(self):
        curve = pd.DataFrame({"threshold": np.linspace(0, 1, 1001)})
        shown = shown_curve(curve, 0.333)
        assert len(shown) <= 61
        assert 0.333 in shown["threshold"].round(6).to_numpy()


class TestChecks:
    def test_a_fit_that_stopped_early_is_a_warning(self):
        found = check(
            run(candidate(params={"max_iter": 1}, search={"C": (1.0, 2.0)})),
            "training.converged:logistic",
        )
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert "6 fits of the search did not" in found.detail

    def test_a_fit_that_converged_passes(self):
        found = check(run(), "training.converged:logistic")
        assert (found.outcome, found.detail) == ("passed", "The final fit of logistic converged.")

    def gap(self, train_value, dev_value, metric="accuracy"):
        dev = Estimate(value=dev_value, low=dev_value, high=dev_value, n=50)
        return judgement.train_dev_gap("tree", metric, train_value, dev)

    def test_a_gap_between_train_and_dev_is_shown(self):
        assert self.gap(1.0, 0.75).outcome == "failed"
        assert self.gap(1.0, 0.75).value == 0.25
        assert self.gap(0.8, 0.75).outcome == "passed"
        assert self.gap(0.1, 0.5, "log_loss").value == 0.4
        assert self.gap(0.8, math.nan).outcome == "not_applicable"

    def test_imbalance_says_share_and_handling(self):
        labels = pd.Series(["no"] * 9 + ["yes"])
        found = judgement.imbalance("tree", labels, "balanced", "class_weight")
        assert (found.outcome, found.value) == ("passed", 0.1)
        assert found.detail == (
            "The rarest class, 'yes', is 10.0% of 10 train rows; tree weighs every class the same "
            "(class_weight)."
        )

    def test_balance_that_the_family_cannot_give_is_a_warning(self):
        labels = pd.Series(["no"] * 9 + ["yes"])
        found = judgement.imbalance("knn", labels, "balanced", "none")
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert judgement.imbalance("knn", labels, "none", "none").outcome == "passed"


def test_the_digest_of_the_stored_model_is_stable():
    packages = [ModelPackage.from_files(run().files, "model") for _ in range(2)]
    assert model_digest(packages[0]) == model_digest(packages[1])
