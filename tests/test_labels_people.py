"""Annotators and human-level performance: by hand, and against independent implementations."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.annotators import (
    compare_annotators,
    compare_pairs,
    credit,
    pair_confusion,
    self_consistency,
)
from tasks.labels.human_level import (
    compare_with_others,
    human_level,
    items_to_label_twice,
    mean_of_ratios,
)
from tasks.labels.ratings import Ratings, cast_once, wide_ratings

CLASSES = ("x", "y", "z")


def rate(columns, anonymous=False):
    frame = pd.DataFrame(columns, dtype="str")
    return wide_ratings(frame, list(frame.columns), CLASSES, anonymous=anonymous)[0]


def level_of(votes, units=None, positive=None, slices=None):
    votes = np.array(votes)
    units = np.arange(len(votes)) if units is None else np.array(units)
    frame = human_level(compare_with_others(votes), CLASSES, units, positive, slices or {})
    return frame.set_index(["of", "name", "metric"])


def test_cohens_kappa_of_the_textbook_example():
    # Two readers, 50 proposals: both yes 20, both no 15, first alone 5, second alone 10.
    # Agreement 0.7, chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4.
    first = ["y"] * 25 + ["x"] * 25
    second = ["y"] * 20 + ["x"] * 5 + ["y"] * 10 + ["x"] * 15
    found = compare_pairs(rate({"a": first, "b": second}), seed=0).iloc[0]
    assert found["kappa"] == pytest.approx(0.4)
    assert (found["agreement"], found["n"]) == (pytest.approx(0.7), 50)
    assert found["low"] < 0.4 < found["high"]
    assert found["confused"] == "x / y (10)"
    confusion = pair_confusion(rate({"a": first, "b": second}))
    assert confusion.to_numpy().tolist() == [["a", "b", "x", "y", 10], ["a", "b", "y", "x", 5]]


def test_kappa_is_the_same_as_scikit_learns():
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    first, second = (rng.choice(list(CLASSES), 80) for _ in range(2))
    second[:40] = first[:40]
    found = compare_pairs(rate({"a": first, "b": second}), seed=0)
    assert found["kappa"].iloc[0] == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_of_items_copied_within_their_unit_has_the_interval_of_the_units():
    rng = np.random.default_rng(0)
    first = rng.choice(["x", "y"], 50)
    second = np.where(rng.random(50) < 0.8, first, "z")
    units = np.repeat(np.arange(50), 20)
    alone = compare_pairs(rate({"a": first, "b": second}), seed=0).iloc[0]
    copied = rate({"a": first[units], "b": second[units]})
    wrong = compare_pairs(copied, seed=0).iloc[0]
    right = compare_pairs(copied, seed=0, units=units).iloc[0]
    assert right["high"] - right["low"] == pytest.approx(alone["high"] - alone["low"], rel=0.15)
    assert wrong["high"] - wrong["low"] < 0.4 * (right["high"] - right["low"])
    assert right["kappa"] == pytest.approx(alone["kappa"])


def test_kappa_over_a_thousand_classes_draws_what_was_met_only():
    # The thousand-fold table of a million cells would be 7.5 GiB.
    classes = tuple(str(number) for number in range(1000))
    frame = pd.DataFrame({"a": classes, "b": (*classes[1:], classes[0])}, dtype="str")
    found = compare_pairs(wide_ratings(frame, ["a", "b"], classes)[0], seed=0).iloc[0]
    # They never agree, where chance is 1 in 1000: -0.001 / 0.999.
    assert found["kappa"] == pytest.approx(-1 / 999)
    assert found["confused"] == "0 / 1 (1)"


def test_pairs_with_few_common_items_are_not_compared():
    found = compare_pairs(rate({"a": ["x"] * 9, "b": ["y"] * 9}), seed=0)
    assert found.empty
    assert pair_confusion(rate({"a": ["x"] * 9, "b": ["y"] * 9})).empty


def test_kappa_of_people_who_always_say_one_thing_is_undefined():
    found = compare_pairs(rate({"a": ["x"] * 12, "b": ["x"] * 12}), seed=0)
    assert np.isnan(found["kappa"].iloc[0])


def test_nobody_is_compared_with_his_own_label():
    # Item 1: x x y. Item 2: x y y. Item 3: x and nothing else.
    ratings = rate({"a": ["x", "x", "x"], "b": ["x", "y", None], "c": ["y", "y", None]})
    found = compare_annotators(ratings, ratings.votes(), np.arange(3)).set_index("annotator")
    # a on item 1: the others say x and y, a guess, 1/2; on item 2 both say y, 0. c: 0 and 1/2.
    # b: on item 1 the others say x and y, 1/2; on item 2 too.
    assert found["agreement"].to_dict() == {"a": 0.25, "c": 0.25, "b": 0.5}
    assert found["n"].tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="anonymous"):
        compare_annotators(rate({"a": ["x"], "b": ["x"]}, anonymous=True), None, None)


def test_an_interval_rests_on_no_more_labels_than_he_gave():
    # 20 items: of 19 the two others say x and y, a guess, 1/2; of one both say what he says.
    ratings = rate({"a": ["x"] * 20, "b": ["x"] * 20, "c": ["y"] * 19 + ["x"]})
    found = compare_annotators(ratings, ratings.votes(), np.arange(20)).set_index("annotator")
    row = found.loc["a"]
    assert (row["agreement"], row["n"]) == (0.525, 20)
    # Wilson of 10.5 of 20; their spread alone would stand for 420 labels, 0.477 to 0.572.
    assert (row["low"], row["high"]) == pytest.approx((0.3205, 0.7215), abs=1e-4)


def test_credit_is_that_of_leaving_each_label_out():
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 4, size=(300, 4))
    votes[:100, 2:] = 0
    found = credit(votes)
    compared = compare_with_others(votes)
    for place, row in enumerate(compared.rows):
        right = 0.0
        for label in np.flatnonzero(votes[row]):
            others = votes[row].copy()
            others[label] -= 1
            top = others == others.max()
            right += votes[row, label] / votes[row].sum() * top[label] / top.sum()
            assert found[row, label] == pytest.approx(top[label] / top.sum())
        assert compared.both[place].sum() == pytest.approx(right)


def test_human_level_by_hand():
    # Pairs xx, xx, xy, yy: one person says what the other does on 3 of 4 items.
    found = level_of([[2, 0, 0], [2, 0, 0], [1, 1, 0], [0, 2, 0], [1, 0, 0]])
    overall = found.loc[("overall", "", "accuracy")]
    assert overall[["value", "n"]].tolist() == [0.75, 4]
    # Wilson's interval of 3 in 4.
    assert overall[["low", "high"]].tolist() == pytest.approx([0.3006, 0.9544], abs=1e-4)
    # The other says x on items 1, 2 and half of 3; the person then says x on 2 of 2.5.
    assert found.loc[("class", "x", "recall"), "value"] == pytest.approx(0.8)
    assert found.loc[("class", "y", "recall"), "value"] == pytest.approx(1 / 1.5)
    assert found.loc[("class", "x", "f1"), "value"] == pytest.approx(0.8)
    assert found.loc[("overall", "", "macro_f1"), "value"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.loc[("class", "x", "recall"), "n"] == 3
    assert "z" not in found.index.get_level_values("name")


def test_a_tie_among_the_others_counts_as_a_guess():
    # Labels x, y, z: whoever is left out meets a tie of two others, neither of them his.
    assert level_of([[1, 1, 1]]).loc[("overall", "", "accuracy"), "value"] == 0.0
    # Labels x, x, y: each x meets x and y, a guess; the y meets x twice.
    found = level_of([[2, 1, 0]]).loc[("overall", "", "accuracy"), "value"]
    assert found == pytest.approx(2 / 3 * 0.5)


def test_the_positive_class_and_slices_have_their_own_rows():
    votes = [[2, 0, 0], [1, 1, 0], [0, 2, 0], [0, 2, 0]]
    slices = {"hard": np.array([False, True, False, False]), "none": np.zeros(4, dtype=bool)}
    found = level_of(votes, positive="y", slices=slices)
    assert found.loc[("overall", "", "recall"), "value"] == pytest.approx(2 / 2.5)
    hard = found.loc[("slice", "hard", "accuracy")]
    assert hard[["value", "low", "n"]].tolist() == [0.0, 0.0, 1]
    assert hard["high"] == pytest.approx(0.7935, abs=1e-4)
    assert "none" not in found.index.get_level_values("name")


def test_items_of_one_unit_are_not_counted_as_independent():
    votes = [[2, 0, 0]] * 30 + [[1, 1, 0]] * 30
    alone = level_of(votes).loc[("overall", "", "accuracy")]
    together = level_of(votes, units=np.arange(60) // 30).loc[("overall", "", "accuracy")]
    assert alone["value"] == together["value"] == 0.5
    assert alone[["low", "high"]].tolist() == pytest.approx([0.3774, 0.6226], abs=1e-4)
    assert together["high"] - together["low"] > 0.8


def test_the_interval_of_people_holds_the_truth_about_as_often_as_it_says():
    # Five people right with 0.7: one against the other four is right with
    # 0.7 * P + 0.3 * (1 - P), P = P(most of four right) + P(tie) / 2 = 0.784.
    expected = 0.7 * 0.784 + 0.3 * 0.216
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        right = rng.binomial(5, 0.7, 60)
        votes = np.column_stack([right, 5 - right, 0 * right])
        row = level_of(votes).loc[("overall", "", "accuracy")]
        hits += row["low"] <= expected <= row["high"]
    assert hits >= 178


def test_a_ratio_without_anything_to_count_is_undefined():
    assert np.isnan(mean_of_ratios(np.zeros((2, 1)), np.zeros((2, 1)), np.arange(2)).value)


def test_items_to_label_twice():
    # 1.96^2 * 0.9 * 0.1 / 0.05^2 = 138.3.
    assert items_to_label_twice() == 139
    assert items_to_label_twice(0.5, 0.1) == 97


def test_self_consistency_by_hand():
    # ann labelled item 0 twice alike and item 1 three times, xxy: one of three pairs alike.
    ratings = cast_once(
        Ratings(
            item=np.array([0, 0, 1, 1, 1, 2]),
            label=np.array([0, 0, 0, 0, 1, 1]),
            annotator=np.array([0, 0, 0, 0, 0, 1]),
            items=3,
            classes=CLASSES,
            annotators=("ann", "bob"),
        )
    )
    overall, each = self_consistency(ratings)
    assert (overall.value, overall.n) == (pytest.approx((1 + 1 / 3) / 2), 2)
    assert each[["annotator", "n"]].to_numpy().tolist() == [["ann", 2]]
    assert ratings.votes().tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    nothing, empty = self_consistency(rate({"a": ["x"], "b": ["x"]}))
    assert nothing is None
    assert empty.empty
