"""Values that are not what they seem: each is refused in one sentence."""

import json

import pytest

from tasks import sealed_records
from tasks.errors import ProjectFileError
from tasks.library.comparison_functions import compare_models
from tasks.library.plain_arrays import plain_labels
from tasks.project.yaml_text import parse_value


def test_a_record_without_its_seal_is_found():
    check = {"id": "a", "title": "t", "detail": "d", "measured": True, "value": 1.0}
    check |= {"stage": "gate", "severity": "block", "limit": 1, "required": 1}
    record = {key: {} for key in ("metrics", "facts", "tables", "outputs", "files", "bytes")}
    record |= {"stage": "gate", "summary": "s", "figures": [], "checks": [check], "format": 2}
    record["digest"] = sealed_records.digest_of(record)
    text = sealed_records.sealed(record)
    assert sealed_records.record_problem(text) is None
    changed = json.loads(text)
    del changed["seal"]
    changed["checks"][0]["value"] = 99.0
    assert sealed_records.record_problem(json.dumps(changed)) == "result.json has lost its seal"


def test_a_tag_without_a_value_is_refused():
    with pytest.raises(ProjectFileError, match="line 1: '' cannot be read as int"):
        parse_value("a: !!int ''", "project.yaml")


def test_a_missing_label_in_a_list_is_no_class():
    with pytest.raises(ValueError, match="1 of 3 values of y_true are missing"):
        plain_labels([float("nan"), "a", "b"], "y_true")


def test_judgements_that_are_no_number_are_refused():
    with pytest.raises(ValueError, match="judgements is nan"):
        compare_models(["a", "b"], ["a", "b"], ["a", "b"], judgements=float("nan"))
