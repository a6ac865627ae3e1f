"""How often the interval of a permutation importance holds the true value.

A fixed model and many dev sets of 500 rows with known truth: the importance over 400,000 rows.
Prints, for each metric and feature, the share of intervals that hold it and how wide they are.

    python tests/benchmarks/importance_intervals.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.importance import MOST_SHUFFLES
from tasks.error_analysis.shuffling import ShuffledFeatures
from tasks.project.roles import Roles

FEATURES = ("a", "b", "c")
SETS = 300
ROWS = 500
ROLES = Roles(target="y", positive_class="yes", numeric=FEATURES)


def draw(rows: int, seed: int) -> pd.DataFrame:
    """Rows of which a matters much, b a little and c, which is skewed, not at all."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 3))
    values[:, 2] = np.exp(values[:, 2])
    chance = 1 / (1 + np.exp(1.5 - 1.5 * values[:, 0] - 0.5 * values[:, 1]))
    frame = pd.DataFrame(values, columns=list(FEATURES))
    frame["y"] = pd.Series(np.where(random.random(rows) < chance, "yes", "no"), dtype="str")
    return frame


def score(rows: pd.DataFrame) -> pd.DataFrame:
    """A model that is nearly right, and uses c though it tells nothing."""
    sure = 1 / (1 + np.exp(1.5 - 1.5 * rows["a"] - 0.5 * rows["b"] - 0.1 * rows["c"]))
    predicted = pd.Series(np.where(sure > 0.5, "yes", "no"), index=rows.index, dtype="str")
    return pd.DataFrame({"predicted": predicted, "p:no": 1 - sure, "p:yes": sure})


def measure(metric: str, rows: int, seed: int, shuffles: int) -> pd.DataFrame:
    """Value, low and high by feature."""
    frame = draw(rows, seed)
    predictions = score(frame)
    wrong = (predictions["predicted"] != frame["y"]).to_numpy()
    errors = DevErrors(frame, frame["y"], predictions, wrong, ["no", "yes"], "no")
    shuffled = ShuffledFeatures(errors, np.arange(rows), ROLES, metric, score, shuffles, seed)
    found = list(shuffled.importances([(name,) for name in FEATURES]))
    return pd.DataFrame(found).set_index("name")


def main() -> None:
    """Print the shares."""
    for metric in ("accuracy", "average_precision"):
        # Blocks of 2,000 rows: the mean over many is the truth, and fits into memory.
        truth = sum(measure(metric, 2_000, 10**6 + k, 2)["value"] for k in range(200)) / 200
        found = [measure(metric, ROWS, seed, MOST_SHUFFLES) for seed in range(SETS)]
        for name in FEATURES:
            ends = np.array([one.loc[name, ["low", "high"]].to_list() for one in found], float)
            held = ((ends[:, 0] <= truth[name]) & (truth[name] <= ends[:, 1])).mean()
            width = (ends[:, 1] - ends[:, 0]).mean()
            print(f"{metric} {name}: true {truth[name]:.4f}, held {held:.1%}, width {width:.3f}")


if __name__ == "__main__":
    main()
