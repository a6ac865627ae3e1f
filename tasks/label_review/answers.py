"""A file of answers, checked against its queue and against what people said before.

Guarantees: a file is taken whole or refused whole; two answers to one row that differ are refused
with both values; the answers that hold change nothing when they are taken again; a class is what
its exact text says, and blanks around it are forgiven only where no other class is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from tasks.errors import ConflictError, UsageError
from tasks.label_review import records
from tasks.label_review.overlay import Relabel, Settled, settle
from tasks.label_review.queue import Queue, QueueRow
from tasks.label_review.records import Answer, contradiction
from tasks.label_review.reviews import COLUMNS, UNSURE, Review


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


def read_answers(path: Path) -> tuple[Answer[str], ...]:
    """The answered rows of a file, all of one queue. Raises as `records.read_answers`."""

    def said_in(line: Mapping[str, str], _: str) -> dict[str, str] | None:
        return {"": line["answer"]} if line["answer"].strip() else None

    columns = ("queue", "key", "answer")
    return records.read_answers(path, columns, said_in, "the column 'answer' is empty")


def require_answerable(classes: Iterable[str]) -> None:
    """Raise UsageError for a class that no answer can name."""
    for name in classes:
        if name == UNSURE or not name.strip():
            meaning = "somebody is unsure" if name == UNSURE else "there is no answer"
            raise UsageError(
                f"the class '{name}' cannot be reviewed, because as an answer it says that "
                f"{meaning}; give it another name in the source"
            )


def take_answers(
    answers: Iterable[Answer[str]], queue: Queue, said: Said, *, name: str, when: str, revise: bool
) -> Applied:
    """What the answers add to what people said before.

    `name` stands for reviewers who gave none, `when` is an ISO time. With `revise` an answer
    replaces an earlier one that differs. Raises UsageError for a row that is not in the queue
    and for a class that the project has not; ConflictError for an answer that contradicts.
    """
    require_answerable(queue.classes)
    asked, answers = {row.key: row for row in queue.rows}, tuple(answers)
    queue.require(asked, (answer.key for answer in answers))
    earlier: dict[str, list[Review]] = {}
    for review in said.reviews:
        earlier.setdefault(review.key, []).append(review)
    settled = settle(said.relabels)
    reviews, relabels = [], []
    for found in answers:
        row = asked[found.key]
        answer = _known(found, row, queue)
        if not revise:
            before = earlier.get(row.key, [])
            _require_agreement(answer, row, before, settled.get(row.key), queue.rule)
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


def _known(answer: Answer[str], row: QueueRow, queue: Queue) -> Answer[str]:
    """The answer in the words of the queue."""
    said = _meant(answer.answer, (UNSURE, *queue.classes))
    if said is None:
        shown = ", ".join(queue.classes[:5]) + (", ..." if len(queue.classes) > 5 else "")
        raise UsageError(
            f"row {row.key} is answered '{answer.answer}', which is no class: there are {shown}, "
            f"and {UNSURE} for unsure; nothing was applied"
        )
    if answer.given and _meant(answer.given, queue.classes) != row.given:
        raise ConflictError(
            f"row {row.key} is said to have had the label '{answer.given}', and the queue showed "
            f"'{row.given}'; nothing was applied"
        )
    return replace(answer, said={"": said})


def _meant(text: str, names: Sequence[str]) -> str | None:
    """The name that the text is; else the only one that it is but for blanks around."""
    if text in names:
        return text
    alike = [name for name in names if name.strip() == text.strip()]
    return alike[0] if len(alike) == 1 else None


def _require_agreement(
    answer: Answer[str],
    row: QueueRow,
    earlier: Sequence[Review],
    settled: Settled | None,
    rule: str,
) -> None:
    """Raise ConflictError where another answer, or the overlay, says something else."""
    if answer.answer == UNSURE:
        return
    other = _holding(answer, row, earlier, rule)
    if other is not None and other.answer != answer.answer:
        given = (other.who, other.answer, other.when)
        raise contradiction(row.key, "", answer.answer, *given)
    if settled is not None and settled.new not in (answer.answer, row.given):
        raise ConflictError(
            f"row {row.key} is answered '{answer.answer}', and the overlay has made it "
            f"'{settled.new}' since; nothing was applied: settle it, or replace the earlier "
            "correction with --revise"
        )


def _holding(
    answer: Answer[str], row: QueueRow, earlier: Sequence[Review], rule: str
) -> Review | None:
    """The last review of the row that the answer has to agree with; those before it are replaced.

    One that followed another version of the label rules binds nobody.
    An earlier queue may have asked about the label that this one's answer corrects again: it
    counts only where it showed the same label. A queue that was answered after this one counts.
    """
    held, own = None, False
    for one in earlier:
        own = own or one.queue == answer.design
        if one.answer != UNSURE and one.rule == rule and (own or one.given == row.given):
            held = one
    return held


def _as_review(answer: Answer[str], row: QueueRow, queue: Queue, *, name: str, when: str) -> Review:
    shared = (one.name for one in fields(QueueRow) if one.name in COLUMNS)
    return Review(
        **{name: getattr(row, name) for name in shared},
        queue=queue.id,
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
    answer: Answer[str], row: QueueRow, settled: Mapping[str, Settled]
) -> tuple[str, str] | None:
    """The label today and the answer, where they differ."""
    now = settled[row.key].new if row.key in settled else row.given
    return None if answer.answer in (UNSURE, now) else (now, answer.answer)
