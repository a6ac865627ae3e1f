"""The errors to read: the surest, some of each confusion, and what the nearest train rows say."""

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis import readings
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.examples import find_examples
from tasks.error_analysis.readings import read
from tasks.error_analysis.samples import sample_places
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles


def make_roles(**more):
    return Roles(**{"target": "y", "positive_class": "yes", "numeric": ("a",), **more})


def make(train, dev, roles=None, **columns):
    """`train` are (a, label), `dev` (a, label, predicted, probability)."""
    roles = roles or make_roles()
    keys = [f"t{i}" for i in range(len(train))] + [f"d{i}" for i in range(len(dev))]
    index = pd.Index(keys, name="row_key")
    rows = [*train, *(row[:2] for row in dev)]
    frame = pd.DataFrame(
        {"a": [float(a) for a, _ in rows], "y": pd.Series([y for _, y in rows], dtype="str")}
    )
    frame = frame.assign(**columns).set_index(index)
    split = pd.DataFrame({"side": ["train"] * len(train) + ["dev"] * len(dev)}, index=index)
    given = index[len(train) :]
    predictions = pd.DataFrame(
        {"predicted": pd.Series([row[2] for row in dev], index=given, dtype="str")}, index=given
    )
    for name in ("no", "yes"):
        chosen = (predictions["predicted"] == name).to_numpy()
        sure = np.array([row[3] for row in dev], dtype=float)
        predictions[f"p:{name}"] = np.where(chosen, sure, 1 - sure)
    errors = DevErrors.of(frame.loc[given], Dataset(frame, split, roles), predictions)
    return find_examples(errors, Dataset(frame, split, roles), seed=0)


# The reading of an error whose label is "yes"; rows are nearly equal up to 0.1, far beyond 2.
@pytest.mark.parametrize(
    ("labels", "distances", "shared", "word"),
    [
        (["yes", "yes", "yes"], [2.5, 3.0, 3.0], False, "coverage"),
        (["no", "yes", "yes"], [0.0, 0.5, 0.6], False, "label"),
        (["no", "no", "yes"], [0.0, 0.1, 0.6], False, "label"),
        (["no", "yes", "yes"], [0.0, 0.5, 0.6], True, "feature"),
        (["no", "yes", "yes"], [0.0, 0.1, 0.6], False, "feature"),
        (["no", "no", "yes"], [0.5, 0.5, 0.6], False, "feature"),
        (["yes", "no"], [0.5, 0.6], False, "feature"),
        (["yes", "yes", "no"], [0.0, 0.5, 0.6], False, "model"),
        (["no", "yes", "yes"], [0.5, 0.5, 0.6], False, "model"),
    ],
)
def test_one_word_by_the_nearest_train_rows(labels, distances, shared, word):
    assert read("yes", labels, distances, 0.1, 2.0, shared=shared) == word


# Train rows at 0 to 9 are "no" and at 100 to 109 "yes".
TRAIN = [(a, "no") for a in range(10)] + [(a, "yes") for a in range(100, 110)]
RIGHT = [(a + 0.5, "no", "no", 0.9) for a in range(9)] * 5
WRONG = [(2.0, "yes", "no", 0.95), (104.0, "yes", "no", 0.6), (1000.0, "yes", "no", 0.8)]


def test_each_error_is_read_and_shown_with_its_nearest_train_rows():
    found = make(TRAIN, [*WRONG, *RIGHT])
    table = found.tables["confident_errors"].frame.set_index("row_key")
    assert table.index.tolist() == ["d0", "d2", "d1"]
    assert table["reading"].tolist() == ["label", "coverage", "model"]
    assert table["probability"].tolist() == [0.95, 0.8, 0.6]
    # Half of the train rows lie around 4.5, half around 104.5: the deviation is 50.08.
    assert table.loc["d0", "nearest_labels"] == "no 0.00, no 0.02, no 0.02"
    assert table.loc["d0", "features"] == "2"
    assert table.loc["d0", "nearest_train_row"] == "2"
    assert found.tables["readings"].frame.set_index("reading")["errors"].to_dict() == {
        "label": 1,
        "coverage": 1,
        "feature": 0,
        "model": 1,
    }
    (check,) = found.checks
    assert (check.outcome, check.severity, check.n) == ("passed", "info", 3)
    assert check.detail.startswith("Of 3 errors 1 read coverage, 1 read label, 1 read model;")


def test_all_errors_are_kept_with_features_probabilities_and_nearest_rows():
    found = make(TRAIN, [*WRONG, *RIGHT])
    kept = found.outputs["dev_errors"]
    assert kept.index.name == "row_key"
    assert list(kept) == [
        *("true_label", "predicted_label", "probability", "p:no", "p:yes", "reading"),
        *(f"nearest_{k}_{what}" for k in (1, 2, 3) for what in ("key", "label", "distance")),
        "a (feature)",
    ]
    row = kept.loc["d1"]
    assert (row["true_label"], row["predicted_label"], row["p:yes"]) == ("yes", "no", 0.4)
    assert (row["nearest_1_key"], row["nearest_1_label"]) == ("t14", "yes")
    assert (row["nearest_1_distance"], row["a (feature)"]) == (0.0, 104.0)
    assert "dev_errors.parquet" in found.tables["confident_errors"].note


def test_errors_beyond_those_read_are_kept_without_a_reading(monkeypatch):
    monkeypatch.setattr("tasks.error_analysis.examples.READ_ERRORS", 1)
    monkeypatch.setattr("tasks.error_analysis.examples.PAIR_ROWS", 1)
    found = make(TRAIN, [*WRONG, *RIGHT])
    kept = found.outputs["dev_errors"]
    assert kept["reading"].notna().sum() in (1, 2)
    assert kept.loc["d0", "reading"] == "label"
    assert len(kept) == 3
    assert "the 1 surest of 3 errors" in found.tables["readings"].note


def test_a_label_that_several_equal_errors_share_is_no_slip():
    found = make(TRAIN, [(2.0, "yes", "no", 0.95), (2.0, "yes", "no", 0.9), *RIGHT])
    assert found.tables["confident_errors"].frame["reading"].tolist() == ["feature", "feature"]


def test_examples_are_those_of_the_commonest_confusions():
    dev = [(2.0 + i / 100, "yes", "no", 0.7) for i in range(8)] + [(101.0, "no", "yes", 0.9)]
    table = make(TRAIN, [*dev, *RIGHT]).tables["pair_examples"].frame
    assert table["errors"].tolist() == [8] * 5 + [1]
    assert table.loc[5, ["true_label", "predicted_label", "row_key"]].tolist() == [
        "no",
        "yes",
        "d8",
    ]
    assert table["row_key"].is_unique


def test_without_an_error_nothing_is_read():
    found = make(TRAIN, RIGHT)
    (check,) = found.checks
    assert (check.outcome, check.n) == ("not_applicable", 0)
    assert check.detail == "Nothing was read: no dev row is predicted wrongly."
    assert found.tables["confident_errors"].frame.empty
    assert found.tables["pair_examples"].frame.empty
    assert found.outputs["dev_errors"].empty
    assert "readings" not in found.tables


def test_without_train_rows_or_features_errors_are_listed_unread():
    found = make([], [*WRONG, *RIGHT])
    assert found.checks[0].detail == "Nothing was read: a train row and a feature are needed."
    assert len(found.tables["confident_errors"].frame) == 3
    bare = make(TRAIN, [*WRONG, *RIGHT], make_roles(numeric=()))
    assert bare.checks[0].outcome == "not_applicable"
    assert list(bare.outputs["dev_errors"]) == [
        *("true_label", "predicted_label", "probability", "p:no", "p:yes"),
    ]


def test_columns_without_any_value_and_texts_are_read_too():
    roles = make_roles(text=("t",), categorical=("c",))
    rows = len(TRAIN) + len(WRONG)
    words = pd.Series(["pay now"] * 10 + ["see you"] * (rows - 10), dtype="str")
    found = make(TRAIN, WRONG, roles, t=words, c=pd.Series([None] * rows, dtype="str"), a=np.nan)
    assert len(found.outputs["dev_errors"]["reading"].dropna()) == 3
    assert (
        found.tables["confident_errors"]
        .frame.loc[0, "features"]
        .startswith("t=see you, c=(missing)")
    )


def test_one_train_row_is_a_neighbour():
    found = make([(2.0, "yes")], [(2.0, "yes", "no", 0.9)])
    assert found.outputs["dev_errors"]["reading"].tolist() == ["model"]
    assert "nearest_2_key" not in found.outputs["dev_errors"]


def test_a_sample_depends_on_keys_and_seed_alone(monkeypatch):
    keys = pd.Index([f"k{i}" for i in range(100)])
    drawn = set(keys[sample_places(keys, 10, 7)])
    assert set(keys[::-1][sample_places(keys[::-1], 10, 7)]) == drawn
    assert set(keys[sample_places(keys, 10, 8)]) != drawn
    assert len(drawn) == 10
    assert sample_places(keys, 100, 7).tolist() == list(range(100))
    monkeypatch.setattr(readings, "TRAIN_ROWS", 5)
    found = make(TRAIN, [*WRONG, *RIGHT])
    assert "the nearest of 5 of the 20 train rows, drawn at random" in found.tables["readings"].note
    again = make(TRAIN, [*WRONG, *RIGHT])
    pd.testing.assert_frame_equal(found.outputs["dev_errors"], again.outputs["dev_errors"])
