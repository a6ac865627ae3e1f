"""What the sections of the project file are made of: their base, severities, shares, slices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from tasks.errors import ProjectFileError

Severity = Literal["critical", "warning", "info"]
Judge = Literal["interval", "point", "lower_bound"]
Required = Annotated[
    bool | None,
    Field(
        description="true: blocks also where it cannot be judged; false: never does; default: a "
        "critical limit blocks where the value misses it and too few rows leave that open",
    ),
]

REGRESSION_METRICS = frozenset({"mae", "rmse", "r2"})
Share = Annotated[float, Field(ge=0, le=1)]


MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "average_precision",
    "roc_auc",
    "log_loss",
    "mae",
    "rmse",
    "r2",
]


class Section(BaseModel):
    """Base of every part of the project file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def slice_from_short_form(value: Any) -> Any:
    """A column or a list of columns as what `SliceSpec` reads."""
    if isinstance(value, str):
        return {"columns": [value]}
    if isinstance(value, list | tuple):
        return {"columns": list(value)}
    return value


def read_condition(text: str) -> str:
    """A condition that is understood. Raises ValueError where it is not."""
    from tasks.conditions import parse_condition

    try:
        parse_condition(text)
    except ProjectFileError as refusal:
        raise ValueError(str(refusal)) from None
    return text


Condition = Annotated[str, AfterValidator(read_condition)]


class SliceSpec(Section):
    """Rows that share a property: each value of a column or of a crossing, or a condition."""

    columns: tuple[str, ...] = ()
    condition: Condition | None = Field(
        default=None, description="for example: lvr > 0.9 and self == 'yes'"
    )
    name: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> SliceSpec:
        if bool(self.columns) == (self.condition is not None):
            raise ValueError("a slice is either 'columns' or a 'condition'")
        return self


Slice = Annotated[SliceSpec, BeforeValidator(slice_from_short_form)]


class GuardedSlice(SliceSpec):
    """A slice on which a candidate may not lose."""

    required: bool = Field(
        default=True, description="whether a slice that could not be judged stands in the way"
    )


Guard = Annotated[GuardedSlice, BeforeValidator(slice_from_short_form)]
