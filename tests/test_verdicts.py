import pytest

from tasks.checks import Check, StageResult
from tasks.project.sections import Project
from tasks.runs import RunRecord, StageRecord
from tasks.verdicts import conclude

PROJECT = Project(name="p", source="rows.csv", target="y")


def check(stage, outcome="passed", severity="critical", detail="A sentence."):
    return Check(
        id=f"{stage}.x",
        stage=stage,
        title="X",
        severity=severity,
        outcome=outcome,
        detail=detail,
    )


def stage(name, *checks, facts=None):
    result = StageResult(stage=name, summary="", checks=checks, facts=facts or {})
    return StageRecord(name=name, outcome=result.outcome, result=result)


def concluded(*stages):
    run = RunRecord(
        run_id="r",
        project=PROJECT,
        started="now",
        exit_code=1,
        verdict=None,
        reasons=(),
        stages=stages,
    )
    return conclude(run)


def test_refused_data_have_no_verdict_and_name_the_check():
    run = concluded(
        stage("ingestion", check("ingestion", "failed", detail="No rows.")),
        StageRecord(name="training", outcome="not_run"),
    )
    assert (run.verdict, run.exit_code) == (None, 3)
    assert (run.refused_by, run.reasons) == (("ingestion.x",), ("No rows.",))


def test_a_data_stage_that_judged_nothing_refuses():
    assert concluded(stage("validation")).exit_code == 3


@pytest.mark.parametrize(
    ("outcome", "verdict", "code"), [("failed", "reject", 4), ("error", "inconclusive", 5)]
)
def test_a_run_that_did_not_reach_the_gate_still_has_a_verdict(outcome, verdict, code):
    run = concluded(stage("training", check("training", outcome, detail="No family fits.")))
    assert (run.verdict, run.exit_code, run.reasons) == (verdict, code, ("No family fits.",))


@pytest.mark.parametrize(
    ("verdict", "action", "code"),
    [
        ("promote", "promote", 0),
        ("promote", "pending", 5),
        ("promote", "inconclusive", 5),
        ("promote", "overtaken", 5),
        ("promote", "approve", 0),
        ("promote", "refuse", 4),
        ("promote", "rolled_back", 5),
        ("inconclusive", "approve", 0),
        ("reject", "reject", 4),
        ("inconclusive", "inconclusive", 5),
        ("inconclusive", "pending", 5),
    ],
)
def test_the_gate_and_what_was_done_decide_the_exit_code(verdict, action, code):
    run = concluded(
        stage("gate", check("gate"), facts={"verdict": verdict, "reasons": ["because"]}),
        stage("promotion", check("promotion"), facts={"action": action, "candidate_version": "2"}),
    )
    assert (run.verdict, run.exit_code, run.candidate_version) == (verdict, code, "2")


def test_rows_are_counted_over_both_data_stages():
    run = concluded(
        stage(
            "ingestion",
            check("ingestion"),
            facts={"rows_in": 10, "rows_kept": 9, "fingerprint": "a"},
        ),
        stage("validation", check("validation"), facts={"rows_kept": 7, "fingerprint": "b"}),
        stage("gate", check("gate"), facts={"verdict": "promote", "reasons": []}),
    )
    assert run.dataset == {
        "fingerprint": "b",
        "rows_in": 10,
        "rows_kept": 7,
        "rows_quarantined": 3,
    }


def test_what_to_work_on_starts_with_what_blocks():
    priorities = [{"sentence": "Most errors are here."}]
    run = concluded(
        stage("ingestion", check("ingestion")),
        stage("validation", check("validation", "failed", "warning", "A rule is broken.")),
        stage("error_analysis", check("error_analysis"), facts={"priorities": priorities}),
        stage(
            "performance_audit",
            check("performance_audit", "failed", "critical", "A floor is missed."),
            check("performance_audit", "failed", "warning", "A gap is wide."),
        ),
    )
    assert run.work_next == ("A floor is missed.", "Most errors are here.", "A gap is wide.")
