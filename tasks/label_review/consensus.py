"""The labels that several people gave together, as corrections of the label that is there.

Guarantees: what a person reviewed or corrected by hand stays as he left it; ties, weak consensus
and items with one label change nothing; a row of test is changed only where the caller names test;
the same consensus taken twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.label_review.overlay import Relabel, settle

WHO = "consensus"
"""Who made a correction that no single person made."""


@dataclass(frozen=True)
class Taken:
    """The new corrections, and how many rows were left: by a person, for a tie, for a weak one."""

    relabels: tuple[Relabel, ...]
    by_person: int
    tied: int
    weak: int


def take_consensus(
    consensus: pd.DataFrame,
    quality: pd.DataFrame,
    relabels: Sequence[Relabel],
    reviewed: Collection[str],
    *,
    sides: Collection[str],
    least: float,
    about: Relabel,
) -> Taken:
    """The corrections that turn the labels of `sides` into the consensus of two labels or more.

    `consensus` has consensus, confidence, labels and tied, `quality` side and label, by row key.
    `reviewed` are the rows that a person answered. `least` is the smallest confidence that counts;
    `about` gives when, reason and run_id, and the version of the label rules.
    """
    table = consensus.join(quality[["side", "label"]], how="inner").sort_index()
    table = table[table["side"].isin(list(sides)) & (table["labels"] >= 2)]
    settled = settle(relabels)
    hands = {one.key for one in relabels if one.who != WHO} | set(reviewed)
    known = set(quality["label"])
    found, by_person, weak = [], 0, 0
    for key, row in table[table["consensus"].notna()].iterrows():
        new, before = str(row["consensus"]), settled.get(str(key))
        now = str(row["label"]) if before is None else before.new
        if new == now or new not in known:
            continue
        if key in hands:
            by_person += 1
        elif row["confidence"] < least:
            weak += 1
        else:
            found.append(_relabel(str(key), now, new, float(row["confidence"]), about))
    return Taken(tuple(found), by_person, int(table["tied"].sum()), weak)


def _relabel(key: str, old: str, new: str, confidence: float, about: Relabel) -> Relabel:
    return Relabel(
        key=key,
        old=old,
        new=new,
        who=WHO,
        when=about.when,
        rule=f"{new}@{about.rule}" if about.rule else "",
        reason=f"{about.reason}, confidence {confidence:.2f}",
        run_id=about.run_id,
    )
