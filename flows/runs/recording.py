"""The record of a judged run: all that it takes to run it again as it was.

Guarantees: the record is whole before anything acts on the verdict; the change of a dirty tree is
kept as it was when the run began; a record that is found is the one that its version speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.context import RunContext
from flows.runs.version_runs import VersionRun, run_of_version
from tasks.errors import NotFoundError, UnavailableError
from tasks.evidence import plain
from tasks.ledger import Ledger
from tasks.lineage import CodeVersion, keeps, repository_of
from tasks.local_packages import recorded_sources
from tasks.recorded_run import RecordedCode, RecordedRun
from tasks.replay_steps import JudgedRun
from tasks.run_folder import DOCUMENT, RECORDED, VERDICT, RunFolder
from tasks.runs import StageRecord
from tasks.steps import Ref, RowRefs
from tasks.verdict_document import VerdictDocument, environment

if TYPE_CHECKING:
    from tasks.tracking import Tracking

_PATCHES = {"project": "project.diff", "assayline": "assayline.diff"}


@dataclass(frozen=True)
class Record:
    """The record of a run: its folder, or one that its artifacts were brought into."""

    folder: Path
    version: str
    judged: JudgedRun

    @property
    def run(self) -> RecordedRun:
        """What the run was given."""
        return self.judged.run

    def patch(self, name: str) -> bytes:
        """The uncommitted changes of `project` or `assayline` then; none where there were none."""
        path = self.folder / _PATCHES[name]
        return path.read_bytes() if path.is_file() else b""


def record_run(
    context: RunContext,
    refs: Mapping[str, Ref],
    records: Mapping[str, StageRecord],
    rows: RowRefs,
    verdict: VerdictDocument,
) -> None:
    """Keep what the run was given and found, beside its verdict."""
    core, beside, store, given = verdict.core, verdict.beside, context.store, context.given
    sides = given.earlier.sides(rows.validated)
    used = environment(context.project)
    write_patches(context.code, context.folder.path)
    RecordedRun(
        run_id=context.run_id,
        project_text=context.loaded.text,
        project_file=context.loaded.path.name,
        overrides=context.loaded.overrides,
        allow_imports=context.allow_imports,
        import_folders=_import_folders(
            tuple({*context.allow_imports, *recorded_sources(used)}), context.loaded.path.parent
        ),
        source_name=given.data.name,
        source_sha256=beside["source_sha256"],
        key_columns=given.earlier.key_columns(),
        sides=store.output(*sides.place, "assignments") if sides else None,
        label_bytes={
            name + path.suffix: path.read_bytes() for name, path in given.labels.present.items()
        },
        champion=core["champion"],
        anchor=core["anchor"],
        wear=core["spending"]["facts"],
        measured=beside["measured"],
        outputs={name: store.fingerprints(*ref.place) for name, ref in refs.items()},
        metrics=plain(
            {
                name: value
                for stage in (records[name].result for name in refs)
                if stage is not None
                for name, value in stage.metrics.items()
            }
        ),
        environment=used,
        assayline=version("assayline"),
        project_code=RecordedCode.of(context.code[0]),
        own_code=RecordedCode.of(context.code[1]),
    ).write(context.folder.recorded)


def write_patches(code: tuple[CodeVersion, CodeVersion], folder: Path) -> None:
    """The uncommitted changes of the project's repository and of Assayline's own, if any."""
    for name, one in zip(_PATCHES.values(), code, strict=True):
        if one.patch:
            (folder / name).write_bytes(one.patch)


def find_record(
    tracking: Tracking, ledger: Ledger, runs: Path, number: str, folder: Path
) -> Record:
    """The record of the run that a version stands for: among `runs`, else fetched to `folder`.

    Raises NotFoundError for a version that is not there, UnavailableError where there is no whole
    record, or one with another verdict than the version stands for.
    """
    project = ledger.project
    known = tracking.versions(project)
    if number not in known:
        there = f"it has {', '.join(known[-5:])}" if known else "it has none yet"
        raise NotFoundError(f"{project} has no version {number}: {there}")
    found = run_of_version(number, ledger, tracking)
    run_id = found.run_id
    if (runs / run_id / RECORDED / DOCUMENT).is_file():
        folder = runs / run_id
    elif not _fetch(tracking, found.mlflow_run, folder):
        raise UnavailableError(
            f"run {run_id} of version {number} left no record, neither in {runs / run_id} nor in "
            "MLflow: it was made before runs were recorded, or the record was deleted"
        )
    return Record(folder, number, JudgedRun(_verdict(folder, number, found), _given(folder)))


def _fetch(tracking: Tracking, mlflow_run: str | None, folder: Path) -> bool:
    """Bring a run's record from MLflow; whether there is a whole one."""
    folder.mkdir(parents=True)
    wanted = (VERDICT, RECORDED, *_PATCHES.values())
    found = {name for name in wanted if mlflow_run and tracking.download(mlflow_run, name, folder)}
    return {VERDICT, RECORDED} <= found


def _verdict(folder: Path, number: str, run: VersionRun) -> VerdictDocument:
    files = RunFolder(folder)
    verdict = files.verdict()
    if verdict is None:
        raise UnavailableError(f"{files.verdict_file} is gone; replay another version")
    if run.verdict_hash != verdict.hash:
        raise UnavailableError(
            f"{files.verdict_file} has hash {verdict.hash} and version {number} stands for the "
            f"verdict {run.verdict_hash}: one of them was changed"
        )
    return verdict


def _given(folder: Path) -> RecordedRun:
    return RecordedRun.read(folder / RECORDED)


def _import_folders(packages: tuple[str, ...], project: Path) -> tuple[str, ...]:
    """Where, inside the repository of the project, allowed packages come from."""
    root = repository_of(project)
    found = set()
    for package in packages if root is not None else ():
        spec = find_spec(package)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or root is None or not origin.is_relative_to(root):
            continue
        top = origin.parent if origin.name == "__init__.py" else origin
        # A virtual environment inside the repository is ignored by it.
        if keeps(root, top):
            found.add(top.parent.relative_to(root).as_posix())
    return tuple(sorted(found))
