"""How a run begins: read the project, put right what a killed run left, fix what the run is given.

Guarantees: what cannot be used is said before a run is opened; the data are copied before anything
reads them; a replay is given what its record says, and a run what the project's state says.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect.context import FlowRunContext
from prefect.runtime import flow_run

import tasks
from flows.runs import progress
from flows.runs.context import RunContext
from flows.runs.decider import Decider, ReplayDecider
from flows.runs.earlier_runs import EarlierRuns, RecordedEarlierRuns
from flows.runs.given import Given
from flows.runs.journal import find_interrupted, open_journal
from flows.runs.opponents import Opponents, RecordedOpponents
from flows.runs.pipeline_run import PipelineRun
from flows.runs.presence import present
from flows.runs.publishing import Publisher, ReplayPublisher
from flows.runs.stage_runner import StageRunner
from flows.runs.surroundings import surroundings
from flows.services.abandoned import end_abandoned
from flows.services.approval_requests import start_approval
from flows.services.home import configure_environment, own_mlflow
from flows.services.locks import using
from flows.services.templates import copy_template
from tasks import moments
from tasks.approval import expire_stale
from tasks.errors import NotFoundError
from tasks.evidence import EvidenceStore
from tasks.label_review.files import LabelFiles, find_label_files
from tasks.label_review.overlay import read_overlay
from tasks.ledger import Ledger, open_ledger
from tasks.lineage import code_version, own_code_version
from tasks.project import Project, load_project
from tasks.project.authority import unsigned
from tasks.project.loading import LoadedProject, require_allowed
from tasks.project_state import ProjectState
from tasks.recorded_run import RecordedRun, label_files
from tasks.serving import repair_champion
from tasks.source_archive import keep_source
from tasks.tagging.hand_tags import HandTags
from tasks.tracking import Tracking


def open_tracking(home: Path) -> Tracking:
    """The MLflow store of a home, from set-up's template where it is new."""
    if os.environ["MLFLOW_TRACKING_URI"] == own_mlflow(home):
        copy_template("mlflow", home / "mlflow.db")
    return Tracking(home)


@dataclass(frozen=True)
class Request:
    """What a run was asked to do: the project as it was read, and what surrounds the run.

    `trial` are the changes of the project file that nobody with authority over it has made.
    """

    loaded: LoadedProject
    home: Path
    allow_imports: tuple[str, ...]
    as_recorded: str | None
    trial: tuple[str, ...] = ()

    @property
    def project(self) -> Project:
        """The project, with the values that this run changes."""
        return self.loaded.project

    @contextlib.contextmanager
    def attended(self, flow_run_id: str) -> Iterator[None]:
        """Put right what killed runs left, and be on record as the process of this run."""
        configure_environment(self.home)
        with present(self.home, flow_run_id), using(self.home):
            end_abandoned(self.home)
            yield


def read_request(project: str, intent: str | None, overrides: Sequence[str]) -> Request:
    """Read the project file, with its changes for this run.

    Raises NotFoundError for what cannot be used: said before the run does anything.
    """
    given = surroundings()
    given.require_own_name(overrides)
    changes = [*overrides, *([f"gate.intent={intent}"] if intent else [])]
    loaded = load_project(Path(project), changes)
    given.require_within(loaded)
    if given.as_recorded is None and not loaded.source_path.is_file():
        raise NotFoundError(f"no data file at {loaded.source_path}; correct 'source'")
    require_allowed(loaded.project, given.allow_imports)
    trial = unsigned(
        loaded.binding, loaded.own, intent=intent, by_automation=_started_by_automation()
    )
    home = given.home_of(loaded.path)
    return Request(loaded, home, given.allow_imports, given.as_recorded, trial)


def _started_by_automation() -> bool:
    """Whether Prefect's server says that an automation started this flow run."""
    context = FlowRunContext.get()
    made = context.flow_run.created_by if context is not None and context.flow_run else None
    return made is not None and made.type == "AUTOMATION"


def open_run(request: Request) -> PipelineRun:
    """Put the champion's alias right and open the MLflow run."""
    loaded, place, as_recorded = request.loaded, request.home, request.as_recorded
    code = (code_version(loaded.path.parent), own_code_version(Path(tasks.__file__).parent))
    name, now = loaded.project.name, moments.now()
    run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    started = now.isoformat(timespec="seconds")
    tracking = open_tracking(place)
    resumed_from = _close_interrupted(name, place, tracking)
    ledger = open_ledger(place, tracking, name)
    for sentence in (
        repair_champion(tracking, ledger, run_id, started),
        expire_stale(ledger, started),
    ):
        if sentence:
            progress.active().say(sentence)
    given = _given(loaded, place, tracking, ledger, as_recorded)
    if given.labels.overlay is not None:
        read_overlay(given.labels.overlay)
    if given.labels.tags is not None:
        HandTags.read(given.labels.tags, given.labels.tag_exports)
    given.opponents.require_version(loaded.project.gate.anchor)
    prefect_run = str(flow_run.id)
    mlflow_run = tracking.start_run(
        name, run_id, {"assayline.run_id": run_id, "prefect.flow_run_id": prefect_run}
    )
    context = RunContext(
        loaded=loaded,
        given=given,
        code=code,
        home=place,
        allow_imports=request.allow_imports,
        run_id=run_id,
        started=started,
        tracking=tracking,
        resumed_from=resumed_from,
        prefect_run=prefect_run,
        mlflow_run=mlflow_run,
        mlflow_url=tracking.run_url(mlflow_run),
        trial=request.trial,
    )
    journal = open_journal(run_id, name, place)
    journal = replace(journal, mlflow_run_id=mlflow_run, prefect_flow_run_id=prefect_run)
    runner = StageRunner(context, journal.write(place))
    live = as_recorded is None
    decider = (Decider if live else ReplayDecider)(context, runner, _ask_for_signature)
    publisher = (Publisher if live else ReplayPublisher)(context)
    return PipelineRun(context, runner, decider, publisher)


def _ask_for_signature(context: RunContext) -> None:
    start_approval(context.run_id, context.home, context.project.name)


def _given(
    loaded: LoadedProject, home: Path, tracking: Tracking, ledger: Ledger, as_recorded: str | None
) -> Given:
    """What the project's state says, or the record of the run that is repeated."""
    store = EvidenceStore(home / "evidence")
    state = ProjectState(home / "projects" / loaded.project.name)
    if as_recorded is None:
        data = keep_source(loaded.source_path, home / "sources")
        return Given(
            data=data,
            labels=_keep_labels(find_label_files(loaded), home / "sources"),
            opponents=Opponents(tracking, ledger, store),
            earlier=EarlierRuns(state, store, loaded.project, data),
        )
    folder = Path(as_recorded)
    recorded = RecordedRun.read(folder)
    data = recorded.source(folder)
    return Given(
        data=data,
        labels=label_files(folder),
        opponents=RecordedOpponents(tracking, ledger, store, recorded, folder),
        earlier=RecordedEarlierRuns(state, store, loaded.project, data, recorded),
        measured=recorded.measured,
    )


def _keep_labels(files: LabelFiles, sources: Path) -> LabelFiles:
    """Copies of the files as they are now, which nobody edits while the run reads them."""
    return LabelFiles(**{name: keep_source(one, sources) for name, one in files.present.items()})


def _close_interrupted(project: str, home: Path, tracking: Tracking) -> str | None:
    """Say how runs that were killed ended; returns the newest, from which this one goes on."""
    interrupted = find_interrupted(project, home)
    for left in interrupted:
        if left.mlflow_run_id:
            tracking.end_run(left.mlflow_run_id, "KILLED")
        replace(left, status="interrupted").write(home)
        progress.active().say(
            f"run {left.run_id} was interrupted after {left.last_stage or 'no stage'}; "
            "what it finished is reused"
        )
    return interrupted[0].run_id if interrupted else None
