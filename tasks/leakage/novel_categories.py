"""Which categories does the model meet for the first time after training?

Guarantees: no label is read, so that test rows may be counted too. The model encodes such a
category as unknown; a missing cell is not a new category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Novelty:
    """`rows` of the `n` rows of dev and test have categories that train has not."""

    column: str
    rows: int
    n: int
    categories: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of dev and test rows whose category is new."""
        return self.rows / self.n if self.n else 0.0


def novel_categories(
    frame: pd.DataFrame, sides: pd.Series, columns: Sequence[str]
) -> list[Novelty]:
    """Compare the categories of dev and test with those of train, column by column."""
    in_train = (sides == "train").to_numpy()
    found = []
    for column in columns:
        later = frame.loc[~in_train, column]
        known = frame.loc[in_train, column].dropna().unique()
        novel = later[later.notna() & ~later.isin(known)]
        categories = tuple(sorted(str(value) for value in novel.unique()))
        found.append(Novelty(column, len(novel), len(later), categories))
    return found
