"""The two sanity tests of the pipeline, as checks and sentences."""

from __future__ import annotations

import math
from functools import partial

from tasks.baselines.sanity import Memorised, Shuffled, shuffle_limit
from tasks.checks import Check, judged
from tasks.metrics import HIGHER_IS_BETTER, Estimate
from tasks.training.judgement import words


def overfits_tiny_sample(found: Memorised, minimum: float) -> Check:
    """Whether one family at least can learn a few rows by heart."""
    check = partial(
        Check,
        id="baselines.overfits_tiny_sample",
        stage="baselines",
        title=f"{words(found.measure)} on a tiny sample learned by heart",
        severity="critical",
        limit=minimum,
        n=found.rows,
    )
    if found.classes < 2:
        reason = (
            f"Not tried: the {found.rows} train rows drawn that do not contradict each other are "
            "not of two classes, or numbers, as is needed."
        )
        return check(outcome="not_applicable", detail=reason)
    failures = "; ".join(f"{name}: {reason}" for name, reason in found.failures.items())
    reached = {name: value for name, value in found.accuracy.items() if not math.isnan(value)}
    if not reached:
        reason = f"No family could be fitted to {found.rows} train rows ({failures})."
        return check(outcome="error", detail=reason)
    best = max(reached, key=lambda name: reached[name])
    outcome = judged(reached[best], minimum=minimum)
    meaning = (
        f"at least {minimum:.0%} shows that the features reach the model."
        if outcome == "passed"
        else f"at least {minimum:.0%} is expected; the features lose what tells these rows apart "
        "on their way to the model, or never told them apart."
    )
    return check(
        outcome=outcome,
        detail=f"{best} learns {reached[best]:.0%} of {found.rows} train rows by heart; {meaning}"
        + (f" Could not be fitted: {failures}." if failures else ""),
        value=reached[best],
        evidence="tiny_sample",
    )


def shuffled_labels(found: Shuffled, metric: str, constant: Estimate) -> Check:
    """Whether the pipeline falls to guessing when the labels mean nothing."""
    name = words(metric)
    check = partial(
        Check,
        id="baselines.shuffled_labels",
        stage="baselines",
        title=f"{name} on dev after learning shuffled labels",
        severity="critical",
        n=found.rows,
    )
    if found.failure is not None:
        reason = f"The pipeline could not be fitted to shuffled labels ({found.failure})."
        return check(outcome="error", detail=reason)
    if math.isnan(found.value) or math.isnan(found.guessing):
        reason = (
            f"{name} is undefined on {found.rows:,} dev rows with shuffled labels; dev needs rows "
            "of every class."
        )
        return check(outcome="not_applicable", detail=reason)
    limit, higher = shuffle_limit(found, metric), HIGHER_IS_BETTER[metric]
    outcome = judged(found.value, maximum=limit) if higher else judged(found.value, minimum=limit)
    spread = 1.96 * found.deviation
    baseline = "" if math.isnan(constant.value) else f" (the constant class: {constant.value:.3f})"
    ending = (
        "it learns nothing where there is nothing."
        if outcome == "passed"
        else "the label, or rows that it was fitted on, reach the score by another way."
    )
    return check(
        outcome=outcome,
        detail=f"On labels shuffled {found.repeats} times the pipeline's {name} is "
        f"{found.value:.3f}, where guessing gives {found.guessing:.3f}{baseline} and "
        f"{limit:.3f} is the limit: {ending}" + (f" {found.sampled}" if found.sampled else ""),
        value=found.value,
        limit=limit,
        interval=(found.value - spread, found.value + spread),
    )
