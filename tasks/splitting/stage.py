"""The stage: give each row a side, then prove on the result what the split promises.

Guarantees: the checks look at the finished split, not at how it was made; a stored side is kept;
the label is read for counting only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from tasks.checks import Check, StageResult, Table
from tasks.fingerprints import fingerprint_frame
from tasks.project.data_sections import SplitSection
from tasks.project.roles import Roles
from tasks.row_marks import ROW_MARKS, mark_rows
from tasks.splitting import judging, judging_units
from tasks.splitting.copies import Examples, example_codes, recurring_codes
from tasks.splitting.corrected import corrected_checks, corrected_tables, find_corrected
from tasks.splitting.judging_units import Copies, copies_table
from tasks.splitting.people import people_check
from tasks.splitting.sides import (
    SIDES,
    drawn_sides,
    earliest_sides,
    later_copies,
    side_counts,
    sides_by_time,
    stored_sides,
)
from tasks.splitting.units import (
    base_units,
    cluster_units,
    group_units,
    joined_units,
    row_units,
    twin_codes,
)


def split_rows(
    frame: pd.DataFrame,
    roles: Roles,
    section: SplitSection,
    assigned: pd.DataFrame | None,
    relabels: pd.DataFrame | None = None,
) -> StageResult:
    """Divide the curated rows into train, dev and test; `assigned` has the sides given earlier.

    `relabels` has old and new, by row key, of the labels that people corrected; None: none.

    `outputs["split"]` has a row for each row that was given a side, in the order of `frame`, with
    its `unit` and `side`. Two kinds of rows have none: rows without a time in a split by time, and
    copies of a row on an earlier side, where a time, a group or a stored side put them there.
    `outputs["assignments"]` has every unit that ever was given a side; pass it as `assigned` next
    time. A row is stored under its own unit and under those of its copies, so that it keeps its
    side when a copy comes or goes.

    By time, the borders stay where they were first drawn: new rows go where their time belongs.
    Raise `split.epoch`, and pass None as `assigned`, to draw anew. Other shares within an epoch
    move no unit that has a side: by key or group they hold for new units alone, by time for none.

    `outputs["row_marks"]` is a sample of the rows by which a later judgement knows them again.

    Facts: rows and fingerprints by side; `test_version`, a SHA-256 of what can move a unit (how the
    split is drawn, its column, its epoch; not its shares) and of the labels of the test rows;
    `test_rule`, of the same and the corrected test labels, which new rows do not change;
    `relabelled`, the corrected labels by side.
    """
    draw = {"time": _by_time, "group": _by_group, "key": _by_key}[section.by]
    drawn = draw(frame, roles, section, assigned)
    placed = frame if len(drawn.split) == len(frame) else frame.loc[drawn.split.index]
    labels, sides, strata = roles.labels(placed), drawn.split["side"], roles.strata(placed)
    corrected = find_corrected(relabels, sides)
    return StageResult(
        stage=judging.STAGE,
        summary=", ".join(f"{side} {count:,}" for side, count in side_counts(sides).items()),
        checks=(*_checks(frame, roles, section, drawn, strata), *corrected_checks(corrected)),
        tables={
            "sides": Table(title="Rows by side and class", frame=judging.side_table(strata, sides)),
            **drawn.tables,
            **corrected_tables(corrected),
        },
        outputs={
            "split": drawn.split,
            "assignments": _assignments(assigned, drawn),
            ROW_MARKS: mark_rows(placed, drawn.split, roles),
        },
        facts=_facts(frame, placed, labels, sides, section, corrected),
    )


def _checks(
    frame: pd.DataFrame, roles: Roles, section: SplitSection, drawn: _Drawn, strata: pd.Series
) -> Iterator[Check]:
    sides, every = drawn.split["side"], roles.strata(frame.loc[drawn.found.sides.index])
    named = roles.group if section.by == "group" else roles.time
    cause = judging.cause_of_emptiness(None if named is None else frame[named], section)
    yield from drawn.checks
    yield from judging.side_checks(strata, sides, roles, section, cause)
    yield judging.share_check(sides, section)
    yield from judging_units.unit_checks(drawn.split, drawn.found, every, section)
    yield judging.class_share_check(strata, sides, roles)
    yield judging.kept_check(drawn.stored, drawn.split)
    if section.by == "key":
        yield from people_check(frame, roles)


def _facts(
    frame: pd.DataFrame,
    placed: pd.DataFrame,
    labels: pd.Series,
    sides: pd.Series,
    section: SplitSection,
    corrected: pd.DataFrame,
) -> dict[str, Any]:
    return {
        "rows": dict(side_counts(sides)),
        "fingerprints": {
            side: fingerprint_frame(placed[sides == side]).total for side in side_counts(sides)
        },
        "left_out": len(frame) - len(placed),
        "test_version": _version(section, labels[sides == "test"]),
        "test_rule": _version(section, corrected["new"][corrected["side"] == "test"]),
        "relabelled": dict(side_counts(corrected["side"])),
    }


@dataclass(frozen=True)
class _Drawn:
    """A split, the sides that were stored for its rows, and the other names of its units.

    `aliases` are the units of the rows by their keys, `exact` those of rows equal in all features
    (None: no others); `found` has the copies among all rows.
    """

    split: pd.DataFrame
    stored: pd.Series
    aliases: pd.Series
    found: Copies
    exact: pd.Series | None = None
    checks: tuple[Check, ...] = ()
    tables: dict[str, Table] = field(default_factory=dict)


def _by_key(
    frame: pd.DataFrame, roles: Roles, split: SplitSection, assigned: pd.DataFrame | None
) -> _Drawn:
    twins = twin_codes(frame, roles.features)
    aliases = base_units(frame, roles)
    exact = cluster_units(frame, roles, aliases, twins)
    codes = example_codes(frame, roles, twins)
    stored = stored_sides(assigned, exact, aliases)
    units = joined_units(exact, codes, stored.notna())
    sides = stored.fillna(earliest_sides(stored, codes)).fillna(drawn_sides(units, split))
    # What each row was stored under by itself, to see whether it is kept.
    own = stored_sides(assigned, exact).fillna(stored_sides(assigned, aliases))
    return _without_copies(units, sides, own, aliases, Examples(twins, codes), exact=exact)


def _by_group(
    frame: pd.DataFrame, roles: Roles, split: SplitSection, assigned: pd.DataFrame | None
) -> _Drawn:
    units = group_units(frame, roles)
    stored = stored_sides(assigned, units)
    sides = stored.fillna(drawn_sides(units, split))
    twins = twin_codes(frame, roles.features)
    examples = Examples(twins, recurring_codes(frame, roles, twins))
    return _without_copies(units, sides, stored, units, examples)


def _by_time(
    frame: pd.DataFrame, roles: Roles, split: SplitSection, assigned: pd.DataFrame | None
) -> _Drawn:
    times = frame[str(roles.time)]
    time_check = judging.time_check(times)
    if time_check.outcome != "passed" and not judging.is_ordered(times):
        times = times.iloc[:0]
    times = times.dropna()
    rows = frame.loc[times.index]
    names = row_units(rows)
    stored = stored_sides(assigned, names)
    sides = stored.fillna(sides_by_time(times, split, stored))
    twins = twin_codes(rows, roles.features)
    examples = Examples(twins, recurring_codes(rows, roles, twins))
    units = joined_units(names, examples.codes, stored.notna())
    drawn = _without_copies(units, sides, stored, names, examples)
    return replace(drawn, checks=(time_check,))


def _without_copies(
    units: pd.Series,
    sides: pd.Series,
    stored: pd.Series,
    aliases: pd.Series,
    examples: Examples,
    exact: pd.Series | None = None,
) -> _Drawn:
    """The split without the rows that are copies of a row on an earlier side."""
    late = later_copies(sides, examples.codes)
    copies = Copies(sides, examples.twins, examples.codes, late)
    split = pd.DataFrame({"unit": units, "side": sides})[~late]
    tables = {}
    if late.any():
        shown = pd.DataFrame({"side": sides, "copy_of": _earliest_row(sides, examples.codes)})
        title = "Copies of earlier rows, left out"
        tables["left_out"] = Table(title=title, frame=shown[late].reset_index())
    if len(found := copies_table(copies, split)):
        tables["copies"] = Table(title="Examples that are there several times", frame=found)
    return _Drawn(
        split=split,
        stored=stored[~late],
        aliases=aliases[~late],
        found=copies,
        exact=None if exact is None else exact[~late],
        tables=tables,
    )


def _earliest_row(sides: pd.Series, codes: pd.Series) -> pd.Series:
    """The key of the first row of the earliest side that is a copy of each row."""
    order = pd.DataFrame({"code": codes, "rank": sides.map(SIDES.index), "key": sides.index})
    first = order.sort_values(["code", "rank"], kind="stable").drop_duplicates("code")
    return codes.map(first.set_index("code")["key"])


def _assignments(assigned: pd.DataFrame | None, drawn: _Drawn) -> pd.DataFrame:
    """Every unit with its side, old ones first and as they were, then new ones by name."""
    by_unit = drawn.split.drop_duplicates("unit")
    others = [drawn.aliases] if drawn.exact is None else [drawn.exact, drawn.aliases]
    by_others = [
        drawn.split.assign(unit=names).sort_values(
            "side", key=lambda sides: sides.map(SIDES.index), kind="stable"
        )
        for names in others
    ]
    new = pd.concat([by_unit, *by_others]).drop_duplicates("unit").sort_values("unit")
    old = [] if assigned is None else [assigned[["unit", "side"]]]
    return pd.concat([*old, new]).drop_duplicates("unit").reset_index(drop=True)


def _version(split: SplitSection, test_labels: pd.Series | None = None) -> str:
    # Shares move no unit that was placed, and a split by key reads no column: were they part of it,
    # a model could be judged again on the same rows as if these were new.
    column = None if split.by == "key" else split.column
    rule = {"by": split.by, "column": column, "epoch": str(split.epoch)}
    rows = [] if test_labels is None else sorted(test_labels.astype("str").items())
    return hashlib.sha256(json.dumps([rule, rows], sort_keys=True).encode()).hexdigest()
