"""What does a find mean, and how much was looked at? Each check says it in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.checks import Check
from tasks.intervals import wilson
from tasks.leakage.columns import listed, standing
from tasks.leakage.novel_categories import Novelty
from tasks.leakage.single_features import FeatureScore
from tasks.leakage.single_values import SettledValue, ValueSearch
from tasks.project import Project, Roles

STAGE = "leakage"


def value_checks(search: ValueSearch, roles: Roles, project: Project) -> list[Check]:
    """One check a column, about its strongest value."""
    checks = []
    for column in dict.fromkeys(value.column for value in search.found):
        values = [value for value in search.found if value.column == column]
        strongest, others = values[0], [f"`{value.value}`" for value in values[1:]]
        place = standing(column, roles, project.leakage)
        also = f" So do its values {listed(others)}." if others else ""
        checks.append(
            Check(
                id=f"leakage.single_value:{column}",
                stage=STAGE,
                title=f"A value of `{column}` nearly settles the target",
                severity=place.severity,
                outcome="failed",
                detail=f"{_value_sentence(strongest, roles.target)}{also} {place.remark}",
                value=strongest.rate,
                limit=project.leakage.min_value_rate,
                interval=(strongest.low, strongest.high),
                n=strongest.rows,
                evidence="suspects",
            )
        )
    return checks


def _value_sentence(value: SettledValue, target: str) -> str:
    return (
        f"`{value.column}` = {value.value}: {value.hits:,} of {value.rows:,} rows have "
        f"{target} = {value.label} (lower bound {value.low:.0%}), against {value.base_rate:.0%} "
        f"of all {value.total:,} rows: this value nearly settles the target."
    )


def feature_check(
    score: FeatureScore, interval: tuple[float, float], roles: Roles, project: Project
) -> Check:
    """Critical only where the whole interval is beyond the limit: few rows prove little."""
    place = standing(score.column, roles, project.leakage)
    limit = project.leakage.max_single_feature_auc
    unsure = interval[0] < limit
    proven = "its interval reaches below the limit, so it may" if unsure else "it does"
    return Check(
        id=f"leakage.single_feature:{score.column}",
        stage=STAGE,
        title=f"`{score.column}` alone ranks the classes (AUC)",
        severity="warning" if unsure and place.severity == "critical" else place.severity,
        outcome="failed",
        detail=f"`{score.column}` alone ranks the classes of {roles.target} with an AUC of "
        f"{score.auc:.3f} on {score.n:,} rows (limit {limit:g}; 0.5 is not at all, 1 is "
        f"perfectly): {proven} nearly settle the target. {place.remark}",
        value=score.auc,
        limit=limit,
        interval=interval,
        n=score.n,
        evidence="single_features",
    )


def novelty_check(novelty: Novelty, project: Project) -> Check:
    """The share of rows whose category the model takes as unknown."""
    limit = project.baselines.max_novel_category_share
    above = novelty.share > limit
    count = len(novelty.categories)
    return Check(
        id=f"leakage.novel_category:{novelty.column}",
        stage=STAGE,
        title=f"Dev and test rows whose `{novelty.column}` train has never had",
        severity="warning" if above else "info",
        outcome="failed" if above else "passed",
        detail=f"{novelty.rows:,} of {novelty.n:,} dev and test rows ({novelty.share:.1%}, limit "
        f"{limit:.1%}) have {count:,} categories of `{novelty.column}` that train has not "
        f"({listed(novelty.categories)}); the model takes them as unknown.",
        value=novelty.share,
        limit=limit,
        interval=wilson(novelty.rows, novelty.n),
        n=novelty.n,
    )


def values_searched(search: ValueSearch, columns: Sequence[str], project: Project) -> Check:
    """How many values were looked at: the evidence behind silence."""
    section = project.leakage
    found = len(search.found)
    if not columns:
        detail = "No column holds categories; numbers and text are not searched for values."
    elif not search.values:
        detail = (
            f"No value of the {len(columns)} columns of categories has "
            f"{section.min_value_rows} rows or more in train and dev."
        )
    else:
        detail = (
            f"{search.values:,} values with {section.min_value_rows} rows or more in "
            f"{len(columns)} columns were looked at; {found or 'none'} nearly "
            f"{'settle' if found != 1 else 'settles'} the target (a class in "
            f"{section.min_value_rate:.0%} of its rows by the lower bound, "
            f"{section.min_value_lift:g} times its share of all)."
        )
    return Check(
        id="leakage.searched:single_value",
        stage=STAGE,
        title="Values of categories looked at",
        severity="info",
        outcome="passed" if search.values else "not_applicable",
        detail=detail,
        value=float(search.values),
        n=len(columns),
        evidence="suspects" if found else None,
    )


def features_searched(
    scores: Sequence[FeatureScore], intervals: Mapping[str, tuple[float, float]], project: Project
) -> Check:
    """The strongest column alone, whether or not it is too strong."""
    limit = project.leakage.max_single_feature_auc
    best = scores[0] if scores else None
    return Check(
        id="leakage.searched:single_feature",
        stage=STAGE,
        title="Largest AUC of a column alone",
        severity="info",
        outcome="passed" if best else "not_applicable",
        detail=f"{len(scores)} columns were scored alone; the strongest, `{best.column}`, ranks "
        f"the classes with an AUC of {best.auc:.3f} (limit {limit:g})."
        if best
        else "Fewer than two classes have ten rows in train and dev; more rows are needed.",
        value=best.auc if best else None,
        limit=limit,
        interval=intervals[best.column] if best else None,
        n=best.n if best else 0,
        evidence="single_features" if best else None,
    )


def novelties_searched(novelties: Sequence[Novelty]) -> Check:
    """How many features have a new category at all."""
    n = max((novelty.n for novelty in novelties), default=0)
    novel = sum(novelty.rows > 0 for novelty in novelties)
    return Check(
        id="leakage.searched:novel_category",
        stage=STAGE,
        title="Features with categories that train has not",
        severity="info",
        outcome="passed" if n else "not_applicable",
        detail=f"{novel or 'None'} of {len(novelties)} categorical features "
        f"{'have' if novel != 1 else 'has'} a category in dev or test that train has not."
        if n
        else "No feature is categorical, or dev and test have no rows.",
        value=float(novel),
        n=n,
    )
