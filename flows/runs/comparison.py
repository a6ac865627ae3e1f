"""Two recorded runs side by side, and how a run compares with the champion.

Guarantees: the later of the two runs gives the test rows and their labels, so that B against A is
the mirror image of A against B; what can no longer be compared is said and the rest is shown; the
two lines about the champion never fail a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.compared_runs import KeptRun, rows_of
from flows.runs.opponents import TRAINING_KEY
from flows.runs.run_changes import changes_between, changes_since
from flows.runs.version_runs import run_of_version
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.judged_versions import recorded_digests
from tasks.ledger import open_ledger
from tasks.project.sections import Project
from tasks.run_comparison import (
    RunComparison,
    RunRows,
    compare_data,
    compare_labels,
    key_problem,
    pair_rows,
)
from tasks.run_folder import RunFolder
from tasks.steps import Ref

if TYPE_CHECKING:
    from tasks.run_comparison.results import Contestant, Results
    from tasks.run_comparison.rows import Pairing
    from tasks.tracking import Tracking


@dataclass(frozen=True)
class Scoring:
    """What it takes to score a recorded model: the registry, the project, allowed packages."""

    tracking: Tracking
    project: Project
    allow_imports: tuple[str, ...]

    def contestant(self, run: KeptRun, rows: RunRows | None) -> Contestant | None:
        """The run's model with what it has seen; None where it is gone."""
        from tasks.models import package_digest
        from tasks.run_comparison.results import Contestant

        package, units = run.package(), None
        if rows is not None and rows.units is not None:
            units = frozenset(rows.units[rows.sides != "test"])
        if (package is None or units is None) and run.version is not None:
            try:
                stored = self.tracking.champion(self.project.name, run.version)
                tags = self.tracking.version_tags(self.project.name, run.version)
            except (UnavailableError, KeyError, ValueError):
                return None
            recorded = recorded_digests(run.version, (), tags)
            if recorded.problem(package_digest(stored.package), stored.files_digest):
                return None
            package, units = package or stored.package, units or stored.units
        if package is None or units is None:
            return None
        return Contestant(
            package=package, project=run.project or self.project, units=units, rows=rows
        )


def compare_recorded(before: KeptRun, after: KeptRun, scoring: Scoring) -> RunComparison:
    """Everything that can be compared between two recorded runs."""
    rows = {"A": before.rows(), "B": after.rows()}
    first, second = rows["A"], rows["B"]
    pairing = None
    if first is not None and second is not None and not key_problem(first, second):
        pairing = pair_rows(first, second)
    data = compare_data(first, second, pairing) if first and second else None
    results, gone = _results({"A": before, "B": after}, rows, pairing, scoring)
    missing = [
        sentence
        for name, run in (("A", before), ("B", after))
        for sentence in _gone(name, run, rows[name])
    ]
    return RunComparison(
        project=scoring.project.name,
        before=before.described,
        after=after.described,
        changes=changes_between(before, after, data),
        results=results,
        labels=compare_labels(before.metrics, after.metrics),
        missing=(*missing, *([gone] if gone else [])),
    )


def _results(
    runs: Mapping[str, KeptRun],
    rows: Mapping[str, RunRows | None],
    pairing: Pairing | None,
    scoring: Scoring,
) -> tuple[Results | None, str]:
    """Both models on the test rows of the later run, or why there is nothing to show."""
    from tasks.run_comparison.results import compare_models

    earlier, later = sorted(runs, key=lambda name: runs[name].order)
    found = {name: scoring.contestant(runs[name], rows[name]) for name in runs}
    gone = [name for name in runs if found[name] is None]
    compared, first, second = rows[later], found[earlier], found[later]
    if first is None or second is None:
        return None, f"The models: none of {' or '.join(gone)} is in the evidence or the registry."
    if compared is None:
        return None, f"The models: the test rows of {later}, the later run, are gone."
    mirrored = later == "A"
    if pairing is not None and mirrored:
        pairing = pairing.mirrored()
    results = compare_models(first, second, compared, pairing, scoring.allow_imports)
    return (results.mirrored() if mirrored else results), ""


def _gone(name: str, run: KeptRun, rows: RunRows | None) -> list[str]:
    """What of a run cannot be compared any more, in sentences."""
    if run.verdict is None:
        return [
            f"{name} left no verdict (its data was refused, or its folder is gone), so nothing "
            "says which rows and which code it used."
        ]
    sentences = []
    if rows is None:
        sentences.append(
            f"The data: the rows of {name} are not in {run.store.root} (removed, or the run was "
            "made on another machine)."
        )
    if run.project is None:
        sentences.append(f"The settings: the project file of {name} is gone or no longer valid.")
    return sentences


def compared_with_champion(
    home: Path,
    store: EvidenceStore,
    refs: Mapping[str, Ref],
    project: Project,
    tracking: Tracking,
    serving: str | None,
) -> tuple[str, ...]:
    """How a run compares with the champion, in two lines: the effect, and what changed.

    A third says what relabelled rows did, where there are any. `refs` are the stages that ran,
    `serving` the champion when the gate judged. Nothing is scored: the effect is the gate's own.
    Whatever goes wrong is told in the line that it spoils.
    """
    labels: list[str] = []

    def effect() -> str:
        from tasks.reports.champion import effect_line

        gate, trained = refs.get("gate"), refs.get("training")
        tags = tracking.version_tags(project.name, serving) if serving else {}
        return effect_line(
            store.load(*gate.place) if gate else None,
            serving=serving,
            is_champion=trained is not None and trained.key == tags.get(TRAINING_KEY),
        )

    def changes() -> str:
        from tasks.reports.champion import changes_line, labels_line

        if serving is None:
            return changes_line(None, "")
        ledger = open_ledger(home, tracking, project.name)
        run_id = run_of_version(serving, ledger, tracking).run_id
        champion = KeptRun(run_id, RunFolder.of(home, run_id), store, serving)
        if champion.verdict is None:
            return changes_line(None, f"its run {run_id} is not in {home / 'runs'}")
        own = rows_of(store, {name: ref.key for name, ref in refs.items()}, whole=False)
        rows = champion.rows(whole=False)
        data = compare_data(rows, own) if rows and own else None
        found = changes_since(champion, project, data)
        judged = refs.get("label_consistency")
        own_metrics = store.load(*judged.place).metrics if judged else {}
        labels.append(labels_line(found, compare_labels(champion.metrics, own_metrics)))
        return changes_line(found, "")

    lines = (_told(effect), _told(changes))
    return (*lines, *filter(None, labels))


def _told(line: Callable[[], str]) -> str:
    try:
        return line()
    except Exception as failure:
        return f"Not compared with the champion: {type(failure).__name__}: {failure}"
