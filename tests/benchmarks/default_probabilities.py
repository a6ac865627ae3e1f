"""What the defaults make of probabilities: class weights, none, and calibrated, against a constant.

Real data of `data/` and a simulated weak signal, each split anew by `split.epoch`; the families are
the product's own defaults, by average precision. Of the stored model on test: log loss and Brier
score with class weights (as the default was), without, and as it is now (calibrated where that is
surely better), beside those of always telling train's shares; average precision hardly moves.

Prints a Markdown table. Exits 1 where a default model's log loss or Brier score is worse than the
constant's.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline

from tasks.constant import class_shares, constant_predictions
from tasks.estimators.calibrated import base_estimator
from tasks.ingestion import ingest
from tasks.metrics import metric_value
from tasks.models import ModelPackage, load_model
from tasks.project.dataset import Dataset
from tasks.project.loading import load_project
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.scoring import served_predictions
from tasks.splitting import split_rows
from tasks.training import train

DATA = Path(__file__).resolve().parents[2] / "data"
NAMES = ("ai4i_maintenance", "hmda_boston", "sms_spam")
EPOCHS = (1, 2, 3)
# By class weights: what the model tells itself, and as it is stored.
WAYS = {
    "balanced": ("balanced", "balanced, calibrated"),
    "none": ("none", "default"),
}


def real(name):
    """Table, roles and project of a sample, with the default families."""
    project = load_project(DATA / name / "project.yaml").project
    found = ingest(DATA / name / project.source.path, project)
    return found.outputs["snapshot"], Roles.from_facts(found.facts["roles"]), project


def weak_signal():
    """4,000 rows of which a quarter is positive, and three weak columns of six."""
    random = np.random.default_rng(0)
    values = random.normal(size=(4000, 6))
    happened = random.random(4000) < expit(values @ [0.5, 0.3, 0.2, 0, 0, 0] - 1.2)
    frame = pd.DataFrame(values, columns=[f"x{place}" for place in range(6)])
    frame["y"] = pd.Series(np.where(happened, "yes", "no"), dtype="str")
    frame.index = pd.Index([f"r{place}" for place in range(4000)], name="row_key")
    roles = Roles(
        target="y",
        positive_class="yes",
        numeric=tuple(frame.columns[:-1]),
        key_columns=tuple(frame.columns[:-1]),
    )
    return frame, roles, Project(name="weak", source="-", target="y", positive_class="yes", seed=1)


def measured(frame, roles, project, epoch):
    """Metrics on test by way, and the constant's."""
    settings = project.model_dump(exclude_unset=True)
    settings["split"] = settings.get("split", {}) | {"epoch": epoch}
    split = split_rows(frame, roles, Project.model_validate(settings).split, None).outputs["split"]
    split = split.reindex(frame.index)
    test = frame[(split["side"] == "test").to_numpy()]
    labels = roles.labels(test)
    found = {}
    for class_weight, (raw, calibrated) in WAYS.items():
        training = {"metric": "average_precision", "class_weight": class_weight}
        own = Project.model_validate(settings | {"training": training})
        result = train(Dataset(frame, split, roles), own)
        package = ModelPackage.from_files(result.files, "model")
        model = load_model(package)
        method = result.facts["calibration"]["method"]
        found[calibrated] = served_predictions(model, package.facts, test), method
        below = Pipeline(
            [("prepare", model.named_steps["prepare"]), ("estimator", base_estimator(model))]
        )
        found[raw] = served_predictions(below, package.facts, test), "none"
    learned = roles.labels(frame[(split["side"] == "train").to_numpy()])
    found["constant"] = constant_predictions(class_shares(learned), test.index), ""
    return {
        way: {
            "method": method,
            **{
                name: metric_value(name, labels, told, positive_class=roles.positive_class)
                for name in ("log_loss", "brier", "average_precision")
            },
        }
        for way, (told, method) in found.items()
    }


def main():
    worlds = {"weak signal": weak_signal(), **{name: real(name) for name in NAMES}}
    ways = ["balanced", "none", "default", "balanced, calibrated", "constant"]
    print(f"| data | epoch | log loss: {' / '.join(ways)} | Brier score | average precision | |")
    print("| --- | ---: | --- | --- | --- | --- |")
    worse = []
    for name, world in worlds.items():
        for epoch in EPOCHS:
            found = measured(*world, epoch)
            cells = [
                " / ".join(f"{found[way][metric]:.3f}" for way in ways)
                for metric in ("log_loss", "brier", "average_precision")
            ]
            used = f"default: {found['default']['method']}"
            print(f"| {name} | {epoch} | {' | '.join(cells)} | {used} |", flush=True)
            worse += [
                f"{name}, epoch {epoch}, {metric}"
                for metric in ("log_loss", "brier")
                if found["default"][metric] >= found["constant"][metric]
            ]
    for one in worse:
        print(f"worse than the constant: {one}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
