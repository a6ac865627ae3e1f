"""Text from people and data inside Markdown.

Guarantee: it stays text: it makes no table cell, no link, no image, no emphasis and no HTML, and
holds no character that a terminal or a browser would act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]{}#|~!@$])")
_AT_START = re.compile(r"^([-+=>]|\d+[.)])(?=\s|$|-|=)")


def escape(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    flat = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = _SPECIAL.sub(r"\\\1", flat).replace("://", ":\\//").replace("www.", "www\\.")
    return _AT_START.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", flat)


def link(name: str, address: str) -> str:
    """A link whose name and address stay what they are."""
    safe = re.sub(r"[\s<>]", lambda sign: f"%{ord(sign[0]):02X}", address)
    return f"[{escape(name)}](<{safe}>)"


def grid(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] | None = None
) -> str:
    """A table of texts; `right` says which columns are numbers."""
    lines = [head, *rows]
    written = [f"| {' | '.join(escape(cell) for cell in cells)} |" for cells in lines]
    rule = "|".join("---:" if is_right else "---" for is_right in right or [False] * len(head))
    return "\n".join([written[0], f"|{rule}|", *written[1:]])


def bullets(sentences: Iterable[str], sign: str = "-") -> str:
    """A list of sentences."""
    return "\n".join(f"{sign} {escape(sentence)}" for sentence in sentences)
