"""The stages of a run in their order: what each is called, depends on, and means for the verdict.

Guarantee: this is the one list of stages; whoever needs a list of them asks here, when it is
needed, so that a stage is added by its entry and the function that computes it (`tasks.stages`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["data", "candidate", "gate", "promotion"]
"""`data` refuses the data where it blocks; `candidate` has to be judged before the gate decides."""

_COLUMNS = ("target", "task", "positive_class")


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One stage.

    `question` is what it answers for a reader. `module` computes it: what that imports inside
    `tasks` belongs to its key; it is empty for a stage whose result is never reused. `sections`
    are the parts of the project file that it sees, besides the seed. `shapes_model` says whether
    these can make the model another one, `signed` whether its checks stand in what is signed.
    """

    name: str
    title: str
    question: str
    role: Role
    module: str = ""
    sections: tuple[str, ...] = ()
    shapes_model: bool = False
    signed: bool = False


STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        name="ingestion",
        title="Ingestion",
        question="Could every row and every cell be read?",
        role="data",
        module="tasks.ingestion",
        sections=(
            *_COLUMNS,
            "source",
            "key",
            "key_columns",
            "features",
            "labels.annotators",
            "labels.rename",
            "labels.rare_classes",
            "labels.rare_rows",
            "labels.rare_name",
            "split.by",
            "split.column",
        ),
        shapes_model=True,
    ),
    StageSpec(
        name="validation",
        title="Validation",
        question="Does the data look as it must?",
        role="data",
        module="tasks.validation",
        sections=(*_COLUMNS, "validation"),
        shapes_model=True,
    ),
    StageSpec(
        name="splitting",
        title="Split",
        question="Do train, dev and test share nothing?",
        role="data",
        module="tasks.splitting",
        sections=(*_COLUMNS, "split"),
        shapes_model=True,
    ),
    StageSpec(
        name="label_consistency",
        title="Label consistency",
        question="Can the labels be trusted?",
        role="data",
        module="tasks.labels",
        sections=(
            *_COLUMNS,
            "labels",
            "training.candidates",
            "training.class_weight",
            "slices",
            "error_analysis.tags",
        ),
    ),
    StageSpec(
        name="leakage",
        title="Leakage",
        question="Does a column give the answer away?",
        role="candidate",
        module="tasks.leakage",
        sections=(*_COLUMNS, "leakage", "baselines.max_novel_category_share"),
    ),
    StageSpec(
        name="baselines",
        title="Baselines",
        question="What has the model to beat?",
        role="candidate",
        module="tasks.baselines",
        sections=(*_COLUMNS, "baselines", "training"),
    ),
    StageSpec(
        name="training",
        title="Training",
        question="Which candidate is the best on dev?",
        role="candidate",
        module="tasks.training",
        sections=(*_COLUMNS, "training", "labels.suspects"),
        shapes_model=True,
    ),
    StageSpec(
        name="error_analysis",
        title="Error analysis",
        question="Where is the candidate wrong, and why?",
        role="candidate",
        module="tasks.error_analysis",
        sections=(
            *_COLUMNS,
            "slices",
            "error_analysis",
            "training.metric",
            "training.candidates",
            "baselines.hlp",
            "gate.metric",
            "gate.replicates",
        ),
    ),
    StageSpec(
        name="performance_audit",
        title="Performance audit",
        question="Is it good enough everywhere that matters?",
        role="candidate",
        module="tasks.performance_audit",
        sections=(
            *_COLUMNS,
            "slices",
            "audit",
            "training.metric",
            "training.candidates",
            "gate.replicates",
        ),
        signed=True,
    ),
    StageSpec(
        name="gate",
        title="Gate",
        question="Is the evidence enough to change the champion?",
        role="gate",
        module="tasks.gate",
        sections=(
            *_COLUMNS,
            "gate",
            "split.epoch",
            "audit.min_support",
            "training.metric",
            "training.candidates",
        ),
        signed=True,
    ),
    StageSpec(
        name="promotion",
        title="Promotion",
        question="What was changed in the end?",
        role="promotion",
    ),
)


def find_spec(name: str) -> StageSpec | None:
    """The stage of that name; None for one of another version of Assayline."""
    return next((stage for stage in STAGES if stage.name == name), None)


def stage_names(*roles: Role) -> tuple[str, ...]:
    """The names of the stages with one of the roles, of all without any, in their order."""
    return tuple(stage.name for stage in STAGES if not roles or stage.role in roles)


def keyed_stages() -> tuple[StageSpec, ...]:
    """The stages whose results are reused under a key."""
    return tuple(stage for stage in STAGES if stage.module)
