"""Golden rows: a few rows with the predictions that a version gave when it was registered.

Guarantees: the same rows and the same model give the same golden rows; a version that does not
predict them as it did, or cannot be asked, is told in one sentence and never passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import UserError
from tasks.estimators import feature_frame
from tasks.models import ModelPackage, load_model
from tasks.project.roles import ROW_KEY, Roles
from tasks.scoring import served_predictions

COUNT = 50
TOLERANCE = 1e-9
"""How far a probability may be off: another processor or build of a numerical library adds in
another order, which changes the last of some sixteen digits. A changed model differs by more."""

_FEATURE = "feature:"
_PROBABILITY = "probability:"
_PREDICTED = "predicted"


def make_golden_rows(
    package: ModelPackage,
    rows: pd.DataFrame,
    roles: Roles,
    extra_types: Sequence[str] = (),
    count: int = COUNT,
) -> pd.DataFrame:
    """The golden rows of a model: at most `count` of `rows`, which are indexed by the row key.

    The rows are those whose keys have the smallest SHA-256, so that the order of the table does not
    matter and no part of it is preferred. Columns: `row_key`; `feature:<name>`, as the model takes
    it; `predicted`, with the threshold applied; `probability:<class>`. Raises ProjectFileError and
    UnavailableError like `load_model`.
    """
    draws = [_draw(key) for key in rows.index.tolist()]
    drawn = sorted(range(len(rows)), key=draws.__getitem__)[:count]
    chosen = rows.iloc[drawn]
    model = load_model(package, extra_types=extra_types)
    features = feature_frame(chosen, roles)
    found = served_predictions(model, package.facts, features)
    columns: dict[str, Any] = {ROW_KEY: pd.Series(chosen.index.astype("str"), dtype="str")}
    for name in features.columns:
        columns[f"{_FEATURE}{name}"] = features[name].reset_index(drop=True)
    columns[_PREDICTED] = found["predicted"].reset_index(drop=True)
    for name in _classes(package):
        columns[f"{_PROBABILITY}{name}"] = found[f"p:{name}"].to_numpy()
    return pd.DataFrame(columns)


def golden_problem(
    package: ModelPackage, golden: pd.DataFrame | None, extra_types: Sequence[str] = ()
) -> str | None:
    """Why the model does not reproduce its golden rows, as a clause; None where it does.

    It does where every predicted class is equal and every probability is within `TOLERANCE`; of a
    regression, where every number is, relative to it where it is larger than 1.
    """
    if golden is None:
        return "it has none; it was registered before they were kept, or they are gone"
    stored = _stored_problem(package, golden)
    if stored is not None:
        return stored
    roles = Roles.from_facts(package.facts["roles"])
    columns = {name: golden[f"{_FEATURE}{name}"] for name in roles.features}
    try:
        model = load_model(package, extra_types=extra_types)
    except Exception as failure:  # bytes that were changed may fail in any way
        return f"it cannot be loaded: {_told(failure)}"
    try:
        found = served_predictions(model, package.facts, pd.DataFrame(columns))
    except Exception as failure:  # an estimator may fail in any way under another library
        return f"it cannot score its golden rows: {_told(failure)}"
    known = [] if roles.regression else sorted(str(name) for name in model.classes_)
    if known != _classes(package):
        return f"the model knows {_listed(known)} and was stored with {_listed(_classes(package))}"
    return _difference(golden, found, known)


def _stored_problem(package: ModelPackage, golden: pd.DataFrame) -> str | None:
    """What is wrong with the stored rows themselves."""
    if golden.empty:
        return "its golden rows are empty"
    classes = sorted(
        str(name).removeprefix(_PROBABILITY)
        for name in golden.columns
        if str(name).startswith(_PROBABILITY)
    )
    if classes != _classes(package):
        return (
            f"its golden rows have probabilities of {_listed(classes)} "
            f"and the model those of {_listed(_classes(package))}"
        )
    features = Roles.from_facts(package.facts["roles"]).features
    needed = [ROW_KEY, _PREDICTED, *(f"{_FEATURE}{name}" for name in features)]
    missing = [name for name in needed if name not in golden.columns]
    if missing:
        return f"its golden rows lack the column '{missing[0]}'"
    return None


def _difference(golden: pd.DataFrame, found: pd.DataFrame, classes: Sequence[str]) -> str | None:
    """The first of the widest differences, in words; a NaN on either side is one."""
    for name in classes:
        then = golden[f"{_PROBABILITY}{name}"].to_numpy(dtype=float)
        now = found[f"p:{name}"].to_numpy(dtype=float)
        apart = np.abs(then - now)
        apart[np.isnan(apart)] = np.inf
        at = int(apart.argmax())
        if apart[at] > TOLERANCE:
            return (
                f"golden row {golden[ROW_KEY].iloc[at]} has {float(now[at])!r} as the "
                f"probability of '{name}' and had {float(then[at])!r} when it was registered"
            )
    if not classes:
        return _number_difference(golden, found)
    other = np.flatnonzero((golden[_PREDICTED] != found["predicted"]).to_numpy())
    if len(other):
        at = int(other[0])
        return (
            f"golden row {golden[ROW_KEY].iloc[at]} is predicted as "
            f"'{found['predicted'].iloc[at]}' and was '{golden[_PREDICTED].iloc[at]}' when it "
            f"was registered ({len(other)} of {len(golden)} rows differ)"
        )
    return None


def _number_difference(golden: pd.DataFrame, found: pd.DataFrame) -> str | None:
    then, now = (part[_PREDICTED].to_numpy(dtype=float) for part in (golden, found))
    apart = np.abs(then - now) / np.maximum(np.abs(then), 1.0)
    apart[np.isnan(apart)] = np.inf
    at = int(apart.argmax())
    if apart[at] <= TOLERANCE:
        return None
    return (
        f"golden row {golden[ROW_KEY].iloc[at]} is estimated as {float(now[at])!r} and was "
        f"{float(then[at])!r} when it was registered"
    )


def _told(failure: Exception) -> str:
    if isinstance(failure, UserError):
        return str(failure)
    first = (str(failure).splitlines() or [""])[0]
    return f"{type(failure).__name__}: {first[:200]}"


def _draw(key: object) -> tuple[str, str]:
    return hashlib.sha256(str(key).encode()).hexdigest(), str(key)


def _classes(package: ModelPackage) -> list[str]:
    return sorted(str(name) for name in package.facts["classes"])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"the classes {shown}{more}" if names else "no class"
