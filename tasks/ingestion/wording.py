"""How the checks of this stage are built and how their sentences list names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.checks import Check, Outcome, Severity

STAGE = "ingestion"
SHOWN = 5


def check(what: str, title: str, outcome: Outcome, detail: str, **more: object) -> Check:
    """A check of this stage; critical unless `severity` says otherwise."""
    severity: Severity = more.pop("severity", "critical")  # type: ignore[assignment]
    return Check(
        id=f"{STAGE}.{what}",
        stage=STAGE,
        title=title,
        severity=severity,
        outcome=outcome,
        detail=detail,
        **more,  # type: ignore[arg-type]
    )


def joined(parts: Sequence[str]) -> str:
    """The first five parts, and how many more."""
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return ", ".join(parts[:SHOWN]) + more


def listed(names: Sequence[object] | pd.Series) -> str:
    """The first five names, words in quotes."""
    return joined([f"'{name}'" if isinstance(name, str) else str(name) for name in names])
