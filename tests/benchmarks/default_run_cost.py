"""What a default run costs beside the same fits in a plain script, on 100,000 rows x 14 columns.

Run as `python tests/benchmarks/default_run_cost.py [ROWS [PAIRS]]`. The table is made: 7 numbers
(one with missing cells), 6 categories of 2 to 400 levels and a label of two classes, 20 % positive.
The project file names the source, the target and the positive class, and nothing else. The plain
script (this file with the word `peer`) reads the same file and fits what a default run fits, on as
many rows, each family with the columns as it takes them best: the label models out of fold, the
quick tree, shuffled labels, the search over three folds and the families on train; it computes the
project's metric once for each and nothing else. Whole processes, interleaved. Prints the ratio of
processor time of all processes (aim: at most 2), and where the run's seconds went.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, PAIRS, SEED = 100_000, 3, 11
LEVELS = {"c0": 2, "c1": 4, "c2": 8, "c3": 25, "c4": 90, "c5": 400}
NUMBERS = [f"n{place}" for place in range(7)]
SAMPLE, LABEL_FOLDS, FOLDS = 20_000, 5, 3
ROOT = Path(__file__).resolve().parents[2]


def write_table(path: Path, rows: int) -> None:
    """The table as CSV."""
    random = np.random.default_rng(SEED)
    frame = pd.DataFrame({name: random.normal(size=rows) for name in NUMBERS})
    score = 0.8 * frame["n0"] - 0.6 * frame["n1"] + 0.5 * frame["n2"] * frame["n3"]
    for name, levels in LEVELS.items():
        draws = (random.pareto(1.2, size=rows) * levels / 10).astype(int) % levels
        score += 0.4 * random.normal(size=levels)[draws]
        frame[name] = pd.Series(draws).map(("level {:03d}").format)
    frame.loc[random.random(rows) < 0.05, "n4"] = np.nan
    noisy = score + random.logistic(scale=0.7, size=rows)
    frame["label"] = np.where(noisy > np.quantile(noisy, 0.8), "yes", "no")
    frame.round(4).to_csv(path, index=False)


def peer(path: Path) -> None:
    """The fits of a default run and nothing else."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    frame = pd.read_csv(path)
    words = list(LEVELS)
    truth = (frame.pop("label") == "yes").to_numpy().astype(int)
    place = np.random.default_rng(0).random(len(frame))
    sides = place < 0.6, (place >= 0.6) & (place < 0.8), place >= 0.8
    train, dev, _ = (frame[side] for side in sides)
    labels, told = truth[sides[0]], truth[sides[1]]

    def sparse():
        numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True),
                                StandardScaler())  # fmt: skip
        coded = OneHotEncoder(handle_unknown="ignore", max_categories=100)
        return ColumnTransformer([("n", numbers, NUMBERS), ("w", coded, words)])

    def native():
        coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan,
                               max_categories=31)  # fmt: skip
        return ColumnTransformer([("w", coded, words), ("n", "passthrough", NUMBERS)])

    def linear(**settings):
        return LogisticRegression(max_iter=500, **settings)

    def boosted(**settings):
        fixed = {"max_iter": 60, "max_bins": 31, "early_stopping": False, "random_state": 0}
        return HistGradientBoostingClassifier(
            categorical_features=list(range(len(words))), **fixed, **settings
        )

    families = [
        (sparse, linear, [{"C": value} for value in (0.01, 0.1, 1.0, 10.0)]),
        (native, boosted, [{"learning_rate": rate, "max_leaf_nodes": leaves}
                           for rate in (0.05, 0.15) for leaves in (4, 12)]),
    ]  # fmt: skip

    def fit_and_score(prepare, estimators, learn, outcomes, score):
        columns = prepare()
        learned, scored = columns.fit_transform(learn), columns.transform(score)
        return [one.fit(learned, outcomes).predict_proba(scored)[:, 1] for one in estimators]

    random = np.random.default_rng(1)
    for prepare, estimator, _ in families:
        for learn, score in StratifiedKFold(LABEL_FOLDS).split(train, labels):
            some = random.choice(learn, min(SAMPLE, len(learn)), replace=False)
            fit_and_score(prepare, [estimator()], train.iloc[some], labels[some],
                          train.iloc[score])  # fmt: skip
        some = random.choice(len(train), min(SAMPLE, len(train)), replace=False)
        fit_and_score(prepare, [estimator()], train.iloc[some], labels[some], frame[~sides[0]])
    tree = DecisionTreeClassifier(max_depth=1, min_samples_leaf=5)
    fit_and_score(sparse, [tree], train, labels, dev)
    for prepare, estimator, _ in (*families, families[0]):
        some = random.choice(len(train), min(SAMPLE, len(train)), replace=False)
        shuffled = random.permutation(labels[some])
        fit_and_score(prepare, [estimator()], train.iloc[some], shuffled, dev)
    for prepare, estimator, grid in families:
        settings = [estimator(**setting) for setting in grid]
        for learn, score in StratifiedKFold(FOLDS).split(train, labels):
            scores = fit_and_score(prepare, settings, train.iloc[learn], labels[learn],
                                   train.iloc[score])  # fmt: skip
            for one in scores:
                average_precision_score(labels[score], one)
        (found,) = fit_and_score(prepare, settings[-1:], train, labels, dev)
        print(average_precision_score(told, found))


def timed(command: list[str], home: Path | None = None) -> tuple[float, str]:
    """Processor seconds of a command and all that it started, and what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    # One thread each: threads that wait for each other would count as work.
    environment = {**clean, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if home:
        environment["ASSAYLINE_HOME"] = str(home)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A run ends with its verdict: 4 and 5 are no failures.
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 4, 5):
        sys.exit(done.stdout + done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, done.stdout


def main() -> None:
    """Measure, and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "made.csv", rows)
        project = folder / "project.yaml"
        project.write_text("name: made\nsource: made.csv\ntarget: label\npositive_class: 'yes'\n")
        run = [sys.executable, "-m", "flows.cli", "run", str(project), "--quiet", "--json"]
        script = [sys.executable, __file__, "peer", str(folder / "made.csv")]
        ours, plain, stages = [], [], []
        for number in range(pairs):
            plain.append(timed(script)[0])
            cpu, told = timed(run, folder / f"home-{number}")
            ours.append(cpu)
            stages.append({one["name"]: one["seconds"] for one in json.loads(told)["stages"]})
    ratios = [one / other for one, other in zip(ours, plain, strict=True)]
    print("| rows | run, CPU s | plain script, CPU s | ratio (min to max) |")
    print("| ---: | ---: | ---: | --- |")
    print(
        f"| {rows:,} | {statistics.median(ours):.0f} | {statistics.median(plain):.0f} "
        f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )
    for stage in stages[-1]:
        seconds = statistics.median(one[stage] or 0.0 for one in stages)
        print(f"{stage}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peer"]:
        peer(Path(sys.argv[2]))
    else:
        main()
