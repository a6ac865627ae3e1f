"""How much of the errors does a tag account for: the counts behind the four numbers.

Guarantees: every tag is counted over all rows that are handed in, so that tags may overlap and
their shares need not add up to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Table
from tasks.conditions import Mask
from tasks.intervals import wilson

MAX_TABLE_ROWS = 200


@dataclass(frozen=True)
class Tag:
    """A property of examples, counted: `n` of `rows` have it, `wrong` of the `errors` do."""

    name: str
    n: int
    wrong: int
    rows: int
    errors: int

    @property
    def share(self) -> float:
        """Share of the data with the tag."""
        return self.n / self.rows

    @property
    def error_rate(self) -> float:
        """Share of wrong predictions among the rows with the tag; NaN without such a row."""
        return self.wrong / self.n if self.n else float("nan")

    @property
    def share_of_errors(self) -> float:
        """Share of all wrong predictions that have the tag; NaN without any error."""
        return self.wrong / self.errors if self.errors else float("nan")


def count_tags(masks: Mapping[str, Mask], wrong: Mask) -> list[Tag]:
    """One tag a mask, in the order of the masks; `wrong` marks the rows predicted wrongly."""
    return [
        Tag(name, int(mask.sum()), int((mask & wrong).sum()), len(wrong), int(wrong.sum()))
        for name, mask in masks.items()
    ]


def class_tags(target: str, labels: pd.Series) -> dict[str, Mask]:
    """A tag for each true class, named `<target>=<class>`.

    With two classes the errors among the rare one are often where the work is.
    """
    return {
        f"{target}={name}": np.asarray(labels == name, dtype=bool)
        for name in sorted(labels.unique())
    }


def quarter_tags(strata: pd.Series) -> dict[str, Mask]:
    """A tag for each quarter of a target that is a number, by its name."""
    return {str(n): np.asarray(strata == n, dtype=bool) for n in sorted(strata.unique())}


def tags_table(
    counted: Sequence[Tag], rooms: Mapping[str, float], min_rows: int, left_out: Sequence[str]
) -> Table:
    """The four numbers of every tag, the most errors first.

    `rooms` holds the room for improvement of the tags that are ranked; `left_out` are sentences
    about slices that are not among the tags.
    """
    rows = []
    for tag in counted:
        status = "ranked" if tag.name in rooms else "every row has it"
        if tag.n < min_rows:
            status = "too small to judge"
        rows.append(_tag_row(tag, rooms.get(tag.name, float("nan")), status))
    rows.sort(key=lambda row: (-int(str(row["errors"])), str(row["tag"])))
    note = f"A tag with fewer than {min_rows} dev rows is too small to judge. Tags may overlap."
    if len(rows) > MAX_TABLE_ROWS:
        note += f" The {MAX_TABLE_ROWS} of {len(rows)} tags with the most errors are shown."
    note = " ".join([note, *(f"{sentence}." for sentence in left_out)])
    return Table(title="Errors by tag (dev)", frame=pd.DataFrame(rows[:MAX_TABLE_ROWS]), note=note)


def _tag_row(tag: Tag, room: float, status: str) -> dict[str, object]:
    """The tag as a row of the evidence: four numbers, each rate with its Wilson interval."""
    row: dict[str, object] = {"tag": tag.name, "n": tag.n, "errors": tag.wrong}
    rates = {
        "share_of_errors": (tag.wrong, tag.errors),
        "error_rate": (tag.wrong, tag.n),
        "share_of_data": (tag.n, tag.rows),
    }
    for name, (count, of) in rates.items():
        low, high = wilson(count, of) if of else (float("nan"), float("nan"))
        row |= {name: count / of if of else float("nan"), f"{name}_low": low, f"{name}_high": high}
    return {**row, "room": room, "status": status}
