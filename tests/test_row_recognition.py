"""Has a model seen a row, whatever the row's unit is called now?"""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.models import Champion, ModelPackage
from tasks.project.roles import Roles
from tasks.recorded_run import read_model, write_model
from tasks.row_recognition import find_seen, hash_rows
from tasks.seen_rows import SeenRows
from tasks.splitting.units import base_units, cluster_units, group_units, twin_codes

ROLES = Roles(target="y", positive_class="yes", numeric=("a",), categorical=("c",), key="id")
MADE = replace(ROLES, key=None, key_columns=("a", "c", "g"))
GROUPED = replace(ROLES, group="g")


def rows(*names, **columns):
    """Rows whose features follow their numbers: n3 has a = 3 and c = w3."""
    numbers = [int(name[1:]) for name in names]
    values = {
        "a": np.array(numbers, dtype="float64"),
        "c": pd.Series([f"w{n}" for n in numbers], dtype="str"),
        "g": [n // 2 for n in numbers],
        "y": pd.Series("yes", index=range(len(names)), dtype="str"),
    }
    index = pd.Index(names, name="row_key")
    return pd.DataFrame({**values, **columns}).set_index(index)


def keyed(frame, names):
    return frame.set_axis(pd.Index(names, name="row_key"))


def fitted_on(frame, roles=ROLES, units=(), **changes):
    package = ModelPackage(b"", {"roles": roles.to_facts()})
    return replace(Champion("3", package, frozenset(units), hash_rows(frame, roles)), **changes)


def seen(model, frame, roles=ROLES, units=None):
    units = base_units(frame, roles) if units is None else units
    mask, problem = find_seen(model, frame, units, roles)
    assert problem == ""
    return list(frame.index[mask])


@pytest.mark.parametrize(
    "known",
    [None, SeenRows(frozenset(), frozenset(), "n"), SeenRows(frozenset({"k"}), frozenset(), "n")],
)
def test_a_model_that_says_nothing_of_its_rows_is_a_problem(known):
    model = fitted_on(rows("k1"), units=base_units(rows("k1"), ROLES), seen=known)
    mask, problem = find_seen(model, rows("k1", "k2"), base_units(rows("k1", "k2"), ROLES), ROLES)
    assert "does not say which rows it was fitted on" in problem
    assert mask.tolist() == [True, False]


def test_new_rows_are_new():
    assert seen(fitted_on(rows("k1", "k2")), rows("k3", "k4")) == []


def test_a_unit_that_it_has_seen_is_enough():
    frame = rows("k3", "k4")
    assert seen(fitted_on(rows("k1"), units=base_units(frame, ROLES)[:1]), frame) == ["k3"]


def test_a_copy_of_a_seen_row_is_seen_whichever_of_them_names_the_unit():
    model = fitted_on(rows("k1"))
    frame = rows("k1", "k2", "k3")
    assert seen(model, frame, ROLES, pd.Series(["c", "c", "d"], index=frame.index)) == ["k1", "k2"]


def test_a_split_by_group_renames_units_and_the_keys_are_known():
    known = rows("k1", "k2")
    model = fitted_on(known, units=base_units(known, ROLES))
    frame = rows("k1", "k2", "k3", "k4")
    units = group_units(frame, GROUPED)
    assert not units.isin(model.units).any()
    assert seen(model, frame, GROUPED, units) == ["k1", "k2"]
    assert seen(fitted_on(known, GROUPED, group_units(known, GROUPED)), frame) == ["k1", "k2"]


def test_a_row_that_got_a_duplicate_is_known_and_so_is_its_twin():
    known = rows("k1", "k2")
    frame = rows("k1", "k1", "k3")
    frame = keyed(frame, ["k1", "k9", "k3"])
    base = base_units(frame, ROLES)
    units = cluster_units(frame, ROLES, base, twin_codes(frame, ROLES.features))
    model = fitted_on(known, units=base_units(known, ROLES))
    assert not units.isin(model.units).any()
    assert seen(model, frame, units=units) == ["k1", "k9"]


def test_in_a_split_by_group_a_twin_is_another_row():
    frame = keyed(rows("k1", "k1"), ["k1", "k9"])
    assert seen(fitted_on(rows("k1"), GROUPED), frame, GROUPED) == ["k1"]


def test_of_a_model_with_other_features_an_equal_row_is_another_row():
    own = replace(ROLES, categorical=())
    frame = rows("k5", "k6", a=[1.0, 6.0])
    assert seen(fitted_on(rows("k1"), own), frame) == []


@pytest.mark.parametrize(("own", "now"), [(MADE, ROLES), (ROLES, MADE)])
def test_where_keys_are_made_in_another_way_features_tell(own, now):
    known = keyed(rows("k1", "k2"), ["x-0", "y-0"])
    frame = rows("k1", "k2", "k3")
    assert seen(fitted_on(known, own), frame, now) == ["k1", "k2"]
    assert seen(fitted_on(known, own), frame, replace(now, group="g")) == ["k1", "k2"]


def test_made_keys_of_the_same_columns_are_alike_without_their_number():
    known = keyed(rows("k1"), ["abc-0"])
    other = replace(MADE, key_columns=("g", "c", "a"), group="g")
    frame = keyed(rows("k8", "k9"), ["abc-1", "abd-0"])
    assert seen(fitted_on(known, MADE), frame, other) == ["abc-1"]


def test_keys_of_a_column_that_is_read_in_another_way_are_not_alike():
    known = keyed(rows("k1", "k2"), ["abc-0", "abd-0"])
    frame = keyed(rows("k1", "k3"), ["other-0", "abd-0"])
    words = frame.assign(g=frame["g"].astype("str"))
    assert seen(fitted_on(known, MADE), words, replace(MADE, group="g")) == ["other-0"]


def test_a_column_of_codes_may_be_read_as_numbers_or_as_words():
    known = rows("k1", "k2", c=pd.Series(["7", None], dtype="str"))
    frame = keyed(rows("k1", "k2", "k2", c=[7.0, np.nan, 7.0]), ["p", "q", "r"])
    assert seen(fitted_on(known, MADE), frame) == ["p", "q"]
    whole = keyed(rows("k1", c=[7]), ["p"])
    assert seen(fitted_on(known, MADE), whole) == ["p"]


def test_equal_numbers_are_equal_and_missing_is_not_zero():
    known = rows("k1", "k2", a=[-0.0, np.nan], c=["w", "w"])
    frame = rows("k3", "k4", a=np.array([0, 1]), c=["w", "w"])
    assert seen(fitted_on(known, MADE), frame) == ["k3"]
    absent = rows("k5", a=[np.nan], c=["w"])
    assert seen(fitted_on(known.iloc[:1], MADE), absent) == []
    assert seen(fitted_on(known, MADE), absent) == ["k5"]


def test_hashes_are_those_of_the_published_rule():
    found = hash_rows(rows("k1"), ROLES)
    # With sha256sum: the first 16 digits of sha256("key\0k1").
    assert found.keys == {"be65662fb87493fb"}
    word = hashlib.sha256(b"w1").digest()[:8]
    row = bytes(8) + np.float64(1).tobytes() + bytes(8) + word
    assert found.features == {hashlib.sha256(row).hexdigest()[:16]}


def test_no_rows_have_no_hashes():
    empty = hash_rows(rows("k1").iloc[:0], ROLES)
    assert (empty.keys, empty.features) == (frozenset(), frozenset())
    assert SeenRows.from_frame(empty.to_frame()) == empty


def test_a_stored_model_says_what_it_has_seen(tmp_path):
    model = fitted_on(rows("k2", "k1", "k3"), units=["u"])
    write_model(model, tmp_path / "new")
    assert read_model(tmp_path / "new", "3") == model
    assert list(model.seen.to_frame()["by"]) == ["features"] * 3 + ["key"] * 3 + ["naming"]
    old = replace(model, seen=None)
    write_model(old, tmp_path / "old")
    assert read_model(tmp_path / "old", "3") == old
