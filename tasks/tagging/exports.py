"""Which dev rows a person is asked to tag: errors, and a sample of right answers.

Guarantees: rows are drawn at random within strata (wrongly and rightly predicted), whatever was
asked before, so that exports are independent of each other; the order of asking is random, so that
the part of an export that was answered is a random part of every stratum; the stratum of every dev
row of the time is kept, so that later exports can tell what a row stood for; the same run, answers,
count and seed give the same export; a design that was changed is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.atomic import write_text
from tasks.errors import ProjectFileError
from tasks.evidence import hash_of

ERRORS, RIGHT = "errors", "right"
LEAST_ROWS = 10
DEFAULT_ROWS = 100
_LEAST_OF_STRATUM = 2
_ID_LENGTH = 12
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
class Export:
    """The design of an export: where it came from, the tags of the time, strata and rows."""

    id: str
    run_id: str
    project: str
    tags: tuple[str, ...]
    strata: tuple[Stratum, ...]
    rows: tuple[AskedRow, ...]

    def text(self) -> str:
        """The design as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

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

    @classmethod
    def read(cls, path: Path) -> Export:
        """What `text` gave, unchanged. Raises ProjectFileError for any other file."""
        try:
            return _export(json.loads(path.read_text(encoding="utf-8")), path)
        except (OSError, ValueError) as failure:
            raise ProjectFileError(f"{path} holds no design of a tag export: {failure}") from None


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
    drawn = [
        AskedRow(str(key), name)
        for name, keys in cells.items()
        for key in random.choice(keys.to_numpy(dtype=object), size=sizes[name], replace=False)
    ]
    strata = tuple(
        Stratum(name, len(keys), sizes[name], _members(keys))
        for name, keys in cells.items()
        if len(keys)
    )
    found: dict[str, Any] = {
        **{name: about[name] for name in ("run_id", "project")},
        "tags": tuple(sorted(tags)),
        "strata": strata,
        "rows": tuple(drawn[place] for place in random.permutation(len(drawn))),
    }
    return Export(id=_id_of(found), **found)


def read_exports(path: Path) -> tuple[Export, ...]:
    """The designs that were applied; none where there is no file.

    Raises ProjectFileError for a file that holds anything else.
    """
    if not path.is_file():
        return ()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_export(value, path) for value in values)
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


def _id_of(found: Mapping[str, Any]) -> str:
    plain = {
        **found,
        **{name: [asdict(one) for one in found[name]] for name in ("strata", "rows")},
        "tags": list(found["tags"]),
    }
    return hash_of(plain)[:_ID_LENGTH]


def _export(value: Any, path: Path) -> Export:
    try:
        said = {name: part for name, part in value.items() if name != "id"}
        if hash_of(said)[:_ID_LENGTH] != value["id"]:
            raise ProjectFileError(f"{path} is not the design that was drawn: it was changed since")
        said["tags"] = tuple(said["tags"])
        said["strata"] = tuple(Stratum(**one) for one in said["strata"])
        said["rows"] = tuple(AskedRow(**one) for one in said["rows"])
        found = Export(id=value["id"], **said)
        whole = all(len(stratum.digests) == stratum.rows for stratum in found.strata)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as failure:
        raise ProjectFileError(f"{path} holds no design of a tag export: {failure!r}") from None
    if not whole:
        raise ProjectFileError(f"{path} holds no whole design of a tag export: rows are missing")
    return found
