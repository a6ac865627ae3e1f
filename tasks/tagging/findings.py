"""The check on hand tags: how much of what was asked is answered, by whom, and what is not used."""

from __future__ import annotations

from tasks.checks import Check, Finding
from tasks.tagging.hand_tags import TaggedRows

_ID = "error_analysis.hand_tags"
_TITLE = "Dev rows tagged by people"
_NAMED = 5


def find_hand_tags(tagged: TaggedRows) -> Finding:
    """What the hand tags rest on: shown, not judged; not applicable where there are none."""
    if not tagged.answered:
        detail = (
            "Nobody tagged an error yet: 'assayline tag export' writes the errors and a sample of "
            "right answers as a page to tag in, and 'assayline tag apply' takes the answers."
        )
        return Finding(checks=(_check("not_applicable", None, 0, detail),))
    there = tagged.answered - tagged.stale
    people = ", ".join(tagged.who[:_NAMED]) + (", ..." if len(tagged.who) > _NAMED else "")
    sentences = [
        f"{tagged.answered} of the {tagged.asked} rows that were asked about are tagged, by "
        f"{people}; {_counted(len(tagged.tags), 'tag')} can be used."
    ]
    if tagged.stale:
        sentences.append(
            f"{_counted(tagged.stale, 'tagged row')} changed since or left dev, and "
            f"{'is' if tagged.stale == 1 else 'are'} not used."
        )
    if tagged.set_aside:
        sentences.append(
            f"{_counted(tagged.set_aside, 'answer')} to tags that were found on the way "
            f"{'is' if tagged.set_aside == 1 else 'are'} not used, because the rows before were "
            "not asked: go back to them on the page."
        )
    if tagged.later:
        sentences.append(
            f"{_counted(tagged.later, 'dev row')} came after the exports; the numbers of hand tags "
            "do not speak of them."
        )
    if tagged.withheld:
        sentences.append(f"Left out: {'; '.join(tagged.withheld)}.")
    outcome = "passed" if tagged.tags else "not_applicable"
    return Finding(
        summary=_counted(len(tagged.tags), "hand tag") if tagged.tags else "",
        checks=(_check(outcome, float(there), tagged.asked, " ".join(sentences)),),
    )


def _check(outcome: str, value: float | None, n: int, detail: str) -> Check:
    return Check(
        id=_ID,
        stage="error_analysis",
        title=_TITLE,
        severity="info",
        outcome="passed" if outcome == "passed" else "not_applicable",
        value=value,
        n=n,
        detail=detail,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
