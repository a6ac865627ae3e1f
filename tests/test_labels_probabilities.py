"""Two families of different kinds, averaged; what fails is named."""

import numpy as np
import pytest
from test_labels_stage import make_data, make_roles

from tasks.labels import probabilities
from tasks.labels.probabilities import choose_families, label_probabilities
from tasks.project.dataset import Dataset
from tasks.project.sections import Project

LINEAR = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"
BOOSTED = "sklearn.ensemble.HistGradientBoostingClassifier"
TREE = "sklearn.tree.DecisionTreeClassifier"


def make_project(*estimators):
    candidates = [{"name": f"c{i}", "estimator": path} for i, path in enumerate(estimators)]
    training = {"candidates": candidates}
    return Project(name="p", source="x.csv", target="y", training=training)


@pytest.mark.parametrize(
    ("declared", "chosen"),
    [
        ((), [LINEAR, BOOSTED]),
        ((LINEAR, FOREST, TREE), [LINEAR, FOREST]),
        ((FOREST, BOOSTED, TREE), [FOREST, TREE]),
        ((FOREST, BOOSTED), [FOREST, LINEAR]),
        ((LINEAR,), [LINEAR, BOOSTED]),
        ((TREE,), [TREE, LINEAR]),
    ],
)
def test_the_first_candidate_and_the_next_of_another_kind(declared, chosen):
    families = choose_families(make_roles(), make_project(*declared))
    assert [family.estimator for family in families] == chosen


def test_the_mean_of_both_families(monkeypatch):
    frame, split = make_data()
    project = make_project(LINEAR, TREE)
    both = label_probabilities(Dataset(frame, split, make_roles()), project)
    chosen = choose_families(make_roles(), project)
    single = []
    for family in chosen:
        monkeypatch.setattr(probabilities, "choose_families", lambda *_, one=family: (one,))
        single.append(label_probabilities(Dataset(frame, split, make_roles()), project).matrix)
    assert both.families == ("c0", "c1")
    assert both.matrix == pytest.approx((single[0] + single[1]) / 2)
    assert both.matrix.sum(axis=1) == pytest.approx(np.ones(len(frame)))
    assert np.abs(single[0] - single[1]).max() > 0.01


def test_a_second_family_that_fails_is_named():
    frame, split = make_data()
    frame["a"] -= 100  # multinomial naive Bayes takes no negative numbers
    roles = make_roles()
    project = make_project(LINEAR, "sklearn.naive_bayes.MultinomialNB")
    found = label_probabilities(Dataset(frame, split, roles), project)
    assert found.matrix is None
    assert found.broken
    assert found.reason.startswith("the model 'c1' could not be fitted: ")
