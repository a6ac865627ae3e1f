"""What surrounds a run and no form may decide: its home, allowed imports, readable folders.

Guarantees: a command decides these for the run that it starts; a worker's runs take them from the
worker's environment, whatever was typed into the form that started them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.services.home import resolve_home
from tasks.errors import UsageError
from tasks.label_review.files import readable_files
from tasks.project.loading import LoadedProject

HOME = "ASSAYLINE_HOME"
IMPORTS = "ASSAYLINE_ALLOW_IMPORTS"
ROOTS = "ASSAYLINE_ROOTS"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where a run keeps its state, what it may import and read, and whether it is a replay.

    `home` of None is found from the project's path. `roots` are the folders in which project and
    data files may lie; empty means anywhere. `as_recorded` is the folder of a recorded run.
    """

    home: Path | None = None
    allow_imports: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    as_recorded: str | None = None

    @classmethod
    def of_environment(cls) -> Surroundings:
        """What the process was started with."""
        named = os.environ.get(HOME)
        imports = os.environ.get(IMPORTS, "").replace(",", " ").split()
        roots = [place for place in os.environ.get(ROOTS, "").split(os.pathsep) if place]
        return cls(
            home=Path(named).expanduser().resolve() if named else None,
            allow_imports=tuple(imports),
            roots=tuple(Path(root).expanduser().resolve() for root in roots),
        )

    def home_of(self, project: Path) -> Path:
        """The home for a project file."""
        return self.home or resolve_home(project)

    def require_own_name(self, overrides: Iterable[str]) -> None:
        """Raise UsageError where a form would run a project under the name of another."""
        if self.roots and any(one.partition("=")[0].strip() == "name" for one in overrides):
            raise UsageError(
                "a form cannot change 'name', which names the ledger and the champion; change it "
                "in the project file"
            )

    def require_within(self, loaded: LoadedProject) -> None:
        """Raise UsageError where a file that the project names lies outside of the roots."""
        for what, path in readable_files(loaded).items():
            if self.roots and not any(path.is_relative_to(root) for root in self.roots):
                allowed = os.pathsep.join(map(str, self.roots))
                raise UsageError(
                    f"the {what} {path} is outside of the folders that this worker reads "
                    f"({allowed}); move it there, or start the worker with another {ROOTS}"
                )


_given: Surroundings | None = None


def surroundings() -> Surroundings:
    """Those of the command that this process carries out, else of its environment."""
    return _given or Surroundings.of_environment()


@contextlib.contextmanager
def surrounded(given: Surroundings) -> Iterator[None]:
    """Decide the surroundings of the run that this process starts meanwhile."""
    global _given  # noqa: PLW0603 - one run a process
    before, _given = _given, given
    try:
        yield
    finally:
        _given = before
