"""The audit plan with its results: who owns which risk, and what a signature accepts."""

import dataclasses
import json

import pytest

from tasks.approval import PREFIX_LENGTH
from tasks.audit_plan import (
    count_states,
    open_risks,
    plan_entries,
    plan_results,
    recorded_results,
    tell_open_risks,
)
from tasks.checks import Check, StageResult
from tasks.evidence import plain
from tasks.ledger import Entry
from tasks.project.audit_sections import AuditSection
from tasks.project.sections import Project
from tasks.reports.markdown import run_markdown
from tasks.reports.page import render_page
from tasks.reports.request import request_markdown
from tasks.reports.signed import NO_PLAN, signed_points
from tasks.reports.summary import verdict_notes
from tasks.runs import RunRecord, StageRecord

PLAN = {
    "owner": "head of credit",
    "floors": [
        {
            "metric": "recall",
            "class": "yes",
            "minimum": 0.3,
            "slice": "region",
            "risk": "bad loans go unseen.",
            "owner": "credit risk",
            "reason": "policy 7",
        },
        {"metric": "roc_auc", "minimum": 0.7, "severity": "warning"},
    ],
    "gaps": [
        {
            "column": "sex",
            "metric": "selection_rate",
            "max_difference": 0.1,
            "min_ratio": 0.8,
            "owner": "fair lending",
            "required": True,
        }
    ],
    "important": [
        {"name": "big", "condition": "amount > 9", "weight": 5, "max_error_rate": 0.1},
        {"name": "traffic", "column": "visits"},
    ],
    "weighted_floor": {"minimum": 0.6},
}


def check(name, outcome, entry="", **more):
    values = {"title": name.capitalize(), "severity": "critical", "detail": f"{name} told."}
    return Check(
        id=f"performance_audit.{name}",
        stage="performance_audit",
        outcome=outcome,
        entry=entry,
        **{**values, **more},
    )


CHECKS = (
    check("floor:north", "passed", "audit.floors[0]", value=0.5, limit=0.3, n=40),
    check("floor:south", "not_applicable", "audit.floors[0]", detail="30 rows are needed."),
    check("gap:difference", "failed", "audit.gaps[0]", value=0.25, limit=0.1, interval=(0.1, 0.4)),
    check("gap:ratio", "passed", "audit.gaps[0]", value=0.9, limit=0.8),
    check("important:big", "not_applicable", "audit.important[0]", n=4),
    check("weighted_metric", "passed", "audit.weighted_floor", value=0.7, limit=0.6),
    check("latency", "failed", severity="warning", measured=True, value=900.0),
)


def results(plan=PLAN, checks=CHECKS):
    return plan_results(AuditSection.model_validate(plan), checks)


def test_every_declared_limit_is_an_entry_with_its_owner():
    entries = plan_entries(AuditSection.model_validate(PLAN))
    assert [(one.entry, one.subject, one.limit, one.owner) for one in entries] == [
        (
            "audit.floors[0]",
            "recall of class 'yes' in each group of region",
            "at least 0.3",
            "credit risk",
        ),
        ("audit.floors[1]", "roc auc", "at least 0.7", "head of credit"),
        (
            "audit.gaps[0]",
            "selection rate between the groups of sex",
            "difference at most 0.1 and ratio at least 0.8",
            "fair lending",
        ),
        ("audit.important[0]", "errors on 'big' (amount > 9)", "at most 0.1", "head of credit"),
        (
            "audit.weighted_floor",
            "the project's metric, rows counted by importance",
            "at least 0.6",
            "head of credit",
        ),
    ]
    assert (entries[0].risk, entries[0].reason) == ("bad loans go unseen.", "policy 7")
    assert [one.required for one in entries] == [False, False, True, False, False]


def test_an_entry_is_broken_kept_or_assessed_in_part_or_not_at_all():
    assert [result.state for result in results()] == [
        "partly_assessed",
        "not_assessed",  # no check judged it
        "broken",
        "not_assessed",
        "kept",
    ]
    error = check("floor:north", "error", "audit.floors[0]")
    assert results(checks=[error])[0].state == "not_assessed"


def test_open_risks_are_counted_in_a_sentence():
    assert count_states(results()) == (
        "1 holds, 1 is broken, 2 could not be assessed, 1 assessed only in part"
    )
    assert tell_open_risks(results()) == (
        "Open risks: 1 limit is broken, 2 risks could not be assessed, 1 risk could be assessed "
        "only in part."
    )
    nobodys = {**PLAN, "owner": "", "floors": PLAN["floors"][1:], "gaps": []}
    assert "nobody owns 3 risks" in open_risks(results(nobodys, ()))
    kept = {"owner": "me", "floors": [PLAN["floors"][1]]}
    passed = [check("floor", "passed", "audit.floors[0]")]
    assert tell_open_risks(results(kept, passed)) == "Every limit of the audit plan holds."
    assert tell_open_risks(results({}, ())).startswith("No audit plan is declared")


def recorded(plan=PLAN, checks=CHECKS):
    """The core of a verdict as it is read back from its file."""
    audit = AuditSection.model_validate(plan).model_dump(mode="json", by_alias=True)
    core = {
        "verdict": "promote",
        "reasons": ["a real gain"],
        "limits": {"audit": audit},
        "checks": [dataclasses.asdict(one) for one in checks],
    }
    return json.loads(json.dumps(plain(core)))


def test_a_verdict_gives_the_plan_back_without_what_was_measured():
    found = recorded_results(recorded())
    assert [result.state for result in found] == [result.state for result in results()]
    assert found[2].checks[0].interval == (0.1, 0.4)
    old = recorded()
    for values in old["checks"]:
        del values["entry"]
    assert {result.state for result in recorded_results(old)} == {"not_assessed"}
    with pytest.raises(ValueError, match="Extra inputs"):
        recorded_results({**old, "limits": {"audit": {"of another version": 1}}})


def test_the_short_version_names_what_does_not_hold_with_its_owner():
    assert signed_points(results()) == [
        "bad loans go unseen: recall of class 'yes' in each group of region, at least 0.3, "
        "assessed only in part (owner: credit risk)",
        "selection rate between the groups of sex, difference at most 0.1 and ratio at least 0.8, "
        "broken: 0.25 [0.10, 0.40] (owner: fair lending)",
        "roc auc, at least 0.7, could not be assessed (owner: head of credit)",
        "errors on 'big' (amount > 9), at most 0.1, could not be assessed (owner: head of credit)",
        "1 limit kept (owner: head of credit)",
    ]


PENDING = Entry(
    sequence=4,
    project="loans",
    action="pending",
    run_id="r1",
    candidate_version="3",
    from_version="2",
    to_version=None,
    verdict_hash="ab" * 32,
    who="assayline",
    why="",
    when="2026-05-01T10:00:00+00:00",
    expires="2026-05-15T10:00:00+00:00",
    previous_hash="",
)


def form(core):
    return request_markdown(core, PENDING, "", page="p.html", page_url="http://m/p", mlflow_url="")


def test_the_form_names_the_open_risks_and_their_owners_and_no_hash():
    text = form(recorded())
    assert "**What is signed.** Open risks: 1 limit is broken, 2 risks" in text
    assert "fair lending" in text
    assert "ab" * (PREFIX_LENGTH // 2) not in text
    assert "No audit plan is declared" in form(recorded({}, ()))
    other = {**recorded(), "limits": {"audit": {"of another version": 1}}}
    assert "written by another version" in form(other)


def test_what_a_plan_says_is_no_markup_in_the_form():
    planted = {"floors": [{**PLAN["floors"][0], "risk": "<b>x</b> [a](http://b)", "owner": "*me*"}]}
    text = form(recorded(planted))
    assert "<b>" not in text
    assert "[a](http://b)" not in text


# The page


def run(plan=PLAN, checks=CHECKS, **more):
    project = Project.model_validate(
        {"name": "loans", "source": "l.csv", "target": "y", "audit": plan, **more}
    )
    result = StageResult(stage="performance_audit", summary="f1 0.5 on 90 rows", checks=checks)
    gate = StageResult(stage="gate", summary="promote: a gain", checks=())
    promotion = StageResult(
        stage="promotion", summary="it waits", checks=(), facts={"action": "pending"}
    )
    stages = [
        StageRecord(name=one.stage, outcome=one.outcome, result=one)
        for one in (result, gate, promotion)
    ]
    return RunRecord(
        run_id="r",
        project=project,
        started="",
        exit_code=5,
        verdict="promote",
        reasons=(),
        stages=tuple(stages),
    )


def section(record):
    page = render_page(record)
    start = page.index('<section class="signed"')
    return page[start : page.index("</section>", start)]


def test_the_page_groups_the_plan_by_owner_with_values_limits_and_what_is_missing():
    told = section(run(approval={"mode": "approve", "owner": "the board"}))
    order = [
        "What is signed",
        "The audit plan has 5 limits: 1 holds, 1 is broken, 2 could not be assessed, 1 assessed ",
        "F1 0.5 on 90 rows.",
        "The signature is asked of the board.",
        "Owned by credit risk",
        "Bad loans go unseen.",
        "Recall of class &#39;yes&#39; in each group of region: at least 0.3.",
        "30 rows are needed.",
        'data-name="Value">0.5',
        "Owned by fair lending",
        "critical, required",
        "[0.10, 0.40]",
        "Owned by head of credit",
        "No check judged it in this run.",
        "Judged in every project, without an entry in the plan",
        "latency told.",
    ]
    places = [told.index(part) for part in order]
    assert places == sorted(places)
    assert "Nobody owns" not in told
    assert told.count("See the check") == 7


def test_a_risk_that_nobody_owns_stands_first():
    told = section(run({**PLAN, "owner": ""}))
    assert told.index("Nobody owns these risks") < told.index("Owned by credit risk")


def test_a_project_without_a_plan_is_told_so_and_how_to_get_one():
    told = section(run({}, CHECKS[-1:]))
    assert NO_PLAN in told
    assert "assayline init" in told
    assert "the gate decides, and nobody signs" in told


def test_of_many_groups_those_that_hold_are_one_line_with_the_nearest_to_fail():
    held = [
        check(f"floor:{i:02}", "passed", "audit.floors[0]", value=0.4 + i / 100, limit=0.3)
        for i in range(30)
    ]
    small = [check(f"floor:s{i:02}", "not_applicable", "audit.floors[0]") for i in range(20)]
    told = section(run({"floors": PLAN["floors"][:1]}, (*held, *small)))
    assert told.count("<tr ") == 1 + 12 + 1
    assert "30 others hold; this is the nearest to fail." in told
    assert "8 more are with the audit below." in told
    assert "floor:01" not in told.casefold()


def test_there_is_nothing_to_sign_where_nothing_was_audited():
    record = dataclasses.replace(run(), stages=())
    assert '<section class="signed"' not in render_page(record)


def test_markup_in_a_plan_stays_text_on_the_page():
    evil = "<script>x</script>"
    told = section(run({"floors": [{**PLAN["floors"][0], "risk": evil, "owner": evil}]}))
    assert "<script" not in told
    assert told.count("&lt;script&gt;") >= 3


def test_the_run_as_markdown_has_the_short_version():
    text = run_markdown(run())
    assert "## What is signed\n\nOpen risks: 1 limit is broken, 2 risks" in text
    assert text.count("(owner: ") == 5
    assert "What is signed" not in run_markdown(dataclasses.replace(run(), stages=()))


def test_a_run_that_waits_says_what_its_signature_accepts():
    assert verdict_notes(run())[0].startswith("Open risks: 1 limit is broken, 2 risks could not")
    assert verdict_notes(dataclasses.replace(run(), stages=())) == []
