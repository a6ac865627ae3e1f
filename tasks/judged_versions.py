"""Which version a judged model is known by, and which judgement a version stands for.

Guarantees: a version that no longer is the judged model is not used again; one that was champion
stands for the judgement that made it champion, whatever was judged later; the tags of a version,
which a later run can change, are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.errors import UnavailableError
from tasks.ledger import JUDGEMENTS, Entry
from tasks.serving import FILES_DIGEST, MODEL_DIGEST


def choose_version(
    same: Sequence[str], register: Callable[[], str], problem_of: Callable[[str], str | None]
) -> tuple[str, str]:
    """The version by which a candidate is known, and a remark where that needs one.

    It is the first of `same`, the versions registered for the same model, that has no problem;
    else a new one. Raises UnavailableError where the new one is not the model that was judged.
    """
    problems = []
    for version in same:
        problem = problem_of(version)
        if problem is None:
            return version, ""
        problems.append(problem)
    made = register()
    problem = problem_of(made)
    if problem is not None:
        raise UnavailableError(
            f"{problem}; it was registered a moment ago, nothing was written to the ledger; check "
            "MLflow's artifact store and run again"
        )
    if not problems:
        return made, ""
    return made, f"registered anew as version {made}, because {'; '.join(problems)}: "


@dataclass(frozen=True)
class RecordedDigests:
    """By which digests the records name a version: its package, and the files beside it.

    `files` is empty for a version that was registered before there was such a digest.
    """

    package: frozenset[str]
    files: frozenset[str]

    def problem(self, package: str, files: str) -> str:
        """Why stored files with these digests are not those that were registered; else empty."""
        if not self.package:
            return "no record names the digest of its model"
        for what, recorded, found in (
            ("its stored model has", self.package, package),
            (
                "what is stored beside its model (units, seen and golden rows) has",
                self.files,
                files,
            ),
        ):
            others = recorded - {found}
            if others:
                return (
                    f"{what} the digest {found[:12]} and its records say {min(others)[:12]}: it "
                    "was changed after it was registered"
                )
        return ""


def recorded_digests(
    version: str, entries: Sequence[Entry], tags: Mapping[str, str]
) -> RecordedDigests:
    """What the ledger and the tags of a version say of its stored files."""
    own = [entry for entry in entries if entry.candidate_version == version]
    return RecordedDigests(
        package=frozenset({e.model_digest for e in own} | {tags.get(MODEL_DIGEST, "")}) - {""},
        files=frozenset({e.files_digest for e in own} | {tags.get(FILES_DIGEST, "")}) - {""},
    )


def judgement_of(version: str, entries: Sequence[Entry]) -> Entry | None:
    """The newest entry that promoted or approved the version, else the newest that judged it.

    None where the ledger does not know: it never judged the version, or it began with it.
    """
    moves = [entry for entry in entries if entry.moves and entry.to_version == version]
    if moves:
        made = [entry for entry in moves if entry.action in ("promote", "approve")]
        return made[-1] if made else None
    judged = [e for e in entries if e.action in JUDGEMENTS and e.candidate_version == version]
    return judged[-1] if judged else None


def version_judged_by(run_id: str, entries: Sequence[Entry]) -> str | None:
    """The version that a run judged; None where the ledger has no judgement of that run."""
    judged = [e for e in entries if e.action in JUDGEMENTS and e.run_id == run_id]
    return judged[-1].candidate_version if judged else None
