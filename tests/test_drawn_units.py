"""Copies of one example are one observation, wherever it is asked how sure a number is."""

import numpy as np
import pandas as pd
import pytest

from tasks.drawn_units import drawn_units
from tasks.metrics import estimate_metrics, paired_difference
from tasks.metrics.resampling import BINNED_ROWS
from tasks.project.roles import Roles
from tasks.ratio_estimates import ratio_estimate

ROLES = Roles(target="y", positive_class="yes", numeric=("a",))


def scored(n, right, copies=1):
    """`n` examples, the first `right` of them predicted well, each there `copies` times."""
    labels = np.where(np.arange(n) % 2 == 0, "yes", "no")
    told = np.where(np.arange(n) < right, labels, np.where(labels == "yes", "no", "yes"))
    index = pd.Index([f"k{place}" for place in range(n * copies)], name="row_key")
    labels = pd.Series(np.repeat(labels, copies), index=index, dtype="str")
    predicted = pd.DataFrame({"predicted": np.repeat(told, copies)}, index=index).astype("str")
    units = pd.Series(np.repeat(np.arange(n), copies), index=index)
    return labels, predicted, units


def estimate(labels, predictions, groups, name="accuracy"):
    return estimate_metrics(
        [name], labels, predictions, positive_class="yes", replicates=400, seed=0, groups=groups
    )[name]


def test_units_are_the_groups_else_those_of_the_split_else_none():
    rows = pd.DataFrame({"g": ["p", "p", "q"]}, index=["k1", "k2", "k3"])
    shared = pd.DataFrame({"unit": ["u", "u", "v"]}, index=rows.index)
    grouped = Roles.from_facts({**ROLES.to_facts(), "group": "g"})
    assert drawn_units(rows, shared, grouped).tolist() == ["p", "p", "q"]
    assert drawn_units(rows, shared, ROLES).tolist() == ["u", "u", "v"]
    assert drawn_units(rows, shared.assign(unit=["u", "v", "w"]), ROLES) is None
    # A row that the split left out is alone.
    assert drawn_units(rows, shared.iloc[[0, 2]], ROLES) is None


def test_a_copied_test_set_is_no_surer_than_the_examples():
    single = estimate(*scored(100, 80)[:2], None)
    labels, predictions, units = scored(100, 80, copies=5)
    counted_as_rows = estimate(labels, predictions, None)
    counted_once = estimate(labels, predictions, units)
    # Wilson: 80 of 100 is 0.711 to 0.867, 400 of 500 is 0.763 to 0.833.
    assert (round(single.low, 3), round(single.high, 3)) == (0.711, 0.867)
    assert (round(counted_as_rows.low, 3), round(counted_as_rows.high, 3)) == (0.763, 0.833)
    assert counted_once.low == pytest.approx(single.low, abs=0.02)
    assert counted_once.high == pytest.approx(single.high, abs=0.02)


def test_a_few_copies_keep_wilsons_interval_at_the_effective_number_of_rows():
    # 90 examples, one of which is there eleven times, all right: as sure as 90 of 90.
    labels, predictions, _ = scored(100, 100)
    units = pd.Series([0] * 11 + [*range(1, 90)], index=labels.index)
    found = estimate(labels, predictions, units)
    # Wilson's lower end of 90 of 90 is 90 / (90 + 1.96 ** 2).
    assert (found.method, found.value, found.n) == ("wilson", 1.0, 100)
    assert found.low == pytest.approx(90 / (90 + 1.959964**2), abs=1e-4)
    rate = ratio_estimate(np.ones(100), np.ones(100), replicates=99, seed=0, groups=units)
    assert (rate.method, rate.low) == ("wilson", found.low)


def test_a_paired_difference_draws_units():
    labels, better, units = scored(60, 45, copies=5)
    _, worse, _ = scored(60, 39, copies=5)
    alone = paired_difference(
        "accuracy", labels, better, worse, positive_class="yes", replicates=400, seed=0
    )
    together = paired_difference(
        "accuracy", labels, better, worse, positive_class="yes", replicates=400, seed=0,
        groups=units,
    )  # fmt: skip
    assert together.value == pytest.approx(0.1)
    assert alone.value == pytest.approx(0.1)
    assert together.method == "paired group bootstrap"
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_many_rows_are_drawn_by_pattern_with_the_same_spread():
    n = BINNED_ROWS // 5 + 100
    labels, predictions, units = scored(n, int(0.7 * n), copies=5)
    found = estimate(labels, predictions, units, "f1")
    single = estimate(*scored(n, int(0.7 * n))[:2], None, "f1")
    assert found.value == pytest.approx(single.value)
    assert found.high - found.low == pytest.approx(single.high - single.low, rel=0.2)
