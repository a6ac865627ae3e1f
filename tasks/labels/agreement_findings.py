"""Do the annotators agree, and on which classes and items do they not?

Guarantees: a limit that the project sets is judged on train and dev items, and blocks also where
they are too few to judge it; the value over all items, and that of test items, are shown and
choose nothing; without a limit agreement is shown only; every number has its interval and its
items.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Outcome, Severity, Table, judged
from tasks.intervals import Estimate
from tasks.labels.agreement import Agreement, measure_agreement
from tasks.labels.annotator_findings import shown_check
from tasks.labels.disagreement import (
    SHOWN_PAIRS,
    confused_classes,
    disagreement,
    rank_items,
    written_votes,
)
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.rated_rows import RatedRows
from tasks.project.roles import ROW_KEY
from tasks.project.sections import Project
from tasks.row_lines import short_values

SHOWN_ITEMS = 200
FEWEST_ITEMS = 30
"""Fewer items than these cannot meet a limit: chance alone would do so too often."""
MOST_CLASSES = 500
"""Ratings of more distinct values are not compared: tables of classes by classes grow too big."""
_JUDGED = "train and dev items"
_TESTED = "test items"
_TITLE = "Agreement of the annotators (Krippendorff's alpha)"


def judge_agreement(rows: RatedRows | None, project: Project) -> LabelFinding:
    """Krippendorff's alpha and its company, by class, by pair of people and by item."""
    if rows is None:
        return LabelFinding(
            checks=(
                _not_applicable(
                    project,
                    "Agreement needs two columns or more in labels.annotators, or ratings.",
                    0,
                ),
            )
        )
    if len(rows.classes) > MOST_CLASSES:
        needed = (
            f"The ratings have {len(rows.classes):,} distinct values and at most {MOST_CLASSES} "
            "are compared; round them."
        )
        return LabelFinding(checks=(_not_applicable(project, needed, rows.several),))
    scale = project.labels.scale
    found = measure_agreement(rows.votes, rows.classes, project.seed, scale, units=rows.units)
    if np.isnan(found.alpha.value):
        needed = (
            f"{found.items} items have two labels or more; at least one such item, and two "
            "different labels among all of them, are needed."
        )
        return LabelFinding(checks=(_not_applicable(project, needed, found.items),))
    confused = confused_classes(rows.votes, rows.classes, rows.units)
    parts = _by_side(rows)
    return LabelFinding(
        checks=(_agreement_check(found, parts[_JUDGED], project), *_confusion_check(confused)),
        summary=f"agreement {found.alpha.value:.2f}",
        metrics=_metrics(found),
        facts={"items": found.items},
        tables={
            "agreement": _coefficients(found, parts, scale),
            "agreement_by_class": _class_table(found),
            "class_pairs": Table(
                title="Classes that people confuse",
                frame=confused.head(SHOWN_PAIRS),
                note="share: of the items that somebody called either, those that were called "
                "both. A pair that stands out asks for a sharper definition.",
            ),
            "disagreement": _item_table(rows),
        },
        figures=(_BY_CLASS,),
    )


def _by_side(rows: RatedRows) -> dict[str, Estimate]:
    """Alpha of the train and dev items, and of the test items, apart."""
    tested = (rows.sides == "test").to_numpy()
    scale, seed = rows.project.labels.scale, rows.project.seed
    return {
        name: measure_agreement(
            rows.votes[held], rows.classes, seed, scale, units=rows.units[held]
        ).alpha
        for name, held in ((_JUDGED, ~tested), (_TESTED, tested))
    }


def _agreement_check(found: Agreement, seen: Estimate, project: Project) -> Check:
    """Alpha over all items, judged by `seen`, that of the train and dev items."""
    limit, scale = project.labels.min_agreement, project.labels.scale
    alpha = found.alpha
    interval = None if np.isnan(alpha.low) else (alpha.low, alpha.high)
    outcome, said = _judge_limit(seen, limit)
    return Check(
        id=f"{STAGE}.agreement",
        stage=STAGE,
        title=_TITLE,
        severity=_severity(project),
        outcome=outcome,
        value=alpha.value,
        limit=limit,
        interval=interval,
        n=found.items,
        required=limit is not None,
        detail=(
            f"Krippendorff's alpha{'' if scale == 'nominal' else f' ({scale})'} is "
            f"{alpha.value:.3f} over {found.items:,} items with two labels or more (1 is full "
            f"agreement, 0 is chance); two labels of an item agree {found.percent.value:.1%} of "
            f"the time.{said}"
        ),
        evidence="agreement",
    )


def _judge_limit(seen: Estimate, limit: float | None) -> tuple[Outcome, str]:
    """The outcome, and what to say of the train and dev items that decide it."""
    if limit is None:
        return "passed", ""
    if seen.n < FEWEST_ITEMS or np.isnan([seen.value, seen.low]).any():
        return "not_applicable", (
            f" The limit needs {FEWEST_ITEMS} train and dev items with two labels or more, of two "
            f"classes often enough for an interval; there are {seen.n:,} items."
        )
    outcome = judged(seen.value, minimum=limit)
    said = f" The limit is judged on the {seen.n:,} train and dev items: {seen.value:.3f}."
    if outcome == "passed" and seen.low < limit:
        said += " Its interval reaches below the limit."
    return outcome, said


def _coefficients(found: Agreement, parts: Mapping[str, Estimate], scale: str) -> Table:
    rows = [(f"Krippendorff's alpha, {scale}", found.alpha)]
    if scale != "nominal":
        rows.append(("Krippendorff's alpha, nominal", found.nominal))
    note = "Intervals are bootstraps over the split's units."
    if found.fleiss is None:
        note += " Fleiss' kappa needs the same number of labels for every item."
    else:
        rows.append(("Fleiss' kappa", found.fleiss))
    rows.append(("share of agreeing pairs of labels", found.percent))
    rows += [(f"Krippendorff's alpha, {scale}, {name}", one) for name, one in parts.items()]
    frame = pd.DataFrame([(name, e.value, e.low, e.high, e.n) for name, e in rows])
    frame.columns = pd.Index(["coefficient", "value", "low", "high", "n"])
    return Table(title="Agreement of the annotators", frame=frame, note=note)


def _class_table(found: Agreement) -> Table:
    frame = found.by_class.rename(columns={"class": "label", "alpha": "value"})
    frame = frame.sort_values(["value", "label"], ignore_index=True)
    note = (
        "value: Krippendorff's alpha of the class against the rest; n: items that somebody gave "
        "the class. The lowest class has the least clear definition."
    )
    if found.fleiss is None:
        frame = frame.drop(columns=["fleiss", "fleiss_low", "fleiss_high"])
    return Table(title="Agreement by class", frame=frame, note=note)


def _item_table(rows: RatedRows) -> Table:
    apart = disagreement(rows.votes, rows.classes, rows.project.labels.scale)
    ranked = rank_items(rows.votes, [str(key) for key in rows.frame.index], apart)
    shown = ranked[:SHOWN_ITEMS]
    part = rows.frame.iloc[shown]
    frame = pd.DataFrame(
        {
            ROW_KEY: part.index,
            "side": rows.sides.iloc[shown].to_numpy(),
            "label": rows.roles.labels(part).to_numpy(),
            "disagreement": apart[shown],
            "labels": [written_votes(rows.votes[at], rows.classes) for at in shown],
            "features": short_values(part, rows.roles),
        }
    )
    note = "disagreement: share of pairs of labels that differ"
    if rows.project.labels.scale != "nominal":
        note = "disagreement: mean squared distance of two labels"
    more = f"; the first {SHOWN_ITEMS} of {len(ranked):,}" if len(ranked) > SHOWN_ITEMS else ""
    return Table(title="Items that people disagree on", frame=frame, note=f"{note}{more}.")


def _confusion_check(confused: pd.DataFrame) -> tuple[Check, ...]:
    if confused.empty:
        return ()
    worst = confused.iloc[0]
    return (
        shown_check(
            "class_pairs",
            "The two classes that people confuse most",
            Estimate(
                value=float(worst["share"]),
                low=float(worst["low"]),
                high=float(worst["high"]),
                n=int(worst["n"]),
            ),
            f"Of {worst['n']:,} items that somebody called '{worst['class']}' or "
            f"'{worst['other']}', {worst['both']:,} ({worst['share']:.1%}) were called both; "
            "sharpen what tells the two apart.",
        ),
    )


def _metrics(found: Agreement) -> dict[str, float]:
    metrics = {
        "agreement": found.alpha.value,
        "percent_agreement": found.percent.value,
        **({} if found.fleiss is None else {"fleiss_kappa": found.fleiss.value}),
        **{
            f"agreement.{name}": float(alpha)
            for name, alpha in zip(found.by_class["class"], found.by_class["alpha"], strict=True)
        },
    }
    return {f"{STAGE}.{name}": value for name, value in metrics.items() if np.isfinite(value)}


def _severity(project: Project) -> Severity:
    return "info" if project.labels.min_agreement is None else project.labels.agreement_severity


def _not_applicable(project: Project, detail: str, n: int) -> Check:
    return Check(
        id=f"{STAGE}.agreement",
        stage=STAGE,
        title=_TITLE,
        severity=_severity(project),
        outcome="not_applicable",
        n=n,
        required=project.labels.min_agreement is not None,
        detail=detail,
    )


_BY_CLASS = Figure(
    kind="intervals",
    title="Agreement by class",
    table="agreement_by_class",
    alt="Krippendorff's alpha of each class against the rest with its 95 % interval.",
)
