"""A file of answers, checked against its queue and against what people said before.

Guarantees: a file is taken whole or refused whole; two answers to one row that differ are refused
with both values; answers that were taken before change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import AssaylineError, ProjectError
from tasks.label_review.overlay import Relabel, Settled, settle
from tasks.label_review.queue import Queue, QueueRow
from tasks.label_review.reviews import UNSURE, Review
from tasks.label_review.tables import read_table


class ConflictError(AssaylineError):
    """Two people, or two answers of one, say different things about a label."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one line of the file says; `given` is the label that the reviewer was shown, if any."""

    queue: str
    key: str
    answer: str
    given: str = ""
    who: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Applied:
    """What a file of answers adds to the reviews and to the overlay; nothing where it is known."""

    reviews: tuple[Review, ...]
    relabels: tuple[Relabel, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What people said before: their reviews and the overlay."""

    reviews: Sequence[Review]
    relabels: Sequence[Relabel]


def read_answers(path: Path) -> tuple[Answer, ...]:
    """The answered lines of a file; lines without an answer are left out.

    Raises ProjectError for a file that is no table of answers, or has none, and ConflictError
    where it answers one row twice, differently.
    """
    if not path.is_file():
        raise ProjectError(f"no answers at {path}; name the file that the review page saved")
    names = ("given", "who", "comment")
    found: dict[tuple[str, str], Answer] = {}
    for row in read_table(path, ("queue", "key", "answer"), "file of answers"):
        said = row["answer"].strip()
        if not said:
            continue
        more = {name: row.get(name, "") for name in names}
        answer = Answer(queue=row["queue"], key=row["key"], answer=said, **more)
        before = found.setdefault((answer.queue, answer.key), answer)
        if before.answer != said:
            raise ConflictError(
                f"{path} answers row {answer.key} twice: {before.answer} and {said}; keep one"
            )
    if not found:
        raise ProjectError(f"{path} has no answers: the column 'answer' is empty")
    return tuple(found.values())


def queue_of(answers: Sequence[Answer]) -> str:
    """The id of the queue that a file answers. Raises ProjectError for several."""
    names = sorted({answer.queue for answer in answers})
    if len(names) > 1:
        raise ProjectError(f"the answers are to {len(names)} queues ({', '.join(names[:5])})")
    return names[0]


def take_answers(
    answers: Iterable[Answer], queue: Queue, said: Said, *, name: str, when: str, revise: bool
) -> Applied:
    """What the answers add to what people said before.

    `name` stands for reviewers who gave none, `when` is an ISO time. With `revise` an answer
    replaces an earlier one that differs. Raises ProjectError for a row that is not in the queue
    and for a class that the project has not; ConflictError for an answer that contradicts.
    """
    asked = {row.key: row for row in queue.rows}
    earlier: dict[str, list[Review]] = {}
    for review in said.reviews:
        earlier.setdefault(review.key, []).append(review)
    settled = settle(said.relabels)
    reviews, relabels = [], []
    for answer in answers:
        row = asked.get(answer.key)
        if row is None:
            raise ProjectError(f"row {answer.key} is not in queue {queue.id}; nothing was applied")
        _require_known(answer, row, queue)
        before = [one for one in earlier.get(row.key, []) if one.answer != UNSURE]
        if not revise:
            _require_agreement(answer, row, before, settled.get(row.key))
        review = _as_review(answer, row, queue, name=name, when=when)
        if _adds(review, earlier.get(row.key, [])):
            reviews.append(review)
        change = _change(answer, row, settled)
        if change is not None:
            old, new = change
            rule = f"{new}@{queue.rule}" if queue.rule else ""
            about = {"rule": rule, "reason": answer.comment or "review", "run_id": queue.run_id}
            who = answer.who or name
            relabels.append(Relabel(key=row.key, old=old, new=new, who=who, when=when, **about))
    return Applied(tuple(reviews), tuple(relabels))


def _require_known(answer: Answer, row: QueueRow, queue: Queue) -> None:
    if answer.answer != UNSURE and answer.answer not in queue.classes:
        shown = ", ".join(queue.classes[:5]) + (", ..." if len(queue.classes) > 5 else "")
        raise ProjectError(
            f"row {row.key} is answered '{answer.answer}', which is no class: there are {shown}, "
            f"and {UNSURE} for unsure; nothing was applied"
        )
    if answer.given and answer.given != row.given:
        raise ConflictError(
            f"row {row.key} is said to have had the label '{answer.given}', and the queue showed "
            f"'{row.given}'; nothing was applied"
        )


def _require_agreement(
    answer: Answer, row: QueueRow, before: Sequence[Review], settled: Settled | None
) -> None:
    """Raise ConflictError where another answer, or the overlay, says something else."""
    if answer.answer == UNSURE:
        return
    # An earlier queue may have asked about the label that this one's answer corrects again.
    others = [one for one in before if one.queue == answer.queue or one.given == row.given]
    for other in others:
        if other.answer != answer.answer:
            raise ConflictError(
                f"row {row.key} is answered '{answer.answer}', and {other.who} answered "
                f"'{other.answer}' on {other.when[:10]}; nothing was applied: settle it, or "
                "replace the earlier answer with --revise"
            )
    if settled is not None and settled.new not in (answer.answer, row.given):
        raise ConflictError(
            f"row {row.key} is answered '{answer.answer}', and the overlay has made it "
            f"'{settled.new}' since; nothing was applied: settle it, or replace the earlier "
            "correction with --revise"
        )


def _as_review(answer: Answer, row: QueueRow, queue: Queue, *, name: str, when: str) -> Review:
    return Review(
        queue=queue.id,
        key=row.key,
        side=row.side,
        stratum=row.stratum,
        stratum_rows=row.stratum_rows,
        side_rows=row.side_rows,
        known_rows=row.known_rows,
        flagged=row.flagged,
        given=row.given,
        answer=answer.answer,
        who=answer.who or name,
        when=when,
        rule=queue.rule,
        run_id=queue.run_id,
        comment=answer.comment,
    )


def _adds(review: Review, earlier: Sequence[Review]) -> bool:
    """Whether the answer says more than the last one to the same row of the same queue."""
    same = [one.answer for one in earlier if one.queue == review.queue]
    if not same:
        return True
    return review.answer not in (UNSURE, same[-1])


def _change(
    answer: Answer, row: QueueRow, settled: Mapping[str, Settled]
) -> tuple[str, str] | None:
    """The label today and the answer, where they differ."""
    now = settled[row.key].new if row.key in settled else row.given
    return None if answer.answer in (UNSURE, now) else (now, answer.answer)
