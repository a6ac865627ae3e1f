"""What reaches a terminal: text without the characters that it would act on.

Guarantees: names, keys, columns and sentences of a project file or of data, whoever prints them,
move no cursor, set no title and hide no text; what Assayline itself draws goes round the filter by
`unfiltered`, and filters the words in it.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

_OBEYED = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor, screen
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, clipboards, device strings
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]"  # what is left of them, and every other control
    r"|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # the direction of text, which can turn it round
)


def plain(text: str) -> str:
    """The text without what a terminal obeys; lines and tabs stay."""
    return _OBEYED.sub("", text)


def plain_words(text: str) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


class _PlainStream:
    """A stream that filters what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self.unfiltered = stream

    def write(self, text: str) -> int:
        """Write the text without what a terminal obeys."""
        self.unfiltered.write(plain(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


def print_json(document: object) -> None:
    """What `--json` promises: one document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")


def unfiltered(stream: TextIO) -> TextIO:
    """The stream below the filter, for what draws by itself."""
    return cast(TextIO, getattr(stream, "unfiltered", stream))


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """Filter standard output and standard error of this process meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _PlainStream(one)) for one in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
