"""The code that a result depends on: the syntax of every module that computes it.

Guarantees: comments, docstrings and the descriptions of fields are no part of it, so that editing
them changes no hash; an import that only a type checker follows is none; the same source has the
same hash under every version of Python.

Parsing takes a second a run, so what was found is kept where Python keeps what it compiled, by the
hash of the source.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeGuard

_ROOT = Path(__file__).resolve().parent
_HUB = "tasks.project.sections"
"""Imports the models of all sections; a stage depends on those that it sees alone."""


class _Source(NamedTuple):
    digest: str
    imports: tuple[str, ...]


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """SHA-256 over the syntax of `modules` and of all that they import inside `tasks`."""
    found = _Cache.read()
    digest = hashlib.sha256()
    for path in _closure(modules)[0]:
        digest.update(
            f"{path.relative_to(_ROOT).as_posix()}\0{found.source(path).digest}\0".encode()
        )
    return digest.hexdigest()


@cache
def outside_names(modules: tuple[str, ...]) -> frozenset[str]:
    """The packages outside `tasks` that `modules` and all that they import there import."""
    return _closure(modules)[1]


def forget() -> None:
    """Read the sources again."""
    for one in (code_digest, outside_names, _closure, _Cache.read):
        one.cache_clear()


@cache
def _closure(modules: tuple[str, ...]) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Files inside `tasks` reachable by imports, sorted, and outside names imported there."""
    waiting, files, outside = list(modules), set(), set()
    sources = _Cache.read()
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or path in files or path == _file_of(_HUB):
            continue
        files.add(path)
        if path.name == "__init__.py":
            waiting += [f"{name}.{beside.stem}" for beside in path.parent.glob("*.py")]
        for imported in sources.source(path).imports:
            if imported.startswith("tasks"):
                waiting.append(imported)
            else:
                outside.add(imported)
    sources.keep()
    return tuple(sorted(files)), frozenset(outside)


def _file_of(module: str) -> Path | None:
    place = _ROOT.joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file() and path != _ROOT / "__init__.py":
            return path
    return None


class _Cache:
    """What was found in each source, by its hash, as it was kept by earlier processes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.known: dict[str, _Source] = {}
        self.new = False
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads(place.read_bytes())
            self.known = {key: _Source(one[0], tuple(one[1])) for key, one in kept.items()}

    @classmethod
    @cache
    def read(cls) -> _Cache:
        """The one of this process."""
        return cls(Path(importlib.util.cache_from_source(__file__)).with_suffix(".sources.json"))

    def source(self, path: Path) -> _Source:
        content = path.read_bytes()
        key = hashlib.sha256(_OWN + content).hexdigest()
        if key not in self.known:
            self.known[key], self.new = _parse(content), True
        return self.known[key]

    def keep(self) -> None:
        """Whole or not at all; where nothing can be written the next process parses again."""
        if not self.new or sys.dont_write_bytecode:
            return
        part = self.place.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps(self.known))
            part.replace(self.place)
            self.new = False


_OWN = hashlib.sha256(Path(__file__).read_bytes()).digest()
"""What is found depends on how it is looked for."""


def _parse(content: bytes) -> _Source:
    tree = ast.parse(content)
    text = "\n".join(_words(tree))
    return _Source(hashlib.sha256(text.encode()).hexdigest(), tuple(dict.fromkeys(_imports(tree))))


def _words(root: ast.AST) -> Iterator[str]:
    """The tree as a list of words, without what says nothing to a computer."""
    waiting: list[object] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.AST):
            yield f"({type(one).__name__}"
            waiting.append(_End(")"))
            for name, value in reversed(list(ast.iter_fields(one))):
                if value is not None and value != []:
                    waiting += [value, _End(name)]
        elif isinstance(one, list):
            yield "["
            waiting.append(_End("]"))
            waiting += [part for part in reversed(one) if not _is_prose(part)]
        else:
            yield str(one) if isinstance(one, _End) else repr(one)


class _End(str):
    """A word of the tree's form, which is no value in it."""


def _is_prose(node: object) -> bool:
    """A text that stands alone, or the description of a field."""
    if isinstance(node, ast.keyword):
        return node.arg == "description"
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _imports(node: ast.AST) -> Iterator[str]:
    """The modules inside `tasks` and the packages outside that are imported, however deep."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        children = node.orelse if _is_for_types(node) else ast.iter_child_nodes(node)
        for child in children:
            yield from _imports(child)
        return
    for name in names:
        package = name.partition(".")[0]
        yield name if package == "tasks" else package


def _is_for_types(node: ast.AST) -> TypeGuard[ast.If]:
    """Whether a branch is followed by a type checker alone."""
    test = node.test if isinstance(node, ast.If) else None
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
