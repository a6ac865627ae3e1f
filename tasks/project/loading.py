"""From a YAML file and overrides to a frozen project, or one sentence on what is wrong.

Guarantees: an unknown key is refused with the nearest known one; paths are resolved against the
folder of the project file; overrides are read like the file.
"""

from __future__ import annotations

import contextlib
import copy
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tasks.errors import NotFoundError, ProjectFileError, UsageError
from tasks.messages import did_you_mean
from tasks.project.authority import binding_overrides
from tasks.project.sections import Project
from tasks.project.task import task_mistake
from tasks.project.yaml_text import parse_value, parse_yaml


@dataclass(frozen=True)
class LoadedProject:
    """A project with the file that it came from and that file's text.

    `own` is what the file says without the overrides; None where it is no project without them.
    """

    project: Project
    path: Path
    text: str
    overrides: tuple[str, ...]
    own: Project | None = None

    @property
    def binding(self) -> tuple[str, ...]:
        """The overrides that change what is bound to the project file."""
        return binding_overrides(self.own, self.project, self.overrides)

    @property
    def source_path(self) -> Path:
        """The data file, absolute."""
        return (self.path.parent / self.project.source.path).resolve()


def load_project(path: Path, overrides: Iterable[str] = ()) -> LoadedProject:
    """Read a project file and apply `section.key=value` overrides.

    Raises ProjectFileError, with one sentence, when the file cannot be read, is not a YAML mapping,
    has an unknown key or a value of the wrong kind.
    """
    path = _resolved(path)
    overrides = tuple(overrides)
    text = _read(path)
    values = parse_yaml(text, str(path))
    own = _without_overrides(values) if overrides else None
    for override in overrides:
        _apply_override(values, override)
    try:
        project = Project.model_validate(values)
    except ValidationError as failure:
        raise ProjectFileError(_explain(failure, path.name)) from None
    mistake = task_mistake(project)
    if mistake:
        raise ProjectFileError(f"{path.name}: {mistake}")
    return LoadedProject(project, path, text, overrides, own if overrides else project)


def _without_overrides(values: Mapping[str, Any]) -> Project | None:
    """What the file says by itself, where that is a project."""
    with contextlib.suppress(ValidationError):
        return Project.model_validate(copy.deepcopy(values))
    return None


def require_allowed(project: Project, allow_imports: Sequence[str]) -> None:
    """Raise UsageError when a candidate or a tag would import a package that is not allowed.

    Said before anything runs, because a cached stage imports nothing and would not notice.
    """
    for candidate in project.training.candidates:
        package = candidate.estimator.partition(".")[0]
        if package not in ("sklearn", *allow_imports):
            raise UsageError(
                f"estimator '{candidate.estimator}' would import the package '{package}', which is "
                f"not allowed; allow it with --allow-imports {package}"
            )
    for tag in project.error_analysis.tags:
        if tag.package is not None and tag.package not in allow_imports:
            raise UsageError(
                f"tag '{tag.name}': '{tag.function}' would import the package '{tag.package}', "
                f"which is not allowed; allow it with --allow-imports {tag.package}"
            )


def project_schema() -> dict[str, Any]:
    """The JSON Schema of the project file."""
    return Project.model_json_schema(by_alias=True)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (ValueError, OSError) as failure:
        raise ProjectFileError(f"{str(path)!r} is no path: {failure}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"no project file at {path}; check the path") from None
    except IsADirectoryError:
        raise ProjectFileError(f"{path} is a folder; name the project file in it") from None
    except UnicodeDecodeError:
        raise ProjectFileError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except OSError as failure:
        raise ProjectFileError(f"cannot read {path}: {failure.strerror}") from None


def _apply_override(values: dict[str, Any], override: str) -> None:
    dotted, equals, raw = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set {override}: write it as section.key=value")
    place = values
    for key in keys[:-1]:
        inner = place.get(key)
        if key == "source" and isinstance(inner, str):
            inner = {"path": inner}
        inner = {} if inner is None else inner
        if not isinstance(inner, dict):
            raise UsageError(f"--set {override}: '{key}' holds a value, not a section")
        place[key] = inner
        place = inner
    try:
        place[keys[-1]] = parse_value(raw, f"--set {override[:200]}")
    except ProjectFileError as failure:
        raise UsageError(str(failure)) from None


def _explain(failure: ValidationError, file_name: str) -> str:
    """One sentence for the first error, and how many more there are."""
    errors = failure.errors(include_url=False)
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    location = [part for part in first["loc"] if not str(part).startswith("function-")]
    where = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        sentence = f"unknown key '{where}'" + _nearest(location)
    elif first["type"] == "missing":
        sentence = f"'{where}' is missing; add it to the project file"
    else:
        message = first["msg"].removeprefix("Value error, ")
        value = first["input"]
        shown = f" (got {value!r})" if isinstance(value, str | int | float | bool) else ""
        sentence = f"'{where}': {message}{shown}" if where else f"{message}{shown}"
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{file_name}: {sentence}{more}"


def _nearest(location: list[int | str]) -> str:
    known = _fields_at(Project, location[:-1])
    keys = f"known keys here: {', '.join(sorted(known))}"
    return f"; {did_you_mean(str(location[-1]), known, keys)}"


def _fields_at(model: type[BaseModel], path: list[int | str]) -> list[str]:
    """Names that the project file may use at `path`, which may cross lists and unions."""
    for part in path:
        if isinstance(part, int) or part not in _names(model):
            continue
        inner = _section_in(_names(model)[part])
        if inner is None:
            return []
        model = inner
    return list(_names(model))


def _names(model: type[BaseModel]) -> Mapping[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_section_in(inner) for inner in typing.get_args(annotation))
    return next((section for section in found if section is not None), None)
