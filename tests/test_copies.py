"""Copies of one example that noise, a number or spelling tells apart: found, and on one side."""

import numpy as np
import pandas as pd
import pytest

from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.splitting import split_rows
from tasks.splitting.copies import example_codes, recurring_codes
from tasks.splitting.near_rows import near_codes
from tasks.splitting.units import twin_codes


def roles(numeric=(), categorical=(), text=(), **more):
    given = {
        "target": "y", "positive_class": "yes", "numeric": tuple(numeric),
        "categorical": tuple(categorical), "text": tuple(text),
    }  # fmt: skip
    return Roles(**{**given, **more})


def table(numbers):
    columns = [f"f{place}" for place in range(numbers.shape[1])]
    frame = pd.DataFrame(numbers, columns=columns)
    frame.index = pd.Index([f"k{place:05d}" for place in range(len(frame))], name="row_key")
    return frame, roles(columns)


def groups(frame, given):
    codes = near_codes(frame, given)
    return sorted(np.bincount(codes).tolist(), reverse=True)


def noisy_copies(points, copies, columns, noise, seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.repeat(rng.normal(size=(points, columns)), copies, axis=0)
    return numbers + noise * rng.normal(size=numbers.shape)


class TestNearRows:
    @pytest.mark.parametrize("noise", [1e-9, 1e-6, 1e-4, 1e-3])
    @pytest.mark.parametrize("columns", [3, 5, 12])
    def test_noisy_copies_are_found_whatever_the_noise(self, columns, noise):
        assert groups(*table(noisy_copies(180, 5, columns, noise))) == [5] * 180

    def test_rounded_copies_are_found(self):
        assert groups(*table(noisy_copies(180, 5, 5, 1e-3).round(3))) == [5] * 180

    def test_a_hundred_copies_of_one_point_are_one_group(self):
        assert groups(*table(noisy_copies(10, 100, 5, 1e-4))) == [100] * 10

    @pytest.mark.parametrize("columns", [1, 2, 3, 5, 10])
    def test_measurements_of_their_own_are_hardly_ever_joined(self, columns):
        frame, given = table(np.random.default_rng(1).normal(size=(2000, columns)))
        assert 2000 - len(groups(frame, given)) <= 10

    @pytest.mark.parametrize("levels", [2, 10, 100])
    def test_counts_and_codes_are_not_joined(self, levels):
        numbers = np.random.default_rng(2).integers(0, levels, (2000, 3)).astype("float64")
        frame, given = table(numbers)
        assert len(groups(frame, given)) == len(frame.drop_duplicates())

    def test_another_category_or_a_missing_cell_keeps_rows_apart(self):
        frame, given = table(noisy_copies(50, 2, 4, 1e-6))
        frame["c"] = pd.Series(["u", "v"] * 50, dtype="str", index=frame.index)
        assert groups(frame, roles(given.numeric, ["c"])) == [1] * 100
        frame.iloc[::2, 0] = np.nan
        assert groups(frame, given) == [1] * 100

    def test_order_of_rows_does_not_matter(self):
        frame, given = table(noisy_copies(30, 3, 4, 1e-5))
        turned = frame.iloc[::-1]
        there, back = near_codes(frame, given), near_codes(turned, given)[::-1]
        assert pd.Series(there).groupby(back).nunique().max() == 1

    def test_texts_that_differ_in_case_or_a_letter_are_near(self):
        said = ["the parcel came late and was wet", "The parcel came late, and was WET!",
                "the parcel came late and was wett", "a tie of silk in a box of card"]  # fmt: skip
        frame = pd.DataFrame({"t": pd.Series(said, dtype="str")})
        assert groups(frame, roles(text=["t"])) == [3, 1]

    def test_without_features_every_row_is_alone(self):
        frame, _ = table(np.zeros((4, 1)))
        assert near_codes(frame, roles()).tolist() == [0, 1, 2, 3]


class TestExamples:
    def codes(self, frame, given, find=example_codes):
        return find(frame, given, twin_codes(frame, given.features)).tolist()

    def test_copies_told_apart_by_one_number_are_one_example(self):
        numbers = np.repeat(np.random.default_rng(0).normal(size=(40, 4)), 3, axis=0)
        frame, given = table(np.column_stack([numbers, np.arange(120) * 7.5]))
        codes = self.codes(frame, given)
        assert len(set(codes)) == 40
        assert codes[0] == codes[1] == codes[2] != codes[3]

    def test_few_values_that_differ_in_one_number_are_several_examples(self):
        numbers = np.random.default_rng(0).integers(0, 4, (200, 4)).astype("float64")
        frame, given = table(np.column_stack([numbers, np.arange(200.0)]))
        assert len(set(self.codes(frame, given))) == 200

    def test_equal_rows_of_few_values_recur_by_themselves(self):
        frame, given = table(np.ones((6, 4)))
        assert len(set(self.codes(frame, given, recurring_codes))) == 6
        assert len(set(self.codes(frame, given))) == 1

    def test_equal_measurements_do_not_recur(self):
        frame, given = table(np.repeat(np.random.default_rng(0).normal(size=(50, 3)), 2, axis=0))
        assert len(set(self.codes(frame, given, recurring_codes))) == 50

    def test_an_empty_table_has_none(self):
        frame, given = table(np.ones((0, 4)))
        assert self.codes(frame, given) == self.codes(frame, given, recurring_codes) == []


class TestSides:
    PROJECT = Project.model_validate(
        {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes"}
    )

    def labelled(self, numbers):
        frame, given = table(numbers)
        rng = np.random.default_rng(5)
        return frame.assign(y=pd.Series(rng.choice(["yes", "no"], len(frame)), dtype="str",
                                        index=frame.index)), given  # fmt: skip

    def divide(self, frame, given, assigned=None):
        result = split_rows(frame, given, self.PROJECT.split, assigned)
        return result, result.outputs["split"]

    def check(self, result, what):
        return next(found for found in result.checks if found.id == f"splitting.{what}")

    def test_copies_share_a_unit_and_a_side(self):
        frame, given = self.labelled(noisy_copies(180, 5, 5, 1e-6))
        result, split = self.divide(frame, given)
        assert split["unit"].nunique() == 180
        point = np.repeat(np.arange(180), 5)
        assert split.groupby(point)["side"].nunique().max() == 1
        found = self.check(result, "no_copy_crosses")
        assert (found.outcome, found.severity, found.value) == ("passed", "critical", 0)
        assert found.detail.startswith("900 of 900 rows hold 180 examples several times")

    def test_a_copy_that_comes_later_joins_the_unit_that_is_there(self):
        numbers = noisy_copies(100, 2, 5, 1e-6)
        frame, given = self.labelled(numbers)
        first, before = self.divide(frame.iloc[::2], given)
        _, after = self.divide(frame, given, first.outputs["assignments"])
        # The rows that were there have their side and their unit, and the new ones the same.
        pd.testing.assert_frame_equal(after.iloc[::2], before)
        assert after["side"].to_numpy()[1::2].tolist() == before["side"].tolist()
        assert after["unit"].to_numpy()[1::2].tolist() == before["unit"].tolist()
        # And they stay where they are when the first go.
        second, _ = self.divide(frame, given, first.outputs["assignments"])
        _, alone = self.divide(frame.iloc[1::2], given, second.outputs["assignments"])
        assert alone["side"].tolist() == before["side"].tolist()

    def test_copies_that_were_stored_on_two_sides_leave_the_later_one(self):
        frame, given = self.labelled(noisy_copies(100, 2, 5, 1e-6))
        even, first = self.divide(frame.iloc[::2], given)
        odd, other = self.divide(frame.iloc[1::2], given)
        stored = pd.concat([even.outputs["assignments"], odd.outputs["assignments"]])
        result, split = self.divide(frame, given, stored)
        # No row changes its side; of a pair on two sides the row of the later one is left out.
        alone = pd.concat([first, other])["side"]
        assert (split["side"] == alone.reindex(split.index)).all()
        ranks = alone.map({"train": 0, "dev": 1, "test": 2}).reindex(frame.index).to_numpy()
        crossing = int((ranks[::2] != ranks[1::2]).sum())
        assert crossing > 10
        assert len(frame) - len(split) == crossing
        found = self.check(result, "later_copies")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", crossing)
        assert self.check(result, "no_copy_crosses").outcome == "passed"

    def test_copies_in_two_groups_leave_the_later_side(self):
        frame, given = self.labelled(noisy_copies(100, 2, 5, 1e-6))
        frame["g"] = pd.Series([f"g{place % 40}" for place in range(200)], dtype="str",
                               index=frame.index)  # fmt: skip
        grouped = Project.model_validate(
            {**self.PROJECT.model_dump(), "split": {"by": "group", "column": "g"}}
        )
        result = split_rows(frame, roles(given.numeric, group="g"), grouped.split, None)
        assert self.check(result, "no_copy_crosses").outcome == "passed"
        assert self.check(result, "later_copies").value == result.facts["left_out"] > 0
        point = pd.Series(np.repeat(np.arange(100), 2), index=frame.index)
        split = result.outputs["split"]
        assert split.groupby(point.loc[split.index])["side"].nunique().max() == 1
