import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.base import clone

from tasks.errors import ProjectFileError, UserError
from tasks.estimators import (
    as_outcomes,
    as_predictions,
    build_pipeline,
    convergence_messages,
    default_candidates,
    feature_frame,
    fit_pipeline,
    imbalance_handling,
    predict,
    resolve_estimator,
)
from tasks.models import load_model, save_model
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles

LOGISTIC = "sklearn.linear_model.LogisticRegression"
BOOSTED = "sklearn.ensemble.HistGradientBoostingClassifier"


def make_roles(numeric=(), categorical=(), text=(), positive="yes"):
    return Roles(
        target="label",
        positive_class=positive,
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        text=tuple(text),
    )


ROLES = make_roles(["size"], ["colour"], ["note"])


def make_frame(rows=40):
    yes = np.arange(rows) % 2 == 0
    size = np.where(yes, 1.0, -1.0)
    size[1] = np.nan
    frame = pd.DataFrame(
        {
            "note": np.where(yes, "good buy", "bad deal"),
            "colour": np.where(yes, "red", "blue"),
            "size": size,
            "label": np.where(yes, "yes", "no"),
        },
        index=pd.Index([f"r{i:02d}" for i in range(rows)], name="row_key"),
    )
    return frame.astype({"note": "str", "colour": "str", "label": "str"})


def fitted(estimator=LOGISTIC, frame=None, roles=ROLES, class_weight="balanced", **params):
    frame = make_frame() if frame is None else frame
    model = build_pipeline(
        Candidate(name="a", estimator=estimator, params=params),
        roles,
        class_weight=class_weight,
        seed=3,
    )
    features, labels = feature_frame(frame, roles), roles.labels(frame)
    return fit_pipeline(model, features, labels, class_weight=class_weight)


class TestResolve:
    def test_a_package_that_is_not_allowed_is_named_and_not_imported(self):
        sys.modules.pop("antigravity", None)
        with pytest.raises(UserError, match="--allow-imports antigravity"):
            resolve_estimator("antigravity.Model", ())
        assert "antigravity" not in sys.modules

    def test_an_allowed_package_is_imported(self):
        with pytest.raises(ProjectFileError, match="is not a scikit-learn compatible estimator"):
            resolve_estimator("fractions.Fraction", ("fractions",))

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            ("LogisticRegression", "is no import path"),
            ("sklearn..x", "is no import path"),
            ("sklearn.nowhere.Model", "cannot be imported"),
            ("sklearn.linear_model.LogisticRegresion", "cannot be imported"),
            ("sklearn.utils.shuffle", "is not a class"),
            ("sklearn.pipeline.FeatureUnion", "has no predict_proba"),
            ("sklearn.svm.LinearSVC", "has no predict_proba"),
            ("sklearn.linear_model.LinearRegression", "has no predict_proba"),
        ],
    )
    def test_what_is_no_classifier_is_refused(self, path, sentence):
        with pytest.raises(ProjectFileError, match=sentence):
            resolve_estimator(path, ())

    def test_a_classifier_of_scikit_learn_is_free(self):
        assert resolve_estimator(LOGISTIC, ()).__name__ == "LogisticRegression"


class TestBuild:
    def build(self, estimator, roles=ROLES, **fields):
        candidate = Candidate(name="a", estimator=estimator, **fields)
        return build_pipeline(candidate, roles, class_weight="balanced", seed=3)

    @pytest.mark.parametrize("field", ["params", "search"])
    def test_an_unknown_parameter_is_refused_with_the_nearest(self, field):
        value = 5 if field == "params" else (5,)
        with pytest.raises(
            ProjectFileError, match="no parameter 'max_itr'; the nearest is 'max_iter'"
        ):
            self.build(LOGISTIC, **{field: {"max_itr": value}})

    def test_svc_without_probability_is_refused(self):
        with pytest.raises(ProjectFileError, match="no predict_proba with these params"):
            self.build("sklearn.svm.SVC")

    def test_no_feature_is_refused(self):
        with pytest.raises(ProjectFileError, match="no feature column"):
            self.build(LOGISTIC, roles=make_roles())

    def test_an_estimator_that_needs_arguments_is_refused_in_a_sentence(self):
        with pytest.raises(ProjectFileError, match="cannot be made from its params"):
            self.build("sklearn.ensemble.VotingClassifier")

    def test_the_seed_and_the_class_weight_are_set(self):
        estimator = self.build(LOGISTIC).named_steps["estimator"]
        assert (estimator.random_state, estimator.class_weight) == (3, "balanced")

    def test_the_candidate_has_the_last_word(self):
        params = {"random_state": 9, "class_weight": {"yes": 2}}
        estimator = self.build(LOGISTIC, params=params).named_steps["estimator"]
        assert (estimator.random_state, estimator.class_weight) == (9, {"yes": 2})


class TestFeatureFrame:
    def test_features_alone_in_the_order_of_the_roles(self):
        assert list(feature_frame(make_frame(), ROLES)) == ["size", "colour", "note"]

    def test_missing_words_are_a_category_and_an_empty_text(self):
        frame = make_frame()
        frame.loc["r00", ["colour", "note"]] = None
        row = feature_frame(frame, ROLES).loc["r00"]
        assert (row["colour"], row["note"]) == ("(missing)", "")

    def test_missing_numbers_stay_missing(self):
        assert feature_frame(make_frame(), ROLES)["size"].isna().sum() == 1


class TestPreparation:
    @pytest.mark.parametrize("estimator", [LOGISTIC, BOOSTED])
    def test_numbers_categories_and_text_suit_sparse_and_dense(self, estimator):
        frame = make_frame()
        predictions = predict(fitted(estimator), frame, ROLES, 0.5)
        assert list(predictions) == ["predicted", "p:no", "p:yes"]
        assert predictions.index.equals(frame.index)

    def test_a_novel_category_is_encoded_as_unknown(self):
        roles = make_roles(categorical=["colour"])
        model = fitted(roles=roles)
        novel = make_frame(2).assign(colour="green")
        encoded = model.named_steps["prepare"].transform(feature_frame(novel, roles))
        assert encoded.tolist() == [[0.0, 0.0], [0.0, 0.0]]

    def test_a_column_without_a_value_does_no_harm(self):
        frame = make_frame().assign(size=np.nan)
        assert len(predict(fitted(frame=frame), frame, ROLES, None)) == 40

    def test_a_missing_number_has_a_column_of_its_own(self):
        roles = make_roles(["size"])
        frame = make_frame()
        prepared = fitted(roles=roles).named_steps["prepare"].transform(feature_frame(frame, roles))
        assert prepared.shape == (40, 2)


class TestImbalance:
    def labels_shifted(self, estimator, class_weight):
        """Mean probability of the rare class where the features say nothing."""
        frame = make_frame().assign(size=0.0)
        frame["label"] = ["yes"] * 4 + ["no"] * 36
        roles = make_roles(["size"])
        model = fitted(estimator, frame, roles, class_weight)
        return predict(model, frame, roles, None)["p:yes"].mean()

    @pytest.mark.parametrize(
        ("estimator", "handling"),
        [(LOGISTIC, "class_weight"), ("sklearn.naive_bayes.BernoulliNB", "sample_weight")],
    )
    def test_balanced_makes_classes_weigh_the_same(self, estimator, handling):
        known = resolve_estimator(estimator, ())()
        assert imbalance_handling(known, "balanced") == handling
        assert self.labels_shifted(estimator, "balanced") == pytest.approx(0.5, abs=0.02)

    @pytest.mark.parametrize("estimator", [LOGISTIC, "sklearn.naive_bayes.BernoulliNB"])
    def test_none_leaves_them_as_frequent_as_they_are(self, estimator):
        assert imbalance_handling(resolve_estimator(estimator, ())(), "none") == "none"
        assert self.labels_shifted(estimator, "none") == pytest.approx(0.1, abs=0.02)

    def test_an_estimator_without_weights_says_so(self):
        neighbours = resolve_estimator("sklearn.neighbors.KNeighborsClassifier", ())()
        assert imbalance_handling(neighbours, "balanced") == "none"


class TestPredictions:
    INDEX = pd.Index(["a", "b"], name="row_key")
    MATRIX = np.array([[0.7, 0.3], [0.4, 0.6]])

    def test_the_threshold_itself_counts_as_reached(self):
        found = as_predictions(self.MATRIX, ["no", "yes"], self.INDEX, "yes", 0.3)
        assert found["predicted"].tolist() == ["yes", "yes"]

    def test_below_the_threshold_is_the_other_class(self):
        found = as_predictions(self.MATRIX, ["no", "yes"], self.INDEX, "no", 0.5)
        assert found["predicted"].tolist() == ["no", "yes"]

    def test_without_a_threshold_the_most_probable_and_the_first_of_equals(self):
        matrix = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
        found = as_predictions(matrix, ["a", "b", "c"], self.INDEX, None, None)
        assert found["predicted"].tolist() == ["a", "c"]

    def test_columns_are_sorted_by_class(self):
        found = as_predictions(self.MATRIX, ["z", "b"], self.INDEX, None, None)
        assert list(found) == ["predicted", "p:b", "p:z"]
        assert found.loc["a", "p:z"] == 0.7


class TestDefaults:
    @pytest.mark.parametrize(
        ("roles", "second"),
        [
            (make_roles(["size"], ["colour"]), "boosted_trees"),
            (make_roles(text=["note"]), "naive_bayes"),
            (ROLES, "random_forest"),
        ],
    )
    def test_two_families_that_fit_the_columns(self, roles, second):
        candidates = default_candidates(roles)
        assert [candidate.name for candidate in candidates] == ["logistic_regression", second]
        for candidate in candidates:
            frame = make_frame()
            found = predict(fitted(candidate.estimator, frame, roles), frame, roles, 0.5)
            assert (found["predicted"] == frame["label"]).mean() > 0.9


def test_a_fit_that_does_not_converge_is_recorded_and_not_shown():
    with convergence_messages() as messages:
        fitted(max_iter=1)
    assert len(messages) == 1
    assert "\n" not in messages[0]


def test_the_same_data_give_the_same_probabilities():
    frame = make_frame()
    first = predict(fitted(BOOSTED), frame, ROLES, None)
    assert first.equals(predict(fitted(BOOSTED), frame, ROLES, None))


class TestPreparationByFamily:
    """Which form the columns take, and that a row means the same in each."""

    MIXED = make_roles(["size"], ["colour", "town"])

    def frame(self, rows=400):
        random = np.random.default_rng(0)
        frame = make_frame(rows)
        # 300 towns, of which a few are frequent: more than any family tells apart
        town = np.where(random.random(rows) < 0.5, 0, random.integers(0, 300, rows))
        frame["town"] = pd.Series([f"t{one:03d}" for one in town], index=frame.index, dtype="str")
        return frame

    def matrix(self, model, frame, roles):
        return model.named_steps["prepare"].transform(feature_frame(frame, roles))

    def test_histogram_boosting_gets_codes_and_numbers_as_they_are(self):
        frame = self.frame()
        model = fitted(BOOSTED, frame, self.MIXED, max_bins=31)
        found = self.matrix(model, frame, self.MIXED)
        assert found.shape == (400, 3)
        assert model.named_steps["estimator"].categorical_features == [0, 1]
        assert sorted(set(found[:, 0])) == [0.0, 1.0]
        assert found[:, 1].max() == 30  # 31 categories, the rarest together
        np.testing.assert_array_equal(found[:, 2], frame["size"].to_numpy())  # NaN included

    def test_a_linear_model_gets_a_sparse_matrix_where_most_cells_are_zero(self):
        frame = self.frame()
        found = self.matrix(fitted(LOGISTIC, frame, self.MIXED), frame, self.MIXED)
        assert issparse(found)
        assert found.shape == (400, 104)  # size, its indicator, two colours, 100 towns
        few = make_roles(["size"], ["colour"])
        assert not issparse(self.matrix(fitted(LOGISTIC, frame, few), frame, few))

    def test_what_takes_no_sparse_matrix_gets_a_dense_one(self):
        frame = self.frame()
        model = fitted("sklearn.naive_bayes.GaussianNB", frame, self.MIXED)
        assert not issparse(self.matrix(model, frame, self.MIXED))

    def test_fewer_bins_in_the_search_mean_fewer_categories(self):
        candidate = Candidate(name="a", estimator=BOOSTED, search={"max_bins": (15, 60)})
        model = build_pipeline(candidate, self.MIXED, class_weight="none", seed=0)
        prepare = model.named_steps["prepare"].fit(feature_frame(self.frame(), self.MIXED))
        codes = prepare.transform(feature_frame(self.frame(), self.MIXED))[:, 1]
        assert codes.max() == 14

    @pytest.mark.parametrize("estimator", [LOGISTIC, BOOSTED])
    def test_an_unseen_category_and_a_first_missing_number_are_scored(self, estimator):
        frame = self.frame().assign(size=lambda rows: rows["size"].fillna(0.0))
        model = fitted(estimator, frame, self.MIXED)
        odd = frame.iloc[:2].assign(town="nowhere", size=np.nan).astype({"town": "str"})
        found = predict(model, odd, self.MIXED, None)
        assert found["p:yes"].between(0, 1).all()
        assert found["predicted"].tolist() == ["yes", "no"]  # the colour still tells

    def test_the_model_without_its_recoding_predicts_the_same(self):
        """Beside scikit-learn's own fit of the same matrix, which keeps its second encoder."""
        frame = self.frame()
        model = fitted(BOOSTED, frame, self.MIXED, "none", max_bins=31, max_iter=20)
        odd = frame.iloc[:50].assign(town="nowhere").astype({"town": "str"})
        matrix = self.matrix(model, pd.concat([frame, odd]), self.MIXED)
        own = clone(model.named_steps["estimator"])
        own.fit(matrix[:400], as_outcomes(frame["label"]))
        assert own._preprocessor is not None
        assert model.named_steps["estimator"]._preprocessor is None
        np.testing.assert_array_equal(
            own.predict_proba(matrix), model.named_steps["estimator"].predict_proba(matrix)
        )

    def test_a_native_model_is_stored_and_loaded_by_the_fixed_list(self):
        frame = self.frame()
        model = fitted(BOOSTED, frame, self.MIXED, max_iter=10)
        loaded = load_model(save_model(model, extra_types=(), facts={}))
        odd = frame.iloc[:2].assign(town="nowhere").astype({"town": "str"})
        for rows in (frame, odd):
            expected = predict(model, rows, self.MIXED, None)
            assert predict(loaded, rows, self.MIXED, None).equals(expected)

    def test_who_sets_categorical_features_gets_the_dense_columns(self):
        frame = self.frame()
        model = fitted(BOOSTED, frame, self.MIXED, categorical_features=None)
        assert self.matrix(model, frame, self.MIXED).shape == (400, 104)
