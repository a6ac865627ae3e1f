"""Were the corrected labels put on, and which were not?"""

from __future__ import annotations

from tasks.checks import Check
from tasks.label_review.overlay import Overlaid

_SHOWN = 3


def relabels_check(overlaid: Overlaid) -> Check:
    """Fails where a corrected label could not be put on; the rest was put on all the same."""
    unused, held = len(overlaid.unused), len(overlaid.held)
    already = held - overlaid.applied
    detail = f"{overlaid.applied:,} labels were corrected by the overlay"
    detail += f", {already:,} more are so in the source by now." if already else "."
    if unused:
        counts = overlaid.unused["reason"].value_counts()
        reasons = "; ".join(f"{reason} ({count:,})" for reason, count in counts.items())
        rows = [
            f"{key} ({old} to {new}{f', found {found}' if found else ''})"
            for key, old, new, found, _ in overlaid.unused.head(_SHOWN).itertuples(index=False)
        ]
        detail += f" {unused:,} could not be put on: {reasons}, for example {'; '.join(rows)}."
    return Check(
        id="validation.relabels",
        stage="validation",
        title="Corrected labels that could not be put on",
        severity="warning",
        outcome="failed" if unused else "passed",
        detail=detail,
        value=float(unused),
        limit=0.0,
        n=held + unused,
        evidence="unused_relabels" if unused else None,
    )
