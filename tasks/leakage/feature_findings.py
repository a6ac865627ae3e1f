"""What does a column that tells the classes by itself mean, and how much was looked at?

Guarantees: a find is critical only where its whole interval is beyond the limit, since few rows
prove little; of more than two classes the area of the best ranked one counts only by what is
proven, as one of many is ranked well by honest numbers now and then. Of a regression's quarters
the mean area is judged, and no errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.checks import Check
from tasks.intervals import wilson
from tasks.leakage.columns import STAGE, listed, standing
from tasks.leakage.novel_categories import Novelty
from tasks.leakage.single_features import FeatureScore
from tasks.project.roles import Roles
from tasks.project.sections import Project


@dataclass(frozen=True)
class Suspicion:
    """What a column alone does too well, as a sentence, and whether that is beyond doubt."""

    score: FeatureScore
    told: str
    value: float
    limit: float
    interval: tuple[float, float]
    proven: bool


def suspicion_of(score: FeatureScore, roles: Roles, project: Project) -> Suspicion | None:
    """Whether the column alone ranks the classes, or avoids their confusion, too well."""
    by_rank = _ranks_too_well(score, roles, project)
    by_errors = None if roles.regression else _errs_too_little(score, roles, project)
    if by_rank is not None and (by_rank.proven or by_errors is None or not by_errors.proven):
        return by_rank
    return by_errors


def feature_check(found: Suspicion, roles: Roles, project: Project) -> Check:
    """Critical only where the whole interval is beyond the limit: few rows prove little."""
    column = found.score.column
    place = standing(column, roles, project.leakage)
    proven = "it does" if found.proven else "its interval reaches the limit, so it may"
    return Check(
        id=f"leakage.single_feature:{column}",
        stage=STAGE,
        title=f"`{column}` alone tells the classes",
        severity="warning" if not found.proven and place.severity == "critical" else place.severity,
        outcome="failed",
        detail=f"{found.told}: {proven} nearly settle the target. {place.remark}",
        value=found.value,
        limit=found.limit,
        interval=found.interval,
        n=found.score.n,
        evidence="single_features",
    )


def all_words_check(score: FeatureScore, roles: Roles, project: Project) -> Check | None:
    """All words of a text together rank the classes nearly perfectly; None where they do not.

    A warning, and information where texts are all that the model has: then that is its task.
    """
    limit = project.leakage.max_single_feature_auc
    if score.all_words_auc is None or score.all_words_auc < limit:
        return None
    place = standing(score.column, roles, project.leakage)
    alone = set(roles.features) <= set(roles.text)
    return Check(
        id=f"leakage.all_words:{score.column}",
        stage=STAGE,
        title=f"The words of `{score.column}` together rank the classes (AUC)",
        severity="info" if alone or place.severity == "info" else "warning",
        outcome="failed",
        detail=f"A model of the words of `{score.column}` alone ranks {roles.target} = "
        f"{score.label} against the rest with an AUC of {score.all_words_auc:.3f} (limit "
        f"{limit:g}); no {len(score.words)} of them do it alone ({score.auc:.3f}; most telling: "
        f"{listed(score.words, len(score.words))}). Is the text written before the outcome?",
        value=score.all_words_auc,
        limit=limit,
        interval=score.all_words_interval,
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


def features_searched(scores: Sequence[FeatureScore], roles: Roles, project: Project) -> Check:
    """The strongest column alone, whether or not it is too strong."""
    limit = project.leakage.max_single_feature_auc
    best = scores[0] if scores else None
    detail = "Fewer than two classes have ten rows in train and dev; more rows are needed."
    if best is not None:
        least = min(scores, key=lambda score: (score.errors, score.column))
        detail = (
            f"{len(scores)} columns were scored alone; the strongest, `{best.column}`, ranks "
            f"{_ranked(best, roles)} with an AUC of {_auc(best, roles):.3f} (limit {limit:g})."
        )
        if not roles.regression:
            detail += (
                f" The fewest errors are left by `{least.column}`: {least.errors:.0%} of those of "
                "always answering the commonest class (limit "
                f"{project.leakage.min_single_feature_errors:.0%})."
            )
    return Check(
        id="leakage.searched:single_feature",
        stage=STAGE,
        title="Largest AUC of a column alone",
        severity="info",
        outcome="passed" if best else "not_applicable",
        detail=detail,
        value=_auc(best, roles) if best else None,
        limit=limit,
        interval=_interval(best) if best else None,
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


def _ranks_too_well(score: FeatureScore, roles: Roles, project: Project) -> Suspicion | None:
    limit = project.leakage.max_single_feature_auc
    value, interval = _auc(score, roles), _interval(score)
    proven = (interval[0] if roles.regression else score.proven_auc) >= limit
    if roles.regression or score.classes == 2:
        strong = value >= limit
    else:
        strong = interval[0] >= limit or score.mean_auc >= limit
    if not strong:
        return None
    told = (
        f"{_subject(score)} alone {'rank' if score.words else 'ranks'} {_ranked(score, roles)} "
        f"with an AUC of {value:.3f} on {score.n:,} rows (limit {limit:g}; 0.5 is not at all, 1 is "
        "perfectly)"
    )
    return Suspicion(score, told, value, limit, interval, proven)


def _errs_too_little(score: FeatureScore, roles: Roles, project: Project) -> Suspicion | None:
    limit = project.leakage.min_single_feature_errors
    if score.errors > limit:
        return None
    told = (
        f"{_subject(score)} alone {'are' if score.words else 'is'} wrong about {roles.target} only "
        f"{score.errors:.1%} as often as always answering the commonest class, on {score.n:,} rows "
        f"(limit {limit:.0%})"
    )
    interval = score.errors_interval
    return Suspicion(score, told, score.errors, limit, interval, interval[1] <= limit)


def _subject(score: FeatureScore) -> str:
    if not score.words:
        return f"`{score.column}`"
    return f"The words {listed(score.words, len(score.words))} of `{score.column}`"


def _ranked(score: FeatureScore, roles: Roles) -> str:
    if roles.regression:
        return f"the quarters of {roles.target}"
    if score.classes == 2:
        return f"the classes of {roles.target}"
    return f"{roles.target} = {score.label} against the rest"


def _auc(score: FeatureScore, roles: Roles) -> float:
    return score.mean_auc if roles.regression else score.auc


def _interval(score: FeatureScore) -> tuple[float, float]:
    return score.interval if score.mean_interval is None else score.mean_interval
