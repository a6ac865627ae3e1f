"""Rows by their sides."""

import pandas as pd

from tasks.project.dataset import Dataset
from tasks.project.roles import Roles


def test_rows_are_told_by_the_key_and_one_without_a_side_is_on_none():
    frame = pd.DataFrame({"y": ["a", "b", "c", "d"]}, index=list("pqrs"))
    split = pd.DataFrame({"side": ["test", "train", "dev"], "unit": list("srp")}, list("srp"))
    rows = Dataset(frame, split, Roles(target="y"))
    assert [list(side.index) for side in (rows.train, rows.dev, rows.test)] == [["r"], ["p"], ["s"]]
    assert rows.mask("dev").tolist() == [True, False, False, False]
    assert list(rows.labels()) == ["a", "b", "c", "d"]
    assert list(rows.labels("train")) == ["c"]
