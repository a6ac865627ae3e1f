"""Changes of the label rate: windows, the test and the size by hand, and the check."""

import numpy as np
import pandas as pd
import pytest
from test_labels_stage import make_project, make_roles

from tasks.errors import ProjectFileError
from tasks.labels.drift import group_rows, measure_changes
from tasks.labels.drift_findings import judge_drift


def make_batches(counts, sides=None):
    """Rows of batches: {batch: {label: rows}}."""
    cells = [(b, y) for b, labels in counts.items() for y, n in labels.items() for _ in range(n)]
    frame = pd.DataFrame(cells, columns=["batch", "y"], dtype="str")
    frame.index = pd.Index([f"k{i:05d}" for i in range(len(frame))], name="row_key")
    side = frame["batch"].map(lambda batch: (sides or {}).get(batch, "train"))
    return frame, side


def judge(frame, sides, **drift):
    finding = judge_drift(frame, sides, make_roles(), make_project(drift={"by": "batch", **drift}))
    (check,) = finding.checks
    return check, finding


def test_an_unknown_column_is_refused():
    frame, sides = make_batches({"a": {"n": 1}})
    with pytest.raises(ProjectFileError, match=r"names the column 'bach'.*did you mean 'batch'"):
        judge(frame, sides, by="bach")


def test_a_large_change_fails_the_check():
    # Expected 30 of 100 in each: (10^2 + 10^2) / (100 * 0.3 * 0.7) = 9.5238 with 1 freedom;
    # V = sqrt((9.5238 - 1) / 200) = 0.2064.
    frame, sides = make_batches({"a": {"n": 80, "p": 20}, "b": {"n": 60, "p": 40}})
    check, finding = judge(frame, sides)
    assert (check.outcome, check.severity, check.limit, check.n) == ("failed", "warning", 0.1, 200)
    assert check.value == pytest.approx(0.2064, abs=1e-4)
    assert check.interval[0] < check.value < check.interval[1]
    assert "By batch the share of p runs from 20.0% (a, n 100) to 40.0% (b, n 100)" in check.detail
    assert finding.facts == {"drift": ["p"]}
    rates = finding.tables["drift_rates"].frame
    assert rates["value"].tolist() == [0.2, 0.4]
    assert finding.figures[0].table == "drift_rates"


def make_groups(shares, units=40, rows=20, rng=None):
    """A batch a share, of `units` groups of `rows` rows that all have one label."""
    drawn = [np.arange(units) / units if rng is None else rng.random(units) for _ in shares]
    high = np.concatenate([one < share for one, share in zip(drawn, shares, strict=True)])
    batch = np.repeat(np.arange(len(shares)), units)
    frame = pd.DataFrame(
        {
            "batch": np.repeat(batch, rows).astype(str),
            "y": np.repeat(np.where(high, "p", "n"), rows),
            "unit": np.repeat(np.arange(len(high)), rows),
        }
    )
    return frame, pd.Series("train", index=frame.index)


def test_groups_that_share_a_label_are_no_change():
    # 20 rows a group with one label each: rows taken as independent are alarmed mostly.
    rng = np.random.default_rng(0)
    project = make_project(drift={"by": "batch"})
    alarms = {"rows": 0, "units": 0}
    for _ in range(100):
        frame, sides = make_groups([0.4] * 5, rng=rng)
        for name, roles in (("rows", make_roles()), ("units", make_roles(group="unit"))):
            (check,) = judge_drift(frame, sides, roles, project).checks
            alarms[name] += check.outcome == "failed"
    # More than 11 of 100 at 5 % have a chance below 0.5 %.
    assert alarms["rows"] >= 50
    assert alarms["units"] <= 11


def test_a_change_between_groups_is_still_found():
    frame, sides = make_groups([0.2, 0.2, 0.8])
    project = make_project(drift={"by": "batch"})
    (check,) = judge_drift(frame, sides, make_roles(group="unit"), project).checks
    assert check.outcome == "failed"
    # Squared distances from 0.4: 0.04, 0.04, 0.16, mean 0.08. The design effect of each share is
    # 20 * (40 / 39) * 0.16 / 0.24, and two of its 2,400 are what chance gives.
    effect = 20 * 40 / 39 * 0.16 / 0.24
    assert check.value == pytest.approx((0.08 / 0.24 - 2 * effect / 2400) ** 0.5)
    given = judge_drift(frame, sides, make_roles(), project, units=frame["unit"]).checks[0]
    assert given == check


def test_groups_too_few_to_tell_do_not_apply():
    frame, sides = make_groups([0.0, 1.0], units=1, rows=40)
    project = make_project(drift={"by": "batch"})
    (check,) = judge_drift(frame, sides, make_roles(group="unit"), project).checks
    assert check.outcome == "not_applicable"
    (check,) = judge_drift(frame, sides, make_roles(), project).checks
    assert check.outcome == "failed"


def test_the_severity_of_a_change_is_the_projects():
    frame, sides = make_batches({"a": {"n": 80, "p": 20}, "b": {"n": 60, "p": 40}})
    check, _ = judge(frame, sides, severity="critical")
    assert (check.outcome, check.blocks) == ("failed", True)


def test_the_same_rate_passes():
    frame, sides = make_batches({"a": {"n": 70, "p": 30}, "b": {"n": 68, "p": 32}})
    check, finding = judge(frame, sides)
    assert check.outcome == "passed"
    assert check.value == 0
    assert finding.summary == ""


def test_a_small_change_of_many_rows_passes():
    # 25 % and 27 % of 20,000 each: beyond chance, and V is 0.02.
    frame, sides = make_batches({"a": {"n": 15_000, "p": 5_000}, "b": {"n": 14_600, "p": 5_400}})
    check, finding = judge(frame, sides)
    assert check.outcome == "passed"
    assert finding.tables["drift"].frame["p"].iloc[0] < 1e-4
    assert judge(frame, sides, min_effect=0.01)[0].outcome == "failed"


def test_a_large_change_of_few_rows_is_chance():
    frame, sides = make_batches({"a": {"n": 24, "p": 6}, "b": {"n": 20, "p": 10}})
    check, _ = judge(frame, sides)
    assert check.outcome == "passed"


def test_no_column_one_group_and_rare_classes_do_not_apply():
    frame, sides = make_batches({"a": {"n": 80, "p": 20}})
    (check,) = judge_drift(frame, sides, make_roles(), make_project()).checks
    assert (check.outcome, check.severity) == ("not_applicable", "warning")
    assert "labels.drift.by" in check.detail
    assert judge(frame, sides)[0].outcome == "not_applicable"
    frame, sides = make_batches({"a": {"n": 98, "p": 2}, "b": {"n": 98, "p": 2}})
    assert judge(frame, sides)[0].outcome == "not_applicable"


def test_test_groups_are_shown_apart_and_choose_nothing():
    frame, sides = make_batches(
        {"a": {"n": 70, "p": 30}, "b": {"n": 70, "p": 30}, "c": {"p": 90}}, {"c": "test"}
    )
    check, finding = judge(frame, sides)
    assert (check.outcome, check.n) == ("passed", 200)
    rates = finding.tables["drift_rates"].frame
    assert rates["label"].tolist() == ["a", "b", "test: c"]
    assert rates["value"].tolist() == [0.3, 0.3, 1.0]


def test_the_time_of_the_split_is_the_default():
    frame, sides = make_batches({"a": {"n": 100}, "b": {"p": 100}})
    frame["when"] = pd.date_range("2026-01-01", periods=200, freq="D")
    project = make_project(drift={"windows": 4})
    (check,) = judge_drift(frame, sides, make_roles(time="when"), project).checks
    assert check.outcome == "failed"
    assert "2026-01-01 to 2026-02-19" in check.detail


def test_windows_keep_equal_values_together_and_missing_apart():
    times = pd.Series(pd.to_datetime(["2026-01-01"] * 3 + ["2026-01-02", None, "2026-01-03"]))
    groups = group_rows(times, 2)
    assert groups.astype(str).tolist() == [
        *["2026-01-01 to 2026-01-01"] * 3,
        "2026-01-02 to 2026-01-03",
        "(missing)",
        "2026-01-02 to 2026-01-03",
    ]
    assert groups.cat.categories.tolist()[-1] == "(missing)"


def test_windows_within_a_day_have_names_of_their_own():
    times = pd.Series(pd.date_range("2026-01-01 08:00", periods=4, freq="h"))
    assert group_rows(times, 2).cat.categories.tolist() == [
        "2026-01-01T08:00 to 2026-01-01T09:00",
        "2026-01-01T10:00 to 2026-01-01T11:00",
    ]


def test_numbers_with_many_values_are_cut_and_others_are_groups():
    assert group_rows(pd.Series(range(40)), 2).cat.categories.tolist() == ["0 to 19", "20 to 39"]
    assert group_rows(pd.Series([2, 1] * 30), 2).cat.categories.tolist() == ["1", "2"]


def test_small_groups_are_one():
    column = pd.Series(["a"] * 30 + ["b"] * 29 + ["c"] * 2, dtype="str")
    groups = group_rows(column, 2)
    assert groups.value_counts(sort=False).to_dict() == {"a": 30, "(smaller groups)": 31}


def test_a_value_that_is_called_like_the_missing_ones_is_one_of_them():
    column = pd.Series(["(missing)"] * 30 + ["a"] * 30 + [None] * 2, dtype="str")
    assert group_rows(column, 2).value_counts(sort=False).to_dict() == {"(missing)": 32, "a": 30}


def test_times_closer_than_a_second_have_names_of_their_own():
    times = pd.Series(pd.date_range("2026-01-01", periods=4, freq="us"))
    assert len(group_rows(times, 4).cat.categories) == 4


def test_nothing_known_and_no_rows():
    assert group_rows(pd.Series([np.nan, np.nan]), 3).tolist() == ["(missing)"] * 2
    assert group_rows(pd.Series([], dtype="float64"), 3).tolist() == []


def test_holm_over_the_classes():
    counts = pd.DataFrame({"x": [60, 40], "y": [20, 40], "z": [20, 20]}, index=["a", "b"])
    found = {one.name: one for one in measure_changes(counts, None)}
    assert sorted(found) == ["x", "y", "z"]
    # p of x: (10^2 + 10^2) / (100 * 0.5 * 0.5) = 8; of y 9.5238; the smallest counts thrice.
    assert found["x"].p == pytest.approx(0.004678, abs=1e-6)
    assert found["y"].p_holm == pytest.approx(3 * found["y"].p)
    assert found["x"].p_holm == pytest.approx(2 * found["x"].p)
    assert found["z"].p_holm == 1
