"""Running stages, each under its key, or taking what an earlier run found under the same key.

Guarantees: a stage whose inputs did not change is not computed again, and what it found is
published all the same; what is taken is as it was written, and a result that was changed since is
told and computed again; a blocked data stage stops the run once its evidence is stored.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flows.runs import progress
from flows.runs.artifacts import page_address, publish_stage
from flows.runs.context import RunContext
from flows.runs.journal import Journal
from flows.runs.stage_inputs import content
from tasks.runs import StageRecord
from tasks.stage_keys import project_for, stage_key
from tasks.stage_specs import keyed_stages, stage_names
from tasks.stages import CACHED, Stage
from tasks.steps import Checks, Ref, Step
from tasks.verdicts import refuses_data
from tasks.wording import worded

Inputs = TypeVar("Inputs")
Found = TypeVar("Found", bound=Ref)


class StoppedError(Exception):
    """A stage blocked so that no later stage can run; its evidence is stored."""


@dataclass
class StageRunner:
    """The stages of one run, those that are done with what they found, by name."""

    context: RunContext
    journal: Journal
    refs: dict[str, Ref] = field(default_factory=dict)
    records: dict[str, StageRecord] = field(default_factory=dict)

    @property
    def judged(self) -> dict[str, Ref]:
        """The stages that a verdict rests on."""
        return {name: ref for name, ref in self.refs.items() if name != "promotion"}

    def run(self, stage: Stage[Inputs, Found], inputs: Inputs) -> Found:
        """Run one stage, or take what it found under the same key; store, publish, record.

        Raises StoppedError when it blocks and no later stage can run.
        """
        progress.active().doing(stage.name.replace("_", " "))
        began = time.perf_counter()
        state: Any = stage.task(self._step(stage.name, inputs), inputs, return_state=True)
        ref: Ref = state.result()
        self._record(ref, state, began)
        return stage.found(ref)

    def key(self, name: str, inputs: Any) -> str:
        """The key under which the stage's result for these inputs is kept."""
        return stage_key(name, self.context.project, content(inputs, self.context.store))

    def checks(self, names: tuple[str, ...]) -> Checks:
        """The checks of those of the stages that are done."""
        return Checks(tuple(ref for name, ref in self.refs.items() if name in names))

    def skip_the_rest(self) -> None:
        """Record the stages that could not run."""
        for name in stage_names():
            if name not in self.records:
                self.records[name] = StageRecord(name=name, outcome="not_run")
                progress.active().stage_done(name, "not_run", 0.0, False, "")

    def _step(self, name: str, inputs: Any) -> Step:
        context = self.context
        keyed = name in (spec.name for spec in keyed_stages())
        key = self.key(name, inputs) if keyed else context.run_id
        return Step(
            stage=name,
            key=key,
            project=project_for(name, context.project) if keyed else context.project,
            evidence=context.store.root,
            allow_imports=context.allow_imports,
            found=self._reusable(name, key) if keyed else None,
        )

    def _reusable(self, name: str, key: str) -> Ref | None:
        """What an earlier run found under the key, as it was written."""
        store = self.context.store
        if store.reusable(name, key):
            return Ref(name, key, store.digest(name, key))
        problem = store.problem(name, key)
        if problem is not None:
            sentence = (
                f"the stored result of {name.replace('_', ' ')} is not used, and computed again: "
                f"{problem}"
            )
            progress.active().say(sentence)
            self.context.log.warned("evidence_changed", sentence)
        return None

    def _record(self, ref: Ref, state: Any, began: float) -> None:
        context, name = self.context, ref.stage
        if context.given.measured:
            context.store.restore_measured(*ref.place, context.given.measured)
        result = worded(context.store.load(*ref.place))
        cached, seconds = state.name == CACHED, time.perf_counter() - began
        record = StageRecord(
            name=name, outcome=result.outcome, seconds=seconds, cached=cached, result=result
        )
        # A stage that is judged again, against a new champion, replaces what it found before.
        self.refs[name], self.records[name] = ref, record
        self.journal = replace(self.journal, last_stage=name).write(context.home)
        page = page_address(context.home, context.run_id, context.mlflow_url)
        links = {"Decision page": page, "MLflow run": context.mlflow_url}
        publish_stage(record, context.project.name, state.state_details.task_run_id, links)
        progress.active().stage_done(name, record.outcome, seconds, cached, result.summary)
        context.log.stage_finished(record)
        stored = context.store.fingerprints(*ref.place)
        if refuses_data(record) or (name == "training" and "model.skops" not in stored):
            raise StoppedError(name)
