"""The fingerprint sees values, types, names and order, and nothing of how Arrow stores them."""

import hashlib
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.fingerprints import fingerprint_frame, fingerprint_table


def column_hash(array):
    return fingerprint_table(pa.table({"x": array})).columns["x"]


def mixed_table():
    return pa.table(
        {
            "f": pa.array([1.5, None, -2.0, 0.0, 7.25]),
            "i": pa.array([1, 2, None, 4, 5]),
            "s": pa.array(["a", None, "", "écu", "a"]),
            "b": pa.array([True, False, None, True, False]),
            "t": pa.array([0, 1, None, 3, 4], type=pa.timestamp("us")),
            "d": pa.array(["1.10", None, "3.00", "4.00", "5.00"]).cast(pa.decimal128(9, 2)),
        }
    )


def test_the_digest_is_the_documented_one():
    # int64 [1, 2]: no bits of presence, no sizes, sixteen bytes of values.
    def sha(data):
        return hashlib.sha256(data)

    values = (1).to_bytes(8, "little") + (2).to_bytes(8, "little")
    digests = sha(b"").digest() + sha(b"").digest() + sha(values).digest()
    column = sha(b"int64\x002\x00" + digests).hexdigest()
    whole = json.dumps({"rows": 2, "columns": [["x", "int64", column]]})

    found = fingerprint_table(pa.table({"x": pa.array([1, 2])}))

    assert found.columns == {"x": column}
    assert found.total == sha(whole.encode()).hexdigest()
    assert found.rows == 2


@pytest.mark.parametrize(
    "left, right",
    [
        ([1, 2], [2, 1]),
        (["", "a"], [None, "a"]),
        (["ab", "c"], ["a", "bc"]),
        ([0.0, 1.0], [None, 1.0]),
        ([1, 2], [1.0, 2.0]),
        ([True, False], [1, 0]),
        ([None, 1.0], [1.0, None]),
        ([None], [None, None]),
    ],
)
def test_different_cells_differ(left, right):
    assert column_hash(pa.array(left)) != column_hash(pa.array(right))


@pytest.mark.parametrize("row", [0, 70_000, 149_999])
@pytest.mark.parametrize("kind", ["f", "s"])
def test_one_cell_anywhere_changes_the_hash(row, kind):
    numbers = np.arange(150_000)
    cells = numbers.astype(float) if kind == "f" else numbers.astype(str).astype(object)
    before = column_hash(pa.array(cells))
    cells[row] = 0.5 if kind == "f" else "x"

    assert column_hash(pa.array(cells)) != before


def test_names_and_the_order_of_columns_count():
    a, b = pa.array([1]), pa.array([2])
    total = fingerprint_table(pa.table({"a": a, "b": b})).total

    assert fingerprint_table(pa.table({"b": b, "a": a})).total != total
    assert fingerprint_table(pa.table({"a": a, "c": b})).total != total


def test_chunks_and_slices_do_not_count():
    table = mixed_table()
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 1), table.slice(3)])
    padded = pa.concat_tables([table, table, table]).combine_chunks().slice(5, 5)

    assert fingerprint_table(chunked) == fingerprint_table(table)
    assert fingerprint_table(padded) == fingerprint_table(table)


@pytest.mark.parametrize("compression", ["none", "zstd", "snappy"])
def test_parquet_compression_and_row_groups_do_not_count(compression):
    table = mixed_table()
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression, row_group_size=2)

    assert fingerprint_table(pq.read_table(io.BytesIO(file.getvalue()))) == fingerprint_table(table)


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_the_storage_of_text_does_not_count(kind):
    words = pa.array(["a", None, "", "écu", "a"])
    stored = words.dictionary_encode() if pa.types.is_dictionary(kind) else words.cast(kind)

    assert column_hash(stored) == column_hash(words)


def test_nan_is_missing_and_minus_zero_is_zero():
    odd_nan = np.frombuffer(np.array([0x7FF8000000000001], dtype="<u8").tobytes(), dtype="<f8")[0]
    floats = pa.array(np.array([np.nan, odd_nan, -0.0]))

    assert column_hash(floats) == column_hash(pa.array([None, None, 0.0], type=pa.float64()))


def test_bytes_under_missing_cells_do_not_count():
    mask = np.array([False, True, False])
    text = pa.StringArray.from_buffers(
        3,
        pa.py_buffer(np.array([0, 1, 4, 5], dtype="<i4").tobytes()),
        pa.py_buffer(b"axyzb"),
        pa.py_buffer(bytes([0b101])),
    )

    assert column_hash(text) == column_hash(pa.array(["a", None, "b"]))
    assert column_hash(pa.array([1, 9, 3], mask=mask)) == column_hash(pa.array([1, None, 3]))


def test_the_unit_of_a_time_does_not_count_and_nanoseconds_do():
    seconds = pa.array([0, 86_400, None], type=pa.timestamp("s"))
    for unit in ("ms", "us", "ns"):
        assert column_hash(seconds.cast(pa.timestamp(unit))) == column_hash(seconds)
    first = pa.array([5_001, 5_000], type=pa.timestamp("ns"))
    second = pa.array([5_000, 5_001], type=pa.timestamp("ns"))
    assert column_hash(first) != column_hash(second)
    assert column_hash(first) == column_hash(pa.chunked_array([first.slice(0, 1), first.slice(1)]))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([], type=pa.string()),
        pa.array([None, None]),
        pa.array([[1, 2], None, []]),
        pa.array([b"abc", None], type=pa.binary(3)),
        pa.array([b"abc", None]),
        pa.array([1.5, None], type=pa.float32()),
        pa.array([0, None], type=pa.date32()),
    ],
)
def test_every_type_has_a_hash_that_a_slice_keeps(array):
    twice = pa.concat_arrays([array, array])

    assert column_hash(twice.slice(len(array))) == column_hash(array)


def test_a_frame_includes_its_named_index():
    frame = pd.DataFrame(
        {"x": [1, 2], "y": ["a", None]}, index=pd.Index(["k", "l"], name="row_key")
    )

    found = fingerprint_frame(frame)

    assert list(found.columns) == ["row_key", "x", "y"]
    assert list(fingerprint_frame(frame, ["y"]).columns) == ["row_key", "y"]
    assert found.columns["y"] == column_hash(pa.array(["a", None]))
    assert fingerprint_frame(frame.rename(index={"k": "m"})).total != found.total


def test_a_categorical_column_is_its_words():
    frame = pd.DataFrame({"x": ["a", "b", None]}, dtype="str")

    assert fingerprint_frame(frame.astype("category")) == fingerprint_frame(frame)
