"""The four numbers of a tag over the last runs of a project.

Guarantees: a run in which a tag was not measured has no row for it; nothing is shown of a tag that
one run alone measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Table

MOST_RUNS = 6
_RATES = ("error_rate", "share_of_errors", "share_of_data", "room")


@dataclass(frozen=True)
class TaggedRun:
    """A run by when it started (ISO) and its version, with its table `tags`."""

    started: str
    version: str
    tags: pd.DataFrame


def tag_trend(runs: Sequence[TaggedRun], names: Iterable[str]) -> Table | None:
    """A row a tag and run, the runs in the order given; None where no tag has two.

    Columns: tag, run (1 is the oldest), started, version, n; the four numbers with intervals.
    """
    rows = [row for name in names for row in _rows_of(name, runs)]
    if not rows:
        return None
    return Table(
        title="Error rate within these tags, run by run",
        frame=pd.DataFrame(rows),
        note="The runs that found something new, this one on the right, each with its 95 % "
        "interval. They share dev rows: overlapping intervals do not say that nothing changed.",
    )


def _rows_of(name: str, runs: Sequence[TaggedRun]) -> list[dict[str, object]]:
    rows = []
    for place, run in enumerate(runs, 1):
        found = run.tags[run.tags["tag"] == name]
        if not found.empty:
            values = found.iloc[0].to_dict()
            row: dict[str, object] = {
                "tag": name,
                "run": place,
                "started": run.started[:16].replace("T", " "),
                "version": run.version,
                "n": int(values["n"]),
            }
            for rate in _RATES:
                ends = (rate, f"{rate}_low", f"{rate}_high")
                row |= {end: float(values.get(end, float("nan"))) for end in ends}
            rows.append(row)
    return rows if len(rows) > 1 else []
