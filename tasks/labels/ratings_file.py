"""Ratings in long form: a file with one label of one item a row, joined to the rows of the data.

Guarantees: every row of the file is used or counted under one reason with its line; a label that
is none of the classes, and an item that is not among the rows, are said and never guessed; the
order of the file decides nothing; bad data is a failed check, never an exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Check, Outcome, Table, judged
from tasks.errors import ProjectFileError
from tasks.fingerprints import fingerprint_frame
from tasks.ingestion.reading import read_source
from tasks.ingestion.sources import RawSource
from tasks.labels.ratings import (
    Ratings,
    as_labels,
    as_numbers,
    cast_once,
    find_classes,
    numbers_among,
)
from tasks.messages import nearest_name
from tasks.project.data_sections import SourceSection
from tasks.project.label_sections import LabelsSection, RatingsSection

SHOWN_ROWS = 200
_COLUMNS = ("item", "annotator", "label", "time")


@dataclass(frozen=True, kw_only=True)
class ReadRatings:
    """The ratings of a file (None where nothing can be said), judged; `unusable` lists rows."""

    check: Check
    ratings: Ratings | None = None
    unusable: Table | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def read_ratings(
    path: Path, labels: LabelsSection, items: pd.Series, classes: Sequence[str] | None
) -> ReadRatings:
    """Read `path` as `labels.ratings` says.

    `items` holds what names each row of the data, `classes` the classes that a label may be (None:
    any number, which the interval scale takes). Raises ProjectFileError where there is no such
    file, or a column stands in it twice.
    """
    settings = labels.ratings or RatingsSection(path=path.name)
    source = SourceSection(
        path=settings.path,
        format=settings.format,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
    )
    raw = read_source(path, source)
    name = Path(settings.path).name
    _refuse_repeated(name, raw)
    problem = raw.problem or _structure_problem(name, raw, settings, items)
    if problem is not None:
        return ReadRatings(check=ratings_check("failed", f"{problem}."))
    cells = _cells(raw, settings, labels.rename)
    item = _positions(cells["item"], items)
    if classes is None:
        cells["label"] = as_numbers(cells["label"])
    names = tuple(classes) if classes is not None else numbers_among([cells["label"]])
    label = find_classes(cells["label"], names)
    reasons = _reasons(cells, item, label, settings)
    used = (reasons == "").to_numpy()
    ratings, again = _as_ratings(cells[used], item[used], label[used], len(items), names)
    aside = _set_aside(raw, cells, reasons)
    total = len(cells) + len(raw.bad_rows)
    return ReadRatings(
        check=_judge(name, aside, total, again, labels.max_unusable_ratings),
        ratings=ratings,
        unusable=_table(aside) if len(aside) else None,
        facts={
            "fingerprint": fingerprint_frame(cells[list(_COLUMNS)]).total,
            "ratings": total,
            "used": int(used.sum()),
            "unusable": {str(k): int(v) for k, v in aside["reason"].value_counts().items()},
            "labelled_again": again,
        },
    )


def _refuse_repeated(name: str, raw: RawSource) -> None:
    twice = [column for column, times in Counter(raw.columns).items() if times > 1]
    if twice:
        raise ProjectFileError(
            f"{name}, which labels.ratings names, has the column '{twice[0]}' more than once; "
            "give each column a name of its own"
        )


def ratings_check(outcome: Outcome, detail: str, **more: Any) -> Check:
    """Whether the ratings can be used; critical, since the rest is judged on what is left."""
    return Check(
        id="label_consistency.ratings",
        stage="label_consistency",
        title="Share of the ratings that cannot be used",
        severity="critical",
        outcome=outcome,
        detail=detail,
        **more,
    )


def _structure_problem(
    name: str, raw: RawSource, settings: RatingsSection, items: pd.Series
) -> str | None:
    declared = [settings.item, settings.label, settings.annotator, settings.time]
    for column in declared:
        if column is not None and column not in raw.columns:
            near = nearest_name(column, raw.columns)
            hint = f"it has '{near}'" if near else f"it has {', '.join(raw.columns)}"
            return f"labels.ratings names the column '{column}', which {name} lacks; {hint}"
    if not raw.table.num_rows and not raw.bad_rows:
        return f"{name} holds no rating"
    repeated = items[items.duplicated() & items.notna()]
    if len(repeated):
        value, rows = repeated.iloc[0], int((items == repeated.iloc[0]).sum())
        return (
            f"labels.ratings.matches names the column '{settings.matches}', whose value '{value}' "
            f"stands in {rows} rows; name a column that tells rows apart"
        )
    return None


def _cells(raw: RawSource, settings: RatingsSection, rename: Mapping[str, str]) -> pd.DataFrame:
    """item, annotator, label and time of each row as text, NaN where missing, and its line."""
    cells = pd.DataFrame({"line": raw.lines})
    for role in _COLUMNS:
        column = getattr(settings, role)
        if column is None:
            cells[role] = pd.Series(np.nan, index=cells.index, dtype="str")
            continue
        values = as_labels(raw.table[column].to_pandas())
        absent = settings.null_values if role == "label" else ("",)
        cells[role] = values.where(~values.isin(absent))
    if rename:
        cells["label"] = cells["label"].replace(dict(rename))
    return cells


def _positions(item: pd.Series, items: pd.Series) -> NDArray[np.int64]:
    """The row that each rating is about, -1 where none; a row without a name has no rating."""
    named = np.flatnonzero(items.notna().to_numpy())
    at = pd.Index(items.iloc[named]).get_indexer(pd.Index(item))
    found: NDArray[np.int64] = np.append(named, -1)[at].astype(np.int64)
    return np.where(item.isna().to_numpy(), -1, found)


def _reasons(
    cells: pd.DataFrame, item: NDArray[np.int64], label: NDArray[np.int64], said: RatingsSection
) -> pd.Series:
    """Why a row cannot be used, the first that holds; empty where it can."""
    unread = cells["time"].notna() & _times(cells["time"]).isna()
    conditions = {
        "no item": cells["item"].isna(),
        "no label": cells["label"].isna(),
        "no annotator": cells["annotator"].isna() & (said.annotator is not None),
        "an item that is not among the rows": item < 0,
        "a label that is none of the classes": label < 0,
        "a time that cannot be read": unread,
    }
    reasons = np.select([np.asarray(one) for one in conditions.values()], list(conditions), "")
    return pd.Series(reasons, index=cells.index, dtype="str")


def _times(cells: pd.Series) -> pd.Series:
    """Numbers as they are, else dates and times (ISO 8601) as seconds; NaN where unreadable."""
    numbers = pd.to_numeric(cells, errors="coerce")
    dates = pd.to_datetime(cells.where(numbers.isna()), errors="coerce", utc=True, format="ISO8601")
    seconds = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return numbers.astype(np.float64).fillna(seconds)


def _as_ratings(
    cells: pd.DataFrame,
    item: NDArray[np.int64],
    label: NDArray[np.int64],
    rows: int,
    classes: tuple[str, ...],
) -> tuple[Ratings, int]:
    """The usable rows as ratings, one an annotator and item; how often somebody labelled again."""
    known = bool(cells["annotator"].notna().any())
    codes, people = pd.factorize(cells["annotator"], sort=True)
    order = np.argsort(item, kind="stable")
    ratings = Ratings(
        item=item[order],
        label=label[order],
        annotator=codes.astype(np.int64)[order] if known else None,
        items=rows,
        classes=classes,
        annotators=tuple(str(one) for one in people) if known else (),
    )
    timed = bool(cells["time"].notna().any())
    time = _times(cells["time"]).fillna(-np.inf).to_numpy(dtype=np.float64)[order]
    once = cast_once(ratings, time if timed else None)
    again = 0 if once.repeats is None else int(once.repeats.pair.max()) + 1
    return once, again


def _set_aside(raw: RawSource, cells: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    """line, reason, item, annotator, label of each row that cannot be used, by line."""
    unusable = cells[reasons != ""].assign(reason=reasons[reasons != ""])
    bad = pd.DataFrame(
        [(row.line, f"a row that cannot be read: {row.reason}") for row in raw.bad_rows],
        columns=["line", "reason"],
    )
    columns = ["line", "reason", "item", "annotator", "label"]
    both = pd.concat([unusable, bad]) if len(bad) else unusable
    return both[columns].sort_values("line", ignore_index=True)


def _judge(name: str, aside: pd.DataFrame, total: int, again: int, limit: float) -> Check:
    share = len(aside) / total
    detail = f"{total - len(aside):,} of {total:,} ratings in {name} are used"
    clauses = []
    for reason, rows in aside.groupby("reason", sort=True):
        first = rows.iloc[0]
        shown = first["label"] if "label that" in str(reason) else first["item"]
        example = f"line {first['line']}" + (f", '{shown}'" if isinstance(shown, str) else "")
        clauses.append(f"{len(rows):,} with {reason} (first: {example})")
    if clauses:
        detail += f"; set aside were {'; '.join(clauses)}"
    if again:
        detail += f"; {again:,} times an annotator labelled one item again"
    outcome = judged(share, maximum=limit)
    return ratings_check(
        outcome,
        f"{detail}.",
        value=share,
        limit=limit,
        n=total,
        evidence="unusable_ratings" if len(aside) else None,
    )


def _table(aside: pd.DataFrame) -> Table:
    note = f"The first {SHOWN_ROWS} of {len(aside):,}." if len(aside) > SHOWN_ROWS else ""
    shown = aside.head(SHOWN_ROWS).reset_index(drop=True)
    return Table(title="Ratings that cannot be used", frame=shown, note=note)
