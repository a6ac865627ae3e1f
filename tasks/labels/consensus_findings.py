"""What do the annotators say together, and where is the label something else?

Guarantees: all methods are reported beside the one that the project chose; ties and weak
consensus are listed; nothing is relabelled here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.checks import Check, Table
from tasks.labels.consensus import (
    WEAK,
    Consensus,
    Method,
    compare_methods,
    default_method,
    find_consensus,
    spread_over,
)
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.probabilities import LabelProbabilities
from tasks.labels.rated_rows import RatedRows
from tasks.project.roles import ROW_KEY
from tasks.project.sections import Project

SHOWN_ROWS = 200
OUTPUT = "consensus"
_WORDS: dict[Method, str] = {
    "majority": "the majority",
    "dawid_skene": "Dawid-Skene",
    "model_assisted": "Dawid-Skene with a model's help",
}


def agree_on_labels(
    rows: RatedRows | None, probabilities: LabelProbabilities
) -> dict[Method, Consensus]:
    """The consensus by each method that applies; empty where no item has two labels."""
    if rows is None or not rows.several:
        return {}
    prior = None
    if probabilities.matrix is not None and rows.comparable:
        prior = spread_over(probabilities.matrix, probabilities.classes, rows.ratings)
    return find_consensus(rows.ratings, prior)


def judge_consensus(
    rows: RatedRows | None, found: Mapping[Method, Consensus], project: Project
) -> LabelFinding:
    """The consensus by the method of the project, beside the others and the label."""
    if rows is None or not found:
        return LabelFinding(checks=())
    method = project.labels.consensus or default_method(rows.ratings)
    if method not in found:
        return LabelFinding(checks=(_without_model(),))
    table = compare_methods(found, rows.votes, rows.target, method)
    chosen = found[method]
    agreed = _as_frame(rows, chosen)
    several = agreed["labels"] >= 2
    target = rows.roles.labels(rows.frame)
    differs = agreed["consensus"].notna() & (chosen.label != rows.target) & rows.comparable
    return LabelFinding(
        checks=(_check(table, method, rows.comparable),),
        reasons=_reasons(agreed, differs, chosen, found["majority"]),
        facts={
            "consensus": method,
            "ties": int(agreed["tied"].sum()),
            "settled": int(agreed["consensus"].notna().sum()),
            "not_consensus": int(differs.sum()),
            "weak": int((several & (agreed["confidence"] < WEAK)).sum()),
        },
        tables={
            "consensus_methods": Table(
                title="Consensus by each method",
                frame=table,
                note="Items with two labels or more. weak: confidence below "
                f"{WEAK:g}; is_label: share of the settled items whose label it is.",
            ),
            "consensus": _items(agreed, target, rows.sides, differs, several),
        },
        outputs={OUTPUT: agreed},
    )


def _as_frame(rows: RatedRows, chosen: Consensus) -> pd.DataFrame:
    """By row key: consensus (NaN: a tie, or no label), confidence, labels, tied."""
    names = np.append(np.asarray(rows.classes, dtype=object), "")
    label = pd.Series(names[chosen.label], index=rows.frame.index, dtype="str")
    return pd.DataFrame(
        {
            "consensus": label.where(chosen.label >= 0),
            "confidence": chosen.confidence,
            "labels": rows.votes.sum(axis=1),
            "tied": chosen.tied,
        },
        index=rows.frame.index,
    )


def _reasons(
    agreed: pd.DataFrame, differs: pd.Series, chosen: Consensus, majority: Consensus
) -> pd.Series:
    """What speaks against a label that is not the consensus."""
    words = np.where(chosen.label == majority.label, "most annotators say ", "annotators mean ")
    reasons = pd.Series(words, index=agreed.index, dtype="str") + agreed["consensus"].fillna("")
    return reasons.where(differs, "")


def _items(
    agreed: pd.DataFrame,
    target: pd.Series,
    sides: pd.Series,
    differs: pd.Series,
    several: pd.Series,
) -> Table:
    """Rows whose label is not the consensus, the surest first, then ties, then the weak."""
    weak = several & (agreed["confidence"] < WEAK)
    listed = differs | (agreed["tied"] & several) | weak
    shown = agreed.assign(side=sides, label=target, differs=differs)[listed]
    shown = shown.rename_axis(ROW_KEY).reset_index().round({"confidence": 3})
    order = ["differs", "tied", "confidence", ROW_KEY]
    shown = shown.sort_values(order, ascending=[False, False, False, True])
    columns = [ROW_KEY, "side", "label", "consensus", "confidence", "labels", "tied"]
    note = "Labels that are not the consensus, then ties, then weak consensus."
    if len(shown) > SHOWN_ROWS:
        note += f" The first {SHOWN_ROWS} of {len(shown):,} rows are shown."
    frame = shown[columns].head(SHOWN_ROWS).reset_index(drop=True)
    return Table(title="Labels that are not the consensus, and ties", frame=frame, note=note)


def _check(table: pd.DataFrame, method: Method, comparable: bool) -> Check:
    row = table[table["chosen"]].iloc[0]
    others = table[~table["chosen"]]
    settled, n = int(row["settled"]), int(row["n"])
    known = comparable and n > 0
    detail = (
        f"By {_WORDS[method]} {settled:,} items with two labels or more are settled, "
        f"{row['tied']:,} are tied and {row['weak']:,} weak"
    )
    if known:
        beside = ", ".join(
            f"by {_WORDS[name]} {share:.1%}"
            for name, share in zip(others["method"], others["is_label"], strict=True)
        )
        detail += f"; the label is the consensus in {row['is_label']:.1%} of them ({beside})"
    return Check(
        id=f"{STAGE}.consensus",
        stage=STAGE,
        title="Labels that are the consensus of the annotators",
        severity="info",
        outcome="passed" if known else "not_applicable",
        value=float(row["is_label"]) if known else None,
        interval=(float(row["low"]), float(row["high"])) if known else None,
        n=n,
        detail=f"{detail}.",
        evidence="consensus_methods",
    )


def _without_model() -> Check:
    return Check(
        id=f"{STAGE}.consensus",
        stage=STAGE,
        title="Labels that are the consensus of the annotators",
        severity="warning",
        outcome="not_applicable",
        detail="labels.consensus is model_assisted, and no model could give the probability of the "
        "classes; see the check of suspected label issues, or choose majority or dawid_skene.",
    )
