"""What did the change do: two models on the same test rows.

Guarantees: rows that either model was fitted or tuned on are left out and counted; labels are
those of the later run; a model that cannot score these rows is a sentence in place of numbers;
measured from B to A, everything is the mirror image of A to B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from tasks.conditions import Mask
from tasks.drawn_units import drawn_units
from tasks.errors import UserError
from tasks.estimators.candidates import candidates_of, training_metric
from tasks.metrics import NUMBER_METRICS
from tasks.models import Champion, ModelPackage, champion_problem, declared_types, load_model
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.run_comparison.effects import Effect, PairedRows
from tasks.run_comparison.flips import Flips, find_flips
from tasks.run_comparison.rows import Pairing, RunRows, key_problem
from tasks.run_comparison.slices import SliceEffects, compare_slices
from tasks.scoring import served_predictions
from tasks.slice_metrics import named_slices

_BINARY = ("f1", "average_precision", "roc_auc", "accuracy", "log_loss")
_NUMBERS = ("mae", "rmse", "r2")
_SEVERAL = ("macro_f1", "balanced_accuracy", "accuracy", "log_loss")
_BY_CLASS = ("recall", "precision")
_SHOWN_FEATURES = 6


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A model with the project that it was trained by and what it was fitted or tuned on.

    `units` are split units; `rows` the run's curated rows, None where they are gone.
    """

    package: ModelPackage
    project: Project
    units: frozenset[str]
    rows: RunRows | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Two models on the same rows: the test rows of `rows_of` (A or B), the later run.

    `seen` counts the test rows left out because a model was fitted or tuned on them, by model.
    `relabelled` counts compared rows that carry another label in the earlier run. Where nothing
    could be measured `problem` says why, and there are no effects; else the first of `metrics` is
    the project's own.
    """

    metric: str
    rows_of: str
    test_rows: int
    seen: dict[str, int]
    rows: int
    relabelled: int | None = None
    problem: str = ""
    metrics: tuple[Effect, ...] = ()
    by_slice: SliceEffects | None = None
    flips: Flips | None = None

    @property
    def primary(self) -> Effect | None:
        """The effect by the project's metric."""
        return self.metrics[0] if self.metrics else None

    def mirrored(self) -> Self:
        """The same results with A and B exchanged."""
        other = {"A": "B", "B": "A"}
        return replace(
            self,
            rows_of=other[self.rows_of],
            seen={other[name]: n for name, n in self.seen.items()},
            problem=_exchanged(self.problem),
            metrics=tuple(effect.mirrored() for effect in self.metrics),
            by_slice=self.by_slice.mirrored() if self.by_slice else None,
            flips=self.flips.mirrored() if self.flips else None,
        )


def compare_models(
    earlier: Contestant,
    later: Contestant,
    rows: RunRows,
    pairing: Pairing | None = None,
    allow_imports: Sequence[str] = (),
) -> Results:
    """A, the earlier model, against B, the later one, on the test rows of B's run.

    `rows` are the later run's, with units and all columns. `pairing` matches the earlier run's
    rows with them; without it relabelled rows are not counted.
    """
    test = (rows.placed == "test").to_numpy(dtype=bool)
    seen = {"A": test & _seen(earlier, rows), "B": test & _seen(later, rows)}
    kept: Mask = test & ~seen["A"] & ~seen["B"]
    found = Results(
        metric=later.project.gate.metric or training_metric(later.project, rows.roles),
        rows_of="B",
        test_rows=int(test.sum()),
        seen={name: int(mask.sum()) for name, mask in seen.items()},
        rows=int(kept.sum()),
    )
    if not kept.any():
        return replace(found, problem="No test row is left that neither was fitted or tuned on.")
    compared = rows.frame[kept]
    scored = {}
    for name, contestant in (("A", earlier), ("B", later)):
        predictions, problem = _score(contestant, compared, rows.roles, allow_imports)
        if predictions is None:
            return replace(found, problem=f"{name} cannot score these rows: {problem}.")
        scored[name] = predictions
    units = None if rows.units is None else rows.units.to_frame("unit")
    drawn = None if units is None else drawn_units(compared, units, rows.roles)
    paired = _paired(compared, scored["A"], scored["B"], rows.roles, later.project, drawn)
    return replace(
        found,
        relabelled=_relabelled(earlier, rows, kept, pairing),
        metrics=_metrics(found.metric, paired, later.project),
        by_slice=_by_slice(found.metric, paired, rows.frame, kept, later.project),
        flips=None
        if rows.roles.regression
        else find_flips(paired, compared[list(rows.roles.features[:_SHOWN_FEATURES])]),
    )


def _seen(contestant: Contestant, rows: RunRows) -> Mask:
    """Rows whose unit, or whose key, is among those that the model was fitted or tuned on.

    The keys matter where the split's rule changed, so that units have other names.
    """
    if rows.units is None:
        raise ValueError("the rows come without their units")
    units = rows.units.reindex(rows.frame.index)
    known = units.isin(contestant.units).to_numpy(dtype=bool)
    own = contestant.rows
    if own is None or key_problem(own, rows):
        return known
    fitted = own.names[own.placed.isin(("train", "dev")).to_numpy(dtype=bool)]
    return known | rows.names.isin(set(fitted)).to_numpy(dtype=bool)


def _score(
    contestant: Contestant, rows: pd.DataFrame, roles: Roles, allow_imports: Sequence[str]
) -> tuple[pd.DataFrame | None, str]:
    """The model's predictions, or a clause on why there are none."""
    package = contestant.package
    problem = champion_problem(Champion("", package, frozenset()), rows, roles)
    if problem is not None:
        return None, problem
    own = Roles.from_facts(package.facts["roles"])
    try:
        trusted = declared_types(candidates_of(contestant.project, own), allow_imports)
        model = load_model(package, extra_types=trusted)
        return served_predictions(model, package.facts, rows), ""
    except (UserError, ValueError, KeyError, TypeError, AttributeError) as failure:
        return None, str(failure).strip().rstrip(".")


def _paired(
    rows: pd.DataFrame,
    before: pd.DataFrame,
    after: pd.DataFrame,
    roles: Roles,
    project: Project,
    units: pd.Series | None,
) -> PairedRows:
    return PairedRows(
        labels=roles.labels(rows),
        before=before,
        after=after,
        positive_class=roles.positive_class,
        replicates=project.gate.replicates,
        seed=project.seed,
        min_discordant=project.gate.min_discordant,
        groups=units,
    )


def _relabelled(
    earlier: Contestant, rows: RunRows, kept: Mask, pairing: Pairing | None
) -> int | None:
    """How many of the compared rows carry another label in the earlier run; None: not known."""
    old = earlier.rows
    if old is None or pairing is None or old.roles.target != rows.roles.target:
        return None
    pairs = pairing.pairs[pairing.pairs["after"].isin(rows.frame.index[kept])]
    first = old.roles.labels(old.frame).loc[pairs["before"]].to_numpy()
    second = rows.roles.labels(rows.frame).loc[pairs["after"]].to_numpy()
    return int(np.sum(first != second))


def _metrics(metric: str, paired: PairedRows, project: Project) -> tuple[Effect, ...]:
    """The project's metric first, then the usual ones, then recall and precision by class."""
    if metric in NUMBER_METRICS:
        few = _too_few(paired, project)
        numbers = [paired.effect(name) for name in dict.fromkeys((metric, *_NUMBERS))]
        return tuple(_unjudged(effect, few) if few else effect for effect in numbers)
    usual = _SEVERAL if paired.positive_class is None else _BINARY
    overall = [paired.effect(name) for name in dict.fromkeys((metric, *usual))]
    classes = sorted(str(label) for label in paired.labels.unique())
    by_class = [paired.effect(name, of_class=label) for label in classes for name in _BY_CLASS]
    few = _too_few(paired, project)
    overall = [_unjudged(effect, few) if few else effect for effect in overall]
    least = project.audit.min_support
    return (
        *overall,
        *(
            _unjudged(effect, f"fewer than {least} rows") if effect.rows < least else effect
            for effect in by_class
        ),
    )


def _too_few(paired: PairedRows, project: Project) -> str:
    """Why there are too few rows for the gate to judge on; empty where there are enough."""
    gate, positive = project.gate, paired.positive_class
    if len(paired) < gate.min_test_rows:
        return f"fewer than {gate.min_test_rows} rows"
    if positive is not None and int((paired.labels == positive).sum()) < gate.min_positives:
        return f"fewer than {gate.min_positives} rows of {positive}"
    return ""


def _unjudged(effect: Effect, reason: str) -> Effect:
    return replace(effect, reason=effect.reason or reason, p_value=None)


def _by_slice(
    metric: str, paired: PairedRows, frame: pd.DataFrame, kept: Mask, project: Project
) -> SliceEffects:
    if not project.slices:
        return SliceEffects(metric=metric, effects=(), notes=("the project declares no slices",))
    slices = named_slices(project.slices, frame).on(kept)
    return compare_slices(metric, paired, slices, project.audit.min_support)


def _exchanged(problem: str) -> str:
    """The sentence with its leading A or B exchanged."""
    if problem[:2] not in ("A ", "B "):
        return problem
    return ("B" if problem[0] == "A" else "A") + problem[1:]
