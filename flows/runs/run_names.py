"""What a run is called in the Prefect and MLflow UIs, and the tags that its lists are filtered by.

Guarantees: a name that a person gave stays; every other name says project, time and verdict once
they are known; the tags name the verdict, so that a list can be filtered by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coolname import data

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma "
    "tau upsilon phi chi psi omega"
)
_STAR = re.compile(rf"(?:{'|'.join(_GREEK.split())})\d*-[a-z]+(?:-[a-z]+)*")
"""What the form of Prefect's UI fills in, such as zeta-andromedae-prime."""


def first_name(given: str, project_file: str) -> str:
    """The name of a run that begins: the one that was typed, else the project file and its folder.

    The file and its folder tell one project's runs from another's before the file is read.
    """
    return "/".join(Path(project_file).parts[-2:]) if is_drawn(given) else given


def is_first_name(name: str, project_file: str) -> bool:
    """Whether the run still has the name that we gave it at its beginning."""
    return name == first_name("", project_file)


def is_drawn(name: str) -> bool:
    """Whether Prefect drew the name by chance: its server from two words, its form from stars."""
    return not name or _is_of_drawn_words(name) or _STAR.fullmatch(name) is not None


def describe_run(document: Mapping[str, Any]) -> str:
    """A finished run in a line: `loans 22:10 promote v2`; the time is that of its id, in UTC."""
    clock = document["run_id"][9:13]
    parts = [document["project"], f"{clock[:2]}:{clock[2:]}", *_words(document)]
    return " ".join(parts)


def verdict_tags(document: Mapping[str, Any]) -> list[str]:
    """The tags of a finished run: `verdict:promote`, and what became of it."""
    tags = [f"verdict:{document['verdict'] or 'refused'}"]
    if document["standing"] == "pending":
        tags.append("awaiting-signature")
    if document["unchanged_since"] is not None:
        tags.append("unchanged")
    return tags


def _is_of_drawn_words(name: str) -> bool:
    lists: Mapping[str, Any] = data.config
    known = {word for part in lists.values() for word in part.get("words", ())}
    words = name.split("-")
    return len(words) > 1 and known.issuperset(words)


def _words(document: Mapping[str, Any]) -> list[str]:
    words = [document["verdict"] or "refused"]
    if document["candidate_version"] is not None:
        words.append(f"v{document['candidate_version']}")
    if document["standing"] == "pending":
        words.append("unsigned")
    if document["unchanged_since"] is not None:
        words.append("unchanged")
    return words
