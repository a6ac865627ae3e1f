"""Nearly equal texts: the similarity by hand, and no pair missed or invented."""

import numpy as np

from tasks.labels import similar_texts
from tasks.labels.similar_texts import similar_pairs


def dice(left, right):
    sets = [{text[i : i + 5] for i in range(len(text) - 4)} for text in (left, right)]
    return 2 * len(sets[0] & sets[1]) / (len(sets[0]) + len(sets[1]))


def test_the_similarity_is_the_share_of_common_shingles():
    # abcdefgh has 4 shingles and abcdefghi 5, of which 4 are common: 8 / 9 = 0.889.
    texts = ["abcdefgh", "abcdefghi", "something else"]
    assert similar_pairs(texts, 0.88).tolist() == [[0, 1]]
    assert similar_pairs(texts, 0.89).tolist() == []


def test_too_short_texts_no_texts_and_a_limit_of_one_find_nothing():
    assert similar_pairs(["abcd", "abce", "abcdefgh"], 0.5).tolist() == []
    assert similar_pairs([], 0.9).tolist() == []
    assert similar_pairs(["abcdefgh", "abcdefghi"], 1.0).tolist() == []


def test_positions_count_the_short_texts_too():
    assert similar_pairs(["ab", "abcdefgh", "c", "abcdefghi"], 0.88).tolist() == [[1, 3]]


def test_characters_outside_the_common_plane_and_lone_surrogates():
    texts = ["\U0001f600 well done", "\U0001f600 well done!", "\ud83d broken text"]
    assert similar_pairs(texts, 0.9).tolist() == [[0, 1]]


def test_every_pair_of_a_random_set_and_no_other(monkeypatch):
    monkeypatch.setattr(similar_texts, "_CHUNK_TEXTS", 50)
    monkeypatch.setattr(similar_texts, "_CHUNK_PAIRS", 7)
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    texts = [" ".join(rng.choice(words, 14)) for _ in range(200)]
    for number in range(60):
        changed = list(texts[number])
        changed[int(rng.integers(len(changed)))] = "#"
        texts.append("".join(changed))
    expected = [
        [i, j]
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
        if dice(texts[i], texts[j]) >= 0.9
    ]
    assert len(expected) == 60
    assert similar_pairs(texts, 0.9).tolist() == expected


def test_many_texts_alike_are_each_compared_with_some():
    texts = [f"your parcel number {number:05d} waits at the post office" for number in range(500)]
    pairs = similar_pairs(texts, 0.8)
    assert len(set(pairs.ravel().tolist())) == 500
    assert len(pairs) <= 500 * similar_texts.BANDS * similar_texts.WINDOW
