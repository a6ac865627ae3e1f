"""What is worth working on next: room for improvement times share of the data.

The method is Andrew Ng's error analysis: a tag is worth the accuracy that the whole would gain
if the rows with the tag were brought up to the level known to be reachable,

    gain = max(0, reference accuracy - accuracy within the tag) * share of the data with the tag,

and that times the importance which the project declares for it. How easy the team says the work is
stands beside it and is not reckoned with.

**The interval** of a gain takes in the uncertainty of both factors; the reference and the
importance are taken as they are. Of a small tag the share is often the less certain of the two (20
rows of 2,000: between 0.65 and 1.5 %), and left out it would rank tags by hand, where both are
estimated, behind rules for no reason. Where a tag is known of every row, the two Wilson intervals
are squared and added over the linearised product (Zou and Donner, Statistics in Medicine 27 (2008)
1693): the error rate among n rows and their number n are uncorrelated. Else the draws of the
bootstrap hold both. Tags are ranked by the lower bound, so that a small tag must be bad beyond
chance to come first. A gain says what success would be worth, not how hard it is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.error_analysis.references import Reference, choose_reference, people_by_tag
from tasks.error_analysis.tags import Tag
from tasks.errors import ProjectFileError
from tasks.intervals import Estimate
from tasks.messages import did_you_mean, listed, nearest_name
from tasks.project.analysis_sections import Work

__all__ = [
    "Priority",
    "Reference",
    "choose_reference",
    "describe",
    "people_by_tag",
    "priority",
    "rank_tags",
    "require_known",
    "to_fact",
]

_A_TYPO = 0.8
"""Names as alike as this are one name, mistyped: "people noise" and "car noise" are two."""


@dataclass(frozen=True)
class Priority:
    """A tag with its room (accuracy, 0 to 1) and gain (points of accuracy over all rows).

    `low` and `high` are the interval of the gain, before the importance of the work.
    """

    tag: Tag
    reference: Reference
    room: Estimate
    gain_points: float
    low: float
    high: float
    work: Work = field(default_factory=Work)

    @property
    def worth(self) -> tuple[float, float, float]:
        """The gain times its importance, with its interval."""
        factor = self.work.importance
        return self.gain_points * factor, self.low * factor, self.high * factor


def priority(reference: float, accuracy: float, share: float) -> float:
    """Points of overall accuracy won if rows of this `share` went from `accuracy` to `reference`.

    All three are shares in [0, 1]; the result is in percentage points and never negative.
    """
    return max(0.0, reference - accuracy) * share * 100


def require_known(
    work: Iterable[str], known: Collection[str], hand_tags: Collection[str] = ()
) -> tuple[str, ...]:
    """The names of declared work that no tag has now, where that may be.

    `hand_tags` are the tags that people ever gave, whether they can be used or not: such tags come
    and go, and with them the work. Raises ProjectFileError for a name that is no tag where nobody
    gave one, and for one that is a tag's name mistyped.
    """
    absent = [name for name in work if name not in known]
    there = sorted({*known, *hand_tags})
    for name in absent:
        slip = name not in hand_tags and nearest_name(name, there, cutoff=_A_TYPO)
        if hand_tags and not slip:
            continue
        hint = did_you_mean(name, there, f"there are {listed(there)}")
        raise ProjectFileError(
            f"error_analysis.work names the tag '{name}', which is neither a slice, a tag nor "
            f"given by hand; {hint}"
        )
    return tuple(absent)


def rank_tags(
    tags: Iterable[Tag],
    reference: Reference,
    min_rows: int,
    by_tag: Mapping[str, Reference] | None = None,
    work: Mapping[str, Work] | None = None,
) -> list[Priority]:
    """Tags with enough rows by the lower bound of their worth, then worth, then name.

    A tag that every row has says nothing about where the errors are, and is left out. `by_tag`
    goes before `reference`.
    """
    own, declared = by_tag or {}, work or {}
    judged = [
        _priority(tag, own.get(tag.name, reference), declared.get(tag.name, Work()))
        for tag in tags
        if not tag.why_not_ranked(min_rows)
    ]
    return sorted(judged, key=lambda p: (-p.worth[1], -p.worth[0], p.tag.name))


def describe(found: Priority) -> str:
    """The priority in one sentence for a reader who sees nothing else."""
    tag, reference = found.tag, found.reference
    overall, rate = tag.errors / tag.rows, tag.error_rate.value
    shares = _share(tag.share.value), _share(tag.share_of_errors.value)
    removed = round(found.room.value * tag.share.value * tag.rows)
    noun = "error" if removed == 1 else "errors"
    reaching = (
        f"reaching {reference.accuracy:.1%} right ({reference.name}) would remove {removed} {noun} "
        f"and win {found.gain_points:.1f} points of accuracy."
    )
    if tag.complete:
        return (
            f"Rows with {tag.name} are {shares[0]} of the dev data and {shares[1]} of its errors: "
            f"{tag.wrong} of {tag.n} are predicted wrongly ({rate:.1%}, against {overall:.1%} over "
            f"all); {reaching}"
        )
    return (
        f"Rows with {tag.name} are an estimated {shares[0]} of the dev data and {shares[1]} of its "
        f"errors, by the {tag.known:,} of {tag.rows:,} rows that were looked at: {rate:.1%} of "
        f"them are predicted wrongly (against {overall:.1%} over all); {reaching}"
    )


def to_fact(found: Priority) -> dict[str, Any]:
    """The priority as JSON values, with its sentence."""
    return {
        "name": found.tag.name,
        "gain_points": found.gain_points,
        "low": found.low,
        "high": found.high,
        "importance": found.work.importance,
        "room": found.room.value,
        "share": found.tag.share.value,
        "n": found.tag.n,
        "sentence": describe(found),
    }


def _share(share: float) -> str:
    """A share in whole percent, a small one with a digit more: no tag is 0% of the data."""
    return f"{share:.0%}" if share >= 0.05 else f"{share:.1%}"


def _priority(tag: Tag, reference: Reference, work: Work) -> Priority:
    # A room of 1e-17 is none: 0.7 reached and 0.7 reachable are the same.
    spare = 1 - reference.accuracy
    value, low, high = (
        round(end - spare, 12)
        for end in (tag.error_rate.value, tag.error_rate.low, tag.error_rate.high)
    )
    room = Estimate(
        value=max(0.0, value),
        low=max(0.0, low),
        high=max(0.0, high),
        n=tag.n,
        method=tag.error_rate.method,
    )
    if tag.draws is None:
        gain_low, gain_high = _product_ends((value, low, high), tag.share)
    else:
        gains = np.maximum(tag.draws[:, 0] - spare, 0) * tag.draws[:, 1]
        gain_low, gain_high = (float(q) for q in np.nanquantile(gains, [0.025, 0.975]))
    gain = room.value * tag.share.value
    return Priority(
        tag=tag,
        reference=reference,
        room=room,
        gain_points=gain * 100,
        low=min(gain_low, gain) * 100,
        high=max(gain_high, gain) * 100,
        work=work,
    )


def _product_ends(room: tuple[float, float, float], share: Estimate) -> tuple[float, float]:
    """The interval of room x share, not below 0; the room may be negative here."""
    value, low, high = room
    product = value * share.value
    down, up = share.value - share.low, share.high - share.value
    if value < 0:
        down, up = up, down
    below = math.hypot(share.value * (value - low), value * down)
    above = math.hypot(share.value * (high - value), value * up)
    return max(0.0, product - below), max(0.0, product + above)
