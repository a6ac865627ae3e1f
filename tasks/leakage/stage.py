"""The stage: look for leaks in the rows that training may see, and say what each one means.

Guarantees: no test label is read; every kind of search reports how much it looked at, so that
silence is evidence; what the project excludes is looked at too, and shown as information.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Check, Figure, StageResult, Table
from tasks.leakage import feature_findings, value_findings
from tasks.leakage.columns import (
    STAGE,
    categorical_columns,
    is_words,
    listed,
    searched_columns,
    standing,
)
from tasks.leakage.novel_categories import novel_categories
from tasks.leakage.single_features import FeatureScore, Kind, SingleFeatures
from tasks.leakage.single_values import ValueSearch, search_values, suspects_table
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project

_MOST_ROWS_SHOWN = 200


def find_leaks(dataset: Dataset, project: Project) -> StageResult:
    """Search every source column but target, key and annotators for what settles the target.

    Two searches use the labels of train and dev: single values (of categories, of numbers with few
    values, and whether a cell is missing), and columns alone (a text by its words). A third
    compares the categories of dev and test with those of train, without labels. A find is critical
    in a feature where it is proven (by its whole interval, of a value by a bound corrected for the
    number of values), else a warning; so is a value that only leaves a class out. It is a warning
    where `leakage.accept` names the column, and information in a column that is no feature.
    Intervals count split units.

    Of a regression the quarters of the target stand for the classes.

    Facts and output: `suspects`, the columns found.
    """
    split, roles = dataset.split, dataset.roles
    placed = dataset.frame.loc[split.index]
    seen = split["side"].isin(["train", "dev"])
    rows, units = placed.loc[seen], split.loc[seen, "unit"]
    labels = roles.strata(rows)
    columns = searched_columns(rows, roles)
    categorical = categorical_columns(rows, roles)
    values = search_values(
        rows,
        labels,
        pd.factorize(units)[0],
        columns,
        categorical,
        project.leakage,
        quarters=roles.regression,
    )
    scores = _scores(rows, labels, units, columns, categorical, roles, project)
    strong, checks = _judged(scores, roles, project)
    novelties = novel_categories(placed, split["side"], roles.categorical)
    telling = (*values.settled, *values.leaving_out)
    suspects = sorted({v.column for v in telling} | set(strong))
    uses = {column: standing(column, roles, project.leakage).use for column in columns}
    return StageResult(
        stage=STAGE,
        summary=f"{len(columns)} columns searched, "
        + (f"suspect: {listed(suspects)}" if suspects else "no suspect"),
        checks=(
            *value_findings.settling_checks(values, roles, project),
            *value_findings.leaving_out_checks(values, roles, project),
            *checks,
            *(feature_findings.novelty_check(each, project) for each in novelties if each.rows),
            value_findings.values_searched(values, project),
            feature_findings.features_searched(scores, roles, project),
            feature_findings.novelties_searched(novelties),
        ),
        facts={"suspects": suspects},
        outputs={"suspects": pd.DataFrame({"column": pd.Series(suspects, dtype="str")})},
        tables=_tables(values, scores, uses, roles),
        figures=(_figure(project.leakage.max_single_feature_auc),) if scores else (),
    )


def _scores(
    rows: pd.DataFrame,
    labels: pd.Series,
    units: pd.Series,
    columns: Sequence[str],
    categorical: Sequence[str],
    roles: Roles,
    project: Project,
) -> list[FeatureScore]:
    """The columns alone, the strongest first."""
    search = SingleFeatures(rows, labels, units, project.seed, quarters=roles.regression)
    if not search.n:
        return []
    found = []
    for column in columns:
        kind: Kind = "text" if is_words(rows[column]) else "number"
        score = search.score(column, "category" if column in categorical else kind)
        if score is not None:
            found.append(score)
    mean = roles.regression
    return sorted(found, key=lambda one: (-(one.mean_auc if mean else one.auc), one.column))


def _judged(
    scores: Sequence[FeatureScore], roles: Roles, project: Project
) -> tuple[list[str], list[Check]]:
    """The columns that tell too much by themselves, and the checks that say so."""
    columns, checks = [], []
    for score in scores:
        suspicion = feature_findings.suspicion_of(score, roles, project)
        if suspicion is not None:
            check: Check | None = feature_findings.feature_check(suspicion, roles, project)
        else:
            check = feature_findings.all_words_check(score, roles, project)
        if check is not None:
            checks.append(check)
        # Where texts are all that there is, their telling everything is no suspicion.
        if check is not None and (suspicion is not None or check.severity == "warning"):
            columns.append(score.column)
    return columns, checks


def _tables(
    values: ValueSearch, scores: Sequence[FeatureScore], uses: Mapping[str, str], roles: Roles
) -> dict[str, Table]:
    mean = roles.regression
    ranked = pd.DataFrame(
        [
            (
                s.column,
                uses[s.column],
                s.mean_auc if mean else s.auc,
                "" if mean else s.label,
                s.errors,
                s.n,
                ", ".join(s.words),
            )
            for s in scores[:_MOST_ROWS_SHOWN]
        ],
        columns=["label", "use", "value", "class", "errors_left", "n", "words"],
    )
    return {
        "suspects": Table(
            title="Values that nearly settle the target, or leave a class out",
            frame=suspects_table(values, uses),
            note="low, high: the 95 % interval of the rate; odds_ratio: the bound of the odds over "
            "those of all rows, and sure_odds_ratio the same corrected for all values looked at",
        ),
        "single_features": Table(
            title="How well each column alone ranks the classes (AUC, out of fold)",
            frame=ranked,
            note="0.5: not at all, 1: perfectly, of the class that it ranks best against the rest; "
            "errors_left: its errors over those of always answering the commonest class; a text is "
            "ranked by its few most telling words"
            if not mean
            else "0.5: not at all, 1: perfectly; the mean over the quarters of the target; a text "
            "is ranked by its few most telling words",
        ),
    }


def _figure(limit: float) -> Figure:
    return Figure(
        kind="bars",
        title="How well each column alone ranks the classes",
        table="single_features",
        alt="One bar a source column, the strongest first: its out-of-fold area under the ROC "
        "curve, where 0.5 is not at all and 1 is perfectly.",
        unit="AUC",
        limit=limit,
    )
