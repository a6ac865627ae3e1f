"""Whether a registered version still is the model that was judged.

Guarantees: a version is promoted, approved or rolled back to only if its stored package has the
digest that was judged, and both the package and the model that MLflow loads reproduce the golden
rows; what cannot be read does not pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pandas as pd

from tasks.errors import UnavailableError
from tasks.evidence import hash_of
from tasks.golden_rows import golden_problem
from tasks.judged_versions import RecordedDigests
from tasks.models import ModelPackage, package_digest


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """What the registry keeps of a version.

    `digest` is the tag that names the judged package, `package` the stored copy of it, `served`
    the bytes that MLflow loads, `golden` the rows that both have to reproduce. `files_digest`
    covers what is stored beside the package; `recorded_files` is what it was when it was
    registered, empty in a version that is older than this record.
    """

    version: str
    digest: str
    package: ModelPackage
    served: bytes
    golden: pd.DataFrame | None
    files_digest: str = ""
    recorded_files: str = ""


class Registry(Protocol):
    """Where versions are kept."""

    def registered_model(self, project: str, version: str) -> RegisteredModel:
        """What is kept of a version."""


def read_version(registry: Registry, project: str, version: str) -> RegisteredModel:
    """What the registry keeps of a version. Raises UnavailableError where it cannot be read."""
    try:
        return registry.registered_model(project, version)
    except (KeyError, ValueError, UnavailableError) as failure:
        raise UnavailableError(
            f"the stored files of version {version} cannot be read: {failure}"
        ) from None


def files_digest(stored: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) of what a version keeps beside its package: units, seen and golden rows."""
    package = {"model.skops", "model.json"}
    files = {name: content for name, content in stored.items() if name not in package}
    return hash_of({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def model_problem(
    stored: RegisteredModel,
    judged: Collection[str],
    extra_types: Sequence[str] = (),
    files: Collection[str] = (),
) -> str | None:
    """Why a version is not the model that was judged, as a clause; None where it is.

    `judged` are the digests by which the records name that model, and `files` those of what is
    stored beside it. `extra_types` as for `load_model`.
    """
    name, found = f"version {stored.version}", package_digest(stored.package)
    others = {*judged, stored.digest} - {found}
    if others:
        return (
            f"the bytes of {name} have the digest {found[:12]} and its records say "
            f"{min(others)[:12] or 'no digest'}: it was changed after it was registered"
        )
    recorded = RecordedDigests(
        frozenset({found}), frozenset({stored.recorded_files, *files} - {""})
    )
    changed = recorded.problem(found, stored.files_digest)
    if changed:
        return f"of {name}, {changed}"
    # The digest names the package that was judged; what serves is the registry's own form of it.
    served = replace(stored.package, skops=stored.served)
    for form, model in (("", stored.package), (", as the registry hands it out,", served)):
        problem = golden_problem(model, stored.golden, extra_types)
        if problem is not None:
            return f"{name}{form} does not reproduce its golden rows: {problem}"
    return None


def version_problem(
    registry: Registry,
    project: str,
    version: str,
    judged: Collection[str],
    extra_types: Sequence[str] = (),
) -> str | None:
    """`model_problem` of a version; one that cannot be read is one as well."""
    try:
        stored = read_version(registry, project, version)
    except UnavailableError as failure:
        # The registry has answered, so it is this version's files that are gone or damaged.
        return str(failure)
    return model_problem(stored, judged, extra_types)
