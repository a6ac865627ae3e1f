"""What a run is given besides its project: data, labels, opponents, what earlier runs left.

Guarantee: a run that repeats a recorded one is given what that one was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.runs.earlier_runs import EarlierRuns
from flows.runs.opponents import Opponents
from tasks.label_review.files import LabelFiles


@dataclass(frozen=True)
class Given:
    """What a run is given besides its project.

    `data` is the copy of the source that is read, `labels` those of the overlay, the reviews,
    the label rules and the hand tags. `measured` is what a run that is repeated measured, by
    check: it cannot be had again.
    """

    data: Path
    labels: LabelFiles
    opponents: Opponents
    earlier: EarlierRuns
    measured: Mapping[str, Any] = field(default_factory=dict)
