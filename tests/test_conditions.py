"""Conditions: times with and without a zone, and what is told before any work is done."""

import pandas as pd
import pytest

from tasks.conditions import parse_condition
from tasks.declared_conditions import refuse_impossible_conditions
from tasks.errors import ProjectFileError
from tasks.project.sections import Project

DAYS = ["2024-12-31T23:00", "2025-01-01T00:00", "2025-01-01T02:00", None]
FRAME = pd.DataFrame(
    {
        "t": pd.to_datetime(DAYS),
        "z": pd.to_datetime(DAYS, utc=True),
        "b": pd.to_datetime(DAYS, utc=True).tz_convert("Europe/Berlin"),
        "job": ["a", "b", "", None],
        "age": [1.0, 2.0, 3.0, None],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("t == '2025-01-01T00:00:00Z'", [0, 1, 0, 0]),
        ("t != '2025-01-01T00:00:00Z'", [1, 0, 1, 0]),
        ("t in ['2025-01-01T00:00:00Z']", [0, 1, 0, 0]),
        ("t not in ['2025-01-01T00:00:00Z']", [1, 0, 1, 0]),
        ("t < '2025-01-01T00:00:00Z'", [1, 0, 0, 0]),
        ("t == '2025-01-01T02:00:00+02:00'", [0, 1, 0, 0]),
        ("t >= '2025-01-01'", [0, 1, 1, 0]),
        ("t >= '2025'", [0, 1, 1, 0]),
        ("t < '2025-01'", [1, 0, 0, 0]),
        ("z == '2025-01-01T00:00:00Z'", [0, 1, 0, 0]),
        ("z < '2025-01-01'", [1, 0, 0, 0]),
        ("b == '2025-01-01T00:00:00Z'", [0, 1, 0, 0]),
        ("b in ['2025-01-01 01:00']", [0, 1, 0, 0]),
        ("b < '2025-01-01'", [0, 0, 0, 0]),  # 23:00 in UTC is the next day in Berlin
        ("z == b", [1, 1, 1, 0]),
        ("job == ''", [0, 0, 1, 0]),
    ],
)
def test_a_time_is_compared_with_the_moment_that_is_meant(condition, rows):
    assert parse_condition(condition).mask(FRAME).astype(int).tolist() == rows


@pytest.mark.parametrize(
    "time",
    [
        "",
        " ",
        "NaT",
        "nat",
        "now",
        "today",
        "14:30",
        "nan",
        "None",
        "soon",
        "01/02/2024",
        "2025-13-01",
        "2025-02-30",
        "20250101",
        "2025-01-01T25:00",
        "2025-01-01T00:00:00+99:99",
    ],
)
@pytest.mark.parametrize("column", ["t", "z"])
def test_a_time_that_has_no_one_meaning_is_refused(time, column):
    for condition in (f"{column} == '{time}'", f"{column} in ['{time}']", f"{column} < '{time}'"):
        with pytest.raises(
            ProjectFileError, match=f"'{column}' holds times; compare it with a time"
        ):
            parse_condition(condition).mask(FRAME)


@pytest.mark.parametrize(
    "condition",
    ["age in []", "age > 1e999", f"age > {'9' * 400}", "t < z", "age == 'old'", "job > 1"],
)
def test_what_can_never_match_is_refused(condition):
    with pytest.raises(ProjectFileError, match="position "):
        parse_condition(condition).mask(FRAME)


@pytest.mark.parametrize(
    "condition",
    [
        "a >",
        "a == b == ",
        "a",
        "a is 1",
        "1 < 2",
        "a in b",
        "a in [c]",
        "a == True",
        "f(a) > 1",
        "a == None",
        "isnull(a, b)",
        "col(a) > 1",
        "a > -'x'",
        "a in []",
    ],
)
def test_syntax_is_checked_without_the_data(condition):
    with pytest.raises(ProjectFileError, match="position "):
        parse_condition(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "a > 1",
        "a == 'x' and not b < 2",
        "1 < a <= 2",
        "a in ['x', 'y']",
        "isnull(a) or notnull(b)",
        "a >= b",
        "col('odd name') == -1",
        "'2024-01-01' <= a",
    ],
)
def test_a_good_condition_is_taken_as_it_is(condition):
    assert parse_condition(condition).text == condition


SCHEMA = {name: str(dtype) for name, dtype in FRAME.dtypes.items()}


def test_columns_and_kinds_are_checked_without_the_rows():
    assert parse_condition("t > '2024-01-01' and age > 1 and job == 'a'").problem(SCHEMA) is None
    assert "did you mean 'age'?" in parse_condition("agee > 1").problem(SCHEMA)
    assert "'age' holds numbers" in parse_condition("age == 'old'").problem(SCHEMA)
    assert "'t' holds times" in parse_condition("t > 'now'").problem(SCHEMA)


def declared(**sections):
    base = {"name": "p", "source": "d.csv", "target": "job", "positive_class": "a"}
    return Project.model_validate({**base, **sections})


SLICE = {"name": "s", "condition": "agee > 1"}
PLACES = {
    "slices[0]": {"slices": [SLICE]},
    "error_analysis.tags[0]": {"error_analysis": {"tags": [SLICE]}},
    "gate.guard_slices[0]": {"gate": {"guard_slices": [SLICE]}},
    "audit.floors[0]": {"audit": {"floors": [{"metric": "f1", "minimum": 0.1, "slice": SLICE}]}},
    "audit.important[0]": {"audit": {"important": [{**SLICE, "weight": 2}]}},
    "validation.expectations[0]": {
        "validation": {
            "expectations": [
                {
                    "type": "expect_column_values_to_not_be_null",
                    "kwargs": {"column": "age", "row_condition": "agee > 1"},
                }
            ]
        }
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_every_condition_of_a_project_is_held_against_the_columns(place):
    with pytest.raises(ProjectFileError) as refusal:
        refuse_impossible_conditions(declared(**PLACES[place]), SCHEMA)
    assert str(refusal.value).startswith(f"{place}: condition ")


@pytest.mark.parametrize("place", PLACES)
def test_every_condition_of_a_project_is_read_when_the_file_is(place):
    text = repr(PLACES[place]).replace("agee > 1", "agee >")
    with pytest.raises(ValueError, match="invalid syntax"):
        declared(**eval(text))
