"""The sections on the decision: when evidence is enough, and who signs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tasks.project.fields import Guard, MetricName, Section


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
    guard_slices: tuple[Guard, ...] = ()
    anchor: ModelVersion | None = Field(
        default=None,
        description="a pinned version of the model, against losses that add up step by step",
    )
    budget: Annotated[float, Field(gt=0)] = Field(
        default=0.02, description="how far the candidate may lie below the anchor"
    )
    error_to_spend: Annotated[float, Field(gt=0.025, le=0.5)] = Field(
        default=0.1,
        description="the chance that any of all judgements of a test set promotes wrongly; the "
        "first spends 0.025 of it, and new test rows give it back",
    )
    max_wear: Annotated[int, Field(ge=1)] = Field(
        default=50, description="judgements of the same test rows at most, by rows"
    )


class ApprovalSection(Section):
    """Who has to agree before the champion changes."""

    mode: Literal["auto", "approve", "approve_inconclusive"] = "auto"
    owner: str = ""
    expires_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=14, description="days after which a run can no longer be signed"
    )
