"""`assayline labels`: a queue of rows for a reviewer; answers, or the consensus, as new labels.

Guarantees: the source is never written; a file of answers is applied whole or not at all, by one
command at a time; a test label that is changed is said to be, and no model changes one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.annotating import Told, answered_by, find_design, now, places_of, run_part
from flows.commands.locking import locked
from tasks.errors import UsageError
from tasks.label_review.files import overlay_path, reviews_path
from tasks.project import load_project

if TYPE_CHECKING:
    import pandas as pd

    from flows.runs.label_queue import FoundConsensus
    from tasks.label_review.answers import Applied
    from tasks.label_review.consensus import Taken
    from tasks.label_review.overlay import Relabel
    from tasks.label_review.queue import Queue
    from tasks.project.loading import LoadedProject

_BY_MODEL = "model_assisted"


def command(options: argparse.Namespace) -> int:
    """Run the named part."""
    loaded = load_project(Path(options.project))
    if loaded.project.task == "regression":
        raise UsageError(
            f"labels are reviewed where they are classes, and {loaded.path.name} is a regression"
        )
    return run_part(options, loaded, {"review": _review, "apply": _apply, "consensus": _consensus})


def _review(options: argparse.Namespace, loaded: LoadedProject, home: Path) -> Told:
    """Draw a queue from the newest run, and write it for a person."""
    from flows.runs.label_queue import draw_from_newest_run, write_queue
    from tasks.label_review.answers import require_answerable

    drawn = draw_from_newest_run(loaded, home, options.count)
    queue = drawn.queue
    require_answerable(queue.classes)
    page = write_queue(drawn, *places_of(queue, options, home))
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


def _apply(options: argparse.Namespace, loaded: LoadedProject, home: Path) -> Told:
    """Take a file of answers into the reviews and the overlay."""
    from tasks.label_review.answers import Said, read_answers, take_answers
    from tasks.label_review.overlay import read_overlay, write_overlay
    from tasks.label_review.queue import Queue
    from tasks.label_review.reviews import read_reviews, write_reviews

    path = Path(options.answers)
    answers = read_answers(path)
    queue = find_design(Queue, answers[0].design, loaded, home, path.parent)
    overlay, reviews = overlay_path(loaded), reviews_path(loaded)
    with locked(overlay.parent, reviews.parent):
        said = Said(reviews=read_reviews(reviews), relabels=read_overlay(overlay))
        found = take_answers(answers, queue, said, **answered_by(options))
        # A run between the two sees answers whose corrections are not made yet, and says so.
        if found.reviews:
            write_reviews((*said.reviews, *found.reviews), reviews)
        if found.relabels:
            write_overlay((*said.relabels, *found.relabels), overlay)
    return _applied(found, queue, len(answers), overlay)


def _consensus(options: argparse.Namespace, loaded: LoadedProject, home: Path) -> Told:
    """Take the consensus of the annotators into the overlay."""
    from flows.runs.label_queue import consensus_of_newest_run
    from tasks.label_review.consensus import take_consensus
    from tasks.label_review.overlay import read_overlay, write_overlay

    overlay = overlay_path(loaded)
    sides = ("train", "dev", "test") if options.test else ("train", "dev")
    with locked(overlay.parent, reviews_path(loaded).parent):
        given = consensus_of_newest_run(loaded, home, now())
        if options.test and given.method == _BY_MODEL:
            raise UsageError(
                f"the consensus of {loaded.project.name} is {_BY_MODEL}, and a model may not set "
                "test labels: choose another 'labels.consensus' and run, or leave --test out"
            )
        before = read_overlay(overlay)
        found = take_consensus(
            given.consensus,
            given.quality,
            before,
            given.reviewed,
            sides=sides,
            least=options.least,
            about=given.about,
        )
        if found.relabels:
            write_overlay((*before, *found.relabels), overlay)
    return _taken(found, given, loaded.project.name, options.least, overlay)


def _taken(found: Taken, given: FoundConsensus, project: str, least: float, overlay: Path) -> Told:
    changed = _by_side(found.relabels, given.quality["side"])
    left = {"by_person": found.by_person, "tied": found.tied, "weak": found.weak}
    document = {
        "project": project,
        "run_id": given.about.run_id,
        "relabelled": changed,
        "left": left,
        "overlay": str(overlay),
    }
    sentences = [
        f"{len(found.relabels)} labels became the consensus ({_listed(changed)}); left as they "
        f"were: {found.tied} ties, {found.weak} of a confidence below {least:g}, "
        f"{found.by_person} that a person reviewed",
        *_what_follows(changed, overlay),
    ]
    return document, sentences


def _applied(found: Applied, queue: Queue, answers: int, overlay: Path) -> Told:
    changed = _by_side(found.relabels, {row.key: row.side for row in queue.rows})
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
    sentences = [
        f"{len(found.reviews)} new answers, {len(found.relabels)} new labels ({_listed(changed)})",
        *_what_follows(changed, overlay),
    ]
    return document, sentences


def _by_side(relabels: Sequence[Relabel], sides: Mapping[str, str] | pd.Series) -> dict[str, int]:
    """How many labels changed on each side."""
    counts = Counter(str(sides[relabel.key]) for relabel in relabels)
    return {side: counts[side] for side in ("train", "dev", "test")}


def _listed(changed: Mapping[str, int]) -> str:
    return ", ".join(f"{side} {count}" for side, count in changed.items())


def _what_follows(changed: Mapping[str, int], overlay: Path) -> list[str]:
    """What the next run makes of new labels."""
    sentences = []
    if any(changed.values()):
        sentences.append(f"the new label version is {overlay}; the next run uses it")
    if changed["test"]:
        sentences.append(
            f"{changed['test']} of them are test labels: the next run judges on a new version of "
            "the test set, and scores the champion on it again"
        )
    return sentences
