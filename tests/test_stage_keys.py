import sys

import pandas as pd
import pytest

from tasks import source_code, stage_keys, stage_specs
from tasks.checks import StageResult
from tasks.evidence import EvidenceStore
from tasks.project.sections import Project
from tasks.stage_keys import project_for, stage_key
from tasks.stage_specs import keyed_stages
from tasks.steps import Output, Ref

KEYED = [stage.name for stage in keyed_stages()]


def project(**values):
    base = {"name": "p", "source": "rows.csv", "target": "y"}
    return Project.model_validate({**base, **values})


def keys(of):
    return {stage: stage_key(stage, of, {"rows": "digest"}) for stage in KEYED}


def changed(**values):
    before, after = keys(project()), keys(project(**values))
    return {stage for stage in KEYED if before[stage] != after[stage]}


def test_what_a_stage_does_not_see_is_at_its_default():
    seen = project_for("gate", project(labels={"folds": 9}, gate={"margin": 0.05}))
    assert (seen.labels.folds, seen.gate.margin) == (5, 0.05)


@pytest.mark.parametrize(
    ("values", "stages"),
    [
        ({"gate": {"margin": 0.05}}, {"gate"}),
        ({"gate": {"metric": "accuracy"}}, {"error_analysis", "gate"}),
        ({"error_analysis": {"work": {"a": {"ease": "easy"}}}}, {"error_analysis"}),
        ({"split": {"epoch": 2}}, {"splitting", "gate"}),
        ({"audit": {"max_size_mb": 9}}, {"performance_audit"}),
        ({"audit": {"min_support": 99}}, {"performance_audit", "gate"}),
        ({"labels": {"folds": 9}}, {"label_consistency"}),
        ({"labels": {"annotators": ["a"]}}, {"ingestion", "label_consistency"}),
        ({"validation": {"min_rows": 9}}, {"validation"}),
        ({"leakage": {"min_value_rows": 9}}, {"leakage"}),
        ({"training": {"search_trials": 9}}, {"baselines", "training"}),
        ({"slices": ["a"]}, {"label_consistency", "error_analysis", "performance_audit"}),
        ({"schedule": {"cron": "0 2 * * *"}}, set()),
        ({"description": "words"}, set()),
        ({"seed": 1}, set(KEYED)),
        ({"positive_class": "yes"}, set(KEYED)),
    ],
)
def test_a_change_reaches_the_stages_that_see_it(values, stages):
    assert changed(**values) == stages


def test_an_input_changes_the_key():
    one = stage_key("gate", project(), {"rows": "a"})
    assert one == stage_key("gate", project(), {"rows": "a"})
    assert one != stage_key("gate", project(), {"rows": "b"})


@pytest.fixture
def own_tasks(tmp_path, monkeypatch):
    """A small package in place of `tasks`: gate imports rules, and nobody imports other."""
    files = {
        "gate.py": "from tasks.rules import limit\nimport numpy\n",
        "rules.py": "limit = 1\n",
        "other.py": "import sklearn\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(source_code, "_ROOT", tmp_path)
    source_code.forget()
    yield tmp_path
    source_code.forget()


def digest_with(folder, name, text):
    """The digest of gate with another text of a module."""
    (folder / name).write_text(text)
    source_code.forget()
    return source_code.code_digest(("tasks.gate",))


def test_own_code_counts_where_it_is_imported(own_tasks):
    before = source_code.code_digest(("tasks.gate",))
    assert digest_with(own_tasks, "other.py", "import sklearn, scipy\n") == before
    assert digest_with(own_tasks, "rules.py", "limit = 2\n") != before


def test_what_no_computer_reads_does_not_count(own_tasks):
    before = digest_with(own_tasks, "rules.py", "limit = 1\n")
    prose = '"""What the rules are."""\nlimit = 1  # as agreed\n\n"""The limit."""\n'
    assert digest_with(own_tasks, "rules.py", prose) == before


def test_what_is_imported_for_types_alone_does_not_count(own_tasks):
    typed = "if TYPE_CHECKING:\n    from tasks.other import X\nlimit = 1\n"
    before = digest_with(own_tasks, "rules.py", typed)
    assert digest_with(own_tasks, "other.py", "import scipy\n") == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("limit = f(0.1)", "limit = f(0.10000001)"),
        ("limit = 1", "limit = '1'"),
        ("limit = 'a'", "limit = 'b'"),
        ("limit = [1, [2]]", "limit = [[1], 2]"),
        ("def f(a): return a", "def f(a=None): return a"),
        ("x = g(title='a')", "x = g(detail='a')"),
        ("x = 'Name'", "x = Name"),
        ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
    ],
)
def test_what_is_computed_counts(own_tasks, before, after):
    assert digest_with(own_tasks, "rules.py", before) != digest_with(own_tasks, "rules.py", after)


def test_the_description_of_a_field_does_not_count(own_tasks):
    texts = [
        f"limit = Field(default={n}, description={d!r})" for n, d in ((1, "a"), (1, "b"), (2, "b"))
    ]
    one, reworded, other = (digest_with(own_tasks, "rules.py", text) for text in texts)
    assert one == reworded != other


def test_what_was_found_in_a_source_is_kept_for_the_next_process(own_tasks, monkeypatch, tmp_path):
    place = tmp_path / "kept"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(source_code.importlib.util, "cache_from_source", lambda _: str(place))
    source_code.forget()
    first = source_code.code_digest(("tasks.gate",))
    source_code.forget()
    monkeypatch.setattr(source_code, "_parse", lambda _: pytest.fail("parsed again"))
    assert source_code.code_digest(("tasks.gate",)) == first
    place.with_suffix(".sources.json").write_text("no JSON")
    monkeypatch.undo()


def test_libraries_count_where_they_are_imported(own_tasks):
    assert source_code.outside_names(("tasks.gate",)) == {"numpy"}
    assert source_code.outside_names(("tasks.other",)) == {"sklearn"}


def test_a_stage_depends_on_the_sections_that_it_sees_alone():
    leakage, gate = (set(stage_keys._code_of(stage)) for stage in ("leakage", "gate"))
    assert leakage == {"tasks.leakage", "tasks.project.model_sections"}
    assert gate == {
        "tasks.gate",
        "tasks.project.audit_sections",
        "tasks.project.data_sections",
        "tasks.project.decision_sections",
        "tasks.project.model_sections",
    }
    for stage in KEYED:
        files = source_code._closure(stage_keys._code_of(stage))[0]
        names = {path.name for path in files}
        assert not names & {"sections.py", "operation_sections.py"}, stage


def test_every_stage_has_a_module_and_sections():
    for stage in keyed_stages():
        assert stage.sections
        assert source_code._closure(stage_keys._code_of(stage.name))[0], stage.module


def test_one_output_of_a_stage_is_all_that_a_later_one_depends_on(tmp_path):
    from flows.runs.stage_inputs import content_of

    store = EvidenceStore(tmp_path)
    frames = {"kept": pd.DataFrame({"a": [1.0]}), "other": pd.DataFrame({"b": [1.0]})}

    def stored(key, facts, **changed):
        found = StageResult(
            stage="s", summary="", checks=(), facts=facts, outputs={**frames, **changed}
        )
        return Ref("s", key, store.save(key, found))

    first = stored("a", {"n": 1})
    second = stored("b", {"n": 2}, other=pd.DataFrame({"b": [2.0]}))
    third = stored("c", {"n": 1}, kept=pd.DataFrame({"a": [2.0]}))
    hashes = [content_of(Output(ref, "kept"), store) for ref in (first, second, third)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert content_of(first, store) != content_of(second, store)


def test_ingestion_sees_all_that_changes_how_a_source_is_read():
    """What is left out of its sections would be at its default in a run, whatever a file says."""
    source = {
        "path": "s.csv",
        "decimal": {"a": ","},
        "thousands": {"a": "."},
        "units": ["%"],
        "negative": "trailing",
        "date_format": {"t": "%d.%m.%Y"},
    }
    labels = {
        "rename": {"Cat": "cat"},
        "rare_classes": "merge",
        "rare_rows": 4,
        "rare_name": "rest",
        "annotators": ["u"],
    }
    whole = Project.model_validate({"name": "p", "target": "y", "source": source, "labels": labels})
    seen = project_for("ingestion", whole)

    assert seen.source == whole.source
    assert seen.labels == whole.labels


def test_a_stage_is_added_by_its_entry_alone(monkeypatch):
    from tasks.reports.words import stage_title
    from tasks.runs import StageRecord
    from tasks.verdicts import refuses_data

    added = stage_specs.StageSpec(
        name="names",
        title="Names of columns",
        question="Can a reader tell what a column holds?",
        role="data",
        module="tasks.leakage",
        sections=("target", "leakage"),
    )
    stages = stage_specs.STAGES
    monkeypatch.setattr(stage_specs, "STAGES", (*stages[:3], added, *stages[3:]))
    assert stage_specs.stage_names()[2:5] == ("splitting", "names", "label_consistency")
    assert stage_title("names") == "Names of columns"
    assert refuses_data(StageRecord(name="names", outcome="blocked"))
    before, after = (
        stage_key("names", project(leakage={"min_value_rows": rows}), {}) for rows in (8, 9)
    )
    assert before != after
