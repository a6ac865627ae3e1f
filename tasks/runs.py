"""The record of one run: what the page, the summary, Prefect, MLflow and `--json` all show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.checks import Check, StageOutcome, StageResult, Table
from tasks.project.sections import Project

Verdict = Literal["promote", "reject", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """One stage of a run; `result` is None where it was not run."""

    name: str
    outcome: StageOutcome
    seconds: float = 0.0
    cached: bool = False
    result: StageResult | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        """The stage's checks; none where it was not run."""
        return self.result.checks if self.result else ()


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, complete. `verdict` is None where the data was refused, by `refused_by`.

    `verdict_hash` is the hash of `verdict.json`, which a signature names. `compared` tells in two
    lines how the run compares with the champion: the effect, and what changed since. `work_next`
    holds at most three sentences, the most worthwhile first; `trend` the tags behind them over the
    last runs (`tasks.tag_trend`), None where there is no earlier one. `dataset` has fingerprint,
    rows_in, rows_kept and rows_quarantined. `provenance` is shown as name and value: seed, code
    version, library versions, fingerprints. `overrides` are the changes of the project file for
    this run alone; those in `trial` make it one that promotes only by a signature that names them.
    """

    run_id: str
    project: Project
    started: str
    exit_code: int
    verdict: Verdict | None
    reasons: tuple[str, ...]
    refused_by: tuple[str, ...] = ()
    verdict_hash: str | None = None
    unchanged_since: str | None = None
    resumed_from: str | None = None
    overrides: tuple[str, ...] = ()
    trial: tuple[str, ...] = ()
    candidate_version: str | None = None
    champion_version: str | None = None
    dataset: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[StageRecord, ...] = ()
    compared: tuple[str, ...] = ()
    work_next: tuple[str, ...] = ()
    trend: Table | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    report: str | None = None
    mlflow_run_id: str | None = None
    prefect_flow_run_id: str | None = None
