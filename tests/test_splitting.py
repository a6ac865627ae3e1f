"""The split: units that stay together, sides that stay put, checks that look at the result."""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.splitting import judging_units, split_rows

ROLES = Roles(target="y", positive_class="yes", numeric=("a",), categorical=("c",), key="id")


def roles(**more):
    return Roles.from_facts({**ROLES.to_facts(), **more})


def project(**split):
    return Project.model_validate(
        {"name": "p", "source": "s.csv", "target": "y", "positive_class": "yes", "split": split}
    )


def rows(n, keys=None, **columns):
    values = {
        "a": np.arange(n, dtype="float64"),
        "c": pd.Series(["u", "v"] * n, dtype="str")[:n],
        "y": pd.Series(["yes", "no"] * n, dtype="str")[:n],
        **columns,
    }
    frame = pd.DataFrame(values)
    frame.index = pd.Index(keys or [f"k{place}" for place in range(1, n + 1)], name="row_key")
    return frame


def divide(frame, assigned=None, roles=ROLES, **split):
    return split_rows(frame, roles, project(**split).split, assigned)


def sides(result):
    return result.outputs["split"]["side"].to_dict()


def units(result):
    return result.outputs["split"]["unit"].to_dict()


def check(result, what):
    return next(found for found in result.checks if found.id == f"splitting.{what}")


class TestByKey:
    def test_sides_are_those_of_the_published_rule(self):
        # With sha256sum: unit = sha256("key\0k1"), point = sha256("1\0" + unit) / 2**256:
        # 0.513, 0.252, 0.105, 0.699, 0.825, cut at 0.6 and 0.8.
        result = divide(rows(5))
        assert sides(result) == {
            "k1": "train",
            "k2": "train",
            "k3": "train",
            "k4": "dev",
            "k5": "test",
        }
        assert units(result)["k1"] == (
            "be65662fb87493fba65bf7368779221492fed62062059383796845f44bd9a136"
        )

    def test_epoch_draws_anew(self):
        # 0.311, 0.151, 0.830, 0.531, 0.108.
        found = list(sides(divide(rows(5), epoch=2)).values())
        assert found == ["train", "train", "test", "train", "train"]

    def test_shares_are_about_those_declared(self):
        facts = divide(rows(5000), train=0.5, dev=0.3, test=0.2).facts["rows"]
        # Four standard deviations of a binomial of 5000.
        assert abs(facts["train"] - 2500) < 142
        assert abs(facts["dev"] - 1500) < 130
        assert abs(facts["test"] - 1000) < 114

    def test_label_moves_no_row(self):
        relabelled = rows(50, y=pd.Series(["no"] * 49 + ["yes"], dtype="str"))
        assert sides(divide(rows(50))) == sides(divide(relabelled))

    def test_order_of_rows_and_columns_moves_no_row(self):
        frame = rows(50, a=[1.0, 1.0] * 25)
        turned = frame.iloc[::-1, ::-1]
        assert units(divide(frame)) == units(divide(turned, roles=roles(numeric=["a"])))

    def test_new_rows_move_no_row(self):
        few, many = sides(divide(rows(50))), sides(divide(rows(100)))
        assert {key: many[key] for key in few} == few

    def test_with_a_declared_key_a_corrected_feature_moves_no_row(self):
        before, after = rows(50), rows(50, a=np.arange(50) + 0.5)
        assert sides(divide(before)) == sides(divide(after))

    def test_made_keys_lose_their_occurrence_number(self):
        frame = rows(3, keys=["ab-0", "ab-1", "cd-0"])
        found = units(divide(frame, roles=roles(key=None, key_columns=["b"])))
        assert found["ab-0"] == found["ab-1"] != found["cd-0"]

    def test_declared_keys_are_taken_as_they_are(self):
        found = units(divide(rows(2, keys=["ab-0", "ab-1"])))
        assert found["ab-0"] != found["ab-1"]


class TestTwins:
    def test_rows_equal_in_all_features_share_a_unit(self):
        frame = rows(40, a=[float(place // 2) for place in range(40)], c=["u"] * 40)
        result = divide(frame)
        assert result.outputs["split"]["unit"].nunique() == 20
        found = check(result, "no_duplicate_crosses")
        assert (found.outcome, found.value) == ("passed", 0)
        assert found.detail == "20 examples occur more than once, each on one side only."

    def test_width_of_the_type_does_not_matter(self):
        frame = rows(4, a=np.array([1, 1, 2, 2]), c=["u"] * 4)
        wide = frame.astype({"a": "float64"})
        small = frame.astype({"a": "int8"})
        assert units(divide(frame)) == units(divide(wide)) == units(divide(small))

    def test_missing_equals_missing_and_minus_zero_zero(self):
        frame = rows(4, a=[np.nan, np.nan, 0.0, -0.0], c=pd.Series([None] * 4, dtype="str"))
        found = units(divide(frame))
        assert found["k1"] == found["k2"] != found["k3"] == found["k4"]

    def test_cells_do_not_run_into_each_other(self):
        columns = {"b": ["x", "xy", "x", "xy"], "c": ["yz", "z", "yz", "z"]}
        frame = rows(4, a=[1.0] * 4, **{n: pd.Series(v, dtype="str") for n, v in columns.items()})
        found = units(divide(frame, roles=roles(categorical=["b", "c"])))
        assert found["k1"] == found["k3"] != found["k2"] == found["k4"]

    def test_without_features_nothing_is_equal(self):
        result = divide(rows(6), roles=roles(numeric=[], categorical=[]))
        assert result.outputs["split"]["unit"].nunique() == 6

    def test_no_repeated_example_is_said(self):
        assert check(divide(rows(6)), "no_duplicate_crosses").detail == (
            "No two of the 6 rows are equal in all features."
        )

    def test_check_looks_at_the_result(self):
        twins = pd.Series([0, 0, 1, 1], index=list("pqrs"))
        bad = pd.Series(["train", "test", "dev", "dev"], index=list("pqrs"))
        found = judging_units.twin_check(twins, bad, by="key")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1)
        assert found.detail == "1 of 2 repeated examples are on several sides."

    def test_unit_check_looks_at_the_result(self):
        bad = pd.DataFrame({"unit": ["u", "u", "v"], "side": ["train", "test", "dev"]})
        found = judging_units.unit_check(bad)
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1)


class TestStoredSides:
    def test_stored_side_is_kept_against_the_hash(self):
        first = divide(rows(5))
        stored = first.outputs["assignments"].copy()
        stored["side"] = "test"
        result = divide(rows(5), assigned=stored)
        assert set(sides(result).values()) == {"test"}
        found = check(result, "kept_sides")
        assert (found.outcome, found.value, found.n) == ("passed", 0, 5)

    def test_nothing_stored_is_not_applicable(self):
        found = check(divide(rows(5)), "kept_sides")
        assert (found.outcome, found.severity) == ("not_applicable", "info")

    def test_other_shares_move_known_rows_no_more(self):
        first = divide(rows(100))
        again = divide(
            rows(100), assigned=first.outputs["assignments"], train=0.2, dev=0.2, test=0.6
        )
        assert sides(again) == sides(first)

    def test_row_keeps_its_side_when_a_twin_comes_and_goes(self):
        frame = rows(30)
        first = divide(frame)
        twins = frame.copy()
        twins.index = pd.Index([f"new{place}" for place in range(30)], name="row_key")
        both = divide(pd.concat([frame, twins]), assigned=first.outputs["assignments"])
        known = sides(first)
        assert {key: side for key, side in sides(both).items() if key in known} == known
        # The twins are where the known rows are, and stay there when those go.
        alone = divide(twins, assigned=both.outputs["assignments"])
        assert list(sides(alone).values()) == list(known.values())

    def test_rows_that_become_equal_meet_in_train(self):
        frame = rows(5)
        first = divide(frame)
        # k1 is in train, k5 in test: a model may have seen what k5 now holds.
        frame.loc["k5", ["a", "c"]] = frame.loc["k1", ["a", "c"]].to_numpy()
        result = divide(frame, assigned=first.outputs["assignments"])
        assert sides(result)["k1"] == sides(result)["k5"] == "train"
        found = check(result, "kept_sides")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 1)

    def test_assignments_are_only_added_to(self):
        first = divide(rows(5)).outputs["assignments"]
        second = divide(rows(8), assigned=first).outputs["assignments"]
        assert list(second.columns) == ["unit", "side"]
        assert second["unit"].is_unique
        pd.testing.assert_frame_equal(second.iloc[:5], first)
        gone = divide(rows(2), assigned=second).outputs["assignments"]
        pd.testing.assert_frame_equal(gone, second)


class TestByGroup:
    GROUPED = roles(group="g")

    def divide(self, frame, assigned=None):
        return divide(frame, assigned, roles=self.GROUPED, by="group", column="g")

    def test_a_group_is_on_one_side(self):
        groups = pd.Series([f"g{place % 12}" for place in range(60)], dtype="str")
        result = self.divide(rows(60, g=groups))
        assert result.outputs["split"]["unit"].nunique() == 12
        assert check(result, "no_unit_crosses").outcome == "passed"

    def test_twins_in_different_groups_may_cross_with_a_warning(self):
        groups = pd.Series([f"g{place}" for place in range(40)], dtype="str")
        result = self.divide(rows(40, g=groups, a=[1.0] * 40, c=["u"] * 40))
        found = check(result, "no_duplicate_crosses")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 1)
        assert "because their groups are" in found.detail

    def test_numbers_of_any_width_name_the_same_group(self):
        whole = rows(6, g=[1, 1, 2, 2, 3, 3])
        assert units(self.divide(whole)) == units(self.divide(whole.astype({"g": "float64"})))

    def test_rows_without_a_group_are_on_their_own(self):
        result = self.divide(rows(4, g=pd.Series(["x", "x", None, None], dtype="str")))
        assert result.outputs["split"]["unit"].nunique() == 3


class TestByTime:
    TIMED = roles(time="t")

    def divide(self, frame, assigned=None, **split):
        split = {"by": "time", "column": "t", **split}
        return divide(frame, assigned, roles=self.TIMED, **split)

    def days(self, *numbers):
        return pd.to_datetime("2024-01-01") + pd.to_timedelta(list(numbers), unit="D")

    def test_earliest_rows_train_and_latest_test(self):
        frame = rows(10, t=self.days(9, 8, 7, 6, 5, 4, 3, 2, 1, 0))
        assert (
            list(sides(self.divide(frame)).values()) == ["test"] * 2 + ["dev"] * 2 + ["train"] * 6
        )

    def test_rows_of_the_same_time_stay_on_the_earlier_side(self):
        frame = rows(10, t=self.days(0, 1, 2, 3, 4, 5, 5, 5, 8, 9))
        found = list(sides(self.divide(frame)).values())
        assert found == ["train"] * 8 + ["test"] * 2
        assert check(self.divide(frame), "sides:dev").outcome == "failed"

    def test_rows_that_a_table_of_few_values_repeats_are_kept_and_said(self):
        values = [0.0, 1, 2, 3, 4, 5, 0, 7, 8, 0]
        frame = rows(10, t=self.days(*range(10)), a=values, c=["u"] * 10)
        result = self.divide(frame)
        # The seventh row (dev) and the last (test) equal the first.
        assert len(result.outputs["split"]) == 10
        found = check(result, "no_duplicate_crosses")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 1)
        assert found.detail.startswith("50.0% of dev and 50.0% of test equal an earlier row")
        assert check(result, "later_copies").outcome == "passed"

    def test_few_repeats_are_no_warning(self):
        # 1 of the 20 test rows (5 %) equals an earlier row.
        frame = rows(100, t=self.days(*range(100)), a=[*range(99), 0.0], c=["u"] * 100)
        found = check(self.divide(frame), "no_duplicate_crosses")
        assert (found.outcome, found.severity, found.value) == ("passed", "info", 1)
        assert found.detail.startswith("0.0% of dev and 5.0% of test equal an earlier row")

    def measured(self, n, seed=0):
        """Rows of three measurements, whose digits do not come back, day by day."""
        numbers = np.random.default_rng(seed).normal(size=(3, n))
        return rows(
            n, t=self.days(*range(n)), c=["u"] * n, **dict(zip("abd", numbers, strict=True))
        )

    @pytest.mark.parametrize("noise", [0.0, 1e-6])
    def test_later_copies_of_measurements_are_left_out_and_counted(self, noise):
        frame = self.measured(100)
        # The first two rows (yes, no) come again as the last two of test, which has 20 rows.
        first = frame.loc[["k1", "k3"], list("abd")].to_numpy()
        frame.loc[["k98", "k100"], list("abd")] = first + noise
        timed = roles(time="t", numeric=list("abd"))
        result = divide(frame, roles=timed, by="time", column="t")
        assert {*frame.index} - {*result.outputs["split"].index} == {"k98", "k100"}
        found = check(result, "later_copies")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 2)
        # k98 and k100 are of class no: 10 of 20 before, 8 of 18 after.
        assert found.detail == (
            "0 dev and 2 test rows are copies of an earlier row (equal or nearly so, to digits "
            "that do not come back) and were left out; no is 44.4% of test by that, and was 50.0%."
        )
        assert list(result.tables["left_out"].frame["copy_of"]) == ["k1", "k3"]
        assert result.facts["left_out"] == 2
        assert check(result, "no_copy_crosses").outcome == "passed"

    def test_copies_on_one_side_are_kept(self):
        frame = rows(10, t=self.days(*range(10)), a=[0.0, 0, 2, 3, 4, 5, 6, 7, 8, 9], c=["u"] * 10)
        assert len(self.divide(frame).outputs["split"]) == 10

    def test_row_without_a_time_blocks(self):
        frame = rows(10, t=pd.Series([pd.NaT, *self.days(*range(9))]))
        result = self.divide(frame)
        found = check(result, "times")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1)
        assert found.detail == "1 of 10 rows have no `t` and so no side."
        assert "k1" not in result.outputs["split"].index

    def test_no_time_at_all_blocks_and_does_not_raise(self):
        result = self.divide(rows(4, t=pd.Series([pd.NaT] * 4)))
        assert result.outcome == "blocked"
        assert result.facts["rows"] == {"train": 0, "dev": 0, "test": 0}

    def test_words_are_no_times(self):
        result = self.divide(rows(4, t=pd.Series(list("abcd"), dtype="str")))
        assert "holds words" in check(result, "times").detail
        assert result.outcome == "blocked"

    def test_numbers_are_times(self):
        frame = rows(10, t=np.arange(10))
        assert self.divide(frame).facts["rows"] == {"train": 6, "dev": 2, "test": 2}

    def test_borders_stay_when_new_rows_arrive(self):
        first = self.divide(rows(10, t=self.days(*range(10))))
        times = self.days(*range(10), 20, 21, 22, 4)
        later = self.divide(rows(14, t=times), first.outputs["assignments"])
        found = list(sides(later).values())
        assert found[:10] == ["train"] * 6 + ["dev"] * 2 + ["test"] * 2
        assert found[10:] == ["test", "test", "test", "train"]


SHARES = {"train": 0.1, "dev": 0.1, "test": 0.8}


class TestOtherShares:
    def test_hold_for_new_units_only(self):
        first = divide(rows(100))
        later = divide(rows(200), first.outputs["assignments"], **SHARES)
        assert list(sides(later).values())[:100] == list(sides(first).values())
        drawn = sides(divide(rows(200), **SHARES))
        assert list(sides(later).values())[100:] == list(drawn.values())[100:]
        assert check(later, "kept_sides").detail == (
            "100 of 100 known rows kept their side, whatever the shares are; 100 rows are new."
        )

    def test_hold_for_no_row_by_time(self):
        by = {"by": "time", "column": "t"}
        first = divide(rows(10, t=np.arange(10)), roles=roles(time="t"), **by)
        later = divide(
            rows(14, t=np.arange(14)),
            first.outputs["assignments"],
            roles(time="t"),
            **by,
            **SHARES,
        )
        assert list(sides(later).values()) == ["train"] * 6 + ["dev"] * 2 + ["test"] * 6


class TestSides:
    def labelled(self, labels, **more):
        frame = rows(5, y=pd.Series(labels, dtype="str"))
        return divide(frame, roles=roles(**more))

    def test_all_classes_everywhere(self):
        result = divide(rows(200))
        for side in ("train", "dev", "test"):
            assert check(result, f"sides:{side}").outcome == "passed"
        assert result.outcome == "passed"

    def test_empty_side_blocks(self):
        result = divide(rows(5).loc[["k1", "k2", "k3"]])
        for side in ("dev", "test"):
            found = check(result, f"sides:{side}")
            assert (found.outcome, found.severity, found.n) == ("failed", "critical", 0)
        assert "test has no row" in check(result, "sides:test").detail

    def test_with_two_classes_a_side_needs_both(self):
        found = check(self.labelled(["yes", "no", "no", "no", "no"]), "sides:test")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1)
        assert "all of them are no: on one class nothing can be measured" in found.detail

    def test_with_more_classes_a_gap_in_test_is_a_warning(self):
        # 200 rows of three classes, none of z in test.
        frame = rows(200, y=pd.Series([*"xyz"] * 67, dtype="str")[:200])
        placed = pd.Series(sides(divide(frame)))
        frame.loc[(placed == "test") & (frame["y"] == "z"), "y"] = "x"
        result = divide(frame, roles=roles(positive_class=None))
        found = check(result, "sides:test")
        assert (found.severity, found.outcome, found.value) == ("warning", "failed", 1)
        assert "none of them z; more rows of it are needed" in found.detail
        assert "labels.rare_classes: merge makes one class of those with few rows" in found.detail
        assert check(result, "sides:train").outcome == "passed"

    @pytest.mark.parametrize("side", ["dev", "test"])
    def test_a_side_of_one_class_is_refused_whatever_the_number_of_classes(self, side):
        frame = rows(200, y=pd.Series([*"xyz"] * 67, dtype="str")[:200])
        placed = pd.Series(sides(divide(frame)))
        frame.loc[placed == side, "y"] = "y"
        result = divide(frame, roles=roles(positive_class=None))
        found = check(result, f"sides:{side}")
        assert (found.severity, found.outcome, found.value) == ("critical", "failed", 2)
        assert "all of them are y: on one class nothing can be measured" in found.detail
        assert "It has no row of x, z" in found.detail
        assert result.outcome == "blocked"

    def test_class_that_train_lacks_blocks(self):
        result = self.labelled(["x", "x", "x", "z", "y"], positive_class=None)
        found = check(result, "sides:train")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 2)

    def test_class_shares_that_differ_beyond_chance_are_a_warning(self):
        frame = rows(1000)
        placed = pd.Series(sides(divide(frame)))
        test = frame.index[placed == "test"]
        # Half of the rows are yes; of test's after this nine in ten, which chance never does.
        frame.loc[test, "y"] = ["no" if place % 10 == 0 else "yes" for place in range(len(test))]
        found = check(divide(frame), "class_shares")
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert "more than chance does" in found.detail
        same = check(divide(rows(1000)), "class_shares")
        assert (same.outcome, same.severity) == ("passed", "info")

    def test_a_side_that_misses_its_share_is_a_warning(self):
        result = divide(rows(100, g=["big"] * 70 + [f"g{place}" for place in range(30)]),
                        roles=roles(group="g"), by="group", column="g")  # fmt: skip
        found = check(result, "side_shares")
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert "and 60%, 20%, 20% are declared; groups of many rows do that" in found.detail
        assert check(divide(rows(1000)), "side_shares").outcome == "passed"
        assert check(divide(rows(5).iloc[:0]), "side_shares").outcome == "not_applicable"

    def test_a_unit_of_a_tenth_of_a_side_is_a_warning(self):
        # The 12 equal rows are more than a tenth of any side of 112 rows but train's, if there.
        frame = rows(100, a=[*range(88), *[-1.0] * 12], c=["u"] * 100)
        found = check(divide(frame), "largest_unit")
        assert (found.outcome, found.severity) == ("failed", "warning")
        single = check(divide(rows(100)), "largest_unit")
        assert (single.outcome, single.detail) == (
            "passed",
            "No two rows belong together; each is a unit of its own.",
        )
        assert check(divide(rows(5).iloc[:0]), "largest_unit").outcome == "not_applicable"

    def test_an_empty_side_names_the_cause(self):
        two = rows(10, t=[1.0] * 5 + [2.0] * 5)
        found = check(divide(two, roles=roles(time="t"), by="time", column="t"), "sides:test")
        assert found.detail.startswith(
            "test has no row: `t` has 2 distinct times, and three sides need at least three"
        )
        heap = rows(10, t=[1.0, *[2.0] * 8, 3.0])
        found = check(divide(heap, roles=roles(time="t"), by="time", column="t"), "sides:dev")
        assert "too many of the 3 distinct times of `t` hold most of the rows" in found.detail
        groups = rows(10, g=["x"] * 5 + ["y"] * 5)
        result = divide(groups, roles=roles(group="g"), by="group", column="g")
        empty = [one for one in result.checks if one.id.startswith("splitting.sides") and not one.n]
        assert "`g` has 2 distinct groups, and three sides need at least three" in empty[0].detail

    def test_shares_of_the_positive_class(self):
        # train: k1, k2 and k3; dev: k4; test: k5.
        found = check(self.labelled(["yes", "no", "yes", "no", "yes"]), "class_shares")
        assert (found.outcome, found.severity, found.value) == ("passed", "info", 1.0)
        assert found.detail == "y = yes: train 66.7%, dev 0.0%, test 100.0%."

    def test_empty_table_blocks_and_does_not_raise(self):
        result = divide(rows(5).iloc[:0])
        assert result.outcome == "blocked"
        assert check(result, "class_shares").outcome == "not_applicable"

    def test_table_counts_rows_by_side_and_class(self):
        frame = self.labelled(["yes", "no", "yes", "no", "yes"]).tables["sides"].frame
        counts = {(side, label): n for side, label, n, _ in frame.itertuples(index=False)}
        assert counts == {
            ("train", "no"): 1,
            ("train", "yes"): 2,
            ("dev", "no"): 1,
            ("dev", "yes"): 0,
            ("test", "no"): 0,
            ("test", "yes"): 1,
        }


class TestPeople:
    def found(self, name, values, **more):
        frame = rows(60, **{name: values})
        checks = divide(frame, **more).checks
        return [one for one in checks if one.id == "splitting.undeclared_groups"]

    def test_rows_of_one_person_ask_for_a_split_by_group(self):
        (found,) = self.found("PatientId", [place // 3 for place in range(60)])
        assert (found.outcome, found.severity, found.value, found.n) == ("failed", "warning", 3, 60)
        assert found.detail.startswith("`PatientId` has 20 values in 60 rows")
        assert found.detail.endswith("Declare split: {by: group, column: PatientId}.")

    def test_one_row_each_few_values_and_other_names_ask_for_nothing(self):
        assert not self.found("patient_id", list(range(60)))
        assert not self.found("patient", [place % 5 for place in range(60)])
        assert not self.found("weight", [place // 3 for place in range(60)])

    def test_a_declared_group_is_not_asked_for_again(self):
        patients = [place // 3 for place in range(60)]
        more = {"roles": roles(group="patient"), "by": "group", "column": "patient"}
        assert not self.found("patient", patients, **more)


class TestFacts:
    def test_test_version_follows_the_test_labels_only(self):
        before = divide(rows(5)).facts
        train = rows(5)
        train.loc["k1", "y"] = "no"
        assert divide(train).facts["test_version"] == before["test_version"]
        test = rows(5)
        test.loc["k5", "y"] = "no"
        after = divide(test).facts
        assert after["test_version"] != before["test_version"]
        assert after["test_rule"] == before["test_rule"]
        assert divide(rows(5), epoch=2).facts["test_rule"] != before["test_rule"]

    def test_what_moves_no_unit_makes_no_new_test_version(self):
        first = divide(rows(50))
        assigned = first.outputs["assignments"]
        for change in (SHARES, {"column": "c"}, {"by": "key", "column": "a"}):
            later = divide(rows(50), assigned, **change)
            assert sides(later) == sides(first)
            assert later.facts["test_rule"] == first.facts["test_rule"]
            assert later.facts["test_version"] == first.facts["test_version"]

    def test_another_rule_makes_a_new_test_version(self):
        frame = rows(50, t=np.arange(50), g=np.arange(50) % 20, h=np.arange(50) % 19)
        rules = [
            ({}, {}),
            ({"epoch": 2}, {}),
            ({"by": "group", "column": "g"}, {"group": "g"}),
            ({"by": "group", "column": "h"}, {"group": "h"}),
            ({"by": "time", "column": "t"}, {"time": "t"}),
        ]
        found = {divide(frame, roles=roles(**r), **s).facts["test_rule"] for s, r in rules}
        assert len(found) == 5

    def test_are_json_and_the_same_again(self):
        first, second = divide(rows(50)), divide(rows(50))
        assert json.dumps(first.facts) == json.dumps(second.facts)
        assert first.checks == second.checks

    def test_fingerprints_are_by_side(self):
        found = divide(rows(5)).facts["fingerprints"]
        assert list(found) == ["train", "dev", "test"]
        assert len(set(found.values())) == 3
