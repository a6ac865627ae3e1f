"""The rows of a project with their sides and the roles of their columns.

Guarantee: a row without a side is on none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.project.roles import Roles

Side = Literal["train", "dev", "test"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows by row key in `frame`; `split` has the `side` and `unit` of each, by the same key."""

    frame: pd.DataFrame
    split: pd.DataFrame
    roles: Roles

    @property
    def train(self) -> pd.DataFrame:
        """The rows that a model is fitted on."""
        return self.on("train")

    @property
    def dev(self) -> pd.DataFrame:
        """The rows by which a model is chosen and its errors are read."""
        return self.on("dev")

    @property
    def test(self) -> pd.DataFrame:
        """The rows that the audit and the gate look at."""
        return self.on("test")

    def on(self, side: Side) -> pd.DataFrame:
        """The rows of one side, in their order."""
        return self.frame.loc[self.mask(side)]

    def mask(self, side: Side) -> NDArray[np.bool_]:
        """Which rows of the frame are on the side."""
        sides = self.split["side"].reindex(self.frame.index)
        return (sides == side).to_numpy(dtype=bool)

    def labels(self, side: Side | None = None) -> pd.Series:
        """The labels of the rows, of one side or of all."""
        return self.roles.labels(self.frame if side is None else self.on(side))
