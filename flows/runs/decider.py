"""Deciding on a candidate: whom it meets, the verdict, and acting on it.

Guarantees: a verdict is acted on once for the same inputs of the gate; what the run was given and
found is recorded before anything acts; a replay judges as the run that it repeats, and acts not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.runs import progress
from flows.runs.context import RunContext
from flows.runs.decision import (
    Question,
    ask_question,
    identity_of,
    make_decision,
    package_digest,
    write_verdict,
)
from flows.runs.recording import record_run
from flows.runs.stage_runner import StageRunner
from tasks import stages
from tasks.project_state import ProjectState
from tasks.promotion import Decision, standing_of
from tasks.steps import (
    Contest,
    GateInputs,
    Places,
    PromotionInputs,
    Trained,
    TrainingInputs,
    Version,
)
from tasks.verdict_document import VerdictDocument


@dataclass
class Decider:
    """What a run decides, over the stages that `runner` runs.

    `serving` is the champion when it was last asked for; `verdict_hash` and `unchanged_since` say
    what came of the gate. `on_pending` is called with a run that waits for a signature.
    """

    context: RunContext
    runner: StageRunner
    on_pending: Callable[[RunContext], None]
    serving: str | None = None
    verdict_hash: str | None = None
    unchanged_since: str | None = None
    acted: dict[str, Any] | None = None

    def champion(self, learned: TrainingInputs) -> Version | None:
        """The champion to compare with; asked again after training, it may be another."""
        context, opponents = self.context, self.context.given.opponents
        self.serving = opponents.serving()
        identity = None
        if "training" in self.runner.refs:
            digest = package_digest(context.store, self.runner.refs["training"])
            split = context.store.facts(*learned.rows.divided.place)["fingerprints"]
            identity = identity_of(digest, split)
        return opponents.champion(self.serving, self.runner.key("training", learned), identity)

    def decide(self, contest: Contest, trained: Trained) -> bool:
        """Run the gate and act on its verdict.

        False when another run has moved the champion meanwhile, and this one has to judge again.
        """
        question = ask_question(self.context, trained, contest)
        self.runner.run(stages.gate, GateInputs(contest=contest, wear=question.wear))
        progress.active().doing("promotion")
        found = (self.context, self.runner.judged, self.runner.records)
        verdict = write_verdict(*found, contest)
        self.verdict_hash = verdict.hash
        record_run(*found, contest.rows, verdict)
        return self.act(verdict, question, contest, trained)

    def act(
        self, verdict: VerdictDocument, question: Question, contest: Contest, trained: Trained
    ) -> bool:
        """Carry the verdict out, unless it was already acted on for the same inputs."""
        context, runner = self.context, self.runner
        decision = make_decision(context, runner.judged, verdict, question, self.serving)
        earlier = self._acted_on(decision)
        self.unchanged_since = earlier["run_id"] if earlier else None
        promoted = runner.run(
            stages.promotion,
            PromotionInputs(
                decision=decision,
                acted_on=earlier,
                places=Places(context.home, context.mlflow_run, context.folder.verdict_file),
                rows=contest.rows,
                trained=trained,
            ),
        )
        facts = context.store.facts(*promoted.place)
        overtaken = bool(facts["action"] == "overtaken")
        if earlier is None and not overtaken:
            asked = {"approval": decision.approval, "overrides": list(decision.overrides)}
            self.acted = {"run_id": context.run_id, **asked, **facts}
        return not overtaken

    def remember(self) -> None:
        """Keep what was done, so that a run with the same inputs repeats nothing of it."""
        if self.acted is None:
            return
        self._state.record_verdict(self.runner.refs["gate"].key, self.acted)
        if self.acted["action"] == "pending":
            self.on_pending(self.context)

    def _acted_on(self, decision: Decision) -> dict[str, Any] | None:
        """The verdict that was acted on for the same gate inputs, unless it has to be again."""
        recorded = self._state.verdict(self.runner.refs["gate"].key)
        if recorded is None or recorded["approval"] != decision.approval:
            return None
        if recorded.get("overrides", []) != list(decision.overrides):
            return None  # what was a trial then is none now, or the other way round
        standing, _ = standing_of(recorded, self.context.given.opponents.ledger)
        return None if standing == "expire" else recorded

    @property
    def _state(self) -> ProjectState:
        """What the project remembers between runs."""
        return ProjectState(self.context.home / "projects" / self.context.project.name)


class ReplayDecider(Decider):
    """Judges as the run that is repeated, and changes nothing."""

    def act(
        self, verdict: VerdictDocument, question: Question, contest: Contest, trained: Trained
    ) -> bool:
        """The verdict stands; nobody acts on it."""
        self.runner.skip_the_rest()
        return True
