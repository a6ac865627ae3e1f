"""What a run's stage records amount to: verdict or refusal, reasons, exit code, what to do next.

Guarantees: a run in which the data was refused has no verdict; a run that reached the baselines
always has one; only a promotion, or a repeated verdict of one, ends with 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasks.advice import work_next
from tasks.checks import Check
from tasks.runs import RunRecord, StageRecord, Verdict
from tasks.stage_specs import stage_names

_EXIT_CODES: dict[Verdict | None, int] = {None: 3, "promote": 0, "reject": 4, "inconclusive": 5}

_STANDINGS = {"pending": 5, "approve": 0, "refuse": 4, "rolled_back": 5, "overtaken": 5}
"""Exit codes where what became of the verdict is not what the verdict says."""
_PROMOTED = ("", "promote", "approve")
_SETTLED_BY_PEOPLE = ("approve", "refuse", "rolled_back")


def conclude(run: RunRecord) -> RunRecord:
    """The record with all that follows from its stages filled in."""
    refusing = [stage for stage in run.stages if refuses_data(stage)]
    refused_by = tuple(check.id for stage in refusing for check in stage.checks if check.blocks)
    verdict, reasons = (None, ()) if refusing else _verdict(run)
    promotion = _facts(run, "promotion")
    standing = promotion.get("action", "")
    exit_code = _STANDINGS.get(standing, _EXIT_CODES[verdict])
    if exit_code == 0 and standing not in _PROMOTED:
        exit_code = 5
    if verdict and standing in _SETTLED_BY_PEOPLE:
        reasons = (_summary(run, "promotion"), *reasons)
    return replace(
        run,
        verdict=verdict,
        reasons=reasons if verdict else _details(run.stages, refused_by),
        refused_by=refused_by,
        exit_code=exit_code,
        candidate_version=promotion.get("candidate_version"),
        champion_version=promotion.get("champion_version"),
        dataset=_dataset(run),
        work_next=work_next(run.stages),
        metrics={
            name: value
            for stage in run.stages
            if stage.result is not None
            for name, value in stage.result.metrics.items()
        },
    )


def refuses_data(stage: StageRecord) -> bool:
    """Whether no model may be trained because of the stage; later ones judge the candidate."""
    return stage.name in stage_names("data") and stage.outcome in ("blocked", "error")


def _verdict(run: RunRecord) -> tuple[Verdict, tuple[str, ...]]:
    gate = _facts(run, "gate")
    if gate:
        return gate["verdict"], tuple(gate["reasons"])
    blocking = [check for stage in run.stages for check in stage.checks if check.blocks]
    failed = [check for check in blocking if check.outcome == "failed"]
    reasons = tuple(check.detail for check in failed or blocking)
    return ("reject" if failed else "inconclusive"), reasons or ("the gate was not reached",)


def _dataset(run: RunRecord) -> dict[str, Any]:
    """The data that the run used: rows as they came, kept and set aside over both data stages."""
    ingested, curated = _facts(run, "ingestion"), _facts(run, "validation")
    last = curated or ingested
    rows_in, rows_kept = ingested.get("rows_in"), last.get("rows_kept")
    return {
        "fingerprint": last.get("fingerprint"),
        "rows_in": rows_in,
        "rows_kept": rows_kept,
        "rows_quarantined": None if rows_in is None or rows_kept is None else rows_in - rows_kept,
    }


def _facts(run: RunRecord, stage: str) -> dict[str, Any]:
    found: list[StageRecord] = [s for s in run.stages if s.name == stage and s.result]
    return dict(found[0].result.facts) if found and found[0].result else {}


def _summary(run: RunRecord, stage: str) -> str:
    return next(s.result.summary for s in run.stages if s.name == stage and s.result)


def _details(stages: tuple[StageRecord, ...], ids: tuple[str, ...]) -> tuple[str, ...]:
    checks: list[Check] = [check for stage in stages for check in stage.checks]
    return tuple(check.detail for check in checks if check.id in ids and check.blocks)
