"""The overlay: labels that people corrected, kept beside the source and never written into it.

Guarantees: a relabel changes a row only while its label is still one that was corrected; a row
without a label gets none, whatever a relabel says that it had; every relabel that changes nothing
is told with its reason; relabels that contradict each other are refused with both values; a row's
key, features and place are untouched.

The file is a CSV table that only grows: key, old, new, who, when, rule, reason, run_id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pandas as pd

from tasks.errors import ProjectFileError
from tasks.label_review.tables import read_table, write_table
from tasks.project.roles import ROW_KEY, Roles


@dataclass(frozen=True, kw_only=True)
class Relabel:
    """One correction: the row's key, its label before and after, and who said so, when and why.

    `rule` is the class and the version of the label rules that it follows, `run_id` the run whose
    queue was answered; both may be empty in a line written by hand.
    """

    key: str
    old: str
    new: str
    who: str = ""
    when: str = ""
    rule: str = ""
    reason: str = ""
    run_id: str = ""


COLUMNS = tuple(one.name for one in fields(Relabel))


@dataclass(frozen=True)
class Settled:
    """What the relabels of one row come to: any label of `olds` becomes `new`."""

    olds: tuple[str, ...]
    new: str

    @property
    def is_void(self) -> bool:
        """Whether the last correction took the first one back."""
        return self.olds[0] == self.new


@dataclass(frozen=True, kw_only=True)
class Overlaid:
    """A table under its overlay.

    `held` has old and new, by row key, of every row whose label is what a person made it, be it by
    the overlay or because the source says so by now. `unused` lists the other relabels, with the
    label found and the reason. `applied` counts the labels that the overlay changed.
    """

    frame: pd.DataFrame
    held: pd.DataFrame
    unused: pd.DataFrame
    applied: int


def read_overlay(path: Path) -> tuple[Relabel, ...]:
    """The relabels in the order of the file; none where there is no file.

    Raises ProjectFileError for a file that is no overlay, or whose relabels contradict each other.
    """
    needed = ("key", "old", "new")
    relabels = tuple(
        Relabel(**{name: row.get(name, "") for name in COLUMNS})
        for row in read_table(path, needed, "overlay")
    )
    for line, relabel in enumerate(relabels, 2):
        empty = [name for name in needed if not getattr(relabel, name)]
        if empty:
            raise ProjectFileError(f"{path}, relabel {line - 1}: '{empty[0]}' is empty; fill it in")
    try:
        settle(relabels)
    except ProjectFileError as failure:
        raise ProjectFileError(f"{path}: {failure}") from None
    return relabels


def write_overlay(relabels: Sequence[Relabel], path: Path) -> None:
    """Replace the file by one that holds `relabels`, at once."""
    write_table(COLUMNS, [astuple(relabel) for relabel in relabels], path)


def settle(relabels: Iterable[Relabel]) -> dict[str, Settled]:
    """Follow the corrections of each row, first to last.

    A correction that was made twice counts once. Raises ProjectFileError where one starts from a
    label that the row no longer had.
    """
    settled: dict[str, Settled] = {}
    for relabel in relabels:
        before = settled.get(relabel.key)
        if before is None:
            settled[relabel.key] = Settled((relabel.old,), relabel.new)
        elif relabel.old == before.new:
            settled[relabel.key] = Settled((*before.olds, relabel.old), relabel.new)
        elif relabel.new != before.new or relabel.old not in before.olds:
            raise ProjectFileError(
                f"row {relabel.key} is relabelled from {relabel.old} to {relabel.new}, and another "
                f"relabel already made it {before.new}; keep one of the two"
            )
    return settled


def apply_overlay(
    curated: pd.DataFrame, ingested: pd.DataFrame, roles: Roles, relabels: Iterable[Relabel]
) -> Overlaid:
    """The curated rows with the labels that people gave them.

    `ingested` holds all rows that came in: it tells a row that was set aside from one that is not
    there, and its labels are the known classes.
    """
    settled = settle(relabels)
    labels = roles.labels(curated.loc[curated.index.intersection(list(settled), sort=False)])
    classes = set(roles.labels(ingested).dropna())
    # Empty where there is none: as text, a missing label would be a class named 'nan'.
    found = {str(key): str(label) for key, label in labels.fillna("").items()}
    reasons = {
        key: _why_unused(key, one, found, classes, ingested.index) for key, one in settled.items()
    }
    held = {
        key: one
        for key, one in settled.items()
        if not reasons[key] and not (one.is_void and found[key] == one.new)
    }
    changed = {key: one.new for key, one in held.items() if found[key] != one.new}
    frame = curated
    if changed:
        target = curated[roles.target].copy()
        target.loc[list(changed)] = list(changed.values())
        frame = curated.assign(**{roles.target: target})
    return Overlaid(
        frame=frame,
        held=_held_table(held),
        unused=_unused_table(settled, reasons, found),
        applied=len(changed),
    )


def _why_unused(
    key: str, one: Settled, found: Mapping[str, str], classes: set[str], ingested: pd.Index
) -> str:
    if key not in found:
        return "the row was set aside" if key in ingested else "no row has this key"
    label = found[key]
    if not label:
        return "the row has no label"
    if label != one.new and label not in one.olds:
        return "the source has another label now"
    return "" if label == one.new or one.new in classes else "no row of the source has this class"


def _held_table(held: Mapping[str, Settled]) -> pd.DataFrame:
    keys = sorted(held)
    columns = {"old": [held[k].olds[0] for k in keys], "new": [held[k].new for k in keys]}
    return pd.DataFrame(columns, index=pd.Index(keys, dtype="str", name=ROW_KEY), dtype="str")


def _unused_table(
    settled: Mapping[str, Settled], reasons: Mapping[str, str], found: Mapping[str, str]
) -> pd.DataFrame:
    rows = [
        (key, settled[key].olds[-1], settled[key].new, found.get(key, ""), reason)
        for key, reason in sorted(reasons.items())
        if reason
    ]
    return pd.DataFrame(rows, columns=[ROW_KEY, "old", "new", "found", "reason"], dtype="str")
