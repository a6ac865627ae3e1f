"""Ingestion: rows set aside with their line, cells counted, columns with roles, rows with keys."""

import datetime
import decimal
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import NotFoundError, ProjectFileError
from tasks.ingestion import ingest
from tasks.project.roles import Roles
from tasks.project.sections import Project

ROWS = "a,b,y\n1,red,yes\n2.5,blue,no\n3,red,yes\n4,blue,no\n"

# Rows of the Boston mortgage applications, the imputed last one among them.
MORTGAGES = """dir,hir,lvr,ccs,mcs,pbcr,dmi,self,single,uria,condominium,black,deny
0.221000003814697,0.221000003814697,0.8,5.0,2.0,no,no,no,no,3.90000009536743,0,no,no
0.265,0.265,0.921875,2.0,2.0,no,no,no,yes,3.20000004768372,0,no,no
0.32,0.26,0.7538461538461538,6.0,1.0,yes,no,no,yes,3.09999990463257,1,yes,yes
0.330813567211648,0.255346121768835,0.7007829033804148,2.11638655462185,1.72100840336134,\
,no,,yes,3.77449584848741,0,no,no
"""


def project(**more):
    values = {"name": "p", "source": {"path": "s.csv"}, "target": "y", "positive_class": "yes"}
    loose = {"max_quarantined_share": 1.0, "max_misfit_share": 1.0}
    source = {**values["source"], **loose, **more.pop("source", {})}
    return Project.model_validate({**values, **more, "source": source})


@pytest.fixture
def ingest_text(tmp_path):
    def run(text, frozen=None, **more):
        path = tmp_path / "s.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ingest(path, project(**more), frozen)

    return run


@pytest.fixture
def ingest_table(tmp_path):
    def run(table, **more):
        path = tmp_path / "s.parquet"
        pq.write_table(table, path)
        return ingest(path, project(**more))

    return run


def check(result, what):
    return next(found for found in result.checks if found.id == f"ingestion.{what}")


def failed(result):
    return [found.id for found in result.checks if found.blocks]


def quarantined(result):
    return result.outputs["quarantined"].values.tolist()


# Refusals


def test_a_missing_file_is_a_project_error_that_names_it(tmp_path):
    with pytest.raises(NotFoundError, match=r"no source file at .*gone\.csv"):
        ingest(tmp_path / "gone.csv", project())
    with pytest.raises(ProjectFileError, match=r"is a folder"):
        ingest(tmp_path, project())


@pytest.mark.parametrize(
    "data, what, sentence",
    [
        (b"", "readable", "empty (0 bytes)"),
        (b"\n\n", "readable", "blank lines only"),
        (b"a,\xff,y\n1,2,yes\n", "readable", "header"),
        (b"PAR1 and no more", "readable", "not a whole Parquet file"),
        (b"a,b,y\n", "rows", "a header and no row"),
        (b"a,b,y\n1,2\n", "rows", "1 of 1 rows have 2 instead of 3 fields"),
        (b"a,a,y\n1,2,yes\n", "columns", "'a' more than once"),
        (b"row_key,a,y\n1,2,yes\n", "columns", "reserved"),
        (b"a,b,yy\n1,2,yes\n", "target", "did you mean 'yy'?"),
        (b"a;b;y\n1;2;yes\n", "target", "source.delimiter"),
        (b"a,y\n1,yes\n2,yes\n", "target", "All 2 rows have the label 'yes'"),
        (b"a,y\n1,\n2,NA\n", "target", "missing"),
        (b"a,y\n1,ja\n2,nein\n", "target", "positive_class is 'yes', and the labels"),
        (b"a,y\n1,yes\n2,no\n3,maybe\n", "target", "3 labels ('maybe', 'no', 'yes')"),
        (b"y\nyes\nno\n", "columns", "No feature is left"),
        (b"a,y\n,yes\n,no\n", "columns", "'a': every cell is missing"),
    ],
)
def test_bad_input_is_one_critical_check(ingest_text, data, what, sentence):
    result = ingest_text(data)

    assert failed(result) == [f"ingestion.{what}"]
    assert sentence in check(result, what).detail
    assert result.outcome == "blocked"
    assert result.outputs["snapshot"].index.name == "row_key"
    json.dumps(result.facts, allow_nan=False)


def test_two_labels_need_a_positive_class_and_three_do_not(ingest_text):
    two = ingest_text("a,y\n1,yes\n2,no\n", positive_class=None)
    three = ingest_text("a,y\n1,yes\n2,no\n3,maybe\n", positive_class=None)

    assert "the two labels 'no' and 'yes'" in check(two, "target").detail
    assert failed(three) == []


def test_a_target_of_numbers_that_hardly_repeat_is_refused(ingest_text):
    text = "a,y\n" + "".join(f"1,{row}\n" for row in range(30))

    assert "no classes" in check(ingest_text(text, positive_class=None), "target").detail


@pytest.mark.parametrize(
    "section",
    [
        {"features": {"numeric": ["bb"]}},
        {"features": {"exclude": {"bb": "why"}}},
        {"slices": ["bb"]},
        {"audit": {"gaps": [{"column": "bb", "metric": "selection_rate", "min_ratio": 0.8}]}},
        {"key": "bb"},
        {"split": {"by": "group", "column": "bb"}},
    ],
)
def test_an_unknown_column_is_named_with_the_nearest(ingest_text, section):
    found = check(ingest_text(ROWS, **section), "columns")

    assert found.blocks
    assert "no column 'bb' in" in found.detail
    assert "did you mean 'b'?" in found.detail


# Rows that cannot be read


def test_rows_that_cannot_be_read_are_set_aside_with_their_line(ingest_text):
    text = b'a,b,y\n1,"two\nlines",yes\n\n2,x\n3,\xff,no\n4,x,no,5\n6,"x, y",no\n,,\n'

    result = ingest_text(text)

    assert quarantined(result) == [
        [5, "wrong number of fields", "2 instead of 3 fields", "2,x"],
        [
            6,
            "bytes that are not text in the source's encoding",
            "shown with \\x escapes",
            "3,\\xff,no",
        ],
        [7, "wrong number of fields", "4 instead of 3 fields", "4,x,no,5"],
        [9, "label missing", "no 'y'", ",,"],
    ]
    assert result.outputs["snapshot"]["b"].tolist() == ["two\nlines", "x, y"]
    assert result.facts["rows_in"] == 6
    assert result.facts["rows_kept"] == 2
    assert result.facts["row_ledger"] == [
        {
            "step": "reading",
            "rows_in": 6,
            "rows_out": 3,
            "quarantined": {
                "bytes that are not text in the source's encoding": 1,
                "wrong number of fields": 2,
            },
        },
        {"step": "labels", "rows_in": 3, "rows_out": 2, "quarantined": {"label missing": 1}},
    ]
    assert check(result, "row_ledger").outcome == "passed"


@pytest.mark.parametrize(
    "broken, kept",
    [
        ('9,"open,yes\n', 4),  # never closed
        ('9,x,"yes\n', 4),  # never closed, in the last column
        ('9,"open,yes\n5,"red",no\n', 5),  # closed by the next quoted field
    ],
)
def test_an_open_quote_costs_one_line(ingest_text, broken, kept):
    result = ingest_text("a,b,y\n" + broken + ROWS.removeprefix("a,b,y\n"))

    assert [row[:2] for row in quarantined(result)] == [[2, "a quote is not closed"]]
    assert result.facts["rows_kept"] == kept


def test_a_row_that_lost_a_line_is_set_aside_too(ingest_text):
    result = ingest_text(b'a,b,y\n1,"two\n\xff\nlines",yes\n2,x,no\n3,x,yes\n')

    assert [row[0] for row in quarantined(result)] == [2, 3, 4]
    assert result.facts["rows_kept"] == 2


def test_quotes_that_never_pair_up_end_the_reading(ingest_text, monkeypatch):
    monkeypatch.setattr("tasks.ingestion.csv_rows._MAX_PASSES", 1)
    result = ingest_text('a,b,y\n9,"open,yes\n1,red,no\n')

    assert failed(result) == ["ingestion.readable"]
    assert "do not pair up, even with 1 lines set aside" in check(result, "readable").detail


def test_a_quote_within_words_is_a_quote(ingest_text):
    result = ingest_text('a,b,y\n1,5" pipe,yes\n2,"6"" pipe",no\n')

    assert result.outputs["snapshot"]["b"].tolist() == ['5" pipe', '6" pipe']


def test_a_row_larger_than_a_block_is_read(ingest_text):
    result = ingest_text(f"a,b,y\n1,{'x' * 3_000_000},yes\n2,x,no\n")

    assert result.facts["rows_kept"] == 2


@pytest.mark.parametrize(
    "data, encoding",
    [
        (b"\xef\xbb\xbfa,b,y\r\n1,\xc3\xa9,yes\r\n2,x,no\r\n", "utf-8"),
        (b"a,b,y\r1,\xe9,yes\r2,x,no\r", "latin-1"),
        ("\ufeffa,b,y\n1,é,yes\n2,x,no\n".encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_encodings_marks_and_line_ends(ingest_text, data, encoding):
    result = ingest_text(data, source={"encoding": encoding})

    assert list(result.outputs["snapshot"].columns) == ["a", "b", "y"]
    assert result.outputs["snapshot"]["b"].tolist() == ["é", "x"]


def test_the_share_of_rows_set_aside_is_judged(ingest_text):
    text = ROWS + "5,red\n"

    assert check(ingest_text(text, source={"max_quarantined_share": 0.2}), "quarantined_share")
    over = ingest_text(text, source={"max_quarantined_share": 0.19})
    assert failed(over) == ["ingestion.quarantined_share"]
    assert check(over, "quarantined_share").value == 0.2


# Cells


def misfit_text():
    rows = [f"{number},x,{'yes' if number % 2 else 'no'}\n" for number in range(18)]
    return "a,b,y\n" + "".join([*rows[:9], "n/k,x,yes\n", "NA,x,no\n", *rows[9:]])


def test_a_misfit_cell_is_counted_shown_and_blanked(ingest_text):
    result = ingest_text(misfit_text(), source={"max_misfit_share": 0.06})

    found = check(result, "misfit:a")
    assert (found.outcome, found.severity) == ("failed", "warning")
    assert found.value == pytest.approx(1 / 19)
    assert "1 of 19" in found.detail
    assert "'n/k' on line 11" in found.detail
    assert result.tables["misfit_cells"].frame.values.tolist() == [[11, "a", "n/k"]]
    snapshot = result.outputs["snapshot"]
    assert snapshot["a"].dtype == "float64"
    assert snapshot["a"].isna().tolist() == [False] * 9 + [True, True] + [False] * 9
    assert result.outcome == "warned"


def test_too_many_misfits_block(ingest_text):
    result = ingest_text(misfit_text(), source={"max_misfit_share": 0.05})

    assert failed(result) == ["ingestion.misfit:a"]


def test_a_misfit_may_set_its_row_aside(ingest_text):
    result = ingest_text(misfit_text(), source={"on_misfit": "quarantine"})

    assert quarantined(result) == [[11, "cell does not fit: a", "'n/k'", "n/k,x,yes"]]
    assert result.facts["rows_kept"] == 19
    assert check(result, "row_ledger").outcome == "passed"


@pytest.mark.parametrize("cell", ["inf", "nan", "1e999", "0x1F", "1,5", "12%", "1_0"])
def test_what_is_no_plain_finite_number_is_a_misfit(ingest_text, cell):
    text = "a;y\n" + f"{cell};yes\n1;no\n"

    result = ingest_text(
        text,
        features={"numeric": ["a"]},
        source={"delimiter": ";", "null_values": [""]},
    )

    assert check(result, "misfit:a").value == 0.5


def test_numbers_are_read_as_written(ingest_text):
    result = ingest_text("a,b,y\n 1 ,-1,yes\n+2.5e1,007,no\n.5,3,no\n", features={"numeric": ["b"]})

    assert result.outputs["snapshot"]["a"].tolist() == [1.0, 25.0, 0.5]
    assert result.outputs["snapshot"]["b"].tolist() == [-1, 7, 3]
    assert check(result, "misfit:a").outcome == "passed"


def test_only_the_empty_cell_is_missing_in_text(ingest_text):
    result = ingest_text("a,b,y\nNA,NA,yes\n,,no\n", features={"text": ["a"], "categorical": ["b"]})

    assert result.outputs["snapshot"]["a"].fillna("-").tolist() == ["NA", "-"]
    assert result.outputs["snapshot"]["b"].isna().tolist() == [True, True]


def test_labels_stay_as_they_are_written(ingest_text):
    csv = ingest_text("a,y\n5,1\n6,2\n7,1\n", positive_class=1)

    assert csv.outputs["snapshot"]["y"].tolist() == ["1", "2", "1"]
    assert csv.outputs["snapshot"]["y"].dtype == "str"


# Kinds and roles


def kinds_text():
    rows = [
        f"{n},{n % 3},0{n % 7}1,w{n},a few words {n},2024-01-{n + 1:02d},,1{n}{'0' * 15}"
        f",{n if n % 4 else 'x'},{'yes' if n % 2 else 'no'}"
        for n in range(24)
    ]
    return "\n".join(["n,c,zip,id,note,day,none,big,mixed,y", *rows]) + "\n"


def test_kinds_are_found(ingest_text):
    result = ingest_text(kinds_text())

    roles = Roles.from_facts(result.facts["roles"])
    assert roles.numeric == ("n", "c")
    assert roles.categorical == ("zip", "mixed")
    assert roles.text == ("note",)
    assert roles.excluded == {
        "id": "looks like an identifier: 24 values in 24 cells",
        "day": "a date or time; name it in features.categorical to use it as words",
        "none": "every cell is missing",
        "big": "looks like an identifier: 24 values in 24 cells",
    }
    assert result.facts["kinds"]["day"] == "time"
    assert result.outputs["snapshot"]["day"].dtype == "datetime64[us]"
    mixed = check(result, "notation:mixed")
    assert (mixed.outcome, mixed.severity) == ("failed", "warning")
    assert "'x' in 6 of 24 cells seems to mean 'missing'" in mixed.detail


def test_a_column_of_half_numbers_half_words_is_told(ingest_text):
    cells = ["red", "blue", "green", "grey", *range(10)]
    text = "a,b,y\n" + "".join(f"{n},{c},{('yes', 'no')[n % 2]}\n" for n, c in enumerate(cells))

    columns = check(ingest_text(text), "columns")

    assert (columns.outcome, columns.severity) == ("failed", "warning")
    assert "'b' (71% numbers). Declare their kind." in columns.detail


def test_the_project_settles_kinds_and_roles(ingest_text):
    result = ingest_text(
        kinds_text(),
        features={
            "categorical": ["c", "day"],
            "text": ["id"],
            "exclude": {"zip": "a proxy"},
            "outcome_only": ["note"],
            "only_declared": True,
        },
        labels={"annotators": ["mixed"]},
        split={"by": "group", "column": "big"},
    )

    roles = Roles.from_facts(result.facts["roles"])
    assert roles.numeric == ()
    assert roles.categorical == ("c", "day")
    assert roles.text == ("id",)
    assert roles.excluded == {
        "n": "not among the declared features",
        "zip": "a proxy",
        "none": "not among the declared features",
    }
    assert roles.group == "big"
    assert "note" not in roles.key_columns
    assert "mixed" not in roles.key_columns
    assert result.outputs["snapshot"]["day"].iloc[0] == "2024-01-01"
    shown = result.tables["columns"].frame.set_index("column")["role"]
    assert shown["big"] == "split"
    assert shown["zip"] == "excluded: a proxy"
    assert shown["note"] == "known only after the outcome"


def test_a_split_by_time_reads_times_and_keeps_day_numbers(ingest_text):
    split = {"by": "time", "column": "a"}
    dates = ingest_text("a,b,y\n2024-02-30,1,yes\n2024-02-01T12:00:00Z,2,no\n", split=split)
    days = ingest_text("a,b,y\n7,1,yes\n8,2,no\n", split=split)

    assert check(dates, "misfit:a").value == 0.5
    assert dates.outputs["snapshot"]["a"].iloc[1] == pd.Timestamp("2024-02-01 12:00:00")
    assert days.outputs["snapshot"]["a"].tolist() == [7, 8]
    assert Roles.from_facts(days.facts["roles"]).numeric == ("b",)


# Keys


def keys(result):
    return result.outputs["snapshot"].index.tolist()


def test_correcting_a_label_keeps_every_key(ingest_text):
    text = "a,b,y\n1,red,yes\n1,red,no\n2,blue,\n"
    first = keys(ingest_text(text))
    corrected = keys(
        ingest_text(text.replace("1,red,yes", "1,red,no").replace("blue,", "blue,yes"))
    )

    assert corrected[:2] == first
    assert [key.rpartition("-")[2] for key in corrected] == ["0", "1", "0"]
    assert len(corrected[0]) == 34
    assert corrected[0][:32] == corrected[1][:32] != corrected[2][:32]


def test_keys_ignore_the_order_of_columns_and_how_a_number_is_written(ingest_text):
    first = keys(ingest_text("a,b,y\n1,red,yes\n-0.0,blue,no\n"))
    second = keys(ingest_text("b,y,a\nred,yes,1.0\nblue,no,0\n"))

    assert first == second


def test_a_correction_of_a_feature_changes_the_key(ingest_text):
    before, after = keys(ingest_text(ROWS)), keys(ingest_text(ROWS.replace("2.5", "2.6")))

    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True]


def test_frozen_key_columns_hold_when_columns_are_added(ingest_text):
    first = ingest_text(ROWS)
    wider = ROWS.replace("\n", ",9\n").replace("y,9", "y,new")

    assert first.facts["key_columns"] == ["a", "b"]
    assert keys(ingest_text(wider, frozen=("a", "b"))) == keys(first)
    assert keys(ingest_text(wider)) != keys(first)


def test_a_frozen_key_column_that_is_gone_is_critical(ingest_text):
    gone = ingest_text(ROWS, frozen=("a", "c"))

    assert failed(gone) == ["ingestion.key"]
    assert "no longer has: 'c'" in check(gone, "key").detail
    assert failed(ingest_text(ROWS, frozen=("a", "c"), key_columns=["a"])) == []


@pytest.mark.parametrize(
    "cells, sentence",
    [
        (("k1", "", "k3"), "1 of 3 rows have no 'k', on line 3"),
        (("k1", "k2", "k1"), "1 of 3 rows repeat the 'k' of an earlier row: 'k1' on lines 2, 4"),
    ],
)
def test_a_declared_key_must_be_there_and_unique(ingest_text, cells, sentence):
    text = "k,a,y\n" + "".join(
        f"{cell},1,{label}\n" for cell, label in zip(cells, ("yes", "no", "no"), strict=True)
    )

    result = ingest_text(text, key="k")

    assert failed(result) == ["ingestion.key"]
    assert sentence in check(result, "key").detail
    assert result.outputs["snapshot"].empty


def test_a_declared_key_names_the_row(ingest_text):
    result = ingest_text("k,a,y\nNA,1,yes\n007,1,no\n", key="k")

    assert keys(result) == ["NA", "007"]
    assert result.facts["key_columns"] == []
    assert Roles.from_facts(result.facts["roles"]).features == ("a",)


# Parquet


def test_parquet_types_come_from_the_file(ingest_table):
    day = datetime.date(2024, 1, 2)
    table = pa.table(
        {
            "whole": pa.array([1, 2], type=pa.int8()),
            "dec": pa.array([decimal.Decimal("1.50"), None]),
            "float": [1.5, float("nan")],
            "flag": [True, False],
            "words": pa.array(["12", "13"]).dictionary_encode(),
            "day": [day, None],
            "blob": [b"x", None],
            "y": [1, 0],
        }
    )

    result = ingest_table(table, positive_class=1)

    snapshot = result.outputs["snapshot"]
    assert result.facts["schema"] == {
        "whole": "int64",
        "dec": "float64",
        "float": "float64",
        "flag": "str",
        "words": "str",
        "day": "datetime64[us]",
        "blob": "str",
        "y": "str",
    }
    assert snapshot["flag"].tolist() == ["true", "false"]
    assert snapshot["y"].tolist() == ["1", "0"]
    assert snapshot["dec"].fillna(-1).tolist() == [1.5, -1]
    roles = Roles.from_facts(result.facts["roles"])
    assert roles.categorical == ("flag", "words")
    assert set(roles.excluded) == {"day", "blob"}
    assert failed(result) == []


def test_parquet_labels_held_as_doubles_lose_their_point(ingest_table):
    table = pa.table({"a": [1, 2, 3], "y": [1.0, 0.0, None]})

    result = ingest_table(table, positive_class=1)

    assert result.outputs["snapshot"]["y"].tolist() == ["1", "0"]
    assert quarantined(result) == [[3, "label missing", "no 'y'", "3,"]]


def test_declared_kinds_hold_for_parquet_too(ingest_table):
    table = pa.table({"a": ["1", "x"], "b": [1, 2], "c": [float("inf"), 1.0], "y": ["yes", "no"]})

    result = ingest_table(table, features={"numeric": ["a"], "categorical": ["b"]})

    assert check(result, "misfit:a").value == 0.5
    assert "'inf' on line 1" in check(result, "misfit:c").detail
    assert result.outputs["snapshot"]["b"].tolist() == ["1", "2"]


def test_csv_and_parquet_of_the_same_rows_have_one_fingerprint(ingest_text, ingest_table):
    frame = pd.DataFrame({"a": [1.5, None], "b": ["red", None], "y": ["yes", "no"]})

    csv = ingest_text(frame.to_csv(index=False))
    parquet = ingest_table(pa.Table.from_pandas(frame, preserve_index=False))

    assert csv.facts["fingerprint"] == parquet.facts["fingerprint"] is not None


def test_the_real_odd_row_of_the_mortgages(ingest_text):
    result = ingest_text(
        MORTGAGES, target="deny", features={"exclude": {"dmi": "a leak", "black": "protected"}}
    )

    assert result.outcome == "passed"
    assert [found.id for found in result.checks[:6]] == [
        "ingestion.readable",
        "ingestion.rows",
        "ingestion.columns",
        "ingestion.key",
        "ingestion.label_forms",
        "ingestion.target",
    ]
    last = result.outputs["snapshot"].iloc[-1]
    assert last["ccs"] == 2.11638655462185
    assert last[["pbcr", "self"]].isna().all()
    roles = Roles.from_facts(result.facts["roles"])
    assert roles.numeric == ("dir", "hir", "lvr", "ccs", "mcs", "uria", "condominium")
    assert roles.categorical == ("pbcr", "self", "single")
    assert roles.excluded == {"dmi": "a leak", "black": "protected"}
    assert result.summary == "4 rows in, 4 kept, 0 set aside, 0 misfits"
