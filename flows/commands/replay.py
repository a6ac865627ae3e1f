"""`assayline replay`: run a recorded decision again and prove that it comes out the same.

Guarantees: what the run is given comes from its record, not from the state of today; everything is
computed again, in a process and a home of its own, so that nothing is registered, promoted or
written to a ledger; the code is the code of then, or the replay is refused; nothing that it makes
is left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.history import has_records
from flows.commands.interruption import terminating
from flows.runs.rebuilt_code import OWN, code_of_then, imports_of_then
from flows.runs.recording import Record, find_record
from flows.services.home import resolve_home
from flows.terminal import print_json
from tasks.errors import NotFoundError, UnavailableError
from tasks.judged_versions import recorded_digests
from tasks.ledger import Ledger, open_ledger
from tasks.local_packages import local_folders, recorded_sources
from tasks.project import load_project
from tasks.recorded_run import RecordedRun, write_model
from tasks.replay_steps import (
    JudgedRun,
    Replay,
    Step,
    compare_runs,
    library_differences,
    source_step,
)
from tasks.run_folder import RunFolder
from tasks.source_archive import find_source, source_hash

if TYPE_CHECKING:
    from tasks.models import Champion
    from tasks.tracking import Tracking

_OF_A_HOME = ("PREFECT_", "MLFLOW_", "ASSAYLINE_")
# A configured server shows the replay like any run.
_OF_A_SERVER = ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING")
_ENDED = (0, 3, 4, 5)


def command(options: argparse.Namespace) -> int:
    """Replay a version: 0 where it is equal, 4 where it is not."""
    loaded = load_project(Path(options.project))
    home, name = resolve_home(loaded.path), loaded.project.name
    if not has_records(home, name):
        raise NotFoundError(f"{name} has no model in {home} to replay; run it first")
    from tasks.tracking import Tracking

    tracking = Tracking(home)
    ledger = open_ledger(home, tracking, name)
    with terminating(), _temporary_folder(home / "tmp") as place:
        record = find_record(tracking, ledger, home / "runs", options.version, place / "record")
        found = _replay(record, loaded.path.parent, (ledger, tracking), home, place, options.here)
    if options.json:
        print_json(_document(record, name, found))
    else:
        sys.stdout.write(_table(record, name, found))
    return 0 if found.equal else 4


@contextlib.contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    # The server of a run that was ended may write its last line a moment later.
    with tempfile.TemporaryDirectory(
        prefix="replay-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _replay(
    record: Record,
    project: Path,
    stores: tuple[Ledger, Tracking],
    home: Path,
    place: Path,
    here: bool,
) -> Replay:
    """Bring together what the run was given, run it again and compare."""
    run, (ledger, tracking) = record.run, stores
    source = find_source(home / "sources", run.source_sha256, run.source_name)
    kept = source_step(run.source_name, run.source_sha256, source_hash(source))
    if not kept.equal:
        return Replay((kept,), ())
    differences = library_differences(run.environment, _environment(run.environment))
    if differences:
        sys.stderr.write(f"libraries differ: {differences}\n")
    given = place / "given"
    _give(record, source, ledger, tracking, given)
    code = contextlib.nullcontext(OWN) if here else code_of_then(record, place / "assayline")
    imports = (
        contextlib.nullcontext(local_folders(recorded_sources(run.environment)))
        if here
        else imports_of_then(record, project, place / "project")
    )
    with code as root, imports as folders:
        document = _run_again(run, given, (root, *folders), place / "home")
    again = RunFolder.of(place / "home", document["run_id"])
    verdict = again.verdict()
    if verdict is None or not again.recorded.is_dir():
        return _stopped(record, document, differences)
    return compare_runs(record.judged, JudgedRun(verdict, RecordedRun.read(again.recorded)))


def _give(record: Record, source: Path, ledger: Ledger, tracking: Tracking, given: Path) -> None:
    """The folder that the run is started with: its record, the project file, data and models."""
    run = record.run
    shutil.copytree(RunFolder(record.folder).recorded, given)
    (given / run.project_file).write_text(run.project_text, encoding="utf-8")
    place = run.source(given)
    place.parent.mkdir()
    place.symlink_to(source)
    for name, number in (("champion", run.champion), ("anchor", run.anchor)):
        if number is not None:
            write_model(_opponent(number, ledger, tracking), given / name)


def _opponent(version: str, ledger: Ledger, tracking: Tracking) -> Champion:
    """A version that the run was compared with. Raises UnavailableError where it is another now."""
    from tasks.models import package_digest

    tags = tracking.version_tags(ledger.project, version)
    recorded = recorded_digests(version, ledger.entries(), tags)
    try:
        found = tracking.champion(ledger.project, version)
        problem = recorded.problem(package_digest(found.package), found.files_digest)
    except (KeyError, ValueError) as failure:
        problem = f"its stored files are damaged: {failure}"
    if problem:
        raise UnavailableError(
            f"the run was compared with version {version}, and {problem}; restore its files in "
            "MLflow's artifact store from a backup, and replay again"
        )
    return found


def _run_again(
    run: RecordedRun, given: Path, code: Sequence[Path], home: Path
) -> Mapping[str, Any]:
    """The run as recorded, in a process of its own; its document.

    Raises UnavailableError where it ended without one.
    """
    words = [sys.executable, "-m", "flows.cli", "run", str(given / run.project_file), "--json"]
    words += ["--as-recorded", str(given)]
    words += [f"--set={one}" for one in run.overrides]
    words += [f"--allow-imports={one}" for one in run.allow_imports]
    outside = {
        n: v for n, v in os.environ.items() if not n.startswith(_OF_A_HOME) or n in _OF_A_SERVER
    }
    path = [*map(str, code), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"ASSAYLINE_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    process = subprocess.Popen(  # noqa: S603 - our own command, our own interpreter
        words,
        cwd=code[0],
        env={**outside, **own, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        text=True,
        # A Ctrl-C is for this command, which then ends the run itself, once.
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode not in _ENDED or not printed:
        raise UnavailableError(
            f"the replay of run {run.run_id} ended with exit code {process.returncode} before it "
            "judged anything; its message stands above"
        )
    document: Mapping[str, Any] = json.loads(printed)
    return document


def _stopped(record: Record, document: Mapping[str, Any], libraries: str) -> Replay:
    """A replay that a stage stopped, so that it has no verdict as the recorded run has one."""
    blocked = [s for s in document["stages"] if s["outcome"] in ("blocked", "error")]
    stage, why = blocked[0]["name"], "; ".join(document["reasons"])
    then = record.judged.hashes["evidence"].get(stage, "")
    inputs = (Step("libraries", "", libraries, libraries),) if libraries else ()
    return Replay(inputs, (Step(stage, then, "stopped", f"it stopped the replay: {why}"),))


def _environment(names: Mapping[str, str]) -> dict[str, str]:
    """The versions of today of Python and the named libraries."""
    found = {"python": platform.python_version()} if "python" in names else {}
    for name in names.keys() - recorded_sources(names):
        with contextlib.suppress(PackageNotFoundError):
            found.setdefault(name, version(name) if name != "python" else "")
    return found


def _document(record: Record, project: str, found: Replay) -> dict[str, Any]:
    first = found.first_difference
    steps = (("input", found.inputs), ("result", found.results))
    return {
        "project": project,
        "version": record.version,
        "run_id": record.run.run_id,
        "equal": found.equal,
        "first_difference": first.name if first else None,
        "causes": list(found.causes),
        "sentence": found.sentence,
        "steps": [
            {"kind": kind, **asdict(step), "equal": step.equal}
            for kind, several in steps
            for step in several
        ],
    }


def _table(record: Record, project: str, found: Replay) -> str:
    lines = [f"replay of version {record.version} of {project}, run {record.run.run_id}", ""]
    lines.append(f"{'':<18} {'then':<12}  {'now':<12}")
    for step in (*found.inputs, *found.results):
        says = "equal" if step.equal else "DIFFERS"
        lines.append(
            f"{step.name.replace('_', ' '):<18} {step.then[:12]:<12}  {step.now[:12]:<12}  {says}"
        )
    return "\n".join([*lines, "", found.sentence, ""])
