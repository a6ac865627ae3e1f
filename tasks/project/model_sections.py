"""The sections on the model: leaks, what it has to beat, and how it is found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

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


class MitigateSection(Section):
    """How the chosen family is fitted again, so that it tells groups less apart."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="whose groups train rows are weighed by; several are crossed"
    )
    strength: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.0,
        description="1: group and label independent among the weighted rows; more leans further",
    )
    max_selection_rate: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="two classes: the largest share of dev rows to predict as the positive class, "
        "by one threshold for all groups; default: training.threshold alone decides",
    )


def _mitigate_from_short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"columns": [value]}
    return {"columns": list(value)} if isinstance(value, list | tuple) else value


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
    mitigate: Annotated[MitigateSection | None, BeforeValidator(_mitigate_from_short_form)] = Field(
        default=None,
        description="a column or {columns, strength, ...}: fit by weights of its groups",
    )
    offer_mitigated: bool = Field(
        default=True,
        description="fit the chosen family again by weights of the groups in audit.gaps, and offer "
        "it where a gap is refused",
    )

    @field_validator("candidates")
    @classmethod
    def _names_differ(cls, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        names = [candidate.name for candidate in candidates]
        if len(set(names)) != len(names):
            raise ValueError(f"candidate names must differ: {', '.join(names)}")
        return candidates
