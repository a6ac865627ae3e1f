import pandas as pd
import pytest

from tasks.errors import UnavailableError
from tasks.project_state import ProjectState


@pytest.fixture
def state(tmp_path):
    return ProjectState(tmp_path)


def units(**sides):
    return pd.DataFrame({"unit": list(sides), "side": list(sides.values())})


def test_key_columns_are_frozen_at_the_first_run(state):
    assert state.key_columns("x") is None
    state.freeze_key_columns(("a", "b"), "x")
    state.freeze_key_columns(("c",), "y")
    assert state.key_columns("y") == ("a", "b")
    assert state.key_columns("x") is None


def test_a_repeated_occasion_sees_what_it_saw_first(state):
    assert state.sides(1, "x" * 64) == (None, "none")
    state.add_sides(1, "x" * 64, units(u="train"))
    assert state.sides(1, "x" * 64) == (None, "none")


def test_a_later_occasion_sees_what_was_kept_before(state):
    state.add_sides(1, "x" * 64, units(u="train"))
    seen, first = state.sides(1, "y" * 64)
    assert dict(zip(seen["unit"], seen["side"], strict=True)) == {"u": "train"}
    state.add_sides(1, "y" * 64, units(u="test", v="dev"))
    assert state.sides(1, "y" * 64)[1] == first
    seen, _ = state.sides(1, "z" * 64)
    assert dict(zip(seen["unit"], seen["side"], strict=True)) == {"u": "train", "v": "dev"}


def test_another_epoch_starts_afresh(state):
    state.add_sides(1, "x" * 64, units(u="train"))
    assert state.sides(2, "y" * 64) == (None, "none")


def test_verdicts_are_found_by_their_gate_inputs(state):
    assert state.verdict("k") is None
    state.record_verdict("k", {"run_id": "r"})
    assert state.verdict("k") == {"run_id": "r"}


def test_sides_that_were_edited_are_refused(state, tmp_path):
    state.add_sides(1, "x" * 64, units(u="train", v="test"))
    (path,) = (tmp_path / "sides" / "1").iterdir()
    units(u="test", v="train").to_parquet(path)
    with pytest.raises(UnavailableError, match="were changed after they were written"):
        state.sides(1, "y" * 64)
    with pytest.raises(UnavailableError, match="were changed after they were written"):
        state.add_sides(1, "y" * 64, units(w="dev"))


def test_sides_of_an_older_version_are_read(state, tmp_path):
    state.add_sides(1, "x" * 64, units(u="train"))
    (path,) = (tmp_path / "sides" / "1").iterdir()
    path.rename(path.with_name(f"00001-{'x' * 32}.parquet"))
    assert state.sides(1, "x" * 64) == (None, "none")
    assert list(state.sides(1, "y" * 64)[0]["unit"]) == ["u"]
