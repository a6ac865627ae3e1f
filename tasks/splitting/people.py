"""Does a column name people or things that have several rows each, which a split by key parts?"""

from __future__ import annotations

import re

import pandas as pd

from tasks.checks import Check
from tasks.project.roles import Roles

_NAMES = re.compile(
    r"(^|_)(patient|customer|client|user|speaker|subject|person|participant|account|device|"
    r"machine|household|family|student|author|driver|employee|worker|member|animal|vehicle)"
    r"(s|_?(id|no|nr|number|key|name))?$"
)
_FEWEST_THINGS, _ROWS_EACH = 10, 1.5


def people_check(frame: pd.DataFrame, roles: Roles) -> tuple[Check, ...]:
    """A warning that advises a split by group; no check where no column suggests one.

    A column suggests one that is called after people or things, has ten values or more, and 1.5
    rows a value or more.
    """
    for name in frame.columns:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]+", "_", str(name)).lower()
        if name in (roles.target, roles.key) or not _NAMES.search(snake):
            continue
        known = frame[name].dropna()
        things = int(known.nunique())
        if things >= _FEWEST_THINGS and len(known) >= _ROWS_EACH * things:
            return (_check(str(name), things, len(known)),)
    return ()


def _check(name: str, things: int, rows: int) -> Check:
    return Check(
        id="splitting.undeclared_groups",
        stage="splitting",
        title="Rows of one person or thing that the split may part",
        severity="warning",
        outcome="failed",
        detail=f"`{name}` has {things:,} values in {rows:,} rows, and the split does not keep rows "
        "of one value together: what is learned of one of its rows helps on the others, and "
        f"intervals come out too narrow. Declare split: {{by: group, column: {name}}}.",
        value=float(rows / things),
        n=rows,
    )
