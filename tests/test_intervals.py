"""Intervals and tests: published numbers, and independent root finding."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, norm

from tasks.intervals import (
    difference_of_rates,
    holm,
    katz,
    mcnemar_exact,
    newcombe,
    ratio_of_rates,
    tango,
    tango_statistic,
    wilson,
)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (1, 0)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="successes of"):
        wilson(successes, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(1, 2, level)


@pytest.mark.parametrize(("b", "c", "n"), [(-1, 0, 10), (6, 5, 10)])
def test_tango_refuses_impossible_counts(b, c, n):
    with pytest.raises(ValueError, match="discordant rows of"):
        tango(b, c, n)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="must lie in"):
        holm([0.5, p])


def test_without_rows_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)
    assert tango(0, 0, 0) == (-1.0, 1.0)
    assert newcombe(0, 0, 1, 2) == (-1.0, 1.0)
    assert katz(1, 2, 0, 0) == (0.0, math.inf)
    assert math.isnan(difference_of_rates(0, 0, 1, 2).value)
    assert math.isnan(ratio_of_rates(1, 2, 0, 0).value)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 20), (44, 48), (81, 263), (20, 20)])
def test_wilson_is_scipys(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_published_example():
    # Newcombe 1998 (873), table I: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(
    ("b", "c", "n", "level", "expected"),
    [
        # Airway hyper-responsiveness (Bentur 2009), in Fagerland, Lydersen and Laake 2014.
        (1, 7, 21, 0.95, (-0.517, -0.026)),
        # Soft contact lenses: Tango 1998.
        (0, 1, 44, 0.90, (-0.096, 0.037)),
    ],
)
def test_tango_of_published_examples(b, c, n, level, expected):
    assert tango(b, c, n, level) == pytest.approx(expected, abs=5e-4)


def constrained_statistic(b, c, n, delta):
    """The score statistic with the nuisance rate found by maximising the likelihood."""

    def minus_log_likelihood(rate_c):
        rates = (rate_c + delta, rate_c, 1 - 2 * rate_c - delta)
        counts = (b, c, n - b - c)
        return -sum(k * math.log(max(r, 1e-300)) for k, r in zip(counts, rates, strict=True) if k)

    lowest, highest = max(0.0, -delta), (1 - delta) / 2
    rate_c = minimize_scalar(
        minus_log_likelihood, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-14}
    ).x
    return (b - c - n * delta) / math.sqrt(n * (2 * rate_c + delta - delta**2))


@pytest.mark.parametrize(
    ("b", "c", "n"), [(1, 7, 21), (16, 6, 161), (40, 20, 160), (3, 0, 30), (70, 20, 90)]
)
def test_tango_is_where_the_constrained_score_test_turns(b, c, n):
    low, high = tango(b, c, n)
    value = (b - c) / n
    z = norm.ppf(0.975)
    expected_low = brentq(
        lambda d: constrained_statistic(b, c, n, d) - z, -0.999, value - 1e-9, xtol=1e-12
    )
    assert low == pytest.approx(expected_low, abs=1e-5)
    if value < 0.999:
        expected_high = brentq(
            lambda d: constrained_statistic(b, c, n, d) + z, value + 1e-9, 0.999999, xtol=1e-12
        )
        assert high == pytest.approx(expected_high, abs=1e-5)


def test_tango_without_discordant_rows_has_a_closed_form():
    z2 = norm.ppf(0.975) ** 2
    limit = z2 / (100 + z2)
    assert tango(0, 0, 100) == pytest.approx((-limit, limit), abs=1e-12)


def test_tango_turns_with_the_models():
    low, high = tango(12, 5, 80)
    assert tango(5, 12, 80) == pytest.approx((-high, -low), abs=1e-12)


def test_tango_statistic_falls_through_zero_at_the_observed_difference():
    values = [tango_statistic(12, 5, 80, delta) for delta in np.linspace(-0.9, 0.9, 19)]
    assert values == sorted(values, reverse=True)
    assert tango_statistic(12, 5, 80, 7 / 80) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (1, 7), (6, 16), (10, 10), (400, 350)])
def test_mcnemar_is_the_binomial_test(b, c):
    assert mcnemar_exact(b, c) == pytest.approx(min(1.0, binomtest(b, b + c).pvalue), rel=1e-9)


def test_mcnemar_without_discordant_rows_is_1():
    assert mcnemar_exact(0, 0) == 1.0


def test_newcombe_of_published_examples():
    # Newcombe 1998 (873), table II, method 10, cases (a) and (g).
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)


def test_katz_by_hand():
    # log(0.5 / 0.25) -+ 1.96 * sqrt(1/10 - 1/20 + 1/5 - 1/20)
    spread = 1.959963984540054 * math.sqrt(0.2)
    assert katz(10, 20, 5, 20) == pytest.approx((2 * math.exp(-spread), 2 * math.exp(spread)))
    assert ratio_of_rates(10, 20, 5, 20).value == 2.0


def test_katz_without_a_success_is_open_on_that_side():
    low, high = katz(0, 20, 5, 20)
    assert low == 0.0
    # (0.5 / 20.5) / (5.5 / 20.5) = 1 / 11, times exp(1.96 sqrt(2 + 2/11 - 2/20.5))
    assert high == pytest.approx(1.53987, abs=1e-5)
    low, high = katz(5, 20, 0, 20)
    assert low > 0.5
    assert high == math.inf
    assert math.isnan(ratio_of_rates(5, 20, 0, 20).value)
    assert katz(0, 20, 0, 20) == (0.0, math.inf)


def test_a_gap_names_the_smaller_group():
    gap = difference_of_rates(56, 70, 48, 80)
    assert gap.value == pytest.approx(0.2)
    assert (gap.n, gap.method) == (70, "newcombe")


def test_holm_by_hand():
    # sorted 0.01 x 4, 0.02 x 3, 0.03 x 2 -> not below 0.06, 0.5 x 1
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
