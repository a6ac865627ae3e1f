"""Saving and loading a fitted model without pickle, by a fixed list of types.

Guarantees: a model is stored by skops alone; loading builds only types that this module lists or
that the caller names exactly, and never trusts a list that came with the artifact; the same model
gives the same bytes in every process, so that its digest identifies it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import skops.io

from tasks.errors import ProjectFileError, UnavailableError, UsageError
from tasks.evidence import hash_of
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles

if TYPE_CHECKING:
    from tasks.seen_rows import SeenRows

ALLOWED_TYPES = frozenset(
    {
        # the dtype of an array, which encoders and vectorisers keep: plain data
        "numpy.dtype",
        # fitted structures of scikit-learn's own estimators: arrays and numbers, no code.
        # Trees, forests and gradient boosting
        "sklearn.tree._tree.Tree",
        # histogram gradient boosting
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # probability calibration
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        # nearest neighbours
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        # sparse training rows, kept by nearest neighbours and support vector machines
        "scipy.sparse._csr.csr_matrix",
        # the state of a neural network's optimiser
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)
"""Types beyond skops' own trusted ones that a stored model may be built of."""

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"
_ADDRESSES = frozenset({"_stop_words_id"})
"""Attributes of scikit-learn that hold a memory address, and nothing that scoring needs."""


@dataclass(frozen=True)
class ModelPackage:
    """A fitted model as bytes, with the facts that scoring it needs.

    `facts` are JSON values: classes, positive_class, threshold, roles, candidate (its name),
    estimator, params, extra_types.
    """

    skops: bytes
    facts: Mapping[str, Any]

    def to_files(self, name: str) -> dict[str, bytes]:
        """The two files `<name>.skops` and `<name>.json`."""
        text = json.dumps(dict(self.facts), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return {f"{name}.skops": self.skops, f"{name}.json": text.encode("utf-8")}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], name: str) -> ModelPackage:
        """The package that `to_files` wrote."""
        return cls(skops=files[f"{name}.skops"], facts=json.loads(files[f"{name}.json"]))


@dataclass(frozen=True)
class Champion:
    """The model in service: its version, and the split units that it was fitted or tuned on.

    `seen` are the rows of these units; None for a version that was registered without them.
    `files_digest` covers all that is stored beside the package. `problem` is why the stored files
    are not those that were registered, as a clause; nothing of such a version is used.
    """

    version: str
    package: ModelPackage
    units: frozenset[str]
    seen: SeenRows | None = None
    files_digest: str = ""
    problem: str = ""


def champion_problem(champion: Champion, frame: pd.DataFrame, roles: Roles) -> str | None:
    """Why the champion cannot be measured on these rows, as a clause; None where it can.

    It can where its files are those that were registered, the target, the positive class and the
    classes are those that it knows, and its feature columns are there and of the kind that it was
    fitted on. Whether its bytes can be loaded is `load_model`'s to say.
    """
    if champion.problem:
        return champion.problem
    facts = champion.package.facts
    own = Roles.from_facts(facts["roles"])
    other = _other_problem(own, roles)
    if other is not None:
        return other
    known = facts["classes"]
    unknown = [] if own.regression else sorted(set(roles.labels(frame).dropna()) - set(known))
    if unknown:
        return f"it does not know {_listed(unknown, 'class')}"
    missing = [name for name in own.features if name not in frame.columns]
    if missing:
        return f"it needs {_listed(missing, 'column')}, which the data does not have"
    words = [name for name in own.numeric if not pd.api.types.is_numeric_dtype(frame[name])]
    if words:
        return f"it needs numbers in {_listed(words, 'column')}"
    return None


def _other_problem(own: Roles, roles: Roles) -> str | None:
    """What the champion was made to tell, where the project asks for something else."""
    if own.target != roles.target:
        return f"its target is '{own.target}' and the project's is '{roles.target}'"
    if own.regression != roles.regression:
        told, asked = (("a class", "a number")[one.regression] for one in (own, roles))
        return f"it tells {told} and the project asks for {asked}"
    if own.positive_class != roles.positive_class:
        return (
            f"its positive class is '{own.positive_class}' and the project's is "
            f"'{roles.positive_class}'"
        )
    return None


def declared_types(
    candidates: Iterable[Candidate], allow_imports: Sequence[str]
) -> tuple[str, ...]:
    """The exact types that candidates declare, sorted.

    Raises UsageError for a type whose top-level package is not in `allow_imports`.
    """
    declared = {name for candidate in candidates for name in candidate.trusted_types}
    for name in sorted(declared):
        package = name.partition(".")[0]
        if package not in allow_imports:
            raise UsageError(
                f"trusted type '{name}' belongs to the package '{package}', which is not allowed; "
                f"allow it with --allow-imports {package}"
            )
    return tuple(sorted(declared))


def save_model(model: Any, *, extra_types: Sequence[str], facts: Mapping[str, Any]) -> ModelPackage:
    """The model as a package; `facts["extra_types"]` becomes the extra types that it needs.

    Raises ProjectFileError when the model holds a type outside `ALLOWED_TYPES` and `extra_types`,
    or cannot be saved at all.
    """
    try:
        stored = skops.io.dumps(model)
    except Exception as failure:  # skops asks foreign objects for their state
        raise ProjectFileError(
            f"{_described(facts)} cannot be saved without pickle: {failure}; choose another "
            "estimator"
        ) from None
    stored = _canonical(stored)
    beyond = set(skops.io.get_untrusted_types(data=stored)) - ALLOWED_TYPES
    unknown = sorted(beyond - set(extra_types))
    if unknown:
        package = unknown[0].partition(".")[0]
        raise ProjectFileError(
            f"{_described(facts)} holds {_listed(unknown, 'type')}, which is not on the list of "
            "types that are saved; name it in the candidate's trusted_types and allow its package "
            f"with --allow-imports {package}, or choose another estimator"
        )
    return ModelPackage(skops=stored, facts={**facts, "extra_types": sorted(beyond)})


def load_model(package: ModelPackage, *, extra_types: Sequence[str] = ()) -> Any:
    """The model in a package.

    `extra_types` are trusted by the caller, from the project and its allowed imports; what the
    package says about itself is not. Raises ProjectFileError when the package holds any other type,
    and UnavailableError when its bytes are no stored model.
    """
    allowed = ALLOWED_TYPES | set(extra_types)
    try:
        needed = skops.io.get_untrusted_types(data=package.skops)
    except Exception as failure:  # whatever skops makes of bytes that it did not write
        raise UnavailableError(f"the stored model cannot be read: {_first(failure)}") from None
    unknown = sorted(set(needed) - allowed)
    if unknown:
        raise ProjectFileError(
            f"{_described(package.facts)} holds {_listed(unknown, 'type')}, which is not on the "
            "list of types that are loaded; if you trust it, name it in the candidate's "
            "trusted_types"
        )
    try:
        return skops.io.loads(package.skops, trusted=sorted(needed))
    except Exception as failure:  # an array of objects, for one, would have to be unpickled
        raise UnavailableError(f"the stored model cannot be read: {_first(failure)}") from None


def _first(failure: Exception) -> str:
    return (str(failure).splitlines() or [type(failure).__name__])[0]


def stored_types(package: ModelPackage) -> list[str]:
    """What loading a package builds beyond skops' own trusted types, sorted: all of it listed."""
    return sorted(skops.io.get_untrusted_types(data=package.skops))


def package_digest(package: ModelPackage) -> str:
    """SHA-256 (hex) of a package: of the stored model and of the facts that scoring needs."""
    files = package.to_files("model").items()
    return hash_of({name: hashlib.sha256(content).hexdigest() for name, content in files})


def model_digest(package: ModelPackage) -> str:
    """SHA-256 (hex) of the model: of its stored members, whatever their compression.

    Two trainings that give the same model give the same digest, in any process.
    """
    digest = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(package.skops)) as archive:
        for name in sorted(archive.namelist()):
            content = archive.read(name)
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _canonical(stored: bytes) -> bytes:
    """The same archive with memory addresses, dates and spaces taken out.

    skops names objects and array files by their address, which differs from process to process.
    """
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {key: renamed(node[key]) for key in node if key not in _ADDRESSES}
        if node.get("is_json") is True:
            result.pop("__id__", None)  # plain values need no identity
        elif isinstance(node.get("__id__"), int):
            result["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        file = node.get("file")
        if isinstance(file, str) and file in members:
            suffix = file.rpartition(".")[2]
            result["file"] = files.setdefault(file, f"{len(files) + 1:06d}.{suffix}")
        return result

    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(stored)) as archive,
        zipfile.ZipFile(written, "w") as target,
    ):
        members = {name for name in archive.namelist() if name != _SCHEMA}
        schema = json.dumps(renamed(json.loads(archive.read(_SCHEMA))), separators=(",", ":"))
        for old, new in sorted(files.items(), key=lambda pair: pair[1]):
            _add(target, new, archive.read(old))
        _add(target, _SCHEMA, schema.encode("utf-8"))
    return written.getvalue()


def _add(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_FIXED_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    target.writestr(entry, content)


def _described(facts: Mapping[str, Any]) -> str:
    name, estimator = facts.get("candidate"), facts.get("estimator")
    return f"candidate '{name}' ({estimator})" if name else "the model"


def _listed(names: Sequence[str], kind: str) -> str:
    plural = kind + ("es" if kind.endswith("s") else "s")
    shown = ", ".join(f"'{name}'" for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"the {kind if len(names) == 1 else plural} {shown}{more}"
