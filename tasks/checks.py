"""The one abstraction of Assayline: a check, and the result of a stage as a list of checks.

Guarantees:

* everything that is judged is a `Check` with one of four outcomes; judging never raises for
  bad data, and acting on a check is somebody else's job;
* a check cannot pass on NaN: building such a check is an error in our own code;
* a stage that judged nothing blocks, and `not_applicable` is never counted as passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Outcome = Literal["passed", "failed", "not_applicable", "error"]
Severity = Literal["critical", "warning", "info"]
StageOutcome = Literal["passed", "warned", "blocked", "error", "not_run"]
Limit = float | str | None
Unit = Literal["", "share"]
"""A share is written in percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was judged.

    `id` is stable across runs and reads `<stage>.<what>` or `<stage>.<what>:<subject>`.
    `value` and `limit` are in `unit`; `interval` is the 95 % interval of `value`; `n` is the number
    of rows (or items) that the value rests on. `values` are what else its sentence tells, as JSON
    values by their names. `title` and `detail`, one sentence for a reader who sees nothing else,
    are written by `tasks.wording` when it is read: a stage leaves them empty. `evidence` names a
    table or figure of the same result. `required` makes `not_applicable` block. `entry` names the
    entry of the project's audit plan that is judged, such as `audit.floors[0]`; it is empty where
    nobody declared one. `measured` marks a value that differs from run to run (a time, a size of
    memory): it stays outside the hashed core of a result.

    Raises ValueError when the outcome is "passed" and the value or an end of the interval is NaN.
    """

    id: str
    stage: str
    severity: Severity
    outcome: Outcome
    title: str = ""
    detail: str = ""
    value: float | str | None = None
    limit: Limit = None
    unit: Unit = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    n: int | None = None
    evidence: str | None = None
    required: bool = False
    measured: bool = False
    entry: str = ""

    def __post_init__(self) -> None:
        numbers = [self.value, *(self.interval or ())]
        if self.outcome == "passed" and any(_is_nan(number) for number in numbers):
            raise ValueError(f"check {self.id} passed on NaN: value {self.value}, {self.interval}")

    @property
    def kind(self) -> str:
        """What is judged: `rows` of `stage.rows:subject`."""
        return self.id.partition(":")[0].partition(".")[2].partition("#")[0]

    @property
    def subject(self) -> str:
        """What it is judged of; empty where that is the whole."""
        return self.id.partition(":")[2]

    @property
    def blocks(self) -> bool:
        """Whether this check alone keeps a model from being promoted.

        What is required has to be judged, whatever its severity.
        """
        if self.outcome in ("not_applicable", "error") and self.required:
            return True
        return self.severity == "critical" and self.outcome in ("failed", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows that a reader looks at: evidence, not input of a later stage.

    `title` and `note` are written when it is read, from `values`, as those of a check.
    """

    frame: pd.DataFrame
    title: str = ""
    note: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """What to draw, apart from how: `table` names the table of the same result that holds it.

    Columns that the table must have, by kind:

    * `confusion`: actual, predicted, count;
    * `intervals`: label, value, low, high, n (one dot with its interval a row);
    * `bars`: label, value, and optionally low, high;
    * `reliability`: mean_probability, observed, observed_low, observed_high, n (one dot a bin).

    `limit` is drawn as a line. `alt` says in one sentence what the figure shows; like `title` it is
    written when the figure is read, from `values`.
    """

    kind: Literal["confusion", "intervals", "bars", "reliability"]
    table: str
    title: str = ""
    alt: str = ""
    unit: str = ""
    limit: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one question of a stage found: a part of its result. The fields are those there."""

    checks: tuple[Check, ...] = ()
    summary: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    outputs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """All that a stage found.

    `summary` is its key numbers in one line, written when it is read. `facts` are small JSON
    values for later stages and the page. `outputs` are frames and `files` bytes for later stages
    (kept, not shown). `measured` holds times and sizes, which stand beside the hashed core.
    """

    stage: str
    checks: tuple[Check, ...]
    summary: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    outputs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, stage: str, summary: str, findings: Sequence[Finding]) -> StageResult:
        """The findings put together in their order; a name that two of them use is a mistake.

        Raises ValueError for such a name.
        """
        return cls(
            stage=stage,
            summary=summary,
            checks=tuple(check for finding in findings for check in finding.checks),
            metrics=_together(finding.metrics for finding in findings),
            facts=_together(finding.facts for finding in findings),
            tables=_together(finding.tables for finding in findings),
            figures=tuple(figure for finding in findings for figure in finding.figures),
            outputs=_together(finding.outputs for finding in findings),
            measured=_together(finding.measured for finding in findings),
        )

    @property
    def outcome(self) -> StageOutcome:
        """What the stage's checks amount to."""
        return stage_outcome(self.checks)


def judged(value: float, *, minimum: float | None = None, maximum: float | None = None) -> Outcome:
    """Passed when `value` lies within the closed limits; NaN fails."""
    if math.isnan(value):
        return "failed"
    if minimum is not None and value < minimum:
        return "failed"
    if maximum is not None and value > maximum:
        return "failed"
    return "passed"


def stage_outcome(checks: Iterable[Check]) -> StageOutcome:
    """The stage's outcome: `blocked` also when no check was evaluated at all.

    `error` means that a critical check could not be judged and none failed.
    """
    checks = tuple(checks)
    blocking = [check for check in checks if check.blocks]
    if any(check.outcome == "failed" for check in blocking):
        return "blocked"
    if any(check.outcome == "error" for check in blocking):
        return "error"
    if blocking or not any(check.outcome in ("passed", "failed") for check in checks):
        return "blocked"
    if any(c.outcome in ("failed", "error") and c.severity != "info" for c in checks):
        return "warned"
    return "passed"


def _together(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        twice = found.keys() & part.keys()
        if twice:
            raise ValueError(f"two findings of a stage are named '{min(twice)}'")
        found |= part
    return found


def _is_nan(number: object) -> bool:
    return isinstance(number, float) and math.isnan(number)
