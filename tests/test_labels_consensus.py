"""Consensus: majority by hand, Dawid-Skene against crowd-kit's numbers, a model's help."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.consensus import (
    compare_methods,
    default_method,
    find_consensus,
    spread_over,
    vote_shares,
)
from tasks.labels.consensus_dawid_skene import estimate_true_classes
from tasks.labels.ratings import Ratings, wide_ratings

CLASSES = ("x", "y")
# Two who mostly agree, one who turns y into x.
NAMED = {
    "ann": ["x", "x", "y", "y", "y", "x", "y", "x"],
    "bob": ["x", "x", "y", "y", "x", "x", "y", "y"],
    "cat": ["x", "x", "x", "y", "x", "x", "x", "x"],
}


def rate(columns, classes=CLASSES, anonymous=False):
    frame = pd.DataFrame(columns, dtype="str")
    ratings, _ = wide_ratings(frame, list(frame.columns), classes, anonymous=anonymous)
    return ratings


def test_the_majority_shows_ties_and_does_not_break_them():
    ratings = rate(
        {
            "a": ["x", "x", None, None],
            "b": ["x", "y", "y", None],
            "c": ["y", None, None, None],
        }
    )
    found = find_consensus(ratings)["majority"]
    assert found.label.tolist() == [0, -1, 1, -1]
    assert found.tied.tolist() == [False, True, False, False]
    assert found.confidence[:3].tolist() == [pytest.approx(2 / 3), 0.5, 1.0]
    assert np.isnan(found.confidence[3])


def test_dawid_skene_gives_the_numbers_of_crowd_kit():
    # crowd-kit 1.4.2, DawidSkene(n_iter=5, tol=-1e9) on the same labels.
    theirs = [0.0002583, 0.0002583, 0.8626412, 1.0, 0.0387234, 0.0002583, 0.8626412, 0.0387234]
    found = estimate_true_classes(rate(NAMED), rounds=5, tolerance=-1.0)
    assert found.posterior[:, 1] == pytest.approx(theirs, abs=1e-6)


def test_one_round_by_hand():
    # Item 1 is x by both, item 2 x by one and y by the other: shares of the votes (1, 0) and
    # (1/2, 1/2). Class shares 3/4 and 1/4. Ann says x always: P(x|x) = P(x|y) = 1. Bob says x
    # for x with 1 / 1.5, y with 0.5 / 1.5, and y for y always. Item 2: 3/4 * 1/3 against 1/4.
    found = estimate_true_classes(rate({"a": ["x", "x"], "b": ["x", "y"]}), rounds=1)
    assert found.posterior.tolist() == [
        [pytest.approx(1.0), pytest.approx(0.0, abs=1e-6)],
        [pytest.approx(0.5), pytest.approx(0.5)],
    ]


def test_items_labelled_alike_are_worked_on_once_and_get_the_same():
    rng = np.random.default_rng(0)
    columns = {name: rng.choice(["x", "y"], 400).astype(object) for name in "abcd"}
    found = estimate_true_classes(rate(columns), rounds=20)
    pattern = pd.DataFrame(columns).sum(axis=1)
    assert pattern.nunique() == 16
    spread = pd.Series(found.posterior[:, 0]).groupby(pattern).agg(np.ptp)
    assert spread.max() == 0
    assert found.errors.shape == (4, 2, 2)
    assert found.errors.sum(axis=1) == pytest.approx(1.0)


def test_the_true_habits_are_found():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 4000)
    right = {"good": 0.95, "fair": 0.8, "bad": 0.6, "biased": None}
    columns = {}
    for name, share in right.items():
        if share is None:
            said = np.where(rng.random(4000) < 0.7, 0, truth)
        else:
            said = np.where(rng.random(4000) < share, truth, 1 - truth)
        columns[name] = np.array(CLASSES, dtype=object)[said]
    ratings = rate(columns)
    found = estimate_true_classes(ratings)
    assert found.settled
    assert found.errors[0].tolist() == [
        [pytest.approx(0.95, abs=0.02), pytest.approx(0.05, abs=0.02)],
        [pytest.approx(0.05, abs=0.02), pytest.approx(0.95, abs=0.02)],
    ]
    assert found.errors[3, 1, 1] == pytest.approx(0.3, abs=0.03)
    methods = find_consensus(ratings)
    accuracy = {name: (one.label == truth).mean() for name, one in methods.items()}
    assert accuracy["dawid_skene"] > accuracy["majority"] + 0.05


def test_a_model_settles_what_people_leave_open():
    columns = {"a": ["x", "y"] * 30 + ["x"], "b": ["x", "y"] * 30 + ["y"]}
    prior = np.array([[0.9, 0.1], [0.1, 0.9]] * 30 + [[0.2, 0.8]])
    found = find_consensus(rate(columns, anonymous=True), prior)
    assert (found["majority"].label[-1], found["dawid_skene"].tied[-1]) == (-1, True)
    assert found["model_assisted"].label[-1] == 1
    assert list(find_consensus(rate(columns))) == ["majority", "dawid_skene"]


def test_classes_that_the_model_does_not_know_take_their_share_of_the_labels():
    ratings = rate({"a": ["x", "y", "z", "z"]}, ("x", "y", "z"))
    spread = spread_over(np.array([[0.8, 0.2]]), ["x", "y"], ratings)
    assert spread.tolist() == [[pytest.approx(0.4), pytest.approx(0.1), 0.5]]


def test_an_item_without_labels_has_no_consensus():
    found = estimate_true_classes(rate({"a": ["x", None], "b": ["x", None]}))
    assert np.isnan(found.posterior[1]).all()


def test_the_default_is_dawid_skene_for_three_known_annotators():
    assert default_method(rate(NAMED)) == "dawid_skene"
    assert default_method(rate(NAMED, anonymous=True)) == "majority"
    assert default_method(rate({name: NAMED[name] for name in ("ann", "bob")})) == "majority"


def test_methods_are_told_side_by_side():
    ratings = rate({"a": ["x", "x", "y", "x"], "b": ["x", "y", "y", None]})
    found = find_consensus(ratings)
    table = compare_methods(found, ratings.votes(), np.array([0, 0, 0, 1]), "majority")
    first = table.set_index("method").loc["majority"]
    # Three items with two labels: two settled, one tied and weak; one of two has the label.
    assert first[["settled", "tied", "weak", "is_label", "n"]].tolist() == [2, 1, 1, 0.5, 2]
    assert table["chosen"].tolist() == [True, False]


def test_shares_of_votes():
    assert vote_shares(np.array([[3, 1], [0, 0]]))[0].tolist() == [0.75, 0.25]


def test_the_order_of_items_changes_nothing_but_the_order():
    ratings = rate(NAMED)
    turned = rate({name: values[::-1] for name, values in NAMED.items()})
    first = estimate_true_classes(ratings).posterior
    assert first == pytest.approx(estimate_true_classes(turned).posterior[::-1])


def test_ratings_of_many_people_need_no_dense_table():
    ratings = Ratings(
        item=np.array([0, 0, 1]),
        label=np.array([0, 0, 1]),
        annotator=np.array([0, 99_999, 5]),
        items=2,
        classes=CLASSES,
        annotators=tuple(str(n) for n in range(100_000)),
    )
    found = estimate_true_classes(ratings, smoothing=10.0)
    assert found.posterior.argmax(axis=1).tolist() == [0, 1]
