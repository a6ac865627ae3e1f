"""From the gate's verdict to the decision that promotion carries out.

Guarantees: the verdict is written as a whole file before anything acts on it, and the decision
names its hash.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.opponents import TRAINING_KEY
from flows.runs.stage_inputs import content_of
from tasks.atomic import write_text
from tasks.evidence import EvidenceStore, hash_of
from tasks.label_review.files import overlay_path, ratings_path
from tasks.project.authority import limits
from tasks.promotion import IDENTITY, Decision
from tasks.row_marks import ROW_MARKS, marks_of
from tasks.serving import MODEL_DIGEST
from tasks.steps import Ref
from tasks.verdict_document import VerdictDocument, describe_verdict

if TYPE_CHECKING:
    from flows.runs.pipeline_run import PipelineRun
    from tasks.wear import Wear


def package_digest(store: EvidenceStore, trained: Ref) -> str:
    """`tasks.models.package_digest` of the stored candidate, from its files' stored hashes."""
    stored = store.fingerprints(trained["stage"], trained["key"])
    return hash_of({name: stored[name] for name in ("model.skops", "model.json")})


def identity_of(model_digest: str, split: Mapping[str, str]) -> str:
    """What makes a candidate the same version: its model, and the rows on each side."""
    return hash_of([model_digest, dict(split)])


def measure_question(run: PipelineRun, champion: Ref | None) -> tuple[Wear, str, int]:
    """What the test rows have seen; the question that is asked of them, and its place.

    The question is: on these test rows, with these labels, is this model better than that one, by
    this metric? Limits are no part of it: they decide on the same interval.
    """
    project, divided = run.loaded.project, run.refs["splitting"]
    where = (divided["stage"], divided["key"])
    question = hash_of(
        [
            package_digest(run.store, run.refs["training"]),
            run.store.facts(*where)["fingerprints"]["test"],
            run.store.facts(champion["stage"], champion["key"])["version"] if champion else None,
            project.gate.metric or project.training.metric,
        ]
    )
    marks = run.store.output(*where, ROW_MARKS)
    wear, place = run.given.opponents.wear(question, str(project.split.epoch), marks)
    return wear, question, place


def write_verdict(run: PipelineRun, champion: Ref | None) -> VerdictDocument:
    """The verdict of the run so far, kept as `verdict.json` in its folder."""
    judged = {name: ref for name, ref in run.refs.items() if name != "promotion"}
    ratings = ratings_path(run.loaded)
    document = describe_verdict(
        run.loaded.project,
        [record for record in run.records if record.name in judged],
        {name: ref["digest"] for name, ref in judged.items()},
        package_digest(run.store, run.refs["training"]),
        run.store.facts(champion["stage"], champion["key"])["version"] if champion else None,
        {
            "run_id": run.run_id,
            "when": run.started,
            "mlflow_run_id": run.mlflow_run,
            "source_path": str(run.loaded.source_path),
            "source_sha256": content_of(str(run.given.data), run.store),
            "overlay_path": str(overlay_path(run.loaded)),
            "overlay_sha256": content_of(run.label_file("overlay"), run.store),
            "ratings_path": None if ratings is None else str(ratings),
            "ratings_sha256": content_of(run.label_file("ratings"), run.store),
            "stage_keys": {name: ref["key"] for name, ref in judged.items()},
            "allow_imports": list(run.allow_imports),
        },
        run.loaded.binding,
    )
    path = verdict_path(run.home, run.run_id)
    write_text(path, document.text())
    return document


def verdict_path(home: Path, run_id: str) -> Path:
    """Where a run keeps its verdict."""
    return home / "runs" / run_id / "verdict.json"


def make_decision(run: PipelineRun, verdict: VerdictDocument, basis: str) -> Decision:
    """The verdict with what promotion needs to carry it out."""
    project, core = run.loaded.project, verdict.core
    hashes = core["hashes"]
    divided = run.refs["splitting"]
    identity = identity_of(hashes["model"], hashes["split"])
    now = datetime.datetime.now(datetime.UTC)
    signed_until = now + datetime.timedelta(days=project.approval.expires_days)
    return Decision(
        project=project.name,
        run_id=run.run_id,
        verdict=core["verdict"],
        reasons=tuple(core["reasons"]),
        verdict_hash=verdict.hash,
        identity=identity,
        model_digest=hashes["model"],
        test_version=core["test_version"],
        wear=core["wear"],
        question=run.question,
        place=run.place,
        rows=marks_of(run.store.output(divided["stage"], divided["key"], ROW_MARKS)).text(),
        epoch=str(project.split.epoch),
        spent=core["spending"]["sentence"],
        basis=basis,
        limits_hash=hash_of(limits(project)),
        serving=run.serving,
        approval=project.approval.mode,
        expires=signed_until.isoformat(timespec="seconds"),
        when=now.isoformat(timespec="seconds"),
        overrides=run.trial,
        tags={
            "assayline.champion_before": core["champion"] or "",
            "assayline.dataset_fingerprint": hashes["data"],
            "assayline.mlflow_run_id": run.mlflow_run,
            "assayline.run_id": run.run_id,
            IDENTITY: identity,
            MODEL_DIGEST: hashes["model"],
            TRAINING_KEY: run.refs["training"]["key"],
            "assayline.verdict": core["verdict"],
            "assayline.verdict_hash": verdict.hash,
        },
    )
