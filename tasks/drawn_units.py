"""What is drawn as a whole when it is asked how sure a number is: rows that share it count once.

Guarantee: rows of one declared group, and else copies of one example, are never taken for
independent evidence.
"""

from __future__ import annotations

import pandas as pd

from tasks.project.roles import Roles


def drawn_units(rows: pd.DataFrame, split: pd.DataFrame, roles: Roles) -> pd.Series | None:
    """The declared group of each row, else its split unit; None where every row is alone.

    Rows without a side (and so without a unit) are missing: each is alone. A split that was made
    elsewhere may name no units.
    """
    if roles.group is not None:
        return rows[roles.group]
    if "unit" not in split:
        return None
    units = split["unit"].reindex(rows.index)
    return units if units.dropna().duplicated().any() else None
