"""What people are asked: rows of one run, in the order of asking, kept so that answers find them.

Guarantees: the id is a hash of all that was drawn, so that a design that was changed is refused;
what a person sees (a page and a table) and the design are written together, and the design a second
time where answers that come without it are looked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from tasks.atomic import write_text
from tasks.canonical import hash_of
from tasks.errors import ProjectFileError, UsageError

DESIGN = "design.json"
_ID_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class Design:
    """What designs of every kind say: where they came from.

    Of a kind `word` and `called` are its short and its full name, and `parts` the classes of what
    its lists hold. Every kind has `rows`.
    """

    id: str
    run_id: str
    project: str
    word: ClassVar[str]
    called: ClassVar[str]
    parts: ClassVar[Mapping[str, type]]

    @classmethod
    def drawn(cls, **found: Any) -> Self:
        """The design of what was drawn, under the id that follows from it."""
        bare = asdict(cls(id="", **found))
        return cls(id=_id_of(bare), **found)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `text` gave, unchanged. Raises ProjectFileError for any other file."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as failure:
            raise ProjectFileError(f"{path} holds no {cls.called}: {failure}") from None
        return cls.of(value, path)

    @classmethod
    def of(cls, value: Any, path: Path) -> Self:
        """The design in a JSON value of the file at `path`; raises ProjectFileError as `read`."""
        try:
            changed = _id_of(value) != value["id"]
            lists = {name: part for name, part in value.items() if isinstance(part, list)}
            held = {name: tuple(cls._held(name, part)) for name, part in lists.items()}
            found = cls(**{**value, **held})
        except (ValueError, KeyError, TypeError, AttributeError) as failure:
            raise ProjectFileError(f"{path} holds no {cls.called}: {failure!r}") from None
        if changed:
            raise ProjectFileError(
                f"{path} is not the {cls.word} that was drawn: it was changed since"
            )
        return found

    @classmethod
    def _held(cls, name: str, values: Sequence[Any]) -> list[Any]:
        part = cls.parts.get(name)
        return [one if part is None else part(**one) for one in values]

    def text(self) -> str:
        """The design as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def require(self, asked: Collection[str], keys: Iterable[str]) -> None:
        """Raises UsageError where one of the keys is none of the rows `asked` about."""
        for key in keys:
            if key not in asked:
                raise UsageError(f"row {key} is not in {self.word} {self.id}; nothing was applied")


def drawn_at_random(
    cells: Mapping[str, pd.Index],
    sizes: Mapping[str, int],
    random: np.random.Generator,
    first: Iterable[str] = (),
) -> list[str]:
    """Of each cell so many keys, and all those of `first`, in random order.

    So the part that was answered of what is asked in this order is a random part of every cell.
    """
    keys = list(first)
    for name, there in cells.items():
        keys += list(random.choice(there.to_numpy(dtype=object), sizes[name], replace=False))
    return [str(keys[place]) for place in random.permutation(len(keys))]


def write_design(design: Design, shown: Mapping[str, str], folder: Path, designs: Path) -> None:
    """Write what a person is shown, by file name, and the design: into `folder`.

    The folder `designs` keeps a copy of the design, so that answers find it.
    """
    files = {folder / name: text for name, text in shown.items()}
    files |= dict.fromkeys((folder / DESIGN, designs / f"{design.id}.json"), design.text())
    for path, text in files.items():
        write_text(path, text, durable=True)


def _id_of(values: Mapping[str, Any]) -> str:
    return hash_of({name: part for name, part in values.items() if name != "id"})[:_ID_LENGTH]
