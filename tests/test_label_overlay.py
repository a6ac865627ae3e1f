"""The overlay: what is refused, what is told, and what a corrected label changes and leaves."""

import pandas as pd
import pytest

from tasks.errors import ProjectFileError
from tasks.label_review.overlay import (
    Relabel,
    apply_overlay,
    read_overlay,
    settle,
    write_overlay,
)
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.splitting import split_rows
from tasks.validation import validate
from tasks.wording import worded

ROLES = Roles(target="y", numeric=("a",), key_columns=("a",))


def rows(labels, start=0):
    keys = pd.Index([f"k{start + at}" for at in range(len(labels))], dtype="str", name="row_key")
    numbers = [float(start + at) for at in range(len(labels))]
    return pd.DataFrame({"a": numbers, "y": pd.Series(labels, index=keys, dtype="str")}, index=keys)


def change(key, old, new, **more):
    return Relabel(key=key, old=old, new=new, **more)


def put_on(relabels, labels=("x", "y", "x", "y"), curated=None):
    frame = rows(list(labels))
    return apply_overlay(frame if curated is None else frame.loc[curated], frame, ROLES, relabels)


def unused(overlaid):
    return {row.row_key: (row.found, row.reason) for row in overlaid.unused.itertuples()}


# What is refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("key,old\nk0,x\n", "has no column 'new'"),
        ("key,old,new\nk0,x,\n", "relabel 1: 'new' is empty"),
        ("key,old,new\n,x,y\n", "relabel 1: 'key' is empty"),
        ("key,old,new,new\nk0,x,y,z\n", "the column 'new' twice"),
        ("key,old,new\nk0,x,y,z\n", "row 1: more cells than columns"),
        ('key,old,new\nk0,"x,y\n', "is not valid CSV"),
        ("key,old,new\nk0,x,y\nk0,x,z\n", "row k0 is relabelled from x to z, and .* made it y"),
        ("key,old,new\nk0,x,y\nk0,z,y\n", "row k0 is relabelled from z to y, and .* made it y"),
    ],
)
def test_what_is_no_overlay_is_refused(tmp_path, text, says):
    path = tmp_path / "o.csv"
    path.write_text(text)
    with pytest.raises(ProjectFileError, match=says):
        read_overlay(path)


def test_no_file_is_no_relabel(tmp_path):
    assert read_overlay(tmp_path / "none.csv") == ()


def test_what_is_written_is_read_again(tmp_path):
    relabels = (
        change("k0", 'x "1"', "y,\n2", who="Ada", when="2026-01-01", rule="y@ab", reason="é"),
        change("k1", "y", "x"),
    )
    path = tmp_path / "deep" / "o.csv"
    write_overlay(relabels, path)
    assert read_overlay(path) == relabels
    assert [one.name for one in path.parent.iterdir()] == ["o.csv"]


def test_cells_stay_as_they_are_however_long_and_whatever_ends_their_lines(tmp_path):
    relabels = (change("k\r0", "a ", "'=1"), change("k1", "x" * 200_000, "y\r\nz"))
    write_overlay(relabels, tmp_path / "o.csv")
    assert read_overlay(tmp_path / "o.csv") == relabels


def test_a_spreadsheet_may_save_with_semicolons_and_a_mark(tmp_path):
    path = tmp_path / "o.csv"
    path.write_bytes("\ufeffkey;old;new\r\nk0;x;y\r\n".encode())
    assert read_overlay(path) == (change("k0", "x", "y"),)


# What several corrections of one row come to


def test_corrections_are_followed_and_may_be_taken_back():
    assert settle([change("k", "x", "y"), change("k", "x", "y")])["k"].new == "y"
    chain = settle([change("k", "x", "y"), change("k", "y", "z")])["k"]
    assert (chain.olds, chain.new, chain.is_void) == (("x", "y"), "z", False)
    assert settle([change("k", "x", "y"), change("k", "y", "x")])["k"].is_void


# What is put on, and what is told


def test_a_correction_changes_the_label_and_nothing_else():
    found = put_on([change("k0", "x", "y")])
    assert found.frame["y"].tolist() == ["y", "y", "x", "y"]
    assert found.frame.drop(columns="y").equals(rows(["x", "y", "x", "y"]).drop(columns="y"))
    assert found.frame["y"].dtype == rows(["x"])["y"].dtype
    assert found.held.loc["k0"].tolist() == ["x", "y"]
    assert (found.applied, len(found.unused)) == (1, 0)


def test_the_source_itself_is_left_alone():
    frame = rows(["x", "y"])
    apply_overlay(frame, frame, ROLES, [change("k0", "x", "y")])
    assert frame["y"].tolist() == ["x", "y"]


def test_a_label_that_is_corrected_in_the_source_by_now_holds_without_a_change():
    found = put_on([change("k1", "x", "y")])
    assert (found.applied, list(found.held.index), len(found.unused)) == (0, ["k1"], 0)


def test_a_label_on_the_way_of_a_chain_is_taken_to_its_end():
    found = put_on([change("k1", "x", "y"), change("k1", "y", "x")])
    assert found.frame["y"].tolist() == ["x", "x", "x", "y"]
    assert put_on([change("k0", "x", "y"), change("k0", "y", "x")]).held.empty


def test_what_cannot_be_put_on_is_told_with_its_reason():
    relabels = [
        change("k0", "z", "y"),
        change("k9", "x", "y"),
        change("k3", "y", "x"),
        change("k2", "x", "new"),
    ]
    found = put_on(relabels, curated=["k0", "k1", "k2"])
    assert unused(found) == {
        "k0": ("x", "the source has another label now"),
        "k9": ("", "no row has this key"),
        "k3": ("", "the row was set aside"),
        "k2": ("x", "no row of the source has this class"),
    }
    assert found.frame["y"].tolist() == ["x", "y", "x"]
    assert found.applied == 0


def test_a_row_without_a_label_gets_none():
    found = put_on([change("k1", "nan", "x")], labels=("x", None))
    assert unused(found) == {"k1": ("", "the row has no label")}
    assert (found.applied, found.frame["y"].isna().tolist()) == (0, [False, True])


# Validation and splitting under an overlay


def project():
    return Project(name="p", source="x.csv", target="y", validation={"min_rows": 1})


def checked(relabels, frame):
    result = worded(validate(frame, ROLES, project().validation, relabels))
    checks = {check.id: check for check in result.checks}
    return result, checks.get("validation.relabels")


def test_without_an_overlay_nothing_is_said_about_it():
    assert checked(None, rows(["x", "y"] * 10))[1] is None


def test_an_overlay_that_was_put_on_passes_and_shows_as_labels_only():
    frame = rows(["x", "y"] * 10)
    before, _ = checked(None, frame)
    after, check = checked((change("k0", "x", "y"),), frame)
    assert (check.outcome, check.value, check.n) == ("passed", 0.0, 1)
    same = {name: before.facts[name] == after.facts[name] for name in before.facts}
    assert not same["fingerprint"]
    assert not same["fingerprint_labels"]
    assert same["fingerprint_features"]
    assert after.facts["relabels"] == {"applied": 1, "unused": 0}


def test_a_relabel_that_could_not_be_put_on_is_a_warning_with_its_count():
    _, check = checked((change("k0", "z", "y"), change("k1", "y", "x")), rows(["x", "y"] * 10))
    assert (check.outcome, check.severity, check.value, check.n) == ("failed", "warning", 1.0, 2)
    assert "k0 (z to y, found x)" in check.detail


def divided(frame, relabels):
    result = validate(frame, ROLES, project().validation, relabels)
    return split_rows(
        result.outputs["curated"], ROLES, project().split, None, result.outputs["relabels"]
    )


def test_a_corrected_label_moves_no_row_and_only_test_labels_make_a_new_test_version():
    frame = rows(["x", "y"] * 30)
    plain = divided(frame, None)
    sides = plain.outputs["split"]["side"]
    for side, is_new in (("train", False), ("dev", False), ("test", True)):
        key = sides.index[sides == side][0]
        old = frame.loc[key, "y"]
        found = divided(frame, (change(key, old, "x" if old == "y" else "y"),))
        assert found.outputs["split"].equals(plain.outputs["split"])
        assert (found.facts["test_rule"] != plain.facts["test_rule"]) == is_new
        assert found.facts["relabelled"] == {**dict.fromkeys(("train", "dev", "test"), 0), side: 1}
        check = {c.id: c for c in found.checks}["splitting.relabels"]
        assert ("scored on the test rows anew" in check.detail) == is_new


def test_a_test_version_stays_when_the_source_takes_the_correction_over():
    frame = rows(["x", "y"] * 30)
    sides = divided(frame, None).outputs["split"]["side"]
    key = next(k for k in sides.index[sides == "test"] if frame.loc[k, "y"] == "x")
    overlay = (change(key, "x", "y"),)
    corrected = frame.copy()
    corrected.loc[key, "y"] = "y"
    before, after = divided(frame, overlay), divided(corrected, overlay)
    assert before.facts["test_rule"] == after.facts["test_rule"]


@pytest.mark.parametrize("naming", [{"key": "y"}, {"key_columns": ["a", "y"]}])
def test_a_row_cannot_be_named_by_its_label(naming):
    with pytest.raises(ValueError, match="the target 'y' cannot name rows"):
        Project(name="p", source="x.csv", target="y", **naming)
