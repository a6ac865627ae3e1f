"""The sections on the data: their source, what they must look like, who learns from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.project.fields import Section, Severity, Share


class SourceSection(Section):
    """Where the data comes from and how its cells are read."""

    path: str = Field(description="CSV or Parquet file, relative to the project file")
    format: Literal["auto", "csv", "parquet"] = "auto"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = Field(
        default=("", "NA", "N/A", "NaN", "nan", "null", "NULL"),
        description="cells that mean 'missing'; in text columns only the empty cell does",
    )
    on_misfit: Literal["null", "quarantine"] = Field(
        default="null",
        description="a cell that does not fit: blank it, or set its row aside",
    )
    max_misfit_share: Share = Field(default=0.01, description="share of misfit cells in a column")
    max_quarantined_share: Share = Field(default=0.01, description="share of rows set aside")


class FeaturesSection(Section):
    """Feature columns by kind; what is not named is inferred from the column's type."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    only_declared: bool = Field(
        default=False, description="use the columns named above and no others"
    )
    exclude: dict[str, str] = Field(
        default_factory=dict, description="column: the reason why it is never a feature"
    )
    outcome_only: tuple[str, ...] = Field(
        default=(), description="columns known only after the outcome: never features"
    )


class Expectation(Section):
    """One Great Expectations rule, for example expect_column_values_to_be_between."""

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "critical"
    on_failure: Literal["report", "quarantine"] = Field(
        default="report", description="set the failing rows aside, or only report them"
    )
    reason: str = ""


class ValidationSection(Section):
    """What the data must look like before anything is learned from it."""

    min_rows: Annotated[int, Field(ge=1)] = 50
    expectations: tuple[Expectation, ...] = ()
    max_quarantined_share: Share = 0.05


class SplitSection(Section):
    """Who learns from which rows."""

    by: Literal["key", "group", "time"] = "key"
    column: str | None = Field(default=None, description="the group or time column")
    train: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.6,
        description="the shares hold for new rows; a row that has a side keeps it within an epoch",
    )
    dev: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    epoch: Annotated[int, Field(ge=1)] = Field(
        default=1, description="the salt of the split: raise it to draw a new test set"
    )

    @model_validator(mode="after")
    def _shares_and_column(self) -> SplitSection:
        total = self.train + self.dev + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + dev + test must be 1, and is {total:g}")
        if self.by != "key" and self.column is None:
            raise ValueError(f"split by {self.by} needs the {self.by} column's name in 'column'")
        return self
