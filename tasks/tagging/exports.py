"""Which dev rows a person is asked to tag: errors, and a sample of right answers.

Guarantees: rows are drawn at random within strata (wrongly and rightly predicted), whatever was
asked before, so that exports are independent of each other; the order of asking is random, so that
the part of an export that was answered is a random part of every stratum; the stratum of every dev
row of the time is kept, so that later exports can tell what a row stood for; the same run, answers,
count and seed give the same export; a design that was changed is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.atomic import write_text
from tasks.canonical import hash_of
from tasks.errors import ProjectFileError
from tasks.label_review.design import Design, drawn_at_random

ERRORS, RIGHT = "errors", "right"
LEAST_ROWS = 10
DEFAULT_ROWS = 100
_LEAST_OF_STRATUM = 2
_BYTES = 6


@dataclass(frozen=True)
class Stratum:
    """`rows` dev rows, of which `drawn` are asked about.

    `members` are six bytes of the SHA-256 of each row's key, as base64.
    """

    name: str
    rows: int
    drawn: int
    members: str

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """The members as numbers, sorted."""
        return _as_numbers(base64.b64decode(self.members, validate=True))


@dataclass(frozen=True)
class AskedRow:
    """One row, in the order of asking."""

    key: str
    stratum: str


@dataclass(frozen=True, kw_only=True)
class Export(Design):
    """A design of rows to tag, with the tags of the time and the strata."""

    tags: tuple[str, ...]
    strata: tuple[Stratum, ...]
    rows: tuple[AskedRow, ...]
    word: ClassVar[str] = "export"
    called: ClassVar[str] = "tag export"
    parts: ClassVar[Mapping[str, type]] = {"strata": Stratum, "rows": AskedRow}

    def __post_init__(self) -> None:
        if any(len(stratum.digests) != stratum.rows for stratum in self.strata):
            raise ValueError("rows of a stratum are missing")

    def strata_of(self, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The place of each row's stratum among `strata`; -1 for a row that was not in dev then.

        `digests` are those of the rows' keys, as `key_digests` gives them.
        """
        found = np.full(len(digests), -1)
        for place, stratum in enumerate(self.strata):
            found[np.isin(digests, stratum.digests)] = place
        return found

    def probabilities(self) -> dict[str, float]:
        """The probability that a row of each stratum was drawn."""
        return {one.name: one.drawn / one.rows for one in self.strata}


def draw_export(
    wrong: pd.Series,
    *,
    count: int,
    seed: int,
    tags: Iterable[str],
    earlier: Sequence[str],
    about: Mapping[str, str],
) -> Export:
    """Draw `count` dev rows, half of them errors as far as there are so many.

    `wrong` says by row key which dev rows are predicted wrongly; `tags` are those that people gave
    before, `earlier` the ids of the exports that were applied. `about` gives run_id and project.

    Raises ProjectFileError where there is no error to tag or fewer than 10 rows are wanted.
    """
    if count < LEAST_ROWS:
        raise ProjectFileError(f"an export needs {LEAST_ROWS} rows or more, and {count} are wanted")
    wrong = wrong.sort_index()
    cells = {ERRORS: wrong.index[wrong.to_numpy()], RIGHT: wrong.index[~wrong.to_numpy()]}
    if not len(cells[ERRORS]):
        raise ProjectFileError(
            f"run {about['run_id']} of {about['project']} has no error among its {len(wrong)} dev "
            "rows, so there is nothing to tag"
        )
    # Another run, and another state of the answers, draws independently of this one.
    origin = hash_of([about["run_id"], count, list(earlier)])
    random = np.random.default_rng([seed, int(origin[:8], 16)])
    sizes = _allot(count, len(cells[ERRORS]), len(cells[RIGHT]))
    keys = drawn_at_random(cells, sizes, random)
    strata = tuple(
        Stratum(name, len(keys), sizes[name], _members(keys))
        for name, keys in cells.items()
        if len(keys)
    )
    return Export.drawn(
        run_id=about["run_id"],
        project=about["project"],
        tags=tuple(sorted(tags)),
        strata=strata,
        rows=tuple(AskedRow(key, ERRORS if wrong[key] else RIGHT) for key in keys),
    )


def read_exports(path: Path) -> tuple[Export, ...]:
    """The designs that were applied; none where there is no file.

    Raises ProjectFileError for a file that holds anything else.
    """
    if not path.is_file():
        return ()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Export.of(value, path) for value in values)
    except (OSError, ValueError, TypeError) as failure:
        raise ProjectFileError(f"{path} holds no designs of tag exports: {failure}") from None


def write_exports(exports: Iterable[Export], path: Path) -> None:
    """Replace the file by one that holds these designs, at once."""
    text = ",\n".join(one.text().rstrip() for one in exports)
    write_text(path, f"[\n{text}\n]\n", durable=True)


def key_digests(keys: Iterable[str]) -> NDArray[np.uint64]:
    """Six bytes of the SHA-256 of each key, as numbers, in the order of the keys."""
    return _as_numbers(b"".join(_digest(key) for key in keys))


def _allot(count: int, errors: int, right: int) -> dict[str, int]:
    """Half of the rows to errors; what one stratum lacks goes to the other."""
    of_right = min(max(count // 2, count - errors, _LEAST_OF_STRATUM), right)
    return {ERRORS: min(count - of_right, errors), RIGHT: of_right}


def _members(keys: pd.Index) -> str:
    return base64.b64encode(
        b"".join(sorted(_digest(str(key)) for key in keys.to_numpy(dtype=object)))
    ).decode()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:_BYTES]


def _as_numbers(content: bytes) -> NDArray[np.uint64]:
    """Each six bytes as one number."""
    parts = np.frombuffer(content, dtype=np.uint8).reshape(-1, _BYTES).astype(np.uint64)
    found: NDArray[np.uint64] = np.zeros(len(parts), dtype=np.uint64)
    for place in range(_BYTES):
        found = found * np.uint64(256) + parts[:, place]
    return found
