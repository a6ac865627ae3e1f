"""Equal and nearly equal rows: who is compared with whom, and who is in conflict."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.conflicts import compare_features, normalise_text
from tasks.labels.review import conflict_table
from tasks.project.roles import Roles


def make_roles(numeric=(), categorical=(), text=()):
    return Roles(
        target="y", numeric=tuple(numeric), categorical=tuple(categorical), text=tuple(text)
    )


def masks(frame, roles, labels, tolerance=0.001, rows=None, similarity=1.0):
    vectors = compare_features(frame, roles, tolerance, similarity)
    rows = np.ones(len(frame), dtype=bool) if rows is None else np.array(rows)
    codes = np.array(labels, dtype=np.int64)
    return (
        vectors.equal_conflicts(codes, rows).tolist(),
        vectors.near_conflicts(codes, rows).tolist(),
    )


def test_equal_rows_conflict_only_where_their_labels_differ():
    frame = pd.DataFrame({"a": [1.0, 1.0, 2.0, 2.0, 3.0], "b": ["x", "x", "y", "y", "x"]})
    equal, near = masks(frame, make_roles(["a"], ["b"]), [0, 1, 0, 0, 1])
    assert equal == [True, True, False, False, False]
    assert near == [False] * 5


def test_one_feature_that_differs_is_enough_to_be_no_conflict():
    frame = pd.DataFrame({"a": [1.0, 1.0], "b": ["x", "y"]})
    assert masks(frame, make_roles(["a"], ["b"]), [0, 1]) == ([False, False], [False, False])


def test_columns_that_are_no_features_are_not_compared():
    frame = pd.DataFrame({"a": [1.0, 1.0], "note": ["x", "y"]})
    assert masks(frame, make_roles(["a"]), [0, 1])[0] == [True, True]


def test_missing_equals_missing_and_nothing_else():
    frame = pd.DataFrame({"a": [np.nan, np.nan, 0.0, 9.0], "b": ["x", "x", "x", None]})
    equal, near = masks(frame, make_roles(["a"], ["b"]), [0, 1, 1, 0])
    assert equal == [True, True, False, False]
    assert near == [False] * 4


def test_a_row_left_out_takes_no_part():
    frame = pd.DataFrame({"a": [1.0, 1.0, 1.0]})
    equal, _ = masks(frame, make_roles(["a"]), [0, 0, 1], rows=[True, True, False])
    assert equal == [False, False, False]


def test_within_the_tolerance_on_either_side_of_a_round_number():
    # Mean 0.9925, squares 0.98506 + 1.01506 + 0.00181 + 0.00076: the deviation is 0.70758, so
    # the distance 0.07 is 0.09893 deviations.
    frame = pd.DataFrame({"a": [0.0, 2.0, 0.95, 1.02]})
    labels = [0, 0, 0, 1]
    assert masks(frame, make_roles(["a"]), labels, 0.0990)[1] == [False, False, True, True]
    assert masks(frame, make_roles(["a"]), labels, 0.0988)[1] == [False] * 4


def test_every_number_has_to_be_near():
    frame = pd.DataFrame({"a": [0.0, 10.0, 5.0, 5.001], "b": [0.0, 10.0, 3.0, 7.0]})
    assert masks(frame, make_roles(["a", "b"]), [0, 1, 0, 1], 0.01)[1] == [False] * 4


def test_nearly_equal_numbers_with_another_category_are_no_conflict():
    frame = pd.DataFrame({"a": [0.0, 10.0, 5.0, 5.001], "b": ["x", "x", "x", "y"]})
    assert masks(frame, make_roles(["a"], ["b"]), [0, 1, 0, 1], 0.01)[1] == [False] * 4


def test_a_tolerance_of_nothing_finds_no_near_numbers():
    frame = pd.DataFrame({"a": [0.0, 10.0, 5.0, 5.001]})
    assert masks(frame, make_roles(["a"]), [0, 1, 0, 1], 0.0)[1] == [False] * 4


def test_a_constant_and_an_infinite_column_are_harmless():
    frame = pd.DataFrame({"a": [1.0] * 4, "b": [np.inf, -np.inf, np.nan, np.inf]})
    equal, near = masks(frame, make_roles(["a", "b"]), [0, 1, 1, 1])
    assert equal == [True, False, False, True]
    assert near == [False] * 4


def test_texts_that_differ_in_case_space_and_punctuation_are_nearly_equal():
    frame = pd.DataFrame({"t": ["Call NOW!!", "call  now", "call later", "CALL LATER"]})
    equal, near = masks(frame, make_roles(text=["t"]), [0, 1, 1, 1])
    assert equal == [False] * 4
    assert near == [True, True, False, False]


LONG = "your parcel with the number 123456 waits for you at the post office"
CHANGED = LONG.replace("123456", "123457")  # 5 of 63 shingles are others: 116 / 126 = 0.92


def test_texts_that_are_similar_enough_are_nearly_equal():
    frame = pd.DataFrame({"t": [LONG, CHANGED, "something else altogether"]})
    roles = make_roles(text=["t"])
    assert masks(frame, roles, [0, 1, 1], similarity=0.9)[1] == [True, True, False]
    assert masks(frame, roles, [0, 1, 1], similarity=0.95)[1] == [False] * 3
    assert masks(frame, roles, [0, 1, 1])[1] == [False] * 3
    assert masks(frame, roles, [1, 1, 0], similarity=0.9)[1] == [False] * 3


def test_similar_texts_need_near_numbers_the_same_categories_and_the_same_gaps():
    roles = make_roles(["a"], ["b"], ["t"])
    columns = {"a": [0.0, 10.0, 5.0, 5.001], "b": ["x"] * 4, "t": ["no", "yes", LONG, CHANGED]}
    near = {"similarity": 0.9, "tolerance": 0.01}
    found = [False, False, True, True]
    assert masks(pd.DataFrame(columns), roles, [0, 0, 0, 1], **near)[1] == found
    for change in (
        {"a": [0.0, 10.0, 5.0, 6.0]},
        {"b": ["x", "x", "x", "y"]},
        {"a": [0.0, 10.0, 5.0, np.nan]},
    ):
        frame = pd.DataFrame({**columns, **change})
        assert masks(frame, roles, [0, 0, 0, 1], **near)[1] == [False] * 4


def test_all_texts_of_a_row_are_compared_together():
    frame = pd.DataFrame({"t": ["good", "bad", "good"], "u": [LONG, CHANGED, CHANGED]})
    roles = make_roles(text=["t", "u"])
    # "good" and "bad" share nothing: with LONG, 5 more of 68 shingles are others.
    assert masks(frame, roles, [0, 1, 1], similarity=0.9)[1] == [True, False, True]


def test_two_rows_of_a_conflicting_vector_and_a_near_one():
    # The vector 5.0 has both labels; 5.001 has label 1 and is near to the row labelled 0.
    frame = pd.DataFrame({"a": [0.0, 10.0, 5.0, 5.0, 5.001]})
    equal, near = masks(frame, make_roles(["a"]), [0, 1, 0, 1, 1], 0.01)
    assert equal == [False, False, True, True, False]
    assert near == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Straße, GRÜN", "strasse grün"),
        ("1 of 10", "1 of 10"),
        ("ｆｕｌｌ\twidth", "full width"),
        (":-)", ":-)"),
        ("", ""),
        ("好的。", "好的"),
    ],
)
def test_normalise_text(text, normal):
    assert normalise_text(text) == normal


def test_no_rows_and_no_near_rows():
    assert masks(pd.DataFrame({"a": [1.0]}), make_roles(["a"]), [0]) == ([False], [False])


def test_conflict_table_puts_groups_together_the_largest_first():
    frame = pd.DataFrame(
        {"a": [1.0, 2.0, 1.0, 2.0, 2.0, 50.0, 50.001], "y": list("npppnnp")},
        index=pd.Index([f"k{i}" for i in range(7)], name="row_key"),
    )
    roles = make_roles(["a"])
    vectors = compare_features(frame, roles, 0.001)
    sides = pd.Series(["train"] * 6 + ["test"], index=frame.index)
    labels = np.array([0, 1, 1, 1, 0, 0, 1])
    table = conflict_table(frame, sides, roles, vectors, labels).frame
    assert table["group"].tolist() == [1, 1, 1, 2, 2, 3, 3]
    assert table["kind"].tolist() == ["equal"] * 5 + ["nearly equal"] * 2
    assert table["row_key"].tolist() == ["k1", "k3", "k4", "k0", "k2", "k5", "k6"]
    assert table["label"].tolist() == ["p", "p", "n", "n", "p", "n", "p"]
    assert table["side"].tolist()[-1] == "test"
    assert table["features"].tolist()[-2:] == ["50", "50.001"]
