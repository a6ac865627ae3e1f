"""The section on the audit: what must hold on test, where, and who answers for it."""

from __future__ import annotations

import math
from typing import Annotated, Literal, cast

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tasks.project.fields import (
    Condition,
    Judge,
    MetricName,
    Required,
    Section,
    Severity,
    Share,
    Slice,
)
from tasks.project.robustness_section import RobustnessSection

LOW_IS_GOOD = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse"})
"""Metrics whose floor is a `maximum`."""
_ALWAYS_MET = {"brier": 2.0, "calibration_error": 1.0}
"""Maxima that no model can exceed."""
_JUDGE = (
    "interval: passed when the whole 95 % interval is on the good side, failed when the whole of "
    "it is on the bad side, else not judged, with the rows that would decide; point: the value "
    "decides, whatever its interval"
)
_FLOOR_JUDGE = (
    f"{_JUDGE}; lower_bound: the worse end of the interval decides, so that what is not shown to "
    "hold fails"
)


def _earlier_word(value: object) -> object:
    """`value` was the word for `point`."""
    return "point" if value == "value" else value


def _judges_nothing(limit: str, always: str) -> ValueError:
    return ValueError(f"{limit} judges nothing: {always}; set a limit that can be missed")


class Floor(Section):
    """The least that a metric must reach, overall, on a class or on each slice of a column.

    Where a low value is good it is the most that the metric may be.
    """

    metric: Literal[
        "accuracy",
        "precision",
        "recall",
        "f1",
        "macro_f1",
        "average_precision",
        "roc_auc",
        "mae",
        "rmse",
        "r2",
        "coverage",
        "log_loss",
        "brier",
        "calibration_error",
    ]
    minimum: Share | None = None
    maximum: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="in place of minimum for log_loss, brier, calibration_error"
    )
    judge: Annotated[Judge, BeforeValidator(_earlier_word)] = Field(
        default="interval", description=_FLOOR_JUDGE
    )
    of_class: str | None = Field(default=None, alias="class")
    slice: Slice | None = None
    severity: Severity = "critical"
    required: Required = None
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _the_limit_on_the_bad_side(self) -> Floor:
        needed, other = "minimum", "maximum"
        if self.metric in LOW_IS_GOOD:
            needed, other = other, needed
        good = "low" if needed == "maximum" else "high"
        if getattr(self, other) is not None:
            raise ValueError(f"a {good} {self.metric} is good: give '{needed}', not '{other}'")
        if getattr(self, needed) is None:
            raise ValueError(f"a floor of {self.metric} needs '{needed}'")
        if self.minimum == 0 and self.metric != "r2":
            raise _judges_nothing("'minimum: 0'", f"no {self.metric} is below 0")
        if self.maximum is not None and self.maximum >= _ALWAYS_MET.get(self.metric, math.inf):
            most = _ALWAYS_MET[self.metric]
            raise _judges_nothing(
                f"'maximum: {self.maximum:g}'", f"no {self.metric} is above {most:g}"
            )
        return self

    @property
    def limit(self) -> float:
        """The minimum, or the maximum where a low value is good."""
        return cast("float", self.maximum if self.minimum is None else self.minimum)


WITHOUT_RATIO = frozenset({"calibration", "mae", "mean_error"})


class Gap(Section):
    """How far a metric may differ between the groups of a column, or of a crossing of columns."""

    column: str | None = None
    columns: tuple[str, ...] = Field(
        default=(), description="a crossing, such as [black, single], instead of 'column'"
    )
    metric: Literal[
        "selection_rate",
        "false_positive_rate",
        "false_negative_rate",
        "true_positive_rate",
        "true_negative_rate",
        "precision",
        "accuracy",
        "f1",
        "balanced_accuracy",
        "calibration",
        "mae",
        "mean_error",
    ]
    max_difference: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="in shares; of mae and mean_error in units of the target"
    )
    min_ratio: Share | None = Field(default=None, description="0.8 is the four-fifths rule")
    judge: Literal["interval", "point"] = Field(
        default="interval",
        description=f"{_JUDGE}; the interval is that of the largest difference (the smallest "
        "ratio) of any two groups",
    )
    of_class: str | None = Field(
        default=None,
        alias="class",
        description="class whose rate is compared; default: the positive class",
    )
    severity: Severity = "critical"
    required: Required = None
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _a_limit(self) -> Gap:
        if self.max_difference is None and self.min_ratio is None:
            raise ValueError("a gap needs 'max_difference' or 'min_ratio'")
        if bool(self.columns) == (self.column is not None):
            raise ValueError("a gap needs 'column', or 'columns' for a crossing, and not both")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"a gap crosses different columns, not {', '.join(self.columns)}")
        if self.metric in WITHOUT_RATIO and self.min_ratio is not None:
            raise ValueError(
                f"{self.metric} is a number around 0, which has no ratio: set 'max_difference'"
            )
        in_shares = self.metric not in ("mae", "mean_error")
        if in_shares and self.max_difference is not None and self.max_difference > 1:
            raise ValueError(f"'max_difference' of {self.metric} is a share, at most 1")
        if in_shares and self.max_difference == 1 and self.metric != "calibration":
            raise _judges_nothing("'max_difference: 1'", "no two shares differ by more")
        if self.min_ratio == 0:
            raise _judges_nothing("'min_ratio: 0'", "no ratio is below 0")
        return self

    @property
    def crossed(self) -> tuple[str, ...]:
        """The columns whose groups are compared."""
        return self.columns or ((self.column,) if self.column is not None else ())

    @property
    def groups_of(self) -> str:
        """The column, or the crossing, in one name."""
        return " & ".join(self.crossed)


class ImportantExamples(Section):
    """Examples that matter more than their number: a condition with a weight, or a weight column.

    A row counts for as many ordinary rows as its weight says; one that several entries weigh, for
    the product.
    """

    name: str
    condition: Condition | None = Field(
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
    tolerance: Share | None = Field(
        default=None,
        description="without max_error_rate: by how much their error rate may exceed that of the "
        "others at most, for which it is shown to be no worse; default 0.05",
    )
    judge: Literal["interval", "point"] = Field(default="interval", description=_JUDGE)
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    severity: Severity = "warning"
    required: Required = None
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
        if self.tolerance is not None and (self.column or self.max_error_rate) is not None:
            raise ValueError(
                "'tolerance' is against the other rows: it belongs to a 'condition' without "
                "'max_error_rate'"
            )
        if self.max_error_rate == 1:
            raise _judges_nothing("'max_error_rate: 1'", "no error rate is above 1")
        return self


class WeightedFloor(Section):
    """The least that a metric must reach with every row counted by its importance."""

    metric: MetricName | None = Field(default=None, description="default: the training metric")
    minimum: Annotated[float, Field(gt=0, le=1, description="0 would judge nothing")]
    judge: Judge = Field(default="interval", description=_FLOOR_JUDGE)
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    severity: Severity = "critical"
    required: Required = None
    owner: str = Field(default="", description="who answers for it; default: audit.owner")
    reason: str = ""

    @field_validator("metric")
    @classmethod
    def _higher_is_better(cls, metric: str | None) -> str | None:
        if metric in LOW_IS_GOOD:
            raise ValueError(f"{metric} has no minimum: a low one is good")
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
        default=30,
        description="a group with fewer independent units to judge on is too small: rows, or "
        "people where split.group names them",
    )
    rare_class_share: Share = Field(default=0.05, description="a class below this share is rare")
    max_latency_ms: Annotated[float, Field(gt=0)] = Field(
        default=100.0, description="median time to score one row"
    )
    max_size_mb: Annotated[float, Field(gt=0)] = 50.0
    max_memory_mb: Annotated[float, Field(gt=0)] = Field(
        default=1000.0, description="to load the model and score a batch, beside the libraries"
    )
    robustness: RobustnessSection = RobustnessSection()

    @model_validator(mode="after")
    def _weights_to_weigh_with(self) -> AuditSection:
        names = [examples.name for examples in self.important]
        if len(set(names)) != len(names):
            raise ValueError(f"names of important examples must differ: {', '.join(names)}")
        if self.weighted_floor is not None and not names:
            raise ValueError("'weighted_floor' needs the weights of 'important', which is empty")
        return self
