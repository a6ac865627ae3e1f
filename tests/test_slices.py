"""Slices: conditions that are refused, missing cells, names, bins, and too many values."""

import numpy as np
import pandas as pd
import pytest

from tasks.conditions import parse_condition
from tasks.errors import ProjectFileError
from tasks.project.fields import SliceSpec
from tasks.slice_metrics import named_slices
from tasks.slices import slice_masks, values_left_out

FRAME = pd.DataFrame(
    {
        "age": [1.0, 2.0, np.nan, 4.0],
        "job": ["a", None, "b", "a"],
        "odd name": [1, 2, 3, 4],
        "seen": pd.to_datetime(["2024-01-01", "2024-02-01", None, "2024-03-01"]),
        "limit": [2.0, 1.0, 0.0, 4.0],
    },
    index=pd.Index(["r1", "r2", "r3", "r4"], name="row_key"),
)


@pytest.mark.parametrize(
    ("condition", "position", "sentence"),
    [
        ("age > > 1", 7, "invalid syntax"),
        ("`odd name` > 1", 1, "col('odd name')"),
        ("agee > 1", 1, "did you mean 'age'?"),
        ("age > 1 and jobb == 'a'", 13, "did you mean 'job'?"),
        ("'é' == job or zz == 1", 15, "it has age, job, odd name, seen, limit"),
        ("age > '1'", 7, "'age' holds numbers"),
        ("job == 1", 8, "'job' holds words"),
        ("job == True", 8, "a number, a word in quotes"),
        ("seen > 'soon'", 8, "'seen' holds times"),
        ("age == None", 8, "isnull(age)"),
        ("age", 1, "'age' alone is no condition"),
        ("age is 1", 1, "write =="),
        ("1 < 2", 1, "names no column"),
        ("age == job", 8, "different kinds"),
        ("age in job", 8, "needs a list"),
        ("age in [job]", 9, "a number, a word in quotes"),
        ("age + 1 > 2", 1, "names no column"),
        ("isnull('age')", 8, "a column is needed here"),
        ("isnull(age, job)", 1, "takes one column"),
        ("col(age) > 1", 1, "needs a column name in quotes"),
        ("__import__('os').system('ls')", 1, "only comparisons"),
        ("(lambda: 1)()", 1, "only comparisons"),
        ("job.upper() == 'A'", 1, "names no column"),
        ("", 1, "invalid syntax"),
        ("age > 1\0", 1, ""),
        ("(" * 300 + "age > 1" + ")" * 300, 201, "too many"),
    ],
)
def test_a_bad_condition_is_refused_with_its_position(condition, position, sentence):
    with pytest.raises(ProjectFileError) as refusal:
        parse_condition(condition).mask(FRAME)
    assert f"position {position}: " in str(refusal.value)
    assert sentence in str(refusal.value)


def test_a_condition_without_end_is_refused():
    with pytest.raises(ProjectFileError, match="at most 2000 characters"):
        parse_condition("age > 1 and " * 500 + "age > 1").mask(FRAME)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("age > 1", [0, 1, 0, 1]),
        ("1 < age <= 2", [0, 1, 0, 0]),
        ("age != 1", [0, 1, 0, 1]),  # a comparison with a missing cell is false ...
        ("not age == 1", [0, 1, 1, 1]),  # ... and its negation true
        ("job in ['a', 'c']", [1, 0, 0, 1]),
        ("job not in ['a']", [0, 0, 1, 0]),
        ("isnull(job)", [0, 1, 0, 0]),
        ("notnull(age) and job == 'a'", [1, 0, 0, 1]),
        ("job == 'b' or age < 2", [1, 0, 1, 0]),
        ("'a' == job", [1, 0, 0, 1]),
        ("col('odd name') >= 3", [0, 0, 1, 1]),
        ("isnull(col('age'))", [0, 0, 1, 0]),
        ("age > -1", [1, 1, 0, 1]),
        ("age >= limit", [0, 1, 0, 1]),
        ("seen >= '2024-02-01'", [0, 1, 0, 1]),
        ("seen in ['2024-01-01']", [1, 0, 0, 0]),
        ("age > 1\n  and job == 'a'", [0, 0, 0, 1]),
    ],
)
def test_a_condition_marks_its_rows(condition, rows):
    assert parse_condition(condition).mask(FRAME).astype(int).tolist() == rows


def test_an_absent_column_is_refused_with_the_nearest():
    with pytest.raises(
        ProjectFileError, match="'agge', which the data does not have; did you mean"
    ):
        slice_masks(SliceSpec(columns=("agge",)), FRAME)


def named(spec):
    return {name: mask.astype(int).tolist() for name, mask in slice_masks(spec, FRAME)}


def test_each_value_and_the_missing_one_is_a_slice():
    assert named(SliceSpec(columns=("job",))) == {
        "job=a": [1, 0, 0, 1],
        "job=b": [0, 0, 1, 0],
        "job=(missing)": [0, 1, 0, 0],
    }
    assert list(named(SliceSpec(columns=("age",)))) == ["age=1", "age=2", "age=4", "age=(missing)"]


def test_a_crossing_has_only_the_combinations_that_occur():
    assert named(SliceSpec(columns=("job", "limit"), name="who")) == {
        "who: job=a & limit=2": [1, 0, 0, 0],
        "who: job=a & limit=4": [0, 0, 0, 1],
        "who: job=b & limit=0": [0, 0, 1, 0],
        "who: job=(missing) & limit=1": [0, 1, 0, 0],
    }


def test_a_condition_is_one_slice_by_its_name():
    assert named(SliceSpec(condition="age > 1")) == {"age > 1": [0, 1, 0, 1]}
    assert named(SliceSpec(condition="age > 9", name="old")) == {"old": [0, 0, 0, 0]}


def test_many_numbers_are_cut_at_their_quartiles():
    numbers = [*np.arange(12) / 10, np.nan]
    slices = slice_masks(SliceSpec(columns=("x",)), pd.DataFrame({"x": numbers}))
    assert [(name, int(mask.sum())) for name, mask in slices] == [
        ("x in [0, 0.2)", 2),
        ("x in [0.2, 0.5)", 3),
        ("x in [0.5, 0.8)", 3),
        ("x in [0.8, 1.1]", 4),
        ("x=(missing)", 1),
    ]
    assert np.sum([mask for _, mask in slices], axis=0).tolist() == [1] * 13


def test_edges_that_are_close_get_more_digits():
    frame = pd.DataFrame({"x": 100000 + np.arange(12.0)})
    names = [name for name, _ in slice_masks(SliceSpec(columns=("x",)), frame)]
    assert names[0] == "x in [100000, 100002)"
    frame = pd.DataFrame({"x": 1 + np.arange(12.0) / 10000})
    names = [name for name, _ in slice_masks(SliceSpec(columns=("x",)), frame)]
    assert names[0] == "x in [1, 1.0002)"


def test_times_are_cut_at_days():
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=12)})
    names = [name for name, _ in slice_masks(SliceSpec(columns=("t",)), frame)]
    assert names[-1] == "t in [2024-01-09, 2024-01-12]"


def test_of_too_many_values_the_largest_are_kept_and_it_is_said():
    words = [f"w{number:02d}" for number in range(60)]
    frame = pd.DataFrame({"w": pd.Series([*words, *words[20:]], dtype="str")})
    spec = SliceSpec(columns=("w",))
    names = [name for name, _ in slice_masks(spec, frame)]
    assert len(names) == 50
    assert names[:2] == ["w=w00", "w=w01"]
    assert names[-1] == "w=w59"
    assert "w=w10" not in names
    assert values_left_out(spec, frame) == "w has 60 values: the 50 with the most rows are kept"
    assert values_left_out(SliceSpec(columns=("job",)), FRAME) == ""
    assert values_left_out(SliceSpec(condition="age > 1"), FRAME) == ""


def test_two_slices_of_one_name_are_refused_and_a_repeated_one_is_kept_once():
    one, other = SliceSpec(condition="age > 1", name="n"), SliceSpec(condition="age > 2", name="n")
    with pytest.raises(ProjectFileError, match="two slices are named 'n'"):
        named_slices([one, other], FRAME)
    assert list(named_slices([one, one], FRAME).masks) == ["n"]
