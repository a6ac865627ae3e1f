"""Where did it help, and where did it hurt?

Guarantees: a slice with too few rows, or too little to go by, has its reason instead of a
judgement; p values are adjusted over all slices that are judged (Holm), because among many slices
some intervals exclude 0 by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from tasks.intervals import holm
from tasks.run_comparison.effects import LEVEL, Effect, PairedRows
from tasks.slice_metrics import NamedSlices

# The smallest p of a bootstrap is 2 over its replicates; Holm multiplies it by the slices.
_REPLICATES_PER_SLICE = 80


@dataclass(frozen=True, kw_only=True)
class SliceEffects:
    """The effect on each slice by `metric`, and sentences that a reader has to know first."""

    metric: str
    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()

    @property
    def significant(self) -> tuple[Effect, ...]:
        """The slices with an effect after Holm's correction."""
        return tuple(e for e in self.effects if e.p_value is not None and e.p_value < LEVEL)

    def mirrored(self) -> Self:
        """The same with the two models exchanged."""
        return replace(self, effects=tuple(effect.mirrored() for effect in self.effects))


def compare_slices(
    metric: str, rows: PairedRows, slices: NamedSlices, min_rows: int
) -> SliceEffects:
    """The paired difference on each slice; `slices` are masks over `rows`.

    Where the metric can be judged on fewer than half of the large enough slices, for want of a
    class, accuracy stands in for it.
    """
    large = sum(int(mask.sum()) >= min_rows for mask in slices.masks.values())
    effects = _measure(metric, rows, slices, min_rows)
    notes = list(slices.left_out)
    if metric != "accuracy" and 2 * sum(e.low is not None for e in effects) < large:
        notes.append(f"{metric} is undefined on most slices; accuracy stands in for it")
        metric, effects = "accuracy", _measure("accuracy", rows, slices, min_rows)
    return SliceEffects(metric=metric, effects=_adjusted(effects), notes=tuple(notes))


def _measure(metric: str, rows: PairedRows, slices: NamedSlices, min_rows: int) -> list[Effect]:
    thorough = replace(
        rows, replicates=max(rows.replicates, _REPLICATES_PER_SLICE * len(slices.masks))
    )
    effects = []
    for name, mask in slices.masks.items():
        n = int(mask.sum())
        if n < max(min_rows, 1):
            effects.append(Effect(name=name, rows=n, reason=f"fewer than {min_rows} rows"))
        else:
            effects.append(thorough.where(mask).effect(metric, name=name))
    return effects


def _adjusted(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    judged = [e.p_value for e in effects if e.p_value is not None]
    adjusted = iter(holm(judged))
    return tuple(e if e.p_value is None else replace(e, p_value=next(adjusted)) for e in effects)
