"""What a run is given besides its project: data, labels, opponents, what earlier runs left.

Guarantee: a run that repeats a recorded one is given what that one was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.runs.earlier_runs import EarlierRuns
from flows.runs.opponents import Opponents
from tasks.label_review.files import LabelFiles
from tasks.recorded_run import RecordedRun


@dataclass(frozen=True)
class Given:
    """What a run is given besides its project.

    `data` is the copy of the source that is read, `labels` those of the overlay, the reviews,
    the label rules and the hand tags. `recorded` is the run that is repeated, where this one is a
    replay: it judges as that one did, and changes nothing.
    """

    data: Path
    labels: LabelFiles
    opponents: Opponents
    earlier: EarlierRuns
    recorded: RecordedRun | None = None
