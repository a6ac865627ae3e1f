"""The starter project file as text: every guess with a comment that says it is one.

Guarantees: the same proposal gives the same text; what comes from the data is written so that it is
read back as it is, whatever characters it holds, and neither in a value nor in a comment does it
ever go on to another line; what is proposed and not declared stands in comments that can be taken
over as they are.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tasks.starter.columns import FileProfile
from tasks.starter.proposals import MIN_SUPPORT, RARE_SHARE, TEST_SHARE, Proposal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*( [A-Za-z0-9_-]+)*")
_SPECIAL = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_LONGEST_WORD = 60
_WIDTH = 100
_GAP_IN_GAINS = 5
"""How far the errors of two groups may differ, in gains that count: a fifth of a gap is one."""


@dataclass(frozen=True)
class Target:
    """The target, its labels with their rows, and the positive class with how it was chosen.

    A number to be estimated has no labels: `gain` is the difference in its units that a better
    model has to make, `values` how many different ones it has, `known` the rows that have one.
    """

    name: str
    labels: Mapping[str, int]
    positive: str | None
    chosen: str
    known: int
    values: int
    gain: float | None = None

    @property
    def rarest(self) -> str:
        """The label of the fewest rows."""
        return min(self.labels, key=lambda name: (self.labels[name], name))


def write_project(
    name: str, source: str, file: FileProfile, target: Target, found: Proposal
) -> str:
    """The text of the project file; `source` is the data file relative to it."""
    return _template().render(
        name=name,
        source=source,
        file=file,
        target=target,
        found=found,
        gap_gains=_GAP_IN_GAINS,
        min_support=MIN_SUPPORT,
        rare_share=RARE_SHARE,
        test_share=TEST_SHARE,
    )


def scalar(words: str) -> str:
    """The string as a YAML scalar: plain where no reader could take it for anything else."""
    if _PLAIN.fullmatch(words) and words.casefold() not in _SPECIAL and len(words) < 80:
        return words
    return quoted(words)


def quoted(words: str) -> str:
    """The string in double quotes; a character that no reader sees is written by its number."""
    written = json.dumps(words, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def comment_word(words: str) -> str:
    """The string in a comment: on one line, in quotes where it is no plain word, and not long."""
    written = scalar(words)
    return written if len(written) <= _LONGEST_WORD else f"{written[: _LONGEST_WORD - 1]}…"


def _mapping_key(words: str) -> str:
    """The string as the key of a block mapping, up to and with its colon."""
    written = scalar(words)
    # A key on one line has at most 1,024 characters.
    return f"{written}:" if len(written) < 1000 else f"? {written}\n    :"


def _comment(sentence: str, start: str) -> str:
    """The sentence as comment lines; a break falls between words only."""
    words = " ".join(sentence.split())
    lines = textwrap.wrap(
        words, _WIDTH - len(start), break_long_words=False, break_on_hyphens=False
    )
    return "".join(f"{start}{line}\n" for line in lines)


def _pairs(values: Mapping[str, object], form: str) -> list[str]:
    return [form.format(comment_word(name), value) for name, value in values.items()]


@cache
def _template() -> Template:
    environment = Environment(  # noqa: S701 - YAML, and `scalar` writes what comes from the data
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "scalar": scalar,
        "quoted": quoted,
        "word": comment_word,
        "key": _mapping_key,
        "comment": _comment,
        "pairs": _pairs,
        "count": "{:,}".format,
    }
    return environment.get_template("project.yaml.j2")
