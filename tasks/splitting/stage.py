"""The stage: give each row a side, then prove on the result what the split promises.

Guarantees: the checks look at the finished split, not at how it was made; a stored side is kept;
the label is read for counting only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import pandas as pd

from tasks.checks import Check, StageResult, Table
from tasks.fingerprints import fingerprint_frame
from tasks.project import Project, Roles
from tasks.project.sections import SplitSection
from tasks.splitting import judging
from tasks.splitting.corrected import corrected_checks, corrected_tables, find_corrected
from tasks.splitting.sides import (
    SIDES,
    drawn_sides,
    later_copies,
    side_counts,
    sides_by_time,
    stored_sides,
)
from tasks.splitting.units import base_units, cluster_units, group_units, row_units, twin_codes


def split_rows(
    frame: pd.DataFrame,
    roles: Roles,
    project: Project,
    assigned: pd.DataFrame | None,
    relabels: pd.DataFrame | None = None,
) -> StageResult:
    """Divide the curated rows into train, dev and test; `assigned` has the sides given earlier.

    `relabels` has old and new, by row key, of the labels that people corrected; None: none.

    `outputs["split"]` has a row for each row that was given a side, in the order of `frame`, with
    its `unit` and `side`. In a split by time two kinds of rows have none: rows without a time, and
    copies (equal in all features) of a row on an earlier side. `outputs["assignments"]` has every
    unit that ever was given a side; pass it as `assigned` next time. A row is stored under its own
    unit and under that of its cluster, so that it keeps its side when a twin comes or goes.

    By time, the borders stay where they were first drawn: new rows go where their time belongs.
    Raise `split.epoch`, and pass None as `assigned`, to draw anew. Other shares within an epoch
    move no unit that has a side: by key or group they hold for new units alone, by time for none.

    Facts: rows and fingerprints by side; `test_version`, a SHA-256 of what can move a unit (how the
    split is drawn, its column, its epoch; not its shares) and of the labels of the test rows;
    `test_rule`, of the same and the corrected test labels, which new rows do not change;
    `relabelled`, the corrected labels by side.
    """
    by = project.split.by
    draw = _by_time if by == "time" else _by_unit
    drawn = draw(frame, roles, project.split, assigned)
    placed = frame if len(drawn.split) == len(frame) else frame.loc[drawn.split.index]
    labels, sides = roles.labels(placed), drawn.split["side"]
    strata = roles.strata(placed)
    table = judging.side_table(strata, sides)
    corrected = find_corrected(relabels, sides)
    return StageResult(
        stage=judging.STAGE,
        summary=", ".join(f"{side} {count:,}" for side, count in side_counts(sides).items()),
        checks=(
            *drawn.checks,
            *judging.side_checks(strata, sides, roles, project.split),
            judging.unit_check(drawn.split),
            judging.twin_check(twin_codes(placed, roles.features), sides, by_group=by == "group"),
            judging.class_share_check(strata, sides, roles),
            judging.kept_check(drawn.stored, drawn.split),
            *corrected_checks(corrected),
        ),
        tables={
            "sides": Table(title="Rows by side and class", frame=table),
            **drawn.tables,
            **corrected_tables(corrected),
        },
        outputs={
            "split": drawn.split,
            "assignments": _assignments(assigned, drawn),
        },
        facts={
            "rows": dict(side_counts(sides)),
            "fingerprints": {
                side: fingerprint_frame(placed[sides == side]).total for side in side_counts(sides)
            },
            "left_out": len(frame) - len(placed),
            "test_version": _version(project.split, labels[sides == "test"]),
            "test_rule": _version(project.split, corrected["new"][corrected["side"] == "test"]),
            "relabelled": dict(side_counts(corrected["side"])),
        },
    )


@dataclass(frozen=True)
class _Drawn:
    """A split, the sides that were stored for its rows, and the other names of its units."""

    split: pd.DataFrame
    stored: pd.Series
    aliases: pd.Series
    checks: tuple[Check, ...] = ()
    tables: dict[str, Table] = field(default_factory=dict)


def _by_unit(
    frame: pd.DataFrame, roles: Roles, split: SplitSection, assigned: pd.DataFrame | None
) -> _Drawn:
    if split.by == "group":
        units = aliases = group_units(frame, roles)
    else:
        aliases = base_units(frame, roles)
        units = cluster_units(frame, roles, aliases, twin_codes(frame, roles.features))
    sides = stored_sides(assigned, units, aliases).fillna(drawn_sides(units, split))
    # What each row was stored under by itself, to see whether it is kept.
    own = stored_sides(assigned, units).fillna(stored_sides(assigned, aliases))
    return _Drawn(pd.DataFrame({"unit": units, "side": sides}), stored=own, aliases=aliases)


def _by_time(
    frame: pd.DataFrame, roles: Roles, split: SplitSection, assigned: pd.DataFrame | None
) -> _Drawn:
    times = frame[str(roles.time)]
    time_check = judging.time_check(times)
    if time_check.outcome != "passed" and not judging.is_ordered(times):
        times = times.iloc[:0]
    times = times.dropna()
    rows = frame.loc[times.index]
    units = row_units(rows)
    stored = stored_sides(assigned, units)
    sides = stored.fillna(sides_by_time(times, split, stored))
    copies = later_copies(sides, twin_codes(rows, roles.features))
    table = pd.DataFrame({"unit": units, "side": sides})[~copies]
    left_out = pd.DataFrame({"side": sides, "time": times})[copies].reset_index()
    return _Drawn(
        table,
        stored=stored[~copies],
        aliases=units[~copies],
        checks=(time_check, judging.copies_check(sides, copies)),
        tables={"left_out": Table(title="Later copies, left out", frame=left_out)}
        if len(left_out)
        else {},
    )


def _assignments(assigned: pd.DataFrame | None, drawn: _Drawn) -> pd.DataFrame:
    """Every unit with its side, old ones first and as they were, then new ones by name."""
    by_unit = drawn.split.drop_duplicates("unit")
    by_alias = drawn.split.assign(unit=drawn.aliases).sort_values(
        "side", key=lambda sides: sides.map(SIDES.index), kind="stable"
    )
    new = pd.concat([by_unit, by_alias]).drop_duplicates("unit").sort_values("unit")
    old = [] if assigned is None else [assigned[["unit", "side"]]]
    return pd.concat([*old, new]).drop_duplicates("unit").reset_index(drop=True)


def _version(split: SplitSection, test_labels: pd.Series | None = None) -> str:
    # Shares move no unit that was placed, and a split by key reads no column: were they part of it,
    # a model could be judged again on the same rows as if these were new.
    column = None if split.by == "key" else split.column
    rule = {"by": split.by, "column": column, "epoch": str(split.epoch)}
    rows = [] if test_labels is None else sorted(test_labels.astype("str").items())
    return hashlib.sha256(json.dumps([rule, rows], sort_keys=True).encode()).hexdigest()
