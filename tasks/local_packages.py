"""The code that estimators come from and that no version names: packages beside the project.

Guarantees: a package counts as local by where its files lie, so that one installed for development
does too; nothing is imported to find or read it; what a local package imports from other local
packages counts as well; a package that is too large to read whole is refused, not read in part.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ModuleSpec, PathFinder
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from tasks.errors import ProjectFileError, UnavailableError

_OWN = Path(__file__).resolve().parents[1]
_OWN_PACKAGES = frozenset({"tasks", "flows"})
_CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST_FILES = 5_000
_MOST_BYTES = 100_000_000
_PREFIX = "source "


def local_sources(packages: Iterable[str], path: Sequence[str] | None = None) -> dict[str, str]:
    """The local ones among `packages` and those that they import: "source <SHA-256>" by name.

    They are looked for as an import would, or in the folders `path` alone. Installed packages and
    those that are not there are left out. Raises ProjectFileError for a package that is too large,
    UnavailableError where a file cannot be read.
    """
    waiting, found, seen = sorted(packages), {}, set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        files = _files(name, path)
        if files:
            found[name] = _PREFIX + _digest(files)
            waiting += sorted(_imported(files) - seen)
    return dict(sorted(found.items()))


@cache
def running_sources(packages: frozenset[str]) -> Mapping[str, str]:
    """`local_sources` as this process runs them: like an import, they are read once."""
    return local_sources(packages)


def recorded_sources(environment: Mapping[str, str]) -> dict[str, str]:
    """The local packages among the versions that a run recorded."""
    return {name: value for name, value in environment.items() if value.startswith(_PREFIX)}


def local_folders(packages: Iterable[str]) -> tuple[Path, ...]:
    """The folders from which an import of local packages takes them, sorted."""
    return tuple(sorted({place.parent for name in packages for place in _places(name, None)}))


def _digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over relative paths and bytes."""
    digest = hashlib.sha256()
    for name, file in files.items():
        content = _read(file)
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(name: str, path: Sequence[str] | None) -> dict[str, Path]:
    """The files of code of a local package by their relative paths, sorted; none if it is not."""
    found: dict[str, Path] = {}
    size = 0
    for place in _places(name, path):
        for file in _walk(place) if place.is_dir() else [place]:
            found[file.relative_to(place.parent).as_posix()] = file
            size += file.stat().st_size if file.exists() else 0
            if len(found) > _MOST_FILES or size > _MOST_BYTES:
                raise ProjectFileError(
                    f"the package '{name}' in {place} holds more than {_MOST_FILES} files or "
                    f"{_MOST_BYTES // 1_000_000} MB of code, which is too much to compare two "
                    "runs by; move the estimator to a package of its own"
                )
    return dict(sorted(found.items()))


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [n for n in folders if n not in _INSTALLED and not n.startswith(".")]
        yield from (Path(place, name) for name in names if name.endswith(_CODE))


def _places(name: str, path: Sequence[str] | None) -> list[Path]:
    """The folders of a local package, or the file of a local module; none where it is not local."""
    if name in sys.stdlib_module_names:
        return []
    spec = _spec(name, path)
    if spec is None:
        return []
    folders = spec.submodule_search_locations or [spec.origin or ""]
    places = [Path(one).resolve() for one in folders if one]
    there = [one for one in places if one.exists() and not _is_own(name, one)]
    outside = [one for one in there if not _INSTALLED & set(one.parts)]
    return outside or ([] if name in _distributed() else there)


def _spec(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    try:
        return find_spec(name) if path is None else PathFinder.find_spec(name, list(path))
    except (ImportError, ValueError, AttributeError):
        return None


def _is_own(name: str, place: Path) -> bool:
    """Whether it is Assayline, whose code has a hash of its own."""
    return name in _OWN_PACKAGES and place.parent == _OWN


@cache
def _distributed() -> frozenset[str]:
    return frozenset(packages_distributions())


def _imported(files: Mapping[str, Path]) -> set[str]:
    """The top-level packages that source files import."""
    names: set[str] = set()
    for file in files.values():
        if not file.name.endswith(tuple(SOURCE_SUFFIXES)):
            continue
        try:
            tree = ast.parse(_read(file))
        except (SyntaxError, ValueError):
            continue  # its import will say so
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as failure:
        raise UnavailableError(
            f"{file}, which an estimator may be imported from, cannot be read: {failure.strerror}"
        ) from None
