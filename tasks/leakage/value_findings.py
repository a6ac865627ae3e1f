"""What does a value that settles the target, or leaves a class out, mean? One sentence a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.checks import Check, Severity
from tasks.leakage.columns import STAGE, Standing, listed, standing
from tasks.leakage.single_values import NEVER, TellingValue, ValueSearch
from tasks.project.roles import Roles
from tasks.project.sections import Project


def settling_checks(search: ValueSearch, roles: Roles, project: Project) -> list[Check]:
    """One check a column with a value that settles a class, about its strongest value."""

    def told(values: Sequence[TellingValue], place: Standing) -> Check:
        one = values[0]
        others = [f"`{value.value}`" for value in values[1:]]
        plural = len(others) > 1
        also = f" So {'do its values' if plural else 'does its value'} {listed(others)}."
        also = also if others else ""
        return _check(
            one,
            f"leakage.single_value:{one.column}",
            f"A value of `{one.column}` nearly settles the target",
            "warning" if place.severity == "critical" and not one.proven else place.severity,
            f"{_settled(one, roles.target)}{also} {place.remark}",
            project.leakage.min_value_rate,
        )

    return _by_column(search.settled, roles, project, told)


def leaving_out_checks(search: ValueSearch, roles: Roles, project: Project) -> list[Check]:
    """One check a column with a value that is never met with a class: never critical.

    A group without a risk, or a kind that cannot be, is often honest. Where the project accepts
    the column it is information.
    """

    def told(values: Sequence[TellingValue], place: Standing) -> Check:
        one = values[0]
        others = [f"`{value.value}` ({roles.target} = {value.label})" for value in values[1:]]
        also = f" So {'do' if len(others) > 1 else 'does'} {listed(others)}." if others else ""
        return _check(
            one,
            f"leakage.left_out_class:{one.column}",
            f"A value of `{one.column}` leaves a class out",
            "warning" if place.severity == "critical" else "info",
            f"{_left_out(one, roles.target)}{also} {place.remark}",
            NEVER * one.base_rate,
        )

    return _by_column(search.leaving_out, roles, project, told)


def values_searched(search: ValueSearch, project: Project) -> Check:
    """How many values were looked at: the evidence behind silence."""
    section = project.leakage
    if search.values:
        settled, out = len(search.settled), len(search.leaving_out)
        detail = (
            f"{search.values:,} values with {section.min_value_rows} rows or more in "
            f"{search.columns} columns were looked at; {settled or 'none'} nearly "
            f"{'settle' if settled > 1 else 'settles'} the target (a class in "
            f"{section.min_value_rate:.0%} of its rows and {section.min_value_odds:g} times the "
            f"odds of all rows, both by the lower bound), and {out or 'none'} "
            f"{'leave' if out > 1 else 'leaves'} a class out."
        )
    else:
        detail = (
            "No column of categories, of missing cells or of few numbers has a value with "
            f"{section.min_value_rows} rows or more in train and dev."
        )
    return Check(
        id="leakage.searched:single_value",
        stage=STAGE,
        title="Values looked at",
        severity="info",
        outcome="passed" if search.values else "not_applicable",
        detail=detail,
        value=float(search.values),
        n=search.columns,
        evidence="suspects" if search.settled or search.leaving_out else None,
    )


def _by_column(
    found: Sequence[TellingValue],
    roles: Roles,
    project: Project,
    told: Callable[[Sequence[TellingValue], Standing], Check],
) -> list[Check]:
    return [
        told(
            [value for value in found if value.column == column],
            standing(column, roles, project.leakage),
        )
        for column in dict.fromkeys(value.column for value in found)
    ]


def _check(
    one: TellingValue, name: str, title: str, severity: Severity, detail: str, limit: float
) -> Check:
    return Check(
        id=name,
        stage=STAGE,
        title=title,
        severity=severity,
        outcome="failed",
        detail=detail,
        value=one.rate,
        limit=limit,
        interval=(one.low, one.high),
        n=one.rows,
        evidence="suspects",
    )


def _settled(value: TellingValue, target: str) -> str:
    return (
        f"`{value.column}` = {value.value}: {value.hits:,} of {value.rows:,} rows have "
        f"{target} = {value.label} (lower bound {value.low:.0%}), against {value.base_rate:.0%} "
        f"of all {value.total:,} rows: this value "
        + (
            "nearly settles the target."
            if value.proven
            else "may nearly settle the target (with so many values looked at, its rows do not "
            "prove it)."
        )
    )


def _left_out(value: TellingValue, target: str) -> str:
    never = f"only {value.hits:,}" if value.hits else "none"
    return (
        f"`{value.column}` = {value.value}: {never} of {value.rows:,} rows "
        f"{'have' if value.hits > 1 else 'has'} {target} = {value.label}, and about "
        f"{value.expected:,.0f} were expected ({value.base_rate:.0%} of all {value.total:,} rows "
        "have it): this value leaves the class out."
    )
