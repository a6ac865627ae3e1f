"""Were the corrected labels put on, and which were not?"""

from __future__ import annotations

from collections import Counter

from tasks.checks import Check
from tasks.label_review.overlay import Overlaid

_SHOWN = 3


def relabels_check(overlaid: Overlaid) -> Check:
    """Fails where a corrected label could not be put on; the rest was put on all the same."""
    unused, held = len(overlaid.unused), len(overlaid.held)
    counts = Counter(map(str, overlaid.unused["reason"]) if unused else ())
    examples = overlaid.unused.head(_SHOWN).itertuples(index=False)
    return Check(
        id="validation.relabels",
        stage="validation",
        severity="warning",
        outcome="failed" if unused else "passed",
        value=float(unused),
        limit=0.0,
        values={
            "applied": overlaid.applied,
            "already": held - overlaid.applied,
            "reasons": dict(counts.most_common()),
            "examples": [(key, old, new, found) for key, old, new, found, _ in examples],
        },
        n=held + unused,
        evidence="unused_relabels" if unused else None,
    )
