"""A registered model as MLflow loads it: this file is stored with each model, and needs no more.

Guarantees: `predict` answers as the judged model does, to the last digit, with the threshold that
was chosen; a type that was not on the list at registration is not loaded.

    mlflow.pyfunc.load_model("models:/loans@champion").predict(frame)

gives a row each with `prediction` and, for classes, a column `p_CLASS` of probabilities; for a
number `low` and `high`, the ends of its prediction interval.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

_MISSING_CATEGORY = "(missing)"
_SMALL_CELLS = 2_000_000


def _load_pyfunc(path: str) -> ServedModel:
    """What MLflow calls with the folder of the model."""
    if os.environ.get("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "").lower() == "false":
        raise ValueError(
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION is false, by which MLflow loads no model of "
            "scikit-learn; set it to true where you trust the store"
        )
    import skops.io

    folder = Path(path)
    facts = json.loads((folder / "extra_files" / "model.json").read_text(encoding="utf-8"))
    flavors = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]
    allowed = set(flavors["sklearn"]["skops_trusted_types"])
    stored = folder / flavors["sklearn"]["pickled_model"]
    needed = set(skops.io.get_untrusted_types(file=stored))
    if needed - allowed:
        raise ValueError(
            f"{stored} holds {min(needed - allowed)}, which was not on the list of types when the "
            "model was registered; it was changed since"
        )
    return ServedModel(skops.io.load(stored, trusted=sorted(needed)), facts)


class ServedModel:
    """A model with the facts that scoring needs: its columns, classes, threshold or interval."""

    def __init__(self, model: Any, facts: Mapping[str, Any]) -> None:
        self._model, self._facts = model, facts
        self._roles = facts["roles"]

    def predict(self, frame: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The answer for each row of `frame`, which has the feature columns by name."""
        from threadpoolctl import threadpool_limits

        features = self._features(frame)
        limits = 1 if features.size <= _SMALL_CELLS else None
        with threadpool_limits(limits=limits):
            if not self._facts["classes"]:
                return self._estimates(features)
            return self._classes(features)

    def _features(self, frame: pd.DataFrame) -> pd.DataFrame:
        missing = [name for name in self._columns() if name not in frame.columns]
        if missing:
            raise ValueError(f"the model needs the column '{missing[0]}', which the rows lack")
        roles = self._roles
        columns = {name: frame[name].astype("float64") for name in roles["numeric"]}
        for kind, filler in (("categorical", _MISSING_CATEGORY), ("text", "")):
            columns |= {n: frame[n].astype("str").fillna(filler) for n in roles[kind]}
        return pd.DataFrame(columns, index=frame.index)

    def _columns(self) -> list[str]:
        return [n for kind in ("numeric", "categorical", "text") for n in self._roles[kind]]

    def _classes(self, features: pd.DataFrame) -> pd.DataFrame:
        names = np.asarray([str(name) for name in self._model.classes_], dtype=object)
        probabilities = np.zeros((0, len(names)))
        if len(features):
            probabilities = np.asarray(self._model.predict_proba(features), dtype=np.float64)
        chosen = probabilities.argmax(axis=1)
        threshold, positive = self._facts["threshold"], self._facts["positive_class"]
        if threshold is not None and len(names) == 2 and positive in names:
            place = list(names).index(positive)
            chosen = np.where(probabilities[:, place] >= threshold, place, 1 - place)
        answer = {"prediction": pd.Series(names[chosen], index=features.index, dtype="str")}
        for place in np.argsort(names):
            answer[f"p_{names[place]}"] = pd.Series(probabilities[:, place], index=features.index)
        return pd.DataFrame(answer)

    def _estimates(self, features: pd.DataFrame) -> pd.DataFrame:
        estimated = np.zeros(0)
        if len(features):
            estimated = np.asarray(self._model.predict(features), dtype=np.float64).reshape(-1)
        answer = {"prediction": estimated}
        interval = self._facts.get("interval")
        if interval is not None:
            answer |= {"low": estimated + interval[0], "high": estimated + interval[1]}
        return pd.DataFrame(answer, index=features.index)
