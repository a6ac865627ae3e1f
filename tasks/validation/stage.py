"""The stage: judge the rules, set rows aside where the project says so, judge what is left.

Guarantees:

* rules are judged on all rows that came in; a row that several rules set aside counts once, with
  the first reason; rows in = rows kept + rows set aside, and the sum is checked;
* rows without a label are set aside first, because nothing can be learned from or said about them;
* a rule that set all of its failing rows aside is a warning at most: what it found was acted on,
  and how much may be acted on is judged by `validation.quarantined_share`;
* corrected labels are put on last, on the rows that are kept, and those that could not be are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome, StageResult, Table
from tasks.fingerprints import fingerprint_frame
from tasks.label_review.overlay import Overlaid, Relabel, apply_overlay
from tasks.project.data_sections import ValidationSection
from tasks.project.roles import ROW_KEY, Roles
from tasks.snapshots import RowLedger
from tasks.validation.expectations import Finding, run_expectations
from tasks.validation.relabels import relabels_check
from tasks.validation.row_counts import ledger_check, share_check
from tasks.validation.table import column_table, table_checks

_STAGE = "validation"
_NO_LABEL = "no label"
_EXAMPLES = 3
_LONGEST_EXAMPLE = 40


def validate(
    frame: pd.DataFrame,
    roles: Roles,
    section: ValidationSection,
    relabels: Sequence[Relabel] | None = None,
) -> StageResult:
    """Judge the rows of an ingested snapshot; `outputs["curated"]` holds those that are kept.

    `relabels` are the project's overlay, None where it has none; `outputs["relabels"]` holds, by
    row key, the old and new label of those that hold. Facts: the fingerprint of the curated
    table, and of its features and its labels apart, so that a relabelling shows as labels only;
    rows in, kept and set aside; the row ledger; relabels applied and unused.

    Raises ProjectFileError for an expectation that cannot be understood. Bad data never raises.
    """
    findings = run_expectations(section.expectations, frame)
    aside = _rows_set_aside(frame, roles, findings)
    kept = np.ones(len(frame), dtype=bool)
    kept[aside.index] = False
    overlaid = apply_overlay(frame.loc[kept], frame, roles, relabels or ())
    curated = overlaid.frame
    ledger = RowLedger(
        step=_STAGE,
        rows_in=len(frame),
        rows_out=len(curated),
        quarantined=dict(Counter(aside["reason"])),
    )
    ids = _check_ids(findings)
    checks = (
        *table_checks(curated, roles, min_rows=section.min_rows),
        *(_rule_check(f, name, frame) for f, name in zip(findings, ids, strict=True)),
        share_check(ledger, section.max_quarantined_share),
        ledger_check(ledger),
        *([] if relabels is None else [relabels_check(overlaid)]),
    )
    return StageResult(
        stage=_STAGE,
        checks=checks,
        tables=_tables(overlaid, aside, roles),
        outputs={"curated": curated, "relabels": overlaid.held},
        facts={
            **_fingerprints(curated, roles),
            "rows_in": ledger.rows_in,
            "rows_kept": ledger.rows_out,
            "rows_quarantined": len(aside),
            "row_ledger": ledger.to_facts(),
            "relabels": {"applied": overlaid.applied, "unused": len(overlaid.unused)},
        },
    )


def _tables(overlaid: Overlaid, aside: pd.DataFrame, roles: Roles) -> dict[str, Table]:
    tables = {"columns": column_table(overlaid.frame, roles)}
    if len(overlaid.unused):
        tables["unused_relabels"] = Table(frame=overlaid.unused)
    if len(aside):
        tables["quarantined_rows"] = Table(frame=aside.reset_index(drop=True))
    return tables


def _fingerprints(curated: pd.DataFrame, roles: Roles) -> dict[str, str]:
    there = [column for column in roles.features if column in curated.columns]
    return {
        "fingerprint": fingerprint_frame(curated).total,
        "fingerprint_features": fingerprint_frame(curated, there).total,
        "fingerprint_labels": fingerprint_frame(curated, [roles.target]).total,
    }


def _rows_set_aside(frame: pd.DataFrame, roles: Roles, findings: Sequence[Finding]) -> pd.DataFrame:
    """row_key, reason and value of each row to set aside, indexed by its position."""
    taken: dict[int, tuple[str, str]] = {}
    unlabelled = frame[roles.target].isna().to_numpy().nonzero()[0]
    taken.update((int(place), (_NO_LABEL, "")) for place in unlabelled)
    for finding in findings:
        if finding.rule.on_failure == "quarantine" and finding.failing is not None:
            values = _values(frame, finding)
            reason = finding.rule.reason or _rule_text(finding)
            for place, value in zip(finding.failing, values, strict=True):
                taken.setdefault(int(place), (reason, value))
    places = sorted(taken)
    return pd.DataFrame(
        {
            ROW_KEY: frame.index[places].astype("str"),
            "reason": pd.Series([taken[p][0] for p in places], dtype="str", index=places),
            "value": pd.Series([taken[p][1] for p in places], dtype="str", index=places),
        },
        index=pd.Index(places, dtype="int64"),
    )


def _check_ids(findings: Sequence[Finding]) -> list[str]:
    """`validation.<rule>:<columns>`, with `#2` and on for a rule that is there again."""
    seen: Counter[str] = Counter()
    ids = []
    for finding in findings:
        name = f"validation.{finding.rule.type.removeprefix('expect_')}"
        name += f":{','.join(finding.columns)}" if finding.columns else ""
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return ids


def _rule_check(finding: Finding, name: str, frame: pd.DataFrame) -> Check:
    rule, count = finding.rule, len(finding.failing) if finding.failing is not None else None
    acted_on = rule.on_failure == "quarantine" and bool(count) and not finding.problem
    downgraded = acted_on and rule.severity == "critical"
    outcome: Outcome = "error" if finding.problem else "passed" if finding.met else "failed"
    return Check(
        id=name,
        stage=_STAGE,
        severity="warning" if downgraded else rule.severity,
        outcome=outcome,
        value=None if finding.problem else finding.observed if count is None else float(count),
        limit=f"mostly {rule.kwargs['mostly']}" if "mostly" in rule.kwargs else None,
        values=_told(finding, frame),
        n=finding.n,
        evidence="quarantined_rows" if acted_on else None,
    )


def _rule_text(finding: Finding) -> str:
    """The rule in words: `dir`: values to be between (min_value 0, max_value 2)."""
    words = finding.rule.type.removeprefix("expect_").replace("_", " ")
    words = words.removeprefix("column " if finding.columns else "table ")
    subject = " and ".join(f"`{column}`" for column in finding.columns) or "table"
    about = ("column", "column_A", "column_B", "column_list", "row_condition")
    kwargs = {n: v for n, v in finding.rule.kwargs.items() if n not in about}
    said = ", ".join(f"{name} {value}" for name, value in kwargs.items())
    where = finding.rule.kwargs.get("row_condition")
    return (
        f"{subject}: {words}"
        + (f" ({said})" if said else "")
        + (f" where {where}" if where else "")
    )


def _told(finding: Finding, frame: pd.DataFrame) -> dict[str, Any]:
    """What the sentence of a rule tells besides how many rows break it."""
    told = {
        "rule": _rule_text(finding),
        "why": finding.rule.reason or "",
        "problem": finding.problem or "",
    }
    if finding.failing is None:
        return {**told, "seen": None if finding.observed is None else _cell(finding.observed)}
    examples = list(dict.fromkeys(_values(frame, finding)))[:_EXAMPLES]
    aside = finding.rule.on_failure == "quarantine"
    return {**told, "examples": examples, "set_aside": aside}


def _values(frame: pd.DataFrame, finding: Finding) -> list[str]:
    """What the failing rows hold in the rule's columns, as words."""
    assert finding.failing is not None  # noqa: S101 - callers have a rule about rows
    rows = frame[list(finding.columns)].iloc[finding.failing]
    if len(finding.columns) == 1:
        return [_cell(value) for value in rows.iloc[:, 0]]
    return [
        " ".join(f"{column}={_cell(v)}" for column, v in zip(finding.columns, row, strict=True))
        for row in rows.itertuples(index=False)
    ]


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "missing"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}..."
