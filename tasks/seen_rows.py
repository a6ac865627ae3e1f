"""The rows that a model was fitted or tuned on, as hashes that give no data away.

Guarantees: each hash is 64 bits, as 16 hex digits; two rows that share one by chance (about one in
10 million where a million rows meet a million) only leave a row out of a comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

SEEN_ROWS = "seen_rows"
"""The name of the frame that holds them, as evidence and (with its ending) as a file."""


@dataclass(frozen=True)
class SeenRows:
    """Hashes of the rows of train and dev: of their keys, and of the values of all features.

    `naming` is the hash of how keys were made: only keys of one naming can be compared. Which
    features there were is in the roles of the model's package.
    """

    keys: frozenset[str]
    features: frozenset[str]
    naming: str

    def to_frame(self) -> pd.DataFrame:
        """Columns `by` (features, key, naming) and `hash`, sorted, each pair once."""
        parts = {"features": self.features, "key": self.keys, "naming": {self.naming}}
        pairs = [(by, one) for by, hashes in parts.items() for one in sorted(hashes)]
        return pd.DataFrame(pairs, columns=["by", "hash"], dtype="str")

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> SeenRows:
        """What `to_frame` gave."""
        parts = {by: frozenset(hashes) for by, hashes in frame.groupby("by")["hash"]}
        none: frozenset[str] = frozenset()
        return cls(
            keys=parts.get("key", none),
            features=parts.get("features", none),
            naming=next(iter(parts.get("naming", none)), ""),
        )
