"""Weak slices: properties whose dev rows are wrong more often than the rest."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.conditions import Mask


@dataclass(frozen=True)
class WeakSlice:
    """A slice that was confirmed: its name, the columns that define it, its rows among dev's."""

    name: str
    columns: tuple[str, ...]
    rows: Mask
