"""Which rows go to a reviewer: the most suspicious ones, and a random sample to estimate from.

Guarantees: rows of train and dev are ranked, rows of test are only ever drawn at random, whatever a
model says of them, so that corrected test labels do not favour it; each row's stratum and the
probability that it was drawn are recorded; the order of the queue is random, so that the part of
it that was answered is a random part of every stratum; the same run, answers, count and seed give
the same queue; rows that were reviewed before are not asked about again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from tasks.errors import ProjectFileError
from tasks.label_review.design import Design, drawn_at_random
from tasks.label_review.reviews import RANKED

LEAST_ROWS = 20
_RANDOM_ROWS = 12
_LEAST_OF_STRATUM = 2


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One row of a queue, in the order of asking.

    `other` is a label to consider beside the given one: the likely one where there is one, else one
    that rows of this class are often suspected of. `probability` is that of being drawn.
    """

    key: str
    side: str
    stratum: str
    stratum_rows: int
    side_rows: int
    known_rows: int
    flagged: bool
    given: str
    other: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Queue(Design):
    """A design of rows to review, with the classes and the version of the label rules."""

    classes: tuple[str, ...]
    rule: str
    rows: tuple[QueueRow, ...]
    word: ClassVar[str] = "queue"
    called: ClassVar[str] = "review queue"
    parts: ClassVar[Mapping[str, type]] = {"rows": QueueRow}


def draw_queue(
    quality: pd.DataFrame,
    ranking: Sequence[str],
    reviewed: Iterable[str],
    *,
    count: int,
    seed: int,
    about: Mapping[str, str],
) -> Queue:
    """Draw `count` rows: half from the top of `ranking`, half at random.

    `quality` has side, label, likely_label and issue by row key, for every row with a label;
    `ranking` are keys, the most suspicious first. Of the random half a quarter comes from test, a
    quarter from the other suspects of train and dev and the rest from their remaining rows, each
    stratum with two rows at least. `about` gives run_id, project and rule.

    Raises ProjectFileError where there are fewer than 20 rows to ask about, or fewer are wanted.
    """
    known = quality.index.isin(list(reviewed))
    left = quality[~known].sort_index()
    if min(count, len(left)) < LEAST_ROWS:
        raise ProjectFileError(
            f"a review needs {LEAST_ROWS} rows or more: {count} are wanted, and {len(left)} rows "
            "are not reviewed yet"
        )
    at_random = max(count // 2, _RANDOM_ROWS)
    is_test = left["side"] == "test"
    strata = _strata(left, is_test, list(ranking), count - at_random)
    drawn = _draw(strata, count - int(strata.isin(RANKED).sum()), left, seed)
    sides = pd.DataFrame({"rows": quality["side"].value_counts()})
    sides["known"] = quality["side"][known].value_counts().reindex(sides.index, fill_value=0)
    rows = _rows(left.loc[drawn], strata, left, sides, _others(left.loc[drawn], quality, seed))
    classes = tuple(sorted(quality["label"].astype("str").unique()))
    return Queue.drawn(**about, classes=classes, rows=tuple(rows))


def _strata(left: pd.DataFrame, is_test: pd.Series, ranking: list[str], most: int) -> pd.Series:
    """The stratum of each row: random in test; ranked or not, suspect or other elsewhere."""
    eligible = set(left.index[~is_test])
    ranked = left.index.isin([key for key in ranking if key in eligible][:most])
    kind = np.where(left["issue"], "suspects", "others")
    kind = np.where(ranked, np.char.add("ranked ", kind.astype("U")), kind)
    return pd.Series(np.where(is_test, "random", kind), index=left.index, dtype="str")


def _draw(strata: pd.Series, budget: int, left: pd.DataFrame, seed: int) -> list[str]:
    """Keys in random order: all ranked rows, and `budget` others."""
    random = np.random.default_rng(seed)
    cells = strata + "\0" + left["side"].astype("str")
    sizes = {str(name): int(n) for name, n in cells.value_counts().sort_index().items()}

    def of(stratum: str) -> dict[str, int]:
        return {name: n for name, n in sizes.items() if name.startswith(f"{stratum}\0")}

    shares = {**_allot(budget // 4, of("random")), **_allot(budget // 4, of("suspects"))}
    shares |= _allot(budget - sum(shares.values()), of("others"))
    there = {name: cells.index[cells == name] for name in sorted(shares)}
    return drawn_at_random(there, shares, random, first=left.index[strata.isin(RANKED)])


def _allot(budget: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Rows of each cell: by its size, two at least, never more than it has."""
    total = sum(sizes.values())
    if not total:
        return {}
    exact = {name: budget * size / total for name, size in sizes.items()}
    rows = {name: int(exact[name]) for name in sizes}
    by_rest = sorted(sizes, key=lambda name: (rows[name] - exact[name], name))
    for name in by_rest[: budget - sum(rows.values())]:
        rows[name] += 1
    return {n: min(max(rows[n], _LEAST_OF_STRATUM), size) for n, size in sizes.items()}


def _rows(
    drawn: pd.DataFrame,
    strata: pd.Series,
    left: pd.DataFrame,
    sides: pd.DataFrame,
    others: Mapping[str, str],
) -> list[QueueRow]:
    cells = pd.DataFrame({"side": left["side"], "stratum": strata})
    sizes = cells.value_counts()
    chosen = cells.loc[drawn.index].value_counts()
    found = []
    for key, row in drawn.iterrows():
        cell = (row["side"], strata[str(key)])
        found.append(
            QueueRow(
                key=str(key),
                side=str(row["side"]),
                stratum=str(cell[1]),
                stratum_rows=int(sizes[cell]),
                side_rows=int(sides.loc[cell[0], "rows"]),
                known_rows=int(sides.loc[cell[0], "known"]),
                # Whoever reviews test must not learn what a model thinks of it.
                flagged=bool(row["issue"]) and row["side"] != "test",
                given=str(row["label"]),
                other=others[str(key)],
                probability=float(chosen[cell] / sizes[cell]),
            )
        )
    return found


def _others(drawn: pd.DataFrame, quality: pd.DataFrame, seed: int) -> dict[str, str]:
    """For each row the likely label, else one that its class is suspected of as often.

    A reviewer who sees two labels to choose from then cannot tell a suspect by them. For a row of
    test no model is asked: it is another class, as often as train and dev have it.
    """
    random = np.random.default_rng([seed, 1])
    labels, likely = quality["label"].astype("str"), quality["likely_label"].astype("str")
    suspects = quality["issue"].to_numpy() & (quality["side"] != "test").to_numpy()
    frequent = [str(name) for name in labels.value_counts().sort_index().sort_values().index[::-1]]
    found: dict[str, str] = {}
    is_test = quality["side"] == "test"
    pools = {
        name: likely[suspects & (labels == name).to_numpy()].sort_index().tolist()
        for name in frequent
    }
    for key, given, best in zip(drawn.index, labels[drawn.index], likely[drawn.index], strict=True):
        pool = [name for name in pools[given] if name != given]
        rest = [name for name in frequent if name != given]
        place = int(random.integers(1 << 30))
        if is_test[key]:
            seen = labels[~is_test & (labels != given)].sort_values().tolist() or rest
            found[str(key)] = seen[place % len(seen)] if seen else ""
        elif isinstance(best, str) and best not in (given, "nan", ""):
            found[str(key)] = best
        elif pool:
            found[str(key)] = pool[place % len(pool)]
        else:
            found[str(key)] = rest[0] if rest else ""
    return found
