"""The evidence store: what each stage found, kept under the key of what it was computed from.

Guarantees:

* a result is there whole or not at all: it is written beside its place and moved there;
* `digest` covers checks, metrics, facts and the content of every table, output and file, no
  measured value and no words, so that the same inputs give the same digest;
* a result with a check in `error` is stored as evidence and never offered for reuse;
* what was changed after it was written is never read as evidence: the record is sealed by a hash
  of all of it, and names the hash of every file. Who can write both anew is not found out here;
  the digests of a verdict's evidence stand in the verdict.

Layout: `<root>/<stage>/<key>/result.json`, with `tables/`, `outputs/` (Parquet) and `files/`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.atomic import write_text
from tasks.canonical import canonical_json, hash_of, plain
from tasks.checks import Check, Figure, StageResult, Table
from tasks.errors import UnavailableError
from tasks.sealed_records import BYTES, FORMAT, RECORD, SEAL, digest_of, record_problem, sealed
from tasks.snapshots import read_snapshot, write_snapshot
from tasks.stored_bytes import changed_file, hash_files

__all__ = ["EvidenceStore", "canonical_json", "hash_of", "plain"]


@dataclass(frozen=True)
class EvidenceStore:
    """Stored stage results below `root`."""

    root: Path

    def folder(self, stage: str, key: str) -> Path:
        """Where the result lies or would lie."""
        return self.root / stage / key

    def reusable(self, stage: str, key: str) -> bool:
        """Whether the key has a result as it was written, in which every check could be judged."""
        if self.problem(stage, key) is not None:
            return False
        record = self._record(stage, key)
        return record is not None and all(c["outcome"] != "error" for c in record["checks"])

    def problem(self, stage: str, key: str) -> str | None:
        """Why the stored result is not as it was written, as a clause; None where it is.

        None as well where nothing is stored. A result of a version that sealed none has one.
        """
        try:
            record = self._record(stage, key)
        except UnavailableError as failure:
            return str(failure)
        if record is None:
            return None
        if SEAL not in record:
            return "it was stored by a version that kept no hash of its files"
        place, recorded = self.folder(stage, key), record[BYTES]
        problems = (changed_file(place, name, recorded) for name in recorded)
        return next((problem for problem in problems if problem is not None), None)

    def holds(self, stage: str, key: str) -> bool:
        """Whether anything is stored under the key, as it was written or not."""
        return (self.folder(stage, key) / RECORD).is_file()

    def digest(self, stage: str, key: str) -> str:
        """The hash of the stored result's core."""
        return str(self._existing(stage, key)["digest"])

    def save(self, key: str, result: StageResult) -> str:
        """Store a result under its key, replacing one that is there, and return its digest.

        Raises UnavailableError when the disk is full; nothing half-written stays.
        """
        place = self.folder(result.stage, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{key[:12]}-", dir=place.parent))
        try:
            record = _write(result, staging)
            _replace(staging, place)
        except OSError as failure:
            if failure.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UnavailableError(
                    f"the disk is full while writing {place.parent}; free space and run again, "
                    "finished stages are kept"
                ) from None
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return str(record["digest"])

    def load(self, stage: str, key: str) -> StageResult:
        """What a reader sees of the stored result: all but the outputs and files.

        Raises KeyError when nothing is stored under the key.
        """
        record = self._existing(stage, key)
        return StageResult(
            stage=stage,
            summary=record["summary"],
            checks=tuple(_check(values) for values in record["checks"]),
            metrics=record["metrics"],
            facts=record["facts"],
            tables={
                name: Table(
                    title=values["title"],
                    note=values["note"],
                    values=values.get("values", {}),
                    frame=read_snapshot(self._stored(stage, key, f"tables/{name}.parquet", record)),
                )
                for name, values in record["tables"].items()
            },
            figures=tuple(Figure(**values) for values in record["figures"]),
            measured=record["measured"],
        )

    def output(
        self, stage: str, key: str, name: str, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """One output frame, or `columns` of it with its index, without reading the rest."""
        return read_snapshot(self._stored(stage, key, f"outputs/{name}.parquet"), columns)

    def table(self, stage: str, key: str, name: str) -> pd.DataFrame:
        """One table that a reader sees, without reading the rest."""
        return read_snapshot(self._stored(stage, key, f"tables/{name}.parquet"))

    def load_files(self, stage: str, key: str) -> dict[str, bytes]:
        """The stored files, without reading frames."""
        record = self._existing(stage, key)
        return {
            name: self._stored(stage, key, f"files/{name}", record).read_bytes()
            for name in record["files"]
        }

    def fingerprints(self, stage: str, key: str) -> dict[str, str]:
        """Content hashes of the outputs and files, by name."""
        record = self._existing(stage, key)
        return {**record["outputs"], **record["files"]}

    def facts(self, stage: str, key: str) -> dict[str, Any]:
        """The stored facts, without reading frames."""
        return dict(self._existing(stage, key)["facts"])

    def checks(self, stage: str, key: str) -> tuple[Check, ...]:
        """The stored checks, without reading frames."""
        return tuple(_check(values) for values in self._existing(stage, key)["checks"])

    def restore_measured(
        self, stage: str, key: str, measured: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Give measured checks, by their ids, what another run measured; the digest stays."""
        record = self._existing(stage, key)
        if any(check["id"] in measured for check in record["checks"]):
            record["checks"] = [
                {**check, **measured.get(check["id"], {})} for check in record["checks"]
            ]
            write_text(self.folder(stage, key) / RECORD, sealed(record), durable=True)

    def _stored(
        self, stage: str, key: str, name: str, record: Mapping[str, Any] | None = None
    ) -> Path:
        """The path of a stored file, which is as it was written.

        Raises KeyError where nothing is stored, UnavailableError where the file was changed.
        """
        record = self._existing(stage, key) if record is None else record
        place = self.folder(stage, key)
        # What an older version stored has no hashes; it can be read, and is never reused.
        problem = changed_file(place, name, record[BYTES]) if SEAL in record else None
        if problem is not None:
            raise UnavailableError(_told(place, problem))
        return place / name

    def _existing(self, stage: str, key: str) -> dict[str, Any]:
        record = self._record(stage, key)
        if record is None:
            raise KeyError(f"no stored result of {stage} under {key}")
        return record

    def _record(self, stage: str, key: str) -> dict[str, Any] | None:
        place = self.folder(stage, key)
        try:
            text = (place / RECORD).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            raise UnavailableError(_told(place, f"{RECORD} is no text")) from None
        problem = record_problem(text)
        if problem is not None:
            raise UnavailableError(_told(place, problem))
        return dict(json.loads(text))


def _told(place: Path, problem: str) -> str:
    return (
        f"the stored result {place} was changed after it was written: {problem}; run the project "
        "again, which computes it anew"
    )


def _write(result: StageResult, place: Path) -> dict[str, Any]:
    for folder in ("tables", "outputs", "files"):
        (place / folder).mkdir()
    tables = {
        name: {
            "title": table.title,
            "note": table.note,
            "values": plain(table.values),
            "fingerprint": write_snapshot(
                _storable(table.frame), place / "tables" / f"{name}.parquet"
            ).fingerprint,
        }
        for name, table in result.tables.items()
    }
    outputs = {
        name: write_snapshot(frame, place / "outputs" / f"{name}.parquet").fingerprint
        for name, frame in result.outputs.items()
    }
    for name, content in result.files.items():
        (place / "files" / name).write_bytes(content)
    files = {name: hashlib.sha256(content).hexdigest() for name, content in result.files.items()}
    record = {
        "format": FORMAT,
        "stage": result.stage,
        "summary": result.summary,
        "metrics": plain(result.metrics),
        "facts": plain(result.facts),
        "tables": tables,
        "figures": [plain(dataclasses.asdict(figure)) for figure in result.figures],
        "outputs": outputs,
        "files": files,
        "checks": [plain(dataclasses.asdict(check)) for check in result.checks],
        "measured": plain(result.measured),
    }
    record |= {"digest": digest_of(record), BYTES: hash_files(place)}
    write_text(place / RECORD, sealed(record), durable=True)
    return record


def _replace(staging: Path, place: Path) -> None:
    """Move `staging` to `place`; a result that was there is swapped out first.

    Two runs may finish the same stage together: the later one swaps the earlier one out.
    """
    while True:
        try:
            staging.rename(place)
        except OSError as failure:
            if failure.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return
        old = Path(tempfile.mkdtemp(prefix=".old-", dir=place.parent))
        with contextlib.suppress(FileNotFoundError):
            place.rename(old / "result")
        shutil.rmtree(old, ignore_errors=True)


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed Python values as text: Parquet has one type a column."""
    mixed = [name for name in frame.columns if frame[name].dtype == object]
    if not mixed:
        return frame
    return frame.assign(
        **{
            str(name): frame[name].map(lambda v: None if v is None else str(v)).astype("str")
            for name in mixed
        }
    )


def _check(values: Mapping[str, Any]) -> Check:
    interval = values["interval"]
    return Check(**{**values, "interval": tuple(interval) if interval else None})
