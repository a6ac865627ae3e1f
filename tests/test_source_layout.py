"""Files as programs leave them: compressed, with Excel's first line or headers inside."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tasks.ingestion import ingest
from tasks.project.sections import Project
from tasks.starter.columns import profile_file

ROWS = "a,b,y\n1,red,yes\n2.5,blue,no\n3,red,yes\n4,blue,no\n"


def read(tmp_path, data, name="s.csv", **source):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    settings = {"name": "p", "target": "y", "positive_class": "yes"}
    source = {"path": name, "max_quarantined_share": 1, **source}
    return ingest(path, Project.model_validate({**settings, "source": source}))


def found(result, what):
    return next((one for one in result.checks if one.id == f"ingestion.{what}"), None)


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKED = [
    ("s.csv.gz", gzip.compress(ROWS.encode())),
    ("s.csv", gzip.compress(ROWS.encode())),
    ("s.csv.gz", gzip.compress(ROWS[:20].encode()) + gzip.compress(ROWS[20:].encode())),
    ("s.csv.bz2", bz2.compress(ROWS.encode())),
    ("s.csv.xz", lzma.compress(ROWS.encode())),
    ("s.csv.zst", zstd(ROWS.encode())),
    ("s.csv.gz", gzip.compress(gzip.compress(ROWS.encode()))),
]


@pytest.mark.parametrize(
    "name, data", PACKED, ids=[f"{n}-{at}" for at, (n, _) in enumerate(PACKED)]
)
def test_a_compressed_file_is_the_file(tmp_path, name, data):
    result = read(tmp_path, data, name)

    assert result.outcome == "passed"
    assert result.facts["fingerprint"] == read(tmp_path, ROWS).facts["fingerprint"]
    assert set(profile_file(tmp_path / name).columns) == {"a", "b", "y"}


def test_a_compressed_parquet_file_is_read(tmp_path):
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1.5, 2.5], "y": ["yes", "no"]}), sink)

    assert read(tmp_path, gzip.compress(sink.getvalue()), "s.parquet.gz").facts["rows_kept"] == 2


def test_a_compressed_file_that_is_cut_short_is_told(tmp_path):
    for data in (gzip.compress(ROWS.encode() * 50)[:-20], lzma.compress(ROWS.encode())[:-9]):
        told = found(read(tmp_path, data), "readable")
        assert told.blocks
        assert "cannot be unpacked" in told.detail


def foreign():
    archive, feather = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("s.csv", ROWS)
    pyarrow.feather.write_feather(pa.table({"a": [1]}), feather)
    return [
        (archive.getvalue(), "a zip archive or an Excel workbook"),
        (feather.getvalue(), "an Arrow (Feather) file; save it as Parquet"),
        (b"SQLite format 3\x00rest", "an SQLite database"),
    ]


@pytest.mark.parametrize("data, what", foreign(), ids=["zip", "feather", "sqlite"])
def test_a_file_of_another_kind_is_told(tmp_path, data, what):
    result = read(tmp_path, data)

    assert [one.id for one in result.checks] == ["ingestion.readable"]
    assert f"S.csv is {what}" in found(result, "readable").detail


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\n', "SEP=;\r\n"])
def test_the_line_that_excel_puts_first_names_the_delimiter(tmp_path, first):
    text = ROWS.replace(",", ";").replace("4;blue;no\n", "4;blue\n")

    for source in ({}, {"delimiter": ";"}):
        result = read(tmp_path, first + text, **source)
        assert result.facts["rows_kept"] == 3
        # Lines are those of the file, its first line counted.
        assert result.outputs["quarantined"]["line"].tolist() == [6]
    assert profile_file(tmp_path / "s.csv").settings == {"delimiter": ";"}


def test_a_delimiter_that_excel_contradicts_is_refused(tmp_path):
    told = found(read(tmp_path, "sep=;\n" + ROWS, delimiter="|"), "readable")

    assert told.blocks
    assert "'sep=;', and source.delimiter is '|'" in told.detail


def test_a_header_inside_the_file_is_no_row(tmp_path):
    result = read(tmp_path, ROWS + ROWS)
    told = found(result, "inner_headers")

    assert (told.severity, told.outcome) == ("warning", "failed")
    assert "on line 6" in told.detail
    assert result.outputs["quarantined"].values.tolist() == [
        [6, "the header once more", "no row", "a,b,y"]
    ]
    assert result.facts["kinds"]["a"] == "numeric"
    assert result.facts["rows_kept"] == 8
    assert found(read(tmp_path, ROWS), "inner_headers") is None


def test_a_delimiter_at_the_end_of_each_row_is_the_reason_that_is_told(tmp_path):
    text = ROWS.replace("yes\n", "yes,\n").replace("no\n", "no,\n")
    told = found(read(tmp_path, text), "rows")

    assert told.blocks
    assert "4 of 4 rows have 4 instead of 3 fields: each ends in ',', and the header" in told.detail
    one = text.replace("no,\n", "no\n", 1)
    assert found(read(tmp_path, one), "rows").detail.startswith("3 of 4 rows have 4 instead of 3")


def test_row_names_without_a_name_are_the_reason_that_is_told(tmp_path):
    text = "a,b,y\n" + "".join(f"{n},{n}.5,red,yes\n" for n in range(4))

    assert "the header lacks a name" in found(read(tmp_path, text), "rows").detail


def test_a_few_rows_of_another_length_are_no_reason(tmp_path):
    assert found(read(tmp_path, ROWS + "5,blue,no,\n"), "rows").outcome == "passed"


def test_a_name_that_stands_twice_in_parquet_is_told(tmp_path):
    table = pa.table([[1], [2], ["yes"]], names=["x", "x", "y"])
    pq.write_table(table, tmp_path / "twice.parquet")
    result = read(tmp_path, (tmp_path / "twice.parquet").read_bytes(), "s.parquet")

    assert "names 'x' more than once; rename the columns" in found(result, "columns").detail
