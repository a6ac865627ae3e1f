"""Metrics by group equal Fairlearn's; intervals hold for all pairs of groups at once."""

import math

import fairlearn.metrics as fair
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from tasks.intervals import katz, newcombe, wilson
from tasks.metrics.group_metrics import GROUP_METRICS, group_values
from tasks.metrics.group_sums import MIN_REPLICATES, GroupedRows
from tasks.metrics.simultaneous import compare, critical_value

PEERS = {
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "true_negative_rate": fair.true_negative_rate,
    "false_positive_rate": fair.false_positive_rate,
    "false_negative_rate": fair.false_negative_rate,
    "precision": sk.precision_score,
    "accuracy": sk.accuracy_score,
    "f1": sk.f1_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
}


def rows(groups, member, selected, told=None, units=None, seed=0):
    groups = np.asarray(groups, dtype=object)
    return GroupedRows(
        groups={name: groups == name for name in dict.fromkeys(groups) if name is not None},
        member=np.asarray(member, dtype=bool),
        selected=np.asarray(selected, dtype=bool),
        told=None if told is None else np.asarray(told, dtype=float),
        units=None if units is None else np.asarray(units, dtype=np.intp),
        replicates=500,
        seed=seed,
    )


def counted(cells, **more):
    """Rows from (group, member, selected): how many of them."""
    listed = [key for key, count in cells.items() for _ in range(count)]
    return rows(*zip(*listed, strict=True), **more)


def random_rows(n=600, seed=0):
    """Three groups crossed with two, labels and predictions that hang on them."""
    random = np.random.default_rng(seed)
    race, sex = random.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]), random.choice(["f", "m"], n)
    shift = (race == "a") * 0.8 + (sex == "f") * 0.5
    score = random.normal(size=n) + shift
    member = score + random.normal(size=n) > 0.6
    return race, sex, member, score > 0.7


# Refusals first.


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown group metric 'auc'; known: base_rate, sel"):
        group_values("auc", rows(["a"], [1], [1]))


def test_fewer_than_two_groups_are_not_compared():
    values = group_values("accuracy", rows(["a", "a", "b"], [1, 0, 1], [1, 1, 1]))
    assert compare(values, [0]) is None


# Values.


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("metric", sorted(PEERS))
def test_numbers_are_fairlearns(metric, crossed):
    race, sex, member, selected = random_rows()
    features = pd.DataFrame({"race": race, "sex": sex}) if crossed else pd.Series(race, name="race")
    names = [f"{r} {s}" for r, s in zip(race, sex, strict=True)] if crossed else race
    frame = fair.MetricFrame(
        metrics=PEERS[metric],
        y_true=member.astype(int),
        y_pred=selected.astype(int),
        sensitive_features=features,
    )
    found = group_values(metric, rows(names, member, selected))
    by_group = {" ".join(key) if crossed else key: value for key, value in frame.by_group.items()}
    assert dict(zip(found.groups, found.value, strict=True)) == pytest.approx(by_group, abs=1e-12)
    compared = compare(found, range(len(by_group)))
    difference, ratio = compared.largest_difference, compared.smallest_ratio
    assert difference.value == pytest.approx(frame.difference(method="between_groups"), abs=1e-12)
    assert ratio.value == pytest.approx(frame.ratio(method="between_groups"), abs=1e-12)
    assert 0 <= difference.low <= difference.value <= difference.high <= 1
    assert 0 <= ratio.low <= ratio.value <= ratio.high <= 1


def test_calibration_by_hand():
    found = rows(["a", "a", "b", "b"], [1, 0, 0, 0], [1, 0, 0, 0], told=[0.8, 0.3, 0.35, 0.85])
    assert group_values("calibration", found).value == pytest.approx([0.05, 0.6])
    # a: |0.8 - 1| and |0.3 - 0| in two bins; b: 0.35 and 0.85 too much.
    assert group_values("calibration_error", found).value == pytest.approx([0.25, 0.6])
    assert group_values("base_rate", found).value == pytest.approx([0.5, 0])


def test_without_probabilities_calibration_has_no_value_and_no_rows():
    found = group_values("calibration", rows(["a", "b"], [1, 0], [1, 0]))
    assert np.isnan(found.value).all()
    assert found.n.tolist() == [0, 0]


def test_a_rate_has_wilsons_interval_over_its_own_rows():
    values = group_values("precision", counted({("a", 1, 1): 3, ("a", 0, 1): 1, ("b", 1, 0): 2}))
    assert (values.low[0], values.high[0]) == wilson(3, 4)
    assert values.n.tolist() == [4, 0]
    # Nothing is selected in b: its precision is unknown, not 0.
    assert math.isnan(values.value[1])
    assert (values.low[1], values.high[1]) == (0.0, 1.0)


@pytest.mark.parametrize("metric", GROUP_METRICS)
def test_the_same_seed_gives_the_same_numbers(metric):
    race, _, member, selected = random_rows(200)
    told = np.random.default_rng(1).random(200)
    one, two = (group_values(metric, rows(race, member, selected, told)) for _ in range(2))
    assert len(one.draws) == MIN_REPLICATES
    assert np.array_equal(one.draws, two.draws)
    assert np.isfinite([one.low, one.value, one.high]).all()


def test_resamples_are_those_of_rows():
    race, _, member, selected = random_rows(300)
    told = np.random.default_rng(2).random(300)
    found = rows(race, member, selected, told)
    random, drawn = np.random.default_rng(3), {name: [] for name in ("precision", "calibration")}
    for _ in range(1500):
        places = random.integers(0, 300, 300)
        inside = race[places] == "b"
        own, picked = member[places][inside], selected[places][inside]
        drawn["precision"].append((own & picked).sum() / picked.sum())
        drawn["calibration"].append((told[places][inside] - own).mean())
    for name, values in drawn.items():
        of_group = group_values(name, found)
        spread = of_group.draws[:, of_group.groups.index("b")].std()
        assert spread == pytest.approx(np.std(values), rel=0.1)


# Units.


def test_rows_of_one_unit_count_as_one():
    race, _, member, selected = random_rows(300)
    told = np.random.default_rng(2).random(300)
    alone = rows(race, member, selected, told)
    five = [np.repeat(values, 5) for values in (race, member, selected, told)]
    together = rows(*five, units=np.repeat(np.arange(300), 5))
    for metric in ("false_negative_rate", "calibration", "f1"):
        one, many = group_values(metric, alone), group_values(metric, together)
        assert many.value == pytest.approx(one.value)
        assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.15)
        first, second = (compare(values, [0, 1, 2]).largest_difference for values in (one, many))
        assert second.high - second.low == pytest.approx(first.high - first.low, rel=0.15)


def test_a_rate_of_0_in_units_rests_on_the_units():
    member, units = [1] * 20, np.repeat([0, 1], 10)
    found = group_values("selection_rate", rows(["a"] * 20, member, [0] * 20, units=units))
    assert found.effective.tolist() == [2]
    # Two people tell next to nothing: 2 / (12.7062 / 1.95996 * sqrt(2))^2 rows are left.
    assert (found.low[0], found.high[0]) == pytest.approx(wilson(0, 0.023793), abs=1e-5)


def test_few_units_widen_an_interval_as_students_t_does():
    units = np.repeat(np.arange(40), 5)
    selected = np.tile([1, 1, 0, 0, 0], 40)
    found = group_values("selection_rate", rows(["a"] * 200, [1] * 200, selected, units=units))
    # Each of 40 people has the same rate: the 200 rows count, taken down by t of 39 at 40 / 39.
    assert found.units.tolist() == [40]
    trials = 200 * 39 / 40 / (2.022691 / 1.959964) ** 2
    assert (found.low[0], found.high[0]) == pytest.approx(wilson(0.4 * trials, trials), abs=1e-5)


# All pairs at once.


def test_two_groups_have_newcombes_and_katz_intervals():
    cells = {("a", 1, 1): 56, ("a", 1, 0): 14, ("b", 1, 1): 48, ("b", 1, 0): 32}
    values = group_values("selection_rate", counted(cells))
    found = compare(values, [0, 1])
    assert found.critical == pytest.approx(1.95996, abs=1e-5)
    difference, ratio = found.largest_difference, found.smallest_ratio
    assert (difference.low, difference.high) == pytest.approx(newcombe(56, 70, 48, 80))
    assert (ratio.low, ratio.high) == pytest.approx(katz(48, 80, 56, 70))


def test_a_group_of_which_nobody_is_selected_keeps_sensible_intervals():
    cells = {("a", 1, 1): 30, ("a", 1, 0): 30, ("b", 1, 0): 40, ("c", 1, 1): 20, ("c", 1, 0): 20}
    found = compare(group_values("selection_rate", counted(cells)), [0, 1, 2])
    difference, ratio = found.largest_difference, found.smallest_ratio
    assert 0.25 < difference.low < 0.5 < difference.high < 0.7
    assert (ratio.value, ratio.low) == (0.0, 0.0)
    assert 0 < ratio.high < 0.5
    # Nobody anywhere: no difference, and no ratio.
    silent = compare(group_values("selection_rate", counted({("a", 1, 0): 40, ("b", 0, 0): 40})),
                     [0, 1])  # fmt: skip
    assert (silent.largest_difference.value, silent.largest_difference.low) == (0.0, 0.0)
    assert math.isnan(silent.smallest_ratio.value)


def test_the_critical_value_is_tukeys():
    draws = np.random.default_rng(0).normal(size=(20_000, 5))
    # The studentized range of 5 groups at 5 % and infinite degrees of freedom is 3.858.
    assert critical_value(draws) == pytest.approx(3.858 / math.sqrt(2), abs=0.04)
    assert critical_value(draws[:, :2]) == pytest.approx(1.95996, abs=1e-5)
    # One group that never varies beside another is no pair.
    assert critical_value(np.zeros((100, 3))) == pytest.approx(1.95996, abs=1e-5)


def test_too_many_undefined_replicates_withhold_the_intervals():
    cells = {("a", 1, 1): 2, ("a", 0, 0): 100, ("b", 1, 1): 50, ("b", 0, 0): 50}
    found = compare(group_values("true_positive_rate", counted(cells)), [0, 1])
    assert found.undefined_share > 0.05  # no row of a is drawn: about exp(-2)
    assert math.isnan(found.largest_difference.low)
    assert math.isnan(found.smallest_ratio.high)
    assert found.largest_difference.value == 0.0


def test_intervals_of_equal_groups_hold_together():
    """Of ten equal groups the extreme pair's own interval misses 0 far too often."""
    random = np.random.default_rng(4)
    groups, missed, naive = np.repeat([f"g{i}" for i in range(10)], 80), 0, 0
    for seed in range(80):
        selected = random.random(800) < 0.3
        values = group_values("selection_rate", rows(groups, selected, selected, seed=seed))
        found = compare(values, range(10))
        missed += found.largest_difference.low > 0
        ends = [(int(values.above[place]), 80) for place in (found.highest, found.lowest)]
        naive += newcombe(*ends[0], *ends[1])[0] > 0
    assert missed <= 10  # 4 expected; more than 10 has a chance of 0.2 %
    assert naive >= 25
