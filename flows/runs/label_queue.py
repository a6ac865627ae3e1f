"""What the newest run of a project found on its labels: a review queue, the consensus.

Guarantees: a run that was refused because of its labels has a queue like any other; the design of
the queue, which tells suspects from rows drawn at random, is kept apart from what a reviewer sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.runs.newest_run import newest_run
from tasks.errors import ProjectFileError
from tasks.evidence import EvidenceStore
from tasks.label_review.design import write_design
from tasks.label_review.files import find_label_files, reviews_path
from tasks.label_review.overlay import Relabel
from tasks.label_review.queue import Queue, draw_queue
from tasks.label_review.reviews import UNSURE, read_reviews
from tasks.label_review.rules import LabelRules, read_rules
from tasks.project.loading import LoadedProject
from tasks.project.roles import ROW_KEY, Roles

_STAGE = "label_consistency"


@dataclass(frozen=True)
class DrawnQueue:
    """A queue with all that its page shows."""

    queue: Queue
    frame: pd.DataFrame
    split: pd.DataFrame
    roles: Roles
    rules: LabelRules | None


def draw_from_newest_run(loaded: LoadedProject, home: Path, count: int | None) -> DrawnQueue:
    """Draw `count` rows (default: `labels.review_rows`) from the project's newest run.

    Raises ProjectFileError where no run of this home judged the labels.
    """
    project = loaded.project
    run_id, keys = newest_run(home, project.name, _STAGE, "has judged its labels")
    store = EvidenceStore(home / "evidence")
    quality = store.output(_STAGE, keys[_STAGE], "label_quality")
    review = store.load(_STAGE, keys[_STAGE]).tables["review"].frame
    rules = find_label_files(loaded).rules
    defined = read_rules(rules) if rules is not None else None
    rule = defined.version if defined else ""
    # What was answered by other rules is asked again.
    reviewed = {
        one.key
        for one in read_reviews(reviews_path(loaded))
        if one.answer != UNSURE and one.rule == rule
    }
    return DrawnQueue(
        queue=draw_queue(
            quality,
            [*review[ROW_KEY], *_suspects(quality)],
            reviewed,
            count=count or project.labels.review_rows,
            seed=project.seed,
            about={
                "run_id": run_id,
                "project": project.name,
                "rule": rule,
            },
        ),
        frame=store.output("validation", keys["validation"], "curated"),
        split=store.output("splitting", keys["splitting"], "split"),
        roles=Roles.from_facts(store.facts("ingestion", keys["ingestion"])["roles"]),
        rules=defined,
    )


@dataclass(frozen=True)
class FoundConsensus:
    """The consensus by the project's method and the labels, by row key.

    `method` is that method, `about` what a correction by it says of its origin.
    """

    consensus: pd.DataFrame
    quality: pd.DataFrame
    reviewed: frozenset[str]
    method: str
    about: Relabel


def consensus_of_newest_run(loaded: LoadedProject, home: Path, when: str) -> FoundConsensus:
    """What several people said together, as the project's newest run found it.

    Raises ProjectFileError where no run judged the labels, or no item had two labels.
    """
    run_id, keys = newest_run(home, loaded.project.name, _STAGE, "has judged its labels")
    store = EvidenceStore(home / "evidence")
    stored = (_STAGE, keys[_STAGE])
    if "consensus" not in store.fingerprints(*stored):
        raise ProjectFileError(
            f"run {run_id} of {loaded.project.name} has no consensus: give two labels or more an "
            "item in 'labels.annotators' or 'labels.ratings', and run the project again"
        )
    rules = find_label_files(loaded).rules
    method = str(store.facts(*stored)["consensus"])
    return FoundConsensus(
        consensus=store.output(*stored, "consensus"),
        quality=store.output(*stored, "label_quality"),
        reviewed=frozenset(
            one.key for one in read_reviews(reviews_path(loaded)) if one.answer != UNSURE
        ),
        method=method,
        about=Relabel(
            key="",
            old="",
            new="",
            when=when,
            rule=read_rules(rules).version if rules is not None else "",
            reason=f"consensus by {method}",
            run_id=run_id,
        ),
    )


def write_queue(drawn: DrawnQueue, folder: Path, designs: Path) -> Path:
    """Write `queue.html`, `queue.csv` and `design.json`; returns the page.

    `designs` keeps a copy of the design, so that answers find it.
    """
    from tasks.label_review.neighbours import find_neighbours
    from tasks.reports.review import render_review, review_table

    queue = drawn.queue
    keys = [row.key for row in queue.rows]
    rows = drawn.frame.loc[keys]
    placed = drawn.frame.loc[drawn.split.index]
    near = find_neighbours(keys, placed, drawn.split, drawn.roles)
    shown = {
        "queue.html": render_review(queue, rows, drawn.roles, drawn.rules, near),
        "queue.csv": review_table(queue, rows, drawn.roles),
    }
    write_design(queue, shown, folder, designs)
    return folder / "queue.html"


def _suspects(quality: pd.DataFrame) -> list[str]:
    """The suspects, the least credible label first."""
    suspects = quality[quality["issue"]].rename_axis(ROW_KEY).reset_index()
    return [str(key) for key in suspects.sort_values(["quality", ROW_KEY])[ROW_KEY]]
