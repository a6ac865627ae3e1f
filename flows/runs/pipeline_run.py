"""One pipeline run: runs each stage under its key, keeps the records, decides when to stop.

Guarantees: a stage whose inputs did not change is not computed again, and what it found is
published all the same; a blocked data stage stops the run once its evidence is stored; whatever
ends the run, the journal and MLflow say how it ended.
"""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefect import Task

from flows.runs import progress
from flows.runs.artifacts import page_address, publish_stage
from flows.runs.columns import require_columns
from flows.runs.comparison import compared_with_champion
from flows.runs.decision import (
    identity_of,
    make_decision,
    measure_question,
    package_digest,
    verdict_path,
    write_verdict,
)
from flows.runs.error_trend import error_trend
from flows.runs.given import Given
from flows.runs.journal import Journal
from flows.runs.publishing import publish_run
from flows.runs.recording import record_run
from flows.runs.reuse import run_stage
from flows.runs.run_log import RunLog, ending_of
from flows.runs.stage_inputs import columns_to_mitigate, content, suspects_to_train_on
from flows.services.approval_requests import start_approval
from tasks import stages
from tasks.checks import Table
from tasks.evidence import EvidenceStore
from tasks.lineage import CodeVersion
from tasks.project.loading import LoadedProject
from tasks.project_state import ProjectState
from tasks.promotion import Decision, standing_of
from tasks.reports import run_document
from tasks.runs import RunRecord, StageRecord
from tasks.stage_keys import project_for, stage_key
from tasks.stage_specs import stage_names
from tasks.steps import Places, Ref, Step
from tasks.tracking import Tracking
from tasks.verdicts import conclude, refuses_data
from tasks.wording import worded


class StoppedError(Exception):
    """A stage blocked so that no later stage can run; its evidence is stored."""


@dataclass
class PipelineRun:
    """The state of a run between its stages.

    `trial` are the changes of the project file by which it promotes only with a signature.
    """

    loaded: LoadedProject
    given: Given
    code: tuple[CodeVersion, CodeVersion]
    home: Path
    allow_imports: tuple[str, ...]
    run_id: str
    started: str
    tracking: Tracking
    journal: Journal
    resumed_from: str | None
    mlflow_run: str
    mlflow_url: str
    trial: tuple[str, ...] = ()
    records: list[StageRecord] = field(default_factory=list)
    refs: dict[str, Ref] = field(default_factory=dict)
    key_columns: tuple[str, ...] | None = None
    sides_before: Ref | None = None
    unchanged_since: str | None = None
    serving: str | None = None
    decided: dict[str, Any] | None = None
    basis: str = ""
    question: str = ""
    place: int = 1
    verdict_hash: str | None = None
    concluded: RunRecord | None = None
    began: float = field(default_factory=time.perf_counter)

    def __enter__(self) -> Self:
        self.log.began(self.resumed_from, self.loaded.overrides)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ending = ending_of(failure, self.concluded)
        seconds = round(time.perf_counter() - self.began, 3)
        # First: the stores, which are told next, may be what failed.
        self.log.ended(ending, seconds)
        # Prefect's own signal for a SIGTERM is, like KeyboardInterrupt, no Exception.
        failed = "FAILED" if kind is not None and issubclass(kind, Exception) else "KILLED"
        self.tracking.end_run(self.mlflow_run, "FINISHED" if kind is None else failed)
        status = "finished" if kind is None else "failed"
        replace(
            self.journal,
            status=status,
            ended=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            seconds=seconds,
            exit_code=ending.exit_code,
            sentence=ending.sentence,
        ).write(self.home / "runs")

    @property
    def log(self) -> RunLog:
        """Where the run says what happens."""
        flow_run = self.journal.prefect_flow_run_id
        return RunLog(self.home, self.run_id, self.loaded.project.name, flow_run)

    @property
    def store(self) -> EvidenceStore:
        """Where stage results are kept."""
        return self.given.opponents.store

    @property
    def state(self) -> ProjectState:
        """What the project remembers between runs."""
        return ProjectState(self.home / "projects" / self.loaded.project.name)

    def source(self) -> tuple[str, tuple[str, ...] | None]:
        """The data file and the columns that make a row's key, where they are frozen."""
        self.key_columns = self.given.earlier.key_columns()
        return str(self.given.data), self.key_columns

    def label_file(self, name: str) -> str | None:
        """The file that the project has beside its source, by its name in `LabelFiles`."""
        path = self.given.labels.present.get(name)
        return None if path is None else str(path)

    def freeze_key_columns(self, ingested: Ref) -> None:
        """Keep the key columns of the first run that could be read.

        Raises ProjectFileError as `require_columns`.
        """
        require_columns(self.loaded, self._facts(ingested))
        if self.loaded.project.key is None:
            self.given.earlier.freeze_key_columns(tuple(self._facts(ingested)["key_columns"]))

    def sides(self, curated: Ref) -> Ref | None:
        """The sides that units were given before this table was first split."""
        self.sides_before = self.given.earlier.sides(curated)
        return self.sides_before

    def stage(self, task: Task[..., Ref], *inputs: Any) -> Ref:
        """Run one stage, or take what it found under the same key; store, publish, record.

        Raises StoppedError when it blocks and no later stage can run.
        """
        name = task.name
        progress.active().doing(name.replace("_", " "))
        began = time.perf_counter()
        key = stage_key(name, self.loaded.project, content(inputs, self.store))
        step = Step(
            stage=name,
            key=key,
            project=project_for(name, self.loaded.project),
            evidence=self.store.root,
            allow_imports=self.allow_imports,
        )
        state = run_stage(task, step, inputs, self.log)
        return self._record(state, name, began)

    def suspects(self, labels: Ref) -> Ref | None:
        """The suspected rows of train with their weights, where training does not keep them."""
        return suspects_to_train_on(labels, self.loaded.project, self.store)

    def mitigate(self) -> tuple[str, ...]:
        """The columns for whose groups training offers a mitigated candidate."""
        return columns_to_mitigate(self.loaded.project)

    def champion(self, rows: Ref, curated: Ref, split: Ref, *learned: Any) -> Ref | None:
        """The champion to compare with; asked again after training, it may be another."""
        self.serving = self.given.opponents.serving()
        data = content((rows, curated, split, *learned), self.store)
        trained = stage_key("training", self.loaded.project, data)
        identity = None
        if "training" in self.refs:
            digest = package_digest(self.store, self.refs["training"])
            identity = identity_of(digest, self._facts(split)["fingerprints"])
        return self.given.opponents.champion(self.serving, trained, identity)

    def judge(self, *contest: Any) -> None:
        """Run the gate: `contest` is all that it is given but anchor, wear and earlier checks."""
        expected = stage_names("candidate")
        judged = [ref for name, ref in self.refs.items() if name in expected]
        anchor = self.given.opponents.version(self.loaded.project.gate.anchor)
        inputs = content((*contest, anchor, judged, expected), self.store)
        self.basis = stage_key("gate", self.loaded.project, inputs)
        wear, self.question, self.place = measure_question(self, contest[-1])
        self.stage(stages.gate, *contest, anchor, wear, judged, expected)

    def promote(
        self, rows: Ref, curated: Ref, split: Ref, model: Ref, champion: Ref | None
    ) -> bool:
        """Act on the verdict, unless it was already acted on for the same inputs.

        False when another run has moved the champion meanwhile, and this one has to judge again.
        """
        began = time.perf_counter()
        progress.active().doing("promotion")
        project = self.loaded.project
        verdict = write_verdict(self, champion)
        self.verdict_hash = verdict.hash
        record_run(self, verdict)
        if self.given.recorded is not None:
            self.skip_the_rest()
            return True
        decision = make_decision(self, verdict, self.basis)
        earlier = self._acted_on(decision)
        self.unchanged_since = earlier["run_id"] if earlier else None
        step = Step("promotion", self.run_id, project, self.store.root, self.allow_imports)
        places = Places(self.home, self.mlflow_run, verdict_path(self.home, self.run_id))
        data = (rows, curated, split, model)
        state = stages.promotion(step, decision, earlier, places, *data, return_state=True)
        facts = self._facts(self._record(state, "promotion", began))
        overtaken = facts["action"] == "overtaken"
        if earlier is None and not overtaken:
            asked = {"approval": decision.approval, "overrides": list(decision.overrides)}
            self.decided = {"run_id": self.run_id, **asked, **facts}
        return not overtaken

    def skip_the_rest(self) -> None:
        """Record the stages that could not run."""
        seen = {record.name for record in self.records}
        for name in stage_names():
            if name not in seen:
                self.records.append(StageRecord(name=name, outcome="not_run"))
                progress.active().stage_done(name, "not_run", 0.0, False, "")

    def finish(self) -> dict[str, Any]:
        """Conclude, write the decision page, publish; returns the run as a document."""
        progress.active().doing("writing the decision page and the records")
        record = conclude(
            RunRecord(
                run_id=self.run_id,
                project=self.loaded.project,
                started=self.started,
                exit_code=1,
                verdict=None,
                reasons=(),
                verdict_hash=self.verdict_hash,
                unchanged_since=self.unchanged_since,
                resumed_from=self.resumed_from,
                overrides=self.loaded.overrides,
                trial=self.trial,
                compared=self._compared(),
                trend=self._trend(),
                stages=tuple(self.records),
                mlflow_run_id=self.mlflow_run,
                prefect_flow_run_id=self.journal.prefect_flow_run_id,
            )
        )
        self.concluded = record
        self.log.concluded(record)
        if self.given.recorded is not None:
            return run_document(record)
        document = publish_run(
            record, self.loaded, self.home, self.store, self.refs, self.tracking, self.code
        )
        if self.decided is not None:
            # Last: a run is only said to be repeated when it left its page and records.
            self.state.record_verdict(self.refs["gate"]["key"], self.decided)
            if self.decided["action"] == "pending":
                start_approval(self.run_id, self.home, self.loaded.project.name)
        return document

    def _compared(self) -> tuple[str, ...]:
        """How the candidate compares with the champion, and what changed since that one's run."""
        if self.given.recorded is not None:
            return ()
        serving = self.serving if "gate" in self.refs else self.given.opponents.serving()
        places = (self.home, self.store, self.refs)
        return compared_with_champion(*places, self.loaded.project, self.tracking, serving)

    def _trend(self) -> Table | None:
        """How the tags that are worth working on fared in the last runs of the project."""
        if self.given.recorded is not None or "error_analysis" not in self.refs:
            return None
        key = self.refs["error_analysis"]["key"]
        project = self.loaded.project.name
        return error_trend(
            self.home / "runs", self.store, project, key, (self.run_id, self.started)
        )

    def _record(self, state: Any, name: str, began: float) -> Ref:
        ref: Ref = state.result()
        cached = state.name == "Cached"
        if self.given.recorded is not None:
            self.store.restore_measured(name, ref["key"], self.given.recorded.measured)
        result = worded(self.store.load(ref["stage"], ref["key"]))
        seconds = time.perf_counter() - began
        record = StageRecord(
            name=name, outcome=result.outcome, seconds=seconds, cached=cached, result=result
        )
        # A stage that is judged again, against a new champion, replaces what it found before.
        self.records = [*(one for one in self.records if one.name != name), record]
        self.refs[name] = ref
        self.journal = replace(self.journal, last_stage=name).write(self.home / "runs")
        page = page_address(self.home, self.run_id, self.mlflow_url)
        links = {"Decision page": page, "MLflow run": self.mlflow_url}
        publish_stage(record, self.loaded.project.name, state.state_details.task_run_id, links)
        progress.active().stage_done(name, record.outcome, seconds, cached, result.summary)
        self.log.stage_finished(record)
        no_model = name == "training" and "model.skops" not in self.store.fingerprints(
            name, ref["key"]
        )
        if no_model or refuses_data(record):
            raise StoppedError(name)
        return ref

    def _acted_on(self, decision: Decision) -> dict[str, Any] | None:
        """The verdict that was acted on for the same gate inputs, unless it has to be again."""
        recorded = self.state.verdict(self.refs["gate"]["key"])
        if recorded is None or recorded["approval"] != decision.approval:
            return None
        if recorded.get("overrides", []) != list(decision.overrides):
            return None  # what was a trial then is none now, or the other way round
        standing, _ = standing_of(recorded, self.given.opponents.ledger)
        return None if standing == "expire" else recorded

    def _facts(self, ref: Ref) -> dict[str, Any]:
        return self.store.facts(ref["stage"], ref["key"])
