"""Which columns' groups are compared: those of declared gaps, and those of the project's slices.

Guarantees: with two classes the metrics of every slice column are shown, whether or not anybody
set a limit on them, and the four-fifths ratio of both classes; a declared gap is judged once and
shown first; all metrics of one column rest on the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from tasks.checks import Check
from tasks.conditions import Mask
from tasks.metrics.group_sums import GroupedRows
from tasks.performance_audit.gap_limits import judge_gap, mistake_in, unusable_gap
from tasks.performance_audit.gap_words import LabelRates
from tasks.performance_audit.gaps import (
    SHOWN,
    GapRates,
    grouped_rows,
    labelled_rows,
    measure_gap,
)
from tasks.project.fields import SliceSpec
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks


@dataclass(frozen=True)
class Gaps:
    """Checks of the declared gaps, their rates, and the rates of the other slice columns.

    `labels` has the shares in the labels, and `selection` the selection rates, of every column and
    class that is compared.
    """

    checks: tuple[Check, ...]
    declared: tuple[GapRates, ...]
    others: tuple[GapRates, ...]
    labels: tuple[LabelRates, ...]
    selection: tuple[GapRates, ...]


@dataclass(frozen=True)
class AuditedRows:
    """All rows with their labels, which of them are the scored test rows, and their units."""

    frame: pd.DataFrame
    labels: pd.Series
    test: Mask
    scored: ScoredRows
    units: pd.Series | None


def compare_groups(project: Project, rows: AuditedRows, classes: Sequence[str]) -> Gaps:
    """Judge the declared gaps and measure those of all slices that are columns or crossings.

    With more than two classes only declared gaps are measured, since there is no class that a slice
    column's rates would be of. Raises ProjectFileError when a gap names a column that is absent.
    """
    measured = _Measured(rows, project.audit.min_support)
    checks: list[Check] = []
    taken: set[str] = set()
    declared: dict[tuple[str, str, str], GapRates] = {}
    others: dict[tuple[str, str, str], GapRates] = {}
    positive = rows.scored.positive_class
    for place, gap in enumerate(project.audit.gaps):
        entry = f"audit.gaps[{place}]"
        mistake = mistake_in(gap, positive, classes)
        if mistake:
            checks.append(replace(unusable_gap(gap, mistake, taken), entry=entry))
            continue
        of_class = gap.of_class or str(positive)
        rates = measured.rates(gap.crossed, gap.metric, of_class)
        labels = measured.labels(gap.crossed, of_class)
        judged = judge_gap(gap, rates, labels, project.target, taken)
        checks += [replace(check, entry=entry) for check in judged]
        declared[rates.column, gap.metric, of_class] = rates
    for crossed in [spec.columns for spec in project.slices if spec.columns]:
        if positive is None:
            break
        measured.labels(crossed, positive)
        for metric in SHOWN:
            rates = measured.rates(crossed, metric, positive)
            if (rates.column, metric, positive) not in declared:
                others[rates.column, metric, positive] = rates
    return Gaps(
        tuple(checks),
        tuple(declared.values()),
        tuple(others.values()),
        measured.all_labels,
        measured.selection(classes if positive is not None else ()),
    )


@dataclass
class _Measured:
    """What was measured, by columns and class, each once."""

    rows: AuditedRows
    min_support: int
    _grouped: dict[tuple[tuple[str, ...], str], GroupedRows] = field(default_factory=dict)
    _masks: dict[tuple[str, ...], dict[str, Mask]] = field(default_factory=dict)
    _labels: dict[tuple[tuple[str, ...], str], LabelRates] = field(default_factory=dict)

    def rates(self, crossed: tuple[str, ...], metric: str, of_class: str) -> GapRates:
        """One metric of the groups of the columns, on test."""
        name = " & ".join(crossed)
        return measure_gap(name, metric, of_class, self._test(crossed, of_class), self.min_support)

    def labels(self, crossed: tuple[str, ...], of_class: str) -> LabelRates:
        """The shares of the class in the labels of the groups."""
        key = (crossed, of_class)
        if key not in self._labels:
            rows, scored = self.rows, self.rows.scored
            everywhere = labelled_rows(
                self._groups(crossed),
                rows.labels,
                of_class,
                rows.units,
                scored.replicates,
                scored.seed,
            )
            name = " & ".join(crossed)
            self._labels[key] = LabelRates(
                measure_gap(name, "base_rate", of_class, everywhere, self.min_support),
                self.rates(crossed, "base_rate", of_class),
            )
        return self._labels[key]

    @property
    def all_labels(self) -> tuple[LabelRates, ...]:
        """Those asked for so far."""
        return tuple(self._labels.values())

    def selection(self, classes: Sequence[str]) -> tuple[GapRates, ...]:
        """Selection rates of every column asked for: of its classes, and of all of `classes`."""
        asked = [(crossed, name) for crossed, _ in self._labels for name in classes]
        keys = dict.fromkeys([*self._labels, *asked])
        return tuple(self.rates(crossed, "selection_rate", name) for crossed, name in keys)

    def _groups(self, crossed: tuple[str, ...]) -> dict[str, Mask]:
        if crossed not in self._masks:
            self._masks[crossed] = dict(slice_masks(SliceSpec(columns=crossed), self.rows.frame))
        return self._masks[crossed]

    def _test(self, crossed: tuple[str, ...], of_class: str) -> GroupedRows:
        key = (crossed, of_class)
        if key not in self._grouped:
            masks = {name: mask[self.rows.test] for name, mask in self._groups(crossed).items()}
            self._grouped[key] = grouped_rows(masks, self.rows.scored, of_class)
        return self._grouped[key]
