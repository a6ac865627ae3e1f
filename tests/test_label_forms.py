"""Labels that are one class in several spellings, labels read as missing, classes of few rows."""

import json

import pytest
import yaml

from tasks.ingestion import ingest
from tasks.ingestion.labels import spellings
from tasks.project.sections import Project
from tasks.stage_keys import project_for


def read(tmp_path, rows, **more):
    text = "x,y\n" + "".join(f"{n * n}.5,{label}\n" for n, label in enumerate(rows))
    (tmp_path / "s.csv").write_text(text)
    source = {"path": "s.csv", **more.pop("source", {})}
    settings = {"name": "p", "target": "y", **more, "source": source}
    return ingest(tmp_path / "s.csv", Project.model_validate(settings))


def found(result, what):
    return next((one for one in result.checks if one.id == f"ingestion.{what}"), None)


def classes(result):
    return result.outputs["snapshot"]["y"].value_counts().sort_index().to_dict()


FORMS = [
    (["cat"] * 3 + ["cat "] + ["dog"] * 3, "critical", {"cat ": "cat"}),
    (["big cat"] * 3 + ["big\u00a0cat", "dog"], "critical", {"big\u00a0cat": "big cat"}),
    (["big cat"] * 3 + ["big  cat", "dog"], "critical", {"big  cat": "big cat"}),
    (["1"] * 2 + ["1.0"] * 3 + ["2", "3"], "critical", {"1.0": "1"}),
    (["1e1", "10", "10", "2"], "critical", {"1e1": "10"}),
    (["caf\u00e9", "caf\u00e9", "cafe\u0301", "tea"], "critical", {"cafe\u0301": "caf\u00e9"}),
    (["cat\u200b", "cat", "cat", "dog"], "critical", {"cat\u200b": "cat"}),
    (["Cat", "cat", "cat", "dog"], "warning", {"Cat": "cat"}),
    (["STRASSE", "stra\u00dfe", "stra\u00dfe", "weg"], "warning", {"STRASSE": "stra\u00dfe"}),
    (["01", "1", "1", "2"], "warning", {"01": "1"}),
    (["C", "C#", "C+", "C++"], None, {}),
]  # fmt: skip


@pytest.mark.parametrize("labels, severity, rename", FORMS, ids=[row[0][0] for row in FORMS])
def test_spellings_of_one_class_are_named_and_then_renamed(tmp_path, labels, severity, rename):
    told = found(read(tmp_path, labels), "label_forms")
    if severity is None:
        assert told.outcome == "passed"
        return

    assert (told.outcome, told.severity) == ("failed", severity)
    for old, new in rename.items():
        assert f"{json.dumps(old, ensure_ascii=False)} (" in told.detail
        assert f"{json.dumps(new, ensure_ascii=False)} (" in told.detail
    # The setting in the sentence, written into a project file as it stands.
    written = yaml.safe_load(told.detail.rstrip(".").partition("labels.rename: ")[2])
    assert written == rename
    renamed = read(tmp_path, labels, labels={"rename": written})
    assert found(renamed, "label_forms").outcome == "passed"
    assert set(classes(renamed)) == set(labels) - set(rename)


def test_three_spellings_are_one_group_with_the_most_frequent_first():
    counts = {"cat": 2, "Cat": 5, "CAT": 1, "dog": 1}

    assert spellings(counts, ignore_case=True) == [["Cat", "cat", "CAT"]]
    assert spellings(counts, ignore_case=False) == []


def test_renaming_holds_for_annotators_too(tmp_path):
    (tmp_path / "s.csv").write_text("x,a,b,y\n1.5,Cat,dog,cat\n2.5,dog,Cat,dog\n3.5,cat,dog,Cat\n")
    labels = {"rename": {"Cat": "cat"}, "annotators": ["a", "b"]}
    settings = {"name": "p", "source": "s.csv", "target": "y", "positive_class": "cat"}
    result = ingest(tmp_path / "s.csv", Project.model_validate({**settings, "labels": labels}))

    snapshot = result.outputs["snapshot"]
    assert snapshot["a"].tolist() == ["cat", "dog", "cat"]
    assert snapshot["b"].tolist() == ["dog", "cat", "dog"]
    assert classes(result) == {"cat": 2, "dog": 1}


def test_a_class_that_is_read_as_missing_is_refused_with_both_settings(tmp_path):
    labels = ["NA", "EU", "APAC"] * 4
    told = found(read(tmp_path, labels), "label_words")

    assert (told.severity, told.outcome) == ("critical", "failed")
    assert "'NA' in 4 of 12 rows" in told.detail
    assert 'source.null_values: ["", "N/A", "NaN", "nan", "null", "NULL"]' in told.detail
    kept = read(tmp_path, labels, source={"null_values": [""]})
    assert classes(kept) == {"APAC": 4, "EU": 4, "NA": 4}
    assert found(kept, "label_words") is None
    said = {"null_values": ["", "NA"], "max_quarantined_share": 0.5}
    assert found(read(tmp_path, labels, source=said, positive_class="EU"), "label_words") is None


def test_a_few_missing_labels_by_a_word_are_a_warning(tmp_path):
    result = read(tmp_path, ["a", "b", "c"] * 70 + ["NA"])

    assert found(result, "label_words").severity == "warning"
    assert result.outcome == "warned"


TAIL = ["a"] * 12 + ["b"] * 11 + ["c"] * 10 + ["d"] * 2 + ["e"]


def test_rare_classes_are_kept_merged_or_set_aside(tmp_path):
    assert classes(read(tmp_path, TAIL)) == {"a": 12, "b": 11, "c": 10, "d": 2, "e": 1}

    merged = read(tmp_path, TAIL, labels={"rare_classes": "merge"})
    assert classes(merged) == {"a": 12, "b": 11, "c": 10, "other": 3}
    told = found(merged, "rare_classes")
    assert (
        "2 classes with fewer than 10 rows (3 in all) were made one class, 'other'" in told.detail
    )
    assert "'d' 2, 'e' 1" in told.detail

    aside = read(tmp_path, TAIL, labels={"rare_classes": "set_aside"})
    assert classes(aside) == {"a": 12, "b": 11, "c": 10}
    assert "the model will never tell them: 'd' 2, 'e' 1" in found(aside, "rare_classes").detail
    assert aside.facts["row_ledger"][-1]["quarantined"] == {
        "a rare class, as labels.rare_classes says": 3
    }
    # What was asked for does not count as rows that could not be read.
    assert found(aside, "quarantined_share").value == 0
    assert aside.outcome == "passed"


def test_rare_is_what_has_few_rows_after_renaming(tmp_path):
    settings = {"rare_classes": "merge", "rename": {"e": "d"}, "rare_rows": 3, "rare_name": "rest"}

    assert classes(read(tmp_path, TAIL, labels=settings)) == {"a": 12, "b": 11, "c": 10, "d": 3}


def test_two_classes_are_never_merged(tmp_path):
    result = read(
        tmp_path, ["a"] * 12 + ["b"], positive_class="b", labels={"rare_classes": "merge"}
    )

    assert classes(result) == {"a": 12, "b": 1}
    assert found(result, "rare_classes") is None


def test_a_run_sees_defaults_as_defaults(tmp_path):
    """A stage's view of the project has every option set, so that being set means nothing."""
    (tmp_path / "s.csv").write_text("sep=;\nx;y\n" + "1;NA\n2;EU\n3;APAC\n" * 4)
    whole = Project.model_validate({"name": "p", "source": "s.csv", "target": "y"})
    result = ingest(tmp_path / "s.csv", project_for("ingestion", whole))

    assert found(result, "label_words").severity == "critical"
    assert result.facts["rows_in"] == 12
