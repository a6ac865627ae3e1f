"""Folds of train rows for cross-validation.

Guarantee: rows of one split unit stay in one fold; the same seed gives the same folds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from tasks.estimators import as_outcomes, convergence_messages
from tasks.project.roles import quarters

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def fold_count(labels: pd.Series, units: pd.Series, wanted: int) -> int:
    """Folds that the rarest class can fill with a unit each; at least 2, and 0 where none can.

    A class with a single unit is left to one fold, and the models of that fold never see it.
    """
    units_by_class = units.groupby(labels.to_numpy()).nunique()
    if len(units_by_class) < 2 or units_by_class.max() < 2:
        return 0
    return max(2, min(wanted, int(units_by_class.min())))


def make_folds(labels: pd.Series, units: pd.Series, *, wanted: int, seed: int) -> list[Fold]:
    """Positions of the rows to fit on and to score, for each fold; none where no fold is possible.

    Units are dealt out, stratified by the rarest class among their rows; numbers by their quarter.
    """
    if pd.api.types.is_float_dtype(labels.dtype):
        labels = quarters(labels)
    count = fold_count(labels, units, wanted)
    if count == 0:
        return []
    codes, names = pd.factorize(units)
    frequency = labels.map(labels.value_counts()).to_numpy()
    by_rarity = np.lexsort((labels.to_numpy(dtype=object).astype(str), frequency))
    _, first = np.unique(codes[by_rarity], return_index=True)
    rarest = as_outcomes(labels)[by_rarity][first]
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    with convergence_messages():  # a class with fewer units than folds is warned of
        of_units = list(splitter.split(np.zeros(len(names)), rarest))
    scored = [np.isin(codes, units_scored) for _, units_scored in of_units]
    return [(np.flatnonzero(~chosen), np.flatnonzero(chosen)) for chosen in scored]
