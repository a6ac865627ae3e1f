"""What the commands have in common that ask people about rows and take their answers in.

Guarantee: a design is found by its id and project, wherever the answers were written.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from flows.services.home import configure_environment, resolve_home
from flows.terminal import print_json
from tasks.errors import NotFoundError
from tasks.label_review.design import DESIGN, Design
from tasks.moments import timestamp
from tasks.project.loading import LoadedProject

Told = tuple[dict[str, Any], list[str]]
"""What a command did: one JSON document, and sentences."""
Part = Callable[[argparse.Namespace, LoadedProject, Path], Told]
Kind = TypeVar("Kind", bound=Design)
_FOLDERS = {"queue": ("reviews", "queues"), "export": ("tags", "tag_exports")}
"""By kind of design: where people find it in the home, and where copies are kept of a project."""


def run_part(options: argparse.Namespace, loaded: LoadedProject, parts: Mapping[str, Part]) -> int:
    """Run the named part in the project's home, and tell what it did."""
    home = resolve_home(loaded.path)
    configure_environment(home)
    document, sentences = parts[options.part](options, loaded, home)
    if options.json:
        print_json(document)
    else:
        sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return 0


def places_of(design: Design, options: argparse.Namespace, home: Path) -> tuple[Path, Path]:
    """The folder for people to find the design in, and that of the copies."""
    shown, copies = _FOLDERS[design.word]
    folder = Path(options.out) if options.out else home / shown / design.project / design.id
    return folder, home / "projects" / design.project / copies


def find_design(
    kind: type[Kind],
    name: str,
    loaded: LoadedProject,
    home: Path,
    beside: Path,
    known: Iterable[Kind] = (),
) -> Kind:
    """The design of that id: one that is `known`, of this home, or `beside` the answers.

    Raises NotFoundError where none has it.
    """
    project = loaded.project.name
    for one in known:
        if one.id == name:
            return one
    copies = home / "projects" / project / _FOLDERS[kind.word][1]
    for path in (copies / f"{name}.json", beside / DESIGN):
        if name.isalnum() and path.is_file():
            found = kind.read(path)
            if (found.id, found.project) == (name, project):
                return found
    raise NotFoundError(
        f"{project} has no {kind.called} '{name}', neither in {home} nor in {beside / DESIGN}; put "
        f"the design.json that was written with the {kind.word} beside the answers"
    )


def now() -> str:
    """The time as answers have it."""
    return timestamp()


def answered_by(options: argparse.Namespace) -> dict[str, Any]:
    """Who answered where a file does not say, when, and whether earlier answers are replaced."""
    return {"name": options.name or getpass.getuser(), "when": now(), "revise": options.revise}
