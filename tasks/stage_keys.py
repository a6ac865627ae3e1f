"""What a stage depends on: the key under which its result may be reused.

Guarantees: the key covers the sections of the project that the stage can see (it is handed a
project in which all others are at their defaults), the content of its inputs, the code of every
module of `tasks` that it imports and of those sections, the versions of the libraries that those
modules import, the source or the version of every package that its candidates and tags come from,
and the seed. Anything else cannot change the result; prose in the code is no part of the key.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any, get_args

from tasks import source_code
from tasks.evidence import hash_of
from tasks.local_packages import running_sources
from tasks.project.fields import Section
from tasks.project.sections import Project
from tasks.stage_specs import StageSpec, find_spec

_DISTRIBUTIONS = {
    "great_expectations": "great-expectations",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "skops": "skops",
    "sklearn": "scikit-learn",
}


def project_for(stage: str, project: Project) -> Project:
    """The project as the stage sees it: sections that it does not depend on at their defaults."""
    seen: dict[str, Any] = {
        "name": "project",
        "source": {"path": "-"},
        "target": project.target,
        "seed": project.seed,
    }
    values = project.model_dump(by_alias=True)
    for dotted in _spec(stage).sections:
        section, _, part = dotted.partition(".")
        if part:
            seen.setdefault(section, {})[part] = values[section][part]
        else:
            seen[section] = values[section]
    return Project.model_validate(seen)


def stage_key(stage: str, project: Project, inputs: Mapping[str, str]) -> str:
    """The key of a stage for `inputs` (name: content hash), as 32 hex characters."""
    seen = project_for(stage, project)
    return hash_of(
        {
            "stage": stage,
            "project": repr(seen.model_dump(by_alias=True)),
            "inputs": dict(inputs),
            "code": code_digest(stage),
            "libraries": {**library_versions(stage), **foreign_versions(seen)},
        }
    )[:32]


def foreign_versions(seen: Project) -> dict[str, str]:
    """What names the packages, besides scikit-learn, that a stage's candidates and tags come from.

    An installed one has a version, a local one "source <SHA-256>", and so have the local ones that
    it imports.
    """
    packages = foreign_packages(seen)
    found: dict[str, str] = {}
    for package in sorted(packages):
        for name in _distributions_of(package):
            with contextlib.suppress(PackageNotFoundError):
                found[name] = version(name)
    return {**found, **running_sources(packages)}


def foreign_packages(seen: Project) -> frozenset[str]:
    """The packages, besides scikit-learn, that a stage imports because the project names them.

    Those of its candidates and their types, and of the functions that are tags.
    """
    named = {
        name for one in seen.training.candidates for name in (one.estimator, *one.trusted_types)
    }
    tags = {tag.package for tag in seen.error_analysis.tags if tag.package is not None}
    return (frozenset(name.partition(".")[0] for name in named) - {"sklearn"}) | tags


def _spec(stage: str) -> StageSpec:
    found = find_spec(stage)
    if found is None:
        raise KeyError(f"no stage {stage}")
    return found


@cache
def _distributions_of(package: str) -> tuple[str, ...]:
    """Looked up once a process and not once a stage: it reads the files of every distribution."""
    return tuple(packages_distributions().get(package, [package]))


@cache
def code_digest(stage: str) -> str:
    """SHA-256 over the code that computes `stage`, and that of the sections that it sees."""
    return source_code.code_digest(_code_of(stage))


@cache
def library_versions(stage: str) -> dict[str, str]:
    """Versions of the third-party libraries that the code of `stage` imports."""
    names = source_code.outside_names(_code_of(stage))
    found = {_DISTRIBUTIONS[name] for name in names if name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **{name: version(name) for name in sorted(found)}}


def _code_of(stage: str) -> tuple[str, ...]:
    """The modules that compute a stage, and those that define the sections that it sees."""
    spec = _spec(stage)
    seen = {dotted.partition(".")[0] for dotted in spec.sections}
    fields = [Project.model_fields[name].annotation for name in sorted(seen)]
    return (spec.module, *sorted({name for one in fields for name in _sections_in(one)}))


def _sections_in(annotation: Any) -> Iterator[str]:
    """The modules of the sections that a field's type names."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation.__module__
    for inner in get_args(annotation):
        yield from _sections_in(inner)
