"""How well do the words of a text rank the classes, all of them or a few alone?

The words that nearly every text of a class has, and no other text, are how an outcome gets into a
note: "rejected by the officer". A few of them settle such a leak, while an honest text is told by
many words, none of which is in most of its rows. So two models are fitted: a linear one on all
words (weighted by TF-IDF), and another one on the few words (`FEW`) that
tell most.

Guarantees: both are fitted without the split units that they score, words included; the result
depends on the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]

FEW, MOST_FEW = 6, 12
"""As many words as there are classes, within these limits."""
_WORD = r"(?u)\b\w+\b"
_MOST_WORDS = 5_000
_FEWEST_TEXTS = 3
_EPOCHS = 20


@dataclass(frozen=True)
class WordScores:
    """Out-of-fold scores of the classes (rows by classes): of all words, and of the few alone.

    `telling` are the words that tell most over all rows, the most telling first.
    """

    by_all: Array
    by_few: Array
    telling: tuple[str, ...]


def score_words(
    texts: pd.Series, codes: Array, classes: int, folds: Array, seed: int
) -> WordScores | None:
    """The classes `codes` of `texts` scored fold by fold; None where no word is met often enough.

    `folds` numbers the fold of each row. A missing text has no word.
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    words = CountVectorizer(
        binary=True,
        min_df=_FEWEST_TEXTS,
        max_features=_MOST_WORDS,
        token_pattern=_WORD,
        dtype=np.float64,
    )
    try:
        found = words.fit_transform(texts.astype("str").fillna(""))
    except ValueError:  # scikit-learn's way to say that no word is met often enough
        return None
    names = words.get_feature_names_out()
    shape = (len(codes), classes)
    scores = WordScores(np.zeros(shape), np.zeros(shape), telling=())
    for fold in np.unique(folds):
        inside, outside = folds != fold, folds == fold
        if len(np.unique(codes[inside])) < 2:
            continue
        weights = TfidfTransformer().fit(found[inside])
        every = SGDClassifier(
            loss="log_loss", alpha=1e-5, max_iter=_EPOCHS, tol=None, random_state=seed
        ).fit(weights.transform(found[inside]), codes[inside])
        asked = weights.transform(found[outside])
        scores.by_all[np.ix_(outside, every.classes_)] = _decisions(every, asked)
        chosen = _most_telling(found[inside], codes[inside], classes)
        few = LogisticRegression().fit(found[inside][:, chosen], codes[inside])
        asked = found[outside][:, chosen]
        scores.by_few[np.ix_(outside, few.classes_)] = few.predict_proba(asked)
    telling = _most_telling(found, codes, classes)
    return replace(scores, telling=tuple(str(names[place]) for place in telling))


def _decisions(model: Any, rows: Any) -> Array:
    decided: Array = model.decision_function(rows)
    return np.column_stack([-decided, decided]) if decided.ndim == 1 else decided


def _most_telling(found: Any, codes: Array, classes: int) -> Array:
    """The columns of the words with most mutual information with the class, the largest first."""
    one_hot = np.eye(classes)[codes]
    n = len(codes)
    shares = one_hot.sum(axis=0) / n
    with_word = np.asarray(found.T @ one_hot) / n
    total = with_word.sum(axis=1, keepdims=True)
    information = _terms(with_word, total * shares)
    information += _terms(shares - with_word, (1 - total) * shares)
    few = min(max(FEW, classes), MOST_FEW)
    order: Array = np.argsort(-information, kind="stable")[:few]
    return order


def _terms(joint: Array, independent: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / independent), 0.0)
    total: Array = terms.sum(axis=1)
    return total
