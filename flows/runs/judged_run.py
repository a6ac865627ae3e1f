"""A run that reached a verdict, and the signature that it waits for.

Guarantees: the run's verdict, page, data, code and model are read again where they lie, and
compared by the one function that settles (`tasks.approval.settle`); what cannot be read is never
taken as unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.approval import Choice, Settlement, Signature, Subject, settle
from tasks.errors import NotFoundError, UnavailableError
from tasks.evidence import hash_of
from tasks.ledger import Entry, Ledger, open_ledger
from tasks.moments import timestamp
from tasks.run_folder import RunFolder
from tasks.serving import repair_champion
from tasks.verdict_document import VerdictDocument, code_hash, project_code

if TYPE_CHECKING:
    from tasks.project.sections import Project
    from tasks.tracking import Tracking

PAGE_HASH = "assayline.page_sha256"

_FILES = {"source": "data file", "overlay": "overlay", "ratings": "file of ratings"}
"""The files that were judged, by their names in a verdict."""


@dataclass(frozen=True)
class JudgedRun:
    """A run with a verdict: its folder, its project's ledger, and the MLflow store.

    `source`, `overlay` and `ratings` are where the data lie here, where another home ran it; with
    None they are looked at where the run read them.
    """

    run_id: str
    folder: RunFolder
    verdict: VerdictDocument
    tracking: Tracking
    ledger: Ledger
    source: Path | None = None
    overlay: Path | None = None
    ratings: Path | None = None

    @property
    def asked_as(self) -> str:
        """The run under whose id the ledger asks for a signature of this verdict.

        A run that repeats another's verdict, or goes on where it was killed, is asked about under
        the other's id.
        """
        asked = [entry for entry in self.ledger.entries() if entry.action == "pending"]
        if not any(entry.run_id == self.run_id for entry in asked):
            same = [e.run_id for e in asked if e.verdict_hash == self.verdict.hash]
            return same[-1] if same else self.run_id
        return self.run_id

    @property
    def pending(self) -> Entry | None:
        """The entry by which the run waits for a signature; None where it does not."""
        entry = self.ledger.pending()
        return entry if entry is not None and entry.run_id == self.asked_as else None

    def sign(
        self,
        decision: Choice,
        name: str,
        reason: str,
        verdict: str,
        overrides: Sequence[str] = (),
    ) -> Settlement:
        """Settle the run now. `verdict` is the beginning of the verdict's hash.

        `overrides` are the changes of the project file that made the run a trial.

        Raises UnavailableError where something that was judged cannot be read.
        """
        now = timestamp()
        repair_champion(self.tracking, self.ledger, self.run_id, now)
        signature = Signature(
            run_id=self.run_id,
            asked_as=self.asked_as,
            decision=decision,
            name=name,
            reason=reason,
            verdict=verdict,
            overrides=tuple(overrides),
        )
        page = _file_hash(self.folder.page, "decision page")
        return settle(signature, self.ledger, self.tracking, self._look, now, page)

    def _look(self, pending: Entry) -> tuple[Subject, Subject]:
        """What was judged, and the same as it is now."""
        from tasks.models import package_digest
        from tasks.registered_models import model_problem, read_version

        hashes, beside = self.verdict.core["hashes"], self.verdict.beside
        if self.source is not None and beside["allow_imports"]:
            # Who signs here has allowed nothing, and the MLflow store cannot allow it for them.
            raise UnavailableError(
                f"run {self.run_id} was allowed to import {', '.join(beside['allow_imports'])}; "
                "nothing was signed: sign in the home that ran it"
            )
        judged = Subject(
            verdict=pending.verdict_hash,
            page=self._recorded_page(),
            data=hash_of([beside[f"{name}_sha256"] for name in _FILES if f"{name}_path" in beside]),
            code=_code_of(hashes["code"], hashes.get("project_code")),
            model=pending.model_digest,
            registered=pending.model_digest,
            champion=pending.from_version,
        )
        version = pending.candidate_version or ""
        stored = read_version(self.tracking, self.ledger.project, version)
        types, code, files = self._types(), self._code(), {pending.files_digest}
        # Changed code is not run: the approval is void for it alone.
        same = code == judged.code
        present = replace(
            judged,
            verdict=self.verdict.hash,
            page=_file_hash(self.folder.page, "decision page"),
            data=self._data(),
            code=code,
            model=package_digest(stored.package),
            registered=stored.digest,
            champion=self.tracking.champion_version(self.ledger.project),
            problem=(model_problem(stored, {pending.model_digest}, types, files) or "")
            if same
            else "",
        )
        if self.source is not None:
            self._require_same_here(judged, present)
        return judged, present

    def _require_same_here(self, judged: Subject, present: Subject) -> None:
        """Raise where this place has other data or code than the home that ran.

        That makes no approval void: nothing changed where the run was made.
        """
        own = code_hash() != self.verdict.core["hashes"]["code"]
        code = "the Assayline" if own else "the code of the project's own estimators"
        what = {"data": f"the data file {self.source}", "code": f"{code} of this machine"}
        for name, words in what.items():
            was, now = getattr(judged, name), getattr(present, name)
            if was != now:
                raise UnavailableError(
                    f"{words} is not what run {self.run_id} was judged with (it was {was[:12]} and "
                    f"is {now[:12]}); nothing was signed: use the same here, or sign in the home "
                    "that ran it"
                )

    def _code(self) -> str:
        """The hash of Assayline's code, and of the local packages that estimators come from."""
        judged = self.verdict.core["hashes"].get("project_code")
        if judged is None or not self.verdict.beside["allow_imports"]:
            return _code_of(code_hash(), judged)  # from scikit-learn alone
        return _code_of(code_hash(), project_code(self._project()))

    def _data(self) -> str:
        """The hash of the data file, and of the overlay and the ratings that lie beside it."""
        beside = self.verdict.beside
        here = {"source": self.source, "overlay": self.overlay, "ratings": self.ratings}
        found = []
        for name, words in _FILES.items():
            if f"{name}_path" not in beside:
                continue  # judged before there were such files
            place = here[name] or beside[f"{name}_path"]
            there = place is not None and (name == "source" or Path(place).is_file())
            found.append(_file_hash(Path(place), words) if there else hash_of(None))
        return hash_of(found)

    def _recorded_page(self) -> str:
        """The hash of the page as it was written. Raises UnavailableError while there is none."""
        run = self.verdict.beside["mlflow_run_id"]
        recorded = self.tracking.run_tags(run).get(PAGE_HASH, "")
        if not recorded:
            raise UnavailableError(
                f"the MLflow run {run} does not name the decision page of run {self.run_id}; "
                "nothing was signed: wait until the run has ended, or run the project again"
            )
        return recorded

    def _types(self) -> tuple[str, ...]:
        """The types that the project of the run trusts, beyond Assayline's own.

        Raises UnavailableError where they cannot be imported here.
        """
        from tasks.models import declared_types

        allowed = self.verdict.beside["allow_imports"]
        missing = [package for package in allowed if find_spec(package) is None]
        if missing:
            raise UnavailableError(
                f"run {self.run_id} was allowed the package '{missing[0]}', which cannot be "
                "imported here; nothing was signed: sign where the run was made"
            )
        if not allowed:
            return ()
        return declared_types(self._project().training.candidates, allowed)

    def _project(self) -> Project:
        """The project as it was judged."""
        loaded = self.folder.project()
        if loaded is None:
            raise UnavailableError(f"{self.folder.project_file} is gone; nothing was signed")
        return loaded.project


def open_judged_run(home: Path, run_id: str) -> JudgedRun:
    """A run of the home that reached a verdict.

    Raises NotFoundError where there is no such run, or its data was refused; UnavailableError where
    its verdict was changed after it was written.
    """
    from tasks.tracking import Tracking

    if not is_run_of(home, run_id):
        raise NotFoundError(
            f"no run {run_id} in {home / 'runs'}; name the project file with --project, if the run "
            "belongs to another folder"
        )
    folder = RunFolder.of(home, run_id)
    verdict = read_verdict(folder, run_id)
    tracking = Tracking(home)
    return JudgedRun(
        run_id, folder, verdict, tracking, open_ledger(home, tracking, verdict.core["project"])
    )


def is_run_of(home: Path, run_id: str) -> bool:
    """Whether the home ran it."""
    return Path(run_id).name == run_id and RunFolder.of(home, run_id).journal_file.is_file()


def read_verdict(folder: RunFolder, run_id: str) -> VerdictDocument:
    """The verdict of a run in a folder.

    Raises NotFoundError where there is none, UnavailableError where it is not as it was written.
    """
    verdict = folder.verdict()
    if verdict is None:
        raise NotFoundError(f"run {run_id} reached no verdict, so there is none to sign")
    return verdict


def _code_of(own: str, project: str | None) -> str:
    """One hash of both; Assayline's alone in a verdict that knew of no other."""
    return own if project is None else hash_of([own, project])


def _file_hash(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as failure:
        raise UnavailableError(
            f"the {what} {path} cannot be compared with what was judged ({failure.strerror}); "
            "nothing was signed: bring it back, or run the project again"
        ) from None
