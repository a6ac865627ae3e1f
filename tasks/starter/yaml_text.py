"""Text from data as YAML: a scalar that the project file's reader gives back as it is.

Guarantees: a scalar is read back as the same string, whatever characters it holds; neither a
scalar nor a comment ever goes on to another line.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*( [A-Za-z0-9_-]+)*")
_SPECIAL = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_LONGEST_WORD = 60
_WIDTH = 100


def scalar(words: str) -> str:
    """The string as a YAML scalar: plain where no reader could take it for anything else."""
    if _PLAIN.fullmatch(words) and words.casefold() not in _SPECIAL and len(words) < 80:
        return words
    return '"' + "".join(_escaped(sign) for sign in words) + '"'


def mapping_key(words: str) -> str:
    """The string as the key of a block mapping, up to and with its colon."""
    written = scalar(words)
    # A key on one line has at most 1,024 characters.
    return f"{written}:" if len(written) < 1000 else f"? {written}\n    :"


def comment_word(words: str) -> str:
    """The string in a comment: on one line, in quotes where it is no plain word, and not long."""
    written = scalar(words)
    return written if len(written) <= _LONGEST_WORD else f"{written[: _LONGEST_WORD - 1]}…"


def listed(names: list[str], most: int = 12) -> str:
    """Names for a comment, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(comment_word(name) for name in names[:most]) + more


def quoted(words: str) -> str:
    """The string as a scalar in double quotes."""
    written = scalar(words)
    return written if written.startswith('"') else f'"{written}"'


def comment_lines(sentence: str, start: str) -> list[str]:
    """The sentence as comment lines; a break falls between words only."""
    lines, line = [], start[:-1]
    for word in (part for part in sentence.split(" ") if part):
        if len(line) + 1 + len(word) > _WIDTH and line != start[:-1]:
            lines.append(line)
            line = start[:-1]
        line += f" {word}"
    return [*lines, line]


def _escaped(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    code = ord(sign)
    # YAML forbids some characters that Python prints, and a reader sees none of these.
    if sign.isprintable() and code not in (0xFEFF, 0x2028, 0x2029):
        return sign
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
