"""The estimates of a regression to read first: those that are furthest off."""

from __future__ import annotations

import pandas as pd

from tasks.checks import Finding, Table
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.examples import CONFIDENT_ROWS, KEPT_AS, OUTPUT
from tasks.project.roles import ROW_KEY, Roles
from tasks.row_lines import short_values


def find_largest(errors: DevErrors, roles: Roles) -> Finding:
    """The furthest estimates as a table, and every wrong one as a frame by row key."""
    off = errors.predictions["predicted"] - errors.labels
    listed = pd.DataFrame(
        {"true_value": errors.labels, "estimated": errors.predictions["predicted"], "off_by": off}
    )[errors.wrong]
    order = listed["off_by"].abs().sort_values(ascending=False, kind="stable").index
    listed = listed.loc[order]
    shown = listed.head(CONFIDENT_ROWS)
    example = short_values(errors.rows.loc[shown.index], roles)
    table = Table(
        title="The estimates that are furthest off (dev)",
        frame=shown.assign(example=example).rename_axis(ROW_KEY).reset_index(),
        note="Look at these first: each is a wrong number, a missing feature or a new tag. All "
        f"{len(listed):,} that are off by more than {errors.tolerance:.4g} are in {KEPT_AS} in the "
        "run's folder and on its MLflow run.",
    )
    features = errors.rows.loc[listed.index, list(roles.features)].add_prefix("feature:")
    return Finding(
        tables={"largest_errors": table},
        outputs={OUTPUT: pd.concat([listed, features], axis=1).rename_axis(ROW_KEY)},
    )
