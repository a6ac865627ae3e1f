"""Numbers, dates and missing cells in other notations: told by name, and read with the setting."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import NotFoundError
from tasks.ingestion import ingest
from tasks.ingestion.number_forms import NumberForm, plain_numbers, units_of
from tasks.project.sections import Project


def project(source, **more):
    settings = {"name": "p", "target": "y", "positive_class": "yes", **more}
    return Project.model_validate({**settings, "source": {"path": "s", **source}})


def read(tmp_path, cells, source=None, *, column="c", parquet=False, **more):
    """A file of the column, one of plain numbers and a target, as ingestion reads it."""
    frame = pd.DataFrame({column: cells, "x": [n + 0.5 for n in range(len(cells))]})
    frame["y"] = ["yes" if n % 2 else "no" for n in range(len(cells))]
    path = tmp_path / "s"
    if parquet:
        pq.write_table(pa.table(frame), path)
    else:
        frame.to_csv(path, index=False)
    return ingest(path, project(source or {}, **more))


def found(result, what):
    return next((one for one in result.checks if one.id == f"ingestion.{what}"), None)


EURO = {"decimal": {"c": ","}, "thousands": {"c": "."}}
NUMBERS = [
    (["1,5", "12,25", "-3,0", "7"], {"decimal": {"c": ","}}, "a decimal comma", 1.5),
    (["1,234.50", "999", "12,345,678.00"], {"thousands": ","}, "a comma between thousands", 1234.5),
    (["1.234,50", "999,5", "2.345.678"], EURO, "point", 1234.5),
    (["1'234.50", "999.5", "2'345'678"], {"thousands": "'"}, "an apostrophe", 1234.5),
    (["1\u2019234.50", "999.5"], {"thousands": "'"}, "an apostrophe", 1234.5),
    (["1 234.50", "999.5", "12 345"], {"thousands": " "}, "a blank", 1234.5),
    (["1\u00a0234,50", "999,5"], {"decimal": {"c": ","}, "thousands": {"c": " "}}, "blank", 1234.5),
    (["1\u202f234,50", "999,5"], {"decimal": {"c": ","}, "thousands": {"c": " "}}, "blank", 1234.5),
    (["$1,234", "$5", "-$7"], {"thousands": ",", "units": ["$"]}, "the sign $", 1234.0),
    (["1.234 \u20ac", "5,50 \u20ac"], {**EURO, "units": ["\u20ac"]}, "\u20ac", 1234.0),
    (["EUR 12.50", "EUR 7"], {"units": ["EUR"]}, "the sign EUR", 12.5),
    (["12.50 CHF", "7 CHF"], {"units": ["CHF"]}, "the sign CHF", 12.5),
    (["R$ 12.50", "R$ 7"], {"units": ["R$"]}, "the sign R$", 12.5),
    (["12.5%", "7 %"], {"units": ["%"]}, "the sign %", 12.5),
    (["12.5 kg", "7 kg"], {"units": ["kg"]}, "the sign kg", 12.5),
    (["(12.5)", "7", "(3)"], {"negative": "parentheses"}, "parentheses for minus", -12.5),
    (["12.5-", "7", "3-"], {"negative": "trailing"}, "the minus at the end", -12.5),
]  # fmt: skip


@pytest.mark.parametrize(
    "cells, settings, form, first", NUMBERS, ids=[row[0][0] for row in NUMBERS]
)
def test_numbers_in_another_notation_are_told_and_then_read(tmp_path, cells, settings, form, first):
    told = found(read(tmp_path, cells), "notation:c")

    assert (told.severity, told.outcome) == ("warning", "failed")
    assert form in told.detail
    assert all(f"source.{option}: " in told.detail for option in settings)
    result = read(tmp_path, cells, settings)
    assert found(result, "notation:c") is None
    assert result.facts["kinds"]["c"] == "numeric"
    assert result.outputs["snapshot"]["c"].iloc[0] == first
    assert found(result, "misfit:c").outcome == "passed"


DATES = [
    (["31.12.2024", "01.02.2024"], "%d.%m.%Y"),
    (["12/31/2024", "01/02/2024"], "%m/%d/%Y"),
    (["31/12/24", "01/02/24"], "%d/%m/%y"),
    (["12/31/2024 01:30 PM", "01/02/2024 12:00 AM"], "%m/%d/%Y %I:%M %p"),
    (["31.12.2024 13:30:59", "01.02.2024 00:00:00"], "%d.%m.%Y %H:%M:%S"),
    (["31-Dec-2024", "01-Feb-2024"], "%d-%b-%Y"),
    (["December 31, 2024", "February 1, 2024"], "%B %d, %Y"),
    (["2024/12/31 13:30", "2024/02/01 00:00"], "%Y/%m/%d %H:%M"),
    (["31/Dec/2024:13:30:00 +0100", "01/Feb/2024:00:00:00 -0500"], "%d/%b/%Y:%H:%M:%S %z"),
    (["2024-W52-2", "2024-W05-4"], "%G-W%V-%u"),
    (["2024-W52", "2024-W05"], "%G-W%V"),
    (["20241231T133000", "20240201T000000"], "%Y%m%dT%H%M%S"),
]  # fmt: skip


@pytest.mark.parametrize("cells, form", DATES, ids=[row[1] for row in DATES])
@pytest.mark.parametrize("parquet", [False, True])
def test_dates_in_another_form_are_told_and_then_read(tmp_path, cells, form, parquet):
    told = found(read(tmp_path, cells, parquet=parquet), "notation:c")

    assert f"of the form {form}, for example '{cells[0]}'" in told.detail
    assert "source.date_format: " in told.detail
    result = read(tmp_path, cells, {"date_format": {"c": form}}, parquet=parquet)
    assert result.facts["kinds"]["c"] == "time"
    assert result.outputs["snapshot"]["c"].iloc[0] > result.outputs["snapshot"]["c"].iloc[1]
    assert found(result, "notation:c") is None


def test_day_and_month_that_could_change_places_are_both_named(tmp_path):
    told = found(read(tmp_path, ["01/02/2024", "03/04/2024"]), "notation:c")

    assert "%d/%m/%Y" in told.detail
    assert "if the month stands first, %m/%d/%Y" in told.detail


def test_a_split_by_time_reads_its_form_and_refuses_without(tmp_path):
    cells, split = ["31.12.2023", "01.02.2024"], {"by": "time", "column": "c"}
    refused = found(read(tmp_path, cells, split=split), "misfit:c")

    assert refused.blocks
    assert 'write source.date_format: "%d.%m.%Y"' in refused.detail
    read_as = read(tmp_path, cells, {"date_format": "%d.%m.%Y"}, split=split)
    assert read_as.outputs["snapshot"]["c"].tolist() == [
        pd.Timestamp("2023-12-31"),
        pd.Timestamp("2024-02-01"),
    ]


@pytest.mark.parametrize("word", ["?", "-", "n/a", "#N/A", ".", "unk"])
def test_a_word_among_numbers_leads_to_null_values(tmp_path, word):
    cells = ["1.5", word, "2.5", "3.5", word, "4"]
    told = found(read(tmp_path, cells), "notation:c")

    assert f"'{word}' in 2 of 6 cells seems to mean 'missing'" in told.detail
    assert f'"NULL", "{word}"]' in told.detail
    result = read(tmp_path, cells, {"null_values": ["", word]})
    assert result.outputs["snapshot"]["c"].isna().tolist() == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert found(result, "notation:c") is None


def test_a_word_in_a_declared_column_of_numbers_leads_to_null_values(tmp_path):
    refused = found(
        read(tmp_path, ["1.5", "?", "2.5", "3.5"], features={"numeric": ["c"]}), "misfit:c"
    )

    assert refused.blocks
    assert "seems to mean 'missing': write source.null_values:" in refused.detail


def test_missing_words_among_categories_are_told_and_signs_are_not(tmp_path):
    assert found(read(tmp_path, ["red", "?", "blue", "red"]), "notation:c") is not None
    assert found(read(tmp_path, ["+", "-", "+", "-"]), "notation:c") is None
    assert found(read(tmp_path, ["none", "brick", "none", "wood"]), "notation:c") is None


@pytest.mark.parametrize(
    "cells",
    [
        ["192.168.0.1", "10.0.0.1"],
        ["1.2.3", "1.10.0"],
        ["A12", "B13"],
        ["0800 123 456", "0900 333 222"],
        ["SKU-1234", "SKU-999"],
        ["2024-001", "2024-400"],
        ["12:30", "13:45"],
        ["a,b", "c,d"],
        ["01234", "04321"],
        ["no 5", "no 6"],
    ],
    ids=lambda cells: cells[0],
)
def test_codes_are_no_numbers_and_no_dates(tmp_path, cells):
    result = read(tmp_path, cells)

    assert found(result, "notation:c") is None
    assert found(result, "notations").outcome == "passed"


def test_a_form_that_other_columns_do_not_have_is_given_by_column(tmp_path):
    told = found(read(tmp_path, ["1,5", "2,5"]), "notation:c")

    assert 'source.decimal: {"c": ","}' in told.detail


def test_a_decimal_comma_does_not_read_a_point(tmp_path):
    result = read(tmp_path, ["1,5", "2.5"], {"decimal": {"c": ","}}, features={"numeric": ["c"]})

    assert result.outputs["snapshot"]["c"].iloc[0] == 1.5
    assert found(result, "misfit:c").detail.startswith("1 of 2 cells of 'c' (50.00%")


def test_typographic_minus_signs_are_minus_signs(tmp_path):
    result = read(tmp_path, ["\u22121.5", "\u2013 2", "3"])

    assert result.outputs["snapshot"]["c"].tolist() == [-1.5, -2, 3]


def test_plain_numbers_that_parquet_holds_as_words_are_told(tmp_path):
    told = found(read(tmp_path, ["1.5", "2.5"], parquet=True), "notation:c")

    assert 'source.decimal: {"c": "."}' in told.detail
    result = read(tmp_path, ["1.5", "2.5"], {"decimal": {"c": "."}}, parquet=True)
    assert result.outputs["snapshot"]["c"].tolist() == [1.5, 2.5]


def test_numbers_that_may_be_days_or_thousands_are_told(tmp_path):
    days = [f"202401{n:02d}" for n in range(1, 25)]
    grouped = [*(f"{n}.{n:03d}" for n in range(1, 25)), "998", "512"]

    assert 'source.date_format: "%Y%m%d"' in found(read(tmp_path, days), "notation:c").detail
    assert "a point between thousands" in found(read(tmp_path, grouped), "notation:c").detail
    assert found(read(tmp_path, grouped, {"decimal": {"c": "."}}), "notation:c") is None


def test_units_that_differ_within_a_column_are_told(tmp_path):
    result = read(tmp_path, ["5 %", "0.05", "7 %"], {"units": ["%"]})

    assert result.outputs["snapshot"]["c"].tolist() == [5, 0.05, 7]
    assert "2 with '%', 1 without any" in found(result, "units:c").detail
    assert found(read(tmp_path, ["5 %", "7 %"], {"units": ["%"]}), "units:c") is None


def test_times_with_and_without_a_zone_are_told(tmp_path):
    split = {"by": "time", "column": "c"}
    mixed = read(tmp_path, ["2024-01-01T00:00:00+09:00", "2024-01-01T00:30:00"], split=split)
    told = found(mixed, "zones:c")

    assert (told.severity, told.outcome) == ("warning", "failed")
    assert "1 of 2 times of 'c' name no zone" in told.detail
    assert "taken as UTC" in told.detail
    assert mixed.outputs["snapshot"]["c"].tolist() == [
        pd.Timestamp("2023-12-31 15:00"),
        pd.Timestamp("2024-01-01 00:30"),
    ]
    whole = read(tmp_path, ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"], split=split)
    assert found(whole, "zones:c") is None


@pytest.mark.parametrize(
    "cells, form, plain",
    [
        (
            ["1,5", "1.5", ",", "5,", ",5", ""],
            NumberForm(","),
            ["1.5", None, None, "5", "0.5", None],
        ),
        (["12,34,567", "1,23"], NumberForm(thousands=","), ["1234567", None]),
        (["--5", "-$-5", "$", "$5$"], NumberForm(units=("$",)), [None, None, None, "5"]),
        (["(5", "5)", "(5)", "-5"], NumberForm(negative="parentheses"), [None, None, "-5", "-5"]),
        (["9007199254799003", "1,5e3"], NumberForm(","), ["9007199254799003", "1.5e3"]),
    ],
)
def test_a_number_is_one_only_as_a_whole(cells, form, plain):
    assert (
        plain_numbers(pa.chunked_array([pa.array(cells, pa.large_string())]), form).to_pylist()
        == plain
    )


def test_the_unit_of_each_number_is_known():
    cells = pa.chunked_array([pa.array(["$5", "5 EUR", "5", "x"], pa.large_string())])

    assert units_of(cells, NumberForm(units=("$", "EUR"))).to_pylist() == ["$", "EUR", "", None]


@pytest.mark.parametrize(
    "source, sentence",
    [
        ({"decimal": ",", "thousands": ","}, "'decimal' and 'thousands' are both ','"),
        ({"decimal": {"a": ","}, "thousands": {"a": ","}}, "for the column 'a'"),
        ({"date_format": "%d.%m"}, "names no year"),
        ({"date_format": "%d.%Q.%Y"}, "%Q is no part of a date"),
        ({"date_format": "%Y-%m-%m"}, "%m stands twice"),
        ({"date_format": "%G-W"}, "go together"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(source, sentence):
    with pytest.raises(ValueError, match=sentence):
        project(source)


def test_a_form_for_a_column_that_is_not_there_names_it(tmp_path):
    result = read(tmp_path, ["1", "2"], {"decimal": {"d": ","}})

    assert "'d' in source.decimal" in found(result, "columns").detail
    with pytest.raises(NotFoundError):
        ingest(tmp_path / "gone", project({}))
