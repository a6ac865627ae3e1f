"""Every type that a Parquet file or an Arrow table can have: a plain column, or a reason."""

import datetime
import decimal
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.fingerprints import fingerprint_table
from tasks.ingestion import ingest
from tasks.ingestion.arrow_types import plain_column
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.row_keys import hashed_keys
from tasks.ingestion.sources import RawSource
from tasks.project.data_sections import SourceSection
from tasks.project.sections import Project

SOURCE = SourceSection(path="s.parquet")
DAY = datetime.date(2024, 1, 2)
D = decimal.Decimal


def stored(extension, cells, kind):
    return pa.ExtensionArray.from_storage(extension, pa.array(cells, kind))


def views(cells):
    return pa.array(cells, pa.string_view())


def bad_text():
    """A string array whose bytes are no UTF-8, as a careless writer leaves them."""
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xfe")])


# type, array of two cells, kind, first cell as it is read, part of the reason where it is left out
PLAIN = [
    (pa.array([None, None], pa.null()), "categorical", None),
    (pa.array([True, None]), "categorical", "true"),
    *((pa.array([7, None], kind), "numeric", 7.0) for kind in (pa.int8(), pa.int16(), pa.int32())),
    *(
        (pa.array([7, None], kind), "numeric", 7.0)
        for kind in (pa.uint8(), pa.uint16(), pa.uint32())
    ),
    *((pa.array([7, None], kind), "numeric", 7.0) for kind in (pa.int64(), pa.uint64())),
    (pa.array([np.float16(1.5), None], pa.float16()), "numeric", 1.5),
    (pa.array([1.5, None], pa.float32()), "numeric", 1.5),
    (pa.array([1.5, None], pa.float64()), "numeric", 1.5),
    (pa.array([D("1.50"), None], pa.decimal32(5, 2)), "numeric", 1.5),
    (pa.array([D("1.50"), None], pa.decimal64(12, 2)), "numeric", 1.5),
    (pa.array([D("1.50"), None], pa.decimal128(38, 18)), "numeric", 1.5),
    (pa.array([D("1.50"), None], pa.decimal256(60, 30)), "numeric", 1.5),
    (pa.array([D("150"), None], pa.decimal128(5, -1)), "numeric", 150.0),
    (pa.array(["a", None], pa.string()), "categorical", "a"),
    (pa.array(["a", None], pa.large_string()), "categorical", "a"),
    (views(["a", None]), "categorical", "a"),
    (pa.array([DAY, None], pa.date32()), "time", datetime.datetime(2024, 1, 2)),
    (pa.array([DAY, None], pa.date64()), "time", datetime.datetime(2024, 1, 2)),
    *(
        (
            pa.array([86_400 * 10**p, None], pa.timestamp(unit, tz)),
            "time",
            datetime.datetime(1970, 1, 2),
        )
        for unit, p in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9))
        for tz in (None, "UTC", "Asia/Tokyo", "+09:00", "Nowhere/None")
    ),
    (pa.array([61, None], pa.time32("s")), "categorical", "00:01:01"),
    (pa.array([61_000, None], pa.time32("ms")), "categorical", "00:01:01.000"),
    (pa.array([61 * 10**6, None], pa.time64("us")), "categorical", "00:01:01.000000"),
    (pa.array([61 * 10**9, None], pa.time64("ns")), "categorical", "00:01:01.000000000"),
    (pa.array([90, None], pa.duration("s")), "numeric", 90.0),
    (pa.array([1_500, None], pa.duration("ms")), "numeric", 1.5),
    (pa.array([1_500_000, None], pa.duration("us")), "numeric", 1.5),
    (pa.array([1_500_000_000, None], pa.duration("ns")), "numeric", 1.5),
    (pa.array(["a", None]).dictionary_encode(), "categorical", "a"),
    (pa.DictionaryArray.from_arrays([0, None], views(["a"])), "categorical", "a"),
    (pa.DictionaryArray.from_arrays([0, None], pa.array([7])), "numeric", 7.0),
    (pa.DictionaryArray.from_arrays([1, 0], pa.array([None, "a"])), "categorical", "a"),
    (pa.RunEndEncodedArray.from_arrays([1, 2], views(["a", None])), "categorical", "a"),
    (pa.RunEndEncodedArray.from_arrays([1, 2], pa.array([7, None])), "numeric", 7.0),
    (
        stored(pa.uuid(), [uuid.UUID(int=5).bytes, None], pa.binary(16)),
        "categorical",
        "00000000-0000-0000-0000-000000000005",
    ),
    (stored(pa.bool8(), [2, None], pa.int8()), "categorical", "true"),
    (stored(pa.json_(), ["{}", None], pa.string()), "categorical", "{}"),
]
LEFT_OUT = [
    pa.array([[1, 2], None]),
    pa.array([[1, 2], None], pa.large_list(pa.int64())),
    pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    pa.array([[1, 2], None], pa.list_view(pa.int64())),
    pa.array([[1, 2], None], pa.large_list_view(pa.int64())),
    pa.array([{"a": 1}, None]),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    pa.array([[0], None], pa.list_(pa.timestamp("us", "Nowhere/None"))),
    pa.array([[2**62], None], pa.list_(pa.timestamp("s"))),
    pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    pa.array([b"ab", None], pa.binary()),
    pa.array([b"ab", None], pa.large_binary()),
    pa.array([b"ab", None], pa.binary_view()),
    pa.array([b"ab", None], pa.binary(2)),
    pa.DictionaryArray.from_arrays([0, None], pa.array([[1]])),
    pa.DictionaryArray.from_arrays([0, None], pa.array([b"ab"])),
    stored(pa.fixed_shape_tensor(pa.int64(), [2]), [[1, 2], None], pa.list_(pa.int64(), 2)),
    stored(pa.opaque(pa.binary(), "geometry", "somebody"), [b"ab", None], pa.binary()),
    pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]
    ),
    bad_text(),
]


def typed(array, declared=None):
    cells, reason = plain_column(pa.chunked_array([array]))
    left_out = {} if reason is None else {"c": reason}
    raw = RawSource(
        pa.table({"c": cells}), np.arange(1, len(cells) + 1), typed=True, left_out=left_out
    )
    return type_column(raw, "c", declared, SOURCE)


def named(value):
    return str(value.type)


@pytest.mark.parametrize("array, kind, first", PLAIN, ids=[named(row[0]) for row in PLAIN])
def test_a_type_becomes_a_plain_one(array, kind, first):
    column = typed(array)

    assert (column.kind, column.values[0].as_py()) == (kind, first)
    assert len(column.values) == 2
    assert not len(column.misfits)
    assert hashed_keys([column], 2).str.len().tolist() == [34, 34]


@pytest.mark.parametrize("array", LEFT_OUT, ids=named)
def test_a_type_without_a_plain_value_is_left_out_with_its_reason(array):
    column = typed(array)

    assert column.kind == "categorical"
    assert len(column.values[0].as_py()) == 64
    assert str(array.type) in column.no_feature or "binary" in column.no_feature
    assert "SHA-256" in column.no_feature
    assert len(set(hashed_keys([column], 2))) == 2


def test_no_type_of_pyarrow_is_forgotten():
    """Whatever pyarrow can name as a type has a row above."""
    tried = {one.type.id for one in (*(row[0] for row in PLAIN), *LEFT_OUT)}
    tried |= {one.type.storage_type.id for one in LEFT_OUT if hasattr(one.type, "storage_type")}
    made = [
        one for name in dir(pa.lib) if name.startswith("Type_") for one in [getattr(pa.lib, name)]
    ]
    # Nothing writes these: an interval of one part, and a union that is dense.
    unmade = {pa.lib.Type_INTERVAL_MONTHS, pa.lib.Type_INTERVAL_DAY_TIME, pa.lib.Type_DENSE_UNION}

    assert len(made) > 30
    assert [one for one in made if one not in tried | unmade] == []


@pytest.mark.parametrize("sliced", [False, True])
def test_words_of_every_layout_are_the_same_words(sliced):
    layouts = [
        pa.array(["z", "a", None, "b"]),
        pa.array(["z", "a", None, "b"], pa.large_string()),
        views(["z", "a", None, "b"]),
        pa.array(["z", "a", None, "b"]).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays([1, 2, 3, 4], pa.array(["z", "a", None, "b"])),
    ]
    start = 1 if sliced else 0
    columns = [typed(one.slice(start)) for one in layouts]

    assert {tuple(column.values.to_pylist()) for column in columns} == {
        ("z", "a", None, "b")[start:],
    }
    assert len({tuple(hashed_keys([column], 4 - start)) for column in columns}) == 1


# Digits that a double has no room for

BIG = 9007199254799003


@pytest.mark.parametrize(
    "kind, low, high",
    [
        (pa.int64(), BIG, BIG + 1),
        (pa.int64(), -BIG, -BIG - 1),
        (pa.uint64(), 2**64 - 1, 2**64 - 2),
        (pa.decimal128(38, 0), D("1" + "0" * 30), D("1" + "0" * 29 + "1")),
        (pa.decimal128(38, 20), D("0.33333333333333333333"), D("0.33333333333333333334")),
        (pa.duration("ns"), 2**60, 2**60 + 1),
        (pa.timestamp("ns"), 10**18 + 1, 10**18 + 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("declared", [None, "kind"])
def test_cells_that_a_double_cannot_tell_apart_have_keys_of_their_own(
    kind, low, high, gap, declared
):
    cells = [low, high, *([None] if gap else [])]
    wanted = "time" if pa.types.is_timestamp(kind) else "numeric"
    column = typed(pa.array(cells, kind), wanted if declared else None)
    keys = hashed_keys([column], len(cells))

    assert keys.str.endswith("-0").all()


def fingerprint(tmp_path, values, kind, **more):
    table = pa.table({"id": pa.array(values, kind), "a": [1.0, 2.0, 3.0], "y": ["u", "v", "w"]})
    pq.write_table(table, tmp_path / "s.parquet")
    settings = {"name": "p", "source": "s.parquet", "target": "y", **more}
    return ingest(tmp_path / "s.parquet", Project.model_validate(settings)).facts["fingerprint"]


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(20, 0)], ids=str)
@pytest.mark.parametrize("declared", [False, True])
def test_one_digit_of_a_long_number_changes_the_fingerprint(tmp_path, kind, declared):
    more = {"features": {"numeric": ["id"]}, "key_columns": ["a"]} if declared else {}
    first = fingerprint(tmp_path, [BIG, None, 5], kind, **more)

    assert fingerprint(tmp_path, [BIG + 1, None, 5], kind, **more) != first
    assert fingerprint(tmp_path, [BIG, None, 5], kind, **more) == first


def test_whole_numbers_beyond_doubles_are_names_unless_they_are_declared(tmp_path):
    cells = pa.array([BIG, None])

    assert typed(cells).values.to_pylist() == ["9007199254799003", None]
    assert typed(cells, "numeric").values.to_pylist() == [BIG, None]
    assert typed(pa.array([BIG, 1])).kind == typed(cells).kind == "categorical"


def test_a_number_has_one_key_in_every_type():
    columns = [
        typed(pa.array([5], pa.int8())),
        typed(pa.array([5], pa.uint64())),
        typed(pa.array([5.0])),
        typed(pa.array([D("5.000")])),
        typed(pa.array([5], pa.duration("s"))),
    ]

    assert len({hashed_keys([column], 1)[0] for column in columns}) == 1


def test_times_beyond_what_microseconds_hold_do_not_fit():
    column = typed(pa.array([2**60, 5], pa.timestamp("s")))

    assert column.values.to_pylist() == [None, datetime.datetime(1970, 1, 1, 0, 0, 5)]
    assert column.misfit_texts == ("1152921504606846976 timestamp[s]",)
    far = typed(pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()))
    assert far.misfits.tolist() == [0]


def test_bytes_are_words_where_the_project_declares_them():
    assert typed(pa.array([b"ab", None]), "categorical").values.to_pylist() == ["ab", None]
    assert len(typed(pa.array([b"\xff", None]), "categorical").values[0].as_py()) == 64


def test_a_file_of_odd_types_is_read_to_the_end(tmp_path):
    """Rows set aside, keys, fingerprint and tables hold for every type that Parquet has."""
    ids = stored(pa.uuid(), [uuid.UUID(int=n).bytes for n in range(4)], pa.binary(16))
    table = pa.table(
        {
            "id": ids,
            "words": views(["a", "b", None, "a"]),
            "list": [[1], [2], None, [4]],
            "x": pa.array([1.0, float("inf"), 3.0, 4.0]),
            "y": views(["yes", "no", "no", None]),
        }
    )
    pq.write_table(table, tmp_path / "s.parquet")
    source = {"path": "s.parquet", "max_quarantined_share": 1, "on_misfit": "quarantine"}
    settings = {"name": "p", "source": {**source, "max_misfit_share": 1}, "target": "y"}

    result = ingest(
        tmp_path / "s.parquet", Project.model_validate({**settings, "positive_class": "yes"})
    )

    assert result.outputs["snapshot"]["words"].tolist()[:1] == ["a"]
    assert [row[1] for row in result.outputs["quarantined"].itertuples()] == [2, 4]
    assert isinstance(result.outputs["snapshot"].index, pd.Index)
    assert result.facts["roles"]["categorical"] == ["id", "words"]


@pytest.mark.parametrize("array", [row[0] for row in PLAIN], ids=named)
def test_a_plain_column_has_a_fingerprint(array):
    cells, _ = plain_column(pa.chunked_array([array]))

    assert len(fingerprint_table(pa.table({"c": cells})).total) == 64
