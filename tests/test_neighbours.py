"""Which rows are most like a row: distances by hand, chunks, ties, and too few rows."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from tasks import neighbours
from tasks.neighbours import nearest

OTHERS = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [6.0, 8.0]])
NOWHERE = np.array([-1])


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_the_nearest_come_first_with_their_distances(kind):
    found = nearest(kind(np.array([[0.0, 0.0]])), kind(OTHERS), 3, NOWHERE)
    assert found.places.tolist() == [[0, 2, 1]]
    assert found.distances.tolist() == [[0.0, 1.0, 5.0]]


def test_a_row_is_not_its_own_neighbour():
    found = nearest(OTHERS, OTHERS, 8, np.arange(4))
    assert found.places.tolist() == [[2, 1, 3], [2, 0, 3], [0, 1, 3], [1, 2, 0]]
    assert found.distances[3].tolist() == pytest.approx([5.0, 85**0.5, 10.0])


def test_equal_rows_are_exactly_nothing_apart():
    rows = np.array([[0.1, 1e6 / 3, 0.7]] * 3)
    assert nearest(rows, rows, 2, np.arange(3)).distances.tolist() == [[0.0, 0.0]] * 3


def test_of_equally_near_ones_the_first_stands_first():
    found = nearest(np.zeros((1, 1)), np.array([[1.0], [-1.0], [1.0]]), 3, NOWHERE)
    assert found.places.tolist() == [[0, 1, 2]]


def test_chunks_change_nothing(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    whole = nearest(rows, rows, 5, np.arange(50))
    monkeypatch.setattr(neighbours, "_CHUNK_CELLS", 120)
    parts = nearest(rows, rows, 5, np.arange(50))
    assert np.array_equal(whole.places, parts.places)
    assert np.array_equal(whole.distances, parts.distances)


def test_one_row_alone_has_no_neighbour():
    found = nearest(np.zeros((1, 2)), np.zeros((1, 2)), 3, np.zeros(1, dtype=np.int64))
    assert found.places.shape == (1, 0)
    assert nearest(np.zeros((0, 2)), OTHERS, 3, np.zeros(0, dtype=np.int64)).places.shape == (0, 3)
