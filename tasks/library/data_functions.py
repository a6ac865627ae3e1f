"""Functions on a table: what it is, and which columns give its target away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.fingerprints import Fingerprint, fingerprint_frame
from tasks.leakage.stage import find_leaks as _find_leaks
from tasks.library.plain_tables import plain_table
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles


@dataclass(frozen=True, eq=False)
class Leaks:
    """`suspects` are the columns that tell too much of the target, in order of their names.

    `columns` has every column alone, the strongest first: label (its name), value (out-of-fold
    area under the ROC curve of the class that it ranks best, 0.5 is not at all and 1 perfectly),
    class, errors_left (its errors over those of the commonest class), n and words (the most telling
    ones of a text). `values` has single values that settle a class or leave it out, with the 95 %
    interval of the class's rate.
    """

    suspects: tuple[str, ...]
    columns: pd.DataFrame
    values: pd.DataFrame


def fingerprint(frame: pd.DataFrame) -> Fingerprint:
    """What identifies a table: a SHA-256 of every cell of every row, by column and in all.

    Two frames have one fingerprint if and only if their columns have the same names, logical types
    and order, and their rows the same values in the same order. Chunks, dictionary encoding, the
    width of string offsets, the file format and the frame's `attrs` do not count; missing cells are
    one whatever stands for them; a named index counts as the first column.

    `total` and `columns` are in hex, `rows` is a count. An `object` column has the type that Arrow
    infers: where its cells are of several types, ValueError. Not for telling whether two tables
    hold the same rows in another order: sort them first.

    >>> import assayline, pandas as pd
    >>> table = pd.DataFrame({"town": ["Oslo", None], "price": [1.0, 2.5]})
    >>> assayline.fingerprint(table).total[:12]
    'c958305cae26'
    >>> changed = assayline.fingerprint(table.assign(price=[1.0, 2.6]))
    >>> changed.columns["town"] == assayline.fingerprint(table).columns["town"]
    True
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"the table is a {type(frame).__name__}, and a pandas DataFrame is needed")
    try:
        return fingerprint_frame(frame)
    except (ValueError, TypeError) as failure:  # those of pyarrow are among them
        reason = str(failure).splitlines()[0]
        raise ValueError(f"a column has cells of several types ({reason}); make them one") from None


def find_leaks(
    frame: pd.DataFrame,
    target: str | Roles,
    *,
    accept: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Leaks:
    """Columns that give the target away, as one does that is written down after the outcome.

    Each column is looked at alone: does one of its values (a missing cell is one) settle a class or
    leave it out, and how well does it rank the classes out of fold? A suspect is no proof: ask of
    each whether it is known when the prediction is made.

    `target` names the column of the classes; `Roles` says more: which columns are numbers, words
    or texts, that the target is a number (`regression`), or the `group` whose rows are no
    independent evidence. `accept` maps columns that may tell so much to the reason. Rows without a
    target are left out. Give the rows that training may see, not those of the final test.

    Bounds are Wilson's, corrected for the number of values looked at; areas are of at most 20,000
    rows, drawn by `seed`. Not for leaks that only several columns together give away, nor for
    classes with fewer than ten rows.

    Raises ValueError for a table or a column that cannot be meant.

    >>> import assayline, pandas as pd
    >>> day = list(range(60))
    >>> table = pd.DataFrame({"age": [20 + n * 7 % 40 for n in day],
    ...                       "paid_back": ["yes" if n % 3 else "no" for n in day]})
    >>> table["reminder_sent"] = (table["paid_back"] == "no").map({True: "sent", False: "none"})
    >>> assayline.find_leaks(table, "paid_back").suspects
    ('reminder_sent',)
    """
    table = plain_table(frame, target, seed, leakage={"accept": dict(accept or {})})
    if table.frame[table.roles.target].nunique() < 2:
        raise ValueError(f"'{table.roles.target}' has one value in all rows: nothing can tell it")
    found = _find_leaks(Dataset(table.frame, table.split, table.roles), table.project)
    return Leaks(
        suspects=tuple(found.facts["suspects"]),
        columns=found.tables["single_features"].frame,
        values=found.tables["suspects"].frame,
    )
