"""The verdict as an object: every check, what it speaks about, and its own hash.

Guarantees: the hashed core holds all that decided and nothing that differs from run to run, so that
the same data, code, settings and opponents give the same hash; measured checks, ids and dates
stand beside it; a check that could not be judged is in it like one that was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.checks import Check
from tasks.evidence import hash_of, plain
from tasks.local_packages import local_sources, recorded_sources
from tasks.project.authority import limits
from tasks.project.sections import Project
from tasks.runs import StageRecord
from tasks.sealed_records import without_words
from tasks.stage_keys import (
    code_digest,
    foreign_packages,
    foreign_versions,
    library_versions,
)
from tasks.stage_specs import keyed_stages

FORMAT = 2
"""From the second on the core holds no title and no detail of a check; reasons are sentences."""
_MEASURED = ("value", "outcome", "detail", "values", "interval")


@dataclass(frozen=True)
class VerdictDocument:
    """A verdict: `core` decides and is hashed, `beside` differs from run to run."""

    core: Mapping[str, Any]
    beside: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of the core's canonical JSON."""
        return hash_of(self.core)

    def text(self) -> str:
        """The document as JSON: core, hash, beside."""
        whole = {"core": self.core, "hash": self.hash, "beside": self.beside}
        return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1)

    @classmethod
    def parse(cls, text: str) -> VerdictDocument:
        """The document that `text` gave. Raises ValueError where the core has another hash."""
        whole = json.loads(text)
        found = cls(whole["core"], whole["beside"])
        if found.hash != whole["hash"]:
            raise ValueError(f"the verdict says hash {whole['hash']} and its core has {found.hash}")
        return found

    @classmethod
    def read(cls, path: Path) -> VerdictDocument:
        """The document in a file."""
        return cls.parse(path.read_text(encoding="utf-8"))


def describe_verdict(
    project: Project,
    stages: Sequence[StageRecord],
    evidence: Mapping[str, str],
    model_digest: str,
    champion: str | None,
    beside: Mapping[str, Any],
    overrides: Sequence[str] = (),
) -> VerdictDocument:
    """The verdict of a run whose last stage was the gate.

    `evidence` is the digest of what each stage found, `champion` the version that the gate
    compared with. `overrides` are changes of what is bound to the project file, for that run alone
    (`tasks.project.authority`).
    """
    facts = {one.name: dict(one.result.facts) for one in stages if one.result is not None}
    gate, curated, split = facts["gate"], facts["validation"], facts["splitting"]
    checks = [check for stage in stages for check in stage.checks]
    core = {
        "format": FORMAT,
        "project": project.name,
        "verdict": gate["verdict"],
        "reasons": gate["reasons"],
        "rule": gate["rule"],
        "metric": gate["metric"],
        "against": gate["against"],
        "champion": champion,
        "anchor": gate["anchor"],
        "wear": gate["wear"],
        "level": gate["level"],
        "spending": gate["spending"],
        "test_version": split["test_rule"],
        "limits": limits(project),
        "overrides": list(overrides),
        "hashes": {
            "data": curated["fingerprint"],
            "features": curated["fingerprint_features"],
            "labels": curated["fingerprint_labels"],
            "split": split["fingerprints"],
            "code": code_hash(),
            "environment": hash_of(environment(project)),
            "project_code": hash_of(recorded_sources(environment(project))),
            "model": model_digest,
            "settings": hash_of(project.model_dump(mode="json", by_alias=True)),
            "evidence": dict(evidence),
        },
        "checks": [_core_of(check) for check in checks],
    }
    measured = {
        check.id: plain({name: getattr(check, name) for name in _MEASURED})
        for check in checks
        if check.measured
    }
    return VerdictDocument(plain(core), plain({**beside, "measured": measured}))


def code_hash() -> str:
    """SHA-256 over the code of every stage and of all that it imports inside `tasks`."""
    return hash_of({stage.name: code_digest(stage.name) for stage in keyed_stages()})


def project_code(project: Project) -> str:
    """The hash of the local packages that estimators come from, as they lie there now."""
    return hash_of(local_sources(foreign_packages(project)))


def environment(project: Project) -> dict[str, str]:
    """The versions of Python and of the libraries that the stages import.

    Of local packages that estimators come from it is the source, as in `foreign_versions`.
    """
    found = foreign_versions(project)
    for stage in keyed_stages():
        found |= library_versions(stage.name)
    return dict(sorted(found.items()))


def _core_of(check: Check) -> dict[str, Any]:
    values = without_words(dataclasses.asdict(check))
    if check.measured:
        return {name: value for name, value in values.items() if name not in _MEASURED}
    return values
