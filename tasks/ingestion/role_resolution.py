"""What is each column for?

Guarantees: a column has one role, save that the split's group or time column is a feature as well
where the project declares it as one; what is neither feature nor named otherwise is excluded with a
reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.messages import did_you_mean
from tasks.project.fields import SliceSpec
from tasks.project.roles import ColumnKind, Roles
from tasks.project.sections import Project

SAVED_INDEX = "__index_level_"  # how pandas names an index column in a Parquet file


def declared_kinds(project: Project) -> dict[str, ColumnKind]:
    """Kinds that the project settles: features by section, labels, group and key as words."""
    kinds: dict[str, ColumnKind] = {}
    if project.split.column is not None and project.split.by == "group":
        kinds[project.split.column] = "categorical"
    if project.split.column is not None and project.split.by == "time":
        kinds[project.split.column] = "time"
    kinds |= dict.fromkeys(project.features.numeric, "numeric")
    kinds |= dict.fromkeys(project.features.categorical, "categorical")
    kinds |= dict.fromkeys(project.features.text, "text")
    for name in (project.target, *project.labels.annotators):
        kinds[name] = "categorical"
    if project.task == "regression":
        kinds[project.target] = "numeric"
    if project.key is not None:
        kinds[project.key] = "text"  # only an empty key is missing: NA is Namibia
    return kinds


def resolve_roles(
    project: Project,
    kinds: Mapping[str, ColumnKind],
    no_feature: Mapping[str, str] | None = None,
    key_columns: tuple[str, ...] = (),
) -> Roles:
    """The role of every column in `kinds` (name to kind, in the order of the source).

    `no_feature` gives reasons found in the data why a column should not be a feature; a declared
    feature is one all the same. `key_columns` are those that make the row's key.
    """
    split = project.split
    excluded: dict[str, str] = {}
    by_kind: dict[str, list[str]] = {"numeric": [], "categorical": [], "text": []}
    reserved = {project.target, project.key, *project.labels.annotators}
    reserved |= set(project.features.outcome_only)
    for name, kind in kinds.items():
        if name in reserved:
            continue
        reason = _why_excluded(project, name, kind, no_feature or {})
        if reason is None:
            by_kind[kind].append(name)
        elif name != split.column or split.by == "key":
            excluded[name] = reason
    return Roles(
        target=project.target,
        positive_class=project.positive_class,
        numeric=tuple(by_kind["numeric"]),
        categorical=tuple(by_kind["categorical"]),
        text=tuple(by_kind["text"]),
        excluded=excluded,
        outcome_only=project.features.outcome_only,
        annotators=project.labels.annotators,
        key=project.key,
        key_columns=key_columns,
        group=split.column if split.by == "group" else None,
        time=split.column if split.by == "time" else None,
        regression=project.task == "regression",
    )


def _why_excluded(
    project: Project, name: str, kind: ColumnKind, no_feature: Mapping[str, str]
) -> str | None:
    features = project.features
    declared = name in (*features.numeric, *features.categorical, *features.text)
    reasons = [
        (name in features.exclude, features.exclude.get(name, "")),
        (kind == "time", no_feature.get(name, "a date or time")),
        (declared, None),
        (project.split.by != "key" and name == project.split.column, "the split's column"),
        (features.only_declared, "not among the declared features"),
        (name.startswith(SAVED_INDEX), "the index of the frame that was saved"),
    ]
    return next((reason for holds, reason in reasons if holds), no_feature.get(name))


def default_key_columns(project: Project, columns: Iterable[str]) -> tuple[str, ...]:
    """Declared key columns; else all but the target, label-side and outcome-only columns."""
    if project.key is not None:
        return ()
    if project.key_columns:
        return project.key_columns
    late = {project.target, *project.labels.annotators, *project.features.outcome_only}
    names = (name for name in columns if not name.startswith(SAVED_INDEX))
    return tuple(name for name in names if name not in late)


def unknown_columns(project: Project, columns: Iterable[str]) -> list[str]:
    """One clause for each column that the project names and the source does not have."""
    known = list(columns)
    clauses = []
    for place, name in _named_columns(project):
        if name not in known:
            meant = did_you_mean(name, known)
            clause = f"'{name}' in {place}" + (f" ({meant})" if meant else "")
            if clause not in clauses:
                clauses.append(clause)
    return clauses


def _named_columns(project: Project) -> Iterable[tuple[str, str]]:
    features = project.features
    forms = {
        name: getattr(project.source, name) for name in ("decimal", "thousands", "date_format")
    }
    listed: dict[str, Iterable[str]] = {
        **{f"source.{name}": form for name, form in forms.items() if isinstance(form, dict)},
        "features.numeric": features.numeric,
        "features.categorical": features.categorical,
        "features.text": features.text,
        "features.exclude": features.exclude,
        "features.outcome_only": features.outcome_only,
        "labels.annotators": project.labels.annotators,
        "labels.ratings.matches": _column_of_ratings(project),
        "leakage.accept": project.leakage.accept,
        "key_columns": project.key_columns,
        "training.mitigate": project.training.mitigate.columns if project.training.mitigate else [],
        "audit.gaps": [name for gap in project.audit.gaps for name in gap.crossed],
        "audit.important": [one.column for one in project.audit.important if one.column],
        "slices": _slice_columns(project.slices),
        "error_analysis.tags": [
            *_slice_columns(project.error_analysis.tags),
            *(tag.column for tag in project.error_analysis.tags if tag.column is not None),
        ],
        "gate.guard_slices": _slice_columns(project.gate.guard_slices),
        "audit.floors": _slice_columns(f.slice for f in project.audit.floors if f.slice),
        "split.column": [project.split.column] if project.split.column else [],
        "key": [project.key] if project.key else [],
    }
    for place, names in listed.items():
        for name in names:
            yield place, name


def _column_of_ratings(project: Project) -> list[str]:
    ratings = project.labels.ratings
    return [ratings.matches] if ratings is not None and ratings.matches is not None else []


def _slice_columns(slices: Iterable[SliceSpec]) -> list[str]:
    return [name for spec in slices for name in spec.columns]
