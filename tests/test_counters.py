"""A column that counts or names its rows is no feature; a measurement is one, though it differs."""

import numpy as np
import pytest

from tasks.ingestion import ingest
from tasks.ingestion.counters import is_counter
from tasks.project.sections import Project

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(100_001.0, 100_721),
        RANDOM.permutation(np.arange(500.0)),
        RANDOM.choice(5_000, 900, replace=False).astype(float),
        np.arange(100) * 0.1,
        np.concatenate([np.arange(400.0), np.arange(20.0)]),
    ],
    ids=["a record number", "shuffled", "with gaps", "equal steps", "some rows twice"],
)
def test_counters(numbers):
    assert is_counter(numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        RANDOM.normal(size=900),
        np.sort(RANDOM.normal(size=900)),
        RANDOM.integers(0, 100, 900).astype(float),
        # Incomes to the unit: of 300 numbers between ends a million apart none need repeat.
        np.round(RANDOM.lognormal(10, 0.8, 300)),
        np.ones(100),
    ],
    ids=["measured", "sorted", "whole numbers that repeat", "incomes", "constant"],
)
def test_measurements_are_none(numbers):
    assert not is_counter(numbers)


def table(tmp_path, **project):
    rows = ["record_no,load,y"]
    rows += [f"{1000 + n},{RANDOM.normal():.6f},{'ab'[n % 2]}" for n in range(60)]
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    given = {"name": "p", "source": "d.csv", "target": "y", **project}
    result = ingest(tmp_path / "d.csv", Project.model_validate(given), None)
    return result.facts["roles"]


def test_a_counter_is_left_out_with_the_reason_and_the_way_to_keep_it(tmp_path):
    roles = table(tmp_path)
    assert roles["numeric"] == ["load"]
    assert roles["excluded"]["record_no"] == (
        "counts or names the rows: 60 different numbers from 1000 to 1059 in 60 cells; name it in "
        "features.numeric to use it"
    )


def test_a_declared_counter_is_a_feature(tmp_path):
    assert table(tmp_path, features={"numeric": ["record_no"]})["numeric"] == ["record_no", "load"]
