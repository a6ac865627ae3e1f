"""Has a model seen a row, whatever the row's split unit is called now?

Guarantees: a row that the model was fitted or tuned on is recognised by its unit, by its key, or,
where keys are made in another way now or its twins may stand for it, by the values of its features;
what cannot be told is a problem, never a row that counts as new.

One case is beyond it: a row whose key is made in another way and whose features were corrected.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.models import Champion
from tasks.project.roles import Roles
from tasks.row_values import DIGITS, value_hashes
from tasks.seen_rows import SeenRows
from tasks.splitting.units import base_units

Mask = npt.NDArray[np.bool_]


def hash_rows(rows: pd.DataFrame, roles: Roles) -> SeenRows:
    """The hashes of rows that a model with these roles has seen."""
    return SeenRows(
        keys=frozenset(_key_hashes(rows, roles)),
        features=frozenset(_feature_hashes(rows, roles)),
        naming=_naming(rows, roles),
    )


def find_seen(
    model: Champion, rows: pd.DataFrame, units: pd.Series, roles: Roles
) -> tuple[Mask, str]:
    """Which of `rows` the model has seen, and why that cannot be told (empty where it can).

    `units` are the rows' present units. The features of the model have to be columns of `rows`, as
    `tasks.models.champion_problem` says. Equal features count in any case where keys are made in
    another way; else where they are those of today, and the split does not let twins cross (it does
    by group).
    """
    known = units.isin(model.units).to_numpy(dtype=bool)
    seen = model.seen
    if seen is None or not (seen.keys and seen.features):
        return known, (
            "it does not say which rows it was fitted on, so that no test row is known to be new "
            "to it (it was registered before versions kept that); a person has to decide"
        )
    own = Roles.from_facts(model.package.facts["roles"])
    alike = seen.naming == _naming(rows, roles)
    if alike:
        known = known | _key_hashes(rows, roles).isin(seen.keys).to_numpy(dtype=bool)
    if not alike or (roles.group is None and set(own.features) == set(roles.features)):
        known = known | _feature_hashes(rows, own).isin(seen.features).to_numpy(dtype=bool)
    if roles.group is None:
        # Copies of a row share its unit, whichever of them gave the unit its name.
        known = units.isin(units[known]).to_numpy(dtype=bool)
    return known, ""


def _naming(rows: pd.DataFrame, roles: Roles) -> str:
    """How a row is named: by a column, or by the values of columns as they are read.

    Read in another way (numbers as words, since the split is by group), the same values make
    another key.
    """
    made_of = [[name, _kind(rows[name])] for name in sorted(roles.key_columns)]
    rule = json.dumps([roles.key, [] if roles.key is not None else made_of])
    return hashlib.sha256(rule.encode()).hexdigest()[:DIGITS]


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "numbers"
    return "times" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "words"


def _key_hashes(rows: pd.DataFrame, roles: Roles) -> pd.Series:
    """Of each row's key, without the occurrence number where the key was made."""
    return base_units(rows, roles).str[:DIGITS]


def _feature_hashes(rows: pd.DataFrame, roles: Roles) -> pd.Series:
    """Of the values of each row's features."""
    return value_hashes(rows, roles.features, roles.numeric)
