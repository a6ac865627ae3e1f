"""How much better is one model than another on the same rows, by one metric?

Guarantees: positive is better, also for log-loss; whichever model comes first, the numbers are the
same but for their sign; an effect that rests on too little keeps its numbers, is not judged, and
says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import pandas as pd

from tasks.conditions import Mask
from tasks.intervals import Difference
from tasks.metrics import HIGHER_IS_BETTER, metric_value, paired_difference
from tasks.metrics.estimates import IDENTICAL

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One metric of two models, A before and B after, and how much better B is.

    `name` is the metric, or the slice that it was measured on; `of_class` the class that it is
    about, if any. `rows` counts what it rests on: for a metric of a class the rows of that class.
    An undefined number is None. `reason` says why the effect is not judged. `p_value` is
    two-sided: McNemar's exact p for accuracy of rows that are not grouped, else that of the paired
    bootstrap; over slices it is Holm's adjusted one.
    """

    name: str
    rows: int
    of_class: str | None = None
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    reason: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether the interval may be read as more than a number."""
        return not self.reason and self.low is not None

    @property
    def excludes_zero(self) -> bool:
        """Whether the effect is judged and its interval lies on one side of 0."""
        if not self.is_judged or self.low is None or self.high is None:
            return False
        return self.low > 0 or self.high < 0

    def mirrored(self) -> Self:
        """The same effect with A and B exchanged."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            difference=_negative(self.difference),
            low=_negative(self.high),
            high=_negative(self.low),
            reason=_exchanged(self.reason),
        )


@dataclass(frozen=True, kw_only=True)
class PairedRows:
    """Rows with their labels and what two models predict for them; one index for all.

    Fewer than `min_discordant` rows with different predictions carry no bootstrap.
    """

    labels: pd.Series
    before: pd.DataFrame
    after: pd.DataFrame
    positive_class: str | None
    replicates: int
    seed: int
    min_discordant: int
    groups: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def are_grouped(self) -> bool:
        """Whether some rows belong together, so that they are not independent."""
        return self.groups is not None and not self.groups.dropna().is_unique

    def where(self, mask: Mask) -> PairedRows:
        """The rows that `mask` marks."""
        return replace(
            self,
            labels=self.labels[mask],
            before=self.before[mask],
            after=self.after[mask],
            groups=None if self.groups is None else self.groups[mask],
        )

    def effect(self, metric: str, of_class: str | None = None, name: str = "") -> Effect:
        """The two values of a metric and the paired difference, with its 95 % interval."""
        positive = self.positive_class if of_class is None else of_class
        before, after = (
            metric_value(metric, self.labels, predictions, positive_class=positive)
            for predictions in (self.before, self.after)
        )
        effect = Effect(
            name=name or metric,
            of_class=of_class,
            rows=len(self) if of_class is None else int((self.labels == of_class).sum()),
            before=_known(before),
            after=_known(after),
        )
        if effect.before is None or effect.after is None:
            return replace(effect, reason=f"undefined for {_which(effect)}")
        sign = 1 if HIGHER_IS_BETTER[metric] else -1
        return self._judged(effect, metric, positive, is_gain=sign * (after - before) > 0)

    def _judged(
        self, effect: Effect, metric: str, positive: str | None, *, is_gain: bool
    ) -> Effect:
        """The effect with its difference; the worse model is measured against the better one.

        The p of "the worse one loses nothing" is then the smaller of the two one-sided ones.
        """
        worse, better = (self.before, self.after) if is_gain else (self.after, self.before)
        found = paired_difference(
            metric,
            self.labels,
            worse,
            better,
            positive_class=positive,
            replicates=self.replicates,
            seed=self.seed,
            groups=self.groups,
            margin=0.0,
        )
        measured = replace(
            effect,
            difference=_known(found.value),
            low=_known(found.low),
            high=_known(found.high),
            p_value=_two_sided(found),
        )
        if is_gain:
            ends = (_negative(measured.high), _negative(measured.low))
            gain = _negative(measured.difference)
            measured = replace(measured, difference=gain, low=ends[0], high=ends[1])
        reason = self._reason(found)
        return replace(measured, reason=reason, p_value=None if reason else measured.p_value)

    def _reason(self, found: Difference) -> str:
        if math.isnan(found.low):
            if len(self) < 2:
                return "too few rows"
            return f"undefined in {found.undefined_share:.0%} of the resamples"
        few = found.discordant is not None and found.discordant < self.min_discordant
        if few and found.method not in ("tango", IDENTICAL):
            plural = "prediction differs" if found.discordant == 1 else "predictions differ"
            return f"only {found.discordant} {plural}"
        return ""


def _two_sided(found: Difference) -> float | None:
    if found.p_value is not None:
        return found.p_value
    return None if found.p_loss is None else min(1.0, 2 * found.p_loss)


def _which(effect: Effect) -> str:
    if effect.before is None and effect.after is None:
        return "both"
    return "A" if effect.before is None else "B"


def _exchanged(reason: str) -> str:
    return {"undefined for A": "undefined for B", "undefined for B": "undefined for A"}.get(
        reason, reason
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _negative(value: float | None) -> float | None:
    return None if value is None else 0.0 - value
