"""A snapshot is whole or not there, and gives back what was written."""

import errno

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.errors import UnavailableError
from tasks.fingerprints import fingerprint_frame
from tasks.snapshots import RowLedger, read_snapshot, with_doubles, write_snapshot


@pytest.fixture
def frame():
    cells = {
        "number": [1.5, None],
        "whole": [1, 2],
        "word": pd.Series(["a", None], dtype="str"),
        "nothing": pd.Series([None, None], dtype="str"),
        "time": pd.to_datetime(["2024-01-02 03:04:05.000006", None]),
    }
    return pd.DataFrame(cells).set_axis(pd.Index(["k-0", "l-0"], name="row_key", dtype="str"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(frame, tmp_path, monkeypatch, code):
    path = tmp_path / "runs" / "raw.parquet"

    def full(table, file, **_):
        file.write(b"half of it")
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(
        UnavailableError, match=r"the disk is full: .*raw\.parquet .* bytes are free"
    ):
        write_snapshot(frame, path)

    assert list(path.parent.iterdir()) == []


def test_a_failed_write_keeps_the_snapshot_that_stood_there(frame, tmp_path, monkeypatch):
    path = tmp_path / "raw.parquet"
    write_snapshot(frame, path)

    def interrupted(table, file, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_snapshot(frame.iloc[:1], path)

    assert len(read_snapshot(path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["raw.parquet"]


def test_a_folder_that_cannot_be_made_is_one_sentence(frame, tmp_path):
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(UnavailableError, match=r"could not be written"):
        write_snapshot(frame, tmp_path / "runs" / "raw.parquet")


def test_a_missing_or_broken_snapshot_is_one_sentence(tmp_path):
    with pytest.raises(UnavailableError, match=r"no snapshot at"):
        read_snapshot(tmp_path / "none.parquet")
    (tmp_path / "half.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(UnavailableError, match=r"cannot be read"):
        read_snapshot(tmp_path / "half.parquet")


def test_what_was_written_comes_back(frame, tmp_path):
    path = tmp_path / "new" / "raw.parquet"

    snapshot = write_snapshot(frame, path)
    back = read_snapshot(path)

    pd.testing.assert_frame_equal(back, frame)
    assert back.index.name == "row_key"
    assert snapshot.uri == str(path)
    assert snapshot.rows == 2
    assert snapshot.fingerprint == fingerprint_frame(frame).total == fingerprint_frame(back).total
    assert snapshot.schema == {
        "number": "float64",
        "whole": "int64",
        "word": "str",
        "nothing": "str",
        "time": "datetime64[us]",
    }


def test_the_row_ledger_balances_only_when_no_row_is_lost():
    ledger = RowLedger("reading", 10, 7, {"wrong number of fields": 2, "label missing": 1})

    assert ledger.balances
    assert not RowLedger("reading", 10, 7, {"wrong number of fields": 2}).balances
    assert ledger.to_facts()["quarantined"] == {"wrong number of fields": 2, "label missing": 1}


def test_whole_numbers_beside_missing_cells_are_kept_and_computed_as_doubles(tmp_path):
    big = 9007199254799003
    frame = pd.DataFrame({"a": pd.array([big, None], dtype="Int64"), "b": [1, 2]})
    write_snapshot(frame, tmp_path / "s.parquet")
    back = read_snapshot(tmp_path / "s.parquet")

    assert back["a"].tolist() == [big, pd.NA]
    computed = with_doubles(back)
    assert computed.dtypes.astype(str).tolist() == ["float64", "int64"]
    assert computed["a"].isna().tolist() == [False, True]
    assert with_doubles(frame[["b"]]) is not None
