"""What training makes of suspected labels.

Guarantee: rows of train only; a dev or test row has no weight here, whatever its label looks like.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd


def suspect_weights(
    quality: pd.DataFrame, handling: Literal["weight", "leave_out"]
) -> pd.DataFrame:
    """`weight` of each suspected train row, by row key: 0, or the probability of its label.

    `quality` has side, issue and quality by row key.
    """
    suspects = quality[quality["issue"] & (quality["side"] == "train")].sort_index()
    weight = suspects["quality"].clip(lower=0.0)
    return pd.DataFrame({"weight": weight if handling == "weight" else weight * 0.0})
