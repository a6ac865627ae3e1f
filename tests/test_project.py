import json
import time
from pathlib import Path

import pytest

from tasks.errors import NotFoundError, ProjectFileError, UsageError
from tasks.project import load_project, project_schema

FOUR_LINES = "name: a\nsource: rows.csv\ntarget: deny\npositive_class: yes\n"


@pytest.fixture
def read(tmp_path):
    def reader(text, *overrides):
        path = tmp_path / "project.yaml"
        path.write_text(text)
        return load_project(path, overrides)

    return reader


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a YAML mapping of keys to values, and is empty"),
        ("- 1\n", "must be a YAML mapping of keys to values, and is a list"),
        ("a: [", "line 1, column 5 is not valid YAML"),
        (FOUR_LINES + "name: b\n", "line 5: the key 'name' stands twice"),
        (FOUR_LINES + "gaet: {}\n", "unknown key 'gaet'; did you mean 'gate'?"),
        (
            FOUR_LINES + "gate: {intnt: improve}\n",
            "unknown key 'gate.intnt'; did you mean 'intent'?",
        ),
        (FOUR_LINES + "slices: [{nam: x, condition: a}]\n", "did you mean 'name'?"),
        (
            FOUR_LINES + "training: {candidates: [{name: x, estimater: y}]}\n",
            "unknown key 'training.candidates.0.estimater'; did you mean 'estimator'?",
        ),
        (
            FOUR_LINES + "gate: {zzzz: 1}\n",
            "known keys here: anchor, budget, error_to_spend, guard_slices",
        ),
        ("name: a\ntarget: y\n", "'source' is missing"),
        (FOUR_LINES + "split: {train: 0.9}\n", "train + dev + test must be 1, and is 1.3"),
        (FOUR_LINES + "split: {by: group}\n", "needs the group column's name"),
        (FOUR_LINES + "gate: {intent: better}\n", "'improve' or 'refresh' (got 'better')"),
        (FOUR_LINES + "audit: {gaps: [{column: a, metric: selection_rate}]}\n", "a gap needs"),
        (FOUR_LINES + "features: {numeric: [deny]}\n", "target 'deny' is also named as a feature"),
        (
            FOUR_LINES + "schedule: {cron: '0 2 * * *', timezone: Mars}\n",
            "unknown time zone 'Mars'",
        ),
        (FOUR_LINES + "gate: {margin: .nan}\n", "finite number"),
        (
            FOUR_LINES + "error_analysis: {work: {noise: {importance: 0}}}\n",
            "'error_analysis.work.noise.importance': Input should be greater than 0 (got 0)",
        ),
        (
            FOUR_LINES + "error_analysis: {work: {noise: {eas: easy}}}\n",
            "unknown key 'error_analysis.work.noise.eas'; did you mean 'ease'?",
        ),
        (FOUR_LINES + "gate: {anchor: champion}\n", "a version of the model is a whole number"),
        (FOUR_LINES + "gate: {anchor: true}\n", "a version of the model is a whole number"),
        (FOUR_LINES + "gate: {anchor: 0}\n", "a version of the model is a whole number"),
        (FOUR_LINES + "gate: {budget: 0}\n", "gate.budget"),
        (FOUR_LINES + "gate: {max_wear: 0}\n", "gate.max_wear"),
    ],
)
def test_a_bad_file_is_one_sentence(read, text, sentence):
    with pytest.raises(ProjectFileError) as failure:
        read(text)
    assert sentence in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"no project file at .*nothing\.yaml"):
        load_project(tmp_path / "nothing.yaml")


def test_four_lines_are_enough(read):
    project = read(FOUR_LINES).project
    assert (project.target, project.positive_class, project.gate.intent) == (
        "deny",
        "yes",
        "improve",
    )


def test_words_of_yaml_1_1_stay_words(read):
    assert read(FOUR_LINES.replace("yes", "no")).project.positive_class == "no"
    assert read(FOUR_LINES.replace("yes", "true")).project.positive_class == "true"
    assert read(FOUR_LINES.replace("yes", "1")).project.positive_class == "1"


def test_overrides_reach_any_value(read):
    project = read(
        FOUR_LINES, "gate.intent=refresh", "source.delimiter=;", "slices=[black, [a, b]]"
    ).project
    assert project.gate.intent == "refresh"
    assert (project.source.path, project.source.delimiter) == ("rows.csv", ";")
    assert [slice_.columns for slice_ in project.slices] == [("black",), ("a", "b")]


@pytest.mark.parametrize("override", ["gate.intent", "=x", "name.deeper=1", "gate.intent=["])
def test_a_bad_override_is_quoted(read, override):
    with pytest.raises(UsageError, match="--set"):
        read(FOUR_LINES, override)


@pytest.mark.parametrize("written", ["3", "'3'"])
def test_an_anchor_is_a_version_written_either_way(read, written):
    assert read(FOUR_LINES + f"gate: {{anchor: {written}}}\n").project.gate.anchor == "3"


def test_without_a_word_there_is_no_anchor_and_fifty_models_wear_a_test_set_out(read):
    gate = read(FOUR_LINES).project.gate
    assert (gate.anchor, gate.budget, gate.max_wear) == (None, 0.02, 50)


def test_paths_are_relative_to_the_project_file(read, tmp_path):
    assert read(FOUR_LINES).source_path == tmp_path / "rows.csv"


def test_the_schema_names_every_section():
    schema = project_schema()
    json.dumps(schema)
    assert {"source", "gate", "audit", "schedule"} <= set(schema["properties"])
    assert schema["required"] == ["name", "source", "target"]


UNREADABLE = [
    "seed: !!int abc",
    "seed: !!bool q",
    "seed: !!float x",
    "seed: " + "9" * 5000,
    "seed: 0x" + "f" * 5000,
    "description: !!timestamp x",
    'description: "a\\0b"',
    'description: "\\ud800"',
    "description: !!binary ééé",
    'features: {exclude: {"a\\0": why}}',
    "? [a, b]\n: 1",
]


@pytest.mark.parametrize("line", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_value_that_cannot_be_read_is_one_sentence(read, line):
    with pytest.raises(ProjectFileError) as refusal:
        read(f"{FOUR_LINES}{line}\n")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "override",
    [
        "seed=!!int abc",
        "seed=!!bool q",
        "seed=" + "9" * 5000,
        "description=!!timestamp x",
        'source="d\\0.csv"',
        'description="\\ud800"',
    ],
    ids=range(6),
)
def test_an_override_that_cannot_be_read_is_one_sentence(read, override):
    with pytest.raises(UsageError):
        read(FOUR_LINES, override)


def test_a_path_that_none_can_be_is_one_sentence():
    with pytest.raises(ProjectFileError, match="is no path"):
        load_project(Path("a\0b"))


def test_a_deep_nest_is_refused_at_once(read):
    began = time.process_time()
    with pytest.raises(ProjectFileError, match="nests or repeats more than 50 levels"):
        read(f"{FOUR_LINES}description: {'[' * 100_000}\n")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("word", ["True", "FALSE", "yes", "010", "08", "2020-01-01", "1:30", "="])
def test_what_may_be_a_word_stays_one(read, word):
    assert read(FOUR_LINES.replace("yes", word)).project.positive_class == word


def test_numbers_are_those_of_yaml_1_2(read):
    project = read(FOUR_LINES + "seed: 0o10\ngate: {margin: 1e-3}\n").project
    assert (project.seed, project.gate.margin) == (8, 0.001)


def test_what_is_merged_in_gives_way_to_what_is_said(read):
    merged = "gate: {<<: {margin: 0.5, intent: refresh}, margin: 0.1}\n"
    gate = read(FOUR_LINES + merged).project.gate
    assert (gate.margin, gate.intent) == (0.1, "refresh")
