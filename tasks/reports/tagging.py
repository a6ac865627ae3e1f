"""The tagging page and table: what a person looks at to say what is special about a row.

Guarantees: nothing is requested from anywhere, and no script runs but the page's own, whose hash is
in the page's content policy; every value and tag is escaped; a cell that a spreadsheet would take
for a formula is written as text, and a feature is never taken for a tag; the same export gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.label_review.tables import for_spreadsheet, table_text
from tasks.project.roles import Roles
from tasks.reports.asked_rows import (
    AskedItem,
    contents_of,
    feature_cells,
    feature_columns,
    render_asked,
    shown,
)
from tasks.tagging.answers import PREFIX, SEEN
from tasks.tagging.exports import ERRORS, RIGHT, Export

Said = Mapping[str, Mapping[str, bool]]
"""For each key the tags that people answered before: whether the row has them."""
OUTCOME = ("true_label", "predicted_label", "probability")
"""The columns that tell what became of a row: probability is that of the predicted label."""


@dataclass(frozen=True, kw_only=True)
class _Item(AskedItem):
    true: str
    predicted: str
    probability: str
    wrong: bool
    said: Mapping[str, bool]


def render_tagging(
    export: Export, rows: pd.DataFrame, outcome: pd.DataFrame, roles: Roles, said: Said
) -> str:
    """The export as one self-contained HTML page.

    `rows` has its rows by key, `outcome` the columns `OUTCOME` of the same.
    """
    keys = [row.key for row in export.rows]
    items = [
        _item(key, values, end, roles, said)
        for key, (_, values), end in zip(
            keys,
            rows.loc[keys].iterrows(),
            outcome.loc[keys, list(OUTCOME)].itertuples(index=False, name=None),
            strict=True,
        )
    ]
    more = {"drawn": _drawn(export), "prefix": PREFIX, "seen": SEEN}
    return render_asked("tagging", export, items, **more)


def tagging_table(
    export: Export, rows: pd.DataFrame, outcome: pd.DataFrame, roles: Roles, said: Said
) -> str:
    """The export as CSV with an empty column for each tag, for a spreadsheet."""
    lines: list[Sequence[object]] = []
    for row in export.rows:
        true, predicted, probability = outcome.loc[row.key, list(OUTCOME)]
        before = ", ".join(tag for tag, has in said.get(row.key, {}).items() if has)
        values = feature_cells(rows, row.key, roles)
        lines.append(
            [
                *(export.id, for_spreadsheet(row.key), *values),
                *(for_spreadsheet(str(true)), for_spreadsheet(str(predicted))),
                *(shown(probability), for_spreadsheet(before)),
                *("" for _ in export.tags),
            ]
        )
    tags = [PREFIX + tag for tag in export.tags]
    columns = ["export", "row_key", *feature_columns(roles), *OUTCOME, "tagged before", *tags]
    return table_text(columns, lines)


def _item(key: str, values: pd.Series, end: tuple[object, ...], roles: Roles, said: Said) -> _Item:
    true, predicted, probability = end
    return _Item(
        **contents_of(key, values, roles),
        true=str(true),
        predicted=str(predicted),
        probability="unknown" if pd.isna(probability) else f"{probability:.2f}",  # type: ignore[call-overload]
        wrong=true != predicted,
        said=dict(said.get(key, {})),
    )


def _drawn(export: Export) -> str:
    """What share of the rows is on the page."""
    strata = {one.name: one for one in export.strata}
    parts = [
        f"{strata[name].drawn} of the {strata[name].rows:,} {words}"
        for name, words in ((ERRORS, "errors"), (RIGHT, "right answers"))
        if name in strata
    ]
    return f"Here are {' and '.join(parts)} of the model on dev, drawn at random and mixed."
