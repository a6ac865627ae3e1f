"""The slice search: exact counts, p values and corrections by hand, what is merged, what is cut."""

import numpy as np
import pandas as pd
import pytest

from tasks.slice_search import SearchPlan, counting, mask_column, search_slices, value_column
from tasks.slice_search.candidates import choose_candidates
from tasks.slice_search.confirmation import (
    effective_rows,
    excess_p,
    excess_score,
    false_discovery_adjusted,
)
from tasks.slice_search.detectable import detectable_ratio
from tasks.slice_search.halves import first_half
from tasks.slice_search.merging import Description, simplest_descriptions


def mask(rows, *marked):
    found = np.zeros(rows, dtype=bool)
    found[list(marked)] = True
    return found


def columns_of(frame, bins=4, most=20):
    return [value_column(frame[name], name, name, bins, most) for name in frame.columns]


def planted(rows=4000, width=4, ratio=5.0, seed=0):
    """Columns of four values; rows with c0=1 and c1=2 are wrong `ratio` times as often as 10 %."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{i}": rng.integers(0, 4, rows) for i in range(width)})
    weak = (frame["c0"] == 1) & (frame["c1"] == 2)
    return frame, rng.random(rows) < np.where(weak, 0.1 * ratio, 0.1)


def search(frame, wrong, units=None, **plan):
    units = pd.Series(np.arange(len(frame)) if units is None else units)
    return search_slices(columns_of(frame), wrong, units, SearchPlan(**plan))


def names(found):
    return [one.name for one in found.reported]


@pytest.mark.parametrize("p_values", [[0.5, 1.1], [-0.1], [float("nan")]])
def test_what_is_no_probability_is_refused(p_values):
    with pytest.raises(ValueError, match="p values must lie"):
        false_discovery_adjusted(p_values)


def test_a_weight_of_zero_is_refused():
    with pytest.raises(ValueError, match="weights must be positive"):
        false_discovery_adjusted([0.1, 0.2], [1.0, 0.0])


def test_benjamini_and_hochberg_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 2, 4/3, 1; each no more than the next.
    assert false_discovery_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.02, 0.04, 0.04, 0.02]
    )
    # 0.039 x 3/2 = 0.0585 is above the last, 0.04, and falls to it.
    assert false_discovery_adjusted([0.04, 0.039, 0.001]) == pytest.approx([0.04, 0.04, 0.003])
    assert false_discovery_adjusted([0.9, 1.0]) == [1.0, 1.0]
    assert false_discovery_adjusted([]) == []


def test_weights_divide_the_p_values():
    # Weights 3 and 1 have mean 2: 0.03 / 1.5 = 0.02 and 0.02 / 0.5 = 0.04, of two.
    assert false_discovery_adjusted([0.03, 0.02], [3.0, 1.0]) == pytest.approx([0.04, 0.04])


def test_the_exact_p_of_one_slice_by_hand():
    # 3 of 3 in the slice wrong, 1 of 5 outside: C(4,3) C(4,0) / C(8,3) = 4/56.
    wrong, inside = mask(8, 0, 1, 2, 3), mask(8, 0, 1, 2)
    assert excess_p(inside, wrong) == pytest.approx(4 / 56)
    # Two strata, in each one of two rows in the slice, and the wrong one: 1/2 times 1/2.
    strata = np.array([0, 0, 1, 1])
    assert excess_p(mask(4, 0, 2), mask(4, 0, 2), strata) == pytest.approx(0.25)
    assert excess_p(mask(4, 0, 2), mask(4, 0, 3), strata) == pytest.approx(0.75)


@pytest.mark.parametrize("inside", [mask(4), mask(4, 0, 1, 2, 3)])
def test_no_rows_or_all_rows_tell_nothing(inside):
    assert excess_p(inside, mask(4, 0)) == 1.0


def test_an_error_rate_of_zero_or_one_tells_nothing():
    assert excess_p(mask(4, 0), mask(4)) == 1.0
    assert excess_p(mask(4, 0), mask(4, 0, 1, 2, 3)) == 1.0


def test_rows_of_one_unit_count_together():
    rng = np.random.default_rng(0)
    inside = np.arange(400) < 100
    wrong = rng.random(400) < np.where(inside, 0.5, 0.1)
    alone = excess_p(inside, wrong, units=np.arange(400))
    assert excess_p(inside, wrong) <= alone < 1e-6
    # All errors of the slice are those of one of its ten units.
    wrong = (np.arange(400) < 10) | (np.arange(400) % 25 == 24)
    assert excess_p(inside, wrong) < 0.01
    assert excess_p(inside, wrong, units=np.arange(400) // 10) > 0.1
    assert excess_p(inside, wrong, units=np.arange(400) // 100) == 1.0


def test_effective_rows_by_hand():
    members, wrong = mask(8, 0, 1, 2, 3), mask(8, 0, 1)
    # Units {0, 1} all wrong, {2, 3} all right: sums 1 and -1, variance 2 x 2 = 4 against 1.
    assert effective_rows(members, wrong, np.array([0, 0, 1, 1, 2, 2, 3, 3])) == pytest.approx(1.0)
    assert effective_rows(members, wrong, np.arange(8)) == pytest.approx(3.0)
    assert effective_rows(members, mask(8), np.array([0, 0, 1, 1, 2, 2, 3, 3])) == 2.0


@pytest.mark.parametrize("order", [1, 2, 3])
def test_counts_equal_a_group_by(order, monkeypatch):
    monkeypatch.setattr(counting, "_BLOCK", 7)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(["x", "y", "z", None], 60) for name in "abcd"})
    wrong = rng.random(60) < 0.3
    columns = columns_of(frame.astype("str"), most=3)
    seen = 0
    for counts in counting.count_slices(columns, wrong, order):
        codes = pd.DataFrame({place: columns[place].codes for place in counts.columns})
        grouped = codes.assign(wrong=wrong).groupby(list(counts.columns))["wrong"]
        for key, (rows, errors) in grouped.agg(["size", "sum"]).iterrows():
            at = key if isinstance(key, tuple) else (key,)
            assert (counts.rows[at], counts.errors[at]) == (rows, errors)
        assert counts.rows.sum() == 60
        assert counts.errors.sum() == wrong.sum()
        seen += 1
    assert seen == {1: 4, 2: 6, 3: 4}[order]


def test_of_many_values_the_most_frequent_are_searched():
    column = pd.Series(["a"] * 3 + ["b"] * 2 + ["c"] + [None] * 4)
    coded = value_column(column, "x", "x", bins=4, max_values=2)
    assert coded.values == ("x=a", "x=(missing)")
    assert coded.codes.tolist() == [0, 0, 0, 2, 2, 2, 1, 1, 1, 1]
    assert coded.left_out == "x has 4 values: the 2 with the most rows are searched"


def test_numbers_are_cut_at_quantiles():
    coded = value_column(pd.Series(np.arange(12.0)), "x", "x", bins=2, max_values=20)
    assert coded.values == ("x in [0, 5)", "x in [5, 11]")


def test_a_unit_is_never_cut_in_two_and_its_half_is_its_own():
    units = pd.Series([f"g{place % 40}" for place in range(400)])
    half = first_half(units, seed=1)
    assert all(len(set(half[units == unit])) == 1 for unit in units.unique())
    assert first_half(units[:100], seed=1).tolist() == half[:100].tolist()
    assert 0 < half.sum() < 400
    assert first_half(units, seed=2).tolist() != half.tolist()


def test_a_fixed_number_is_carried():
    frame, wrong = planted()
    choice = choose_candidates(columns_of(frame), wrong, (2, 5, 3), min_rows=10)
    orders = [len(candidate.parts) for candidate in choice.candidates]
    assert [orders.count(order) for order in (1, 2, 3)] == [2, 5, 3]
    assert choice.searched == (16, 96, 256)
    assert SearchPlan(carried=60).places == (10, 40, 10)
    assert sum(SearchPlan(carried=11, max_order=2).places) == 11


def test_slices_with_the_same_rows_are_carried_once():
    frame, wrong = planted()
    double = frame.assign(copy=frame["c0"])
    choice = choose_candidates(columns_of(double), wrong, (20, 0, 0), min_rows=10)
    rows = [tuple(c.members(columns_of(double))) for c in choice.candidates]
    assert len(rows) == len(set(rows))


def rows_of(*blocks):
    """Masks and errors from blocks: (rows, wrong rows, the slices that hold them)."""
    names_ = sorted({name for _, _, holders in blocks for name in holders})
    wrong = np.concatenate([np.arange(n) < bad for n, bad, _ in blocks])
    members = [
        np.concatenate([np.full(n, name in holders) for n, _, holders in blocks]) for name in names_
    ]
    return members, wrong


@pytest.mark.parametrize(
    ("blocks", "reported"),
    [
        # a holds the crossing b, which alone is weak: b is the description, not a.
        ([(100, 50, "ab"), (400, 40, "a"), (1500, 150, "")], [1]),
        # a is weak all over, its part b no more so: a.
        ([(100, 42, "ab"), (400, 160, "a"), (1500, 150, "")], [0]),
        # a is weak, its part b far weaker: both.
        ([(100, 90, "ab"), (400, 120, "a"), (1500, 75, "")], [0, 1]),
        # two that overlap in what alone is weak, each with one condition: the first.
        ([(200, 100, "ab"), (20, 2, "a"), (40, 4, "b"), (1500, 150, "")], [0]),
        # two apart: both.
        ([(100, 40, "a"), (100, 50, "b"), (1500, 150, "")], [1, 0]),
        # chance makes the part of a look surer than a: the simpler one explains it.
        ([(195, 98, "ab"), (5, 2, "a"), (1500, 150, "")], [0]),
    ],
)
def test_the_simplest_description(blocks, reported):
    members, wrong = rows_of(*blocks)
    slices = [
        Description(rows, conditions, 0.005)
        for rows, conditions in zip(members, (1, 1 if len(blocks) == 4 else 2), strict=True)
    ]
    assert sorted(simplest_descriptions(slices, wrong)) == sorted(reported)


def test_a_planted_crossing_is_found_and_named_by_its_two_values():
    found = search(*planted())
    assert names(found) == ["c0=1 & c1=2"]
    assert found.reported[0].columns == ("c0", "c1")
    assert found.reported[0].p_adjusted < 0.001
    assert names(search(*planted(), max_order=1)) != names(found)


def test_the_same_seed_gives_the_same_and_row_order_changes_nothing():
    frame, wrong = planted()
    first, again = search(frame, wrong, seed=3), search(frame, wrong, seed=3)
    assert [one.p_value for one in first.carried] == [one.p_value for one in again.carried]
    back = np.arange(len(frame))[::-1]
    turned = search(frame.iloc[back].reset_index(drop=True), wrong[back], units=back, seed=3)
    assert names(turned) == names(first)


def test_noise_gives_nothing():
    assert not search(*planted(ratio=1.0)).reported


@pytest.mark.parametrize("rows", ["all", "none"])
def test_all_wrong_or_none_wrong_gives_nothing(rows):
    frame, _ = planted(rows=200)
    found = search(frame, np.full(200, rows == "all"))
    assert not found.carried
    assert not found.reported


def test_columns_that_say_nothing_do_no_harm():
    frame, wrong = planted()
    frame = frame.assign(constant="x", empty=np.nan, alone=[f"id{i}" for i in range(len(frame))])
    assert names(search(frame, wrong)) == ["c0=1 & c1=2"]
    assert not search(frame[["constant", "empty", "alone"]], wrong).carried
    assert not search(frame[[]], wrong).carried


def test_a_mask_is_searched_like_a_value():
    frame, _ = planted()
    tagged = np.random.default_rng(5).random(len(frame)) < 0.1
    wrong = np.random.default_rng(6).random(len(frame)) < np.where(tagged, 0.4, 0.1)
    columns = [*columns_of(frame), mask_column("blurry", (), tagged)]
    found = search_slices(columns, wrong, pd.Series(range(len(frame))), SearchPlan())
    assert names(found) == ["blurry"]
    assert found.reported[0].columns == ()


def test_an_excess_of_one_group_is_no_slice():
    """All errors of a=1 come from a few groups of 50 rows, which rows alone would not show."""
    groups = np.repeat(np.arange(80), 50)
    frame = pd.DataFrame({"a": (groups % 4 == 1).astype(int)})
    bad = np.isin(groups, [1, 5, 13, 33])
    wrong = np.random.default_rng(0).random(4000) < np.where(bad, 0.6, 0.1)
    assert names(search(frame, wrong)) == ["a=1"]
    assert not search(frame, wrong, units=groups).reported


def test_what_could_be_found():
    assert detectable_ratio((10, 10), 0.01, 0.1, 0.01, 0.01) is None
    assert detectable_ratio((100, 100), 0.1, 0.0, 0.01, 0.01) is None
    # One row a half: wrong at a rate r in both with r x r >= 0.8, r = 0.895 in steps of 0.0045.
    ratio = detectable_ratio((10, 10), 0.1, 0.1, 0.1, 0.1)
    assert ratio == pytest.approx(8.95, abs=0.05)
    smaller = detectable_ratio((10_000, 10_000), 0.02, 0.1, 40 / 5145, 0.1 / 60)
    assert smaller == pytest.approx(2.0, abs=0.1)


def test_overwhelming_evidence_still_names_the_crossing():
    """Both p values are too small for a float: the larger excess goes first, not the simpler."""
    members, wrong = rows_of(
        (20_000, 18_000, "ab"), (20_000, 2_000, "a"), (60_000, 6_000, ""), (1, 0, "b")
    )
    assert excess_p(members[0], wrong) == excess_p(members[1], wrong) == 0.0
    slices = [Description(members[0], 1, 0.005), Description(members[1], 2, 0.005)]
    assert simplest_descriptions(slices, wrong) == [1]


def test_the_excess_in_standard_deviations_by_hand():
    # 2 of 2 wrong, 0 of 2 outside: expected 1, variance 2 x 2 x 2 x 2 / (16 x 3) = 1/3.
    score = excess_score(mask(4, 0, 1), mask(4, 0, 1), np.zeros(4, dtype=int))
    assert score == pytest.approx(3**0.5)
