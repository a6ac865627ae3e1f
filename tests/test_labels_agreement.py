"""Agreement against published and hand-worked values, and independent implementations."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.agreement import measure_agreement, number_rows
from tasks.labels.disagreement import confused_classes, disagreement, rank_items, written_votes
from tasks.labels.ratings import wide_ratings
from tasks.unit_draws import Units

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: four observers,
# twelve units, missing labels; alpha 0.743 nominal, 0.815 ordinal, 0.849 interval.
OBSERVERS = {
    "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
# Fleiss (1971), table 1 as given by many textbooks: ten subjects, fourteen raters, five
# categories; kappa 0.210.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def rate(columns, classes=None):
    frame = pd.DataFrame(columns)
    ratings, _ = wide_ratings(frame, list(frame.columns), classes)
    return ratings


def agreement_of(columns, classes, seed=0, scale="nominal"):
    return measure_agreement(rate(columns, classes).votes(), classes, seed, scale)


@pytest.mark.parametrize(
    ("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_the_textbook_example(scale, alpha):
    found = agreement_of(OBSERVERS, ("1", "2", "3", "4", "5"), scale=scale)
    assert found.alpha.value == pytest.approx(alpha, abs=0.0005)
    assert found.nominal.value == pytest.approx(0.743, abs=0.0005)
    assert (found.items, found.labels, found.fleiss) == (11, 40, None)
    assert found.alpha.low < found.alpha.value < found.alpha.high <= 1


def test_alpha_by_hand():
    # Labels xx, xy, yy: n = 6, three of each. Observed disagreement 2 of 6, expected
    # 2 * 3 * 3 / (6 * 5) = 0.6: alpha = 1 - (1/3) / 0.6 = 4/9. Two of three pairs agree.
    # Fleiss: chance 1/4 + 1/4, kappa = (2/3 - 1/2) / (1/2) = 1/3. With two classes each class
    # has the value of the whole.
    found = agreement_of({"a": ["x", "x", "y"], "b": ["x", "y", "y"]}, ("x", "y"))
    assert found.alpha.value == pytest.approx(4 / 9)
    assert found.percent.value == pytest.approx(2 / 3)
    assert found.fleiss.value == pytest.approx(1 / 3)
    by_class = found.by_class.set_index("class")
    assert by_class["alpha"].tolist() == pytest.approx([4 / 9, 4 / 9])
    assert by_class["fleiss"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert by_class["labels"].tolist() == [3, 3]
    assert by_class["n"].tolist() == [2, 2]


def test_fleiss_kappa_of_the_textbook_example():
    found = measure_agreement(FLEISS, list("abcde"), seed=0)
    assert found.fleiss.value == pytest.approx(0.20993, abs=0.00001)
    # By category, worked by hand for the first: p = 20/140, sum n (14 - n) = 178 over the ten
    # subjects, so 1 - 178 / (10 * 14 * 13 * p * (1 - p)).
    p = 20 / 140
    first = found.by_class.set_index("class").loc["a", "fleiss"]
    assert first == pytest.approx(1 - 178 / (10 * 14 * 13 * p * (1 - p)))


def test_ordinal_and_interval_differ_where_the_steps_are_uneven():
    columns = {"a": ["1", "2", "3", "3", "1"], "b": ["2", "2", "3", "9", "1"]}
    classes = ("1", "2", "3", "9")
    ordinal = agreement_of(columns, classes, scale="ordinal").alpha.value
    interval = agreement_of(columns, classes, scale="interval").alpha.value
    # Interval by hand: squared distances 1 and 36 within items; values 1 2 2 2 3 3 3 9 1 1 have
    # variance 4.9 * 10 / 9 and so a mean squared distance of 2 * 5.3444; alpha = 1 - 7.4 / 10.688.
    values = np.array([1, 2, 2, 2, 3, 3, 3, 9, 1, 1])
    assert interval == pytest.approx(1 - (37 / 5) / (2 * values.var(ddof=1)))
    # Ranks by hand: 1 is 1-3, 2 is 4-6, 3 is 7-9, 9 is 10: middles 1.5, 4.5, 7.5, 9.5.
    ranks = np.array([1.5, 4.5, 4.5, 4.5, 7.5, 7.5, 7.5, 9.5, 1.5, 1.5])
    assert ordinal == pytest.approx(1 - ((9 + 4) / 5) / (2 * ranks.var(ddof=1)))


def test_full_agreement_is_one_with_no_width():
    found = agreement_of({"a": ["x", "y"] * 9, "b": ["x", "y"] * 9}, ("x", "y"))
    assert (found.alpha.value, found.alpha.low, found.alpha.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "columns",
    [
        {"a": ["x", "y"], "b": [None, None]},
        {"a": ["x", "x"], "b": ["x", "x"]},
        {"a": [None], "b": [None]},
    ],
    ids=["one label an item", "one class", "no label"],
)
def test_alpha_is_undefined_without_variety(columns):
    frame = pd.DataFrame(columns, dtype="str")
    ratings, _ = wide_ratings(frame, ["a", "b"], ("x", "y"))
    found = measure_agreement(ratings.votes(), ("x", "y"), seed=0)
    assert np.isnan(found.alpha.value)
    assert np.isnan(found.alpha.low)


def test_a_replicate_too_many_without_a_value_leaves_no_interval():
    # One item of two says y: a good third of the replicates miss it.
    found = agreement_of({"a": ["x", "y"], "b": ["x", "x"]}, ("x", "y"))
    assert found.alpha.undefined_share > 0.01
    assert np.isnan(found.alpha.low)


def test_the_same_seed_gives_the_same_interval():
    classes = ("1", "2", "3", "4", "5")
    first, second = (agreement_of(OBSERVERS, classes, seed=3) for _ in range(2))
    assert first.alpha == second.alpha


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    # Two people, each right with 0.8 on two even classes: the expected share of agreement is
    # 0.68, alpha 0.36. 100 samples of 200 items; fewer than 88 hits have a chance below 0.1 %.
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        truth = rng.integers(0, 2, 200)
        first, second = (np.where(rng.random(200) < 0.8, truth, 1 - truth) for _ in range(2))
        votes = np.column_stack([2 - first - second, first + second])
        found = measure_agreement(votes, ("x", "y"), seed=1)
        hits += found.alpha.low <= 0.36 <= found.alpha.high
    assert hits >= 88


def test_items_copied_within_their_unit_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 50)
    first, second = (np.where(rng.random(50) < 0.9, truth, 1 - truth) for _ in range(2))
    votes = np.column_stack([2 - first - second, first + second])
    units = np.repeat(np.arange(50), 20)
    alone = measure_agreement(votes, ("x", "y"), seed=0).alpha
    wrong = measure_agreement(votes[units], ("x", "y"), seed=0).alpha
    right = measure_agreement(votes[units], ("x", "y"), seed=0, units=units).alpha
    assert right.high - right.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert wrong.high - wrong.low < 0.4 * (right.high - right.low)
    assert (right.value, right.n) == (wrong.value, 1000)
    each = measure_agreement(votes, ("x", "y"), seed=0, units=np.arange(50)).alpha
    assert each == alone


def test_units_of_one_item_among_larger_ones_are_drawn_by_their_pattern():
    # Units 0 (patterns 0, 1), 1 and 2 (pattern 0 each), 3 (pattern 1).
    units = Units.of(np.array([0, 1, 0, 0, 1]), 2, np.array([0, 0, 1, 2, 3]))
    assert units.times.tolist() == [2, 1, 1]
    assert units.holds.toarray().tolist() == [[1, 0], [0, 1], [1, 1]]


def test_rows_of_counts_are_numbered_alike_however_wide_they_are():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 2, size=(50, 3))
    wide = np.hstack([counts, np.zeros((50, 70), dtype=np.int64)])
    wide[:, 3] = 4
    _, narrow_rows = number_rows(counts)
    _, wide_rows = number_rows(wide)
    same = narrow_rows[:, None] == narrow_rows[None, :]
    assert ((wide_rows[:, None] == wide_rows[None, :]) == same).all()


def test_classes_that_people_confuse_by_hand():
    votes = np.array([[2, 1, 0], [1, 1, 0], [2, 0, 0], [0, 1, 1], [0, 0, 1]])
    found = confused_classes(votes, ("a", "b", "c"))
    # Items 0 to 3 have two labels: a in 0 1 2, b in 0 1 3, c in 3.
    assert found[["class", "other", "both", "n"]].to_numpy().tolist() == [
        ["a", "b", 2, 4],
        ["b", "c", 1, 3],
    ]
    assert found["share"].tolist() == [0.5, pytest.approx(1 / 3)]
    assert (found["low"] < found["share"]).all()


def test_pairs_in_items_of_one_unit_have_the_interval_of_the_units():
    votes = np.array([[1, 1], [2, 0], [0, 2], [1, 1]])
    alone = confused_classes(votes, ("a", "b"), np.arange(4)).iloc[0]
    copied = confused_classes(votes.repeat(9, axis=0), ("a", "b"), np.arange(4).repeat(9)).iloc[0]
    assert copied[["low", "high"]].tolist() == pytest.approx(alone[["low", "high"]].tolist())
    assert (alone["n"], copied["n"]) == (4, 36)


def test_items_are_ranked_by_disagreement_then_labels_then_key():
    votes = np.array([[2, 0], [1, 1], [2, 2], [1, 1], [1, 0]])
    apart = disagreement(votes, ("x", "y"), "nominal")
    assert apart[:4].tolist() == pytest.approx([0.0, 1.0, 2 / 3, 1.0])
    assert np.isnan(apart[4])
    assert rank_items(votes, ["e", "d", "c", "b", "a"], apart) == [3, 1, 2]
    assert written_votes(votes[2], ("x", "y")) == "x 2, y 2"


def test_distance_counts_where_the_scale_has_one():
    votes = np.array([[1, 0, 1], [1, 1, 0]])
    assert disagreement(votes, ("low", "mid", "high"), "ordinal").tolist() == [4.0, 1.0]
    assert disagreement(votes, ("0", "1", "10"), "interval").tolist() == [100.0, 1.0]
