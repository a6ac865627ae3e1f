"""Which version a judged model is known by, and which judgement a version stands for.

Guarantees: a version that no longer is the judged model is not used again; one that was champion
stands for the judgement that made it champion, whatever was judged later; the tags of a version,
which a later run can change, are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.errors import UnavailableError
from tasks.ledger import JUDGEMENTS, Entry


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
