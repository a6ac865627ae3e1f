"""The project file as frozen models, one section a stage; an unknown key is refused.

The smallest useful file has four lines: name, source, target, positive_class. Every other value
has a default, and the description of each field is what an editor shows. The sections stand in
modules by their subject.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tasks.project.analysis_sections import ErrorAnalysisSection
from tasks.project.audit_sections import AuditSection
from tasks.project.data_sections import (
    FeaturesSection,
    SourceSection,
    SplitSection,
    ValidationSection,
)
from tasks.project.decision_sections import ApprovalSection, GateSection
from tasks.project.fields import Section, Slice
from tasks.project.label_sections import LabelsSection
from tasks.project.model_sections import (
    BaselinesSection,
    LeakageSection,
    TrainingSection,
)
from tasks.project.operation_sections import NotifySection, RetentionSection, ScheduleSection


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
    task: Literal["classification", "regression"] = Field(
        default="classification", description="regression: the target is a number to be estimated"
    )
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
    notify: NotifySection | None = None
    retention: RetentionSection = RetentionSection()
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
