"""The project file as frozen models, one section a stage; an unknown key is refused.

The smallest useful file has four lines: name, source, target, positive_class. Every other value
has a default here, and the description of each field is what an editor shows.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

Severity = Literal["critical", "warning", "info"]
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
]


class Section(BaseModel):
    """Base of every part of the project file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


def _as_words(value: Any) -> Any:
    """Classes as words: 1 and 1.0 in YAML are the class '1'."""
    if not isinstance(value, list | tuple):
        return value
    return [str(one) if type(one) in (int, float) else one for one in value]


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
    folds: Annotated[int, Field(ge=2)] = 3
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


class LeakageSection(Section):
    """When a feature counts as nearly settling the target by itself."""

    max_single_feature_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.98
    min_value_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.75, description="lower Wilson bound of a class within one categorical value"
    )
    min_value_lift: Annotated[float, Field(gt=1)] = Field(
        default=3.0, description="that bound over the share of the class in all rows"
    )
    min_value_rows: Annotated[int, Field(ge=1)] = 20
    accept: dict[str, str] = Field(
        default_factory=dict, description="column: the reason why its leak is accepted"
    )


class DeclaredBaseline(Section):
    """A number that somebody else reached, or that the owner asks for."""

    name: str
    metric: MetricName
    value: float
    source: str = ""


class BaselinesSection(Section):
    """What the model has to be compared with."""

    hlp: DeclaredBaseline | None = Field(default=None, description="human-level performance")
    declared: tuple[DeclaredBaseline, ...] = Field(
        default=(), description="published results and targets"
    )
    overfit_rows: Annotated[int, Field(ge=4)] = 40
    min_overfit_accuracy: Share = 0.9
    shuffle_repeats: Annotated[int, Field(ge=1)] = 3
    max_novel_category_share: Share = 0.05


class Candidate(Section):
    """One family of models and the values that the search may try."""

    name: str
    estimator: str = Field(description="import path of a scikit-learn compatible classifier")
    params: dict[str, Any] = Field(default_factory=dict)
    search: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    trusted_types: tuple[str, ...] = Field(
        default=(), description="exact types of an allowed import that saving this model needs"
    )


class TrainingSection(Section):
    """How the candidate is found."""

    metric: MetricName | None = Field(
        default=None, description="default: average_precision for two classes, macro_f1 for more"
    )
    candidates: tuple[Candidate, ...] = Field(
        default=(), description="default: logistic regression and boosted trees"
    )
    cv_folds: Annotated[int, Field(ge=2)] = 3
    search_trials: Annotated[int, Field(ge=1)] = Field(
        default=6, description="settings tried per family; a smaller grid is tried whole"
    )
    class_weight: Literal["balanced", "none"] = "balanced"
    threshold: Literal["max_f1", "half"] = Field(
        default="max_f1", description="two classes: how the threshold is chosen on dev"
    )

    @field_validator("candidates")
    @classmethod
    def _names_differ(cls, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        names = [candidate.name for candidate in candidates]
        if len(set(names)) != len(names):
            raise ValueError(f"candidate names must differ: {', '.join(names)}")
        return candidates


def _slice_from_short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"columns": [value]}
    if isinstance(value, list | tuple):
        return {"columns": list(value)}
    return value


class SliceSpec(Section):
    """Rows that share a property: each value of a column or of a crossing, or a condition."""

    columns: tuple[str, ...] = ()
    condition: str | None = Field(
        default=None, description="for example: lvr > 0.9 and self == 'yes'"
    )
    name: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> SliceSpec:
        if bool(self.columns) == (self.condition is not None):
            raise ValueError("a slice is either 'columns' or a 'condition'")
        return self


Slice = Annotated[SliceSpec, BeforeValidator(_slice_from_short_form)]


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


def _version_text(value: Any) -> str:
    text = "" if isinstance(value, bool) else str(value)
    if re.fullmatch("[1-9][0-9]*", text) is None:
        raise ValueError("a version of the model is a whole number such as 3")
    return text


ModelVersion = Annotated[str, BeforeValidator(_version_text, json_schema_input_type=int | str)]


class GateSection(Section):
    """When the evidence is enough."""

    intent: Literal["improve", "refresh"] = "improve"
    metric: MetricName | None = Field(default=None, description="default: the training metric")
    min_gain: Annotated[float, Field(gt=0)] = 0.01
    margin: Annotated[float, Field(gt=0)] = 0.01
    min_test_rows: Annotated[int, Field(ge=1)] = 100
    min_positives: Annotated[int, Field(ge=1)] = 30
    min_discordant: Annotated[int, Field(ge=1)] = 10
    replicates: Annotated[int, Field(ge=200)] = 1000
    guard_slices: tuple[Slice, ...] = ()
    anchor: ModelVersion | None = Field(
        default=None,
        description="a pinned version of the model, against losses that add up step by step",
    )
    budget: Annotated[float, Field(gt=0)] = Field(
        default=0.02, description="how far the candidate may lie below the anchor"
    )
    max_wear: Annotated[int, Field(ge=1)] = Field(
        default=50, description="distinct models that may be judged on one version of the test set"
    )


class ApprovalSection(Section):
    """Who has to agree before the champion changes."""

    mode: Literal["auto", "approve", "approve_inconclusive"] = "auto"
    owner: str = ""
    expires_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=14, description="days after which a run can no longer be signed"
    )


class ScheduleSection(Section):
    """When a deployment runs the project by itself."""

    cron: str | None = None
    interval_minutes: Annotated[int, Field(ge=1)] | None = None
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as reason:
            raise ValueError(f"unknown time zone '{zone}'") from reason
        return zone

    @model_validator(mode="after")
    def _one_kind(self) -> ScheduleSection:
        if (self.cron is None) == (self.interval_minutes is None):
            raise ValueError("a schedule is either 'cron' or 'interval_minutes'")
        return self


def _source_from_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Project(Section):
    """One problem: its data, its labels, its limits."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = Field(
        description="lower-case letters, digits, - and _; names the model in the registry"
    )
    description: str = ""
    source: Annotated[SourceSection, BeforeValidator(_source_from_path)]
    target: str
    positive_class: str | None = Field(
        default=None, description="needed for two classes; unset for more"
    )
    key: str | None = Field(default=None, description="column that names a row for good")
    key_columns: tuple[str, ...] = Field(
        default=(), description="without 'key': the columns whose values make the row's key"
    )
    features: FeaturesSection = FeaturesSection()
    validation: ValidationSection = ValidationSection()
    labels: LabelsSection = LabelsSection()
    split: SplitSection = SplitSection()
    leakage: LeakageSection = LeakageSection()
    baselines: BaselinesSection = BaselinesSection()
    training: TrainingSection = TrainingSection()
    slices: tuple[Slice, ...] = Field(
        default=(), description="a column, a list of columns to cross, or {name, condition}"
    )
    error_analysis: ErrorAnalysisSection = ErrorAnalysisSection()
    audit: AuditSection = AuditSection()
    gate: GateSection = GateSection()
    approval: ApprovalSection = ApprovalSection()
    schedule: ScheduleSection | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    @field_validator("positive_class", mode="before")
    @classmethod
    def _as_label(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _target_is_no_feature(self) -> Project:
        declared = (*self.features.numeric, *self.features.categorical, *self.features.text)
        if self.target in declared:
            raise ValueError(f"the target '{self.target}' is also named as a feature")
        if self.key is not None and self.key_columns:
            raise ValueError("give 'key' or 'key_columns', not both")
        if self.target in (self.key, *self.key_columns):
            raise ValueError(f"the target '{self.target}' cannot name rows: labels get corrected")
        return self
