"""Which of today's test rows lay before an earlier judgement, whatever it was called?

Guarantees: a row is told by its split unit, by the values of its features, and by all that the
source says of it but the label, so that another epoch, another name of the project, another order
of columns, a dropped or a copied row, a corrected label and an excluded feature all leave it the
same row; a side does not matter, since a row that was train under another draw is the same
evidence drawn again; a copy of a row is no new one.

A table is kept as a sample of its rows: of each way of telling rows apart the smallest hashes
(Broder, "On the resemblance and containment of documents", 1997). Up to 1,024 rows that is all of
them; beyond, a share of rows is known to about 2 points. Beyond it is a table whose every row was
changed in its features and its key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.project.roles import Roles
from tasks.row_values import value_hashes

ROW_MARKS = "row_marks"
"""The name of the frame that holds them, as evidence."""
KEPT = 1024
_BYTES = 6
_WHOLE = 2 ** (8 * _BYTES)
OF_PROJECT = "unit"
"""The way of telling rows apart that holds within one project alone: keys are only its own."""


@dataclass(frozen=True)
class Sample:
    """The marks of a table's rows below `limit`, ascending: all that there are below it."""

    marks: tuple[int, ...]
    limit: int = _WHOLE


@dataclass(frozen=True)
class RowMarks:
    """A table's sample by each way of telling rows apart."""

    samples: Mapping[str, Sample]

    def text(self) -> str:
        """The marks as one short text."""
        packed = {
            kind: [
                one.limit,
                base64.b85encode(b"".join(m.to_bytes(_BYTES, "big") for m in one.marks)).decode(),
            ]
            for kind, one in self.samples.items()
        }
        return json.dumps(packed, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> RowMarks:
        """What `text` gave. Raises ValueError, KeyError or TypeError where it is none."""
        found = {}
        for kind, (limit, packed) in json.loads(text).items():
            data = base64.b85decode(packed)
            marks = [data[at : at + _BYTES] for at in range(0, len(data), _BYTES)]
            found[str(kind)] = Sample(
                tuple(int.from_bytes(mark, "big") for mark in marks), int(limit)
            )
        return cls(found)


def mark_rows(frame: pd.DataFrame, split: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """The sample of the rows that were given a side: columns kind, mark, test and limit.

    `test` marks what at least one test row has. `frame` has a row for each row of `split`.
    """
    test = (split["side"] == "test").to_numpy(dtype=bool)
    target = roles.target
    told = [name for name in frame.columns if name not in (target, *roles.annotators)]
    numbers = [name for name in told if pd.api.types.is_numeric_dtype(frame[name].dtype)]
    features = value_hashes(frame, roles.features, roles.numeric)
    alike = set(told) == set(roles.features) and set(numbers) == set(roles.numeric)
    source = features if alike else value_hashes(frame, told, numbers)
    ways = {
        OF_PROJECT: split["unit"].astype("str"),
        "features": target + "\0" + features,
        "source": target + "\0" + source,
    }
    parts = []
    for kind, values in ways.items():
        codes, distinct = pd.factorize(values)
        marks = np.array([_mark(f"{kind}\0{value}") for value in distinct.tolist()], dtype=np.int64)
        tested = np.zeros(len(marks), dtype=bool)
        tested[codes[test]] = True
        order = np.argsort(marks, kind="stable")
        limit = _WHOLE if len(marks) <= KEPT else int(marks[order[KEPT]])
        kept = order[:KEPT]
        parts.append(
            pd.DataFrame({"kind": kind, "mark": marks[kept], "test": tested[kept], "limit": limit})
        )
    return pd.concat(parts, ignore_index=True)


def marks_of(frame: pd.DataFrame, *, test_only: bool = False) -> RowMarks:
    """What `mark_rows` found, of the whole table or of its test rows."""
    samples = {}
    for kind, rows in frame.groupby("kind"):
        kept = rows[rows["test"]] if test_only else rows
        marks = tuple(int(mark) for mark in sorted(kept["mark"]))
        samples[str(kind)] = Sample(marks, int(rows["limit"].iloc[0]))
    return RowMarks(samples)


def known_share(test: RowMarks, earlier: RowMarks, *, same_project: bool) -> float:
    """The share of the `test` rows that are among the rows of an earlier table.

    The largest over the ways of telling rows apart: a row that is known by one of them is known.
    1 where nothing can be compared.
    """
    shares = []
    for kind, sample in test.samples.items():
        other = earlier.samples.get(kind)
        if other is None or (kind == OF_PROJECT and not same_project):
            continue
        limit = min(sample.limit, other.limit)
        below = [mark for mark in sample.marks if mark < limit]
        if below:
            shares.append(len(set(below).intersection(other.marks)) / len(below))
    return max(shares, default=1.0)


def _mark(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_BYTES], "big")
