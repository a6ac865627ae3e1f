"""Is every row kept or set aside, and are not too many set aside?"""

from __future__ import annotations

from tasks.checks import Check, judged
from tasks.snapshots import RowLedger

_STAGE = "validation"


def share_check(ledger: RowLedger, limit: float) -> Check:
    """Fails where more rows were set aside than the project allows."""
    aside = sum(ledger.quarantined.values())
    share = aside / ledger.rows_in if ledger.rows_in else 0.0
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in ledger.quarantined.items())
    return Check(
        id="validation.quarantined_share",
        stage=_STAGE,
        title="Share of the rows set aside",
        severity="critical",
        outcome=judged(share, maximum=limit),
        detail=f"{aside:,} of {ledger.rows_in:,} rows ({share:.1%}) were set aside; "
        f"{limit:.1%} are allowed." + (f" {reasons}." if reasons else ""),
        value=share,
        limit=limit,
        n=ledger.rows_in,
        evidence="quarantined_rows" if aside else None,
    )


def ledger_check(ledger: RowLedger) -> Check:
    """Fails where a row is neither kept nor set aside."""
    aside = sum(ledger.quarantined.values())
    return Check(
        id="validation.row_ledger",
        stage=_STAGE,
        title="Rows in = rows kept + rows set aside",
        severity="critical",
        outcome="passed" if ledger.balances else "failed",
        detail=f"{ledger.rows_in:,} rows came in, {ledger.rows_out:,} were kept and {aside:,} "
        "were set aside.",
        value=float(ledger.rows_in - ledger.rows_out - aside),
        limit=0.0,
        n=ledger.rows_in,
    )
