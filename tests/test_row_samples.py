"""Which rows stand for many: whole units, each class at its share, by seed and name."""

import numpy as np
import pandas as pd

from tasks.row_samples import sample_rows


def rows(count=10_000, rare=300, per_unit=1):
    """`rare` rows of class r, spread evenly, the others of class f; units of `per_unit` rows."""
    labels = pd.Series("f", index=range(count), dtype="str")
    labels.iloc[:: count // rare] = "r"
    units = pd.Series([f"u{place // per_unit:05d}" for place in range(count)])
    return labels, units


def test_few_rows_are_all_taken():
    labels, units = rows(1000, 100)
    assert sample_rows(labels, units, 1000, 0).all()


def test_each_class_keeps_its_share_and_a_rare_one_its_rows():
    labels, units = rows()
    drawn = labels[sample_rows(labels, units, 2_000, 0)].value_counts()
    # A fifth of the 9,696 frequent rows, rounded up; of the 304 rare ones 200 and not a fifth.
    assert drawn.to_dict() == {"f": 1_940, "r": 200}


def test_a_unit_is_drawn_whole_or_not_at_all():
    labels, units = rows(per_unit=7)
    drawn = pd.Series(sample_rows(labels, units, 2_000, 0))
    assert drawn.groupby(units).nunique().max() == 1
    assert 2_000 <= drawn.sum() < 2_600


def test_who_is_drawn_hangs_on_the_seed_and_not_on_the_order():
    labels, units = rows(per_unit=7)
    first = set(units[sample_rows(labels, units, 2_000, 0)])
    order = np.random.default_rng(1).permutation(len(labels))
    mixed = sample_rows(labels.iloc[order], units.iloc[order], 2_000, 0)
    assert set(units.iloc[order][mixed]) == first
    assert set(units[sample_rows(labels, units, 2_000, 1)]) != first


def test_most_stay_drawn_when_rows_come():
    labels, units = rows()
    before = set(units[sample_rows(labels, units, 2_000, 0)])
    more, more_units = rows(10_500, 315)
    after = set(more_units[sample_rows(more, more_units, 2_100, 0)])
    # The share is the same, and only the 500 new rows and the rounding can differ.
    assert len(before & after) > 0.85 * len(before)
