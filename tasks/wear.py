"""How many judgements have today's test rows seen before this one?

Guarantees: judgements are counted by rows, so that another epoch, another name of the project, a
corrected label, a dropped or a copied row give nothing back, and new rows do in proportion; a
judgement whose rows are not known counts whole; the same judgement again, and the same under other
limits, counts once and keeps its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.ledger_entries import JUDGEMENTS, Entry
from tasks.row_marks import RowMarks, known_share


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An entry that a ledger holds, with the text of the rows that it was judged on."""

    entry: Entry
    rows: str = ""


@dataclass(frozen=True, kw_only=True)
class EarlierJudgement:
    """One that some of today's test rows lay before: `share` of them."""

    project: str
    entry: int
    action: str
    version: str
    epoch: str
    share: float


@dataclass(frozen=True, kw_only=True)
class Wear:
    """The judgements that today's test rows have seen, oldest first, in the order of ledgers.

    `epoch` and `project` are today's.
    """

    project: str = ""
    epoch: str = "1"
    earlier: tuple[EarlierJudgement, ...] = ()

    @property
    def judgements(self) -> float:
        """How many by rows, this one included; a judgement of half of today's rows is a half."""
        return round(1 + sum(one.share for one in self.earlier), 6)

    @property
    def in_number(self) -> int:
        """How many that share any row, this one included."""
        return 1 + len(self.earlier)

    @property
    def elsewhere(self) -> str:
        """In words, how many of them were under other epochs and other names; empty for none."""
        names: dict[str, int] = {}
        for one in self.earlier:
            if one.project != self.project:
                names[one.project] = names.get(one.project, 0) + 1
        said = [f"{number} under the name {name}" for name, number in sorted(names.items())]
        own = [one for one in self.earlier if one.project == self.project]
        epochs = sorted({one.epoch for one in own if one.epoch not in ("", self.epoch)})
        if epochs:
            count = sum(one.epoch in epochs for one in own)
            said.append(f"{count} under split.epoch {', '.join(epochs)}")
        return ", ".join(said)

    def facts(self) -> dict[str, Any]:
        """A JSON value that `from_facts` reads back."""
        return {
            "project": self.project,
            "epoch": self.epoch,
            "earlier": [asdict(one) for one in self.earlier],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Wear:
        """What `facts` gave."""
        earlier = tuple(EarlierJudgement(**one) for one in facts["earlier"])
        return cls(project=facts["project"], epoch=facts["epoch"], earlier=earlier)


def question_of(entry: Entry) -> str:
    """What a judgement asked; entries of before questions were kept are told by their model."""
    return entry.question or f"{entry.model_digest} {entry.test_version}"


def count_questions(entries: Sequence[Entry], question: str) -> int:
    """The place of a question among the distinct ones of a ledger; the next where it is new."""
    seen: dict[str, None] = {}
    for entry in entries:
        if entry.action in JUDGEMENTS:
            if question_of(entry) == question:
                break
            seen.setdefault(question_of(entry))
    return len(seen) + 1


def measure_wear(
    own: Sequence[Recorded],
    others: Sequence[Recorded],
    *,
    project: str,
    epoch: str,
    question: str,
    test: RowMarks,
) -> Wear:
    """The judgements before the first one of `question`, in this ledger and in `others`.

    `test` marks today's test rows. A question is asked before all judgements that are recorded
    after it, so that asking it again finds the same.
    """
    earlier: dict[tuple[str, str], EarlierJudgement] = {}
    until = None
    for one in own:
        if one.entry.action in JUDGEMENTS:
            if question_of(one.entry) == question:
                until = one.entry.when
                break
            _count(earlier, one, test, project)
    for one in others:
        if one.entry.action in JUDGEMENTS and (until is None or one.entry.when < until):
            _count(earlier, one, test, project)
    found = sorted(
        earlier.values(), key=lambda one: (one.project != project, one.project, one.entry)
    )
    return Wear(project=project, epoch=epoch, earlier=tuple(found))


def _count(
    earlier: dict[tuple[str, str], EarlierJudgement], one: Recorded, test: RowMarks, project: str
) -> None:
    entry = one.entry
    place = (entry.project, question_of(entry))
    share = _share(one, test, same_project=entry.project == project)
    if share <= 0 or (place in earlier and earlier[place].share >= share):
        return
    earlier[place] = EarlierJudgement(
        project=entry.project,
        entry=entry.sequence,
        action=entry.action,
        version=entry.candidate_version or "",
        epoch=entry.epoch,
        share=round(share, 6),
    )


def _share(one: Recorded, test: RowMarks, *, same_project: bool) -> float:
    """The share of today's test rows that lay before the judgement; 1 where it cannot be known."""
    kept = one.entry.rows_digest
    if not kept:
        # Of before rows were kept: of this project's table for sure, of another's not.
        return 1.0 if same_project else 0.0
    if hashlib.sha256(one.rows.encode()).hexdigest() != kept:
        return 1.0
    try:
        return known_share(test, RowMarks.parse(one.rows), same_project=same_project)
    except (ValueError, KeyError, TypeError):
        return 1.0
