"""A run as the one JSON document that `assayline run --json` prints.

Guarantees: strict JSON (what is not a finite number is null, NumPy and pandas values are plain);
the same keys in the same order, whatever the run ended with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.checks import Check
from tasks.reports.summary import promotion_action, verdict_sentence
from tasks.runs import RunRecord, StageRecord

_DATASET = ("fingerprint", "rows_in", "rows_kept", "rows_quarantined")


def run_document(run: RunRecord) -> dict[str, Any]:
    """The run as JSON values; `verdict` is null where the data was refused, by `refused_by`."""
    return {
        "run_id": run.run_id,
        "project": run.project.name,
        "verdict": run.verdict,
        "sentence": verdict_sentence(run),
        "standing": promotion_action(run) or None,
        "reasons": list(run.reasons),
        "refused_by": list(run.refused_by),
        "exit_code": run.exit_code,
        "verdict_hash": run.verdict_hash,
        "unchanged_since": run.unchanged_since,
        "resumed_from": run.resumed_from,
        "overrides": list(run.overrides),
        "trial": list(run.trial),
        "candidate_version": _plain(run.candidate_version),
        "champion_version": _plain(run.champion_version),
        "compared": list(run.compared),
        "dataset": {name: _plain(run.dataset.get(name)) for name in _DATASET},
        "stages": [_stage(stage) for stage in run.stages],
        "metrics": _plain(run.metrics),
        "report": _plain(run.report),
        "mlflow_run_id": run.mlflow_run_id,
        "prefect_flow_run_id": _plain(run.prefect_flow_run_id),
    }


def _stage(stage: StageRecord) -> dict[str, Any]:
    return {
        "name": stage.name,
        "outcome": stage.outcome,
        "seconds": _plain(round(stage.seconds, 3)),
        "cached": bool(stage.cached),
        "checks": [_check(check) for check in stage.checks],
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity,
        "outcome": check.outcome,
        "value": _plain(check.value),
        "limit": _plain(check.limit),
        "interval": _plain(check.interval),
        "n": _plain(check.n),
        "detail": check.detail,
    }


def _plain(value: Any) -> Any:
    """The value as JSON has it; what JSON does not know becomes its text."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value)
