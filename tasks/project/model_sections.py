"""The sections on the model: leaks, what it has to beat, and how it is found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tasks.project.fields import MetricName, Section, Share


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
