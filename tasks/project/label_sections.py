"""The section on the labels: who gave them, and how far they can be trusted."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tasks.project.fields import Section, Severity, Share


def _as_words(value: Any) -> Any:
    """Classes as words: 1 and 1.0 in YAML are the class '1'."""
    if not isinstance(value, list | tuple):
        return value
    return [str(one) if type(one) in (int, float) else one for one in value]


def _as_words_of_mapping(value: Any) -> Any:
    """Labels as words on both sides: YAML reads 1.0 as a number and yes as true."""
    if not isinstance(value, dict):
        return value
    return {_label_word(old): _label_word(new) for old, new in value.items()}


def _label_word(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class RatingsSection(Section):
    """A file with one label of one item a row (long form)."""

    path: str = Field(description="CSV or Parquet file, relative to the project file")
    item: str = Field(default="item", description="column that names the item")
    matches: str | None = Field(
        default=None, description="column of the data that holds the same; default: the row key"
    )
    label: str = Field(default="label", description="column that holds the label")
    annotator: str | None = Field(
        default=None, description="column that names the annotator; unset: raters are anonymous"
    )
    time: str | None = Field(
        default=None, description="column of the time; of an annotator's labels the latest counts"
    )
    format: Literal["auto", "csv", "parquet"] = "auto"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = Field(
        default=("", "NA", "N/A", "NaN", "nan", "null", "NULL"),
        description="labels that mean 'missing'",
    )


class DriftSection(Section):
    """By what the shares of the classes may change, and from when that counts."""

    by: str | None = Field(
        default=None,
        description="column of the time, the batch or the annotator; default: the split's time",
    )
    windows: Annotated[int, Field(ge=2, le=100)] = Field(
        default=10, description="time, or a number with many values, is cut into so many windows"
    )
    min_effect: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="smallest change that counts, as Cramer's V; 0.1 is small"
    )
    severity: Severity = Field(default="warning", description="severity of such a change")


class LabelsSection(Section):
    """How far the labels can be trusted."""

    annotators: tuple[str, ...] = Field(
        default=(), description="columns that hold one annotator's label each (wide form)"
    )
    anonymous: bool = Field(
        default=False, description="the annotators' columns are places, not people"
    )
    ratings: RatingsSection | None = Field(
        default=None, description="a file of labels by annotators, joined to the rows (long form)"
    )
    scale: Literal["nominal", "ordinal", "interval"] = Field(
        default="nominal", description="what two labels are apart: anything, steps, or a distance"
    )
    order: Annotated[tuple[str, ...], BeforeValidator(_as_words)] = Field(
        default=(),
        description="the classes of the ratings, for scale ordinal from the lowest; default: those "
        "of the target",
    )
    consensus: Literal["majority", "dawid_skene", "model_assisted"] | None = Field(
        default=None,
        description="default: dawid_skene where three annotators are known by name, else majority",
    )
    max_unusable_ratings: Share = Field(
        default=0.01, description="share of ratings that name no row or none of the classes"
    )
    min_agreement: float | None = Field(
        default=None, description="smallest acceptable Krippendorff alpha; unset: shown, not judged"
    )
    agreement_severity: Severity = Field(
        default="critical", description="severity of min_agreement"
    )
    max_conflict_share: Share = Field(
        default=0.02, description="share of rows whose equal example has another label"
    )
    max_issue_share: Share = Field(
        default=0.2,
        description="share of suspected label issues, for information: suspects are no errors, and "
        "max_error_rate judges those",
    )
    severity: Severity = Field(default="warning", description="severity of max_conflict_share")
    numeric_tolerance: Annotated[float, Field(ge=0)] = Field(
        default=0.001,
        description="nearly equal: within this share of a column's deviation",
    )
    text_similarity: Annotated[float, Field(ge=0.5, le=1)] = Field(
        default=0.9, description="nearly equal texts share so many of their character 5-grams"
    )
    drift: DriftSection = DriftSection()
    rename: Annotated[dict[str, str], BeforeValidator(_as_words_of_mapping)] = Field(
        default_factory=dict,
        description="a label as it stands in the data: the class that it means, in the target and "
        "for annotators",
    )
    rare_classes: Literal["keep", "merge", "set_aside"] = Field(
        default="keep",
        description="of more than two classes, those with fewer than rare_rows rows: learn them "
        "all the same, make one class of them, or set their rows aside",
    )
    rare_rows: Annotated[int, Field(ge=2)] = Field(
        default=10, description="a class with fewer rows is rare"
    )
    rare_name: Annotated[str, Field(min_length=1)] = Field(
        default="other", description="the class that rare ones are merged into"
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        default=5, description="models that judge the labels of train: each of one part of it"
    )
    fit_rows: Annotated[int, Field(ge=1_000)] = Field(
        default=20_000,
        description="of more train rows each of these models learns from a sample of so many, "
        "drawn by the seed; all rows are judged",
    )
    review_rows: Annotated[int, Field(ge=1)] = 100
    overlay: str | None = Field(
        default=None,
        description="CSV of corrected labels, beside the project file; default: its name with "
        ".labels.csv",
    )
    reviews: str | None = Field(
        default=None,
        description="CSV of the answers to reviews; default: the project file's name with "
        ".reviews.csv",
    )
    rules: str | None = Field(
        default=None, description="YAML file with the definition of each class"
    )
    max_error_rate: Share | None = Field(
        default=None,
        description="largest acceptable share of wrong labels, estimated from reviews; unset: "
        "shown, not judged",
    )
    error_rate_severity: Severity = "critical"
    error_rate_required: bool = Field(
        default=False, description="block also while too few labels were reviewed to judge it"
    )
    suspects: Literal["keep", "weight", "leave_out"] = Field(
        default="keep",
        description="suspected rows of train: learn from them, by the probability of their label, "
        "or not at all",
    )

    @model_validator(mode="after")
    def _one_form_and_scale(self) -> LabelsSection:
        if self.annotators and self.ratings is not None:
            raise ValueError("give 'annotators' or 'ratings', not both")
        if self.scale == "ordinal" and not self.order:
            raise ValueError("scale ordinal needs the classes from the lowest in 'order'")
        if len(set(self.order)) != len(self.order):
            raise ValueError(f"'order' names a class twice: {', '.join(self.order)}")
        if self.anonymous and self.ratings is not None and self.ratings.annotator is not None:
            raise ValueError("'anonymous' goes with ratings that name no annotator")
        if self.scale == "interval" and self.order and not _numbers(self.order):
            raise ValueError(f"scale interval takes numbers, and 'order' has {self.order}")
        return self


def _numbers(words: tuple[str, ...]) -> bool:
    return all(re.fullmatch(r"[-+]?\d+(\.\d*)?", word) for word in words)
