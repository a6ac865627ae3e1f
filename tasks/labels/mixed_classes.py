"""Which classes are a mixed bag: several things under one label, with no core of their own.

A class is one when three things hold, each by the end of its 95 % interval, so that neither chance
nor a weak model is enough: three other classes or more lose most of their lost rows to it (rows
whose most probable class is not their label); it loses more than a tenth of its own rows; and its
rows' nearest rows are of the class less than half as much beyond chance as they could be. A
frequent class with a core, such as "no defect" among defects, fails the third; the middle of an
ordered scale of three the first.

Guarantees: train and dev rows only, by probabilities of models that have not seen the row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Check, Outcome, Table
from tasks.intervals import wilson
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.neighbours import prepare_rows
from tasks.labels.probabilities import LabelProbabilities
from tasks.project.roles import Roles

LEAST_OTHERS = 3
MOST_LOST = 0.1
LEAST_COHESION = 0.5
_SAMPLE = 500
_AMONG = 50_000
_SHOWN_GROUPS = 4

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohesion:
    """How much more often than by chance the nearest rows are of the class: 1 always, 0 as often
    as by chance; its 95 % interval; and the rows asked."""

    value: float
    low: float
    high: float
    n: int


def judge_mixed_classes(
    frame: pd.DataFrame, sides: pd.Series, roles: Roles, probabilities: LabelProbabilities
) -> LabelFinding:
    """Whether a class seems to be several, and what its rows are like."""
    classes, matrix = probabilities.classes, probabilities.matrix
    if matrix is None or len(classes) <= LEAST_OTHERS:
        detail = (
            f"Label issues were not looked for: {probabilities.reason}."
            if matrix is None
            else f"A mixed class is told by {LEAST_OTHERS} others that lose rows to it, so that "
            f"{LEAST_OTHERS + 1} classes are needed; there are {len(classes)}."
        )
        return LabelFinding(checks=(_check("not_applicable", detail, None, None),))
    labels = pd.Index(classes, dtype="str").get_indexer(pd.Index(roles.labels(frame)))
    seen = np.flatnonzero((labels >= 0) & (sides != "test").to_numpy())
    given, matrix = labels[seen].astype(np.int64), matrix[seen]
    counts = _crossed(given, matrix.argmax(axis=1), len(classes))
    cohesion = _cohesion_of(_suspected(counts), frame.iloc[seen], sides.iloc[seen], roles, given)
    mixed = [place for place, found in cohesion.items() if found.high < LEAST_COHESION]
    groups = {place: _closest(place, given, matrix) for place in mixed}
    told = [_sentence(place, classes, counts, cohesion[place], groups[place]) for place in mixed]
    detail = " ".join(told) or (
        f"None of the {len(classes)} classes takes most lost rows of {LEAST_OTHERS} others, loses "
        f"over {MOST_LOST:.0%} of its own and lacks a core of rows like each other."
    )
    return LabelFinding(
        checks=(_check("failed" if mixed else "passed", detail, len(mixed), len(seen)),),
        summary=f"mixed bag: {', '.join(classes[place] for place in mixed)}" if mixed else "",
        facts={"mixed_classes": [classes[place] for place in mixed]},
        tables={
            "mixed_classes": _classes_table(classes, counts, cohesion, mixed),
            **({"mixed_groups": _groups_table(classes, groups, counts)} if mixed else {}),
        },
    )


def _crossed(given: Codes, predicted: Codes, classes: int) -> Codes:
    """Rows by given class (row) and most probable class (column)."""
    flat = np.bincount(given * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def _lost(counts: Codes) -> Codes:
    lost: Codes = counts.sum(axis=1) - counts.diagonal()
    return lost


def _losers(place: int, counts: Codes) -> list[int]:
    """Classes that surely lose more than half of their lost rows to the class at `place`."""
    lost = _lost(counts)
    return [
        other
        for other in range(len(counts))
        if other != place and wilson(int(counts[other, place]), int(lost[other]))[0] > 0.5
    ]


def _suspected(counts: Codes) -> list[int]:
    """Classes for which the first two things hold."""
    lost, rows = _lost(counts), counts.sum(axis=1)
    return [
        place
        for place in range(len(counts))
        if wilson(int(lost[place]), int(rows[place]))[0] > MOST_LOST
        and len(_losers(place, counts)) >= LEAST_OTHERS
    ]


def _among(rows: int) -> Codes:
    """Positions of the rows that a nearest one is looked for among, evenly spaced."""
    return np.arange(0, rows, max(1, -(-rows // _AMONG)))


def _cohesion_of(
    places: Sequence[int], frame: pd.DataFrame, sides: pd.Series, roles: Roles, given: Codes
) -> dict[int, Cohesion]:
    """The cohesion of each class of `places`, from 500 of its rows at most, evenly spaced.

    (share of the 8 nearest rows that are of the class - share of the class) / (1 - that share).
    The interval is that of a mean over rows.
    """
    if not places:
        return {}
    prepared = prepare_rows(frame, sides, roles)
    among = _among(len(given))
    found = {}
    for place in places:
        rows = np.flatnonzero(given == place)
        rows = rows[:: -(-len(rows) // _SAMPLE)]
        alike = (given[prepared.nearest(rows, among)] == place).mean(axis=1)
        chance = float((given[among] == place).mean())
        values = (alike - chance) / (1 - chance)
        spread = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(rows))
        mean = float(values.mean())
        found[place] = Cohesion(value=mean, low=mean - spread, high=mean + spread, n=len(rows))
    return found


def _closest(place: int, given: Codes, matrix: NDArray[np.float64]) -> Codes:
    """How many rows of the class have each other class as their most probable other."""
    rows = matrix[given == place].copy()
    rows[:, place] = -1.0
    return np.bincount(rows.argmax(axis=1), minlength=matrix.shape[1]).astype(np.int64)


def _sentence(
    place: int, classes: Sequence[str], counts: Codes, cohesion: Cohesion, groups: Codes
) -> str:
    rows, lost = int(counts[place].sum()), int(_lost(counts)[place])
    low, high = wilson(lost, rows)
    order = np.argsort(-groups, kind="stable")[:_SHOWN_GROUPS]
    like = ", ".join(f"{classes[p]} {groups[p] / rows:.0%}" for p in order if groups[p])
    return (
        f"{classes[place]} seems to be several things: {lost / rows:.0%} ({low:.0%} to "
        f"{high:.0%}) of its {rows:,} rows look like another class, "
        f"{len(_losers(place, counts))} of {len(classes) - 1} other classes lose most of their "
        f"lost rows to it, and its nearest rows agree {cohesion.value:.2f} ({cohesion.low:.2f} to "
        f"{cohesion.high:.2f}) beyond chance. By the class that they come closest to: {like}."
    )


def _classes_table(
    classes: Sequence[str], counts: Codes, cohesion: dict[int, Cohesion], mixed: Sequence[int]
) -> Table:
    lost, rows = _lost(counts), counts.sum(axis=1)
    intervals = [wilson(int(one), int(n)) for one, n in zip(lost, rows, strict=True)]
    known = [cohesion.get(place) for place in range(len(classes))]
    table = pd.DataFrame(
        {
            "class": list(classes),
            "n": rows,
            "lost": np.divide(lost, rows, out=np.zeros(len(rows)), where=rows > 0),
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "losers": [len(_losers(place, counts)) for place in range(len(classes))],
            "cohesion": [one.value if one else np.nan for one in known],
            "cohesion_low": [one.low if one else np.nan for one in known],
            "cohesion_high": [one.high if one else np.nan for one in known],
            "asked": [one.n if one else 0 for one in known],
            "mixed": [place in mixed for place in range(len(classes))],
        }
    )
    among = len(_among(int(rows.sum())))
    note = (
        "lost: share of the rows whose most probable class is another; losers: other classes that "
        "lose most of their lost rows to this one; cohesion: agreement of the nearest rows beyond "
        "chance, measured where the other two speak against the class, on so many of its rows as "
        f"asked says, among {among:,} of {int(rows.sum()):,} rows. Train and dev rows."
    )
    return Table(title="Classes that may be a mixed bag", frame=table, note=note)


def _groups_table(classes: Sequence[str], groups: dict[int, Codes], counts: Codes) -> Table:
    found = []
    for place, rows in groups.items():
        total = int(rows.sum())
        for other in np.argsort(-rows, kind="stable"):
            if rows[other]:
                low, high = wilson(int(rows[other]), total)
                taken = int(counts[place, other])
                cells = (classes[place], classes[other], rows[other], rows[other] / total)
                found.append((*cells, low, high, taken))
    columns = ["class", "closest_to", "n", "share", "low", "high", "taken_for_it"]
    note = "closest_to: the most probable other class; taken_for_it: rows for which it is the most "
    note += "probable of all. Train and dev rows."
    frame = pd.DataFrame(found, columns=columns)
    return Table(title="What a mixed class seems to consist of", frame=frame, note=note)


def _check(outcome: Outcome, detail: str, value: int | None, n: int | None) -> Check:
    return Check(
        id=f"{STAGE}.mixed_classes",
        stage=STAGE,
        title="Classes that seem to be a mixed bag (count)",
        severity="warning",
        outcome=outcome,
        value=None if value is None else float(value),
        limit=0.0,
        n=n,
        detail=detail,
        evidence=None if value is None else "mixed_classes",
    )
