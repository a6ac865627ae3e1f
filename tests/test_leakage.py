"""Leaks: single values, columns alone and new categories; what is found, and what stays silent."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.metrics import roc_auc_score

from tasks.leakage import find_leaks
from tasks.leakage.single_features import SingleFeatures
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.splitting import split_rows
from tasks.unit_intervals import proven_area, unit_area

DATA = Path(__file__).parents[1] / "data"


def roles(**more):
    return Roles(**{"target": "y", "positive_class": "yes", **more})


def project(found_roles, **sections):
    return Project(
        name="p",
        source="s.csv",
        target=found_roles.target,
        positive_class=found_roles.positive_class,
        **sections,
    )


def keyed(columns):
    frame = pd.DataFrame(
        {
            name: pd.Series(v, dtype="str") if isinstance(v[0], str) else v
            for name, v in columns.items()
        }
    )
    frame.index = pd.Index([f"k{place:05d}" for place in range(len(frame))], name="row_key")
    return frame


def all_train(frame, sides=None):
    side = pd.Series(sides or ["train"] * len(frame), index=frame.index, dtype="str")
    unit = pd.Series(frame.index.astype("str"), index=frame.index)
    return pd.DataFrame({"unit": unit, "side": side})


def search(frame, found_roles, sides=None, **sections):
    return find_leaks(
        Dataset(frame, all_train(frame, sides), found_roles), project(found_roles, **sections)
    )


def check(result, what):
    return next(found for found in result.checks if found.id == f"leakage.{what}")


def failed(result):
    return [found.id for found in result.checks if found.outcome == "failed"]


def mortgages(hits=44, settled=48, n=400, positives=48):
    """`settled` rows have d = yes, `hits` of them and `positives` of all y = yes."""
    d = ["yes"] * settled + ["no"] * (n - settled)
    y = ["yes"] * hits + ["no"] * (settled - hits)
    y += ["yes"] * (positives - hits) + ["no"] * (n - settled - positives + hits)
    return keyed({"d": d, "y": y, "x": np.arange(n) % 7 * 1.0})


class TestSingleValue:
    def test_value_that_nearly_settles_the_target_is_explained(self):
        result = search(mortgages(), roles(categorical=("d",), numeric=("x",)))
        found = check(result, "single_value:d")
        assert (found.outcome, found.severity, found.n) == ("failed", "critical", 48)
        # Wilson: centre (44 + 1.92) / (48 + 3.84), half-width 0.0813.
        assert found.interval == pytest.approx((0.8045, 0.9671), abs=1e-4)
        assert found.detail == (
            "`d` = yes: 44 of 48 rows have y = yes (lower bound 80%), against 12% of all 400 "
            "rows: this value nearly settles the target. Is it known before the outcome? Exclude "
            "it, or accept it with a reason."
        )
        assert result.outcome == "blocked"
        assert result.facts == {"suspects": ["d"]}

    def test_excluded_column_is_information(self):
        found = check(
            search(mortgages(), roles(excluded={"d": "part of the decision"})), "single_value:d"
        )
        assert (found.severity, found.outcome) == ("info", "failed")
        assert found.detail.endswith("It is no feature: part of the decision.")

    def test_outcome_only_column_is_information(self):
        found = check(search(mortgages(), roles(outcome_only=("d",))), "single_value:d")
        assert found.severity == "info"
        assert "known after the outcome" in found.detail

    def test_accepted_leak_is_a_warning_with_its_reason(self):
        result = search(
            mortgages(), roles(categorical=("d",)), leakage={"accept": {"d": "known at the desk"}}
        )
        found = check(result, "single_value:d")
        assert (found.severity, found.outcome) == ("warning", "failed")
        assert found.detail.endswith("The project accepts it: known at the desk.")
        assert result.outcome == "warned"

    @pytest.mark.parametrize(
        "frame",
        [
            # 19 rows are too few, whatever they say.
            mortgages(hits=19, settled=19),
            # 20 of 24: the lower bound is 0.64.
            mortgages(hits=20, settled=24),
            # A class that 40 % have, in 27 of 30: nine times odds of two thirds.
            mortgages(hits=27, settled=30, positives=160),
            # A class that 90 % have, in all of 48 rows: about five others were expected.
            mortgages(hits=48, settled=48, positives=360),
        ],
    )
    def test_weak_values_stay_silent(self, frame):
        result = search(frame, roles(categorical=("d",)))
        assert failed(result) == []
        assert check(result, "searched:single_value").outcome == "passed"

    def test_missing_cell_is_a_value(self):
        frame = mortgages()
        frame.loc[frame["d"] == "yes", "d"] = None
        found = check(search(frame, roles(categorical=("d",))), "single_value:d")
        assert "`d` = (missing): 44 of 48" in found.detail

    @pytest.mark.parametrize("positives", [300, 420, 600, 720, 960])
    def test_class_of_any_share_can_be_settled(self, positives):
        # 240 of 1,200 rows have a value that only the class has, which 20 to 80 % of all rows have.
        frame = mortgages(240, 240, 1200, positives).drop(columns="x")
        result = search(frame, roles(categorical=("d",)))
        found = check(result, "single_value:d")
        assert (found.severity, found.value) == ("critical" if positives < 960 else "warning", 1.0)
        assert "`d` = yes: 240 of 240 rows have y = yes" in found.detail

    def test_odds_are_proven_at_a_level_corrected_for_the_values(self):
        # Wilson's lower end of 80 of 80 is 80 / (80 + z * z): of two values 0.9409 (z = 2.2414),
        # whose odds are 15.92, where half of all rows have the class; of one 0.9542, 20.82.
        frame = mortgages(80, 80, 400, 200).drop(columns="x")
        result = search(frame, roles(categorical=("d",)))
        assert check(result, "single_value:d").severity == "critical"
        row = result.tables["suspects"].frame.iloc[0]
        assert row["odds_ratio"] == pytest.approx(20.825, abs=1e-3)
        assert row["sure_odds_ratio"] == pytest.approx(15.924, abs=1e-3)
        # 72 values more that tell nothing: z = 3.39, and odds of 6.9 prove too little.
        for number in range(36):
            frame[f"c{number}"] = ["a", "b"] * 200
        more = search(frame, roles(categorical=("d", *(f"c{number}" for number in range(36)))))
        found = check(more, "single_value:d")
        assert (found.severity, found.outcome) == ("warning", "failed")
        assert "with so many values looked at, its rows do not prove it" in found.detail

    def test_rows_of_one_person_count_once(self):
        frame, found_roles = mortgages(80, 80, 400, 200), roles(categorical=("d",))
        split = all_train(frame).assign(unit=[f"p{place // 10}" for place in range(400)])
        result = find_leaks(Dataset(frame, split, found_roles), project(found_roles))
        # Eight people: the lower end is 8 / (8 + 1.96 ** 2) = 0.6756.
        assert failed(result) == []

    def test_number_with_few_values_is_searched(self):
        frame = mortgages()
        frame["n"] = (frame["d"] == "yes").astype("int64")
        result = search(frame.drop(columns="d"), roles(numeric=("n", "x")))
        assert check(result, "single_value:n").severity == "critical"
        assert "`n` = 1: 44 of 48 rows" in check(result, "single_value:n").detail
        # 0 and 1 of n, and the seven values of x.
        assert check(result, "searched:single_value").value == 9

    def test_end_of_an_honest_number_is_no_leak(self):
        # The share of yes among each 100 rows rises step by step, as of a grade or a count.
        yes = [2, 12, 50, 88, 98]
        frame = keyed(
            {
                "x": np.repeat(np.arange(5.0), 100),
                "y": [label for n in yes for label in ["yes"] * n + ["no"] * (100 - n)],
            }
        )
        assert failed(search(frame, roles(numeric=("x",)))) == []
        # A code in the middle, between codes that tell nothing, is one.
        frame["y"] = [
            label for n in (30, 30, 100, 30, 30) for label in ["yes"] * n + ["no"] * (100 - n)
        ]
        assert failed(search(frame, roles(numeric=("x",)))) == ["leakage.single_value:x"]

    def test_present_cell_that_gives_the_outcome_away_is_found(self):
        frame = mortgages(80, 80, 400, 120)
        frame["closed"] = np.where(frame["d"] == "yes", np.arange(400) * 1.5, np.nan)
        result = search(frame.drop(columns="d"), roles(numeric=("closed",)))
        assert "`closed` = (present): 80 of 80 rows" in check(result, "single_value:closed").detail

    def test_text_and_full_numbers_are_not_searched(self):
        frame = mortgages().drop(columns="x")
        result = search(frame, roles(text=("d",)))
        assert check(result, "searched:single_value").outcome == "not_applicable"
        frame["d"] = np.arange(400) * 1.5
        result = search(frame, roles(numeric=("d",)))
        assert check(result, "searched:single_value").outcome == "not_applicable"

    def test_values_without_support_are_not_applicable(self):
        frame = keyed({"d": [f"v{place}" for place in range(60)], "y": ["yes", "no"] * 30})
        found = check(search(frame, roles(categorical=("d",))), "searched:single_value")
        assert found.outcome == "not_applicable"
        assert "with 20 rows or more" in found.detail

    def test_one_of_many_classes_is_found(self):
        classes = [f"c{place % 7}" for place in range(420)]
        codes = ["hit" if label == "c3" else f"o{place % 5}" for place, label in enumerate(classes)]
        result = search(
            keyed({"code": codes, "y": classes}), roles(categorical=("code",), positive_class=None)
        )
        assert failed(result) == ["leakage.single_value:code", "leakage.single_feature:code"]
        assert "y = c3" in check(result, "single_value:code").detail

    def test_several_values_make_one_check(self):
        frame = mortgages(hits=48, settled=48, positives=48)
        frame.loc[frame.index[:24], "d"] = "maybe"
        found = check(search(frame, roles(categorical=("d",))), "single_value:d")
        assert "So does its value `yes`." in found.detail
        table = search(frame, roles(categorical=("d",))).tables["suspects"].frame
        assert list(table["value"]) == ["maybe", "yes"]


class TestLeftOutClass:
    def frame(self, rows=150, hits=0):
        """A value with `rows` of 600 rows, of which `hits` have one of three equal classes."""
        labels = ["c"] * hits + (["a", "b"] * rows)[: rows - hits] + ["a", "b", "c"] * 200
        words = ["closed"] * rows + ["open", "new", "old", "odd"] * 200
        return keyed({"d": words[:600], "y": labels[:600]})

    def search(self, frame, **sections):
        found_roles = roles(categorical=("d",), positive_class=None)
        return search(frame, found_roles, **sections)

    def test_value_never_met_with_a_class_is_asked_about(self):
        found = check(self.search(self.frame()), "left_out_class:d")
        assert (found.outcome, found.severity, found.value, found.n) == (
            "failed",
            "warning",
            0,
            150,
        )
        # 150 of the 600 rows have c, a quarter: 37.5 of 150 were expected.
        assert found.detail.startswith(
            "`d` = closed: none of 150 rows has y = c, and about 38 were expected (25% of all 600 "
            "rows have it): this value leaves the class out."
        )

    def test_few_rows_or_some_hits_stay_silent(self):
        assert failed(self.search(self.frame(rows=60))) == []
        assert failed(self.search(self.frame(hits=5))) == []

    def test_accepted_column_is_information(self):
        result = self.search(self.frame(), leakage={"accept": {"d": "known at the desk"}})
        assert check(result, "left_out_class:d").severity == "info"
        assert result.outcome == "passed"

    def test_quarters_of_a_number_are_left_out_in_silence(self):
        # The number x has four values, each in one quarter but for 20 of 150 rows.
        x = np.repeat(np.arange(4.0), 150)
        x[::8] = (x[::8] + 1) % 4
        frame = keyed({"d": ["low"] * 300 + ["high"] * 300, "x": list(x), "y": np.arange(600.0)})
        found_roles = roles(
            categorical=("d",), numeric=("x",), positive_class=None, regression=True
        )
        result = find_leaks(
            Dataset(frame, all_train(frame), found_roles),
            Project(name="p", source="s.csv", target="y", task="regression"),
        )
        assert failed(result) == []


class TestRegression:
    @pytest.fixture(autouse=True)
    def draws_that_no_other_test_moves(self):
        self.RNG = np.random.default_rng([4, 1])

    def search(self, noise):
        y = self.RNG.normal(size=800)
        frame = keyed({"x": list(y + self.RNG.normal(0, noise, 800)), "y": list(np.exp(y))})
        found_roles = roles(numeric=("x",), positive_class=None, regression=True)
        chosen = Project(name="p", source="s.csv", target="y", task="regression")
        return find_leaks(Dataset(frame, all_train(frame), found_roles), chosen)

    def test_another_form_of_the_target_is_found_by_its_quarters(self):
        found = check(self.search(0.01), "single_feature:x")
        assert (found.outcome, found.severity) == ("failed", "critical")
        assert "`x` alone ranks the quarters of y with an AUC of 1.000" in found.detail

    def test_a_strong_honest_number_stays_silent(self):
        # A correlation of 0.95; the area of the highest quarter alone is beyond 0.96.
        result = self.search(0.33)
        assert failed(result) == []
        assert "the quarters of y" in check(result, "searched:single_feature").detail


class TestSingleFeature:
    LABELS = np.where(np.random.default_rng(3).random(400) < 0.3, "yes", "no")

    @pytest.fixture(autouse=True)
    def draws_that_no_other_test_moves(self):
        self.RNG = np.random.default_rng([4, 1])

    def score(self, values, labels=None, by_category=False):
        labels = pd.Series(self.LABELS if labels is None else labels)
        values = pd.Series(values)
        units = pd.Series([str(place) for place in range(len(values))])
        searched = SingleFeatures(pd.DataFrame({"v": values}), labels, units, 0)
        return searched.score("v", "category" if by_category else "number").auc

    def test_copy_of_the_label_in_numbers_is_found(self):
        noisy = (self.LABELS == "yes") + self.RNG.normal(0, 0.1, 400)
        frame = keyed({"x": noisy, "y": list(self.LABELS)})
        result = search(frame, roles(numeric=("x",)))
        found = check(result, "single_feature:x")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1.0)
        assert found.interval == (1.0, 1.0)
        assert result.outcome == "blocked"

    def test_perfect_rank_of_a_small_class_is_not_proven(self):
        # 40 rows of a class, all ranked first: at worst 1 - 0.5 * 1.96 ** 2 / (40 + 1.96 ** 2).
        positive = np.arange(400) < 40
        scores, rows = -np.arange(400.0), np.arange(400)
        assert unit_area(scores, positive, rows) == (1.0, 1.0)
        assert proven_area(scores, positive, rows) == pytest.approx(0.9562, abs=1e-4)
        # Of four people with ten rows each even less: 1 - 0.5 * 3.8415 / (4 + 3.8415).
        assert proven_area(scores, positive, rows // 10) == pytest.approx(0.7551, abs=1e-4)

    def test_interval_of_the_area_is_delongs(self):
        # Eight rows by hand: placements 1, 1, 0.75, 0.5 of the four positives, and of the others
        # 0.5, 0.75, 1, 1: the area is 13 / 16, the sums of squares 0.1719 each.
        scores = np.array([8.0, 7, 5, 3, 6, 4, 2, 1])
        positive = np.arange(8) < 4
        low, high = unit_area(scores, positive, np.arange(8))
        # 0.1719 / 16 twice: the standard error is 0.14658, of the log odds 0.96214.
        assert low == pytest.approx(0.39666, abs=1e-4)
        assert high == pytest.approx(0.96617, abs=1e-4)

    def test_best_ranked_of_many_classes_is_named(self):
        labels = np.array(["a", "b", "c", "d"])[np.arange(1200) % 4]
        values = np.where(labels == "c", 5.0, 0.0) + self.RNG.normal(0, 0.1, 1200)
        frame = keyed({"x": list(values), "y": list(labels)})
        found = check(search(frame, roles(numeric=("x",), positive_class=None)), "single_feature:x")
        assert (found.severity, found.value) == ("critical", pytest.approx(1, abs=1e-3))
        assert "`x` alone ranks y = c against the rest with an AUC of 1.000" in found.detail

    def noisy(self, rows, wrong, kind, classes=2):
        """A balanced copy of the label in which `wrong` rows say the next class."""
        label = np.arange(rows) % classes
        copy = np.where(np.arange(rows) < wrong, (label + 1) % classes, label)
        values = [f"w{one}" for one in copy] if kind == "categorical" else list(copy * 1.0)
        frame = keyed({"x": values, "y": [f"c{one}" for one in label]})
        positive = "c1" if classes == 2 else None
        result = search(frame, roles(positive_class=positive, **{kind: ("x",)}))
        return [c.severity for c in result.checks if c.outcome == "failed"]

    @pytest.mark.parametrize("kind", ["categorical", "numeric"])
    @pytest.mark.parametrize("classes", [2, 3, 5])
    def test_noisy_copy_of_the_label_is_found(self, kind, classes):
        assert "critical" in self.noisy(600, 0, kind, classes)
        assert "critical" in self.noisy(600, 12, kind, classes)
        assert self.noisy(600, 18, kind, classes)

    def test_few_errors_are_told_against_the_constants(self):
        labels = ["yes", "no"] * 300
        copy = [1.0 * (label == "yes") for label in labels]
        copy[:18] = [1 - value for value in copy[:18]]
        frame = keyed({"x": copy, "y": labels})
        found = check(search(frame, roles(numeric=("x",))), "single_feature:x")
        # 18 wrong of 600, where always answering one class is wrong in 300.
        assert found.value == pytest.approx(0.06)
        assert found.detail.startswith(
            "`x` alone is wrong about y only 6.0% as often as always answering the commonest "
            "class, on 600 rows (limit 12%): it does nearly settle the target."
        )

    def test_interval_of_the_area_counts_units(self):
        values = (self.LABELS == "yes") * 2 + self.RNG.normal(size=400)
        frame = pd.DataFrame({"v": np.repeat(values, 5)})
        labels = pd.Series(np.repeat(self.LABELS, 5))
        alone = pd.Series([str(place) for place in range(2000)])
        copies = pd.Series(np.repeat([str(place) for place in range(400)], 5))
        low, high = SingleFeatures(frame, labels, copies, 0).score("v", "number").interval
        naive = SingleFeatures(frame, labels, alone, 0).score("v", "number").interval
        assert high - low > 1.8 * (naive[1] - naive[0])

    def test_leak_in_the_middle_of_a_range_is_found(self):
        far = self.RNG.choice([-1, 1], 400) * self.RNG.uniform(1, 2, 400)
        near = self.RNG.uniform(-0.5, 0.5, 400)
        assert self.score(np.where(self.LABELS == "yes", near, far)) > 0.98

    def test_leak_by_missing_cells_is_found(self):
        late = np.where(self.LABELS == "yes", self.RNG.normal(size=400), np.nan)
        assert self.score(late) > 0.98

    def test_leak_by_time_is_found(self):
        days = pd.to_timedelta(np.where(self.LABELS == "yes", 1, 900), unit="D")
        assert self.score(pd.Timestamp("2024-01-01", tz="UTC") + days) > 0.98

    def test_noise_is_near_a_half(self):
        assert self.score(self.RNG.normal(size=400)) == pytest.approx(0.5, abs=0.1)

    def test_category_met_once_says_nothing(self):
        names = [f"n{place}" for place in range(400)]
        assert self.score(names, by_category=True) == pytest.approx(0.5, abs=0.1)

    def test_area_agrees_with_scikit_learn(self):
        categories = self.RNG.integers(0, 6, 400)
        labels = np.array(["p", "q", "r"])[(categories + self.RNG.integers(0, 2, 400)) % 3]
        units = pd.Series([str(place) for place in range(400)])
        searched = SingleFeatures(
            pd.DataFrame({"v": categories.astype(str)}), pd.Series(labels), units, 0
        )
        shares = searched.shares("v", "category")
        expected = [roc_auc_score(labels == name, shares[:, n]) for n, name in enumerate("pqr")]
        score = searched.score("v", "category")
        assert score.auc == pytest.approx(max(expected))
        assert score.mean_auc == pytest.approx(np.mean(expected))
        assert score.label == "pqr"[int(np.argmax(expected))]

    def test_copies_of_a_row_do_not_flatter(self):
        # Forty units of ten equal rows: a value met in training would settle the label.
        labels = np.repeat(np.where(np.arange(40) % 2, "yes", "no"), 10)
        values = np.repeat(self.RNG.permutation(40).astype(float), 10)
        units = pd.Series(np.repeat([f"u{place}" for place in range(40)], 10))
        searched = SingleFeatures(pd.DataFrame({"v": values}), pd.Series(labels), units, 0)
        assert searched.score("v", "number").auc < 0.7

    def test_interval_across_the_limit_is_a_warning(self):
        values = (self.LABELS == "yes") * 3 + self.RNG.normal(size=400)
        area = self.score(values)
        limit = {"max_single_feature_auc": area - 0.001}
        frame = keyed({"x": values, "y": list(self.LABELS)})
        found_roles = roles(numeric=("x",))
        split = all_train(frame).assign(unit=[str(place) for place in range(400)])
        settings = project(found_roles, leakage=limit)
        found = check(find_leaks(Dataset(frame, split, found_roles), settings), "single_feature:x")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", area)
        assert found.interval[0] < found.limit
        assert "its interval reaches the limit" in found.detail

    def test_annotators_and_key_are_not_searched(self):
        labels = list(self.LABELS)
        frame = keyed({"ann": labels, "id": [str(p) for p in range(400)], "y": labels})
        frame["x"] = self.RNG.normal(size=400)
        result = search(frame, roles(numeric=("x",), annotators=("ann",), key="id"))
        assert list(result.tables["single_features"].frame["label"]) == ["x"]

    def test_too_few_rows_of_a_class_is_not_applicable(self):
        frame = keyed({"x": np.arange(40.0), "y": ["yes"] * 9 + ["no"] * 31})
        found = check(search(frame, roles(numeric=("x",))), "searched:single_feature")
        assert found.outcome == "not_applicable"
        assert "more rows are needed" in found.detail

    def test_silence_says_how_much_was_searched(self):
        frame = keyed({"x": self.RNG.normal(size=400), "y": list(self.LABELS)})
        result = search(frame, roles(numeric=("x",)))
        found = check(result, "searched:single_feature")
        assert (found.outcome, found.n) == ("passed", 400)
        assert found.detail.startswith("1 columns were scored alone; the strongest, `x`, ranks")
        assert found.interval[0] < found.value < found.interval[1]


class TestText:
    LABELS = np.where(np.random.default_rng(4).random(600) < 0.4, "yes", "no")

    @pytest.fixture(autouse=True)
    def draws_that_no_other_test_moves(self):
        self.RNG = np.random.default_rng([4, 1])

    def search(self, said, **more):
        other = self.RNG.choice([f"word{place}" for place in range(100)], (600, 6))
        texts = [" ".join([*words, last]) for words, last in zip(other, said, strict=True)]
        frame = keyed({"t": texts, "x": list(self.RNG.normal(size=600)), "y": list(self.LABELS)})
        return search(frame, roles(**{"text": ("t",), "numeric": ("x",), **more}))

    def test_outcome_in_a_note_is_found_and_its_words_named(self):
        # As long, whatever the outcome: only the word tells.
        said = np.where(self.LABELS == "yes", "grantedd by officer", "rejected by officer")
        found = check(self.search(said), "single_feature:t")
        assert (found.severity, found.outcome) == ("critical", "failed")
        assert "grantedd" in found.detail
        assert "rejected" in found.detail
        assert "of `t` alone rank" in found.detail

    def test_honest_words_stay_silent(self):
        told = np.where(self.RNG.random(600) < 0.8, self.LABELS == "yes", self.LABELS == "no")
        assert failed(self.search(np.where(told, "good", "bad"))) == []

    def many(self):
        """Twenty words a class, two of them in each text: none is in many."""
        first, second = ([f"{side}{place}" for place in range(20)] for side in "pq")
        return [
            " ".join(self.RNG.choice(first if label == "yes" else second, 3))
            for label in self.LABELS
        ]

    def test_many_words_together_are_a_warning_beside_other_features(self):
        found = check(self.search(self.many()), "all_words:t")
        assert (found.severity, found.outcome) == ("warning", "failed")

    def test_many_words_are_the_task_where_there_is_only_text(self):
        result = self.search(self.many(), numeric=())
        assert check(result, "all_words:t").severity == "info"
        assert result.facts == {"suspects": []}

    def test_text_without_repeated_words_is_left_alone(self):
        frame = keyed({"t": [f"id{place}" for place in range(60)], "y": ["yes", "no"] * 30})
        result = search(frame, roles(text=("t",)))
        assert check(result, "searched:single_feature").outcome == "not_applicable"


class TestWhoSeesWhat:
    def test_test_labels_are_never_read(self):
        frame = mortgages(n=600)
        sides = (["train"] * 3 + ["dev", "test", "test"]) * 100
        found_roles = roles(categorical=("d",), numeric=("x",))
        before = search(frame, found_roles, sides)
        hidden = frame.copy()
        hidden.loc[[side == "test" for side in sides], "y"] = "no"
        after = search(hidden, found_roles, sides)
        assert before.checks == after.checks
        assert check(before, "searched:single_feature").n == 400

    def test_rows_without_a_side_are_left_alone(self):
        frame = mortgages()
        split = all_train(frame).iloc[:300]
        found_roles = roles(categorical=("d",))
        result = find_leaks(Dataset(frame, split, found_roles), project(found_roles))
        assert "of all 300 rows" in check(result, "single_value:d").detail


class TestNovelCategories:
    def novel(self, later, **sections):
        words = ["red"] * 30 + ["blue"] * 30 + later
        n = len(words)
        sides = ["train"] * 60 + (["dev", "test"] * len(later))[: len(later)]
        frame = keyed({"c": words, "y": (["yes", "no"] * n)[:n]})
        frame["c"] = frame["c"].where(frame["c"] != "", None)
        return search(frame, roles(categorical=("c",)), sides, **sections)

    def test_share_above_the_limit_is_a_warning(self):
        found = check(self.novel(["green"] * 2 + ["red"] * 18), "novel_category:c")
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert (found.value, found.limit, found.n) == (0.1, 0.05, 20)
        assert "2 of 20 dev and test rows (10.0%, limit 5.0%)" in found.detail
        assert "(green)" in found.detail

    def test_share_within_the_limit_is_information(self):
        found = check(self.novel(["green"] + ["red"] * 19), "novel_category:c")
        assert (found.outcome, found.severity, found.value) == ("passed", "info", 0.05)

    def test_known_and_missing_categories_stay_silent(self):
        result = self.novel(["red", "", "blue", ""])
        assert not [f for f in result.checks if "novel_category:" in f.id]
        assert check(result, "searched:novel_category").outcome == "passed"

    def test_no_categorical_feature_is_not_applicable(self):
        frame = keyed({"x": np.arange(60.0), "y": ["yes", "no"] * 30})
        found = check(search(frame, roles(numeric=("x",))), "searched:novel_category")
        assert found.outcome == "not_applicable"


def in_sides(frame, found_roles, epoch):
    """The frame searched after a real split."""
    settings = project(found_roles, split={"epoch": epoch})
    split = split_rows(frame, found_roles, settings.split, None).outputs["split"]
    return find_leaks(Dataset(frame, split, found_roles), settings)


class TestRealData:
    @pytest.mark.parametrize("load", [datasets.load_breast_cancer, datasets.load_wine])
    @pytest.mark.parametrize("epoch", [1, 2, 3])
    def test_honest_measurements_stay_silent(self, load, epoch):
        bunch = load(as_frame=True)
        frame = keyed({**bunch.data.to_dict("list"), "y": list(bunch.target.astype("str"))})
        positive = "1" if len(bunch.target_names) == 2 else None
        found_roles = roles(numeric=tuple(bunch.feature_names), positive_class=positive)
        result = in_sides(frame, found_roles, epoch)
        assert failed(result) == []
        assert result.outcome == "passed"

    def test_steel_plates_are_only_asked_about(self):
        frame = pd.read_csv(DATA / "steel_plate_faults" / "steel_plates.csv")
        features = tuple(column for column in frame.columns if column != "fault")
        frame = keyed({name: list(frame[name]) for name in frame.columns})
        found_roles = roles(target="fault", positive_class=None, numeric=features)
        # Of one of two steels no plate has a scratch: that is asked about, and nothing blocks.
        result = in_sides(frame, found_roles, 1)
        assert failed(result) == [
            "leakage.left_out_class:TypeOfSteel_A300",
            "leakage.left_out_class:TypeOfSteel_A400",
        ]
        assert result.outcome == "warned"

    @pytest.mark.parametrize("epoch", [1, 2, 3])
    def test_denied_insurance_is_found_by_its_value_alone(self, epoch):
        frame = pd.read_csv(DATA / "hmda_boston" / "hmda.csv").iloc[:-1]
        words = ("pbcr", "dmi", "self", "single", "black")
        frame = keyed({name: list(frame[name]) for name in frame.columns})
        numbers = ("dir", "hir", "lvr", "ccs", "mcs", "uria", "condominium")
        found_roles = roles(target="deny", numeric=numbers, categorical=words)
        result = in_sides(frame, found_roles, epoch)
        assert failed(result) == ["leakage.single_value:dmi"]
        areas = result.tables["single_features"].frame.set_index("label")["value"]
        assert areas["dmi"] < 0.6


def test_result_is_json_and_the_same_again():
    found_roles = roles(categorical=("d",), numeric=("x",))
    first, second = search(mortgages(), found_roles), search(mortgages(), found_roles)
    assert first.checks == second.checks
    assert json.dumps(first.facts)
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table.frame, second.tables[name].frame)
