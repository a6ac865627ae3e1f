"""Parts of sentences that name things: the name that was probably meant, the first of many."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The known name that is most like `name`; None where none is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The question after the nearest known name; `otherwise` where none is near."""
    near = nearest_name(name, known)
    return f"did you mean '{near}'?" if near is not None else otherwise


def listed(names: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - most
    return separator.join(names[:most]) + (f" and {more} more" if more > 0 else "")
