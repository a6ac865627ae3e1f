import dataclasses

import numpy as np
import pandas as pd
import pytest

from tasks.estimators import build_pipeline, feature_frame, fit_pipeline
from tasks.golden_rows import golden_problem, make_golden_rows
from tasks.models import ModelPackage, save_model
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles

ROLES = Roles(target="label", positive_class="yes", numeric=("size",), categorical=("colour",))


def make_rows(count=60):
    size = np.arange(count, dtype=float)
    return pd.DataFrame(
        {
            "size": np.where(size % 7 == 0, np.nan, size),
            "colour": pd.Series(["red", "blue", None] * count, dtype="str")[:count],
            "label": np.where(size > count / 2, "yes", "no"),
        }
    ).set_index(pd.Index([f"row-{at}" for at in range(count)], name="row_key"))


def make_package(rows, C=1.0, threshold=0.5):
    candidate = Candidate(
        name="mine", estimator="sklearn.linear_model.LogisticRegression", params={"C": C}
    )
    pipeline = build_pipeline(candidate, ROLES, class_weight="none", seed=0)
    model = fit_pipeline(
        pipeline, feature_frame(rows, ROLES), rows["label"].astype("str"), class_weight="none"
    )
    facts = {
        "classes": ["no", "yes"],
        "positive_class": "yes",
        "threshold": threshold,
        "roles": ROLES.to_facts(),
        "candidate": "mine",
        "estimator": candidate.estimator,
    }
    return save_model(model, extra_types=(), facts=facts)


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def package(rows):
    return make_package(rows)


@pytest.fixture
def golden(package, rows):
    return make_golden_rows(package, rows, ROLES)


def with_facts(package, **facts):
    return ModelPackage(package.skops, {**package.facts, **facts})


class TestRefusals:
    def test_a_version_without_golden_rows(self, package):
        assert "it has none; it was registered before" in golden_problem(package, None)

    def test_no_rows_at_all(self, package, golden):
        assert "are empty" in golden_problem(package, golden.iloc[:0])

    @pytest.mark.parametrize("column", ["row_key", "predicted", "feature:size"])
    def test_a_missing_column(self, package, golden, column):
        assert f"lack the column '{column}'" in golden_problem(package, golden.drop(columns=column))

    def test_a_class_that_the_rows_do_not_have(self, package, golden):
        found = golden_problem(package, golden.drop(columns="probability:yes"))
        assert "probabilities of the classes 'no' and the model those of the" in found

    def test_a_model_that_knows_other_classes_than_it_says(self, package, golden):
        renamed = golden.rename(columns={"probability:no": "probability:never"})
        found = golden_problem(with_facts(package, classes=["never", "yes"]), renamed)
        assert found.startswith("the model knows the classes 'no', 'yes' and was stored with")

    @pytest.mark.parametrize("value", [np.nan, 0.5])
    def test_another_probability(self, package, golden, value):
        golden.loc[3, "probability:yes"] = value
        found = golden_problem(package, golden)
        assert f"golden row {golden['row_key'][3]} has " in found
        assert f"as the probability of 'yes' and had {value!r}" in found

    def test_another_model(self, rows, golden):
        assert "as the probability of 'no'" in golden_problem(make_package(rows, C=2.0), golden)

    def test_another_threshold(self, package, golden):
        found = golden_problem(with_facts(package, threshold=1.0), golden)
        yes = (golden["predicted"] == "yes").sum()
        assert f"is predicted as 'no' and was 'yes' when it was registered ({yes} of 50" in found

    def test_bytes_that_are_no_model(self, package, golden):
        broken = dataclasses.replace(package, skops=b"broken")
        assert "it cannot be loaded: the stored model cannot be read" in golden_problem(
            broken, golden
        )

    def test_features_that_cannot_be_scored(self, package, golden):
        golden["feature:size"] = "wide"
        assert "it cannot score its golden rows: ValueError" in golden_problem(package, golden)


def test_a_difference_in_the_last_digits_is_allowed(package, golden):
    golden["probability:yes"] += 1e-12
    assert golden_problem(package, golden) is None


def test_the_same_model_reproduces_its_rows_after_storage(package, golden, tmp_path):
    golden.to_parquet(tmp_path / "golden.parquet")
    stored = pd.read_parquet(tmp_path / "golden.parquet")
    files = package.to_files("model")
    assert golden_problem(ModelPackage.from_files(files, "model"), stored) is None


def test_the_rows_do_not_depend_on_the_order_of_the_table(package, rows, golden):
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(make_golden_rows(package, shuffled, ROLES), golden)


def test_what_is_kept(package, rows, golden):
    assert list(golden.columns) == [
        "row_key",
        "feature:size",
        "feature:colour",
        "predicted",
        "probability:no",
        "probability:yes",
    ]
    assert len(golden) == 50
    # SHA-256 of row-47 begins with 003f, that of row-29 with 030e: the two smallest of the 60
    assert list(golden["row_key"][:2]) == ["row-47", "row-29"]
    assert ((golden["probability:yes"] >= 0.5) == (golden["predicted"] == "yes")).all()


def test_fewer_rows_than_asked_for_are_all_kept(package, rows):
    assert len(make_golden_rows(package, rows.iloc[:7], ROLES)) == 7
