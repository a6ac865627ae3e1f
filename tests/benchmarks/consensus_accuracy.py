"""How right is each consensus method, where the true label is known?

Run as `ASSAYLINE_DATASETS=FOLDER python tests/benchmarks/consensus_accuracy.py`; prints two
Markdown tables. Accuracy is a share of items, a tie counting as a guess; differences to the
majority have a 95 % paired bootstrap interval of the items.

* `crowd_labels`: three sets by known annotators with gold labels, beside crowd-kit's Dawid-Skene
  where it is installed. Without features of the items no model can assist.
* `sentiment_raters`: two to five of the twenty labels of a sentence, against the majority of the
  fifteen or more others. The model is a logistic regression on words that has not seen the
  document. The labels have no names, so the truth is what other people of the same kind say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.labels.consensus import Consensus, find_consensus, vote_shares
from tasks.labels.consensus_dawid_skene import estimate_true_classes
from tasks.labels.ratings import Ratings, cast_once

REPLICATES = 2000


def crowd(folder: Path, name: str) -> tuple[Ratings, np.ndarray, np.ndarray]:
    """The ratings of a set, the items that have gold, and their true classes."""
    said = pd.read_parquet(folder / f"{name}_labels.parquet").astype("str")
    gold = pd.read_csv(folder / f"{name}_gold.csv", dtype="str")
    item, items = pd.factorize(said["item"], sort=True)
    order = np.argsort(item, kind="stable")
    label, classes = pd.factorize(said["label"], sort=True)
    annotator, people = pd.factorize(said["worker"], sort=True)
    ratings = Ratings(
        item=item[order],
        label=label[order],
        annotator=annotator[order],
        items=len(items),
        classes=tuple(classes),
        annotators=tuple(people),
    )
    rows = pd.Index(items).get_indexer(gold["item"])
    truth = pd.Index(classes).get_indexer(gold["gold"])
    return cast_once(ratings), rows[rows >= 0], truth[rows >= 0]


def credit(posterior: np.ndarray, rows: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """By item: whether it is right; a tie counts as a guess."""
    chosen = posterior[rows]
    top = chosen >= chosen.max(axis=1, keepdims=True) - 1e-9
    return top[np.arange(len(rows)), truth] / top.sum(axis=1)


def of_consensus(found: Consensus, rows: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """By item: whether the consensus is right."""
    return (found.label[rows] == truth).astype(np.float64)


def print_rows(what: str, n: int, right: Mapping[str, np.ndarray]) -> None:
    """A row a method, with its difference to the majority."""
    rng = np.random.default_rng(0)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=REPLICATES) / n
    for method, values in right.items():
        apart = values - right["majority"]
        low, high = np.quantile(weights @ apart, [0.025, 0.975])
        said = "" if method == "majority" else f"{apart.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
        print(f"| {what} | {n:,} | {method} | {values.mean():.4f} | {said} |", flush=True)


def print_crowds(folder: Path) -> None:
    """The three sets with gold labels."""
    for name in ("task_spam", "binary_all_gold", "content_rating"):
        ratings, rows, truth = crowd(folder, name)
        found = find_consensus(ratings)
        plain = estimate_true_classes(ratings).posterior
        right = {
            "majority": credit(vote_shares(ratings.votes()), rows, truth),
            "dawid_skene": of_consensus(found["dawid_skene"], rows, truth),
            "Dawid-Skene, no smoothing": credit(plain, rows, truth),
        }
        try:
            right["Dawid-Skene by crowd-kit"] = credit(by_crowd_kit(ratings), rows, truth)
        except ImportError:
            print("crowd-kit is not installed", file=sys.stderr)
        print_rows(name, len(rows), right)


def by_crowd_kit(ratings: Ratings) -> np.ndarray:
    """The probabilities of crowd-kit with its own settings."""
    from crowdkit.aggregation import DawidSkene

    frame = pd.DataFrame(
        {"task": ratings.item, "worker": ratings.annotator, "label": ratings.label}
    )
    found = DawidSkene().fit(frame).probas_
    return found.reindex(index=range(ratings.items), columns=range(len(ratings.classes))).to_numpy()


def print_sentences(folder: Path) -> None:
    """A few of twenty labels against the others."""
    for name in ("product_reviews", "editorials"):
        said = pd.read_parquet(folder / f"{name}_ratings.parquet")
        item, names = pd.factorize(said["item_id"], sort=True)
        text = pd.read_parquet(folder / f"{name}_items.parquet").set_index("item_id")["text"]
        sign = (np.sign(said["rating"]) + 1).to_numpy(dtype=np.int64)
        slot = (said["slot"] - said["slot"].min()).to_numpy()
        documents = pd.Series(names).str.rsplit("_", n=1).str[0].to_numpy()
        everyone = ratings_of(item, sign, len(names))
        for few in (2, 3, 5):
            part = ratings_of(item[slot < few], sign[slot < few], len(names))
            others = everyone.votes() - part.votes()
            top = others == others.max(axis=1, keepdims=True)
            rows = np.flatnonzero(top.sum(axis=1) == 1)
            truth = others.argmax(axis=1)[rows]
            model = probabilities(text.loc[names], part, documents)
            found = find_consensus(part, model)
            right = {"majority": credit(vote_shares(part.votes()), rows, truth)}
            for method in ("dawid_skene", "model_assisted"):
                right[method] = of_consensus(found[method], rows, truth)
            right["the model alone"] = credit(model, rows, truth)
            print_rows(f"{name}, {few} labels", len(rows), right)


def ratings_of(item: np.ndarray, label: np.ndarray, items: int) -> Ratings:
    """Anonymous ratings."""
    order = np.argsort(item, kind="stable")
    return Ratings(
        item=item[order],
        label=label[order],
        annotator=None,
        items=items,
        classes=("negative", "neutral", "positive"),
    )


def probabilities(text: pd.Series, part: Ratings, documents: np.ndarray) -> np.ndarray:
    """Of each class, by a model that has seen no sentence of the document."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2))
    model = make_pipeline(words, LogisticRegression(C=3, max_iter=500))
    labels = part.votes().argmax(axis=1)
    folds = GroupKFold(5)
    return cross_val_predict(
        model, text, labels, groups=documents, cv=folds, method="predict_proba"
    )


def main() -> None:
    """Print both tables."""
    folder = os.environ.get("ASSAYLINE_DATASETS")
    if folder is None:
        sys.exit("ASSAYLINE_DATASETS names no folder with crowd_labels and sentiment_raters")
    for part in (print_crowds, print_sentences):
        print("| set | items | method | accuracy | less that of the majority |")
        print("| --- | ---: | --- | ---: | --- |")
        part(Path(folder) / ("crowd_labels" if part is print_crowds else "sentiment_raters"))
        print()


if __name__ == "__main__":
    main()
