"""How a model is written for MLflow: as its scikit-learn form, answered by a file of our own.

Guarantees: MLflow's `sklearn` form of the model is as MLflow writes it; its `pyfunc` form is loaded
by `assayline_model.py`, a copy of which lies in the model's folder, so that whoever loads the model
needs nothing of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.sklearn
from mlflow.models import Model

LOADER = "assayline_model"
CODE = "code"


def loader_source() -> Path:
    """The file that is stored with each model."""
    return Path(__file__).with_name(f"{LOADER}.py")


def save_model(sk_model: Any, path: str, mlflow_model: Model, **options: Any) -> None:
    """Write the folder of a model; what `mlflow.models.Model.log` calls of a flavor."""
    mlflow.sklearn.save_model(
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


def loading_problem(flavors: Mapping[str, Any], folder: Path, stored: str) -> str | None:
    """Why MLflow would load another file than `stored`, or by other code; None where it would not.

    Raises OSError where a file of the folder is not there.
    """
    function = {"loader_module": LOADER, "model_path": stored, CODE: CODE}
    plain = {"pickled_model": stored, "serialization_format": "skops", CODE: CODE}
    for flavor, expected in (("python_function", function), ("sklearn", plain)):
        for name, value in expected.items():
            found = flavors.get(flavor, {}).get(name)
            if found != value:
                return (
                    f"MLmodel says {found!r} for {flavor}.{name}, and it was registered with "
                    f"{value!r}"
                )
    return None
