"""Permutation importance: the drop by hand, what is exactly 0, intervals, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis import importance
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.dominant_features import gain_over_constant
from tasks.error_analysis.importance import measure_importance
from tasks.error_analysis.related_features import cramers_v, related_features
from tasks.project.roles import Roles
from tasks.project.sections import Project


def make_roles(**more):
    return Roles(**{"target": "y", "positive_class": "yes", "numeric": ("a", "b"), **more})


def project(metric="accuracy", **more):
    values = {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes"}
    return Project.model_validate({**values, "training": {"metric": metric}, **more})


def score(rows):
    """Uses the column a alone: "yes" where it is above 0."""
    sure = np.where(rows["a"] > 0, 0.9, 0.2)
    return pd.DataFrame(
        {
            "predicted": pd.Series(
                np.where(rows["a"] > 0, "yes", "no"), index=rows.index, dtype="str"
            ),
            "p:no": 1 - sure,
            "p:yes": sure,
        },
        index=rows.index,
    )


def make(rows=400, **columns):
    """Half of the rows are "yes" with a = 1, half "no" with a = -1; b is noise."""
    random = np.random.default_rng(0)
    index = pd.Index([f"r{place:04d}" for place in range(rows)], name="row_key")
    a = np.where(np.arange(rows) % 2, 1.0, -1.0)
    frame = pd.DataFrame({"a": a, "b": random.normal(size=rows), **columns}, index=index)
    frame["y"] = pd.Series(np.where(a > 0, "yes", "no"), index=index, dtype="str")
    return frame


def errors_of(frame, by=score):
    predictions = by(frame)
    wrong = (predictions["predicted"] != frame["y"]).to_numpy()
    return DevErrors(frame, frame["y"], predictions, wrong, ["no", "yes"], "no")


def measure(frame, roles=None, chosen=None, by=score):
    roles = roles or make_roles()
    errors = errors_of(frame)
    if roles.group is not None:
        errors = replace(errors, units=frame[roles.group])
    return measure_importance(errors, roles, chosen or project(), by)


def table(finding):
    return finding.tables["importance"].frame.set_index("label")


def test_without_the_packaged_model_nothing_is_measured():
    found = measure(make(), by=None)
    (check,) = found.checks
    assert (check.outcome, check.severity) == ("not_applicable", "info")
    assert check.detail == "No feature was shuffled: the packaged model is needed."
    assert not found.tables


def test_without_a_feature_or_a_second_row_nothing_is_measured():
    assert "a feature column" in measure(make(), make_roles(numeric=())).checks[0].detail
    assert "two dev rows" in measure(make(1)).checks[0].detail


def test_a_metric_that_is_not_defined_is_said():
    frame = make().assign(y=pd.Series("no", index=make().index, dtype="str"))
    (check,) = measure(frame, chosen=project("roc_auc")).checks
    assert check.outcome == "not_applicable"
    assert check.detail == (
        "No feature was shuffled: roc_auc is not defined on these 400 dev rows, for want of a "
        "class."
    )


def test_the_only_column_used_loses_half_of_the_accuracy():
    # A row whose a comes from the other half, which is 200 of the 399 other rows, is then wrong.
    found = table(measure(make()))
    row = found.loc["a"]
    assert row["value"] == pytest.approx(200 / 400, abs=0.02)
    assert row["low"] < 0.5 < row["high"]
    assert (row["n"], row["verdict"]) == (400, "matters")


def test_a_known_shuffle_by_hand(monkeypatch):
    # Rows no, yes, no, yes, given the a of rows 1, 0, 2, 3: two of the four become wrong.
    class Swapping:
        def permutation(self, _):
            return np.array([1, 0, 2, 3])

        def multinomial(self, *_, size):
            return np.ones((size, 4), dtype=np.int64)

        def integers(self, _, high, size):
            return np.zeros(size, dtype=np.int64)

    monkeypatch.setattr(np.random, "default_rng", lambda _: Swapping())
    frame = make_rows_in_order()
    found = table(measure(frame))
    assert found.loc["a", ["value", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert found.loc["b", ["value", "low", "high"]].tolist() == [0.0, 0.0, 0.0]


def make_rows_in_order():
    index = pd.Index(["r0", "r1", "r2", "r3"], name="row_key")
    values = {"a": [-1.0, 1.0, -1.0, 1.0], "b": [3.0, 1.0, 2.0, 5.0]}
    frame = pd.DataFrame(values, index=index)
    return frame.assign(y=pd.Series(["no", "yes", "no", "yes"], index=index, dtype="str"))


@pytest.mark.parametrize("metric", ["accuracy", "average_precision", "log_loss", "macro_f1"])
def test_what_the_model_does_not_use_and_a_constant_lose_exactly_nothing(metric):
    roles = make_roles(numeric=("a", "b", "c", "empty"))
    found = table(measure(make(c=7.0, empty=np.nan), roles, project(metric)))
    assert found.loc["a", "value"] > 0
    for name in ("b", "c", "empty"):
        assert found.loc[name, ["value", "low", "high"]].tolist() == [0.0, 0.0, 0.0]
        assert found.loc[name, "verdict"] == "not shown to matter"


def test_the_most_important_come_first_and_the_check_says_so():
    found = measure(make())
    assert found.tables["importance"].frame["label"].tolist() == ["a", "b"]
    check = found.checks[0]
    assert (check.outcome, check.value, check.evidence) == ("passed", 1.0, "importance")
    assert check.detail.startswith("Most: a (accuracy loses 0.")
    assert check.detail.endswith("1 of 2 features are not shown to matter to this model.")
    (figure,) = found.figures
    assert (figure.kind, figure.table, figure.limit) == ("intervals", "importance", 0.0)


def test_a_feature_that_carries_nearly_all_is_asked_about():
    check = measure(make()).checks[1]
    assert (check.id, check.severity, check.outcome) == (
        "error_analysis.dominant_feature", "warning", "failed",
    )  # fmt: skip
    # The constant has half of the rows right, the model all: all of the gain of 0.5 is lost.
    assert check.value == pytest.approx(1, abs=0.05)
    assert check.interval[0] < 1 < check.interval[1]
    assert check.detail.startswith("a alone carries ")
    assert check.detail.endswith("is it known before the outcome?")


def test_two_features_that_share_the_gain_are_no_question():
    def by_both(rows):
        return score(rows.assign(a=rows["a"] + rows["b"] / 3))

    random = np.random.default_rng(1)
    frame = make(b=np.where(np.arange(400) % 2, 3, -3) + random.normal(size=400))
    check = measure(frame, by=by_both).checks[1]
    assert (check.severity, check.outcome) == ("info", "passed")
    assert check.detail.startswith("No feature alone carries the model's gain of 0.")
    assert ", without " in check.detail


@pytest.mark.parametrize(
    ("roles", "frame", "reason"),
    [
        (make_roles(numeric=("a",)), make(), "has one feature"),
        (
            make_roles(),
            make().assign(y=lambda rows: np.where(rows["a"] > 0, "no", "yes")),
            "not shown to be better than a constant in accuracy",
        ),
    ],
)
def test_one_feature_or_no_gain_is_not_applicable(roles, frame, reason):
    check = measure(frame.astype({"y": "str"}), roles).checks[1]
    assert check.outcome == "not_applicable"
    assert reason in check.detail


@pytest.mark.parametrize(
    ("metric", "gain"),
    # Of 0, 0, 0, 4 the median is 0 and the mean 1: 4 / 4, the root of 12 / 4, and 0.
    [("mae", 1.0), ("rmse", 3**0.5), ("r2", 1.0)],
)
def test_the_constant_of_a_regression_is_the_best_by_its_metric(metric, gain):
    labels = pd.Series([0.0, 0, 0, 4])
    perfect = pd.DataFrame({"predicted": labels})
    assert gain_over_constant(labels, perfect, metric, None) == pytest.approx(gain)


def test_the_constant_of_probabilities_has_the_shares_of_the_classes():
    labels = pd.Series(["no", "no", "no", "yes"], dtype="str")
    perfect = pd.DataFrame({"predicted": labels, "p:no": [1.0, 1, 1, 0], "p:yes": [0.0, 0, 0, 1]})
    # Entropy of a quarter in nats, and one less a quarter.
    assert gain_over_constant(labels, perfect, "log_loss", "yes") == pytest.approx(0.562335)
    assert gain_over_constant(labels, perfect, "roc_auc", "yes") == pytest.approx(0.5)


def test_a_feature_that_misleads_is_told():
    frame = make()
    frame["y"] = pd.Series(np.where(frame["a"] > 0, "no", "yes"), index=frame.index, dtype="str")
    found = measure(frame)
    assert table(found).loc["a", "verdict"] == "the model is better without"
    assert "The model is better without a." in found.checks[0].detail


def test_alike_features_are_shuffled_together():
    frame = make()
    frame["twice"] = 2 * frame["b"]
    roles = make_roles(numeric=("a", "b", "twice"))
    found = table(measure(frame, roles))
    assert found.index.tolist() == ["a", "b + twice"]

    def by_both(rows):
        # Right as long as the two agree: shuffled apart they would not.
        return score(rows.assign(a=np.where(rows["twice"] == 2 * rows["b"], rows["a"], -rows["a"])))

    assert table(measure(frame, roles, by=by_both)).loc["b + twice", "value"] == 0.0


def test_grouped_rows_are_drawn_by_group():
    groups = np.repeat(np.arange(8), 50)
    random = np.random.default_rng(1)
    # In half of the groups the model is right, in the other half it guesses.
    frame = make(group=pd.Series(groups).astype("str").to_numpy())
    guess = np.where(random.random(400) < 0.5, "yes", "no")
    told = np.where(groups % 2, frame["y"], guess)
    frame["y"] = pd.Series(told, index=frame.index, dtype="str")
    alone = table(measure(frame)).loc["a"]
    grouped = table(measure(frame, make_roles(group="group"))).loc["a"]
    assert grouped["value"] == alone["value"]
    assert grouped["high"] - grouped["low"] > 1.5 * (alone["high"] - alone["low"])


def test_the_seed_decides_and_the_same_seed_gives_the_same():
    one, again = measure(make()), measure(make())
    pd.testing.assert_frame_equal(table(one), table(again))
    assert one.checks == again.checks
    other = measure(make(), chosen=project(seed=5))
    assert table(other).loc["a", "value"] != table(one).loc["a", "value"]


def test_many_rows_and_features_are_bounded(monkeypatch):
    monkeypatch.setattr(importance, "MOST_ROWS", 100)
    found = measure(make())
    assert found.tables["importance"].frame["n"].tolist() == [100, 100]
    assert "10 shuffles of 100 of 400 dev rows" in found.tables["importance"].note
    monkeypatch.undo()
    assert importance._amount(1) == (2000, 10)
    assert importance._amount(30) == (500, 10)
    assert importance._amount(60) == (500, 5)
    assert importance._amount(1000) == (200, 3)


def test_columns_named_as_an_argument_and_texts_are_shuffled():
    frame = make(self=pd.Series(["u", "v"] * 200).to_numpy(), t=[f"word {i}" for i in range(400)])
    roles = make_roles(categorical=("self",), text=("t",))
    assert set(table(measure(frame, roles)).index) == {"a", "b", "self", "t"}


def test_cramers_v_by_hand():
    # 2 x 2 with 40 and 40 on the diagonal, 10 and 10 off it: phi squared is 0.36; corrected,
    # (0.36 - 1/99) / (2 - 1/99 - 1) = 0.35347, whose root is 0.59454.
    one = np.repeat([0, 0, 1, 1], [40, 10, 10, 40])
    other = np.repeat([0, 1, 0, 1], [40, 10, 10, 40])
    assert cramers_v(one, other) == pytest.approx(0.594541, abs=1e-5)
    assert cramers_v(one, one) == pytest.approx(1.0)
    assert cramers_v(np.zeros(100, dtype=int), other) == 0.0


def test_codes_that_are_nearly_all_different_are_not_alike():
    frame = make(u=[f"u{i}" for i in range(400)], v=[f"v{i}" for i in range(400)])
    roles = make_roles(numeric=(), categorical=("u", "v"))
    assert related_features(frame, roles) == [("u",), ("v",)]


def test_likeness_is_passed_on_and_falls_as_well_as_rises():
    frame = make()
    frame["c"], frame["d"] = -(frame["b"] ** 3), frame["a"]
    roles = make_roles(numeric=("b", "a", "c", "d"))
    assert related_features(frame, roles) == [("b", "c"), ("a", "d")]
