"""A row in one line, for a table that a person reads.

Guarantees: a missing cell is told from an empty one; no line is longer than 200 characters; long
texts are cut, and that there are more columns is said.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.project.roles import Roles

_SHOWN_COLUMNS = 8
_SHOWN_CHARACTERS = 200
_TEXT_CHARACTERS = 120


def short_values(rows: pd.DataFrame, roles: Roles) -> list[str]:
    """The features of each row in one line: texts first, 8 columns and 200 characters at most."""
    names = (*roles.text, *roles.categorical, *roles.numeric)[:_SHOWN_COLUMNS]
    more = ", ..." if len(roles.features) > len(names) else ""
    alone = len(roles.features) == 1
    lines = []
    for values in zip(*(rows[name] for name in names), strict=True):
        shown = [_shown(value) for value in values]
        if not alone:
            shown = [f"{name}={value}" for name, value in zip(names, shown, strict=True)]
        lines.append(_cut(", ".join(shown) + more, _SHOWN_CHARACTERS))
    return lines


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "(missing)" if np.isnan(value) else f"{value:.6g}"
    return "(missing)" if value is None else _cut(" ".join(str(value).split()), _TEXT_CHARACTERS)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
