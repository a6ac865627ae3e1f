"""The section on robustness: small changes of the test rows, and how many predictions may flip."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tasks.project.fields import Required, Section, Severity

ChangeKind = Literal["noise", "missing", "case", "spaces", "typos", "shift"]


class RobustnessLimit(Section):
    """How many predictions one kind of change may flip."""

    kind: ChangeKind
    max_flip_share: Annotated[float, Field(ge=0, lt=1, description="1 would judge nothing")]
    judge: Literal["interval", "point"] = Field(
        default="interval", description="as for floors: by the whole interval, or by the value"
    )
    severity: Severity = "critical"
    required: Required = None
    risk: str = Field(default="", description="what can go wrong, in the owner's words")
    owner: str = ""
    reason: str = ""


class RobustnessSection(Section):
    """Which changes are tried and judged; those without a limit are shown only."""

    enabled: bool = True
    limits: tuple[RobustnessLimit, ...] = ()
    max_rows: Annotated[int, Field(ge=1)] = Field(
        default=2000, description="test rows that are changed, drawn by the seed"
    )
    missing_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="share of the cells that are blanked"
    )
    precision: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="column: the smallest difference that it measures; default: read from its "
        "values",
    )

    @field_validator("limits")
    @classmethod
    def _one_limit_a_kind(cls, limits: tuple[RobustnessLimit, ...]) -> tuple[RobustnessLimit, ...]:
        kinds = [limit.kind for limit in limits]
        twice = [kind for place, kind in enumerate(kinds) if kind in kinds[:place]]
        if twice:
            raise ValueError(f"two limits are for '{twice[0]}'; keep one of them")
        return limits

    @model_validator(mode="after")
    def _limits_are_judged(self) -> RobustnessSection:
        if self.limits and not self.enabled:
            raise ValueError("'enabled' is false although 'limits' are set; keep one of them")
        return self

    def entry_of(self, kind: str) -> str:
        """The place of that limit in the audit plan; empty where the project sets none."""
        kinds = [limit.kind for limit in self.limits]
        return f"audit.robustness.limits[{kinds.index(kind)}]" if kind in kinds else ""

    def limit_of(self, kind: str) -> RobustnessLimit | None:
        """The project's limit for a kind of change, if it sets one."""
        return next((limit for limit in self.limits if limit.kind == kind), None)
