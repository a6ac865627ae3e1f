"""What the finished runs of a home say, for metrics and pages.

Guarantees: the folder of a run that has ended is read once; how often runs ended in which way never
counts down, also when their folders are deleted; a folder that cannot be read is passed over and
counted.
"""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flows.runs.journal import Journal
from tasks.errors import UnavailableError
from tasks.run_folder import RunFolder

RESULTS = ("promote", "reject", "inconclusive", "refused", "failed")
"""How a run can end: by its verdict, without one because the data was refused, or too early."""
KILLED = 137
"""The exit code of a run whose process vanished, as a shell has it."""
_ROW_KINDS = ("in", "kept", "quarantined")


@dataclass(frozen=True)
class JudgedFacts:
    """What the document of a run says. A stage that was cached has no seconds."""

    stages: Mapping[str, float | None]
    rows: Mapping[str, int]
    champion: int | None
    failures: Mapping[str, int]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> JudgedFacts:
        """The facts in what `run_document` gave. Raises what a document of another form raises."""
        rows = {kind: document["dataset"][f"rows_{kind}"] for kind in _ROW_KINDS}
        champion = document["champion_version"]
        failures = Counter({"critical": 0, "warning": 0, "info": 0})
        stages = [stage for stage in document["stages"] if stage["outcome"] != "not_run"]
        failures.update(
            check["severity"]
            for stage in stages
            for check in stage["checks"]
            if check["outcome"] in ("failed", "error")
        )
        return cls(
            stages={s["name"]: None if s["cached"] else float(s["seconds"]) for s in stages},
            rows={kind: int(number) for kind, number in rows.items() if number is not None},
            champion=None if champion is None else int(champion),
            failures=dict(failures),
        )


@dataclass(frozen=True)
class EndedRun:
    """A run that is over; `judged` is None where it failed before it had a document.

    `when` is its end, or its beginning where nobody saw the end.
    """

    run_id: str
    project: str
    result: str
    when: datetime.datetime
    seconds: float | None
    exit_code: int
    sentence: str
    judged: JudgedFacts | None

    @classmethod
    def of(cls, journal: Journal, document: Mapping[str, Any] | None) -> EndedRun:
        """The run of a journal, and its document where it finished.

        Raises what journals and documents of another form raise.
        """
        result = "failed" if document is None else document["verdict"] or "refused"
        if result not in RESULTS:
            raise ValueError(f"run {journal.run_id} has the verdict {result}")
        code = KILLED if journal.exit_code is None else int(journal.exit_code)
        if document is not None:
            code = int(document["exit_code"])
        killed = f"The process of the run vanished after {journal.last_stage or 'no stage'}."
        ended = journal.ended
        return cls(
            run_id=journal.run_id,
            project=journal.project,
            result=result,
            when=datetime.datetime.fromisoformat(ended) if ended else began_at(journal.run_id),
            seconds=None if journal.seconds is None else float(journal.seconds),
            exit_code=code,
            sentence=journal.sentence or (killed if document is None else ""),
            judged=None if document is None else JudgedFacts.of(document),
        )


@dataclass(frozen=True)
class RunFacts:
    """The runs of a home at one moment, by project; `counts` is by project and result.

    `newest` is the last run that ended, `judged` the last with a result, `crowned` the last that
    named a champion, `running` the one that has not ended.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    newest: dict[str, EndedRun] = field(default_factory=dict)
    judged: dict[str, EndedRun] = field(default_factory=dict)
    crowned: dict[str, EndedRun] = field(default_factory=dict)
    running: dict[str, Journal] = field(default_factory=dict)
    unreadable: int = 0


class RunReader:
    """Reads the run folders of a home, each once; several threads may ask."""

    def __init__(self, home: Path) -> None:
        self._runs = home / "runs"
        self._lock = threading.Lock()
        self._ended: set[str] = set()
        self._facts = RunFacts()

    def read(self) -> RunFacts:
        """The facts of now: what was known, and what has ended since the last time."""
        with self._lock:
            names = _folders(self._runs)
            # What was deleted is forgotten, or a process that lives for years would grow.
            self._ended &= names
            running: dict[str, Journal] = {}
            unreadable = 0
            for name in sorted(names - self._ended):
                folder = RunFolder(self._runs / name)
                try:
                    journal = _read_journal(folder)
                    if journal.status == "running":
                        running[journal.project] = journal
                    else:
                        self._take(name, _ended_run(journal, folder))
                except (UnavailableError, ValueError, TypeError, KeyError, AttributeError):
                    unreadable += folder.path.exists()  # else it was deleted this moment
            self._facts = replace(self._facts, running=running, unreadable=unreadable)
            return _copy(self._facts)

    def _take(self, name: str, run: EndedRun) -> None:
        facts = self._facts
        self._ended.add(name)
        facts.counts[run.project, run.result] += 1
        _keep_newer(facts.newest, run)
        if run.judged is not None:
            _keep_newer(facts.judged, run)
            if run.judged.champion is not None:
                _keep_newer(facts.crowned, run)


def _copy(facts: RunFacts) -> RunFacts:
    """Facts that the next reading does not change."""
    return replace(
        facts,
        counts=facts.counts.copy(),
        newest=dict(facts.newest),
        judged=dict(facts.judged),
        crowned=dict(facts.crowned),
    )


def _folders(runs: Path) -> set[str]:
    try:
        return {path.name for path in runs.iterdir() if _is_run_folder(path)}
    except FileNotFoundError:
        return set()


def _is_run_folder(path: Path) -> bool:
    return path.name[0] != "." and path.is_dir() and not path.is_symlink()


def _read_journal(folder: RunFolder) -> Journal:
    journal = Journal.read(folder)
    if journal is None or journal.run_id != folder.run_id or not isinstance(journal.project, str):
        raise ValueError(f"the journal in {folder.path} is not that of this run")
    began_at(journal.run_id)
    return journal


def _ended_run(journal: Journal, folder: RunFolder) -> EndedRun:
    if journal.status != "finished":
        return EndedRun.of(journal, None)
    document = folder.document()
    if document is None:
        raise ValueError(f"the finished run in {folder.path} has no document")
    return EndedRun.of(journal, document)


def began_at(run_id: str) -> datetime.datetime:
    """When a run began, which its id says. Raises ValueError for what is no run's id."""
    began = datetime.datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S")
    return began.replace(tzinfo=datetime.UTC)


def _keep_newer(kept: dict[str, EndedRun], run: EndedRun) -> None:
    # The id of a run begins with the time at which it began.
    if run.project not in kept or kept[run.project].run_id < run.run_id:
        kept[run.project] = run
