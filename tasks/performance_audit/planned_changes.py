"""Which changes are tried on these columns, and why others are not.

Guarantees: a change that touches no row is left out, with the reason; the same rows and seed give
the same changes; changes are made one after the other, so that few are held at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.conditions import nearest_column
from tasks.errors import ProjectFileError
from tasks.performance_audit.perturbations import (
    Changed,
    missing,
    noise,
    other_case,
    resolution,
    shifted,
    surrounding_spaces,
    typos,
)
from tasks.project.robustness_section import RobustnessSection
from tasks.project.roles import Roles

SHIFTS = (-1.0, -0.25, 0.25, 1.0)
"""Standard deviations by which a numeric column is moved."""


@dataclass(frozen=True)
class Change:
    """A change of rows; `label` tells it to a reader, `moved` is the shift in deviations."""

    kind: str
    label: str
    changed: Changed
    moved: float | None = None


def resolutions(frame: pd.DataFrame, roles: Roles, section: RobustnessSection) -> dict[str, float]:
    """What each numeric feature can tell apart: as declared, else as its values in `frame` show.

    Raises ProjectFileError when the section names what is no numeric feature.
    """
    for name in section.precision:
        if name not in roles.numeric:
            place = f"audit.robustness.precision names '{name}'"
            if name in frame.columns:
                raise ProjectFileError(f"{place}, which is no numeric feature; leave it out")
            raise ProjectFileError(place + nearest_column(name, frame))
    found = {name: section.precision.get(name) or resolution(frame[name]) for name in roles.numeric}
    return {name: step for name, step in found.items() if step is not None}


def whole_row_changes(
    rows: pd.DataFrame,
    steps: Mapping[str, float],
    roles: Roles,
    section: RobustnessSection,
    seed: int,
) -> Iterator[Change]:
    """Every kind that touches a row."""
    words = (*roles.categorical, *roles.text)
    share = section.missing_share
    draws = [np.random.default_rng([seed, place]) for place in range(3)]
    changes: Sequence[tuple[str, str, Callable[[], Changed]]] = (
        ("noise", "noise within the measured precision", lambda: noise(rows, steps, draws[0])),
        (
            "missing",
            f"{share * 100:.3g} % of all cells missing",
            lambda: missing(rows, roles.features, share, draws[1]),
        ),
        ("case", "upper or lower case", lambda: other_case(rows, words)),
        ("spaces", "spaces around words", lambda: surrounding_spaces(rows, words)),
        ("typos", "typing errors", lambda: typos(rows, roles.text, draws[2])),
    )
    for kind, label, make in changes:
        changed = make()
        if changed.touched.any():
            yield Change(kind, label, changed)


def column_changes(
    frame: pd.DataFrame, rows: pd.DataFrame, names: Sequence[str], roles: Roles
) -> Iterator[Change]:
    """Each column missing in every row, and each numeric one moved."""
    nothing = np.random.default_rng(0)
    for name in names:
        changed = missing(rows, [name], 1.0, nothing)
        if changed.touched.any():
            yield Change("missing", f"{name} missing", changed)
        spread = float(frame[name].std()) if name in roles.numeric else 0.0
        if spread > 0:
            for times in SHIFTS:
                label = f"{name} {times:+g} sd"
                yield Change("shift", label, shifted(rows, name, times * spread), times)


def left_out(found: Collection[str], roles: Roles) -> dict[str, str]:
    """By kind that was not found: what the model lacks for it."""
    words = "no categorical or text column"
    cased = " in which letters have a case" if roles.categorical or roles.text else ""
    precise = " of more than a few values that shows its precision" if roles.numeric else ""
    reasons = {
        "noise": f"no numeric column{precise}",
        "missing": "no cell that is not missing already",
        "case": f"{words}{cased}",
        "spaces": words,
        "typos": "no text column" + (" with a word of four letters" if roles.text else ""),
        "shift": "no numeric column" + (" that varies" if roles.numeric else ""),
    }
    return {kind: reason for kind, reason in reasons.items() if kind not in found}
