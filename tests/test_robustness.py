"""Small changes of rows, and how many predictions flip, for models whose answers can be counted.

`x` holds 0 to 19, fifty rows each: 1,000 rows, standard deviation 5.77. The model says yes from
9.5 on, and no where `x` is missing.
"""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.errors import ProjectFileError
from tasks.performance_audit.perturbations import (
    missing,
    noise,
    other_case,
    resolution,
    shifted,
    surrounding_spaces,
    typos,
)
from tasks.performance_audit.robustness import measure_robustness
from tasks.performance_audit.robustness_finding import judge_robustness
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows

X = np.repeat(np.arange(20.0), 50)
KINDS = ("noise", "missing", "case", "spaces", "typos", "shift")


def roles(positive="yes", **columns):
    return Roles(target="y", positive_class=positive, **columns)


def predictions(said, index, classes):
    told = pd.DataFrame({"predicted": pd.Series(said, index=index, dtype="str")})
    for name in classes:
        told[f"p:{name}"] = (told["predicted"] == name).astype(float)
    return told


def from_half(rows):
    said = np.where(rows["x"].to_numpy(dtype=float) >= 9.5, "yes", "no")
    return predictions(said, rows.index, ("no", "yes"))


def project(robustness=None, **audit):
    return Project.model_validate(
        {
            "name": "p",
            "source": "s.csv",
            "target": "y",
            "positive_class": "yes",
            "audit": {"robustness": robustness or {}, **audit},
        }
    )


def judge(frame, score, columns, robustness=None, labels=None, groups=None, positive="yes"):
    told = score(frame)
    labels = told["predicted"] if labels is None else labels
    scored = ScoredRows(labels, told, positive, 200, 0, groups)
    everything = np.ones(len(frame), dtype=bool)
    chosen = project(robustness)
    return judge_robustness(
        frame, everything, scored, score, roles(positive, **columns), chosen, "accuracy"
    )


def numbers(robustness=None, **more):
    return judge(pd.DataFrame({"x": X}), from_half, {"numeric": ("x",)}, robustness, **more)


def check(found, kind):
    return next(c for c in found.checks if c.id == f"performance_audit.robustness:{kind}")


def limit(kind, most, **more):
    return {"limits": [{"kind": kind, "max_flip_share": most, **more}]}


def columns_table(found):
    return found.tables["robustness_columns"].frame.set_index("label")


# Refusals


def test_a_precision_of_no_feature_is_refused():
    with pytest.raises(ProjectFileError, match="names 'z', which the data does not have"):
        numbers({"precision": {"z": 1.0}})
    with pytest.raises(ProjectFileError, match="'c', which is no numeric feature"):
        frame = pd.DataFrame({"x": X, "c": "a"})
        judge(frame, from_half, {"numeric": ("x",)}, {"precision": {"c": 1.0}})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({**limit("noise", 0.1), "enabled": False}, "'enabled' is false although 'limits' are set"),
        ({"limits": 2 * limit("noise", 0.1)["limits"]}, "two limits are for 'noise'"),
        (limit("nose", 0.1), "Input should be 'noise'"),
    ],
)
def test_a_section_that_contradicts_itself_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        project(values)


# What a column can tell apart


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(20.0), 1.0),
        (np.arange(20) * 5.0, 5.0),
        (np.arange(20) * 5.0 + 2.5, 5.0),
        (np.arange(20) / 100, 0.01),
        (np.arange(20) * 0.25, 0.25),
        (np.arange(20) * 1e-5, 1e-5),
        ([*np.arange(20.0), np.nan], 1.0),
        ([0.1, *np.arange(20.0)], 0.1),
        (np.arange(10.0), None),  # codes
        (np.sqrt(np.arange(1.0, 20.0)), None),  # no rounding to be seen
        ([np.nan] * 20, None),
    ],
)
def test_resolution_is_the_step_of_the_values(values, expected):
    found = resolution(pd.Series(values))
    assert found == (None if expected is None else pytest.approx(expected))


# The changes


def test_noise_stays_within_half_a_step_and_leaves_missing_cells():
    rows = pd.DataFrame({"x": [1.0, np.nan, 3.0] * 50})
    changed = noise(rows, {"x": 0.2}, np.random.default_rng(0))
    moved = (changed.rows["x"] - rows["x"]).dropna()
    assert len(moved) == 100
    assert 0.09 < moved.abs().max() <= 0.1
    assert changed.touched.tolist() == [True, False, True] * 50
    assert rows["x"].iloc[0] == 1.0


def test_missing_blanks_that_share_of_the_cells():
    rows = pd.DataFrame({"n": range(4000), "c": "a"}).astype({"c": "str"})
    changed = missing(rows, ["n", "c"], 0.1, np.random.default_rng(0))
    assert changed.rows.isna().to_numpy().mean() == pytest.approx(0.1, abs=0.015)
    assert changed.touched.mean() == pytest.approx(0.19, abs=0.02)  # 1 - 0.9^2
    assert missing(rows, ["n"], 1.0, np.random.default_rng(0)).rows["n"].isna().all()


def test_case_and_spaces_by_hand():
    rows = pd.DataFrame({"c": pd.Series(["Ab", "AB", "12", None], dtype="str")})
    case, spaces = other_case(rows, ["c"]), surrounding_spaces(rows, ["c"])
    assert case.rows["c"].tolist()[:3] == ["AB", "ab", "12"]
    assert case.touched.tolist() == [True, True, False, False]
    assert spaces.rows["c"].tolist()[:3] == [" Ab ", " AB ", " 12 "]
    assert spaces.touched.tolist() == [True, True, True, False]
    assert case.rows["c"].isna().tolist() == [False, False, False, True]


def test_a_typo_swaps_drops_or_doubles_one_letter_after_the_first():
    rows = pd.DataFrame({"t": ["abcd to it"] * 200 + ["to it", ""]}).astype("str")
    changed = typos(rows, ["t"], np.random.default_rng(0))
    expected = {"acbd", "abdc", "acd", "abd", "abbcd", "abccd"}
    assert {text.removesuffix(" to it") for text in changed.rows["t"][:200]} == expected
    assert changed.rows["t"].tolist()[200:] == ["to it", ""]
    assert changed.touched.tolist() == [True] * 200 + [False, False]


def test_of_thirty_words_three_are_mistyped():
    rows = pd.DataFrame({"t": [" ".join(["word"] * 30)]}).astype("str")
    words = typos(rows, ["t"], np.random.default_rng(0)).rows["t"].iloc[0].split()
    assert sum(word != "word" for word in words) == 3


def test_a_column_may_bear_any_name():
    rows = pd.DataFrame({"self": [1.0], "func": ["a"]}).astype({"func": "str"})
    assert shifted(rows, "self", 2.0).rows["self"].tolist() == [3.0]
    assert other_case(rows, ["func"]).rows["func"].tolist() == ["A"]


# Flips


def test_noise_within_the_precision_flips_nothing_where_the_threshold_is_between_values():
    found = check(numbers(limit("noise", 0.01)), "noise")
    assert (found.outcome, found.value, found.n, found.severity) == (
        "passed",
        0.0,
        1000,
        "critical",
    )
    assert found.interval == pytest.approx((0.0, 0.0038), abs=1e-4)  # Wilson, 0 of 1,000
    assert (
        "0 of 1000 predictions flip: 0.0% (95 % interval 0.0% to 0.4%), with its whole"
        in found.detail
    )


def test_noise_flips_the_rows_that_it_can_move_across():
    # A step of 4: up to 2 either way. From 9.5 on: 8 and 9 flip by at least 1.5 and 0.5 with
    # probabilities 0.125 and 0.375, and so do 11 and 10: 50 rows each, so 50 flips expected.
    found = check(numbers({"precision": {"x": 4.0}, **limit("noise", 0.01)}), "noise")
    assert found.outcome == "failed"
    assert found.value == pytest.approx(0.05, abs=0.02)
    assert "with its whole interval above the limit of 1.0%." in found.detail


def test_a_limit_within_the_interval_is_not_judged_but_by_the_point():
    found = check(numbers({"precision": {"x": 4.0}, **limit("noise", 0.05)}), "noise")
    assert found.outcome == "not_applicable"
    assert "but its interval includes 5.0%, so it may be chance; about" in found.detail
    by_point = limit("noise", 0.05)
    by_point["limits"][0]["judge"] = "point"
    found = check(numbers({"precision": {"x": 4.0}, **by_point}), "noise")
    assert found.outcome == "passed"


def test_a_column_that_is_missing_or_moves_by_hand():
    found = numbers()
    table = columns_table(found)
    assert table.loc["x missing", "value"] == 0.5  # 10 to 19 become no
    assert table.loc["x +0.25 sd", "value"] == 0.05  # by 1.44: 9 becomes yes
    assert table.loc["x -0.25 sd", "value"] == 0.05  # 10 becomes no
    assert table.loc["x +1 sd", "value"] == 0.3  # by 5.77: 4 to 9
    assert table.loc["x +1 sd", "share_change"] == 0.3
    assert table.loc["x -1 sd", "share_change"] == -0.3
    assert list(table["value"]) == sorted(table["value"], reverse=True)
    shift = check(found, "shift")
    assert (shift.value, shift.n, shift.outcome) == (0.05, 1000, "not_applicable")
    # Wilson, 50 of 1,000: 3.8 to 6.5 %
    outcomes = [
        check(numbers(limit("shift", most)), "shift").outcome for most in (0.03, 0.06, 0.07)
    ]
    assert outcomes == ["failed", "not_applicable", "passed"]


def test_without_a_limit_it_is_shown_and_not_judged():
    found = numbers()
    assert {c.outcome for c in found.checks} == {"not_applicable"}
    assert {c.severity for c in found.checks} == {"info"}
    assert "audit.robustness.limits sets none for noise" in check(found, "noise").detail
    assert found.metrics["test.flip_share.noise"] == 0.0


def test_what_the_columns_do_not_allow_is_not_applicable():
    found = numbers(limit("typos", 0.1, required=True, owner="Desk", reason="letters come in"))
    typing = check(found, "typos")
    assert (typing.outcome, typing.n, typing.blocks) == ("not_applicable", 0, True)
    assert typing.detail == (
        "Nothing to change: the model sees no text column. Limit set by Desk: letters come in."
    )
    codes = judge(
        pd.DataFrame({"x": [1.0, 20.0] * 20}), from_half, {"numeric": ("x",)}, limit("noise", 0.1)
    )
    assert "no numeric column of more than a few values" in check(codes, "noise").detail


def test_too_few_rows_are_not_judged():
    frame = pd.DataFrame({"x": np.arange(20.0)})
    found = judge(frame, from_half, {"numeric": ("x",)}, limit("noise", 0.5))
    assert check(found, "noise").outcome == "not_applicable"
    assert "at least 30 rows are needed" in check(found, "noise").detail


def test_switched_off_it_says_nothing():
    found = numbers({"enabled": False})
    assert found.checks == ()
    assert not found.tables


def test_words_that_the_model_knows_by_their_letters():
    frame = pd.DataFrame({"c": ["yes"] * 40 + ["no"] * 60}).astype("str")

    def score(rows):
        return predictions(np.where(rows["c"] == "yes", "yes", "no"), rows.index, ("no", "yes"))

    found = judge(frame, score, {"categorical": ("c",)}, limit("case", 0.1))
    assert (check(found, "case").value, check(found, "case").outcome) == (0.4, "failed")
    assert check(found, "spaces").value == 0.4
    table = found.tables["robustness"].frame.set_index("label")
    assert table.loc["upper or lower case", "metric_change"] == pytest.approx(-0.4)
    assert table.loc["upper or lower case", "share_change"] == pytest.approx(-0.4)


def test_only_rows_that_the_change_touched_are_counted():
    frame = pd.DataFrame({"t": ["hello"] * 40 + ["ok"] * 60}).astype("str")

    def score(rows):
        return predictions(np.where(rows["t"] == "hello", "yes", "no"), rows.index, ("no", "yes"))

    found = check(judge(frame, score, {"text": ("t",)}, limit("typos", 0.5)), "typos")
    assert (found.value, found.n, found.outcome) == (1.0, 40, "failed")


def test_of_more_classes_the_one_whose_share_changes_most_is_named():
    frame = pd.DataFrame({"c": ["u"] * 40 + ["v"] * 30 + ["w"] * 30}).astype("str")

    def score(rows):
        said = np.where(rows["c"].isin(["u", "v"]), rows["c"], "w")
        return predictions(said, rows.index, ("u", "v", "w"))

    found = judge(frame, score, {"categorical": ("c",)}, positive=None)
    row = found.tables["robustness"].frame.set_index("label").loc["upper or lower case"]
    assert (row["value"], row["class"], row["share_change"]) == (0.7, "w", pytest.approx(0.7))
    assert row["share_change_low"] < 0.7 < row["share_change_high"]


def test_grouped_rows_have_the_bootstrap_of_groups():
    groups = pd.Series([f"p{place // 50}" for place in range(1000)])
    alone, together = numbers(), numbers(groups=groups)
    widths = [
        high - low for found in (alone, together) for low, high in [check(found, "shift").interval]
    ]
    assert widths[1] > widths[0]


# Bounds, and the same every time


def test_rows_are_bounded_and_the_same_every_time():
    found = numbers({"max_rows": 300})
    assert check(found, "noise").n == 300
    other = numbers({"max_rows": 300})
    assert found.checks == other.checks
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table.frame, other.tables[name].frame)


def test_many_columns_are_changed_on_fewer_rows():
    names = tuple(f"x{place}" for place in range(70))
    frame = pd.DataFrame(dict.fromkeys(names, X))
    scored = []

    def score(rows):
        scored.append(len(rows))
        return from_half(rows.rename(columns={"x0": "x"}))

    told = score(frame)
    rows = ScoredRows(told["predicted"], told, "yes", 200, 0)
    every, section = np.ones(1000, dtype=bool), project().audit.robustness
    found = measure_robustness(frame, every, rows, score, roles(numeric=names), section, "accuracy")
    assert (found.columns_left_out, found.column_rows) == (10, 200)  # 60,000 rows over 300 changes
    assert max(scored) * 70 <= 1_000_000
    assert len(found.columns) == 300


def test_every_figure_has_its_table():
    found = numbers()
    for figure in found.figures:
        assert {"label", "value", "low", "high", "n"} <= set(found.tables[figure.table].frame)
    assert [c.id.partition(":")[2] for c in found.checks] == list(KINDS)
