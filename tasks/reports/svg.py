"""Small pieces of SVG: elements, text, a number axis. Everything from data is escaped here.

Colours are custom properties of the page with a fallback, so that a drawing follows the page
from light to dark and still stands on its own.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

NARROW = 440.0
"""Width of a drawing whose words can be read on a telephone; a wider one is scrolled there."""

INK = "currentColor"
MUTED = "var(--muted, #5d6169)"
PAPER = "var(--paper, #fff)"
GRID = "var(--line, #dcdcd6)"
ACCENT = "var(--accent, #2a5da8)"
WARM = "var(--warm, #b4531a)"
_CHARACTER = 0.56
"""Mean width of a character as a share of the font size, a little on the wide side."""


def element(name: str, content: str = "", **attributes: Any) -> str:
    """An element; `content` is SVG already, attributes are escaped (`stroke_width` gets a dash)."""
    written = "".join(
        f' {key.replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12.5,
    anchor: str = "start",
    colour: str = INK,
    weight: int = 400,
    over_lines: bool = False,
) -> str:
    """Words on a baseline; `over_lines` clears what lies behind them."""
    place: dict[str, Any] = {"x": x, "y": y, "font_size": size, "text_anchor": anchor}
    if weight != 400:
        place["font_weight"] = weight
    halo = f";paint-order:stroke;stroke:{PAPER};stroke-width:5px" if over_lines else ""
    return element("text", escape(words), **place, style=f"fill:{colour}{halo}")


def turned(content: str, x: float, y: float, degrees: float) -> str:
    """The content rotated about a point."""
    about = f"{_attribute(degrees)} {_attribute(x)} {_attribute(y)}"
    return element("g", content, transform=f"rotate({about})")


def line(x1: float, y1: float, x2: float, y2: float, colour: str, **more: Any) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, style=f"stroke:{colour}", **more)


def tooltip(words: str) -> str:
    """What a pointer resting on the surrounding group is told."""
    return element("title", escape(words))


def drawing(title: str, alt: str, width: float, height: float, parts: Iterable[str]) -> str:
    """The whole picture with its text alternative."""
    head = element("title", escape(title)) + element("desc", escape(alt))
    return element(
        "svg",
        head + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=f"{title}. {alt}",
        viewBox=f"0 0 {_attribute(width)} {_attribute(height)}",
        width=width,
        height=height,
        font_family="inherit",
        **({"class": "wide"} if width > NARROW else {}),
    )


def text_width(words: str, size: float = 12.5) -> float:
    """About how wide the words are."""
    return len(words) * size * _CHARACTER


def cut(words: str, width: float, size: float = 12.5) -> str:
    """The words in about `width`, cut in the middle: names often differ in their last part."""
    room = _characters(width, size)
    if len(words) <= room:
        return words
    tail = (room - 1) // 2
    return f"{words[: room - 1 - tail]}…{words[-tail:]}"


def wrapped(words: str, width: float, size: float = 12.5) -> list[str]:
    """The words in one or two lines of about `width`, cut in the middle if they need more."""
    room = _characters(width, size)
    for length in range(2 * room, room, -1):
        lines = textwrap.wrap(cut(words, length * size * _CHARACTER, size), room)
        if len(lines) <= 2:
            return lines or [""]
    return [cut(words, width, size)]


def _characters(width: float, size: float) -> int:
    return max(int(width / (size * _CHARACTER) + 0.01), 5)


@dataclass(frozen=True)
class Axis:
    """A number axis from `low` at `left` to `high` at `right`, with a mark every `step`."""

    low: float
    high: float
    step: float
    left: float
    right: float

    def place(self, value: float) -> float:
        """Where a value lies; values beyond an end are drawn at that end."""
        inside = min(max(value, self.low), self.high)
        return self.left + (inside - self.low) / (self.high - self.low) * (self.right - self.left)

    @property
    def ticks(self) -> list[float]:
        """The round values to mark."""
        first, last = (
            math.ceil(self.low / self.step - 1e-9),
            math.floor(self.high / self.step + 1e-9),
        )
        return [place * self.step for place in range(first, last + 1)]

    @property
    def decimals(self) -> int:
        """Places after the point that tell the marks apart."""
        return next(p for p in range(12) if abs(round(self.step, p) - self.step) < self.step * 1e-6)


def axis_over(values: Sequence[float], left: float, right: float, *, from_zero: bool) -> Axis:
    """An axis that shows all the (finite) values, and 0 where asked; shares end at 0 and 1."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    shares = low >= 0 and high <= 1
    if from_zero or (shares and high - low > 0.5):
        low, high = min(low, 0.0), max(high, 0.0)
    if shares and high - low > 0.5 and high > 0.75:
        low, high = 0.0, 1.0
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - abs(low) * 0.1 - 1e-3, high + abs(high) * 0.1 + 1e-3
    step = _round_step((high - low) / 4)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if shares:
        low, high = max(low, 0.0), min(high, 1.0)
    return Axis(low, high, step, left, right)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def _attribute(value: float | str) -> str:
    return escape(value) if isinstance(value, str) else f"{round(float(value), 1):g}"
