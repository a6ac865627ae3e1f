"""`assayline tag`: errors and right answers for a person to tag; the tags taken in.

Guarantees: a file of tags is applied whole or not at all, by one command at a time; what a tagged
row stands for is kept beside the tags, so that they can be used in any home.
"""

from __future__ import annotations

import argparse
import datetime
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.locking import locked
from flows.services.home import configure_environment, resolve_home
from tasks.errors import NotFoundError
from tasks.label_review.files import tag_exports_path, tags_path
from tasks.project import load_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.project.loading import LoadedProject
    from tasks.tagging.exports import Export
    from tasks.tagging.said import TagAnswer


def command(options: argparse.Namespace) -> int:
    """Run the named part."""
    loaded = load_project(Path(options.project))
    home = resolve_home(loaded.path)
    configure_environment(home)
    parts = {"export": _export, "apply": _apply}
    document, sentences = parts[options.part](options, loaded, home)
    if options.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return 0


def _export(
    options: argparse.Namespace, loaded: LoadedProject, home: Path
) -> tuple[dict[str, Any], list[str]]:
    """Draw dev rows of the newest run, and write them for a person."""
    from flows.runs.tag_export import draw_from_newest_run, write_export

    drawn = draw_from_newest_run(loaded, home, options.count)
    export = drawn.export
    folder = Path(options.out) if options.out else home / "tags" / export.project / export.id
    page = write_export(drawn, folder, _designs(home, export.project))
    document = {
        "project": export.project,
        "export": export.id,
        "run_id": export.run_id,
        "rows": {one.name: one.drawn for one in export.strata},
        "of": {one.name: one.rows for one in export.strata},
        "tags": list(export.tags),
        "page": str(page),
    }
    listed = " and ".join(f"{one.drawn} of {one.rows} {one.name}" for one in export.strata)
    sentences = [
        f"{len(export.rows)} dev rows to tag ({listed}): {page}",
        f"then: assayline tag apply {options.project} ANSWERS",
    ]
    return document, sentences


def _apply(
    options: argparse.Namespace, loaded: LoadedProject, home: Path
) -> tuple[dict[str, Any], list[str]]:
    """Take a file of tags in."""
    from tasks.tagging.answers import read_answers, take_answers
    from tasks.tagging.exports import read_exports, write_exports
    from tasks.tagging.hand_tags import HandTags
    from tasks.tagging.said import read_said, write_said

    path = Path(options.answers)
    name, answers = read_answers(path)
    tags, exports = tags_path(loaded), tag_exports_path(loaded)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    who = options.name or getpass.getuser()
    with locked(tags.parent):
        known, said = read_exports(exports), read_said(tags)
        HandTags.read(tags, exports)
        export = _find_export(name, loaded.project.name, known, home, path.parent)
        added = take_answers(answers, export, said, name=who, when=now, revise=options.revise)
        # A design without answers says nothing; answers without their design could not be used.
        if added and export.id not in {one.id for one in known}:
            write_exports((*known, export), exports)
        if added:
            write_said((*said, *added), tags)
    return _applied(export, (*said, *added), added, len(answers), tags)


def _applied(
    export: Export,
    said: Sequence[TagAnswer],
    added: Sequence[TagAnswer],
    answered: int,
    tags: Path,
) -> tuple[dict[str, Any], list[str]]:
    from tasks.tagging.said import by_row, tags_of

    rows = {row.key for row in export.rows}
    there = {one.row_key for one in said if one.export == export.id} & rows
    tags_said = tags_of(said)
    document = {
        "project": export.project,
        "export": export.id,
        "rows": answered,
        "new_answers": len(added),
        "answered": len(there),
        "asked": len(rows),
        "tags": list(tags_said),
        "file": str(tags),
    }
    if not added:
        return document, [f"nothing changed: all {answered} rows were applied before"]
    holding = by_row(said).values()
    only_yes = [tag for tag in tags_of(said) if all(row[tag].has for row in holding if tag in row)]
    sentences = [
        f"{len(added)} new answers to {len(tags_said)} tags; {len(there)} of the "
        f"{len(rows)} rows of the export are answered; the next run uses {tags}"
    ]
    if only_yes:
        sentences.append(
            f"every answer to '{only_yes[0]}' is yes, so nothing can be estimated of it: answer no "
            "for the rows without it (an empty cell says that nobody looked)"
        )
    return document, sentences


def _find_export(
    name: str, project: str, known: Sequence[Export], home: Path, beside: Path
) -> Export:
    """The design of that id: applied before, of this home, or beside the answers.

    Raises NotFoundError where none has it.
    """
    from flows.runs.tag_export import DESIGN
    from tasks.tagging.exports import Export

    for export in known:
        if export.id == name:
            return export
    for path in (_designs(home, project) / f"{name}.json", beside / DESIGN):
        if name.isalnum() and path.is_file():
            export = Export.read(path)
            if (export.id, export.project) == (name, project):
                return export
    raise NotFoundError(
        f"{project} has no tag export '{name}', neither in {home} nor in {beside / DESIGN}; put "
        "the design.json that was written with the page beside the answers"
    )


def _designs(home: Path, project: str) -> Path:
    return home / "projects" / project / "tag_exports"
