"""The sections on the model: leaks, what it has to beat, and how it is found."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tasks.project.fields import MetricName, Section, Share


class LeakageSection(Section):
    """When a feature counts as nearly settling the target by itself."""

    max_single_feature_auc: Annotated[float, Field(gt=0.5, le=1)] = Field(
        default=0.98, description="of the class that a column alone ranks best against the rest"
    )
    min_single_feature_errors: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.12, description="errors of a column alone, as a share of those of the constant"
    )
    min_value_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.75, description="lower bound of the rate of a class within one value"
    )
    min_value_odds: Annotated[float, Field(gt=1)] = Field(
        default=15.0,
        description="lower bound of the odds of that class within the value, over those of all "
        "rows; it blocks where the bound corrected for the number of values is beyond it too",
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
    shuffle_rows: Annotated[int, Field(ge=1_000)] = Field(
        default=20_000,
        description="of more train rows, or dev rows, the test with shuffled labels takes a sample "
        "of so many, drawn by the seed",
    )
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


class ErrorCosts(Section):
    """What one wrong prediction costs, in any unit: their ratio decides."""

    false_positive: Annotated[float, Field(ge=0)]
    false_negative: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _something_costs(self) -> ErrorCosts:
        if self.false_positive == 0 and self.false_negative == 0:
            raise ValueError("of false_positive and false_negative one must cost more than 0")
        return self


ThresholdWord = Literal["max_f1", "max_macro_f1", "max_balanced_accuracy", "max_accuracy", "half"]


class ThresholdRule(Section):
    """What the threshold of two classes is chosen for, on dev: one of these."""

    objective: ThresholdWord | None = Field(
        default=None, description="also written as a word: threshold: half"
    )
    cost: ErrorCosts | None = Field(default=None, description="least expected cost")
    precision_at_recall: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="highest precision with at least this recall"
    )
    recall_at_precision: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="highest recall with at least this precision"
    )
    max_selection_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="highest recall with at most this share predicted positive"
    )
    max_false_positive_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="highest recall with at most this share of negatives positive"
    )

    @model_validator(mode="after")
    def _one_objective(self) -> ThresholdRule:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            told = f"these were given: {', '.join(given)}" if given else "none was given"
            raise ValueError(f"a threshold is chosen for one objective, and {told}")
        return self

    @property
    def kind(self) -> str:
        """The name of the objective: max_f1, half, cost, precision_at_recall and so on."""
        given = (name for name in type(self).model_fields if getattr(self, name) is not None)
        return self.objective or next(given)


def _threshold_from_word(value: Any) -> Any:
    words = get_args(ThresholdWord)
    if isinstance(value, str) and value in words:
        return {"objective": value}
    if isinstance(value, dict | ThresholdRule):
        return value
    rules = ", ".join(name for name in ThresholdRule.model_fields if name != "objective")
    raise ValueError(f"write {', '.join(words)}, or one of {rules} with its value")


Threshold = Annotated[
    ThresholdRule,
    BeforeValidator(_threshold_from_word, json_schema_input_type=ThresholdWord | ThresholdRule),
]


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
    class_weight: Literal["balanced", "none"] = Field(
        default="none",
        description="balanced: every class weighs the same in a fit, which distorts probabilities",
    )
    calibration: Literal["auto", "none", "temperature", "sigmoid", "isotonic"] = Field(
        default="auto",
        description="how probabilities are calibrated, out of fold on train; auto: by the method "
        "whose log-loss is surely lower, if any",
    )
    threshold: Threshold | None = Field(
        default=None,
        description="two classes: what the threshold is chosen for on dev: max_f1, max_macro_f1, "
        "max_balanced_accuracy, max_accuracy, half, or one of cost, precision_at_recall, "
        "recall_at_precision, max_selection_rate, max_false_positive_rate; default: what suits "
        "the metric: half for accuracy, log_loss, brier and calibration_error, "
        "max_balanced_accuracy for balanced_accuracy, macro_recall and roc_auc, max_macro_f1 for "
        "macro_f1 and macro_precision, max_f1 for the others",
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
