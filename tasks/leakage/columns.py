"""Which columns are looked at, and how much does a finding in one of them matter?

Guarantees: every source column but the target, the key and the annotators' labels has a standing,
whether it is a feature or not; only what the model may use can be critical.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Severity
from tasks.project.model_sections import LeakageSection
from tasks.project.roles import Roles

STAGE = "leakage"
_MOST_CATEGORIES = 50
_MOST_DISTINCT_SHARE = 0.5


@dataclass(frozen=True)
class Standing:
    """What the project says of a column: its use in a word, and why it may be as it is."""

    use: str
    severity: Severity
    remark: str


def searched_columns(frame: pd.DataFrame, roles: Roles) -> list[str]:
    """Every source column but the target, the key and the annotators' labels, in order."""
    labels = {roles.target, roles.key, *roles.annotators}
    return [str(column) for column in frame.columns if column not in labels]


def categorical_columns(frame: pd.DataFrame, roles: Roles) -> list[str]:
    """Columns of categories: features of that kind, and unused words with few distinct values.

    Text and numbers are never among them: a rare word or a narrow range settles little.
    """
    return [
        column
        for column in searched_columns(frame, roles)
        if column in roles.categorical
        or (column not in roles.features and _holds_categories(frame[column]))
    ]


def standing(column: str, roles: Roles, section: LeakageSection) -> Standing:
    """How a leak in `column` counts: critical if it is used and not accepted."""
    if column not in roles.features:
        if column in roles.outcome_only:
            return Standing("outcome only", "info", "It is no feature: known after the outcome.")
        reason = roles.excluded.get(column, "").rstrip(".")
        return Standing("excluded", "info", f"It is no feature{f': {reason}' if reason else ''}.")
    if column in section.accept:
        reason = section.accept[column].rstrip(".")
        return Standing("accepted", "warning", f"The project accepts it: {reason}.")
    advice = "Is it known before the outcome? Exclude it, or accept it with a reason."
    return Standing("feature", "critical", advice)


def listed(names: Sequence[str], most: int = 5) -> str:
    """At most five names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def is_words(values: pd.Series) -> bool:
    """Whether the column holds words rather than numbers or times."""
    return not (
        pd.api.types.is_numeric_dtype(values.dtype)
        or pd.api.types.is_datetime64_any_dtype(values.dtype)
    )


def _holds_categories(values: pd.Series) -> bool:
    if not is_words(values):
        return False
    distinct = values.nunique()
    return distinct <= _MOST_CATEGORIES and distinct <= _MOST_DISTINCT_SHARE * len(values)
