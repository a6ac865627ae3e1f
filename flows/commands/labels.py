"""`assayline labels`: a queue of rows for a reviewer, and his answers as a new label version.

Guarantees: the source is never written; a file of answers is applied whole or not at all, by one
command at a time; a test label that is changed is said to be.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import getpass
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.services.home import configure_environment, resolve_home
from tasks.errors import ProjectError
from tasks.label_review.files import overlay_path, reviews_path
from tasks.project import load_project

if TYPE_CHECKING:
    from tasks.label_review.answers import Applied
    from tasks.label_review.queue import Queue
    from tasks.project.loading import LoadedProject

_DESIGN = "design.json"


def command(options: argparse.Namespace) -> int:
    """Run the named part."""
    loaded = load_project(Path(options.project))
    home = resolve_home(loaded.path)
    configure_environment(home)
    parts = {"review": _review, "apply": _apply}
    document, sentences = parts[options.part](options, loaded, home)
    if options.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return 0


def _review(
    options: argparse.Namespace, loaded: LoadedProject, home: Path
) -> tuple[dict[str, Any], list[str]]:
    """Draw a queue from the newest run, and write it for a person."""
    from flows.runs.label_queue import draw_from_newest_run, write_queue

    drawn = draw_from_newest_run(loaded, home, options.count)
    queue = drawn.queue
    folder = Path(options.out) if options.out else home / "reviews" / queue.project / queue.id
    page = write_queue(drawn, folder, _designs(home, queue.project))
    document = {
        "project": queue.project,
        "queue": queue.id,
        "run_id": queue.run_id,
        "rows": len(queue.rows),
        "page": str(page),
    }
    sentences = [
        f"{len(queue.rows)} rows to review, suspects and rows drawn at random, mixed: {page}",
        f"then: assayline labels apply {options.project} ANSWERS",
    ]
    return document, sentences


def _apply(
    options: argparse.Namespace, loaded: LoadedProject, home: Path
) -> tuple[dict[str, Any], list[str]]:
    """Take a file of answers into the reviews and the overlay."""
    from tasks.label_review.answers import Said, queue_of, read_answers, take_answers
    from tasks.label_review.overlay import read_overlay, write_overlay
    from tasks.label_review.reviews import read_reviews, write_reviews

    path = Path(options.answers)
    answers = read_answers(path)
    queue = _find_queue(queue_of(answers), loaded.project.name, home, path.parent)
    overlay, reviews = overlay_path(loaded), reviews_path(loaded)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    who = options.name or getpass.getuser()
    with _locked(overlay.parent):
        said = Said(reviews=read_reviews(reviews), relabels=read_overlay(overlay))
        found = take_answers(answers, queue, said, name=who, when=now, revise=options.revise)
        # A run between the two sees answers whose corrections are not made yet, and says so.
        if found.reviews:
            write_reviews((*said.reviews, *found.reviews), reviews)
        if found.relabels:
            write_overlay((*said.relabels, *found.relabels), overlay)
    return _applied(found, queue, len(answers), overlay)


def _applied(
    found: Applied, queue: Queue, answers: int, overlay: Path
) -> tuple[dict[str, Any], list[str]]:
    sides = {row.key: row.side for row in queue.rows}
    changed = dict.fromkeys(("train", "dev", "test"), 0)
    for relabel in found.relabels:
        changed[sides[relabel.key]] += 1
    document = {
        "project": queue.project,
        "queue": queue.id,
        "answers": answers,
        "new_answers": len(found.reviews),
        "relabelled": changed,
        "overlay": str(overlay),
    }
    if not found.reviews and not found.relabels:
        return document, [f"nothing changed: all {answers} answers were applied before"]
    listed = ", ".join(f"{side} {count}" for side, count in changed.items())
    sentences = [f"{len(found.reviews)} new answers, {len(found.relabels)} new labels ({listed})"]
    if found.relabels:
        sentences.append(f"the new label version is {overlay}; the next run uses it")
    if changed["test"]:
        sentences.append(
            f"{changed['test']} of them are test labels: the next run judges on a new version of "
            "the test set, and scores the champion on it again"
        )
    return document, sentences


def _find_queue(name: str, project: str, home: Path, beside: Path) -> Queue:
    """The queue of that id: of this home, or beside the answers.

    Raises ProjectError where neither has it.
    """
    from tasks.label_review.queue import Queue

    safe = name.isalnum()
    for path in (_designs(home, project) / f"{name}.json", beside / _DESIGN):
        if safe and path.is_file():
            queue = Queue.read(path)
            if (queue.id, queue.project) == (name, project):
                return queue
    raise ProjectError(
        f"{project} has no review queue '{name}', neither in {home} nor in {beside / _DESIGN}; "
        "put the design.json that was written with the queue beside the answers"
    )


def _designs(home: Path, project: str) -> Path:
    return home / "projects" / project / "queues"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other commands from changing labels in the folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
