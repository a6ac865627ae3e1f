"""Tags by a rule: text patterns and functions, refused with the tag's name; what they mark."""

import sys

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis import TagSources, analyse_errors
from tasks.errors import ProjectFileError, UsageError
from tasks.ingestion import unknown_columns
from tasks.local_packages import running_sources
from tasks.project import load_project
from tasks.project.dataset import Dataset
from tasks.project.loading import require_allowed
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.stage_keys import foreign_packages, project_for, stage_key
from tasks.stage_specs import keyed_stages
from tasks.tagging.rules import rule_tags

FRAME = pd.DataFrame(
    {
        "text": pd.array(["Call NOW", "call me", None, "a.b", "now"], dtype="str"),
        "age": [1.0, 2.0, 3.0, 4.0, np.nan],
    },
    index=pd.Index(list("vwxyz"), name="row_key"),
)
KEYED = [stage.name for stage in keyed_stages()]
PACKAGE = """
import numpy as np
import pandas as pd
def long(rows): return rows["age"] > 2
def listed(rows): return [True, False, True, False, True]
def spoils(rows):
    rows["age"] = 0.0
    return rows["age"] == 0
def short(rows): return np.array([True])
def numbers(rows): return (rows["age"] > 2).astype(int)
def missing(rows): return (rows["age"] > 2).where(rows["age"].notna()).astype("boolean")
def turned(rows): return (rows["age"] > 2)[::-1]
def table(rows): return rows[["age"]] > 2
def nothing(rows): return None
def fails(rows): return rows["agge"] > 2
value = 3
"""


def project(*tags, **more):
    values = {"name": "p", "source": "s.csv", "target": "y", "error_analysis": {"tags": tags}}
    return Project.model_validate({**values, **more})


def masks(*tags, allow=("ownt_tags",), frame=FRAME):
    found = rule_tags(project(*tags), frame, allow).masks
    return {name: "".join(frame.index[mask]) for name, mask in found.items()}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of tags beside the project, forgotten afterwards."""
    (tmp_path / "ownt_tags.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    running_sources.cache_clear()
    yield tmp_path / "ownt_tags.py"
    sys.modules.pop("ownt_tags", None)
    running_sources.cache_clear()


# Refusals of the project file


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("{name: a, column: text, pattern: '(now'}", "position 1: missing )"),
        ("{name: a, column: text, pattern: 'now[z-a]'}", "position 5: invalid character class"),
        ("{name: a, column: text, pattern: 'ab(?=c)'}", "position 3: invalid perl operator (?="),
        (r"{name: a, column: text, pattern: '(a)\1'}", r"position 4: invalid escape sequence \1"),
        ("{name: a, column: text, pattern: " + "a" * 501 + "}", "at most 500 characters: 501"),
        ("{name: a, pattern: now}", "a pattern needs the 'column'"),
        ("{name: a, column: text}", "a tag is one of"),
        ("{column: text, pattern: now}", "a pattern or a function needs a 'name'"),
        ("{name: a, condition: age > 1, ignore_case: true}", "'ignore_case' goes with a pattern"),
        ("{name: a, condition: age > 1, function: a:b}", "a tag is one of"),
        ("{name: a, function: tags}", "write it as package.module:function"),
        ("{name: a, function: 'tags:a.b'}", "write it as package.module:function"),
        ("{name: a, function: '.tags:a'}", "write it as package.module:function"),
        ("{name: a, patern: x}", "did you mean 'pattern'?"),
    ],
)
def test_a_tag_that_cannot_be_used_is_refused_with_its_place(tmp_path, tag, sentence):
    path = tmp_path / "project.yaml"
    path.write_text(f"name: a\nsource: r.csv\ntarget: y\nerror_analysis: {{tags: [{tag}]}}\n")
    with pytest.raises(ProjectFileError) as failure:
        load_project(path)
    assert sentence in str(failure.value)


def test_a_function_of_a_package_that_is_not_allowed_is_refused_before_anything_runs():
    named = project({"name": "long", "function": "ownt_tags:long"})
    sentence = r"tag 'long': 'ownt_tags:long' would import the package 'ownt_tags', which is not"
    with pytest.raises(UsageError, match=sentence):
        require_allowed(named, ["sklearn"])
    with pytest.raises(UsageError, match=sentence):
        rule_tags(named, FRAME, ())
    require_allowed(named, ["ownt_tags"])


def test_a_pattern_on_a_column_that_is_not_there_or_holds_numbers_is_refused():
    with pytest.raises(
        ProjectFileError, match=r"tag 'a' names the column 'txt'.*did you mean 'text'"
    ):
        masks({"name": "a", "column": "txt", "pattern": "x"})
    with pytest.raises(
        ProjectFileError, match="tag 'a': 'age' holds numbers, and a pattern searches"
    ):
        masks({"name": "a", "column": "age", "pattern": "x"})
    named = project({"name": "a", "column": "txt", "pattern": "x"})
    assert unknown_columns(named, ["text", "y"]) == [
        "'txt' in error_analysis.tags (did you mean 'text'?)"
    ]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("short", "5 rows, 1 values"),
        ("numbers", "values of type int64"),
        ("missing", "1 of its 5 values are missing"),
        ("turned", "in the order of the rows; its index is another one"),
        ("table", r"returned DataFrame of shape \(5, 1\)"),
        ("nothing", "returned NoneType"),
        ("fails", "failed on the 5 rows: KeyError: 'agge'"),
        ("value", "is not a function"),
        ("absent", "cannot be imported"),
    ],
)
def test_a_function_that_does_not_answer_is_one_sentence_with_the_tag(package, function, sentence):
    with pytest.raises(ProjectFileError, match=f"tag 'mine': 'ownt_tags:{function}'.*{sentence}"):
        masks({"name": "mine", "function": f"ownt_tags:{function}"})


def test_two_tags_of_one_name_are_refused():
    with pytest.raises(ProjectFileError, match="two slices are named 'a'"):
        masks(
            {"name": "a", "column": "text", "pattern": "x"},
            {"name": "a", "column": "text", "pattern": "a"},
        )


# What they mark


def test_a_pattern_is_searched_anywhere_and_a_missing_cell_has_none():
    found = masks(
        {"name": "now", "column": "text", "pattern": "now"},
        {"name": "any now", "column": "text", "pattern": "NOW", "ignore_case": True},
        {"name": "dot", "column": "text", "pattern": r"^a\.b$"},
        {"name": "all", "column": "text", "pattern": ""},
    )
    assert found == {"now": "z", "any now": "vz", "dot": "y", "all": "vwyz"}


def test_a_category_is_searched_like_a_text():
    frame = FRAME.astype({"text": "category"})
    assert masks({"name": "n", "column": "text", "pattern": "now"}, frame=frame) == {"n": "z"}


def test_no_pattern_hangs():
    """Python's own engine would take longer than the universe is old."""
    frame = pd.DataFrame({"text": ["a" * 100_000 + "b"]}, index=["r"])
    assert masks({"name": "n", "column": "text", "pattern": "(a+)+$"}, frame=frame) == {"n": ""}


def test_columns_crossings_and_conditions_stay_what_they_were():
    found = masks("age", {"name": "old", "condition": "age > 2"})
    assert found["old"] == "xy"
    assert found["age=1"] == "v"
    assert found["age=(missing)"] == "z"


def test_a_function_marks_rows_and_changes_none(package):
    found = masks(
        {"name": "long", "function": "ownt_tags:long"},
        {"name": "dotted", "function": "ownt_tags.listed"},
        {"name": "spoils", "function": "ownt_tags:spoils"},
    )
    assert found == {"long": "xy", "dotted": "vxz", "spoils": "vwxyz"}
    assert FRAME["age"].sum() == 10


# What depends on it


def test_the_source_of_a_function_reaches_the_stages_that_call_it(package):
    named = project({"name": "long", "function": "ownt_tags:long"})

    def keys():
        running_sources.cache_clear()
        return {stage: stage_key(stage, named, {"rows": "digest"}) for stage in KEYED}

    before = keys()
    assert foreign_packages(project_for("error_analysis", named)) == {"ownt_tags"}
    package.write_text(PACKAGE + "\n")
    after = keys()
    changed = {stage for stage in KEYED if before[stage] != after[stage]}
    assert changed == {"label_consistency", "error_analysis"}


def test_error_analysis_counts_errors_by_patterns_and_functions(package):
    frame = FRAME.assign(y=pd.Series(list("ababa"), index=FRAME.index, dtype="str"))
    split = pd.DataFrame({"unit": frame.index, "side": "dev"}, index=frame.index)
    predictions = pd.DataFrame({"predicted": list("aaaaa")}, index=frame.index).astype("str")
    roles = Roles(target="y", positive_class="a", text=("text",), numeric=("age",))
    tags = [
        {"name": "now", "column": "text", "pattern": "(?i)now"},
        {"name": "long", "function": "ownt_tags:long"},
    ]
    chosen = project(*tags, positive_class="a", gate={"replicates": 200})
    given = TagSources(allow_imports=("ownt_tags",))
    result = analyse_errors(Dataset(frame, split, roles), chosen, predictions, (), given=given)
    table = result.tables["tags"].frame.set_index("tag")
    # Wrong are w and y; now: v, z; long: x, y.
    assert table.loc[["now", "long"], ["n", "errors"]].to_numpy().tolist() == [[2, 0], [2, 1]]
