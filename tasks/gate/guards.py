"""Does the candidate lose on a slice that the project guards, whatever it gains overall?

Guarantees: slices are cut on the whole frame and judged on the compared test rows; a slice fails
only on a loss beyond the margin that is significant after Holm's correction over all guarded
slices, and passes only where its own interval excludes such a loss; a slice with too few rows,
positives or groups for an interval is not judged; anything else says how many rows are missing and
is never a pass. What is not judged blocks where there is a champion to lose against, unless the
project declares `required: false` for the slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.gate.comparison import describe
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.rules import (
    NO_ROWS_HELP,
    in_test_rows,
    is_known,
    rows_needed,
    too_few_discordant,
)
from tasks.gate.support import Lack, find_lacks, rows_for
from tasks.intervals import Difference, holm
from tasks.project.fields import GuardedSlice
from tasks.project.sections import Project
from tasks.slices import slice_masks

Mask = npt.NDArray[np.bool_]
SIGNIFICANT = 0.05
# The smallest p of a bootstrap is one over its replicates; Holm multiplies it by the slices.
_REPLICATES_PER_SLICE = 40
_WAY_OUT = " A guarded slice has to be judged, unless it is declared with 'required: false'."


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What was found in one guarded slice; `rows_needed` as in `Finding`, of all test rows."""

    check: Check
    rows_needed: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Slice:
    name: str
    rows: int
    required: bool
    lacks: Sequence[Lack] = ()
    difference: Difference | None = None


def guard_slices(
    contest: Contest,
    opponent: Opponent | None,
    *,
    frame: pd.DataFrame | None,
    project: Project,
    test_rows: int,
) -> tuple[Guarded, ...]:
    """One finding a guarded slice, in the project's order; none where the project guards none.

    `frame` holds at least the rows of the contest; quartiles of numeric columns are taken over
    all its rows. `opponent` is the champion; None where there is none to compare with, or where
    the comparison as a whole is too small. `test_rows` counts all test rows.
    """
    specs = project.gate.guard_slices
    if not specs:
        return ()
    if frame is None:
        lost = "The slice's columns were not handed to the gate."
        return tuple(Guarded(check=_check(_title_of(spec), "error", lost)) for spec in specs)
    masks = _masks(specs, frame, contest.labels.index)
    if opponent is None or opponent.predictions is None:
        # Nothing to lose against, or what there is blocks by itself.
        reason = "Not judged: the candidate could not be compared with a champion."
        return tuple(Guarded(check=_check(name, "not_applicable", reason)) for name in masks)
    replicates = max(contest.replicates, _REPLICATES_PER_SLICE * len(masks))
    thorough = replace(contest, replicates=replicates)
    slices = [
        _measure(name, mask, required, thorough, opponent.predictions, project)
        for name, (mask, required) in masks.items()
    ]
    losses = {s.name: p for s in slices if (p := _p_loss(s)) is not None}
    adjusted = dict(zip(losses, holm(list(losses.values())), strict=True))
    return tuple(
        _judge(part, adjusted.get(part.name), contest.metric, project, test_rows) for part in slices
    )


def _masks(
    specs: Sequence[GuardedSlice], frame: pd.DataFrame, rows: pd.Index
) -> Mapping[str, tuple[Mask, bool]]:
    """Each slice over the rows of the contest, and whether it has to be judged.

    A slice named twice is one slice, required where one of its entries is.
    """
    places = frame.index.get_indexer(rows)
    if (places < 0).any():
        raise ValueError(f"{int((places < 0).sum())} compared rows are not in the slices' frame")
    found: dict[str, tuple[Mask, bool]] = {}
    for spec in specs:
        for name, mask in slice_masks(spec, frame):
            before = found[name][1] if name in found else False
            found[name] = mask[places], spec.required or before
    return found


def _measure(
    name: str,
    mask: Mask,
    required: bool,
    contest: Contest,
    predictions: pd.DataFrame,
    project: Project,
) -> _Slice:
    rows, inside = int(mask.sum()), contest.where(mask)
    lacks = find_lacks(inside, min_rows=project.audit.min_support, gate=project.gate)
    if lacks:
        return _Slice(name=name, rows=rows, required=required, lacks=lacks)
    difference = inside.difference(predictions, margin=project.gate.margin)
    return _Slice(name=name, rows=rows, required=required, difference=difference)


def _p_loss(part: _Slice) -> float | None:
    if part.difference is None or not is_known(part.difference):
        return None
    return part.difference.p_loss


def _judge(
    part: _Slice, p_loss: float | None, metric: str, project: Project, test_rows: int
) -> Guarded:
    gate, difference = project.gate, part.difference
    outcome: Outcome = "not_applicable"
    needed: int | None = None
    if difference is None:
        needed = rows_for(part.lacks, part.rows)
        detail = _too_little(part, needed)
    elif p_loss is None:
        detail = (
            f"In {part.name} the difference in {metric} is undefined, or is in "
            f"{difference.undefined_share:.1%} of the resamples ({part.rows} rows)."
        )
        difference = None
    else:
        numbers = f"in {part.name} {describe(metric, difference)}"
        # Tango's interval holds with few discordant rows; the bootstrap sees no spread then.
        sparse = difference.method != "tango" and too_few_discordant(difference, gate)
        if p_loss < SIGNIFICANT:
            outcome = "failed"
            detail = f"The candidate loses more than {gate.margin:g}, p {p_loss:.3g}: {numbers}."
        elif difference.low > -gate.margin and not sparse:
            outcome = "passed"
            detail = f"The candidate loses no more than {gate.margin:g}: {numbers}."
        else:
            needed = rows_needed(difference, "refresh", gate)
            advice = NO_ROWS_HELP if needed is None else f"{_more(part, needed)} would decide it"
            detail = f"A loss beyond {gate.margin:g} is not excluded: {numbers}; {advice}."
    if outcome == "not_applicable" and part.required:
        detail += _WAY_OUT
    limit = None if difference is None else -gate.margin
    return Guarded(
        check=_check(part.name, outcome, detail, difference, limit, part.rows, part.required),
        rows_needed=in_test_rows(needed, part.rows, test_rows),
    )


def _too_little(part: _Slice, needed: int | None) -> str:
    detail = (
        f"Too little to judge in {part.name}: of the compared rows it has "
        f"{' and '.join(map(str, part.lacks))}"
    )
    return f"{detail}." if needed is None else f"{detail}; {_more(part, needed)} would do."


def _more(part: _Slice, needed: int) -> str:
    return f"about {needed - part.rows} more compared rows of it ({needed} in all)"


def _title_of(spec: GuardedSlice) -> str:
    return spec.name or spec.condition or " & ".join(spec.columns)


def _check(
    name: str,
    outcome: Outcome,
    detail: str,
    difference: Difference | None = None,
    limit: float | None = None,
    n: int | None = None,
    required: bool = False,
) -> Check:
    return Check(
        id=f"{STAGE}.guard_slice:{name}",
        stage=STAGE,
        title=f"No loss beyond the margin in {name}",
        severity="critical",
        outcome=outcome,
        detail=detail,
        value=None if difference is None else difference.value,
        limit=limit,
        interval=None if difference is None else (difference.low, difference.high),
        n=n,
        required=required,
    )
