"""One pipeline run: runs each stage under its key, keeps the records, decides when to stop.

Guarantees: a stage whose inputs did not change is not computed again, and what it found is
published all the same; a blocked data stage stops the run once its evidence is stored; whatever
ends the run, the journal and MLflow say how it ended.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefect import Task
from prefect.runtime import flow_run

from flows import progress
from flows.home import configure_environment, resolve_home
from flows.journal import Journal, find_interrupted, open_journal
from flows.publishing import publish_run, publish_stage
from flows.stage_inputs import as_result, content, content_of
from flows.templates import copy_template
from tasks import stages
from tasks.checks import StageResult
from tasks.errors import ProjectError
from tasks.evidence import EvidenceStore, hash_of
from tasks.ingestion import unknown_columns
from tasks.ledger import Ledger
from tasks.project import load_project
from tasks.project.loading import LoadedProject, require_allowed
from tasks.project.roles import ROW_KEY
from tasks.project_state import ProjectState
from tasks.promotion import MODEL_DIGEST, Decision, repair_champion
from tasks.runs import STAGES, RunRecord, StageRecord
from tasks.stage_keys import project_for, stage_key
from tasks.stages import Places, Ref, Step
from tasks.tracking import Tracking
from tasks.verdicts import conclude

_DATA_STAGES = ("ingestion", "validation", "splitting", "label_consistency")


def open_tracking(home: Path) -> Tracking:
    """The MLflow store of a home, from set-up's template where it is new."""
    copy_template("mlflow", home / "mlflow.db")
    return Tracking(home)


class StoppedError(Exception):
    """A stage blocked so that no later stage can run; its evidence is stored."""


@dataclass
class PipelineRun:
    """The state of a run between its stages."""

    loaded: LoadedProject
    home: Path
    allow_imports: tuple[str, ...]
    run_id: str
    started: str
    tracking: Tracking
    journal: Journal
    resumed_from: str | None
    mlflow_run: str
    mlflow_url: str
    records: list[StageRecord] = field(default_factory=list)
    refs: dict[str, Ref] = field(default_factory=dict)
    unchanged_since: str | None = None
    serving: str | None = None
    decided: dict[str, Any] | None = None

    @classmethod
    def open(
        cls, project: str, overrides: Sequence[str], allow_imports: Sequence[str], home: str | None
    ) -> Self:
        """Read the project, put the champion's alias right, open the MLflow run."""
        loaded = load_project(Path(project), overrides)
        if not loaded.source_path.is_file():
            raise ProjectError(f"no data file at {loaded.source_path}; correct 'source'")
        require_allowed(loaded.project, allow_imports)
        place = Path(home) if home else resolve_home(loaded.path)
        configure_environment(place)
        name = loaded.project.name
        now = datetime.datetime.now(datetime.UTC)
        run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        tracking = open_tracking(place)
        interrupted = find_interrupted(name, place / "runs")
        for left in interrupted:
            if left.mlflow_run_id:
                tracking.end_run(left.mlflow_run_id, "KILLED")
            replace(left, status="interrupted").write(place / "runs")
            progress.active().say(
                f"run {left.run_id} was interrupted after {left.last_stage or 'no stage'}; "
                "what it finished is reused"
            )
        started = now.isoformat(timespec="seconds")
        ledger = Ledger(_ledger(place, name))
        repaired = repair_champion(tracking, ledger, name, run_id, started)
        if repaired:
            progress.active().say(repaired)
        journal = open_journal(run_id, name, place / "runs")
        prefect_run = str(flow_run.id)
        mlflow_run = tracking.start_run(
            name, run_id, {"assayline.run_id": run_id, "prefect.flow_run_id": prefect_run}
        )
        journal = replace(journal, mlflow_run_id=mlflow_run, prefect_flow_run_id=prefect_run)
        return cls(
            loaded=loaded,
            home=place,
            allow_imports=tuple(allow_imports),
            run_id=run_id,
            started=started,
            tracking=tracking,
            journal=journal.write(place / "runs"),
            resumed_from=interrupted[0].run_id if interrupted else None,
            mlflow_run=mlflow_run,
            mlflow_url=tracking.run_url(mlflow_run),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Prefect's own signal for a SIGTERM is, like KeyboardInterrupt, no Exception.
        failed = "FAILED" if kind is not None and issubclass(kind, Exception) else "KILLED"
        self.tracking.end_run(self.mlflow_run, "FINISHED" if kind is None else failed)
        status = "finished" if kind is None else "failed"
        replace(self.journal, status=status).write(self.home / "runs")

    @property
    def store(self) -> EvidenceStore:
        """Where stage results are kept."""
        return EvidenceStore(self.home / "evidence")

    @property
    def state(self) -> ProjectState:
        """What the project remembers between runs."""
        return ProjectState(self.home / "projects" / self.loaded.project.name)

    def source(self) -> tuple[str, tuple[str, ...] | None]:
        """The data file and the columns that make a row's key, where they are frozen."""
        return str(self.loaded.source_path), self.state.key_columns(self._source_occasion())

    def freeze_key_columns(self, ingested: Ref) -> None:
        """Keep the key columns of the first run that could be read.

        Raises ProjectError when the project names a column anywhere that the data do not have:
        each stage sees its own section only, and a later one would say so late.
        """
        names = list(self._facts(ingested).get("kinds", {}))
        unknown = unknown_columns(self.loaded.project, [*names, ROW_KEY]) if names else []
        if unknown:
            raise ProjectError(
                f"{self.loaded.path.name} names {unknown[0]}, which is no column of the data"
                + (f" ({len(unknown) - 1} more)" if len(unknown) > 1 else "")
            )
        if self.loaded.project.key is None:
            columns = tuple(self._facts(ingested)["key_columns"])
            self.state.freeze_key_columns(columns, self._source_occasion())

    def sides(self, curated: Ref) -> Ref | None:
        """The sides that units were given before this table was first split."""
        frame, digest = self.state.sides(self.loaded.project.split.epoch, self._occasion(curated))
        if frame is None:
            return None
        found = StageResult(stage="sides", summary="", checks=(), outputs={"assignments": frame})
        self.store.save(digest[:32], found)
        return {"stage": "sides", "key": digest[:32], "digest": digest}

    def keep_sides(self, curated: Ref, split: Ref) -> None:
        """Keep the sides of units that are new."""
        assignments = self.store.output(split["stage"], split["key"], "assignments")
        epoch = self.loaded.project.split.epoch
        self.state.add_sides(epoch, self._occasion(curated), assignments)

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
        task = task.with_options(refresh_cache=not self.store.reusable(name, key))
        return self._record(task(step, *inputs, return_state=True), name, began)

    def champion(self, rows: Ref, curated: Ref, split: Ref) -> Ref | None:
        """The champion to compare with.

        Where the candidate will be the present champion itself (the same training inputs), it is
        the one that this champion was compared with.
        """
        project = self.loaded.project.name
        version = self.serving = self.tracking.champion_version(project)
        if version is None:
            return None
        tags = self.tracking.version_tags(project, version)
        move = Ledger(_ledger(self.home, project)).last_move()
        same = tags.get("assayline.training_key") == self._training_key(rows, curated, split)
        if same and move is not None and move.action == "promote":
            version = move.from_version
        if version is None:
            return None
        trained = self.tracking.version_tags(project, version).get("assayline.training_key")
        key = hash_of([project, version, trained])[:32]
        if not self.store.reusable("champion", key):
            self.store.save(key, as_result(self.tracking.champion(project, version)))
        return {"stage": "champion", "key": key, "digest": self.store.digest("champion", key)}

    def judged(self) -> list[Ref]:
        """The stages whose checks the gate reads."""
        return [ref for name, ref in self.refs.items() if name not in _DATA_STAGES]

    def promote(
        self, rows: Ref, curated: Ref, split: Ref, model: Ref, champion: Ref | None
    ) -> None:
        """Act on the verdict, unless it was already acted on for the same inputs."""
        began = time.perf_counter()
        progress.active().doing("promotion")
        gate = self.refs["gate"]
        recorded = self.state.verdict(gate["key"])
        approval = self.loaded.project.approval.mode
        if recorded is not None and recorded["approval"] != approval:
            recorded = None  # the same verdict is acted on in another way
        self.unchanged_since = recorded["run_id"] if recorded else None
        project = self.loaded.project
        before = self._facts(champion)["version"] if champion else ""
        stored = self.store.fingerprints("training", model["key"])
        parts = self.store.fingerprints("splitting", split["key"])
        digest = hash_of([stored["model.skops"], stored["model.json"], parts["split"]])
        decision = Decision(
            project=project.name,
            run_id=self.run_id,
            verdict=self._facts(gate)["verdict"],
            reasons=tuple(self._facts(gate)["reasons"]),
            verdict_hash=gate["digest"],
            model_digest=digest,
            serving=self.serving,
            approval=approval,
            when=self.started,
            tags={
                "assayline.champion_before": before,
                "assayline.dataset_fingerprint": self._facts(curated)["fingerprint"],
                "assayline.mlflow_run_id": self.mlflow_run,
                "assayline.run_id": self.run_id,
                MODEL_DIGEST: digest,
                "assayline.training_key": model["key"],
                "assayline.verdict": self._facts(gate)["verdict"],
                "assayline.verdict_hash": gate["digest"],
            },
        )
        step = Step("promotion", self.run_id, project, self.store.root, self.allow_imports)
        places = Places(self.home, _ledger(self.home, project.name), self.mlflow_run)
        data = (rows, curated, split, model)
        state = stages.promotion(step, decision, recorded, places, *data, return_state=True)
        done = self._record(state, "promotion", began)
        if recorded is None:
            facts = self._facts(done)
            self.decided = {"run_id": self.run_id, "approval": approval, **facts}

    def skip_the_rest(self) -> None:
        """Record the stages that could not run."""
        seen = {record.name for record in self.records}
        for name in STAGES:
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
                unchanged_since=self.unchanged_since,
                resumed_from=self.resumed_from,
                stages=tuple(self.records),
                mlflow_run_id=self.mlflow_run,
                prefect_flow_run_id=self.journal.prefect_flow_run_id,
            )
        )
        document = publish_run(record, self.loaded, self.home, self.store, self.refs, self.tracking)
        if self.decided is not None:
            # Last: a run is only said to be repeated when it left its page and records.
            self.state.record_verdict(self.refs["gate"]["key"], self.decided)
        return document

    def _record(self, state: Any, name: str, began: float) -> Ref:
        ref: Ref = state.result()
        cached = state.name == "Cached"
        result = self.store.load(ref["stage"], ref["key"])
        seconds = time.perf_counter() - began
        record = StageRecord(
            name=name, outcome=result.outcome, seconds=seconds, cached=cached, result=result
        )
        self.records.append(record)
        self.refs[name] = ref
        self.journal = replace(self.journal, last_stage=name).write(self.home / "runs")
        links = {"MLflow run": self.mlflow_url}
        publish_stage(record, self.loaded.project.name, state.state_details.task_run_id, links)
        progress.active().stage_done(name, record.outcome, seconds, cached, result.summary)
        no_model = name == "training" and "model.skops" not in self.store.fingerprints(
            name, ref["key"]
        )
        if no_model or (name in _DATA_STAGES and record.outcome in ("blocked", "error")):
            raise StoppedError(name)
        return ref

    def _training_key(self, *data: Ref) -> str:
        return stage_key("training", self.loaded.project, content(data, self.store))

    def _source_occasion(self) -> str:
        view = project_for("ingestion", self.loaded.project).model_dump(mode="json", by_alias=True)
        return hash_of([content_of(str(self.loaded.source_path), self.store), view])

    def _occasion(self, curated: Ref) -> str:
        rule = self.loaded.project.split.model_dump(mode="json")
        return hash_of([content_of(curated, self.store), rule])

    def _facts(self, ref: Ref) -> dict[str, Any]:
        return self.store.facts(ref["stage"], ref["key"])


def _ledger(home: Path, project: str) -> Path:
    return home / "ledger" / f"{project}.jsonl"
