"""The stage: look for leaks in the rows that training may see, and say what each one means.

Guarantees: no test label is read; every kind of search reports how much it looked at, so that
silence is evidence; what the project excludes is looked at too, and shown as information.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Figure, StageResult, Table
from tasks.leakage import judging
from tasks.leakage.columns import categorical_columns, listed, searched_columns, standing
from tasks.leakage.novel_categories import novel_categories
from tasks.leakage.single_features import FeatureScore, SingleFeatures
from tasks.leakage.single_values import SettledValue, settled_values, suspects_table
from tasks.project import Project, Roles

_MOST_ROWS_SHOWN = 200


def find_leaks(
    frame: pd.DataFrame, split: pd.DataFrame, roles: Roles, project: Project
) -> StageResult:
    """Search every source column but target, key and annotators for what settles the target.

    Two searches use the labels of train and dev: single values of categories, and columns alone
    (text by its length). A third compares the categories of dev and test with those of train,
    without labels. A find is critical in a feature (of a column alone: if its whole interval is
    beyond the limit, else a warning), a warning where `leakage.accept` names the column, and
    information in a column that is no feature.

    Of a regression the quarters of the target stand for the classes.

    Facts: `suspects`, the columns found.
    """
    placed = frame.loc[split.index]
    seen = split["side"].isin(["train", "dev"])
    rows = placed.loc[seen]
    labels = roles.strata(rows)
    columns = searched_columns(rows, roles)
    categorical = categorical_columns(rows, roles)
    values = settled_values(rows, labels, categorical, project.leakage)
    search = SingleFeatures(rows, labels, split.loc[seen, "unit"], project.seed)
    scored = [search.score(c, by_category=c in categorical) for c in columns if search.n]
    scores = sorted(scored, key=lambda score: (-score.auc, score.column))
    strong = [s for s in scores if s.auc >= project.leakage.max_single_feature_auc]
    intervals = {
        s.column: search.interval(s.column, by_category=s.column in categorical)
        for s in [*scores[:1], *strong]
    }
    novelties = novel_categories(placed, split["side"], roles.categorical)
    suspects = sorted({v.column for v in values.found} | {s.column for s in strong})
    uses = {column: standing(column, roles, project.leakage).use for column in columns}
    return StageResult(
        stage=judging.STAGE,
        summary=f"{len(columns)} columns searched, "
        + (f"suspect: {listed(suspects)}" if suspects else "no suspect"),
        checks=(
            *judging.value_checks(values, roles, project),
            *(judging.feature_check(s, intervals[s.column], roles, project) for s in strong),
            *(judging.novelty_check(each, project) for each in novelties if each.rows),
            judging.values_searched(values, categorical, project),
            judging.features_searched(scores, intervals, project),
            judging.novelties_searched(novelties),
        ),
        facts={"suspects": suspects},
        tables=_tables(values.found, scores, uses),
        figures=(_figure(project.leakage.max_single_feature_auc),) if scores else (),
    )


def _tables(
    found: Sequence[SettledValue], scores: Sequence[FeatureScore], uses: Mapping[str, str]
) -> dict[str, Table]:
    ranked = pd.DataFrame(
        [(s.column, uses[s.column], s.auc, s.n) for s in scores[:_MOST_ROWS_SHOWN]],
        columns=["label", "use", "value", "n"],
    )
    return {
        "suspects": Table(
            title="Values that nearly settle the target",
            frame=suspects_table(found, uses),
            note="low: lower end of the 95 % interval of the rate; lift: low over base_rate",
        ),
        "single_features": Table(
            title="How well each column alone ranks the classes (AUC, out of fold)",
            frame=ranked,
            note="0.5: not at all, 1: perfectly; text columns are ranked by their length",
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
