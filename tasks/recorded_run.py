"""All that a run was given besides its project file, and the fingerprints of what it found.

Guarantees: a folder that `RecordedRun.write` filled is all that a later run needs to be given the
same, together with the project file, the data file and the models that it was compared with; what
was measured stands in it, because it cannot be had again.

Layout: `recorded.json`, `sides.parquet` where units had sides before the run, and `labels/` with
the overlay, the reviews, the label rules, the ratings and the hand tags that the project had. A
folder that a replay fills holds also `source/<file name>`, and `champion/` and `anchor/` with the
stored models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.atomic import write_json
from tasks.errors import UnavailableError
from tasks.label_review.files import LabelFiles
from tasks.lineage import CodeVersion
from tasks.run_folder import DOCUMENT
from tasks.seen_rows import SEEN_ROWS, SeenRows
from tasks.snapshots import read_snapshot, write_snapshot

if TYPE_CHECKING:
    from tasks.models import Champion

FORMAT = 1
SOURCE = "source"
LABELS = "labels"
_SIDES = "sides.parquet"
_UNITS = "units.parquet"
_SEEN = f"{SEEN_ROWS}.parquet"


@dataclass(frozen=True, kw_only=True)
class RecordedCode:
    """The commit of a repository, whether it was changed since, and whether the change is whole."""

    commit: str | None
    dirty: bool
    cut: bool

    @classmethod
    def of(cls, version: CodeVersion) -> RecordedCode:
        """The version without its patch, which is a file of the run."""
        return cls(commit=version.commit, dirty=version.dirty, cut=version.cut)


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What one judged run was given, and what it found.

    `key_columns` are the frozen columns of the row key, `sides` the units that had sides before;
    both None for a first run. `champion` and `anchor` are the versions that the gate compared
    with. `import_folders` are the places, inside the repository of the project, that the allowed
    packages came from. `measured` holds what was measured, by check; `outputs` the content hashes
    of what each stage left for later ones; `environment` Python's and the libraries' versions.
    `label_bytes` are the files of the labels, named as in `LabelFiles` with their own endings.
    """

    run_id: str
    project_file: str
    project_text: str
    overrides: tuple[str, ...]
    allow_imports: tuple[str, ...]
    import_folders: tuple[str, ...]
    source_name: str
    source_sha256: str
    key_columns: tuple[str, ...] | None
    sides: pd.DataFrame | None
    champion: str | None
    anchor: str | None
    wear: Mapping[str, Any] | int
    measured: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, str]]
    metrics: Mapping[str, float]
    environment: Mapping[str, str]
    assayline: str
    own_code: RecordedCode
    project_code: RecordedCode
    label_bytes: Mapping[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Fill a folder, the document last."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.sides is not None:
            write_snapshot(self.sides, folder / _SIDES)
        for name, content in self.label_bytes.items():
            (folder / LABELS).mkdir(exist_ok=True)
            (folder / LABELS / name).write_bytes(content)
        values = {name: getattr(self, name) for name in _in_document()}
        for name in ("own_code", "project_code"):
            values[name] = vars(values[name])
        write_json(folder / DOCUMENT, {"format": FORMAT, **values}, indent=1)

    @classmethod
    def read(cls, folder: Path) -> RecordedRun:
        """What `write` left. Raises UnavailableError where it cannot be read."""
        try:
            values = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
            known = {name: values[name] for name in _in_document()}
            for name in ("overrides", "allow_imports", "import_folders", "key_columns"):
                known[name] = None if known[name] is None else tuple(known[name])
            for name in ("own_code", "project_code"):
                known[name] = RecordedCode(**known[name])
            _require_plain_names(known)
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise UnavailableError(
                f"{folder / DOCUMENT} is no record of a run ({type(failure).__name__}: {failure}); "
                "restore it from the run's artifacts in MLflow"
            ) from None
        sides = folder / _SIDES
        labels = label_files(folder).present
        return cls(
            sides=read_snapshot(sides) if sides.is_file() else None,
            label_bytes={path.name: path.read_bytes() for path in labels.values()},
            **known,
        )

    def source(self, folder: Path) -> Path:
        """Where a replay finds the data file."""
        return folder / SOURCE / self.source_name


def _require_plain_names(values: Mapping[str, Any]) -> None:
    """Raise ValueError for a name that leads out of the folder that a replay makes.

    A record may come from an MLflow store that others write to.
    """
    for name in ("run_id", "project_file", "source_name", "source_sha256"):
        value = str(values[name])
        if value in ("", ".", "..") or "/" in value or "\\" in value or "\0" in value:
            raise ValueError(f"'{name}' is {value!r}, which is no plain name")
    for folder in values["import_folders"]:
        if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
            raise ValueError(f"'import_folders' has {folder!r}, which leads out of the repository")


def label_files(folder: Path) -> LabelFiles:
    """The files of labels and of hand tags in the folder of a record."""
    names = {one.name for one in fields(LabelFiles)}
    found = {path.stem: path for path in sorted((folder / LABELS).glob("*"))}
    return LabelFiles(**{name: path for name, path in found.items() if name in names})


def write_model(champion: Champion, folder: Path) -> None:
    """A version's stored model, and the units and rows that it has seen."""
    folder.mkdir(parents=True)
    for name, content in champion.package.to_files("model").items():
        (folder / name).write_bytes(content)
    write_snapshot(pd.DataFrame({"unit": sorted(champion.units)}, dtype="str"), folder / _UNITS)
    if champion.seen is not None:
        write_snapshot(champion.seen.to_frame(), folder / _SEEN)


def read_model(folder: Path, version: str) -> Champion:
    """What `write_model` left."""
    from tasks.models import Champion, ModelPackage

    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    units = read_snapshot(folder / _UNITS)["unit"]
    seen = SeenRows.from_frame(read_snapshot(folder / _SEEN)) if _SEEN in files else None
    return Champion(version, ModelPackage.from_files(files, "model"), frozenset(units), seen)


def _in_document() -> list[str]:
    """The fields that `recorded.json` holds; the others are files beside it."""
    return [one.name for one in fields(RecordedRun) if one.name not in ("sides", "label_bytes")]
