import json
import math

import numpy as np

from tasks.checks import Check, StageResult
from tasks.project.sections import Project
from tasks.reports.document import run_document
from tasks.runs import RunRecord, StageRecord

CHECK = Check(
    id="gate.beats:quick",
    stage="gate",
    title="Gain",
    severity="critical",
    outcome="failed",
    detail="It cannot be measured.",
    value=math.nan,
    limit=np.float64(0.5),
    interval=(-math.inf, np.float32(0.25)),
    n=np.int64(469),
)


def make_run(**more):
    result = StageResult(stage="gate", summary="", checks=(CHECK,))
    stage = StageRecord(name="gate", outcome="blocked", seconds=1.23456, result=result)
    values = {
        "run_id": "run-1",
        "project": Project(name="loans", source={"path": "x.csv"}, target="t"),
        "started": "2026-07-28T10:15:02+00:00",
        "exit_code": 4,
        "verdict": "reject",
        "reasons": ("Not enough.",),
        "dataset": {
            "fingerprint": "ab",
            "rows_in": np.int64(10),
            "rows_kept": 9,
            "rows_quarantined": 1,
            "more": object(),
        },
        "stages": (stage, StageRecord(name="promotion", outcome="not_run")),
        "metrics": {"test.f1": np.float64(0.5), "test.gone": math.nan},
    }
    return RunRecord(**{**values, **more})


def test_the_document_is_strict_json_with_plain_values():
    document = run_document(make_run())
    assert json.loads(json.dumps(document, allow_nan=False)) == {
        "run_id": "run-1",
        "project": "loans",
        "verdict": "reject",
        "sentence": "Reject: the candidate does not ship.",
        "standing": None,
        "reasons": ["Not enough."],
        "refused_by": [],
        "exit_code": 4,
        "verdict_hash": None,
        "unchanged_since": None,
        "resumed_from": None,
        "overrides": [],
        "trial": [],
        "candidate_version": None,
        "champion_version": None,
        "compared": [],
        "dataset": {"fingerprint": "ab", "rows_in": 10, "rows_kept": 9, "rows_quarantined": 1},
        "stages": [
            {
                "name": "gate",
                "outcome": "blocked",
                "seconds": 1.235,
                "cached": False,
                "checks": [
                    {
                        "id": "gate.beats:quick",
                        "title": "Gain",
                        "severity": "critical",
                        "outcome": "failed",
                        "value": None,
                        "limit": 0.5,
                        "interval": [None, 0.25],
                        "n": 469,
                        "detail": "It cannot be measured.",
                    }
                ],
            },
            {
                "name": "promotion",
                "outcome": "not_run",
                "seconds": 0.0,
                "cached": False,
                "checks": [],
            },
        ],
        "metrics": {"test.f1": 0.5, "test.gone": None},
        "report": None,
        "mlflow_run_id": None,
        "prefect_flow_run_id": None,
    }


def test_refused_data_has_no_verdict_and_names_its_checks():
    document = run_document(
        make_run(verdict=None, exit_code=3, refused_by=("validation.rows",), dataset={})
    )
    assert document["verdict"] is None
    assert document["refused_by"] == ["validation.rows"]
    assert document["dataset"] == {
        "fingerprint": None,
        "rows_in": None,
        "rows_kept": None,
        "rows_quarantined": None,
    }


def test_the_keys_and_their_order_do_not_depend_on_the_outcome():
    assert list(run_document(make_run())) == list(run_document(make_run(verdict=None, stages=())))
