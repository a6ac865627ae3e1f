"""A starter project: what is refused, what is guessed, and that a project reads it back."""

import csv
import random
import re
from pathlib import Path

import pandas as pd
import pytest

from flows.cli import main
from tasks.conditions import parse_condition
from tasks.errors import ProjectFileError, UsageError
from tasks.ingestion import ingest
from tasks.project import load_project
from tasks.project.yaml_text import parse_yaml
from tasks.starter import propose_project, protected
from tasks.starter.project_text import scalar
from tasks.starter.protected import protected_attribute

DATA = Path(__file__).resolve().parent.parent / "data"
HMDA = DATA / "hmda_boston" / "hmda.csv"


def write(folder, columns, name="rows.csv"):
    """A CSV file of named columns, each a list of cells."""
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(list(columns))
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def loaded(folder, data, target, positive=None):
    """The proposed project as a run reads it, and the proposal."""
    starter = propose_project(data, data.name, target, positive)
    path = folder / "project.yaml"
    path.write_text(starter.text, encoding="utf-8")
    return load_project(path).project, starter


def two_classes(rows=60):
    return ["yes"] * (rows // 3) + ["no"] * (rows - rows // 3)


def numbers(rows=60):
    return [round(random.Random(i).uniform(0, 9), 3) for i in range(rows)]


# Refusals


def test_without_a_target_the_plausible_columns_are_named_with_their_values(tmp_path, capsys):
    out = tmp_path / "project.yaml"
    assert main(["init", str(HMDA), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "name the column to predict with --target; it could be deny (2 values), ccs (7" in said
    assert "black (2 values)" in said
    assert "dir (" not in said  # hundreds of values
    assert not out.exists()


def test_a_file_that_exists_is_not_written_over(tmp_path, capsys):
    out = tmp_path / "project.yaml"
    out.write_text("mine")
    assert main(["init", str(HMDA), "--target", "deny", "--out", str(out)]) == 2
    assert "exists and is not written over" in capsys.readouterr().err
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\n", "blank lines"),
        (b"a,goal\n", "a header and no row"),
        (b"a,a,goal\n1,2,3\n", "'a' stands more than once"),
        (b"row_key,goal\n1,2\n", "'row_key' is reserved"),
        (b"PAR1 and no more", "not a whole Parquet file"),
        (b"goal\nyes\nno\nno\n", "no column is left to predict goal from"),
        (b"x,goal\n1,yes\n2,yes\n", "have the label 'yes'"),
        (b"x,goal\n1,\n2,\n", "Every cell of the target 'goal' is missing"),
        (b"x,z\n1,a\n2,b\n", "has no column goal; name the column to predict"),
        (b"x,goals\n1,a\n2,b\n", "did you mean --target goals"),
    ],
)
def test_what_a_run_would_refuse_is_refused_in_one_sentence(tmp_path, content, sentence, capsys):
    data, out = tmp_path / "rows.csv", tmp_path / "p.yaml"
    data.write_bytes(content)
    assert main(["init", str(data), "--target", "goal", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1
    assert not out.exists()


def test_words_that_differ_in_every_row_are_no_classes(tmp_path):
    data = write(tmp_path, {"x": numbers(), "name": [f"n{i}" for i in range(60)]})
    with pytest.raises(UsageError, match="60 different values in 60 rows: no classes"):
        propose_project(data, data.name, "name")


def test_a_positive_class_of_a_quantity_is_refused(tmp_path):
    data = write(tmp_path, {"x": numbers(), "price": [i * 1.5 for i in range(60)]})
    with pytest.raises(UsageError, match="price has 60 different numbers; leave it out"):
        propose_project(data, data.name, "price", "1.5")


@pytest.mark.parametrize(
    ("labels", "positive", "sentence"),
    [
        (two_classes(), "ja", "--positive ja is no label of goal; they are "),
        (["a", "b", "c"] * 20, "a", "--positive is for two classes, and goal has 3"),
    ],
)
def test_a_positive_class_that_cannot_be_one_is_refused(tmp_path, labels, positive, sentence):
    data = write(tmp_path, {"x": numbers(), "goal": labels})
    with pytest.raises(UsageError, match=sentence):
        propose_project(data, data.name, "goal", positive)


def test_no_data_and_no_folder_are_said(tmp_path, capsys):
    assert main(["init", str(tmp_path / "no.csv"), "--out", str(tmp_path / "p.yaml")]) == 2
    assert "no data file at" in capsys.readouterr().err
    assert main(["init", str(HMDA), "--target", "deny", "--out", str(tmp_path / "a/p.yaml")]) == 2
    assert "no folder" in capsys.readouterr().err


# A real file


def test_the_mortgages_give_a_project_with_slices_and_limits_by_their_protected_columns(tmp_path):
    out = tmp_path / "project.yaml"
    assert main(["init", str(HMDA), "--target", "deny", "--out", str(out)]) == 0
    found = load_project(out)
    project = found.project
    assert found.source_path == HMDA
    assert (project.name, project.target, project.positive_class) == ("hmda", "deny", "yes")
    assert [gap.column for gap in project.audit.gaps] == ["single", "black"]
    assert all(gap.severity == "warning" and not gap.owner for gap in project.audit.gaps)
    assert project.features.exclude == {}
    assert ("black",) in [spec.columns for spec in project.slices]
    assert "GUESS: the rarer class; 285 of 2,381 rows, 12.0%" in out.read_text()
    checked = ingest(HMDA, project)
    assert not [check.id for check in checked.checks if check.blocks]
    frame = checked.outputs["snapshot"]
    for spec in project.slices:
        if spec.condition is not None:
            assert 0.04 < parse_condition(spec.condition).mask(frame).mean() < 0.2


def test_the_same_file_gives_the_same_text():
    first = propose_project(HMDA, "hmda.csv", "deny")
    assert first == propose_project(HMDA, "hmda.csv", "deny")
    assert "positive class" in " ".join(first.notes)


def test_the_positive_class_can_be_turned_around(tmp_path):
    project, starter = loaded(tmp_path, HMDA, "deny", "no")
    assert project.positive_class == "no"
    assert "as asked; 2,096 of 2,381 rows" in starter.text


# What is guessed


def test_keys_constants_counters_groups_and_times_are_told_apart(tmp_path):
    rows = 60
    data = write(
        tmp_path,
        {
            "Unnamed: 0": range(rows),
            "customer_id": [f"c{i // 3:03}" for i in range(rows)],
            "shop_id": [7000 + i % 15 for i in range(rows)],
            "order id": [f"o-{i * 7919 % 1000:04}" for i in range(rows)],
            "when": [f"2024-05-{1 + i % 28:02}" for i in range(rows)],
            "always": ["x"] * rows,
            "mostly": ["a"] * (rows - 1) + [""],
            "nothing": [""] * rows,
            "paid": numbers(),
            "goal": two_classes(rows),
        },
    )
    project, starter = loaded(tmp_path, data, "goal")
    assert project.key == "order id"
    assert project.features.exclude == {
        "Unnamed: 0": "counts the rows of the file",
        "shop_id": "an identifier by its name: the size of its numbers means nothing",
        "always": "every row has the same value",
    }
    assert project.split.by == "key"
    assert "# split: {by: group, column: customer_id}" in starter.text
    assert "# split: {by: time, column: when}" in starter.text
    assert "nearly always the same: mostly 98.3%" in starter.text
    assert "nothing (every cell is missing)" in starter.text
    by_customer = "split: {by: group, column: customer_id}"
    uncommented = starter.text.replace(f"# {by_customer}", by_customer)
    (tmp_path / "group.yaml").write_text(uncommented)
    assert load_project(tmp_path / "group.yaml").project.split.column == "customer_id"


@pytest.mark.parametrize("wage", [[i * 1.5 for i in range(60)], [i // 2 for i in range(60)]])
def test_a_target_of_many_numbers_is_estimated(tmp_path, wage):
    data = write(tmp_path, {"x": numbers(), "sex": ["f", "m"] * 30, "wage": wage})
    project, starter = loaded(tmp_path, data, "wage")
    assert project.task == "regression"
    spread = pd.Series(wage).std()
    assert 0.5 < project.gate.min_gain / (spread / 100) < 1.5
    assert [(gap.column, gap.metric) for gap in project.audit.gaps] == [("sex", "mae")]
    assert project.audit.floors == ()
    assert any("task: regression" in note for note in starter.notes)
    assert not [check.id for check in ingest(data, project).checks if check.blocks]


@pytest.mark.parametrize("stars", [[1, 2, 3, 4, 5] * 12, [0.0, 1.0] * 30])
def test_a_target_of_few_whole_numbers_has_classes(tmp_path, stars):
    data = write(tmp_path, {"x": numbers(), "stars": stars})
    project, starter = loaded(tmp_path, data, "stars")
    assert project.task == "classification"
    assert "regression" not in starter.text


def test_a_column_that_repeats_in_blocks_is_proposed_as_a_group(tmp_path):
    rows = 60
    names = random.Random(1).sample(range(100, 999), 12)
    columns = {
        "site": [f"w{names[i // 5]}" for i in range(rows)],
        "batch": [names[i // 5] for i in range(rows)],
        "sorted": [i // 5 for i in range(rows)],
        "mixed": [f"w{i % 12}" for i in range(rows)],
        "x": numbers(),
        "goal": two_classes(),
    }
    text = propose_project(write(tmp_path, columns), "rows.csv", "goal").text
    assert [name for name in columns if f"# split: {{by: group, column: {name}}}" in text] == [
        "site",
        "batch",
    ]


def test_a_unique_number_is_the_key_and_no_feature_but_a_date_or_an_age_is_none(tmp_path):
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    columns = {
        "day": list(days),
        "age": random.Random(3).sample(range(60), 60),
        "account": random.Random(2).sample(range(10_000), 60),
        "x": numbers(),
        "goal": two_classes(),
    }
    project, starter = loaded(tmp_path, write(tmp_path, columns), "goal")
    assert project.key == "account"
    assert "# split: {by: time, column: day}" in starter.text
    assert any("split by time, column day, is proposed" in note for note in starter.notes)


def test_none_found_by_name_is_no_all_clear(tmp_path):
    data = write(tmp_path, {"x": numbers(), "goal": two_classes()})
    starter = propose_project(data, data.name, "goal")
    assert "no all-clear" in starter.notes[-1]
    assert "no all-clear" in " ".join(starter.text.split())
    data = write(tmp_path, {"x": numbers(), "SEX": [1, 2] * 30, "goal": two_classes()})
    starter = propose_project(data, data.name, "goal")
    assert not any("all-clear" in note for note in starter.notes)


def test_rare_classes_have_floors_and_say_how_many_test_rows_they_lack(tmp_path):
    labels = ["common"] * 560 + ["other"] * 420 + ["rare"] * 20
    data = write(tmp_path, {"x": numbers(1000), "goal": labels})
    project, starter = loaded(tmp_path, data, "goal")
    assert project.positive_class is None
    (floor,) = project.audit.floors
    assert (floor.metric, floor.of_class, floor.severity) == ("recall", "rare", "warning")
    assert "about 4 test rows of it can be expected, and 30 are needed" in starter.text


def test_gaps_of_more_classes_and_important_examples_can_be_uncommented(tmp_path):
    cells = {"sex": ["f", "m", "m", "f"] * 15, "plan": ["a", "a", "b"] * 20, "x": numbers()}
    data = write(tmp_path, {**cells, "goal": ["u", "v", "w"] * 20})
    project, starter = loaded(tmp_path, data, "goal")
    assert project.audit.gaps == ()
    start = starter.text.index("  # gaps:")
    lines = starter.text[start:].splitlines()
    # What is example and not explanation stands in braces, or names a section.
    code = re.compile(r"  # (gaps:|important:|  - \{|     [a-z]+: )")
    text = "\n".join(line.replace("  # ", "  ", 1) if code.match(line) else line for line in lines)
    (tmp_path / "more.yaml").write_text(starter.text[:start] + text)
    more = load_project(tmp_path / "more.yaml").project
    assert [(gap.column, gap.of_class) for gap in more.audit.gaps] == [("sex", "u")]
    assert [one.condition for one in more.audit.important] == ["plan == 'b'"]


def test_another_delimiter_is_found(tmp_path):
    data = tmp_path / "rows.csv"
    data.write_text("x;goal\n" + "".join(f"{i / 7:.3f};{'ab'[i % 3 == 0]}\n" for i in range(60)))
    project, _ = loaded(tmp_path, data, "goal")
    assert project.source.delimiter == ";"
    assert not [check for check in ingest(data, project).checks if check.blocks]


def test_a_parquet_file_with_types_and_a_truth_value_as_target(tmp_path):
    data = tmp_path / "rows.parquet"
    pd.DataFrame(
        {
            "x": numbers(),
            "age": range(60),
            "when": pd.Timestamp("2024-01-01"),
            "goal": [True] * 9 + [False] * 51,
        }
    ).sample(frac=1, random_state=0).to_parquet(data)
    project, starter = loaded(tmp_path, data, "goal")
    assert project.positive_class == "true"
    assert [gap.column for gap in project.audit.gaps] == ["age"]
    assert "# split: {by: time, column: when}" in starter.text


NASTY = [
    "yes",
    "a: b",
    "#x",
    "it's",
    'a "quoted" one',
    "größe – ñ",
    "two\nlines",
    "{brace}, [bracket]",
    "- dash",
    "null",
    "1.5",
    "back\\slash",
    " spaced ",
    "tab\there",
    "\x85\u2028\ufeff",
    "*anchor &it !tag",
    "ﬁnal",
    "class",
    "x" * 1100,
]


def test_names_that_yaml_or_a_condition_could_misread(tmp_path):
    rows = 90
    cells = {name: [f"{i / 7:.4f}" for i in range(rows)] for name in NASTY[:6]}
    cells |= {name: ["p", "q", "q"] * (rows // 3) for name in NASTY[6:12]}
    cells |= {name: ["same"] * rows for name in NASTY[12:]}
    for place, target in enumerate(("what: is #it", "on")):
        labels = ["~", "1e3"] * (rows // 2)
        folder = tmp_path / str(place)
        folder.mkdir()
        project, _ = loaded(folder, write(folder, {**cells, target: labels}), target)
        assert project.target == target
        assert project.positive_class in labels
        assert set(project.features.exclude) == set(NASTY[12:])
        result = ingest(folder / "rows.csv", project)
        assert not [check.detail for check in result.checks if check.blocks]
        frame = result.outputs["snapshot"]
        for spec in project.slices:
            if spec.condition is not None:
                assert 0 < parse_condition(spec.condition).mask(frame).mean() < 0.2


def test_words_and_labels_that_yaml_could_misread_are_read_back(tmp_path):
    for words in [*NASTY, "", "No", "~", "0x1f", "12:30", "2024-01-01", "😀", "%"]:
        text = f"name: {scalar(words)}\nlist: {{a: {scalar(words)}, b: 1}}\n"
        assert parse_yaml(text, "t") == {"name": words, "list": {"a": words, "b": 1}}


def test_a_sign_that_no_project_file_may_hold_is_refused_in_a_sentence():
    with pytest.raises(ProjectFileError, match=r"t has a NUL character in 'a\\x00b'; take it out"):
        parse_yaml(f"name: {scalar('a' + chr(0) + 'b')}\n", "t")


def test_five_hundred_columns_give_a_file_that_a_person_can_read(tmp_path):
    cells = {f"v{i}": numbers(40) for i in range(250)} | {
        f"w{i}": ["p", "q"] * 20 for i in range(249)
    }
    data = write(tmp_path, {**cells, "goal": ["a", "b"] * 20})
    project, starter = loaded(tmp_path, data, "goal")
    assert len(project.slices) == 8
    assert starter.text.count("\n") < 80
    assert max(len(line) for line in starter.text.splitlines()) < 160


# Protected attributes by name


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("sex", "sex"),
        ("applicantGender", "sex"),
        ("Age", "age"),
        ("AGE_GROUP", "age"),
        ("ageAtLoan2", "age"),
        ("date of birth", "age"),
        ("Fecha_de_Nacimiento", "age"),
        ("is_hispanic", "race or ethnic origin"),
        ("black", "race or ethnic origin"),
        ("is_white", "race or ethnic origin"),
        ("race/ethnicity", "race or ethnic origin"),
        ("maritalStatus", "marital status"),
        ("marital.status", "marital status"),
        ("estado_civil", "marital status"),
        ("Familienstand", "marital status"),
        ("nationalité", "nationality"),
        ("Staatsangehörigkeit", "nationality"),
        ("native.country", "nationality"),
        ("Geschlecht", "sex"),
        ("âge", "age"),
        ("edad", "age"),
        ("Behinderung", "disability"),
        ("religion", "religion"),
    ],
)
def test_a_name_that_says_a_protected_attribute(name, attribute):
    assert protected_attribute(name) == attribute


@pytest.mark.parametrize(
    "name",
    [
        *("message", "page", "mileage", "sextant", "essex", "black_box", "white_noise"),
        *("bracelet", "grace", "trace", "average", "Reginald", "interracial2x", "country"),
        *("status", "123", "_"),
    ],
)
def test_a_name_that_only_holds_the_letters_of_one(name):
    assert protected_attribute(name) is None


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("AGEP", "age"),
        ("RIDAGEYR", "age"),
        ("_AGEG5YR", "age"),
        ("RAC1P", "race or ethnic origin"),
        ("HISP", "race or ethnic origin"),
        ("RIDRETH3", "race or ethnic origin"),
        ("RIAGENDR", "sex"),
        ("A_SEX", "sex"),
        ("SEXVAR", "sex"),
        ("MAR", "marital status"),
        ("MARST", "marital status"),
        ("PEMARITL", "marital status"),
        ("CIT", "nationality"),
        ("margin", None),
        ("page", None),
        ("distance", None),
    ],
)
def test_the_codes_of_a_census(name, attribute):
    assert protected_attribute(name) == attribute


def test_the_modules_of_the_starter_name_no_attribute_twice():
    words = [
        word
        for table in (protected._ANYWHERE, protected._ALONE)
        for listed in table.values()
        for word in listed.split()
    ]
    assert len(words) == len(set(words))


def test_notations_are_proposed_and_what_is_written_reads_them(tmp_path):
    rows = 60
    data = write(
        tmp_path,
        {
            "price": [f"{n}.{n:03d},50 €" for n in range(100, 100 + rows)],
            "share": [f"{n},5 %" for n in range(rows)],
            "load": ["?" if n % 7 == 0 else f"{n},25" for n in range(rows)],
            "seen": [f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.2024" for n in range(rows)],
            "y": two_classes(rows),
        },
    )
    project, _ = loaded(tmp_path, data, "y")
    result = ingest(data, project)

    assert project.source.decimal == ","
    assert project.source.thousands == "."
    assert set(project.source.units) == {"€", "%"}
    assert project.source.date_format == "%d.%m.%Y"
    assert project.source.null_values[-1] == "?"
    assert [result.facts["kinds"][name] for name in ("price", "share", "load", "seen")] == [
        "numeric",
        "numeric",
        "numeric",
        "time",
    ]
    assert result.outputs["snapshot"]["price"].iloc[0] == 100100.5
    assert result.outcome == "passed"


def test_a_mark_that_may_be_either_is_not_decided(tmp_path):
    data = write(
        tmp_path, {"n": [f"{n},{n}" for n in range(100, 160)], "x": numbers(), "y": two_classes()}
    )
    project, _ = loaded(tmp_path, data, "y")

    assert project.source.thousands is None
    assert project.source.decimal == "."
