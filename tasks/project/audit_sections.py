"""The sections on errors and on the audit: where to look, and what must hold there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from tasks.project.fields import MetricName, Section, Severity, Share, Slice


class ErrorAnalysisSection(Section):
    """Properties of examples by which errors are counted, besides the slices."""

    tags: tuple[Slice, ...] = ()
    min_rows: Annotated[int, Field(ge=1)] = Field(
        default=10, description="a tag with fewer dev rows is shown as too small to judge"
    )


class Floor(Section):
    """The least that a metric must reach, overall, on a class or on each slice of a column."""

    metric: Literal[
        "accuracy", "precision", "recall", "f1", "macro_f1", "average_precision", "roc_auc"
    ]
    minimum: Share
    of_class: str | None = Field(default=None, alias="class")
    slice: Slice | None = None
    severity: Severity = "critical"
    required: bool = Field(
        default=False, description="block also where there are too few rows to judge"
    )
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Gap(Section):
    """How far a rate may differ between the groups of a column."""

    column: str
    metric: Literal["selection_rate", "false_positive_rate", "false_negative_rate"]
    max_difference: Share | None = None
    min_ratio: Share | None = Field(default=None, description="0.8 is the four-fifths rule")
    of_class: str | None = Field(
        default=None,
        alias="class",
        description="class whose rate is compared; default: the positive class",
    )
    severity: Severity = "critical"
    required: bool = Field(
        default=False, description="block also where there are too few rows to judge"
    )
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _a_limit(self) -> Gap:
        if self.max_difference is None and self.min_ratio is None:
            raise ValueError("a gap needs 'max_difference' or 'min_ratio'")
        return self


class ImportantExamples(Section):
    """Examples that matter more than their number: a condition with a weight, or a weight column.

    A row counts for as many ordinary rows as its weight says; one that several entries weigh, for
    the product.
    """

    name: str
    condition: str | None = Field(
        default=None, description="which rows, for example: kind == 'navigational'"
    )
    weight: Annotated[float, Field(ge=1)] | None = Field(
        default=None, description="how many ordinary rows each of them counts for"
    )
    column: str | None = Field(
        default=None, description="in place of condition and weight: a column of weights"
    )
    max_error_rate: Share | None = Field(
        default=None,
        description="most of them that may be predicted wrongly; default: no worse than the others",
    )
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    severity: Severity = "warning"
    required: bool = Field(
        default=False, description="block also where there are too few rows to judge"
    )
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    @model_validator(mode="after")
    def _rows_or_weights(self) -> ImportantExamples:
        if (self.condition is None) == (self.column is None):
            raise ValueError("important examples are either a 'condition' or a 'column' of weights")
        if self.condition is not None and self.weight is None:
            raise ValueError("important examples by 'condition' need a 'weight' of 1 or more")
        if self.column is not None and (self.weight, self.max_error_rate) != (None, None):
            raise ValueError(
                "'weight' and 'max_error_rate' belong to a 'condition', not a 'column'"
            )
        return self


class WeightedFloor(Section):
    """The least that a metric must reach with every row counted by its importance."""

    metric: MetricName | None = Field(default=None, description="default: the training metric")
    minimum: Share
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    severity: Severity = "critical"
    required: bool = Field(
        default=False, description="block also where there are too few rows to judge"
    )
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    @field_validator("metric")
    @classmethod
    def _higher_is_better(cls, metric: str | None) -> str | None:
        if metric == "log_loss":
            raise ValueError("log_loss has no minimum: a low one is good")
        return metric


class AuditSection(Section):
    """What must hold on test, everywhere that matters, before a model may ship: the audit plan."""

    owner: str = Field(default="", description="who answers for a limit that names nobody")
    floors: tuple[Floor, ...] = ()
    gaps: tuple[Gap, ...] = ()
    important: tuple[ImportantExamples, ...] = Field(
        default=(), description="examples that matter more than their number, with their weights"
    )
    weighted_floor: WeightedFloor | None = Field(
        default=None, description="judged with the weights of 'important'"
    )
    min_support: Annotated[int, Field(ge=1)] = Field(
        default=30, description="a group with fewer rows to judge on is too small"
    )
    rare_class_share: Share = Field(default=0.05, description="a class below this share is rare")
    max_latency_ms: Annotated[float, Field(gt=0)] = Field(
        default=100.0, description="median time to score one row"
    )
    max_size_mb: Annotated[float, Field(gt=0)] = 50.0

    @model_validator(mode="after")
    def _weights_to_weigh_with(self) -> AuditSection:
        names = [examples.name for examples in self.important]
        if len(set(names)) != len(names):
            raise ValueError(f"names of important examples must differ: {', '.join(names)}")
        if self.weighted_floor is not None and not names:
            raise ValueError("'weighted_floor' needs the weights of 'important', which is empty")
        return self
