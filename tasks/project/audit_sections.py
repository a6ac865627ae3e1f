"""The sections on errors and on the audit: where to look, and what must hold there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from tasks.project.fields import Section, Severity, Share, Slice


class SliceSearchSection(Section):
    """How slices are searched in which the model is wrong more often than elsewhere."""

    max_order: Annotated[int, Field(ge=1, le=3)] = Field(
        default=3, description="values that are crossed at most"
    )
    candidates: Annotated[int, Field(ge=6, le=1000)] = Field(
        default=60, description="slices carried from the half that is searched to the other"
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(
        default=30, description="a slice with fewer dev rows is not searched"
    )
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.1
    bins: Annotated[int, Field(ge=2, le=20)] = Field(
        default=4, description="quantile bins of a numeric or time column"
    )
    max_values: Annotated[int, Field(ge=2, le=250)] = Field(
        default=20, description="of a column with more values the most frequent are searched"
    )
    exclude: tuple[str, ...] = Field(default=(), description="columns that are not searched")


class ErrorAnalysisSection(Section):
    """Properties of examples by which errors are counted, besides the slices."""

    tags: tuple[Slice, ...] = ()
    min_rows: Annotated[int, Field(ge=1)] = Field(
        default=10, description="a tag with fewer dev rows is shown as too small to judge"
    )
    search: SliceSearchSection = SliceSearchSection()


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
    owner: str = ""
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
    owner: str = ""
    reason: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _a_limit(self) -> Gap:
        if self.max_difference is None and self.min_ratio is None:
            raise ValueError("a gap needs 'max_difference' or 'min_ratio'")
        return self


class AuditSection(Section):
    """What must hold on test, everywhere that matters, before a model may ship."""

    floors: tuple[Floor, ...] = ()
    gaps: tuple[Gap, ...] = ()
    min_support: Annotated[int, Field(ge=1)] = Field(
        default=30, description="a group with fewer rows to judge on is too small"
    )
    rare_class_share: Share = Field(default=0.05, description="a class below this share is rare")
    max_latency_ms: Annotated[float, Field(gt=0)] = Field(
        default=100.0, description="median time to score one row"
    )
    max_size_mb: Annotated[float, Field(gt=0)] = 50.0
