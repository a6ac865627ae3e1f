"""Is every row kept or set aside, and are not too many set aside?"""

from __future__ import annotations

from tasks.checks import Check, judged
from tasks.snapshots import RowLedger

_STAGE = "validation"


def share_check(ledger: RowLedger, limit: float) -> Check:
    """Fails where more rows were set aside than the project allows."""
    aside = sum(ledger.quarantined.values())
    share = aside / ledger.rows_in if ledger.rows_in else 0.0
    return Check(
        id="validation.quarantined_share",
        stage=_STAGE,
        severity="critical",
        outcome=judged(share, maximum=limit),
        value=share,
        limit=limit,
        unit="share",
        values={"rows": aside, "reasons": dict(ledger.quarantined)},
        n=ledger.rows_in,
        evidence="quarantined_rows" if aside else None,
    )


def ledger_check(ledger: RowLedger) -> Check:
    """Fails where a row is neither kept nor set aside."""
    aside = sum(ledger.quarantined.values())
    return Check(
        id="validation.row_ledger",
        stage=_STAGE,
        severity="critical",
        outcome="passed" if ledger.balances else "failed",
        values={"kept": ledger.rows_out, "set_aside": aside},
        value=float(ledger.rows_in - ledger.rows_out - aside),
        limit=0.0,
        n=ledger.rows_in,
    )
