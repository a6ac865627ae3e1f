"""The benchmark's peer: what the mortgage project computes, as one plain scikit-learn script.

The same reading, split sizes, out-of-fold label probabilities, baselines with their intervals,
tests of the pipeline, search, threshold, tables by slice, audit with intervals and paired
comparison; no Prefect, no MLflow, no Great Expectations, nothing recorded.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score
from sklearn.model_selection import ParameterGrid, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

DATA = Path(__file__).resolve().parents[2] / "data" / "hmda_boston" / "hmda.csv"
NUMERIC = ["dir", "hir", "lvr", "ccs", "mcs", "uria", "condominium"]
WORDS = ["pbcr", "self", "single"]
GROUPS = ["black", "single", "self", "condominium"]
SEED = 1990
FAMILIES = [
    (LogisticRegression(max_iter=1000, class_weight="balanced"), {"C": [0.03, 0.1, 0.3, 1, 3]}),
    (
        RandomForestClassifier(n_estimators=100, class_weight="balanced", random_state=SEED),
        {"min_samples_leaf": [3, 6, 12]},
    ),
    (
        HistGradientBoostingClassifier(
            max_iter=60, class_weight="balanced", early_stopping=False, random_state=SEED
        ),
        {"learning_rate": [0.03, 0.08], "max_leaf_nodes": [4, 8]},
    ),
]


def pipeline(estimator):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        ColumnTransformer([("n", numbers, NUMERIC), ("w", words, WORDS)]), estimator
    )


def bootstrap(metric, truth, scores, draws):
    values = [metric(truth[rows], scores[rows]) for rows in draws if truth[rows].any()]
    return np.percentile(values, [2.5, 97.5])


def main():
    frame = pd.read_csv(DATA)
    frame[WORDS] = frame[WORDS].fillna("(missing)")
    assert frame["dir"].between(0, 3).all()
    assert frame["black"].isin(["yes", "no"]).all()
    truth = (frame["deny"] == "yes").to_numpy().astype(int)
    random = np.random.default_rng(SEED)
    place = random.random(len(frame))
    train, dev, test = place < 0.6, (place >= 0.6) & (place < 0.8), place >= 0.8
    rows, labels = frame[train], truth[train]

    folds = StratifiedKFold(3, shuffle=True, random_state=SEED)
    cross_val_predict(pipeline(FAMILIES[0][0]), rows, labels, cv=folds, method="predict_proba")
    pipeline(FAMILIES[0][0]).fit(rows, labels).predict_proba(frame[~train])
    for column in NUMERIC:
        tree = make_pipeline(SimpleImputer(), DecisionTreeClassifier(max_depth=3))
        scores = cross_val_predict(tree, rows[[column]], labels, cv=folds, method="predict_proba")
        roc_auc_score(labels, scores[:, 1])

    draws = [random.integers(0, dev.sum(), dev.sum()) for _ in range(1000)]
    quick = pipeline(DecisionTreeClassifier(max_depth=1)).fit(rows, labels)
    bootstrap(average_precision_score, truth[dev], quick.predict_proba(frame[dev])[:, 1], draws)
    for estimator, _ in FAMILIES:
        pipeline(estimator).fit(rows[:40], labels[:40]).score(rows[:40], labels[:40])
    for _ in range(3):
        shuffled = random.permutation(labels)
        model = pipeline(FAMILIES[0][0]).fit(rows, shuffled)
        average_precision_score(truth[dev], model.predict_proba(frame[dev])[:, 1])

    best = (0.0, None)
    for estimator, grid in FAMILIES:
        found = []
        for setting in ParameterGrid(grid):
            scores = []
            for fit, hold in folds.split(rows, labels):
                model = pipeline(estimator.set_params(**setting))
                model.fit(rows.iloc[fit], labels[fit])
                held = model.predict_proba(rows.iloc[hold])[:, 1]
                scores.append(average_precision_score(labels[hold], held))
            found.append((np.mean(scores), setting))
        setting = max(found, key=lambda pair: pair[0])[1]
        model = pipeline(estimator.set_params(**setting)).fit(rows, labels)
        score = average_precision_score(truth[dev], model.predict_proba(frame[dev])[:, 1])
        best = max(best, (score, model), key=lambda pair: pair[0])
    model = best[1]
    scores = model.predict_proba(frame[dev])[:, 1]
    bootstrap(average_precision_score, truth[dev], scores, draws)
    threshold = max(np.unique(scores), key=lambda t: f1_score(truth[dev], scores >= t))

    for group in GROUPS:
        for value in frame[group].dropna().unique():
            inside = (frame[dev][group] == value).to_numpy()
            np.mean((scores >= threshold)[inside] != truth[dev][inside])

    draws = [random.integers(0, test.sum(), test.sum()) for _ in range(1000)]
    scores, simple = (m.predict_proba(frame[test])[:, 1] for m in (model, quick))
    for metric in (average_precision_score, roc_auc_score):
        bootstrap(metric, truth[test], scores, draws)
    for metric in (f1_score, recall_score):
        bootstrap(metric, truth[test], (scores >= threshold).astype(int), draws)
    gains = [
        average_precision_score(truth[test][d], scores[d])
        - average_precision_score(truth[test][d], simple[d])
        for d in draws
    ]
    print(best[0], threshold, np.percentile(gains, [2.5, 97.5]))


if __name__ == "__main__":
    main()
