"""`assayline tag`: errors and right answers for a person to tag; the tags taken in.

Guarantees: a file of tags is applied whole or not at all, by one command at a time; what a tagged
row stands for is kept beside the tags, so that they can be used in any home.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.annotating import Told, answered_by, find_design, places_of, run_part
from flows.commands.locking import locked
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
    return run_part(options, loaded, {"export": _export, "apply": _apply})


def _export(options: argparse.Namespace, loaded: LoadedProject, home: Path) -> Told:
    """Draw dev rows of the newest run, and write them for a person."""
    from flows.runs.tag_export import draw_from_newest_run, write_export

    drawn = draw_from_newest_run(loaded, home, options.count)
    export = drawn.export
    page = write_export(drawn, *places_of(export, options, home))
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


def _apply(options: argparse.Namespace, loaded: LoadedProject, home: Path) -> Told:
    """Take a file of tags in."""
    from tasks.tagging.answers import read_answers, take_answers
    from tasks.tagging.exports import Export, read_exports, write_exports
    from tasks.tagging.hand_tags import HandTags
    from tasks.tagging.said import read_said, write_said

    path = Path(options.answers)
    answers = read_answers(path)
    tags, exports = tags_path(loaded), tag_exports_path(loaded)
    with locked(tags.parent):
        known, said = read_exports(exports), read_said(tags)
        HandTags.read(tags, exports)
        export = find_design(Export, answers[0].design, loaded, home, path.parent, known)
        added = take_answers(answers, export, said, **answered_by(options))
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
) -> Told:
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
