"""Which features say nearly the same, so that one stands in for the other.

Two numbers are alike where Spearman's rank correlation is above 0.9 in size, two categories where
Cramer's V, corrected for its bias (Bergsma, Journal of the Korean Statistical Society 42 (2013)
323), is. A number is not compared with a category, nor a text with anything.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from tasks.project.roles import Roles

ALIKE = 0.9


def related_features(rows: pd.DataFrame, roles: Roles) -> list[tuple[str, ...]]:
    """All features in groups, in the order of `roles.features`; most groups are of one.

    Likeness is passed on: where a is like b and b like c, the three are one group.
    """
    group = {name: name for name in roles.features}
    for one, other in (*_like_numbers(rows, roles), *_like_categories(rows, roles)):
        first, second = group[one], group[other]
        group = {name: first if of == second else of for name, of in group.items()}
    members: dict[str, list[str]] = {}
    for name, of in group.items():
        members.setdefault(of, []).append(name)
    return [tuple(names) for names in members.values()]


def _like_numbers(rows: pd.DataFrame, roles: Roles) -> Iterator[tuple[str, str]]:
    """Pairs above the limit; a missing number counts as the median, as the models have it."""
    ranks = {}
    for name in roles.numeric:
        values = rows[name].astype("float64")
        if values.nunique() > 1:
            ranks[name] = rankdata(values.fillna(values.median()))
    if len(ranks) > 1:
        names = list(ranks)
        likeness = np.abs(np.corrcoef(np.stack(list(ranks.values()))))
        for one, other in itertools.combinations(range(len(names)), 2):
            if likeness[one, other] > ALIKE:
                yield names[one], names[other]


def _like_categories(rows: pd.DataFrame, roles: Roles) -> Iterator[tuple[str, str]]:
    codes = {
        name: pd.factorize(rows[name], use_na_sentinel=False)[0].astype(np.int64)
        for name in roles.categorical
    }
    for one, other in itertools.combinations(codes, 2):
        if cramers_v(codes[one], codes[other]) > ALIKE:
            yield one, other


def cramers_v(one: np.ndarray, other: np.ndarray) -> float:
    """Cramer's V of two columns of codes (from 0 up), corrected for its bias; 0 for a constant."""
    n, of_one, of_other = len(one), int(one.max(initial=0)) + 1, int(other.max(initial=0)) + 1
    if n < 2 or min(of_one, of_other) < 2:
        return 0.0
    cells, counts = np.unique(one * of_other + other, return_counts=True)
    rows, columns = np.bincount(one), np.bincount(other)
    expected = rows[cells // of_other] * columns[cells % of_other]
    phi = float((counts * counts / expected).sum()) - 1
    corrected = max(0.0, phi - (of_one - 1) * (of_other - 1) / (n - 1))
    sizes = [levels - (levels - 1) ** 2 / (n - 1) for levels in (of_one, of_other)]
    below = min(sizes) - 1
    return math.sqrt(corrected / below) if below > 0 else 0.0
