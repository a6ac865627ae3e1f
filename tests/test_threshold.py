"""The threshold of two classes: chosen on dev for what the project asks, and told.

Six rows by hand: scores 0.1 to 0.9, of which 0.4, 0.7 and 0.9 are positive.
"""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ProjectFileError
from tasks.project.loading import load_project, project_schema
from tasks.project.model_sections import ThresholdRule
from tasks.ratio_estimates import ratio_estimate
from tasks.training.threshold import choose_threshold, threshold_curve, threshold_rule
from tasks.training.threshold_finding import DevScores, not_for_more_classes, report_threshold

POSITIVE = np.array([False, False, True, False, True, True])
SCORES = np.array([0.1, 0.3, 0.4, 0.6, 0.7, 0.9])


def rule(**values):
    return ThresholdRule.model_validate(values)


def choose(positive=POSITIVE, scores=SCORES, **values):
    choice = choose_threshold(rule(**values), positive, scores)
    return pytest.approx(choice.threshold), choice.met


def costs(false_positive, false_negative):
    return {"cost": {"false_positive": false_positive, "false_negative": false_negative}}


def report(positive=POSITIVE, scores=SCORES, groups=None, **values):
    dev = DevScores("yes", positive, scores, 200, 0, groups)
    chosen = rule(**values)
    return report_threshold(chosen, choose_threshold(chosen, positive, scores), dev)


# Refusals


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("best", "max_accuracy, half, or one of cost,"),
        ("3", "(got 3)"),
        ("{}", "a threshold is chosen for one objective, and none was given"),
        (
            "{max_selection_rate: 0.1, precision_at_recall: 0.5}",
            "and these were given: precision_at_recall, max_selection_rate",
        ),
        ("{recal_at_precision: 0.5}", "did you mean 'recall_at_precision'?"),
        ("{precision_at_recall: 2}", "less than or equal to 1 (got 2)"),
        ("{cost: {false_positive: 1}}", "'training.threshold.cost.false_negative' is missing"),
        ("{cost: {false_positive: 0, false_negative: 0}}", "one must cost more than 0"),
    ],
)
def test_a_rule_that_is_none_is_one_sentence(tmp_path, written, sentence):
    path = tmp_path / "project.yaml"
    path.write_text(f"name: p\nsource: s.csv\ntarget: y\ntraining: {{threshold: {written}}}\n")
    with pytest.raises(ProjectFileError) as refused:
        load_project(path)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_words_and_objects_are_in_the_schema():
    shown = project_schema()["$defs"]["TrainingSection"]["properties"]["threshold"]
    words = ["max_f1", "max_macro_f1", "max_balanced_accuracy", "max_accuracy", "half"]
    assert shown["anyOf"][0]["enum"] == words
    assert shown["anyOf"][1] == {"$ref": "#/$defs/ThresholdRule"}


# The choice


def test_the_least_cost_by_hand():
    # Cost of 1 a false positive and 10 a false negative, from the lowest threshold on:
    # 3 FP; 2 FP; 1 FP; 1 FP 1 FN; 1 FN; 2 FN; nobody: 3 FN.
    wanted = rule(**costs(1, 10)).cost
    curve = threshold_curve(POSITIVE, SCORES, wanted)
    expected = [3 / 6, 2 / 6, 1 / 6, 11 / 6, 10 / 6, 20 / 6, 30 / 6]
    assert curve["cost"].tolist() == pytest.approx(expected)
    assert choose(**costs(1, 10)) == (0.35, True)
    # 10 a false positive: 30, 20, 10, 11, 1, 2, 3 sixths.
    assert choose(**costs(10, 1)) == (0.65, True)


def test_predicting_nobody_may_be_the_cheapest():
    positive = np.array([True, False])
    found = report(positive, np.array([0.2, 0.6]), **costs(10, 1))
    assert found.facts["threshold_choice"]["threshold"] == pytest.approx(0.8)
    assert found.facts["threshold_choice"]["cost"]["value"] == 0.5
    assert "it predicts no dev row as positive" in found.checks[0].detail


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        ({"objective": "max_f1"}, 0.35),  # 6/9, 6/8, 6/7, 4/6, 4/5, 2/4
        ({"objective": "half"}, 0.5),
        ({"precision_at_recall": 1.0}, 0.35),  # precision 3/4
        ({"precision_at_recall": 0.5}, 0.65),  # precision 1 at recall 2/3, not 1/3
        ({"recall_at_precision": 0.7}, 0.35),
        ({"recall_at_precision": 0.8}, 0.65),
        ({"max_selection_rate": 0.5}, 0.65),  # 0.5 and 0.65 both have recall 2/3
        ({"max_false_positive_rate": 0.0}, 0.65),
        ({"max_false_positive_rate": 0.34}, 0.35),
    ],
)
def test_each_objective_by_hand(values, threshold):
    assert choose(**values) == (threshold, True)


@pytest.mark.parametrize(
    ("objective", "threshold", "value"),
    [
        # At 0.225: two found, one false alarm of four. At 0.7: one found, none.
        ("max_accuracy", 0.7, 5 / 6),  # both 5/6, and 0.7 is nearer to one half
        ("max_balanced_accuracy", 0.225, (1 + 3 / 4) / 2),  # 3/4 at 0.7
        ("max_f1", 0.225, 4 / 5),  # 2/3 at 0.7
        ("max_macro_f1", 0.225, (4 / 5 + 6 / 7) / 2),  # (2/3 + 8/9) / 2 at 0.7
        ("half", 0.5, 4 / 6),
    ],
)
def test_the_metric_that_is_made_best_is_told(objective, threshold, value):
    positive = np.array([False, False, False, True, False, True])
    scores = np.array([0.05, 0.1, 0.15, 0.3, 0.5, 0.9])
    assert choose(positive, scores, objective=objective) == (threshold, True)
    (check,) = report(np.tile(positive, 20), np.tile(scores, 20), objective=objective).checks
    assert check.value == pytest.approx(value)
    assert check.interval[0] < value <= check.interval[1]


def test_to_predict_nobody_may_be_the_most_accurate():
    positive, scores = np.array([True, False, False]), np.array([0.1, 0.6, 0.7])
    assert choose(positive, scores, objective="max_accuracy") == (0.85, True)


@pytest.mark.parametrize(
    ("metric", "objective"),
    [
        ("accuracy", "half"),
        ("log_loss", "half"),
        ("brier", "half"),
        ("roc_auc", "max_balanced_accuracy"),
        ("macro_f1", "max_macro_f1"),
        ("average_precision", "max_f1"),
        ("recall", "max_f1"),
    ],
)
def test_without_an_objective_the_metric_names_it(metric, objective):
    assert threshold_rule(None, metric).kind == objective
    assert threshold_rule(rule(max_selection_rate=0.1), metric).kind == "max_selection_rate"


def test_what_no_threshold_meets_takes_the_nearest_and_says_so():
    upside_down = np.array([True, False, False, True, False])
    scores = np.array([0.1, 0.3, 0.5, 0.7, 0.9])  # precision at best 1/2, from 0.6 on
    found = report(upside_down, scores, recall_at_precision=0.8)
    (check,) = found.checks
    assert (check.outcome, check.severity, check.limit) == ("failed", "critical", 0.8)
    assert (check.value, check.n) == (0.5, 2)
    assert check.interval == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson, 1 of 2
    assert check.detail.startswith(
        "No threshold on dev gives the highest recall with a precision of at least 0.8. The "
        "nearest was taken: 'yes' is predicted from a probability of 0.6 on"
    )
    assert found.facts["threshold_choice"]["met"] is False


def test_ties_at_the_top_may_break_a_rate_limit():
    tied = np.full(4, 0.7)
    assert choose(np.array([True, False, True, True]), tied, max_selection_rate=0.5) == (0.7, False)


def test_an_objective_that_is_met_passes_with_its_interval():
    (check,) = report(precision_at_recall=1.0).checks
    assert (check.outcome, check.value, check.n) == ("passed", 0.75, 4)
    assert check.interval == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson, 3 of 4
    assert "precision 75.0%" in check.detail
    assert "at a recall of 100.0%" in check.detail
    assert "chosen on dev for the highest precision with a recall of at least 1" in check.detail


def test_dev_without_a_positive_row_is_not_applicable_and_blocks_where_asked():
    nobody = np.zeros(6, dtype=bool)
    (check,) = report(nobody, max_selection_rate=0.1).checks
    assert (check.outcome, check.required, check.blocks) == ("not_applicable", True, True)
    (default,) = report(nobody, objective="max_f1").checks
    assert (default.outcome, default.blocks) == ("not_applicable", False)
    assert report(nobody, objective="max_f1").figures == ()


def test_more_than_two_classes_have_no_threshold():
    check = not_for_more_classes(rule(max_selection_rate=0.1))
    assert check.outcome == "not_applicable"
    assert "share of rows predicted positive of at most 0.1" in check.detail


# What is shown


def test_the_curve_marks_the_choice_and_the_facts_are_json():
    found = report(**costs(1, 10))
    json.dumps(dict(found.facts), allow_nan=False)
    table = found.tables["threshold_curve"].frame
    assert [label for label in table["label"] if "chosen" in label] == ["0.35 (chosen)"]
    assert table["value"].tolist()[2] == pytest.approx(1 / 6)
    assert {"label", "value", "low", "high", "n"} <= set(table)
    assert found.figures[0].table == "threshold_curve"
    assert "0.35, recall 100% (chosen)" in set(
        report(precision_at_recall=1.0).tables["threshold_curve"].frame["label"]
    )


def test_one_half_stands_on_the_curve_even_between_its_steps():
    labels = report(objective="half").tables["threshold_curve"].frame["label"].tolist()
    assert "0.5 (chosen)" in labels


# The interval


def test_a_rate_has_wilsons_interval_and_a_ratio_the_bootstrap():
    told, true = np.array([1.0] * 40), np.array([1.0] * 30 + [0.0] * 10)
    rate = ratio_estimate(true, told, replicates=200, seed=0)
    assert (rate.value, rate.n, rate.method) == (0.75, 40, "wilson")
    assert (rate.low, rate.high) == pytest.approx((0.5981, 0.8581), abs=1e-4)
    cost = ratio_estimate(10 * true, told, replicates=2000, seed=0)
    assert (cost.value, cost.method) == (7.5, "bootstrap")
    # Binomial, 40 rows of 0.75: 10 * (0.75 -+ 1.96 * sqrt(0.75 * 0.25 / 40))
    assert (cost.low, cost.high) == pytest.approx((6.16, 8.84), abs=0.3)


def test_groups_are_drawn_as_a_whole():
    true, ones = np.array([1.0] * 30 + [0.0] * 10), np.ones(40)
    groups = pd.Series([f"p{place // 10}" for place in range(40)])
    found = ratio_estimate(true, ones, replicates=2000, seed=0, groups=groups)
    assert (found.method, found.low, found.high) == ("group bootstrap", 0.25, 1.0)


def test_a_ratio_that_is_often_undefined_has_no_interval():
    above, below = np.array([2.0, 0, 0]), np.array([2.0, 0, 0])
    found = ratio_estimate(above, below, replicates=200, seed=0)
    assert np.isnan(found.low)
    assert found.value == 1.0
