"""From the gate's verdict to the decision that promotion carries out.

Guarantees: the verdict is written as a whole file before anything acts on it, and the decision
names its hash.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from flows.runs.context import RunContext
from flows.runs.opponents import TRAINING_KEY
from flows.runs.stage_inputs import content, content_of
from tasks import moments
from tasks.atomic import write_text
from tasks.evidence import EvidenceStore, hash_of
from tasks.label_review.files import overlay_path, ratings_path
from tasks.project.authority import limits
from tasks.promotion import IDENTITY, Decision
from tasks.row_marks import ROW_MARKS, marks_of
from tasks.runs import StageRecord
from tasks.serving import MODEL_DIGEST
from tasks.stage_keys import stage_key
from tasks.steps import Contest, Ref
from tasks.verdict_document import VerdictDocument, describe_verdict
from tasks.wear import Wear


@dataclass(frozen=True)
class Question:
    """What is asked of the test rows; its place in the ledger, and what the rows have seen.

    `basis` is the key of all that the gate is given but the wear.
    """

    text: str
    place: int
    wear: Wear
    basis: str


def package_digest(store: EvidenceStore, trained: Ref) -> str:
    """`tasks.models.package_digest` of the stored candidate, from its files' stored hashes."""
    stored = store.fingerprints(*trained.place)
    return hash_of({name: stored[name] for name in ("model.skops", "model.json")})


def identity_of(model_digest: str, split: Mapping[str, str]) -> str:
    """What makes a candidate the same version: its model, and the rows on each side."""
    return hash_of([model_digest, dict(split)])


def ask_question(context: RunContext, trained: Ref, contest: Contest) -> Question:
    """On these test rows, with these labels, is this model better than that one, by this metric?

    Limits are no part of it: they decide on the same interval.
    """
    project, store = context.project, context.store
    divided = contest.rows.divided.place
    text = hash_of(
        [
            package_digest(store, trained),
            store.facts(*divided)["fingerprints"]["test"],
            _version(contest, store),
            project.gate.metric or project.training.metric,
        ]
    )
    marks = store.output(*divided, ROW_MARKS)
    wear, place = context.given.opponents.wear(text, str(project.split.epoch), marks)
    return Question(text, place, wear, stage_key("gate", project, content(contest, store)))


def write_verdict(
    context: RunContext,
    refs: Mapping[str, Ref],
    records: Mapping[str, StageRecord],
    contest: Contest,
) -> VerdictDocument:
    """The verdict of the run so far, kept as `verdict.json` in its folder.

    `refs` are the stages that led to it, `records` theirs.
    """
    store, labels = context.store, context.given.labels
    ratings = ratings_path(context.loaded)
    document = describe_verdict(
        context.project,
        [records[name] for name in refs],
        {name: ref.digest for name, ref in refs.items()},
        package_digest(store, refs["training"]),
        _version(contest, store),
        {
            "run_id": context.run_id,
            "when": context.started,
            "mlflow_run_id": context.mlflow_run,
            "source_path": str(context.loaded.source_path),
            "source_sha256": content_of(context.given.data, store),
            "overlay_path": str(overlay_path(context.loaded)),
            "overlay_sha256": content_of(labels.overlay, store),
            "ratings_path": None if ratings is None else str(ratings),
            "ratings_sha256": content_of(labels.ratings, store),
            "stage_keys": {name: ref.key for name, ref in refs.items()},
            "allow_imports": list(context.allow_imports),
        },
        context.loaded.binding,
    )
    write_text(context.folder.verdict_file, document.text())
    return document


def _version(contest: Contest, store: EvidenceStore) -> str | None:
    champion = contest.champion
    return str(store.facts(*champion.place)["version"]) if champion else None


def make_decision(
    context: RunContext,
    refs: Mapping[str, Ref],
    verdict: VerdictDocument,
    question: Question,
    serving: str | None,
) -> Decision:
    """The verdict with what promotion needs to carry it out."""
    project, core = context.project, verdict.core
    hashes = core["hashes"]
    marks = context.store.output(*refs["splitting"].place, ROW_MARKS)
    identity = identity_of(hashes["model"], hashes["split"])
    now = moments.now()
    signed_until = now + datetime.timedelta(days=project.approval.expires_days)
    return Decision(
        project=project.name,
        run_id=context.run_id,
        verdict=core["verdict"],
        reasons=tuple(core["reasons"]),
        verdict_hash=verdict.hash,
        identity=identity,
        model_digest=hashes["model"],
        test_version=core["test_version"],
        wear=core["wear"],
        question=question.text,
        place=question.place,
        rows=marks_of(marks).text(),
        epoch=str(project.split.epoch),
        spent=core["spending"]["sentence"],
        basis=question.basis,
        limits_hash=hash_of(limits(project)),
        serving=serving,
        approval=project.approval.mode,
        expires=signed_until.isoformat(timespec="seconds"),
        when=now.isoformat(timespec="seconds"),
        overrides=context.trial,
        tags={
            "assayline.champion_before": core["champion"] or "",
            "assayline.dataset_fingerprint": hashes["data"],
            "assayline.mlflow_run_id": context.mlflow_run,
            "assayline.run_id": context.run_id,
            IDENTITY: identity,
            MODEL_DIGEST: hashes["model"],
            TRAINING_KEY: refs["training"].key,
            "assayline.verdict": core["verdict"],
            "assayline.verdict_hash": verdict.hash,
        },
    )
