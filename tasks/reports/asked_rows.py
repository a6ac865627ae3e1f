"""What a page and a table show of a row that a person is asked about.

Guarantees: a missing cell is said to be; a cell that a spreadsheet would take for a formula is
written as text; a page's own scripts are named by their hash, so that no other can run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tasks.label_review.design import Design
from tasks.label_review.tables import for_spreadsheet
from tasks.project.roles import Roles
from tasks.reports.page import templates

_LONGEST_TEXT = 20_000
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class AskedItem:
    """What every page shows of a row: its texts, and its other features, by name."""

    key: str
    texts: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str], ...]


def contents_of(key: str, values: pd.Series, roles: Roles) -> dict[str, Any]:
    """The fields of an `AskedItem`."""
    others = (*roles.categorical, *roles.numeric)
    return {
        "key": key,
        "texts": tuple((name, shown(values[name])[:_LONGEST_TEXT]) for name in roles.text),
        "values": tuple((name, shown(values[name])) for name in others),
    }


def shown(value: object) -> str:
    """The value as a reader sees it."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "(missing)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def spreadsheet_cell(value: object) -> str:
    """The value for a spreadsheet, which computes no text but is free to read a number."""
    return for_spreadsheet(value) if isinstance(value, str) else shown(value)


def feature_columns(roles: Roles) -> list[str]:
    """The names of the features in a table, kept apart from the columns that answers have."""
    return [f"feature {name}" for name in roles.features]


def feature_cells(rows: pd.DataFrame, key: str, roles: Roles) -> list[str]:
    """The features of a row for a spreadsheet."""
    return [spreadsheet_cell(value) for value in rows.loc[key, list(roles.features)]]


def render_asked(kind: str, design: Design, items: Sequence[AskedItem], **more: object) -> str:
    """The page of that kind (`review` or `tagging`), self-contained."""
    script = page_script("asking.js", f"{kind}.js")
    page = templates().get_template(f"{kind}.html.j2")
    return page.render(design=design, items=items, **more, **script)


def page_script(*names: str) -> dict[str, str]:
    """The files of the templates as `script`, one after the other, and its `script_hash`."""
    script = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    digest = hashlib.sha256(script.encode()).digest()
    return {
        "script": Markup(script),  # noqa: S704 - our own files
        "script_hash": base64.b64encode(digest).decode(),
    }
