"""Does the pipeline learn what is there, and nothing where there is nothing?

**It can learn a few rows by heart.** A tiny sample of train, as many rows of each class as it
gives, without rows that contradict each other. Whatever holds a family back from learning single
rows (a penalty, a smallest leaf, a minimum of rows in which a word occurs, a limit to the
categories) is relaxed first, and each row is learned from ten times over, because gradient boosting
does not tell a category of fewer than ten rows apart: the test is of the way from the cells to the
label, not of the taste for simple models. Columns lost on the way, labels shifted against rows, or
features that say nothing fail it. One family is enough.

**It learns nothing from shuffled labels.** The labels of train and dev are dealt out anew in the
frame itself, before the pipeline sees it; a pipeline that reads the label, in whatever guise, or
scores on rows that it was fitted on then scores far above guessing. What guessing reaches is
known exactly, without assumptions: the dev labels are dealt out again and again against the same
predictions (a permutation test, Ojala and Garriga, JMLR 11 (2010) 1833). The limit is four
standard deviations above its mean, so that a sound pipeline is stopped less than once in a
thousand runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from tasks.estimators import (
    build_pipeline,
    convergence_messages,
    feature_frame,
    fit_pipeline,
    predict,
)
from tasks.metrics import HIGHER_IS_BETTER, metric_value
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.row_samples import sample_rows

RELAXED: Mapping[str, Any] = {
    "C": 1e4,
    "alpha": 1e-6,
    "l2_regularization": 0.0,
    "reg_alpha": 0.0,
    "reg_lambda": 0.0,
    "ccp_alpha": 0.0,
    "max_depth": None,
    "min_samples_leaf": 1,
    "min_samples_split": 2,
    "min_child_samples": 1,
    "min_child_weight": 0.0,
    "n_neighbors": 1,
    "early_stopping": False,
    "max_bins": 255,
}
"""Parameters that hold a family back from learning single rows, by the names in common use."""

TIMES = 10
"""How often each row of the tiny sample is learned from."""
GUESSES = 50
"""Random orders of the dev labels for each repeat."""
LIMIT_DEVIATIONS = 4.0


@dataclass(frozen=True, kw_only=True)
class Pipelines:
    """How the families' pipelines are built: those of the project, or the default ones."""

    candidates: tuple[Candidate, ...]
    roles: Roles
    class_weight: str
    seed: int
    allow_imports: tuple[str, ...]

    def build(self, candidate: Candidate) -> Pipeline:
        """The candidate's pipeline, with its `params` alone."""
        return build_pipeline(
            candidate,
            self.roles,
            class_weight=self.class_weight,
            seed=self.seed,
            allow_imports=self.allow_imports,
        )


@dataclass(frozen=True, kw_only=True)
class Memorised:
    """Accuracy (of a regression R2) of each family on the tiny sample that it was fitted on.

    NaN where it failed; `classes` counts the different labels.
    """

    rows: int
    classes: int
    accuracy: Mapping[str, float]
    failures: Mapping[str, str]
    measure: str = "accuracy"


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """Mean score over the repeats; mean of guessing, and the deviation of its mean over as many.

    `rows` are the dev rows scored; `sampled` says in a sentence what was not done with all rows.
    """

    repeats: int
    rows: int
    value: float
    guessing: float
    deviation: float
    failure: str | None = None
    sampled: str = ""


def memorise(train: pd.DataFrame, pipelines: Pipelines, rows: int) -> Memorised:
    """Fit every family on a tiny sample of train, and score it on the same rows."""
    sample = tiny_sample(train, pipelines.roles, rows, pipelines.seed)
    labels = pipelines.roles.labels(sample)
    measure = "r2" if pipelines.roles.regression else "accuracy"
    accuracy: dict[str, float] = {}
    failures: dict[str, str] = {}
    for candidate in pipelines.candidates if labels.nunique() > 1 else ():
        model = relax(pipelines.build(candidate))
        try:
            repeated = sample.iloc[np.repeat(np.arange(len(sample)), TIMES)]
            predictions = _fit_and_predict(model, repeated, sample, pipelines)
        except Exception as failure:  # an estimator may fail in any way on some data
            failures[candidate.name] = str(failure).strip() or type(failure).__name__
            accuracy[candidate.name] = math.nan
            continue
        accuracy[candidate.name] = metric_value(
            measure, labels, predictions, positive_class=pipelines.roles.positive_class
        )
    return Memorised(
        rows=len(sample),
        classes=labels.nunique(),
        accuracy=accuracy,
        failures=failures,
        measure=measure,
    )


def tiny_sample(train: pd.DataFrame, roles: Roles, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` rows, about as many of each class (quarter), sorted by row key.

    Rows that are equal in all features and differ in the label are left out: nothing could learn
    them.
    """
    features = feature_frame(train, roles)
    labels = roles.strata(train)
    example = features.groupby(list(features.columns), sort=False, dropna=False).ngroup()
    contradictory = labels.groupby(example.to_numpy()).transform("nunique") > 1
    labels = labels[~contradictory.to_numpy()]
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels.iloc[order]
    turn = shuffled.groupby(shuffled.to_numpy()).cumcount()
    chosen = turn.sort_values(kind="stable").index[:rows]
    return train.loc[sorted(chosen)]


def relax(model: Pipeline) -> Pipeline:
    """Set, in place, what `RELAXED` names and the estimator has; count all words and categories."""
    estimator = model.named_steps["estimator"]
    known = estimator.get_params(deep=False)
    estimator.set_params(**{name: value for name, value in RELAXED.items() if name in known})
    prepare = model.named_steps["prepare"]
    for name in prepare.get_params(deep=True):
        if name.endswith("__min_df"):
            prepare.set_params(**{name: 1})
        if name.endswith("__max_categories"):
            prepare.set_params(**{name: RELAXED["max_bins"]})
    return model


def shuffle(
    train: pd.DataFrame,
    dev: pd.DataFrame,
    pipelines: Pipelines,
    metric: str,
    repeats: int,
    most: int,
) -> Shuffled:
    """Fit on train with shuffled labels and score on dev with shuffled labels; families in turn.

    Of more than `most` train rows, or dev rows, a sample of so many takes part.
    """
    every = {"train": train, "dev": dev}
    drawn = {side: _sample(rows, pipelines, most) for side, rows in every.items()}
    sampled = _told({side: (rows, drawn[side]) for side, rows in every.items()})
    train, dev = drawn["train"], drawn["dev"]
    generator = np.random.default_rng(pipelines.seed)
    scores: list[float] = []
    guesses: list[NDArray[np.float64]] = []
    for repeat in range(repeats):
        candidate = pipelines.candidates[repeat % len(pipelines.candidates)]
        learned, scored = _deal_out(train, dev, pipelines.roles, generator)
        model = pipelines.build(candidate)
        try:
            predictions = _fit_and_predict(model, learned, scored, pipelines)
        except Exception as failure:  # as above
            return Shuffled(
                repeats=repeat,
                rows=len(dev),
                value=math.nan,
                guessing=math.nan,
                deviation=math.nan,
                failure=f"{candidate.name}: {failure}",
                sampled=sampled,
            )
        labels = pipelines.roles.labels(scored)
        scores.append(_score(metric, labels, predictions, pipelines.roles))
        guesses.append(_guess(metric, labels, predictions, pipelines.roles, generator))
    by_repeat = np.asarray(guesses)
    return Shuffled(
        repeats=repeats,
        rows=len(dev),
        value=float(np.mean(scores)),
        guessing=float(by_repeat.mean()),
        deviation=float(np.sqrt(by_repeat.var(axis=1, ddof=1).mean() / repeats)),
        sampled=sampled,
    )


def shuffle_limit(found: Shuffled, metric: str) -> float:
    """The worst score that still counts as guessing."""
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    return found.guessing + sign * LIMIT_DEVIATIONS * found.deviation


def _sample(rows: pd.DataFrame, pipelines: Pipelines, most: int) -> pd.DataFrame:
    """Rows one by one, by class: which of them share a unit says nothing of dealt-out labels."""
    units = pd.Series(rows.index.astype("str"), index=rows.index)
    return rows[sample_rows(pipelines.roles.strata(rows), units, most, pipelines.seed)]


def _told(drawn: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """How many rows of each side take part, where not all do; all and drawn rows by side."""
    parts = [
        f"{len(some):,} of {len(every):,} {side} rows"
        for side, (every, some) in drawn.items()
        if len(some) < len(every)
    ]
    return f"A sample took part (baselines.shuffle_rows): {', '.join(parts)}." if parts else ""


def _deal_out(
    train: pd.DataFrame, dev: pd.DataFrame, roles: Roles, generator: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    together = pd.concat([train, dev])
    order = generator.permutation(len(together))
    together[roles.target] = together[roles.target].to_numpy()[order]
    return together.iloc[: len(train)], together.iloc[len(train) :]


def _fit_and_predict(
    model: Pipeline, learned: pd.DataFrame, scored: pd.DataFrame, pipelines: Pipelines
) -> pd.DataFrame:
    roles = pipelines.roles
    with convergence_messages():
        fit_pipeline(
            model,
            feature_frame(learned, roles),
            roles.labels(learned),
            class_weight=pipelines.class_weight,
        )
        return predict(model, scored, roles, None)


def _guess(
    metric: str,
    labels: pd.Series,
    predictions: pd.DataFrame,
    roles: Roles,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Scores of the same predictions against the same labels in random order."""
    values = labels.to_numpy()
    orders: Sequence[NDArray[np.intp]] = [
        generator.permutation(len(values)) for _ in range(GUESSES)
    ]
    return np.asarray(
        [
            _score(metric, pd.Series(values[order], index=labels.index), predictions, roles)
            for order in orders
        ]
    )


def _score(metric: str, labels: pd.Series, predictions: pd.DataFrame, roles: Roles) -> float:
    return metric_value(metric, labels, predictions, positive_class=roles.positive_class)
