"""Which predictions flipped between two models, and were the flips for the better?

Guarantees: every compared row is counted once: kept, fixed (wrong before, right after), broken
(right before, wrong after) or wrong in another way; with the models exchanged, fixed and broken
change places and nothing else differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
import pandas as pd

from tasks.intervals import mcnemar_exact
from tasks.run_comparison.effects import PairedRows

MOST_EXAMPLES = 20
LONGEST_FEATURE = 80
Flip = Literal["broken", "fixed"]


@dataclass(frozen=True, kw_only=True)
class ClassFlips:
    """The flips among the rows of one class."""

    label: str
    rows: int
    fixed: int
    broken: int


@dataclass(frozen=True, kw_only=True)
class FlippedRow:
    """A row that flipped. `p_*` is the probability that a model gives the row's label.

    `features` are its first features, as text.
    """

    key: str
    label: str
    flip: Flip
    before: str
    after: str
    p_before: float
    p_after: float
    features: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Counts of rows by what became of their prediction.

    `p_value` is McNemar's exact two-sided p of "as many are fixed as broken"; None where rows are
    grouped, because it takes them as independent. `examples` are the flips with the largest change
    of probability, at most 20, broken ones first.
    """

    fixed: int
    broken: int
    wrong_otherwise: int
    kept: int
    p_value: float | None
    by_class: tuple[ClassFlips, ...]
    examples: tuple[FlippedRow, ...]

    def mirrored(self) -> Self:
        """The same flips with the two models exchanged."""
        return replace(
            self,
            fixed=self.broken,
            broken=self.fixed,
            by_class=tuple(replace(c, fixed=c.broken, broken=c.fixed) for c in self.by_class),
            examples=_ordered([_mirrored(row) for row in self.examples]),
        )


def find_flips(rows: PairedRows, features: pd.DataFrame) -> Flips:
    """Count the flips, overall and by class, and pick the largest.

    `features` are the columns that tell a reader what a row is.
    """
    first, second = rows.before["predicted"], rows.after["predicted"]
    right_before = (first == rows.labels).to_numpy(dtype=bool)
    right_after = (second == rows.labels).to_numpy(dtype=bool)
    fixed, broken = ~right_before & right_after, right_before & ~right_after
    differ = (first != second).to_numpy(dtype=bool)
    return Flips(
        fixed=int(fixed.sum()),
        broken=int(broken.sum()),
        wrong_otherwise=int((differ & ~right_before & ~right_after).sum()),
        kept=int((~differ).sum()),
        p_value=None if rows.are_grouped else mcnemar_exact(int(fixed.sum()), int(broken.sum())),
        by_class=tuple(
            ClassFlips(
                label=str(label),
                rows=int(of_class.sum()),
                fixed=int((fixed & of_class).sum()),
                broken=int((broken & of_class).sum()),
            )
            for label in sorted(rows.labels.unique())
            for of_class in [(rows.labels == label).to_numpy(dtype=bool)]
        ),
        examples=_described(_examples(rows, fixed, broken), features),
    )


def _examples(rows: PairedRows, fixed: np.ndarray, broken: np.ndarray) -> tuple[FlippedRow, ...]:
    """Half of the room for each kind; what one kind leaves free is the other's."""
    half = MOST_EXAMPLES // 2
    of_kind = {"fixed": int(fixed.sum()), "broken": int(broken.sum())}
    chosen: list[FlippedRow] = []
    kinds: tuple[tuple[Flip, np.ndarray, int], ...] = (
        ("broken", broken, of_kind["fixed"]),
        ("fixed", fixed, of_kind["broken"]),
    )
    for flip, mask, others in kinds:
        part = rows.where(mask)
        room = max(half, MOST_EXAMPLES - others)
        chosen += _ordered(_flipped_rows(part, flip))[:room]
    return _ordered(chosen)


def _flipped_rows(part: PairedRows, flip: Flip) -> list[FlippedRow]:
    probabilities = [_of_labels(model, part.labels) for model in (part.before, part.after)]
    return [
        FlippedRow(
            key=str(key),
            label=str(label),
            flip=flip,
            before=str(before),
            after=str(after),
            p_before=float(p_before),
            p_after=float(p_after),
        )
        for key, label, before, after, p_before, p_after in zip(
            part.labels.index,
            part.labels,
            part.before["predicted"],
            part.after["predicted"],
            *probabilities,
            strict=True,
        )
    ]


def _described(examples: tuple[FlippedRow, ...], features: pd.DataFrame) -> tuple[FlippedRow, ...]:
    shown = features.set_axis(features.index.astype("str"))
    return tuple(
        replace(row, features={str(n): _short(v) for n, v in shown.loc[row.key].items()})
        for row in examples
    )


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= LONGEST_FEATURE else f"{text[: LONGEST_FEATURE - 1]}…"


def _of_labels(predictions: pd.DataFrame, labels: pd.Series) -> np.ndarray:
    """The probability that the model gives each row's own label; 0 for a class it lacks."""
    found = np.zeros(len(labels))
    for label in labels.unique():
        column = f"p:{label}"
        if column in predictions:
            own = (labels == label).to_numpy(dtype=bool)
            found[own] = predictions.loc[own, column].to_numpy(dtype=float)
    return found


def _ordered(rows: list[FlippedRow]) -> tuple[FlippedRow, ...]:
    """Broken ones first, then by the size of the change, then by key."""
    return tuple(sorted(rows, key=lambda r: (r.flip, -abs(r.p_after - r.p_before), r.key)))


def _mirrored(row: FlippedRow) -> FlippedRow:
    return replace(
        row,
        flip="fixed" if row.flip == "broken" else "broken",
        before=row.after,
        after=row.before,
        p_before=row.p_after,
        p_after=row.p_before,
    )
