"""What a page and a table show of a row that a person is asked about.

Guarantees: a missing cell is said to be; a cell that a spreadsheet would take for a formula is
written as text; a page's own scripts are named by their hash, so that no other can run.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from tasks.label_review.tables import for_spreadsheet
from tasks.project.roles import Roles

_LONGEST_TEXT = 20_000
_TEMPLATES = Path(__file__).parent / "templates"


def texts_of(values: pd.Series, roles: Roles) -> tuple[tuple[str, str], ...]:
    """The texts of a row, by name of the feature."""
    return tuple((name, shown(values[name])[:_LONGEST_TEXT]) for name in roles.text)


def values_of(values: pd.Series, roles: Roles) -> tuple[tuple[str, str], ...]:
    """The other features of a row, by name."""
    return tuple((name, shown(values[name])) for name in (*roles.categorical, *roles.numeric))


def shown(value: object) -> str:
    """The value as a reader sees it."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "(missing)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def spreadsheet_cell(value: object) -> str:
    """The value for a spreadsheet, which computes no text but is free to read a number."""
    return for_spreadsheet(value) if isinstance(value, str) else shown(value)


def page_script(*names: str) -> dict[str, str]:
    """The files of the templates as `script`, one after the other, and its `script_hash`."""
    script = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    digest = hashlib.sha256(script.encode()).digest()
    return {
        "script": Markup(script),  # noqa: S704 - our own files
        "script_hash": base64.b64encode(digest).decode(),
    }
