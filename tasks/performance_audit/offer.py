"""Which mitigated candidate stands beside a model that misses a gap, and what would it cost.

Guarantees: all numbers of an offer are measured on dev, since test judges a model once, when it
is the candidate; nothing is offered where no gap failed or is missed by its value; no offer passes
or fails a model. One threshold holds for all rows: a threshold by group would decide by the group
of an applicant, which in lending and hiring is disparate treatment, whatever it does to the gap.

Tried are the candidate and the same family fitted by weights of the groups (`tasks.training.offer`
has the fits), each with its own threshold and, for two classes, with the threshold raised until
the limits are met. Of these the one is offered that misses the fewest critical limits and floors,
then the fewest limits, then has the best F1 (the best value of the project's metric where that one
looks at predicted labels). It is the best of several on the same dev rows, so that its numbers are
flattered a little. On dev a limit is met by the value, since an offer is a choice and no verdict:
dev has hardly more rows than test, and of candidates that none is sure of, the nearest is worth a
trial. The intervals tell how sure it is, and test judges it by them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding
from tasks.conditions import Mask
from tasks.drawn_units import drawn_units
from tasks.intervals import Estimate
from tasks.metrics import SCORE_METRICS, metric_value
from tasks.performance_audit.floors import judge_floors
from tasks.performance_audit.gap_limits import mistake_in
from tasks.performance_audit.gap_words import limits_of
from tasks.performance_audit.gaps import grouped_rows, measure_gap
from tasks.performance_audit.offer_words import offer_finding
from tasks.performance_audit.options import LimitValue, Option
from tasks.performance_audit.wording import STAGE
from tasks.project.audit_sections import Gap
from tasks.project.dataset import Dataset
from tasks.project.fields import SliceSpec
from tasks.project.sections import Project
from tasks.selection_rate import rate_threshold
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks

RAISED = 40
"""Shares of predicted positives that are tried, evenly spread below that of the threshold."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training left about the dev rows, one frame of predictions a model.

    `mitigated` holds those of the chosen family by the strength of its weights, `reweighed` what
    the project has adopted (columns, strength), None where nothing.
    """

    dev_predictions: pd.DataFrame
    columns: tuple[str, ...] = ()
    mitigated: Mapping[float, pd.DataFrame] = field(default_factory=dict)
    reweighed: Mapping[str, Any] | None = None


def offer_mitigation(
    checks: Sequence[Check],
    dataset: Dataset,
    project: Project,
    trained: Trained,
) -> Finding:
    """The mitigated candidate, where one of the audit's `checks` of a gap is missed.

    Nothing where none failed, or has its value beyond the limit though the interval leaves it open;
    nor where the project wants no offer (`training.offer_mitigated`).
    """
    missed = [c for c in checks if c.id.startswith(f"{STAGE}.gap:") and _is_missed(c)]
    missed = [check for check in missed if check.severity != "info"]
    if not missed or not trained.columns:
        return Finding()
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    dev = dataset.mask("dev")
    rows = frame[dev]
    labels = roles.labels(rows)
    scored = ScoredRows(
        labels=labels,
        predictions=trained.dev_predictions.loc[rows.index],
        positive_class=roles.positive_class,
        replicates=project.gate.replicates,
        seed=project.seed,
        groups=drawn_units(rows, split, roles),
    )
    classes = sorted(str(name) for name in roles.labels(frame).unique())
    gaps = [g for g in project.audit.gaps if not mistake_in(g, roles.positive_class, classes)]
    masks = {
        gap.groups_of: {
            name: mask[dev] for name, mask in slice_masks(SliceSpec(columns=gap.crossed), frame)
        }
        for gap in gaps
    }
    judge = _Judge(tuple(gaps), masks, scored, project)
    own = float((trained.reweighed or {}).get("strength", 0.0))
    floors = partial(
        _floors,
        frame=frame,
        dev=dev,
        scored=scored,
        project=project,
        classes=classes,
    )
    before = judge.option(own, scored.predictions)
    options = [*judge.raised(before)]
    for strength, predictions in trained.mitigated.items():
        plain = judge.option(float(strength), predictions.loc[rows.index])
        options += [plain, *judge.raised(plain)]
    before, *options = (replace(o, floors=floors(o)) for o in (before, *options))
    return offer_finding(before, options, trained.columns, scored, judge.decides, project)


@dataclass(frozen=True)
class _Judge:
    """Values of the declared gaps on the dev rows."""

    gaps: tuple[Gap, ...]
    masks: Mapping[str, Mapping[str, Any]]
    scored: ScoredRows
    project: Project

    @property
    def decides(self) -> str:
        """The metric by which options that meet equally many limits are told apart."""
        metric = self.project.training.metric
        if metric is not None and metric not in SCORE_METRICS:
            return metric
        return "macro_f1" if self.scored.positive_class is None else "f1"

    def option(self, strength: float, predictions: pd.DataFrame) -> Option:
        """A model at its own threshold."""
        return self._judged(Option(strength=strength, predictions=predictions))

    def raised(self, plain: Option) -> Iterator[Option]:
        """The model with its threshold raised just far enough; none where it need not be.

        Of the shares tried the largest at which the most limits are met.
        """
        positive = self.scored.positive_class
        column = f"p:{positive}"
        if positive is None or column not in plain.predictions or plain.misses == (0, 0):
            return
        scores = plain.predictions[column].to_numpy()
        share = float((plain.predictions["predicted"] == positive).mean())
        best = plain
        for rate in _rates(share):
            reached = scores >= rate_threshold(scores, rate)
            found = self._judged(
                replace(plain, predictions=_selected(plain.predictions, reached, positive),
                        max_selection_rate=rate)
            )  # fmt: skip
            if found.misses < best.misses:
                best = found
            if found.misses == (0, 0):
                break
        if best is not plain:
            yield best

    def _judged(self, option: Option) -> Option:
        rows = replace(self.scored, predictions=option.predictions)
        value = metric_value(
            self.decides, rows.labels, rows.predictions, positive_class=rows.positive_class
        )
        values = tuple(found for gap in self.gaps for found in self._values(gap, rows))
        return replace(option, gaps=values, value=value)

    def _values(self, gap: Gap, rows: ScoredRows) -> Iterator[LimitValue]:
        of_class = gap.of_class or str(rows.positive_class)
        support = self.project.audit.min_support
        grouped = grouped_rows(self.masks[gap.groups_of], rows, of_class)
        rates = measure_gap(gap.groups_of, gap.metric, of_class, grouped, support)
        for kind, limit in limits_of(gap):
            estimate = rates.difference if kind == "difference" else rates.ratio
            name = f"{kind} of {gap.metric.replace('_', ' ')} of {of_class} by {gap.groups_of}"
            known = estimate is not None and not math.isnan(estimate.value)
            yield LimitValue(
                name,
                estimate,
                limit.value,
                met=known and estimate is not None and limit.holds(estimate.value),
                sure=known and estimate is not None and limit.is_clear(estimate),
                critical=gap.severity == "critical",
            )


def _floors(
    option: Option,
    *,
    frame: pd.DataFrame,
    dev: Mask,
    scored: ScoredRows,
    project: Project,
    classes: Sequence[str],
) -> tuple[LimitValue, ...]:
    """The critical floors on dev by their values, so that a gap is not closed at any price."""
    rows = replace(scored, predictions=option.predictions)
    audit = project.audit
    by_value = {"judge": "point"}
    critical = [f.model_copy(update=by_value) for f in audit.floors if f.severity == "critical"]
    return tuple(
        LimitValue(
            check.id.removeprefix(f"{STAGE}.floor:"),
            Estimate(value=float(check.value), low=low, high=high, n=check.n or 0),
            float(check.limit),
            met=check.outcome == "passed",
            sure=not low < check.limit < high,
            critical=True,
        )
        for check in judge_floors(critical, frame, dev, rows, classes, audit.min_support)
        if check.outcome in {"passed", "failed"}
        and isinstance(check.value, float)
        and isinstance(check.limit, float)
        for low, high in [check.interval or (math.nan, math.nan)]
    )


def _is_missed(check: Check) -> bool:
    """Whether a gap failed, or has its value beyond a limit that its interval leaves open."""
    if check.outcome != "not_applicable":
        return check.outcome == "failed"
    if not isinstance(check.value, float) or not isinstance(check.limit, float):
        return False
    if ":ratio" in check.id:
        return check.value < check.limit
    return check.value > check.limit


def _rates(share: float) -> list[float]:
    """Shares below `share`, falling, as few digits as a project file would hold."""
    steps = np.linspace(share, 0, RAISED + 1)[1:-1]
    return [rate for rate in dict.fromkeys(round(float(step), 4) for step in steps) if rate > 0]


def _selected(predictions: pd.DataFrame, reached: Any, positive: str) -> pd.DataFrame:
    """The predictions of two classes with the positive one where `reached`."""
    other = next(
        n[2:] for n in map(str, predictions) if n.startswith("p:") and n != f"p:{positive}"
    )
    predicted = np.where(reached, positive, other)
    column = pd.Series(predicted, index=predictions.index, dtype="str")
    return predictions.assign(predicted=column)
