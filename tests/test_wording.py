"""Words are made when a result is read: none is hashed, and none is computed with."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import tasks
from flows.runs.stage_inputs import content_of
from tasks import source_code, stage_keys
from tasks.canonical import hash_of
from tasks.checks import Check, Figure, StageResult, Table
from tasks.evidence import EvidenceStore
from tasks.stage_specs import keyed_stages
from tasks.steps import Checks, Ref
from tasks.wording import worded, worded_check

ROOT = Path(tasks.__file__).parent
STAGES = [stage.name for stage in keyed_stages()]


def digests():
    source_code.forget()
    return {stage: source_code.code_digest(stage_keys._code_of(stage)) for stage in STAGES}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package, from which the stages' digests are taken."""
    place = tmp_path / "tasks"
    shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_code, "_ROOT", place)
    yield place
    monkeypatch.undo()
    source_code.forget()


def edit(path, before, after):
    text = path.read_text()
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, after))


def test_editing_words_changes_no_stage_key(copy):
    before = digests()
    edit(copy / "wording/validation.py", '"Rows to learn from"', '"How many rows there are"')
    edit(copy / "wording/validation.py", "are too few", "do not suffice")
    edit(
        copy / "validation/table.py",
        "Can anything be learned from this table",
        "What of this table",
    )
    edit(copy / "tagging/rules.py", "from __future__", "# A comment.\nfrom __future__")
    edit(copy / "validation/row_counts.py", '"""Fails where a row is neither', '"""It fails where')
    assert digests() == before
    edit(copy / "validation/table.py", "_CLASS_ROWS = 10", "_CLASS_ROWS = 11")
    after = digests()
    assert {stage for stage in STAGES if after[stage] != before[stage]} == {"validation"}


def test_no_stage_computes_with_words():
    for stage in STAGES:
        files = source_code._closure(stage_keys._code_of(stage))[0]
        assert not [path for path in files if path.parent.name == "wording"], stage


def result(**words):
    check = Check(
        id="validation.row_count",
        stage="validation",
        severity="critical",
        outcome="failed",
        value=9.0,
        limit=10.0,
        n=9,
        values={"min_rows": 10},
        **{name: text for name, text in words.items() if name in ("title", "detail")},
    )
    heading = words.get("heading", "")
    return StageResult(
        stage="validation",
        summary=words.get("summary", ""),
        checks=(check,),
        tables={"columns": Table(frame=pd.DataFrame({"a": [1]}), title=heading, note=heading)},
        figures=(Figure(kind="bars", table="columns", title=heading, alt=heading),) * bool(heading),
        facts={"rows_in": 12, "rows_kept": 9},
    )


def test_a_result_is_told_when_it_is_read(tmp_path):
    store = EvidenceStore(tmp_path)
    store.save("k", result())
    stored = store.load("validation", "k")
    assert (stored.checks[0].title, stored.checks[0].detail, stored.summary) == ("", "", "")
    told = worded(stored)
    assert told.checks[0].title == "Rows to learn from"
    assert told.checks[0].detail == "9 rows are too few: the project asks for 10 or more."
    assert told.summary == "9 of 12 rows kept, no expectation declared"
    assert told.tables["columns"].title == "Feature columns"
    assert worded_check(stored.checks[0]) == told.checks[0]


def test_words_are_no_part_of_a_digest(tmp_path):
    store = EvidenceStore(tmp_path)
    one = result(title="A", detail="B.", summary="c", heading="D")
    other = result(title="W", detail="X.", summary="y", heading="Z")
    assert store.save("a", one) == store.save("b", other)
    changed = Check(**{**_fields(one.checks[0]), "values": {"min_rows": 11}})
    assert store.save("c", StageResult(**{**_fields(one), "checks": (changed,)})) != store.digest(
        "validation", "a"
    )


def _fields(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_a_result_of_an_older_version_keeps_its_own_words(tmp_path):
    """As it was written when titles and sentences were stored and hashed."""
    check = {
        "id": "validation.row_count",
        "stage": "validation",
        "title": "Rows",
        "severity": "critical",
        "outcome": "passed",
        "detail": "20 rows suffice.",
        "value": 20.0,
        "limit": 10.0,
        "interval": None,
        "n": 20,
        "evidence": None,
        "required": False,
        "measured": False,
        "entry": "",
    }
    core = {
        "stage": "validation",
        "summary": "20 rows",
        "metrics": {},
        "facts": {},
        "tables": {},
        "figures": [],
        "outputs": {},
        "files": {},
    }
    record = {**core, "checks": [check], "measured": {}, "bytes": {}}
    record["digest"] = hash_of({**core, "checks": [check]})
    record["seal"] = hash_of(record)
    store = EvidenceStore(tmp_path)
    place = store.folder("validation", "old")
    place.mkdir(parents=True)
    (place / "result.json").write_text(json.dumps(record))

    assert store.problem("validation", "old") is None
    told = worded(store.load("validation", "old"))
    assert (told.summary, told.checks[0].detail) == ("20 rows", "20 rows suffice.")
    assert told.checks[0].title == "Rows"

    record["checks"][0]["detail"] = "9 rows suffice."
    (place / "result.json").write_text(json.dumps(record))
    assert "does not have the hash" in store.problem("validation", "old")


@pytest.mark.parametrize(("values", "same"), [({"rows": 10}, True), ({"rows": 90}, False)])
def test_the_gate_is_asked_again_when_a_blocking_check_found_another_value(tmp_path, values, same):
    def asked(found):
        store = EvidenceStore(tmp_path / str(found["rows"]))
        check = Check(
            id="training.sure",
            stage="training",
            severity="critical",
            outcome="failed",
            values=found,
        )
        digest = store.save("k", StageResult(stage="training", checks=(check,)))
        return content_of(Checks((Ref("training", "k", digest),)), store)

    assert (asked({"rows": 10}) == asked(values)) is same
