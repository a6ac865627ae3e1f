"""Which runs may be deleted, and what of the evidence and the data goes with them.

Guarantees: nothing is read or deleted here; a run that an entry of the ledger names, that made a
version, whose verdict stands, that is at work or that cannot be judged is kept whatever its age;
what a kept run names is kept with it; in doubt more is kept than has to be.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tasks.project.operation_sections import RetentionSection

Reason = Literal["ledger", "version", "verdict", "running", "unreadable", "newest", "recent"]

WORDS: Mapping[Reason, str] = {
    "ledger": "an entry of the ledger names them",
    "version": "a registered version came from them",
    "verdict": "their verdict still stands for unchanged runs",
    "running": "they are at work, or nobody has closed them yet",
    "unreadable": "they cannot be read, or the ledger that may name them cannot",
    "newest": "they are the newest, or the newest that got as far as a stage",
    "recent": "they are within the project's retention",
}
"""Why runs are kept, in words; the first that holds is given."""

GRACE_DAYS = 1.0
"""What no run ever named may be from a run that was killed and goes on: it is kept for a day."""

_STARTED = re.compile(r"\d{8}T\d{6}")
_DATED_LOG = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")


@dataclass(frozen=True, kw_only=True)
class KnownRun:
    """A run as its folder tells it.

    `ended` is whether its journal says so. `reached` are the stages that it left evidence of, and
    `page` where it left a decision page. `problem` is what cannot be read of it, as a clause.
    """

    run_id: str
    project: str
    ended: bool = True
    reached: frozenset[str] = frozenset()
    mlflow_run: str | None = None
    problem: str = ""

    @property
    def started(self) -> datetime.datetime | None:
        """When it began, which its id tells; None where that is no id of a run."""
        found = _STARTED.match(self.run_id)
        try:
            moment = datetime.datetime.strptime(found[0] if found else "", "%Y%m%dT%H%M%S")
        except ValueError:
            return None
        return moment.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Deciding:
    """What names runs that decided something.

    `ledger` and `verdicts` are our own ids; `versions` those of the runs that made the registered
    versions, their MLflow runs among them.
    """

    ledger: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()

    def reason(self, run: KnownRun) -> Reason | None:
        """Why a run is kept for good; None where it decided nothing."""
        if run.run_id in self.ledger:
            return "ledger"
        if self.versions & {run.run_id, run.mlflow_run}:
            return "version"
        return "verdict" if run.run_id in self.verdicts else None


@dataclass(frozen=True)
class RunPlan:
    """The runs of a project to delete, and why each of the others is kept."""

    delete: tuple[KnownRun, ...]
    kept: Mapping[str, Reason]


def plan_runs(
    runs: Iterable[KnownRun],
    retention: RetentionSection,
    deciding: Deciding,
    now: datetime.datetime,
) -> RunPlan:
    """Which runs of one project go: older than `days`, or beyond the newest `runs` of their kind.

    The project's newest run stays, and so does the newest with each of the things that commands
    look for in the newest run that has it: a decision page, the evidence of a stage.
    """
    newest_first = sorted(runs, key=lambda run: run.run_id, reverse=True)
    looked_for = _looked_for(newest_first)
    delete, kept, idle = [], dict[str, Reason](), 0
    for run in newest_first:
        reason = _kept_for_good(run, deciding)
        if reason is None:
            idle += 1
            within = idle <= retention.runs and _age(run, now) <= retention.days
            reason = "recent" if within else "newest" if run.run_id in looked_for else None
        if reason is None:
            delete.append(run)
        else:
            kept[run.run_id] = reason
    return RunPlan(tuple(delete), kept)


@dataclass(frozen=True)
class Named:
    """Evidence by stage and key, and data files by their SHA-256, that runs name."""

    evidence: frozenset[tuple[str, str]] = frozenset()
    sources: frozenset[str] = frozenset()

    def __or__(self, other: Named) -> Named:
        return Named(self.evidence | other.evidence, self.sources | other.sources)

    @classmethod
    def by_run(
        cls, run_id: str, keys: Mapping[str, str], beside: Mapping[str, Any] | None
    ) -> Named:
        """What a run names: `keys` of its stages, and what stands `beside` its verdict, if any."""
        beside = beside or {}
        found = {*keys.items(), *beside.get("stage_keys", {}).items(), ("promotion", run_id)}
        hashes = {value for name, value in beside.items() if name.endswith("_sha256") and value}
        return cls(frozenset(found), frozenset(hashes))


def may_go(
    item: object, age_days: float, named: Collection[object], released: Collection[object]
) -> bool:
    """Whether something that runs name may be deleted.

    `named` is what the remaining runs name, `released` what the deleted ones did.
    """
    return item not in named and (item in released or age_days > GRACE_DAYS)


def log_is_old(name: str, days: float, now: datetime.datetime) -> bool:
    """Whether the day of a dated log ended more than `days` ago; False for any other name."""
    found = _DATED_LOG.fullmatch(name)
    try:
        day = datetime.date.fromisoformat(found[1] if found else "")
    except ValueError:
        return False
    ended = datetime.datetime.combine(day, datetime.time.max, tzinfo=datetime.UTC)
    return now - ended > datetime.timedelta(days=days)


def _kept_for_good(run: KnownRun, deciding: Deciding) -> Reason | None:
    reason = deciding.reason(run)
    if reason is not None:
        return reason
    if run.problem or run.started is None:
        return "unreadable"
    return None if run.ended else "running"


def _looked_for(newest_first: Sequence[KnownRun]) -> set[str]:
    """The newest run, and the newest that reached each thing that any reached."""
    found = {run.run_id for run in newest_first[:1]}
    seen: set[str] = set()
    for run in newest_first:
        if not run.reached <= seen:
            found.add(run.run_id)
            seen |= run.reached
    return found


def _age(run: KnownRun, now: datetime.datetime) -> float:
    """In days."""
    return (now - run.started).total_seconds() / 86400 if run.started else 0.0
