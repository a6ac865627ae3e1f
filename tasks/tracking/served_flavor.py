"""How a model is written for MLflow: as its scikit-learn form, answered by a file of our own.

Guarantees: MLflow's `sklearn` form of the model is as MLflow writes it; its `pyfunc` form is loaded
by `assayline_model.py`, a copy of which lies in the model's folder, so that whoever loads the model
needs nothing of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.models import Model

LOADER = "assayline_model"
CODE = "code"
_FORMER = "mlflow.sklearn"


def loader_source() -> Path:
    """The file that is stored with each model."""
    return Path(__file__).with_name(f"{LOADER}.py")


def save_model(sk_model: Any, path: str, mlflow_model: Model, **options: Any) -> None:
    """Write the folder of a model; what `mlflow.models.Model.log` calls of a flavor."""
    from mlflow.sklearn import save_model as save_plain

    save_plain(
        sk_model,
        path,
        mlflow_model=mlflow_model,
        code_paths=[str(loader_source())],
        serialization_format="skops",
        **options,
    )
    answered: dict[str, Any] = mlflow_model.flavors["python_function"]
    answered["loader_module"] = LOADER
    answered.pop("predict_fn", None)
    mlflow_model.save(str(Path(path) / "MLmodel"))


def loading_problem(flavors: Mapping[str, Any], stored: str) -> str | None:
    """Why MLflow would load another file than `stored`, or by other code; None where it would not.

    `flavors` is MLflow's description of the model. Versions that an earlier Assayline registered
    are answered by MLflow's own code.
    """
    former = flavors.get("python_function", {}).get("loader_module") == _FORMER
    loader, code = (_FORMER, None) if former else (LOADER, CODE)
    wanted = {
        "python_function": {"loader_module": loader, "model_path": stored, "code": code},
        "sklearn": {"pickled_model": stored, "serialization_format": "skops", "code": code},
    }
    for flavor, expected in wanted.items():
        for name, value in expected.items():
            found = flavors.get(flavor, {}).get(name)
            if found != value:
                return (
                    f"MLmodel says {found!r} for {flavor}.{name}, and it was registered with "
                    f"{value!r}"
                )
    return None
