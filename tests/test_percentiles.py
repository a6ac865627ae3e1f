"""The ends of a bootstrap's interval."""

import math

import numpy as np
import pytest

from tasks.percentiles import percentiles


def test_the_ends_of_a_hundred_and_one_draws_lie_two_and_a_half_from_both_ends():
    assert percentiles(np.arange(101.0)) == ((2.5, 97.5), 0.0)
    assert percentiles(np.arange(101.0), (0.025, 0.5, 0.975)) == ((2.5, 50.0, 97.5), 0.0)


@pytest.mark.parametrize(("missing", "known"), [(0, True), (10, True), (11, False), (1000, False)])
def test_one_percent_may_be_undefined_and_no_more(missing, known):
    draws = np.ones(1000)
    draws[:missing] = math.nan
    (low, high), share = percentiles(draws)
    assert (math.isfinite(low), math.isfinite(high)) == (known, known)
    assert share == pytest.approx(missing / 1000)


def test_no_draws_have_no_ends():
    ends, share = percentiles(np.zeros(0))
    assert (np.isnan(ends).tolist(), share) == ([True, True], 1.0)
