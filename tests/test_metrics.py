"""Metrics equal scikit-learn's; intervals are reproducible, paired and honest about NaN."""

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from tasks.intervals import tango, wilson
from tasks.metrics import (
    CLASS_METRICS,
    SCORE_METRICS,
    class_report,
    confusion_counts,
    estimate_metrics,
    metric_value,
    paired_difference,
    resampling,
)
from tasks.metrics.ranking import quantile_bins
from tasks.metrics.values import WeightedMetrics

ALL = tuple(CLASS_METRICS)
SCORE_NAMES = SCORE_METRICS.intersection(ALL)


def strings(values):
    keys = pd.Index([f"k{i}" for i in range(len(values))], name="row_key")
    return pd.Series(list(values), index=keys, dtype="str")


def scored(labels, predicted, **scores):
    """Predictions for the rows of `labels`, with a score column per class."""
    frame = pd.DataFrame({"predicted": pd.Series(list(predicted), dtype="str")})
    for name, values in scores.items():
        frame[f"p:{name}"] = np.asarray(values, dtype=float)
    return frame.set_index(labels.index)


def binary(actual, predicted, p_yes):
    labels = strings(actual)
    p_yes = np.asarray(p_yes, dtype=float)
    return labels, scored(labels, predicted, no=1 - p_yes, yes=p_yes)


def random_case(rows, classes, seed, digits=2):
    """Labels and predictions with many tied scores."""
    random = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(classes)]
    actual = random.integers(0, classes, rows)
    odds = random.normal(size=(rows, classes))
    odds[np.arange(rows), actual] += 1
    table = np.exp(odds)
    table = np.round(table / table.sum(axis=1, keepdims=True), digits)
    table[:, -1] = 1 - table[:, :-1].sum(axis=1)
    labels = strings([names[i] for i in actual])
    predicted = [names[i] for i in table.argmax(axis=1)]
    return labels, scored(labels, predicted, **dict(zip(names, table.T, strict=True)))


def by_sklearn(name, labels, predictions, positive, weights):
    classes = sorted(labels.unique())
    actual, predicted = labels.to_numpy(dtype=object), predictions["predicted"].to_numpy(object)
    table = predictions[[f"p:{c}" for c in classes]].to_numpy()
    options = {"sample_weight": weights}
    if positive:
        own = predictions[f"p:{positive}"].to_numpy()
        average = {"pos_label": positive, "average": "binary"}
        score_labels, scores, multi = actual == positive, own, {}
    else:
        average = {"average": "macro", "labels": classes}
        score_labels, scores, multi = (
            np.array([actual == c for c in classes]).T,
            table,
            {"average": "macro"},
        )
    match name:
        case "accuracy":
            return sk.accuracy_score(actual, predicted, **options)
        case "balanced_accuracy":
            return sk.balanced_accuracy_score(actual, predicted, **options)
        case "macro_recall":
            return sk.recall_score(actual, predicted, average="macro", labels=classes, **options)
        case "macro_precision":
            return sk.precision_score(actual, predicted, average="macro", labels=classes, **options)
        case "brier" if positive:
            return sk.brier_score_loss(actual == positive, own, **options)
        case "brier":
            happened = np.column_stack([actual == c for c in classes])
            return np.average(((table - happened) ** 2).sum(axis=1), weights=weights)
        case "calibration_error":
            told = own if positive else table.max(axis=1)
            right = actual == (positive or np.array(classes, dtype=object)[table.argmax(axis=1)])
            return calibration_error(told, right, weights)
        case "macro_f1":
            return sk.f1_score(actual, predicted, average="macro", labels=classes, **options)
        case "precision":
            return sk.precision_score(actual, predicted, **average, **options)
        case "recall":
            return sk.recall_score(actual, predicted, **average, **options)
        case "f1":
            return sk.f1_score(actual, predicted, **average, **options)
        case "average_precision" if positive:
            return average_precision_of_ties(score_labels, scores, weights)
        case "average_precision":
            return np.mean(
                [
                    average_precision_of_ties(own_labels, own, weights)
                    for own_labels, own in zip(score_labels.T, scores.T, strict=True)
                ]
            )
        case "roc_auc":
            return sk.roc_auc_score(score_labels, scores, **multi, **options)
        case "log_loss":
            return sk.log_loss(actual, table, labels=classes, **options)


def average_precision_of_ties(positive, scores, weights):
    """In the mean over the orders of ties, by place in the tie; a weight of two is two rows."""
    positive, scores = (
        np.repeat(positive, weights.astype(int)),
        np.repeat(scores, weights.astype(int)),
    )
    found = before = hits = 0
    for level in sorted(set(scores), reverse=True):
        tie = positive[scores == level]
        n, k = len(tie), int(tie.sum())
        for place in range(n if k else 0):
            others = place * (k - 1) / (n - 1) if n > 1 else 0
            found += k / n * (hits + 1 + others) / (before + place + 1)
        before, hits = before + n, hits + k
    return found / hits


def calibration_error(told, happened, weights):
    """Bin by bin, as the definition has it."""
    found = 0.0
    for place in range(10):
        inside = (np.floor(told * 10) == place) | ((place == 9) & (told == 1))
        if weights[inside].sum():
            gap = np.average(told[inside] - happened[inside], weights=weights[inside])
            found += abs(gap) * weights[inside].sum() / weights.sum()
    return found


# Refusals first.


def test_an_unknown_metric_is_refused_with_the_known_ones():
    labels, predictions = binary(["yes"], ["yes"], [1])
    with pytest.raises(ValueError, match="unknown metric 'auc'; known: accuracy"):
        metric_value("auc", labels, predictions, positive_class="yes")


def test_predictions_for_other_rows_are_refused():
    labels, predictions = binary(["yes", "no"], ["yes", "no"], [1, 0])
    with pytest.raises(ValueError, match="not for the rows of the labels"):
        metric_value("accuracy", labels, predictions.iloc[::-1], positive_class="yes")
    with pytest.raises(ValueError, match="not for the same rows"):
        paired_difference(
            "f1", labels, predictions, predictions.iloc[::-1], positive_class="yes",
            replicates=200, seed=0,
        )  # fmt: skip


def test_groups_of_other_rows_are_refused():
    labels, predictions = binary(["yes", "no"], ["yes", "no"], [1, 0])
    groups = pd.Series(["a", "a"], index=["x", "y"])
    with pytest.raises(ValueError, match="groups are not for the rows"):
        estimate_metrics(
            ["f1"], labels, predictions, positive_class="yes", replicates=200, seed=0,
            groups=groups,
        )  # fmt: skip


# Undefined is NaN.


@pytest.mark.parametrize("name", ALL)
def test_without_rows_every_metric_is_nan(name):
    labels, predictions = binary([], [], [])
    assert math.isnan(metric_value(name, labels, predictions, positive_class="yes"))
    found = estimate_metrics(
        [name], labels, predictions, positive_class="yes", replicates=200, seed=0
    )[name]
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("name", ALL)
def test_a_missing_prediction_makes_every_metric_nan(name):
    labels, predictions = binary(["yes", "no", "no"], ["yes", None, "no"], [0.9, 0.5, 0.1])
    assert math.isnan(metric_value(name, labels, predictions, positive_class="yes"))


@pytest.mark.parametrize("name", ALL)
def test_a_missing_label_makes_every_metric_nan(name):
    labels, predictions = binary(["yes", None, "no"], ["yes", "no", "no"], [0.9, 0.5, 0.1])
    assert math.isnan(metric_value(name, labels, predictions, positive_class="yes"))


@pytest.mark.parametrize("name", sorted(SCORE_METRICS))
def test_metrics_of_probabilities_need_whole_columns(name):
    labels, predictions = binary(["yes", "no"], ["yes", "no"], [0.9, math.nan])
    assert math.isnan(metric_value(name, labels, predictions, positive_class="yes"))
    alone = predictions[["predicted"]]
    assert math.isnan(metric_value(name, labels, alone, positive_class="yes"))
    assert metric_value("accuracy", labels, predictions, positive_class="yes") == 1.0


def test_what_one_class_leaves_undefined():
    labels, predictions = binary(["no", "no"], ["no", "no"], [0.2, 0.1])
    values = {name: metric_value(name, labels, predictions, positive_class="yes") for name in ALL}
    undefined = {name for name, value in values.items() if math.isnan(value)}
    assert undefined == {"precision", "recall", "f1", "average_precision", "roc_auc"}
    assert values["accuracy"] == 1.0


def test_precision_of_a_model_that_never_says_yes_is_undefined_and_its_f1_is_0():
    labels, predictions = binary(["yes", "no"], ["no", "no"], [0.2, 0.1])
    assert math.isnan(metric_value("precision", labels, predictions, positive_class="yes"))
    assert metric_value("f1", labels, predictions, positive_class="yes") == 0.0


# Values.


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("classes", "positive"), [(2, "c1"), (2, None), (4, None)])
def test_values_are_sklearns_for_any_weights(name, classes, positive):
    labels, predictions = random_case(150, classes, seed=classes)
    random = np.random.default_rng(5)
    weights = np.vstack([np.ones((1, 150)), random.poisson(1, size=(6, 150))]).astype(np.int32)
    found = WeightedMetrics([name], labels, predictions, positive_class=positive)(weights)[name]
    expected = [by_sklearn(name, labels, predictions, positive, row) for row in weights]
    assert found == pytest.approx(expected, abs=1e-12)
    value = metric_value(name, labels, predictions, positive_class=positive)
    assert value == pytest.approx(expected[0], abs=1e-12)


def test_of_tied_scores_every_order_counts_the_same():
    labels, predictions = binary(["yes", "no", "yes", "no"], ["no"] * 4, [0.5, 0.5, 0.5, 0.1])
    # The tied "no" comes first (1/2, 2/3), second (1, 2/3) or last (1, 1): a mean of 29/36.
    value = metric_value("average_precision", labels, predictions, positive_class="yes")
    assert value == pytest.approx(29 / 36)
    # Pairs: 2 won, 2 tied of 4.
    assert metric_value("roc_auc", labels, predictions, positive_class="yes") == 0.75


def test_average_precision_of_ties_is_the_mean_of_scikit_learns_over_random_breaks():
    random = np.random.default_rng(4)
    labels, predictions = random_case(60, 2, seed=8, digits=1)
    positive, scores = (labels == "c1").to_numpy(), predictions["p:c1"].to_numpy()
    broken = [
        sk.average_precision_score(positive, scores + 0.01 * random.random(60)) for _ in range(4000)
    ]
    value = metric_value("average_precision", labels, predictions, positive_class="c1")
    assert len(set(scores)) < 12
    assert value == pytest.approx(np.mean(broken), abs=4 * np.std(broken) / 4000**0.5)
    assert value > sk.average_precision_score(positive, scores) + 0.005


def test_without_ties_average_precision_is_scikit_learns():
    labels, predictions = random_case(200, 2, seed=8, digits=9)
    value = metric_value("average_precision", labels, predictions, positive_class="c1")
    expected = sk.average_precision_score(labels == "c1", predictions["p:c1"])
    assert value == pytest.approx(expected, abs=1e-12)


def test_a_class_that_the_model_does_not_know_has_probability_0():
    labels = strings(["a", "b"])
    predictions = scored(labels, ["a", "a"], a=[1, 1])
    loss = metric_value("log_loss", labels, predictions, positive_class=None)
    assert loss == pytest.approx(-math.log(np.finfo(float).eps) / 2)
    # a: at a score for all, the one row comes first or second, (1 + 1/2) / 2; b: likewise.
    assert metric_value("average_precision", labels, predictions, positive_class=None) == 0.75


def test_a_predicted_class_without_rows_costs_recall_but_is_not_averaged():
    labels = strings(["a", "a", "b", "b"])
    predictions = scored(labels, ["a", "z", "b", "b"])
    # recall a 1/2, b 1; F1 a 2/3, b 1.
    assert metric_value("recall", labels, predictions, positive_class=None) == 0.75
    value = metric_value("macro_f1", labels, predictions, positive_class=None)
    assert value == pytest.approx(5 / 6)


# Estimates.


def estimates(names, labels, predictions, positive="yes", seed=0, replicates=1000, groups=None):
    return estimate_metrics(
        names, labels, predictions, positive_class=positive, replicates=replicates, seed=seed,
        groups=groups,
    )  # fmt: skip


def test_rates_have_wilson_intervals_over_their_own_rows():
    labels, predictions = binary(
        ["yes"] * 4 + ["no"] * 6, ["yes"] * 3 + ["no"] * 6 + ["yes"], [0.5] * 10
    )
    found = estimates(["accuracy", "precision", "recall"], labels, predictions)
    assert [(e.value, e.n) for e in found.values()] == [(0.8, 10), (0.75, 4), (0.75, 4)]
    assert (found["accuracy"].low, found["accuracy"].high) == wilson(8, 10)
    assert (found["recall"].low, found["recall"].high) == wilson(3, 4)
    assert {e.method for e in found.values()} == {"wilson"}


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    labels, predictions = random_case(80, 2, seed=1)
    once = estimates(ALL, labels, predictions, "c1")
    assert once == estimates(ALL, labels, predictions, "c1")
    assert once["f1"] != estimates(ALL, labels, predictions, "c1", seed=1)["f1"]
    assert list(once) == list(ALL)


@pytest.mark.parametrize("name", ["f1", "average_precision"])
def test_the_bootstrap_is_that_of_resampled_rows(name):
    labels, predictions = random_case(120, 2, seed=3)
    random = np.random.default_rng(9)
    draws = []
    for _ in range(300):
        rows = random.integers(0, 120, 120)
        draws.append(
            by_sklearn(name, labels.iloc[rows], predictions.iloc[rows], "c1", np.ones(120))
        )
    low, high = np.quantile(draws, [0.025, 0.975])
    found = estimates([name], labels, predictions, "c1", replicates=4000)[name]
    if name == "average_precision":  # about its value
        low, high = (end + found.value - np.mean(draws) for end in (low, high))
    # The Monte Carlo error of an end of 300 draws is about a twenty-fifth of the width.
    assert found.low == pytest.approx(low, abs=0.15 * (high - low))
    assert found.high == pytest.approx(high, abs=0.15 * (high - low))


def test_grouped_rows_are_drawn_by_group():
    labels, predictions = random_case(100, 2, seed=4)
    # Each row five times: groups of five carry the information of 100 rows, not of 500.
    places = np.repeat(np.arange(100), 5)
    keys = pd.Index([f"k{i}" for i in range(500)], name="row_key")
    many_labels = labels.iloc[places].set_axis(keys)
    many = predictions.iloc[places].set_axis(keys)
    groups = pd.Series(places, index=keys)
    widths = {}
    for case, arguments in {
        "alone": (labels, predictions, None),
        "grouped": (many_labels, many, groups),
        "copied": (many_labels, many, None),
    }.items():
        found = estimates(["f1"], *arguments[:2], "c1", groups=arguments[2])["f1"]
        widths[case] = found.high - found.low
    assert widths["grouped"] == pytest.approx(widths["alone"], rel=0.1)
    assert widths["copied"] == pytest.approx(widths["alone"] / math.sqrt(5), rel=0.15)
    assert estimates(["accuracy"], many_labels, many, "c1", groups=groups)["accuracy"].method == (
        "group bootstrap"
    )


def test_groups_of_one_row_are_no_groups():
    labels, predictions = random_case(50, 2, seed=4)
    groups = pd.Series(range(50), index=labels.index)
    assert estimates(ALL, labels, predictions, "c1", groups=groups) == estimates(
        ALL, labels, predictions, "c1"
    )


def test_rows_without_a_group_are_groups_of_their_own():
    labels, predictions = random_case(60, 2, seed=4)
    groups = pd.Series(["a", "a"] + [None] * 58, index=labels.index, dtype="str")
    found = estimates(["f1"], labels, predictions, "c1", groups=groups)["f1"]
    assert found.high - found.low > 0.1


@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc"])
def test_one_group_has_no_interval(name):
    labels, predictions = random_case(60, 2, seed=4)
    groups = pd.Series(["a"] * 60, index=labels.index)
    found = estimates([name], labels, predictions, "c1", groups=groups)[name]
    assert found.value > 0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_an_interval_is_withheld_when_too_many_replicates_are_undefined():
    labels, predictions = binary(["yes"] * 3 + ["no"] * 97, ["no"] * 100, np.linspace(1, 0, 100))
    found = estimates(["average_precision"], labels, predictions)["average_precision"]
    assert found.value == 1.0
    assert math.isnan(found.low)
    # No positive row is drawn with probability 0.97 ** 100 = 0.048.
    assert found.undefined_share == pytest.approx(0.048, abs=0.025)
    labels, predictions = binary(["yes"] * 8 + ["no"] * 92, ["no"] * 100, np.linspace(1, 0, 100))
    found = estimates(["average_precision"], labels, predictions)["average_precision"]
    assert found.undefined_share < 0.01
    assert (found.low, found.high) == pytest.approx((1.0, 1.0), abs=1e-12)


def test_a_calibration_error_that_chance_explains_has_an_interval_down_to_0():
    random = np.random.default_rng(0)
    chances = random.uniform(0, 1, 400)
    happened = random.uniform(0, 1, 400) < chances
    labels, predictions = binary(np.where(happened, "yes", "no"), ["no"] * 400, chances)
    found = estimates(["calibration_error"], labels, predictions)["calibration_error"]
    assert found.low == 0.0 < found.value < found.high
    # Told 0.3 too much of everything: no chance.
    _, bold = binary(labels, ["no"] * 400, np.clip(chances + 0.3, 0, 1))
    found = estimates(["calibration_error"], labels, bold)["calibration_error"]
    assert 0.1 < found.low < found.value < found.high


def test_noise_gains_nothing_over_a_constant_or_a_stump_by_average_precision():
    # Of 60 samples of noise the lower end is above 0 in about one; it was in more than 7 of 60.
    random, won, gains = np.random.default_rng(2), {"constant": 0, "stump": 0}, []
    for _ in range(60):
        labels, noise = binary(random.choice(["no", "yes"], 100), ["no"] * 100, random.random(100))
        stump = np.where(random.random(100) < 0.5, 0.3, 0.6)
        for other, scores in {"constant": np.full(100, 0.5), "stump": stump}.items():
            broken = scores + 0.1 * noise["p:yes"]
            candidate, tied = (binary(labels, ["no"] * 100, one)[1] for one in (broken, scores))
            found = paired_difference(
                "average_precision", labels, candidate, tied, positive_class="yes",
                replicates=300, seed=0,
            )  # fmt: skip
            won[other] += found.low > 0
            gains.append(found.value)
    assert max(won.values()) <= 5
    assert abs(np.mean(gains)) < 0.01


# Many rows.


def test_of_many_rows_the_value_is_exact_and_the_interval_that_of_the_scores(monkeypatch):
    labels, predictions = random_case(3_000, 2, seed=7, digits=6)
    names = sorted(SCORE_NAMES)
    plain = estimates(names, labels, predictions, "c1", replicates=400)
    monkeypatch.setattr(resampling, "BINNED_ROWS", 1_000)
    monkeypatch.setattr(resampling, "SCORE_BINS", 512)
    binned = estimates(names, labels, predictions, "c1", replicates=400)
    for name in SCORE_NAMES:
        assert binned[name].value == plain[name].value
        # Two ends of 400 draws differ by chance by about a tenth of the width.
        width = plain[name].high - plain[name].low
        assert binned[name].low == pytest.approx(plain[name].low, abs=0.25 * width)
        assert binned[name].high == pytest.approx(plain[name].high, abs=0.25 * width)


@pytest.mark.parametrize("name", sorted(CLASS_METRICS))
@pytest.mark.parametrize(("classes", "positive"), [(2, "c1"), (3, None)])
def test_binned_scores_move_a_metric_by_less_than_a_thousandth(name, classes, positive):
    labels, predictions = random_case(20_000, classes, seed=3, digits=6)
    weights = np.random.default_rng(1).poisson(1, size=(2, 20_000)).astype(np.int32)
    found = {
        bins: WeightedMetrics(
            [name], labels, predictions, positive_class=positive, score_bins=bins
        )(weights)[name]
        for bins in (None, 4096)
    }
    assert found[4096] == pytest.approx(found[None], abs=1e-3)
    if name not in ("average_precision", "roc_auc"):
        assert found[4096] == pytest.approx(found[None], abs=1e-12)


def test_of_few_distinct_scores_each_is_a_bin():
    scores = np.array([0.3, 0.1, 0.3, 0.2])
    assert quantile_bins(scores, 4).tolist() == [2, 0, 2, 1]
    assert quantile_bins(np.arange(8.0), 4).tolist() == [0, 1, 1, 2, 2, 3, 3, 3]
    assert quantile_bins(np.array([]), 4).tolist() == []


def test_grouped_rows_of_many_are_drawn_by_group(monkeypatch):
    monkeypatch.setattr(resampling, "BINNED_ROWS", 1_000)
    labels, predictions = random_case(3_000, 2, seed=7, digits=6)
    groups = pd.Series(np.arange(3_000) // 10, index=labels.index)
    found = estimates(["roc_auc"], labels, predictions, "c1", replicates=200, groups=groups)
    assert found["roc_auc"].method == "group bootstrap"
    assert found["roc_auc"].low < found["roc_auc"].value < found["roc_auc"].high


# Differences.


def difference(name, labels, candidate, other, positive="yes", **options):
    return paired_difference(
        name, labels, candidate, other, positive_class=positive, replicates=1000, seed=0, **options
    )


def test_accuracy_is_decided_by_tango_and_shows_mcnemar():
    actual = ["yes"] * 50 + ["no"] * 50
    labels, candidate = binary(actual, actual[:92] + ["yes"] * 8, [0.5] * 100)
    _, other = binary(actual, ["no"] * 20 + actual[20:], [0.5] * 100)
    found = difference("accuracy", labels, candidate, other, margin=0.01)
    assert (found.value, found.discordant, found.n) == (0.12, 28, 100)
    assert (found.low, found.high) == tango(20, 8, 100)
    # 2 x P(X <= 8 of 28 fair coins)
    assert found.p_value == pytest.approx(0.0357, abs=5e-5)
    assert found.p_loss > 0.99
    assert found.method == "tango"


@pytest.mark.parametrize("name", ALL)
def test_identical_predictions_differ_by_exactly_nothing(name):
    labels, predictions = random_case(60, 2, seed=2)
    found = difference(name, labels, predictions, predictions.copy(), "c1", margin=0.01)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert found.method == "identical predictions"
    assert found.p_loss == 1.0


@pytest.mark.parametrize("name", ALL)
def test_positive_means_better_and_turns_with_the_models(name):
    labels, weak = random_case(200, 2, seed=2)
    sure = (labels == "c1").to_numpy() * 0.9 + 0.05
    strong = scored(labels, labels, c0=1 - sure, c1=sure)
    found = difference(name, labels, strong, weak, "c1")
    assert 0 < found.low < found.value < found.high
    turned = difference(name, labels, weak, strong, "c1")
    assert turned.value == -found.value
    assert turned.high == pytest.approx(-found.low)


def test_both_models_share_their_resamples():
    labels, candidate = random_case(200, 2, seed=2, digits=6)
    other = candidate.copy()
    # Nearly the same model: the paired interval is far narrower than either model's own.
    other.iloc[:3, 1:] = other.iloc[:3, 2:0:-1].to_numpy()
    own = estimates(["roc_auc"], labels, candidate, "c1")["roc_auc"]
    found = difference("roc_auc", labels, candidate, other, "c1")
    assert found.high - found.low < (own.high - own.low) / 2


def test_discordant_rows_of_metrics_of_labels():
    labels = strings(["a", "b", "c", "a"])
    one, two = scored(labels, ["a", "c", "c", "b"]), scored(labels, ["a", "a", "b", "b"])
    # Row 1: both wrong, differently; row 2: only the first is right.
    assert difference("accuracy", labels, one, two, None).discordant == 1
    assert difference("macro_f1", labels, one, two, None).discordant == 2
    assert difference("log_loss", labels, one, two, None).discordant is None


def test_a_grouped_accuracy_is_not_tangos():
    labels, one = random_case(100, 2, seed=1)
    _, two = random_case(100, 2, seed=1)
    two["predicted"] = two["predicted"].to_numpy()[::-1]
    groups = pd.Series(np.arange(100) // 5, index=labels.index)
    found = difference("accuracy", labels, one, two, "c1", groups=groups)
    assert found.method == "paired group bootstrap"
    assert found.p_value is None


def test_the_loss_p_of_the_bootstrap_is_small_only_for_a_loss():
    labels, weak = random_case(300, 2, seed=2)
    strong = scored(labels, labels, c0=labels == "c0", c1=labels == "c1")
    assert difference("f1", labels, weak, strong, "c1", margin=0.01).p_loss == 1 / 1001
    assert difference("f1", labels, strong, weak, "c1", margin=0.01).p_loss == 1.0
    assert difference("f1", labels, strong, weak, "c1").p_loss is None


def test_a_difference_to_an_undefined_metric_is_undefined():
    labels, candidate = binary(["yes", "no"] * 20, ["yes", "no"] * 20, [0.9, 0.1] * 20)
    _, silent = binary(["yes", "no"] * 20, ["no"] * 40, [0.1] * 40)
    found = difference("precision", labels, candidate, silent, margin=0.01)
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.p_loss is None
    counted = difference("precision", labels, candidate, silent, precision_of_silent_other=0.0)
    assert (counted.value, counted.low, counted.high) == (1.0, 1.0, 1.0)


# Tables.


def test_class_report_by_hand():
    labels = strings(["a"] * 6 + ["b"] * 4)
    predictions = scored(labels, ["a"] * 5 + ["b"] + ["b"] * 3 + ["a"])
    report = class_report(labels, predictions, ["a", "b", "z"], replicates=500, seed=1)
    a = report.iloc[0]
    assert list(report["class"]) == ["a", "b", "z"]
    assert list(report["support"]) == [6, 4, 0]
    assert (a["precision"], a["recall"]) == (5 / 6, 5 / 6)
    assert (a["recall_low"], a["recall_high"]) == wilson(5, 6)
    assert a["f1"] == pytest.approx(5 / 6)
    assert a["f1_low"] < a["f1"] < a["f1_high"]
    assert report.iloc[2][["precision", "recall", "f1", "f1_low"]].isna().all()


def test_confusion_counts_in_the_order_of_the_classes():
    labels = strings(["a", "a", "b", "b", "b"])
    predictions = scored(labels, ["a", "b", "b", "b", "z"])
    counts = confusion_counts(labels, predictions, ["b", "a"])
    assert list(counts.itertuples(index=False, name=None)) == [
        ("b", "b", 2),
        ("b", "a", 0),
        ("a", "b", 1),
        ("a", "a", 1),
    ]
