"""Which dev rows are wrong, and which of them to read first.

Guarantees: every error stands in the output `dev_errors`, which a run keeps as Parquet; tables hold
those to read first, each with the train rows that are nearest to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, Table
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.readings import READ_ERRORS, READINGS, SHOWN, ReadErrors, read_errors
from tasks.error_analysis.samples import sample_places
from tasks.project.dataset import Dataset
from tasks.project.roles import ROW_KEY, Roles
from tasks.row_lines import short_values

CONFIDENT_ROWS = 20
MOST_PAIRS = 6
PAIR_ROWS = 5
OUTPUT = "dev_errors"
KEPT_AS = f"{OUTPUT}.parquet"
"""Under this name the output lies in the run's folder and on its MLflow run."""


def find_examples(errors: DevErrors, dataset: Dataset, seed: int) -> Finding:
    """The errors to read: the surest ones, some of each confusion, and all of them as a frame.

    The rows of train are searched for the nearest ones.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    found = _listed(errors)
    pairs = _pair_examples(found, seed)
    wanted = found.index[:READ_ERRORS].union(pairs.index, sort=False)
    near = read_errors(wanted, errors.rows, frame, split, roles, seed)
    told = None if near is None else near.columns().assign(**_cells(near))
    tables = {
        "confident_errors": _confident_errors(found, told, errors, roles),
        "pair_examples": _pair_table(pairs, told, errors, roles),
    }
    if near is not None:
        tables["readings"] = _readings(near, len(found))
    return Finding(
        checks=(_readings_check(near, len(found)),),
        tables=tables,
        outputs={OUTPUT: _all_errors(found, near, errors, roles)},
    )


def _listed(errors: DevErrors) -> pd.DataFrame:
    """The errors by row key, the surest first: true_label, predicted_label, probability."""
    listed = pd.DataFrame(
        {
            "true_label": errors.labels.to_numpy(),
            "predicted_label": errors.predictions["predicted"].to_numpy(),
            "probability": errors.probability,
        },
        index=errors.rows.index.rename(ROW_KEY),
    )[errors.wrong]
    return listed.sort_index().sort_values("probability", ascending=False, kind="stable")


def _pair_examples(found: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Errors of the pairs of classes with most of them, drawn by a seeded hash of their keys."""
    pair = ["true_label", "predicted_label"]
    counts = found.groupby(pair, as_index=False).size().rename(columns={"size": "errors"})
    counts = counts.sort_values(["errors", *pair], ascending=[False, True, True])
    parts = [found.head(0).assign(errors=0)]
    for true, predicted, size in counts.head(MOST_PAIRS).itertuples(index=False):
        of_pair = found["true_label"].eq(true) & found["predicted_label"].eq(predicted)
        rows = found[of_pair].assign(errors=size)
        parts.append(rows.iloc[sample_places(rows.index, PAIR_ROWS, seed)])
    return pd.concat(parts)


def _cells(near: ReadErrors) -> dict[str, list[str]]:
    return {"nearest_labels": near.shown_labels(), "nearest_train_row": near.lines}


def _confident_errors(
    found: pd.DataFrame, told: pd.DataFrame | None, errors: DevErrors, roles: Roles
) -> Table:
    """The wrong predictions that the model was surest of: often wrong labels, or a new tag."""
    return Table(
        title="The errors that the model was surest of (dev)",
        frame=_with_rows(found.head(CONFIDENT_ROWS), told, errors, roles),
        note="Look at these first: each is a wrong label, a missing feature or a new tag. "
        f"nearest_labels: the labels of the {SHOWN} nearest train rows and how far they lie (one "
        "standard deviation of a number counts 1, another category 1.41). All "
        f"{len(found):,} errors, with every feature and probability, are in {KEPT_AS}, in the "
        "run's folder and among the artifacts of its MLflow run.",
    )


def _pair_table(
    pairs: pd.DataFrame, told: pd.DataFrame | None, errors: DevErrors, roles: Roles
) -> Table:
    """Errors as they come, for the pairs of classes that are confused most often."""
    shown = _with_rows(pairs, told, errors, roles)
    first = ["true_label", "predicted_label", "errors", ROW_KEY]
    return Table(
        title="Examples of each confusion (dev)",
        frame=shown[[*first, *(name for name in shown.columns if name not in first)]],
        note=f"At most {PAIR_ROWS} errors of each of the {MOST_PAIRS} pairs with most of them, "
        "drawn at random: what is usual, where the surest errors are the extremes. errors: how "
        f"many the pair has. All are in {KEPT_AS}.",
    )


def _with_rows(
    found: pd.DataFrame, told: pd.DataFrame | None, errors: DevErrors, roles: Roles
) -> pd.DataFrame:
    """The errors with their reading, their features in a line, and their nearest train row."""
    shown = found.copy()
    if told is not None:
        said = told.reindex(found.index)
        shown[["reading", "nearest_labels"]] = said[["reading", "nearest_labels"]]
    if roles.features:
        shown["features"] = np.array(short_values(errors.rows.loc[found.index], roles), dtype=str)
    if told is not None:
        shown["nearest_train_row"] = told["nearest_train_row"].reindex(found.index)
    return shown.reset_index()


def _readings(near: ReadErrors, errors: int) -> Table:
    """How many errors have each reading, and what it says."""
    words = near.words[:READ_ERRORS]
    counts = [(word, words.count(word), meaning) for word, meaning in READINGS.items()]
    searched = "all train rows"
    if near.train_rows < near.all_train_rows:
        searched = f"{near.train_rows:,} of the {near.all_train_rows:,} train rows, drawn at random"
    read = f"the {len(words):,} surest of {errors:,}" if len(words) < errors else f"all {errors:,}"
    return Table(
        title="What the nearest train rows say of the errors (dev)",
        frame=pd.DataFrame(counts, columns=["reading", "errors", "meaning"]),
        note=f"Read: {read} errors, by the nearest of {searched}. A word to begin with, no "
        "judgement; about 5 % of any dev rows would read coverage.",
    )


def _readings_check(near: ReadErrors | None, errors: int) -> Check:
    """Where the errors come from, by their nearest train rows: shown, not judged."""
    shared: dict[str, Any] = {
        "id": "error_analysis.readings",
        "stage": "error_analysis",
        "title": "Errors read by their nearest train rows",
        "severity": "info",
        "n": min(len(near.words), READ_ERRORS) if near is not None else 0,
    }
    if near is None:
        needed = "no dev row is predicted wrongly" if not errors else "a train row and a feature"
        detail = f"Nothing was read: {needed}{'' if not errors else ' are needed'}."
        return Check(**shared, outcome="not_applicable", detail=detail)
    words = near.words[:READ_ERRORS]
    counts = sorted(
        ((words.count(word), word) for word in READINGS), key=lambda pair: (-pair[0], pair[1])
    )
    told = ", ".join(f"{count} read {word}" for count, word in counts if count)
    most = counts[0][1]
    return Check(
        **shared,
        outcome="passed",
        detail=f"Of {len(words)} errors {told}; {most}: {READINGS[most]}.",
        evidence="readings",
    )


def _all_errors(
    found: pd.DataFrame, near: ReadErrors | None, errors: DevErrors, roles: Roles
) -> pd.DataFrame:
    """Every error with its probabilities, its nearest train rows where read, and its features.

    A feature may have the name of one of the other columns, so it is marked.
    """
    given = [name for name in errors.predictions.columns if str(name).startswith("p:")]
    parts = [found, errors.predictions.loc[found.index, given]]
    if near is not None:
        parts.append(near.columns().reindex(found.index))
    features = errors.rows.loc[found.index, list(roles.features)]
    return pd.concat([*parts, features.add_suffix(" (feature)")], axis=1)
