"""How many corrected labels does each side have, and what does that mean for the test rows?"""

from __future__ import annotations

import pandas as pd

from tasks.checks import Check, Table
from tasks.splitting.sides import side_counts


def find_corrected(relabels: pd.DataFrame | None, sides: pd.Series) -> pd.DataFrame:
    """`side`, old and new of each corrected row that was given a side, by row key."""
    if relabels is None:
        relabels = pd.DataFrame({"old": [], "new": []}, dtype="str")
    placed = relabels[sides.index.get_indexer(relabels.index) >= 0]
    return placed.assign(side=sides.reindex(placed.index))


def corrected_checks(corrected: pd.DataFrame) -> tuple[Check, ...]:
    """Says how many labels of each side people corrected; no check where none was."""
    if corrected.empty:
        return ()
    counts = side_counts(corrected["side"])
    listed = ", ".join(f"{side} {count:,}" for side, count in counts.items())
    test = (
        "The champion is scored on the test rows anew; they stay the rows that were judged before, "
        "and what was spent on them stays spent."
        if counts["test"]
        else "The test set is as it was."
    )
    return (
        Check(
            id="splitting.relabels",
            stage="splitting",
            title="Corrected labels by side",
            severity="info",
            outcome="passed",
            detail=f"{len(corrected):,} labels are what people corrected them to: {listed}. {test}",
            value=float(len(corrected)),
            n=len(corrected),
            evidence="relabels",
        ),
    )


def corrected_tables(corrected: pd.DataFrame) -> dict[str, Table]:
    """Corrected labels by side and pair of classes."""
    if corrected.empty:
        return {}
    pairs = corrected.groupby(["side", "old", "new"]).size().reset_index(name="rows")
    return {"relabels": Table(title="Corrected labels by side", frame=pairs)}
