"""Was there anything to judge, and did the stored model answer as a model should?

Guarantees: an audit without a test row, or with a stored model whose probabilities are none or
are not those that it had before it was stored, blocks; a project that declares no floor or gap is
told so and not blocked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome, StageResult
from tasks.conditions import Mask
from tasks.performance_audit.wording import STAGE, size
from tasks.project.audit_sections import AuditSection
from tasks.slice_metrics import ScoredRows

_TOLERANCE = 1e-6
_SAME = 1e-12
_SAME_NUMBER = 1e-9
"""Sums of floats may have another order in another process; nothing else may differ."""


def judged_check(checks: Sequence[Check], rows: int) -> Check:
    """Passed when at least one check of the predictions was evaluated."""
    evaluated = sum(check.outcome in ("passed", "failed") for check in checks)
    return Check(
        id=f"{STAGE}.judged",
        stage=STAGE,
        title="Checks of the test predictions that could be evaluated",
        severity="critical",
        outcome="passed" if evaluated else "failed",
        value=float(evaluated),
        limit=1.0,
        n=rows,
        detail=f"{evaluated} of {len(checks)} checks of the predictions for {rows} test rows could "
        "be evaluated" + ("." if evaluated else ": nothing was judged."),
    )


def output_check(scored: ScoredRows, classes: Sequence[str], size_bytes: int) -> Check:
    """Whether the model loaded from its package gives one probability distribution a row."""
    columns = [column for column in scored.predictions.columns if column.startswith("p:")]
    values = scored.predictions[columns].to_numpy(dtype=float)
    inside = np.isfinite(values) & (values >= -_TOLERANCE) & (values <= 1 + _TOLERANCE)
    good = inside.all(axis=1) & (np.abs(values.sum(axis=1) - 1) <= _TOLERANCE)
    same = [column.removeprefix("p:") for column in columns] == sorted(classes)
    wrong = len(scored) - int(good.sum())
    loaded = (
        f"The model was loaded back from its package of {size(size_bytes)} and scored "
        f"{len(scored)} test rows"
    )
    if not same:
        detail = f"{loaded}, but its classes are not those of its package: {', '.join(columns)}."
    elif wrong:
        detail = f"{loaded}, of which {wrong} got probabilities that do not add up to one."
    else:
        detail = f"{loaded}; these predictions are what is judged."
    return Check(
        id=f"{STAGE}.model_output",
        stage=STAGE,
        title="Test rows without a probability distribution over the classes",
        severity="critical",
        outcome="failed" if wrong or not same else "passed",
        value=float(wrong),
        limit=0.0,
        n=len(scored),
        detail=detail,
    )


def reloaded_check(reloaded: pd.DataFrame, before: pd.DataFrame | None) -> Check:
    """Whether the stored model predicts for the dev rows what it did before it was stored.

    `before` are the predictions that training made; None where there are none to compare with.
    """
    outcome: Outcome = "not_applicable"
    changed, n = 0, 0 if before is None else len(before)
    if before is None or not n:
        detail = "There is no dev row whose prediction from before the model was stored is known."
    elif not (before.index.equals(reloaded.index) and set(before) == set(reloaded)):
        outcome, changed = "failed", n
        detail = "The stored model does not predict the rows or the classes that it was told with."
    else:
        changed = n - int(_same_rows(reloaded, before).sum())
        outcome = "failed" if changed else "passed"
        by = "by class or by a probability that differs by more than 1e-12"
        if pd.api.types.is_float_dtype(before["predicted"].dtype):
            by = f"by more than {_SAME_NUMBER:g} of the number"
        detail = (
            f"Of {n} dev rows the model as loaded back predicts {changed} otherwise than before "
            f"it was stored, {by}."
        )
    return Check(
        id=f"{STAGE}.reloaded",
        stage=STAGE,
        title="Dev rows that the stored model predicts otherwise than before it was stored",
        severity="critical",
        outcome=outcome,
        value=float(changed) if outcome != "not_applicable" else None,
        limit=0.0,
        n=n,
        detail=detail,
    )


def _same_rows(reloaded: pd.DataFrame, before: pd.DataFrame) -> Mask:
    """Rows that are predicted the same; NaN is not the same as anything."""
    if pd.api.types.is_float_dtype(before["predicted"].dtype):
        columns = list(before)
        now, then = reloaded[columns].to_numpy(float), before[columns].to_numpy(float)
        # Threads add in any order, which moves the last digits of a mean over trees.
        near: Mask = np.isclose(now, then, rtol=_SAME_NUMBER, atol=0).all(axis=1)
        return near
    columns = [name for name in before if name != "predicted"]
    moved = np.abs(reloaded[columns].to_numpy(float) - before[columns].to_numpy(float))
    same: Mask = (moved <= _SAME).all(axis=1)
    return same & (reloaded["predicted"] == before["predicted"]).to_numpy(dtype=bool)


def undeclared_checks(audit: AuditSection) -> list[Check]:
    """Advice where the project sets no floor, or no gap."""
    advice = {
        "floors": (audit.floors, "the least that a metric must reach overall, by class or slice"),
        "gaps": (audit.gaps, "how far a rate may differ between the groups of a column"),
    }
    return [
        Check(
            id=f"{STAGE}.{name}",
            stage=STAGE,
            title=f"Declared {name}",
            severity="info",
            outcome="not_applicable",
            n=0,
            detail=f"The project declares no {name}, so none is judged; set {meaning} under "
            f"'audit.{name}' in the project file.",
        )
        for name, (declared, meaning) in advice.items()
        if not declared
    ]


def nothing_to_audit() -> StageResult:
    """The result where there is no test row: it blocks."""
    check = judged_check((), 0)
    return StageResult(stage=STAGE, summary="no test rows", checks=(check,))
