"""The answers that people gave to review queues, with how each row came into its queue.

Guarantees: a table that only grows; of several answers to one row of one queue the last holds; what
an estimate of the error rate needs stands in the same line as the answer.

The file is a CSV table: queue, key, side, stratum, stratum_rows, side_rows, known_rows, flagged,
given, answer, who, when, rule, run_id, comment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from tasks.label_review.records import WHOLE_NUMBER, columns_of, read_records, truth
from tasks.label_review.tables import write_table

RANKED = ("ranked suspects", "ranked others")
"""The strata of rows that were asked about because they look wrong, and not at random."""
UNSURE = "?"
"""The answer of somebody who cannot tell."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """One answer. `given` is the label that the row had, `answer` a class or `UNSURE`.

    The row was drawn from the `stratum_rows` rows of its stratum on its side, which has `side_rows`
    rows in all, `known_rows` of them reviewed before. `flagged` says whether it was a suspect,
    `rule` the version of the label rules, `run_id` the run that the queue came from.
    """

    queue: str
    key: str
    side: str
    stratum: str
    stratum_rows: int
    side_rows: int
    known_rows: int
    flagged: bool
    given: str
    answer: str
    who: str
    when: str
    rule: str
    run_id: str
    comment: str


COLUMNS = columns_of(Review)
_CELLS = {
    **dict.fromkeys(("stratum_rows", "side_rows", "known_rows"), WHOLE_NUMBER),
    "flagged": truth("true", "false"),
}


def read_reviews(path: Path) -> tuple[Review, ...]:
    """The answers in the order of the file; none where there is no file.

    Raises ProjectFileError for a file that is no table of reviews.
    """
    return read_records(path, Review, "table of reviews", _CELLS)


def write_reviews(reviews: Sequence[Review], path: Path) -> None:
    """Replace the file by one that holds `reviews`, at once."""
    write_table(COLUMNS, [astuple(review) for review in reviews], path)


def as_frame(reviews: Iterable[Review]) -> pd.DataFrame:
    """The answers that hold, one for each row of each queue; queues in order of appearance."""
    table = pd.DataFrame([astuple(review) for review in reviews], columns=list(COLUMNS))
    return table.drop_duplicates(["queue", "key"], keep="last").reset_index(drop=True)
