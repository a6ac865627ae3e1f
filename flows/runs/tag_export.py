"""What the newest run of a project got wrong on dev, for a person to tag.

Guarantees: dev rows alone are shown; an export is drawn whatever was tagged before, and rows that
were are shown with their tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flows.runs.newest_run import newest_run
from tasks.error_analysis.dev_errors import wrong_rows
from tasks.evidence import EvidenceStore
from tasks.label_review.design import write_design
from tasks.label_review.files import tag_exports_path, tags_path
from tasks.project.loading import LoadedProject
from tasks.project.roles import Roles
from tasks.reports.tagging import OUTCOME, Said, render_tagging, tagging_table
from tasks.tagging.exports import DEFAULT_ROWS, Export, draw_export, read_exports
from tasks.tagging.said import by_row, read_said, tags_of


@dataclass(frozen=True)
class DrawnExport:
    """An export with all that its page shows: its rows, what became of them, earlier tags."""

    export: Export
    rows: pd.DataFrame
    outcome: pd.DataFrame
    roles: Roles
    said: Said


def draw_from_newest_run(loaded: LoadedProject, home: Path, count: int | None) -> DrawnExport:
    """Draw `count` dev rows (default: 100) from the project's newest run with a candidate.

    Raises ProjectFileError where no run of this home has one, or it made no error.
    """
    name = loaded.project.name
    run_id, keys = newest_run(home, name, "error_analysis", "has analysed its errors")
    store = EvidenceStore(home / "evidence")
    predictions = store.output("training", keys["training"], "dev_predictions")
    split = store.output("splitting", keys["splitting"], "split")
    dev = split.index[(split["side"] == "dev").to_numpy()].intersection(predictions.index)
    frame = store.output("validation", keys["validation"], "curated").loc[dev]
    roles = Roles.from_facts(store.facts("ingestion", keys["ingestion"])["roles"])
    tolerance = store.facts("error_analysis", keys["error_analysis"]).get("tolerance")
    outcome = _outcome(roles.labels(frame), predictions.loc[dev])
    wrong = wrong_rows(predictions.loc[dev, "predicted"], roles.labels(frame), tolerance)
    said = read_said(tags_path(loaded))
    export = draw_export(
        pd.Series(wrong, index=dev),
        count=DEFAULT_ROWS if count is None else count,
        seed=loaded.project.seed,
        tags=tags_of(said),
        earlier=[one.id for one in read_exports(tag_exports_path(loaded))],
        about={"run_id": run_id, "project": name},
    )
    before = {key: {tag: one.has for tag, one in row.items()} for key, row in by_row(said).items()}
    asked = [row.key for row in export.rows]
    return DrawnExport(export, frame.loc[asked], outcome.loc[asked], roles, before)


def write_export(drawn: DrawnExport, folder: Path, designs: Path) -> Path:
    """Write `tags.html`, `tags.csv` and `design.json`; returns the page.

    `designs` keeps a copy of the design, so that answers find it.
    """
    export = drawn.export
    shown = (export, drawn.rows, drawn.outcome, drawn.roles, drawn.said)
    files = {"tags.html": render_tagging(*shown), "tags.csv": tagging_table(*shown)}
    write_design(export, files, folder, designs)
    return folder / "tags.html"


def _words(values: pd.Series) -> pd.Series:
    """Classes as they are, numbers with six digits."""
    if pd.api.types.is_float_dtype(values.dtype):
        return values.map("{:.6g}".format).astype("str")
    return values.astype("str")


def _outcome(labels: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """The columns `OUTCOME` by row key."""
    labels, predicted = _words(labels), _words(predictions["predicted"])
    probability = np.full(len(predicted), np.nan)
    for name in sorted(predicted.unique()):
        if f"p:{name}" in predictions:
            chosen = (predicted == name).to_numpy(dtype=bool)
            probability[chosen] = predictions.loc[chosen, f"p:{name}"]
    parts = (labels.to_numpy(), predicted.to_numpy(), probability)
    return pd.DataFrame(dict(zip(OUTCOME, parts, strict=True)), index=labels.index)
