"""What a stage depends on: the key under which its result may be reused.

Guarantees: the key covers the sections of the project that the stage can see (it is handed a
project in which all others are at their defaults), the content of its inputs, the source of every
module of `tasks` that it imports, the versions of the libraries that those modules import, the
source or the version of every package that its candidates and tags come from, and the seed.
Anything else cannot change the result.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from tasks.evidence import hash_of
from tasks.local_packages import running_sources
from tasks.project.sections import Project
from tasks.stage_specs import StageSpec, find_spec

_ROOT = Path(__file__).resolve().parent

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
    seen, module = project_for(stage, project), _spec(stage).module
    return hash_of(
        {
            "stage": stage,
            "project": repr(seen.model_dump(by_alias=True)),
            "inputs": dict(inputs),
            "code": code_digest(module),
            "libraries": {**library_versions(module), **foreign_versions(seen)},
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
def code_digest(module: str) -> str:
    """SHA-256 over the source of `module` and of all that it imports inside `tasks`."""
    digest = hashlib.sha256()
    for path in _closure(module)[0]:
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def library_versions(module: str) -> dict[str, str]:
    """Versions of the third-party libraries that `module` and its closure import."""
    found = {_DISTRIBUTIONS[name] for name in _closure(module)[1] if name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **{name: version(name) for name in sorted(found)}}


@cache
def _closure(module: str) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Files inside `tasks` reachable by imports, sorted, and outside names imported there."""
    waiting, files, outside = [module], set(), set()
    while waiting:
        path = _file_of(waiting.pop())
        if path is None or path in files:
            continue
        files.add(path)
        if path.name == "__init__.py":
            waiting += [
                f"{_dotted(path.parent)}.{p.stem}"
                for p in path.parent.glob("*.py")
                if path.parent != _ROOT
            ]
        for name in _imports(path):
            if name.partition(".")[0] == "tasks":
                waiting.append(name)
            else:
                outside.add(name.partition(".")[0])
    return tuple(sorted(files)), frozenset(outside)


@cache
def _imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _file_of(module: str) -> Path | None:
    place = _ROOT.joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file() and path != _ROOT / "__init__.py":
            return path
    return None


def _dotted(folder: Path) -> str:
    return ".".join(("tasks", *folder.relative_to(_ROOT).parts))
