"""Which rows a tag of the project marks: a slice, a text pattern, a function of the user's.

Guarantees: every row is known; a pattern takes time in proportion to the text (RE2), so that none
can hang a run; a function is imported only from an allowed package, gets a copy of the rows, and
whatever it does wrong is one sentence that names the tag.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from tasks.conditions import Mask, column_kind, nearest_column
from tasks.errors import ProjectFileError, UsageError
from tasks.project.fields import SliceSpec
from tasks.project.sections import Project
from tasks.project.tag_sections import TagSpec, split_path
from tasks.slice_metrics import NamedSlices, named_slices
from tasks.slices import slice_masks


def rule_tags(project: Project, frame: pd.DataFrame, allow_imports: Sequence[str]) -> NamedSlices:
    """The project's slices and tags over the rows of `frame`, each name once.

    Raises ProjectFileError for two of one name that differ, a slice or pattern that does not fit
    the columns, and a function that is not allowed, fails, or gives no boolean for each row.
    """
    cut = partial(_masks, allow_imports=allow_imports)
    return named_slices((*project.slices, *project.error_analysis.tags), frame, cut)


def _masks(
    spec: SliceSpec, frame: pd.DataFrame, allow_imports: Sequence[str]
) -> list[tuple[str, Mask]]:
    if not isinstance(spec, TagSpec) or (spec.pattern is None and spec.function is None):
        return slice_masks(spec, frame)
    found = _matches(spec, frame) if spec.function is None else _called(spec, frame, allow_imports)
    return [(str(spec.name), found)]


def _matches(tag: TagSpec, frame: pd.DataFrame) -> Mask:
    """The rows in whose cell the pattern is found."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = str(tag.column)
    if name not in frame.columns:
        raise ProjectFileError(
            f"tag '{tag.name}' names the column '{name}'{nearest_column(name, frame)}"
        )
    column = frame[name]
    kind = column_kind(column)
    if kind != "word":
        raise ProjectFileError(
            f"tag '{tag.name}': '{name}' holds {kind}s, and a pattern searches words; write a "
            f"condition, such as {name} > {'0' if kind == 'number' else repr('2024-05-31')}"
        )
    cells = column.astype(object).where(column.notna(), None)
    words = pa.array([None if cell is None else str(cell) for cell in cells], pa.large_string())
    found = pc.match_substring_regex(words, str(tag.pattern), ignore_case=tag.ignore_case)
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _called(tag: TagSpec, frame: pd.DataFrame, allow_imports: Sequence[str]) -> Mask:
    """The rows that the function of the tag marks."""
    path = str(tag.function)
    if tag.package not in allow_imports:
        raise UsageError(
            f"tag '{tag.name}': '{path}' would import the package '{tag.package}', which is not "
            f"allowed; allow it with --allow-imports {tag.package}"
        )
    module, name = split_path(path)
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as failure:  # the import runs foreign code, which may fail in any way
        raise ProjectFileError(
            f"tag '{tag.name}': '{path}' cannot be imported: {failure}"
        ) from None
    if not callable(function):
        raise ProjectFileError(f"tag '{tag.name}': '{path}' is not a function")
    try:
        found = function(frame.copy())
    except Exception as failure:  # foreign code again
        raise ProjectFileError(
            f"tag '{tag.name}': '{path}' failed on the {len(frame)} rows: "
            f"{type(failure).__name__}: {failure}"
        ) from None
    return _as_mask(tag, found, frame)


def _as_mask(tag: TagSpec, found: object, frame: pd.DataFrame) -> Mask:
    """The booleans that a function gave, in the order of the rows."""
    start = f"tag '{tag.name}': '{tag.function}' must return one boolean a row"
    if isinstance(found, pd.Series):
        if len(found) == len(frame) and not found.index.equals(frame.index):
            raise ProjectFileError(f"{start}, in the order of the rows; its index is another one")
        values = found
    elif isinstance(found, np.ndarray | list | tuple) and np.ndim(found) == 1:
        values = pd.Series(found)
    else:
        raise ProjectFileError(f"{start}, and returned {_kind(found)}")
    if len(values) != len(frame):
        raise ProjectFileError(f"{start}: {len(frame)} rows, {len(values)} values")
    missing = int(values.isna().sum())
    if missing:
        raise ProjectFileError(f"{start}, and {missing} of its {len(values)} values are missing")
    if not pd.api.types.is_bool_dtype(values.dtype):
        raise ProjectFileError(f"{start}, and returned values of type {values.dtype}")
    return values.to_numpy(dtype=bool)


def _kind(found: object) -> str:
    shape = getattr(found, "shape", None)
    kind = type(found).__name__
    return f"{kind} of shape {shape}" if shape else kind
