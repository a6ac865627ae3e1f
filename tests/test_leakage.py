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
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.splitting import split_rows

DATA = Path(__file__).parents[1] / "data"


def roles(**more):
    values = {
        "target": "y",
        "positive_class": "yes",
        "numeric": (),
        "categorical": (),
        "text": (),
        "excluded": {},
        "outcome_only": (),
        "annotators": (),
        "key": None,
        "key_columns": (),
        "group": None,
        "time": None,
    }
    return Roles(**{**values, **more})


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
    return find_leaks(frame, all_train(frame, sides), found_roles, project(found_roles, **sections))


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
            # A class that 40 % have: no bound can be three times that.
            mortgages(hits=48, settled=48, positives=160),
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

    def test_numbers_and_text_are_not_searched(self):
        frame = mortgages()
        frame["n"] = (frame["d"] == "yes").astype("int64")
        result = search(frame.drop(columns="d"), roles(numeric=("n", "x")))
        found = check(result, "searched:single_value")
        assert (found.outcome, found.value) == ("not_applicable", 0)
        result = search(frame.drop(columns="n"), roles(text=("d",)))
        assert check(result, "searched:single_value").outcome == "not_applicable"

    def test_values_without_support_are_not_applicable(self):
        frame = keyed({"d": [f"v{place}" for place in range(60)], "y": ["yes", "no"] * 30})
        found = check(search(frame, roles(categorical=("d",))), "searched:single_value")
        assert found.outcome == "not_applicable"
        assert "has 20 rows or more" in found.detail

    def test_one_of_many_classes_is_found(self):
        classes = [f"c{place % 7}" for place in range(420)]
        codes = ["hit" if label == "c3" else f"o{place % 5}" for place, label in enumerate(classes)]
        result = search(
            keyed({"code": codes, "y": classes}), roles(categorical=("code",), positive_class=None)
        )
        assert failed(result) == ["leakage.single_value:code"]
        assert "y = c3" in check(result, "single_value:code").detail

    def test_several_values_make_one_check(self):
        frame = mortgages(hits=48, settled=48, positives=48)
        frame.loc[frame.index[:24], "d"] = "maybe"
        found = check(search(frame, roles(categorical=("d",))), "single_value:d")
        assert "So do its values `yes`." in found.detail
        table = search(frame, roles(categorical=("d",))).tables["suspects"].frame
        assert list(table["value"]) == ["maybe", "yes"]


class TestSingleFeature:
    RNG = np.random.default_rng(3)
    LABELS = np.where(RNG.random(400) < 0.3, "yes", "no")

    def score(self, values, labels=None, by_category=False):
        labels = pd.Series(self.LABELS if labels is None else labels)
        values = pd.Series(values)
        units = pd.Series([str(place) for place in range(len(values))])
        searched = SingleFeatures(pd.DataFrame({"v": values}), labels, units, 0)
        return searched.score("v", by_category=by_category).auc

    def test_copy_of_the_label_in_numbers_is_found(self):
        noisy = (self.LABELS == "yes") + self.RNG.normal(0, 0.1, 400)
        frame = keyed({"x": noisy, "y": list(self.LABELS)})
        result = search(frame, roles(numeric=("x",)))
        found = check(result, "single_feature:x")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1.0)
        assert found.interval == (1.0, 1.0)
        assert result.outcome == "blocked"

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
        shares = searched._shares("v", by_category=True)
        expected = roc_auc_score(
            labels, shares / shares.sum(axis=1, keepdims=True), multi_class="ovr"
        )
        assert searched.score("v", by_category=True).auc == pytest.approx(expected)

    def test_copies_of_a_row_do_not_flatter(self):
        # Forty units of ten equal rows: a value met in training would settle the label.
        labels = np.repeat(np.where(np.arange(40) % 2, "yes", "no"), 10)
        values = np.repeat(self.RNG.permutation(40).astype(float), 10)
        units = pd.Series(np.repeat([f"u{place}" for place in range(40)], 10))
        searched = SingleFeatures(pd.DataFrame({"v": values}), pd.Series(labels), units, 0)
        assert searched.score("v", by_category=False).auc < 0.7

    def test_interval_across_the_limit_is_a_warning(self):
        values = (self.LABELS == "yes") * 3 + self.RNG.normal(size=400)
        area = self.score(values)
        limit = {"max_single_feature_auc": area - 0.001}
        frame = keyed({"x": values, "y": list(self.LABELS)})
        found_roles = roles(numeric=("x",))
        split = all_train(frame).assign(unit=[str(place) for place in range(400)])
        settings = project(found_roles, leakage=limit)
        found = check(find_leaks(frame, split, found_roles, settings), "single_feature:x")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", area)
        assert found.interval[0] < found.limit
        assert "its interval reaches below the limit" in found.detail

    def test_annotators_and_key_are_not_searched(self):
        labels = list(self.LABELS)
        frame = keyed({"ann": labels, "id": [str(p) for p in range(400)], "y": labels})
        frame["x"] = self.RNG.normal(size=400)
        result = search(frame, roles(numeric=("x",), annotators=("ann",), key="id"))
        assert list(result.tables["single_features"].frame["label"]) == ["x"]

    def test_text_is_ranked_by_its_length(self):
        texts = ["long words" * 9 if label == "yes" else "short" for label in self.LABELS]
        found = check(
            search(keyed({"t": texts, "y": list(self.LABELS)}), roles(text=("t",))),
            "single_feature:t",
        )
        assert found.value == 1.0

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
        result = find_leaks(frame, split, found_roles, project(found_roles))
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
    split = split_rows(frame, found_roles, settings, None).outputs["split"]
    return find_leaks(frame, split, found_roles, settings)


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

    def test_steel_plates_stay_silent(self):
        frame = pd.read_csv(DATA / "steel_plate_faults" / "steel_plates.csv")
        features = tuple(column for column in frame.columns if column != "fault")
        frame = keyed({name: list(frame[name]) for name in frame.columns})
        found_roles = roles(target="fault", positive_class=None, numeric=features)
        assert failed(in_sides(frame, found_roles, 1)) == []

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
