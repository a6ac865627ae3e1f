"""What a person looks at: the conflicting rows side by side, and a ranked list to review.

Guarantees: nothing here judges; the ranked list holds train and dev rows only, because a list
ranked by a model must not decide which test labels are corrected; the order depends on the rows
and not on their position.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Table
from tasks.labels.conflicts import FeatureVectors
from tasks.project.roles import ROW_KEY, Roles
from tasks.row_lines import short_values

SHOWN_ROWS = 200

Mask = NDArray[np.bool_]


def conflict_table(
    frame: pd.DataFrame,
    sides: pd.Series,
    roles: Roles,
    vectors: FeatureVectors,
    labels: NDArray[np.int64],
) -> Table:
    """Groups of equal, then of nearly equal rows with different labels, the largest first."""
    everything = np.ones(len(frame), dtype=bool)
    parts = (
        ("equal", vectors.equal_conflicts(labels, everything), vectors.of_row),
        (
            "nearly equal",
            vectors.near_conflicts(labels, everything),
            vectors.near_groups(labels, everything),
        ),
    )
    found = pd.concat([_members(kind, rows, group, frame) for kind, rows, group in parts])
    found = found.sort_values(
        ["kind", "size", "first", ROW_KEY], ascending=[True, False, True, True]
    )
    total = len(found)
    number = pd.factorize(pd.MultiIndex.from_frame(found[["kind", "first"]]))[0] + 1
    found = found.assign(group=number).head(SHOWN_ROWS)
    rows = frame.loc[found[ROW_KEY]]
    table = pd.DataFrame(
        {
            "group": found["group"].to_numpy(),
            "kind": found["kind"].to_numpy(),
            ROW_KEY: found[ROW_KEY].to_numpy(),
            "side": sides.loc[rows.index].to_numpy(),
            "label": roles.labels(rows).to_numpy(),
            "features": short_values(rows, roles),
        }
    )
    note = "Rows of one group have the same, or nearly the same, features and not the same label."
    if total > SHOWN_ROWS:
        note += f" The first {SHOWN_ROWS} of {total} rows are shown."
    return Table(title="Equal examples with different labels", frame=table, note=note)


def review_table(
    frame: pd.DataFrame, roles: Roles, quality: pd.DataFrame, reasons: pd.Series, rows: int
) -> Table:
    """The `rows` train and dev rows most worth a second look.

    `quality` has side, label, likely_label, quality, issue, p_label and p_likely by row key;
    `reasons` what else speaks against a label (empty: nothing). Issues come first, then rows
    with another reason, then the rest; within each the lowest quality first.
    """
    seen = quality[quality["side"] != "test"]
    other = reasons.loc[seen.index]
    tier = np.where(seen["issue"], 0, np.where(other != "", 1, 2))
    ranked = seen.assign(tier=tier, other=other, key=seen.index)
    ranked = ranked[(ranked["tier"] < 2) | ranked["quality"].notna()]
    ranked = ranked.sort_values(["tier", "quality", "key"]).head(rows)
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(ranked) + 1),
            ROW_KEY: ranked["key"].to_numpy(),
            "side": ranked["side"].to_numpy(),
            "label": ranked["label"].to_numpy(),
            "likely_label": ranked["likely_label"].to_numpy(),
            "quality": ranked["quality"].to_numpy(),
            "reason": [_reason(row) for row in ranked.itertuples(index=False)],
            "features": short_values(frame.loc[ranked["key"]], roles),
        }
    )
    return Table(
        title="Labels to review first",
        frame=table,
        note="Train and dev rows. A suspect is not a proven error: a person decides. "
        "Quality is the probability of the label, by a model that has not seen the row.",
    )


def issues_by_class(rows: pd.DataFrame, *, whole: bool, sampled: str = "") -> Table:
    """Counts of given and likely labels: every pair of classes, or the most frequent suspects.

    `sampled` says in sentences what was not done with all rows.
    """
    likely = rows["likely_label"].where(rows["issue"], rows["label"])
    counts = pd.crosstab(rows["label"], likely)
    classes = sorted(set(counts.index) | set(counts.columns))
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    pairs = pd.DataFrame(
        {
            "actual": np.repeat(np.array(classes, dtype=object), len(classes)),
            "predicted": np.tile(np.array(classes, dtype=object), len(classes)),
            "count": counts.to_numpy().ravel(),
        }
    )
    note = "Train and dev rows. actual: the label given; predicted: the likely label of a suspect"
    if not whole:
        suspects = pairs[(pairs["actual"] != pairs["predicted"]) & (pairs["count"] > 0)]
        ranked = suspects.sort_values("count", ascending=False, kind="stable")
        pairs = ranked.head(SHOWN_ROWS).reset_index(drop=True)
    else:
        note += ", and the given one of all other rows"
    return Table(title="Given and likely labels", frame=pairs, note=f"{note}. {sampled}".strip())


def _members(kind: str, rows: Mask, group: NDArray[np.int64], frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of one kind with their group's size and first row key."""
    found = pd.DataFrame({"kind": kind, ROW_KEY: frame.index[rows], "group": group[rows]})
    by_group = found.groupby("group")[ROW_KEY]
    return found.assign(size=by_group.transform("size"), first=by_group.transform("min"))


def _reason(row: object) -> str:
    label, likely = getattr(row, "label", ""), getattr(row, "likely_label", "")
    other = getattr(row, "other", "")
    own, best = getattr(row, "p_label", np.nan), getattr(row, "p_likely", np.nan)
    sides = f"{likely} ({_percent(best)}) rather than {label} ({_percent(own)})"
    if getattr(row, "issue", False):
        return f"looks like {sides}; {other}" if other else f"looks like {sides}"
    if other:
        return str(other)
    return f"leans to {sides}, short of a suspect" if best > own else "low quality, not suspected"


def _percent(probability: float) -> str:
    if probability < 0.01:
        return "<1%"
    return ">99%" if probability > 0.99 else f"{probability:.0%}"
