"""The folder of a run: what lies in it, under which name, and how it is read.

Guarantees: no other module knows the names; what is not there is None, and a file that is there and
cannot be read, whatever is wrong with it, is one UnavailableError that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import UnavailableError, UserError

if TYPE_CHECKING:
    from tasks.project.loading import LoadedProject
    from tasks.verdict_document import VerdictDocument

PAGE = "decision.html"
VERDICT = "verdict.json"
DOCUMENT = "recorded.json"
RECORDED = "recorded"
"""The folder of the record, in a run's folder and among its artifacts."""


@dataclass(frozen=True)
class RunFolder:
    """One run's folder, or one that its artifacts were brought into."""

    path: Path

    @classmethod
    def of(cls, home: Path, run_id: str) -> RunFolder:
        """The folder of a run of the home, whether it is there or not."""
        return cls(home / "runs" / run_id)

    @property
    def run_id(self) -> str:
        """The run's id, where the folder lies in a home."""
        return self.path.name

    @property
    def page(self) -> Path:
        """The decision page, which is written last."""
        return self.path / PAGE

    @property
    def verdict_file(self) -> Path:
        """The verdict's document."""
        return self.path / VERDICT

    @property
    def journal_file(self) -> Path:
        """The journal, which is there from the beginning on."""
        return self.path / "journal.json"

    @property
    def document_file(self) -> Path:
        """The finished run as a document."""
        return self.path / "run.json"

    @property
    def evidence_file(self) -> Path:
        """The keys of the evidence of each stage."""
        return self.path / "evidence.json"

    @property
    def project_file(self) -> Path:
        """The project file as it was."""
        return self.path / "project.yaml"

    @property
    def overrides_file(self) -> Path:
        """The changes of the project file for this run alone."""
        return self.path / "overrides.json"

    @property
    def libraries_file(self) -> Path:
        """The installed libraries with their versions."""
        return self.path / "libraries.json"

    @property
    def answers_file(self) -> Path:
        """The answers of a signature's form that were settled."""
        return self.path / "answers.json"

    @property
    def recorded(self) -> Path:
        """The folder of what the run was given and found."""
        return self.path / RECORDED

    @property
    def comparable(self) -> tuple[Path, ...]:
        """What another run is compared with."""
        settings = (self.project_file, self.overrides_file, self.libraries_file)
        return (self.verdict_file, *settings, self.recorded)

    def verdict(self) -> VerdictDocument | None:
        """The verdict, whose hash is compared."""
        from tasks.verdict_document import VerdictDocument

        try:
            return VerdictDocument.read(self.verdict_file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise UnavailableError(
                f"{self.verdict_file} was changed after it was written: {failure}"
            ) from None

    def project(self) -> LoadedProject | None:
        """The project file with the overrides of that run."""
        from tasks.project.loading import load_project

        if not self.project_file.is_file():
            return None
        try:
            return load_project(self.project_file, json.loads(_text(self.overrides_file)))
        except (OSError, ValueError, TypeError, UserError) as failure:
            raise _broken(self.project_file, failure) from None

    def journal(self) -> dict[str, Any] | None:
        """What the journal says."""
        return _mapping(self.journal_file)

    def document(self) -> dict[str, Any] | None:
        """The finished run as a document."""
        return _mapping(self.document_file)

    def beside(self) -> Mapping[str, Any]:
        """What stands beside the verdict's core; its hash is not compared."""
        found = (_mapping(self.verdict_file) or {}).get("beside", {})
        return _of_mapping(self.verdict_file, found)

    def evidence_keys(self, project: str | None = None) -> Mapping[str, str]:
        """The key of the evidence of each stage; none of a run of another project than asked."""
        said = _mapping(self.evidence_file) or {}
        if project is not None and said.get("project") != project:
            return {}
        return _of_mapping(self.evidence_file, said.get("keys", {}))

    def record(self) -> dict[str, Any] | None:
        """The values of what the run was given and found."""
        return _mapping(self.recorded / DOCUMENT)

    def libraries(self) -> dict[str, str] | None:
        """The installed libraries with their versions."""
        return _mapping(self.libraries_file)


def run_folders(home: Path) -> list[RunFolder]:
    """The folders of all runs of a home, the newest first."""
    places = [one for one in (home / "runs").glob("[!.]*") if one.is_dir()]
    return [RunFolder(one) for one in sorted(places, key=lambda one: one.name, reverse=True)]


def runs_with(
    home: Path, project: str, stage: str
) -> Iterator[tuple[RunFolder, Mapping[str, str]]]:
    """The project's runs that have a result of the stage, with all keys, the newest first.

    Another run's broken folder is none of this project's business, and passed over.
    """
    for folder in run_folders(home):
        try:
            keys = folder.evidence_keys(project)
        except UnavailableError:
            continue
        if stage in keys:
            yield folder, keys


def _mapping(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(_text(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as failure:
        raise _broken(path, failure) from None
    return _of_mapping(path, found)


def _of_mapping(path: Path, found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _broken(path, f"it holds a {type(found).__name__}")
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _broken(path: Path, why: object) -> UnavailableError:
    return UnavailableError(f"{path} cannot be read: {why}")
