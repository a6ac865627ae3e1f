"""The words and signs that every view uses for outcomes, stages, verdicts and exit codes.

Guarantee: an outcome is always a sign and a word, so that colour is never the only carrier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.checks import Check, Outcome, StageOutcome
from tasks.stage_specs import find_spec

Tone = Literal["good", "caution", "bad", "quiet"]


@dataclass(frozen=True)
class Mark:
    """An outcome as a sign, a word, and the tone that a colour may underline."""

    glyph: str
    word: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


STAGE_MARKS: Mapping[StageOutcome, Mark] = {
    "passed": Mark("✓", "passed", "good"),
    "warned": Mark("▲", "warned", "caution"),
    "blocked": Mark("✕", "blocked", "bad"),
    "error": Mark("!", "error", "bad"),
    "not_run": Mark("○", "not run", "quiet"),
}

VERDICT_MARKS: Mapping[str | None, Mark] = {
    "promote": Mark("✓", "promote", "good"),
    "reject": Mark("✕", "reject", "bad"),
    "inconclusive": Mark("?", "inconclusive", "caution"),
    None: Mark("✕", "no verdict", "bad"),
}

EXIT_MEANINGS: Mapping[int, str] = {
    0: "promoted or passed",
    1: "internal error",
    2: "usage or project file error",
    3: "the data was refused",
    4: "the candidate was rejected",
    5: "inconclusive or awaiting approval",
    6: "the environment failed",
}

_SEVERITIES = ("critical", "warning", "info")
_OUTCOMES: tuple[Outcome, ...] = ("failed", "error", "not_applicable", "passed")


def check_mark(check: Check) -> Mark:
    """The mark of a check; how bad a failure is depends on whether it blocks."""
    if check.outcome == "passed":
        return Mark("✓", "passed", "good")
    if check.outcome == "not_applicable":
        return Mark("–", "not applicable", "bad" if check.blocks else "quiet")
    tone: Tone = "bad" if check.blocks else "quiet" if check.severity == "info" else "caution"
    return Mark("✕", "failed", tone) if check.outcome == "failed" else Mark("!", "error", tone)


def needs_attention(check: Check) -> bool:
    """Whether a reader has to see the check first."""
    return check.blocks or (check.outcome in ("failed", "error") and check.severity != "info")


def by_importance(checks: Iterable[Check]) -> list[Check]:
    """What blocks, then other failures and errors, then the rest; in the given order otherwise."""
    return sorted(
        checks,
        key=lambda c: (
            not c.blocks,
            not needs_attention(c),
            _OUTCOMES.index(c.outcome) if needs_attention(c) else 0,
            _SEVERITIES.index(c.severity),
        ),
    )


def count_outcomes(checks: Iterable[Check]) -> str:
    """For example `12 checks: 1 failed, 10 passed, 1 not applicable`."""
    counts = Counter(check.outcome for check in checks)
    total = counts.total()
    if not total:
        return "no check"
    parts = [f"{counts[o]:,} {o.replace('_', ' ')}" for o in _OUTCOMES if counts[o]]
    return f"{total:,} {'check' if total == 1 else 'checks'}: {', '.join(parts)}"


def stage_title(name: str) -> str:
    """The stage's title; for an unknown stage its name in words."""
    spec = find_spec(name)
    return name.replace("_", " ").capitalize() if spec is None else spec.title


def duration(seconds: float) -> str:
    """A time that a stage took: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def moment(started: str) -> str:
    """An ISO time as `28 July 2026, 10:15 UTC`; anything else as it is."""
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return started
    zone = f" {when:%Z}" if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"
