import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from tasks.errors import ProjectFileError, UnavailableError, UserError
from tasks.estimators import build_pipeline, feature_frame, fit_pipeline, predict
from tasks.models import (
    ALLOWED_TYPES,
    Champion,
    ModelPackage,
    champion_problem,
    declared_types,
    load_model,
    model_digest,
    save_model,
    stored_types,
)
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles

ROOT = Path(__file__).resolve().parent.parent
FACTS = {"candidate": "mine", "estimator": "elsewhere.Model"}


class Foreign(ClassifierMixin, BaseEstimator):
    """A classifier of a type that nobody lists."""


class Sealed:
    """What does not tell its state."""

    def __getstate__(self):
        raise TypeError("sealed")


FOREIGN = f"{Foreign.__module__}.Foreign"


def make_roles(**changes):
    fields = {
        "target": "label",
        "positive_class": "yes",
        "numeric": ("size",),
        "categorical": ("colour",),
        "text": ("note",),
    }
    return Roles(**{**fields, **changes})


ROLES = make_roles()


def make_frame(rows=60):
    generator = np.random.default_rng(0)
    yes = generator.random(rows) < 0.4
    return pd.DataFrame(
        {
            "size": generator.normal(size=rows) + yes,
            "colour": pd.Series(generator.choice(["red", "blue"], rows), dtype="str"),
            "note": pd.Series(np.where(yes, "good buy", "bad deal"), dtype="str"),
            "label": pd.Series(np.where(yes, "yes", "no"), dtype="str"),
        }
    ).set_index(pd.Index([f"r{i}" for i in range(rows)], name="row_key"))


def fit(estimator, **params):
    frame = make_frame()
    candidate = Candidate(name="a", estimator=f"sklearn.{estimator}", params=params)
    model = build_pipeline(candidate, ROLES, class_weight="balanced", seed=0)
    features = feature_frame(frame, ROLES)
    return fit_pipeline(model, features, ROLES.labels(frame), class_weight="balanced")


class TestRefusal:
    def test_a_foreign_type_is_not_saved_and_is_named(self):
        with pytest.raises(UserError, match=f"'mine'.*the type '{FOREIGN}'.*--allow-imports"):
            save_model(Foreign(), extra_types=(), facts=FACTS)

    def test_a_list_that_came_with_the_artifact_is_not_trusted(self):
        package = ModelPackage(skops.io.dumps(Foreign()), {**FACTS, "extra_types": [FOREIGN]})
        with pytest.raises(ProjectFileError, match=FOREIGN):
            load_model(package)

    def test_bytes_that_are_no_model(self):
        with pytest.raises(UnavailableError, match="cannot be read"):
            load_model(ModelPackage(b"no archive", {}))

    def test_a_declared_type_of_a_package_that_is_not_allowed(self):
        candidate = Candidate(name="a", estimator="x.Y", trusted_types=("x.inner.Tree",))
        with pytest.raises(UserError, match=r"'x\.inner\.Tree'.*--allow-imports x"):
            declared_types((candidate,), ())

    def test_an_object_that_cannot_be_saved(self):
        with pytest.raises(ProjectFileError, match="cannot be saved without pickle"):
            save_model(LogisticRegression(C=Sealed()), extra_types=(), facts=FACTS)


class TestExtraTypes:
    def test_an_exact_type_can_be_added_and_is_recorded(self):
        package = save_model(Foreign(), extra_types=(FOREIGN, "never.Used"), facts=FACTS)
        assert package.facts["extra_types"] == [FOREIGN]
        assert isinstance(load_model(package, extra_types=(FOREIGN,)), Foreign)

    def test_declared_types_are_sorted_and_from_all_candidates(self):
        candidates = (
            Candidate(name="a", estimator="x.Y", trusted_types=("x.T", "x.A")),
            Candidate(name="b", estimator="y.Y", trusted_types=("y.T", "x.T")),
        )
        assert declared_types(candidates, ("x", "y")) == ("x.A", "x.T", "y.T")


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("linear_model.LogisticRegression", {}),
        ("linear_model.SGDClassifier", {"loss": "log_loss"}),
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 5}),
        ("ensemble.RandomForestClassifier", {"n_estimators": 5}),
        ("tree.DecisionTreeClassifier", {}),
        ("neighbors.KNeighborsClassifier", {}),
        ("neural_network.MLPClassifier", {"max_iter": 500}),
        ("calibration.CalibratedClassifierCV", {}),
        ("dummy.DummyClassifier", {}),
    ],
)
def test_a_reloaded_model_predicts_the_same(estimator, params):
    model, frame = fit(estimator, **params), make_frame()
    package = save_model(model, extra_types=(), facts={"candidate": "a", "estimator": estimator})
    assert package.facts["extra_types"] == []
    before = predict(model, frame, ROLES, 0.4)
    assert predict(load_model(package), frame, ROLES, 0.4).equals(before)


def test_another_model_has_another_digest():
    one = save_model(fit("linear_model.LogisticRegression", C=1.0), extra_types=(), facts=FACTS)
    two = save_model(fit("linear_model.LogisticRegression", C=2.0), extra_types=(), facts=FACTS)
    assert model_digest(one) != model_digest(two)


def test_the_same_training_gives_the_same_bytes_in_every_process():
    program = textwrap.dedent(
        """
        from hashlib import sha256
        from test_models import FACTS, ROLES, fit, make_frame
        from tasks.estimators import predict
        from tasks.models import model_digest, save_model
        for name in ("HistGradientBoostingClassifier", "RandomForestClassifier"):
            model = fit("ensemble." + name)
            predict(model, make_frame(), ROLES, None)
            package = save_model(model, extra_types=(), facts=FACTS)
            print(model_digest(package), sha256(package.skops).hexdigest())
        """
    )
    printed = set()
    for number in ("1", "2"):
        environment = {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
            "PYTHONHASHSEED": number,
            "OMP_NUM_THREADS": number,
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().split()) == 4


def test_files_hold_the_package():
    package = save_model(fit("dummy.DummyClassifier"), extra_types=(), facts={"b": 1, "a": "é"})
    files = package.to_files("model")
    assert sorted(files) == ["model.json", "model.skops"]
    assert files["model.json"].decode() == '{"a": "é", "b": 1, "extra_types": []}'
    assert ModelPackage.from_files(files, "model") == package


class TestChampionProblem:
    def champion(self, classes=("no", "yes"), **changes):
        facts = {"roles": make_roles(**changes).to_facts(), "classes": list(classes)}
        return Champion("3", ModelPackage(b"", json.loads(json.dumps(facts))), frozenset())

    def test_none_where_it_can_be_measured(self):
        assert champion_problem(self.champion(), make_frame(), ROLES) is None

    def test_a_feature_that_is_no_feature_any_more_is_no_problem(self):
        roles = make_roles(text=(), excluded={"note": "unfair"})
        assert champion_problem(self.champion(), make_frame(), roles) is None

    @pytest.mark.parametrize(
        ("champion", "reason"),
        [
            ({"target": "other"}, "its target is 'other' and the project's is 'label'"),
            ({"positive_class": "no"}, "its positive class is 'no' and the project's is 'yes'"),
            ({"classes": ("no", "maybe")}, "it does not know the class 'yes'"),
            ({"numeric": ("age", "gone")}, "it needs the columns 'age', 'gone', which the data"),
            ({"numeric": ("colour",)}, "it needs numbers in the column 'colour'"),
        ],
    )
    def test_the_reason_where_it_cannot(self, champion, reason):
        found = champion_problem(self.champion(**champion), make_frame(), ROLES)
        assert found is not None
        assert found.startswith(reason)


def test_what_loading_builds_beyond_skops_own_types_is_told():
    tree = fit("tree.DecisionTreeClassifier", max_depth=2)
    found = stored_types(save_model(tree, extra_types=(), facts=FACTS))
    assert "sklearn.tree._tree.Tree" in found
    assert set(found) < ALLOWED_TYPES
