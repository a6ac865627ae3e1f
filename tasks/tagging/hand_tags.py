"""Who has each hand tag, of whom that is known, and what each known row stands for.

Guarantees: a row that nobody looked at with the tag in mind is unknown; a row that stands for no
known number of rows is not used, and counted; a tag whose answers leave out a part of dev (no right
answer was looked at, say), or are all yes, is withheld, never estimated from the rest.

How a row is weighted. Exports draw independently, each at random within the strata of its time, and
ask in random order. Of export i the first m of the N rows of stratum h were answered for a tag, so
a row of h was answered with probability p = m / N; a row that any other export answered counts as
answered in its place. A row is known where one export or more answered it: with probability
1 - (1 - p_1)(1 - p_2)..., each p by the row's stratum in that export, and 0 where the row was not
in dev then. The weight is the inverse (Horvitz and Thompson 1952). Every tag has its own.

A tag that was invented on the way is unknown for the rows answered before, so that only the rows
after the last unknown one are taken; the first of those is left out, because it is where the tag
was found: a count that stops at a success is unbiased without that success (Haldane 1945).
Where somebody went back and answered the earlier rows too, all are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import ProjectFileError
from tasks.label_review.files import exports_name
from tasks.tagging.exports import Export, key_digests, read_exports
from tasks.tagging.said import TagAnswer, by_row, read_said, tags_of

if TYPE_CHECKING:
    from tasks.error_analysis.tag_rows import TagRows


@dataclass(frozen=True)
class TaggedRows:
    """The hand tags over today's dev rows, and what of the answers could not be used.

    `asked` rows were in an export, `answered` of them were looked at, `stale` of those are no dev
    rows by that key any more. `set_aside` counts answers to a tag that was not asked about at
    random, `later` the dev rows that were there in no export. `withheld` are sentences.
    """

    tags: tuple[TagRows, ...] = ()
    asked: int = 0
    answered: int = 0
    stale: int = 0
    set_aside: int = 0
    later: int = 0
    who: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandTags:
    """What people said, and the designs of the exports that they answered."""

    said: tuple[TagAnswer, ...]
    exports: tuple[Export, ...]

    @classmethod
    def read(cls, tags: Path, exports: Path | None) -> HandTags:
        """Both files. Raises ProjectFileError for an answer whose export has no design there."""
        said = read_said(tags)
        designs = read_exports(exports) if exports is not None else ()
        known = {one.id for one in designs}
        lost = sorted({one.export for one in said} - known)
        if lost:
            raise ProjectFileError(
                f"the tags in {tags.name} answer export '{lost[0]}', whose design is not in "
                f"{exports.name if exports else exports_name(tags)} beside it, so that nobody can "
                "tell what its rows stand for; restore that file, or take those lines out"
            )
        answered = {one.export for one in said}
        return cls(said, tuple(one for one in designs if one.id in answered))

    def on(self, keys: pd.Index, taken: Sequence[str] = ()) -> TaggedRows:
        """The tags over the dev rows of these keys.

        A tag whose name is among `taken`, those of slices and rules, is called "... (by hand)".
        """
        if not self.said:
            return TaggedRows()
        words = [str(key) for key in keys.to_numpy(dtype=object)]
        digests = key_digests(words)
        strata = [export.strata_of(digests) for export in self.exports]
        answered = {one.row_key for one in self.said}
        today, holding = set(words), by_row(self.said)
        found, withheld, set_aside = [], [], 0
        named = set(taken)
        for tag in tags_of(self.said):
            has = {key: row[tag].has for key, row in holding.items() if tag in row}
            used, chances = self._answered_for(tag, has, strata)
            set_aside += len((has.keys() & today) - used)
            uncovered = int(_uncovered(chances, strata).sum())
            problem = _problem(tag, has, used & today, uncovered, len(keys))
            if problem is not None:
                withheld.append(problem)
                continue
            name = tag
            while name in named:
                name += " (by hand)"
            named.add(name)
            found.append(_tag_rows(name, keys, has, used, chances))
        return TaggedRows(
            tags=tuple(found),
            asked=len({row.key for export in self.exports for row in export.rows}),
            answered=len(answered),
            stale=len(answered - today),
            set_aside=set_aside,
            later=int((np.max(strata, axis=0) < 0).sum()),
            who=tuple(sorted({one.who for one in self.said})),
            withheld=tuple(withheld),
        )

    def _answered_for(
        self, tag: str, has: Mapping[str, bool], strata: Sequence[NDArray[np.int64]]
    ) -> tuple[set[str], NDArray[np.float64]]:
        """Keys of the rows that count for the tag, and the probability of that for each dev row."""
        missed = np.ones(len(strata[0]))
        used: set[str] = set()
        for export, places in zip(self.exports, strata, strict=True):
            looked = {one.row_key for one in self.said if one.export == export.id}
            own = {one.row_key for one in self.said if (one.export, one.tag) == (export.id, tag)}
            counted = _random_part(export, looked, own, has)
            used |= {export.rows[place].key for place in counted}
            names = [export.rows[place].stratum for place in counted]
            shares = np.array([names.count(one.name) / one.rows for one in export.strata])
            missed *= np.where(places >= 0, 1 - shares[places], 1.0)
        return used, 1 - missed


def hand_tags(tags: Path, exports: Path | None, dev_keys: pd.Index) -> list[TagRows]:
    """The tags that people gave over the dev rows of these keys.

    `exports` is the file of designs that `assayline tag apply` keeps beside the file of tags.
    Raises ProjectFileError for files that cannot be used, and for an answer to an unknown export.
    """
    return list(HandTags.read(tags, exports).on(dev_keys).tags)


def _random_part(
    export: Export, looked: set[str], own: set[str], has: Mapping[str, bool]
) -> list[int]:
    """Places of the rows of an export that were answered for a tag, and not chosen by it."""
    last = max((place for place, row in enumerate(export.rows) if row.key in own), default=-1)
    known, unknown = [], -1
    for place, row in enumerate(export.rows[: last + 1]):
        if row.key in has:
            known.append(place)
        elif row.key in looked:
            unknown = place
    counted = [place for place in known if place > unknown]
    return counted[1:] if unknown >= 0 else counted


def _uncovered(
    chances: NDArray[np.float64], strata: Sequence[NDArray[np.int64]]
) -> NDArray[np.bool_]:
    """The dev rows that were there in an export and whose like nobody answered for."""
    there: NDArray[np.bool_] = np.max(strata, axis=0) >= 0
    return there & (chances <= 0)


def _tag_rows(
    name: str,
    keys: pd.Index,
    has: Mapping[str, bool],
    used: set[str],
    chances: NDArray[np.float64],
) -> TagRows:
    from tasks.error_analysis.tag_rows import TagRows  # whose package uses this module

    counted = sorted(used)
    places = keys.get_indexer(pd.Index(counted, dtype=keys.dtype))
    known, held = np.zeros(len(keys), dtype=bool), np.zeros(len(keys), dtype=bool)
    weights = np.ones(len(keys))
    for key, place in zip(counted, places, strict=True):
        if place >= 0:
            known[place], held[place] = True, has[key]
            weights[place] = 1 / chances[place]
    return TagRows(name, held, known, weights)


def _problem(
    tag: str, has: Mapping[str, bool], used: set[str], uncovered: int, rows: int
) -> str | None:
    """Why nothing can be estimated of the tag, if so."""
    if not used:
        return f"no answer to '{tag}' can be used"
    if all(has[key] for key in used):
        return f"every answer to '{tag}' is yes; answer no for the rows without it"
    if uncovered:
        return (
            f"the answers to '{tag}' say nothing of {uncovered} of the {rows} dev rows (errors or "
            "right answers alone were looked at)"
        )
    return None
