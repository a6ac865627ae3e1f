"""The sections on the data: their source, what they must look like, who learns from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tasks.project.fields import Section, Severity, Share, read_condition

DecimalMark = Literal[".", ","]
ThousandsMark = Literal[",", ".", "'", " "]


_DIRECTIVES = "aAbBdHIjmMpSfuVGyYzZ%"


def _readable_format(text: str) -> str:
    """A form of dates that can be read, each part of it named once, the year among them."""
    parts = re.findall("%(.?)", text)
    unknown = [part for part in parts if part not in _DIRECTIVES or not part]
    twice = [part for part in parts if part != "%" and parts.count(part) > 1]
    if unknown or twice:
        wrong, why = (unknown[0], "is no part of a date") if unknown else (twice[0], "stands twice")
        raise ValueError(f"'{text}' is no form of dates (%{wrong} {why}); write one as %d.%m.%Y")
    if not set(parts) & set("YyG"):
        raise ValueError(f"'{text}' names no year; write a form as %d.%m.%Y")
    if ("G" in parts) != ("V" in parts):
        raise ValueError(f"'{text}': %G and %V, the year and week of ISO 8601, go together")
    return text


DateFormat = Annotated[str, AfterValidator(_readable_format)]


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
    decimal: DecimalMark | dict[str, DecimalMark] = Field(
        default=".", description="the decimal mark of numbers, for all columns or by column"
    )
    thousands: ThousandsMark | dict[str, ThousandsMark] | None = Field(
        default=None,
        description="the mark between thousands, for all columns or by column; a blank is any",
    )
    units: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="signs before or after a number that are left out, such as $ or %: 12.5% is "
        "12.5",
    )
    negative: Literal["minus", "parentheses", "trailing"] = Field(
        default="minus", description="how else numbers below zero are written: (5), or 5-"
    )
    date_format: DateFormat | dict[str, DateFormat] | None = Field(
        default=None,
        description="form of dates that are not ISO 8601, for all columns or by column: %d.%m.%Y",
    )
    on_misfit: Literal["null", "quarantine"] = Field(
        default="null",
        description="a cell that does not fit: blank it, or set its row aside",
    )
    max_misfit_share: Share = Field(default=0.01, description="share of misfit cells in a column")
    max_quarantined_share: Share = Field(default=0.01, description="share of rows set aside")

    @model_validator(mode="after")
    def _marks_differ(self) -> SourceSection:
        by_column = [one for one in (self.decimal, self.thousands) if isinstance(one, dict)]
        for name in (None, *(column for one in by_column for column in one)):
            decimal, thousands = self.decimal_of(name), self.thousands_of(name)
            if decimal == thousands:
                where = "" if name is None else f" for the column '{name}'"
                raise ValueError(f"'decimal' and 'thousands' are both '{decimal}'{where}")
        return self

    def decimal_of(self, column: str | None) -> str:
        """The decimal mark of a column's numbers."""
        return _of_column(self.decimal, column) or "."

    def thousands_of(self, column: str | None) -> str | None:
        """The mark between the thousands of a column's numbers; None where there is none."""
        return _of_column(self.thousands, column)

    def date_format_of(self, column: str | None) -> str | None:
        """The form of a column's dates; None for ISO 8601."""
        return _of_column(self.date_format, column)

    @property
    def columns_with_a_form(self) -> tuple[str, ...]:
        """The columns that `decimal`, `thousands` or `date_format` name."""
        by_column = (self.decimal, self.thousands, self.date_format)
        names = [name for one in by_column if isinstance(one, dict) for name in one]
        return tuple(dict.fromkeys(names))


def _of_column(option: str | Mapping[str, str] | None, column: str | None) -> str | None:
    if option is None or isinstance(option, str):
        return option
    return option.get(column) if column is not None else None


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

    @model_validator(mode="after")
    def _row_condition(self) -> Expectation:
        condition = self.kwargs.get("row_condition")
        if isinstance(condition, str):
            read_condition(condition)
        elif condition is not None:
            raise ValueError("'row_condition' is a text such as lvr > 0.9")
        return self


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
