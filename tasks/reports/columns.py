"""Text in columns and wrapped lines for a terminal.

Guarantee: no control character that came with the text is left in a wrapped line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence


def table(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of text in columns, each to its side (< or >), two spaces in."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(sides))]
    return [
        "  "
        + "  ".join(f"{cell:{side}{w}}" for cell, side, w in zip(row, sides, widths, strict=True))
        for row in rows
    ]


def pairs(named: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Names and lines in two columns; a long line goes on under itself."""
    listed = list(named)
    longest = max(len(name) for name, _ in listed)
    lines = []
    for name, text in listed:
        lines += wrap(text, width, " " * (longest + 4), first=f"  {name:<{longest}}  ")
    return lines


def wrap(text: str, width: int, indent: str, first: str | None = None) -> list[str]:
    """The text in lines of `width`; `first` opens the first line in place of `indent`."""
    opening = indent if first is None else first
    return textwrap.wrap(clean(text), width, initial_indent=opening, subsequent_indent=indent)


def cut(text: str, length: int) -> str:
    """The text, or the beginning of it with an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def clean(line: str) -> str:
    """The line without the control characters that a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in line)
