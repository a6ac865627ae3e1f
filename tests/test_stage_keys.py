import pandas as pd
import pytest

from tasks import stage_keys, stage_specs
from tasks.checks import StageResult
from tasks.evidence import EvidenceStore
from tasks.project.sections import Project
from tasks.stage_keys import project_for, stage_key
from tasks.stage_specs import keyed_stages

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
    monkeypatch.setattr(stage_keys, "_ROOT", tmp_path)
    cached = (
        stage_keys.code_digest,
        stage_keys.library_versions,
        stage_keys._closure,
        stage_keys._imports,
    )

    def forget():
        for function in cached:
            function.cache_clear()

    forget()
    yield tmp_path, forget
    forget()


def test_own_code_counts_where_it_is_imported(own_tasks):
    folder, forget = own_tasks
    before = stage_keys.code_digest("tasks.gate")
    (folder / "other.py").write_text("import sklearn, scipy\n")
    forget()
    assert stage_keys.code_digest("tasks.gate") == before
    (folder / "rules.py").write_text("limit = 2\n")
    forget()
    assert stage_keys.code_digest("tasks.gate") != before


def test_libraries_count_where_they_are_imported(own_tasks, monkeypatch):
    monkeypatch.setattr(stage_keys, "version", lambda name: "1.0")
    assert set(stage_keys.library_versions("tasks.gate")) == {"python", "numpy"}
    assert set(stage_keys.library_versions("tasks.other")) == {"python", "scikit-learn"}


def test_every_stage_has_a_module_and_sections():
    for stage in keyed_stages():
        assert stage.sections
        assert stage_keys._closure(stage.module)[0], stage.module


def test_one_output_of_a_stage_is_all_that_a_later_one_depends_on(tmp_path):
    from flows.runs.stage_inputs import content_of, one_output

    store = EvidenceStore(tmp_path)
    frames = {"kept": pd.DataFrame({"a": [1.0]}), "other": pd.DataFrame({"b": [1.0]})}

    def stored(key, facts, **changed):
        found = StageResult(
            stage="s", summary="", checks=(), facts=facts, outputs={**frames, **changed}
        )
        return {"stage": "s", "key": key, "digest": store.save(key, found)}

    first = stored("a", {"n": 1})
    second = stored("b", {"n": 2}, other=pd.DataFrame({"b": [2.0]}))
    third = stored("c", {"n": 1}, kept=pd.DataFrame({"a": [2.0]}))
    hashes = [content_of(one_output(ref, "kept"), store) for ref in (first, second, third)]
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
