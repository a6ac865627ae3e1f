"""What the inputs of a stage hold: the part of its key that comes from earlier stages.

Guarantees: two inputs have the same hash when and only when a stage would be given the same; an
earlier stage that ran again and found the same leaves later keys as they were.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.checks import Check, StageResult
from tasks.declared_conditions import deciding_conditions, refuse_unmet_conditions
from tasks.evidence import EvidenceStore, hash_of, plain
from tasks.fingerprints import fingerprint_frame
from tasks.project.sections import Project
from tasks.seen_rows import SEEN_ROWS
from tasks.steps import Checks, Labels, Output, Ref, Suspects, Validated
from tasks.wear import Wear

if TYPE_CHECKING:
    from tasks.models import Champion

_HASHED_WHOLE = (Ref, Output, Checks, Wear)


def content(inputs: Any, store: EvidenceStore) -> dict[str, str]:
    """The hash of each input by its name; those of a group by the group's name and their own."""
    found: dict[str, str] = {}
    for one in fields(inputs):
        value = getattr(inputs, one.name)
        if is_dataclass(value) and not isinstance(value, _HASHED_WHOLE):
            inner = content(value, store)
            found |= {f"{one.name}.{name}": digest for name, digest in inner.items()}
        else:
            found[one.name] = content_of(value, store)
    return found


def content_of(value: Any, store: EvidenceStore) -> str:
    """The hash of a file, of what a stage left for others, of checks, or of a value."""
    if isinstance(value, Ref):
        return hash_of([store.fingerprints(*value.place), store.facts(*value.place)])
    if isinstance(value, Output):
        return hash_of(store.fingerprints(*value.of.place)[value.name])
    if isinstance(value, Checks):
        checks = [check for ref in value.of for check in store.checks(*ref.place)]
        return hash_of([_judgement(check) for check in checks])
    if isinstance(value, Path):
        with value.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hash_of(value.facts() if isinstance(value, Wear) else value)


def suspects_to_train_on(labels: Labels, project: Project, store: EvidenceStore) -> Suspects | None:
    """The weights of suspected train rows as evidence; None where they are kept as they are.

    By themselves, so that training depends on them and on nothing else that the labels stage found.
    """
    if project.labels.suspects == "keep":
        return None
    from tasks.labels.suspects import suspect_weights

    quality = store.output(*labels.place, "label_quality")
    weights = suspect_weights(quality, project.labels.suspects)
    key = fingerprint_frame(weights).total[:32]
    found = StageResult(stage="suspects", summary="", checks=(), outputs={"weights": weights})
    return Suspects(Ref("suspects", key, store.save(key, found)))


def check_conditions(project: Project, validated: Validated, store: EvidenceStore) -> None:
    """Raise ProjectFileError where a condition that decides over a model is met by no row.

    Here, since each stage would say so late: after the model is fitted.
    """
    if any(deciding_conditions(project)):
        rows = store.output(*validated.place, "curated")
        refuse_unmet_conditions(project, rows)


def columns_to_mitigate(project: Project) -> tuple[str, ...]:
    """The columns for whose groups training offers a mitigated candidate: those of `audit.gaps`.

    By themselves, so that a changed limit of a gap trains nothing again.
    """
    if not project.training.offer_mitigated or project.task == "regression":
        return ()
    asked = project.training.mitigate
    own = asked.columns if asked is not None else ()
    gaps = [name for gap in project.audit.gaps for name in gap.crossed]
    return tuple(dict.fromkeys((*own, *gaps))) if gaps else ()


def as_result(champion: Champion) -> StageResult:
    """The champion as evidence, so that stages are handed its key."""
    units = pd.DataFrame({"unit": sorted(champion.units)}, dtype="str")
    seen = {} if champion.seen is None else {SEEN_ROWS: champion.seen.to_frame()}
    return StageResult(
        stage="champion",
        summary=f"version {champion.version}",
        checks=(),
        facts={"version": champion.version, **({"problem": p} if (p := champion.problem) else {})},
        files=champion.package.to_files("model"),
        outputs={"units": units, **seen},
    )


def _judgement(check: Check) -> list[Any]:
    """What the gate makes of a check; of one that blocks it repeats what was found."""
    judged: list[Any] = [check.id, check.severity, check.outcome, check.required]
    if not check.blocks:
        return judged
    found = (check.value, check.limit, check.interval, check.n, check.unit, check.values)
    return [*judged, check.detail, plain(found)]
