"""In which features rows differ: sizes by hand, p by SciPy, sentences, and what is not compared."""

import numpy as np
import pandas as pd
import pytest

from tasks.error_analysis.contrasts import Contrast, contrast_rows
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.differences import contrast_errors, contrast_slices
from tasks.error_analysis.weak_slices import WeakSlice
from tasks.project.roles import Roles


def make_roles(**more):
    return Roles(target="y", positive_class="yes", **more)


def contrast(inside, outside, **more):
    """One feature x with the values `inside` the rows and `outside` of them."""
    frame = pd.DataFrame({"x": [*inside, *outside]})
    mask = np.arange(len(frame)) < len(inside)
    return contrast_rows([Contrast("rows in s", mask, "the others")], frame, make_roles(**more))


def only(table):
    assert len(table) == 1
    return table.iloc[0]


def test_the_distance_of_numbers_by_hand():
    # At most 1: 3 of 10 inside, 8 of 10 outside. 10 * 10 / 20 * 0.5 ** 2 = 1.25, and
    # 2 (exp(-2 * 1.25) - exp(-8 * 1.25) + ...) = 0.164079.
    row = only(contrast([1] * 3 + [2] * 7, [0] * 4 + [1] * 4 + [2] * 2, numeric=("x",)))
    assert (row["feature"], row["measure"]) == ("x", "Kolmogorov-Smirnov")
    assert row["size"] == pytest.approx(0.5)
    assert (row["n"], row["n_others"]) == (10, 10)
    assert row["p"] == pytest.approx(0.16407919, abs=1e-7)
    assert row["sentence"] == "x is not shown to differ."


def test_higher_and_lower_are_told_by_the_medians():
    low, high = [0.7, 0.77, 0.8] * 20, [0.9, 0.92, 0.95] * 20
    assert only(contrast(high, low, numeric=("x",)))["sentence"] == (
        "Rows in s have higher x: median 0.92 against 0.77 in the others."
    )
    row = only(contrast(low, high, numeric=("x",)))
    assert row["sentence"] == "Rows in s have lower x: median 0.77 against 0.92 in the others."
    assert row["size"] == 1.0


def test_equal_medians_are_told_by_the_cut():
    row = only(contrast([0] * 55 + [9] * 45, [0] * 95 + [9] * 5, numeric=("x",)))
    assert row["sentence"] == (
        "Rows in s have less often x at most 0: 55.0% against 95.0% in the others."
    )
    assert row["size"] == pytest.approx(0.4)


def test_missing_numbers_are_the_lowest():
    row = only(contrast([np.nan] * 30 + [1.0] * 30, [1.0] * 60, numeric=("x",)))
    assert row["size"] == 0.5
    assert row["sentence"] == "Rows in s have more often no x: 50.0% against 0.0% in the others."


def test_the_total_variation_of_categories_by_hand():
    # Shares 60, 30, 10 against 20, 30, 50 of 100: (40 + 0 + 40) / 2 points.
    # chi-squared 20 * 2 + 0 + 20 ** 2 / 30 * 2 = 58.667 with 2 degrees of freedom.
    inside = ["u"] * 60 + ["v"] * 30 + ["w"] * 10
    row = only(contrast(inside, ["u"] * 20 + ["v"] * 30 + ["w"] * 50, categorical=("x",)))
    assert row["measure"] == "total variation"
    assert row["size"] == pytest.approx(0.4)
    chi = 2 * 20**2 / 40 + 2 * 20**2 / 30
    assert row["p"] == pytest.approx(np.exp(-chi / 2), rel=1e-9)
    assert row["sentence"] == "Rows in s have more often x=u: 60.0% against 20.0% in the others."


def test_rare_categories_are_tested_together():
    # Each of w0 to w9 stands once outside: expected 0.5 a side, together 5 a side.
    inside = ["u"] * 100
    row = only(contrast(inside, ["u"] * 90 + [f"w{i}" for i in range(10)], categorical=("x",)))
    chi = 2 * 5**2 / 95 + 2 * 5**2 / 5
    from scipy.stats import chi2

    assert row["p"] == pytest.approx(chi2.sf(chi, 1))
    assert row["size"] == pytest.approx(0.1)


def test_texts_are_compared_by_their_length():
    row = only(contrast(["long words"] * 50, ["word", None] * 25, text=("x",)))
    assert row["feature"] == "length of x"
    assert row["sentence"].startswith("Rows in s have higher length of x: median 10 against 4")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [([1.0] * 9, [2.0] * 50), ([1.0] * 20, [1.0] * 50), ([np.nan] * 20, [np.nan] * 50)],
    ids=["too few rows", "constant", "nothing there"],
)
def test_what_is_not_compared(inside, outside):
    assert contrast(inside, outside, numeric=("x",)).empty


def test_groups_stand_for_their_rows():
    frame = pd.DataFrame({"x": [1.0] * 100 + [2.0] * 100, "c": ["u"] * 100 + ["v"] * 100})
    frame["g"] = np.repeat(np.arange(8), 25)
    mask = np.arange(200) < 100
    told = [Contrast("rows in s", mask, "the others")]
    roles = make_roles(numeric=("x",), categorical=("c",), group="g")
    grouped = contrast_rows(told, frame, roles, units=frame["g"])
    alone = contrast_rows(told, frame, make_roles(numeric=("x",), categorical=("c",)))
    assert (grouped["p"] > 1e-3).all()
    assert (alone["p"] < 1e-20).all()
    assert (grouped["size"] == 1).all()


def test_p_is_corrected_over_all_columns_of_all_contrasts():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": random.normal(size=100) for i in range(5)})
    mask = np.arange(100) < 50
    one = Contrast("rows in s", mask, "the others")
    roles = make_roles(numeric=tuple(frame.columns))
    single = contrast_rows([one], frame[["n0"]], make_roles(numeric=("n0",)))["p"].iloc[0]
    both = contrast_rows([one, Contrast("rows in t", ~mask, "the others")], frame, roles)
    assert (both["p"] == 1).all() or single < 0.1
    assert (both.loc[both["feature"] == "n0", "p"] >= single).all()
    assert both["rows"].tolist() == ["rows in s"] * 5 + ["rows in t"] * 5


def dev_errors(wrong=40, rows=200):
    frame = pd.DataFrame(
        {
            "lvr": [0.92] * wrong + [0.77] * (rows - wrong),
            "self": ["yes", "no"] * (rows // 2),
            "y": ["no"] * rows,
        },
        index=pd.Index([f"r{i}" for i in range(rows)], name="row_key"),
    ).astype({"self": "str", "y": "str"})
    mask = np.arange(rows) < wrong
    predictions = pd.DataFrame({"predicted": np.where(mask, "yes", "no")}, index=frame.index)
    return DevErrors(frame, frame["y"], predictions, mask, ["no", "yes"], "no")


ROLES = make_roles(numeric=("lvr",), categorical=("self",))


def test_wrong_rows_are_contrasted_with_right_ones():
    found = contrast_errors(dev_errors(), ROLES)
    table = found.tables["errors_contrast"].frame
    assert table["feature"].tolist() == ["lvr", "self"]
    assert table["size"].tolist() == [1.0, 0.0]
    (check,) = found.checks
    assert (check.outcome, check.severity, check.value, check.n) == ("passed", "info", 1.0, 200)
    assert check.detail == "Wrong rows have higher lvr: median 0.92 against 0.77 in right rows."


def test_alike_wrong_rows_are_said_to_be_alike():
    found = contrast_errors(dev_errors(), make_roles(categorical=("self",)))
    assert found.checks[0].detail == "No feature is shown to differ."


def test_without_errors_or_features_nothing_is_contrasted():
    (check,) = contrast_errors(dev_errors(0), ROLES).checks
    assert check.outcome == "not_applicable"
    assert check.detail == (
        "Nothing was compared: 0 wrong and 200 right dev rows are there, and 10 of each are needed."
    )
    found = contrast_errors(dev_errors(), make_roles())
    assert found.checks[0].outcome == "not_applicable"
    assert "a feature with more than one value" in found.checks[0].detail
    assert not found.tables


def test_weak_slices_are_contrasted_by_other_columns_than_their_own():
    errors = dev_errors()
    weak = [
        WeakSlice("lvr in [0.8, 1]", ("lvr",), errors.wrong),
        WeakSlice("self=yes", ("self",), (errors.rows["self"] == "yes").to_numpy()),
    ]
    found = contrast_slices(weak, errors, ROLES)
    table = found.tables["slices_contrast"].frame
    assert table[["rows", "feature"]].to_numpy().tolist() == [
        ["rows with lvr in [0.8, 1]", "self"],
        ["rows with self=yes", "lvr"],
    ]
    assert found.checks[0].detail == "No feature is shown to differ."


def test_three_features_a_slice_are_listed():
    random = np.random.default_rng(0)
    errors = dev_errors()
    names = [f"n{i}" for i in range(6)]
    rows = errors.rows.assign(**{name: random.normal(size=200) for name in names})
    errors = DevErrors(rows, *list(vars(errors).values())[1:])
    found = contrast_slices(
        [WeakSlice("s", (), errors.wrong)], errors, make_roles(numeric=(*names, "lvr"))
    )
    table = found.tables["slices_contrast"].frame
    assert len(table) == 3
    assert table.loc[0, "feature"] == "lvr"
    assert table["size"].is_monotonic_decreasing
    assert found.checks[0].detail == (
        "Rows with s have higher lvr: median 0.92 against 0.77 in the other rows."
    )


def test_without_a_weak_slice_there_is_nothing_to_say():
    found = contrast_slices((), dev_errors(), ROLES)
    assert (found.checks, dict(found.tables)) == ((), {})
