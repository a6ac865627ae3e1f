"""Two runs side by side: pairing rows, what changed, and what two models do on the same rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.checks import Check, StageResult
from tasks.estimators import build_pipeline, feature_frame, fit_pipeline
from tasks.models import save_model
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.reports.champion import changes_line, effect_line
from tasks.reports.changes import attribution, changes_sentence
from tasks.reports.comparison import comparison_text, headline
from tasks.run_comparison import (
    Change,
    Changes,
    ComparedRun,
    RunComparison,
    RunRows,
    changed_entries,
    changed_settings,
    compare_data,
    key_problem,
    pair_rows,
)
from tasks.run_comparison.effects import PairedRows
from tasks.run_comparison.flips import find_flips
from tasks.run_comparison.results import Contestant, compare_models
from tasks.run_comparison.slices import compare_slices
from tasks.slice_metrics import NamedSlices

ROLES = Roles(target="y", positive_class="yes", numeric=("x",), key_columns=("x",))


def rows_of(table, roles=ROLES, **more):
    """`table` maps a row key to its x, its label and its side."""
    frame = pd.DataFrame(
        {"x": [float(x) for x, _, _ in table.values()], "y": [y for _, y, _ in table.values()]},
        index=pd.Index(list(table), dtype="str", name="row_key"),
    )
    sides = pd.Series([side for _, _, side in table.values()], index=frame.index, dtype="str")
    return RunRows(frame=frame, sides=sides, roles=roles, **more)


BEFORE = {
    "a-0": (1, "yes", "train"),
    "b-0": (2, "no", "train"),
    "c-0": (3, "no", "dev"),
    "d-0": (4, "yes", "test"),
}


# Rows


def test_rows_whose_keys_are_made_of_other_columns_are_not_paired():
    keyed = replace(ROLES, key="id", key_columns=())
    before, after = rows_of(BEFORE), rows_of(BEFORE, keyed)
    sentence = (
        "The rows cannot be matched one by one: A names a row by the values of x, and B by the "
        "column id."
    )
    assert key_problem(before, after) == sentence
    changes = compare_data(before, after)
    assert changes.problem == sentence
    assert changes.added == {}
    assert changes.rows_after == {"train": 2, "dev": 1, "test": 1}
    assert not changes.is_unchanged
    assert key_problem(before, before) == ""


def test_copies_in_another_order_are_not_relabelled():
    before = rows_of({"a-0": (1, "yes", "train"), "a-1": (1, "no", "train")})
    after = rows_of({"a-0": (1, "no", "train"), "a-1": (1, "yes", "train")})
    assert compare_data(before, after).is_unchanged


def test_of_two_copies_the_one_that_is_gone_is_removed_and_the_other_kept():
    before = rows_of({"a-0": (1, "yes", "train"), "a-1": (1, "no", "train")})
    after = rows_of({"a-0": (1, "no", "train")})
    changes = compare_data(before, after)
    assert changes.relabelled == {"train": 0, "dev": 0, "test": 0}
    assert changes.removed == {"train": 1, "dev": 0, "test": 0}
    assert changes.removed_classes == {"yes": 1}


def test_a_declared_key_keeps_its_number():
    keyed = replace(ROLES, key="id", key_columns=())
    before = rows_of({"id-1": (1, "yes", "train"), "id-2": (1, "no", "train")}, keyed)
    after = rows_of({"id-1": (1, "no", "train"), "id-2": (1, "no", "train")}, keyed)
    pairs = pair_rows(before, after).pairs.sort_values("before")
    assert pairs.to_numpy().tolist() == [["id-1", "id-1"], ["id-2", "id-2"]]
    assert compare_data(before, after).relabelled["train"] == 1


# Data


def test_the_same_rows_are_unchanged():
    changes = compare_data(rows_of(BEFORE), rows_of(BEFORE))
    assert changes.is_unchanged
    assert changes.notes == ()
    assert changes.rows_before == changes.rows_after == {"train": 2, "dev": 1, "test": 1}


def test_every_kind_of_change_is_counted_by_side():
    after = {
        "a-0": (1, "no", "train"),  # relabelled
        "c-0": (3, "no", "test"),  # moved
        "d-0": (4, "no", "test"),  # relabelled
        "e-0": (5, "yes", "train"),  # added
        "f-0": (6, "no", "dev"),  # added
    }
    changes = compare_data(rows_of(BEFORE), rows_of(after))
    assert changes.added == {"train": 1, "dev": 1, "test": 0}
    assert changes.added_classes == {"no": 1, "yes": 1}
    assert changes.removed == {"train": 1, "dev": 0, "test": 0}
    assert changes.relabelled == {"train": 1, "dev": 0, "test": 1}
    assert [(s.before, s.after, s.rows) for s in changes.label_pairs] == [("yes", "no", 2)]
    assert [(s.before, s.after, s.rows) for s in changes.moved] == [("dev", "test", 1)]
    assert changes.classes_before == {"no": 2, "yes": 2}
    assert changes.classes_after == {"no": 4, "yes": 1}
    assert changes.changed == {"train": 0, "dev": 0, "test": 0}
    mirror = compare_data(rows_of(after), rows_of(BEFORE))
    assert mirror.added == changes.removed
    assert mirror.removed == changes.added
    assert [(s.before, s.after, s.rows) for s in mirror.label_pairs] == [("no", "yes", 2)]
    assert changes.notes == (
        "Without a declared key, a row with a corrected feature is one removed and one added.",
    )


def test_changed_cells_are_counted_by_column_and_missing_equals_missing():
    keyed = replace(ROLES, key="id", key_columns=())
    before, after = rows_of(BEFORE, keyed), rows_of(BEFORE, keyed)
    before.frame["z"] = [np.nan, 1.0, 2.0, np.nan]
    after.frame["z"] = [np.nan, 1.0, 3.0, 4.0]
    after.frame["x"] = [1.0, 2.0, 9.0, 4.0]
    changes = compare_data(before, after)
    assert changes.changed == {"train": 0, "dev": 1, "test": 1}
    assert changes.changed_columns == {"x": 1, "z": 2}
    assert not changes.is_unchanged


def test_columns_added_removed_and_of_another_type():
    before, after = rows_of(BEFORE), rows_of(BEFORE)
    before.frame["old"] = 1
    before.frame["z"] = [1, 2, 3, 4]
    after.frame["new"] = 1
    after.frame["z"] = [1.0, 2.0, 3.0, 4.0]
    changes = compare_data(before, after)
    assert changes.columns_added == ("new",)
    assert changes.columns_removed == ("old",)
    retyped = [(c.name, c.before, c.after) for c in changes.columns_retyped]
    assert retyped == [("z", "int64", "float64")]
    assert changes.changed_columns == {}


def test_rows_without_a_side_are_counted_apart():
    before, after = rows_of(BEFORE), rows_of(BEFORE)
    after = replace(after, sides=after.sides.drop("d-0"))
    changes = compare_data(before, after)
    assert changes.rows_after == {"train": 2, "dev": 1, "test": 0, "left out": 1}
    assert [(s.before, s.after, s.rows) for s in changes.moved] == [("test", "left out", 1)]


def test_another_target_is_said_and_its_labels_are_not_compared():
    before, after = rows_of(BEFORE), rows_of(BEFORE, replace(ROLES, target="x"))
    changes = compare_data(before, after)
    assert changes.notes == ("The target is y in A and x in B: labels are not compared.",)
    assert changes.label_pairs == ()


# Settings


def project(**more):
    values = {"name": "p", "source": {"path": "a.csv"}, "target": "y", "positive_class": "yes"}
    return Project.model_validate({**values, **more})


def settings_between(first, second):
    dumps = (one.model_dump(mode="json", by_alias=True) for one in (first, second))
    return changed_settings(*dumps)


def test_the_same_settings_differ_in_nothing():
    assert settings_between(project(), project()) == ()


def test_settings_are_named_by_their_path_and_candidates_by_their_name():
    logistic = {"name": "logistic", "estimator": "sklearn.linear_model.LogisticRegression"}
    tree = {"name": "tree", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    first = project(training={"candidates": [{**logistic, "search": {"C": [1]}}, tree]})
    second = project(
        source={"path": "b.csv"},
        training={"candidates": [tree, {**logistic, "search": {"C": [1, 2]}}]},
        gate={"margin": 0.02},
        slices=["x"],
        seed=1,
    )
    assert settings_between(first, second) == (
        Change(name="source.path", before="a.csv", after="b.csv", reaches_model=False),
        Change(name="training.candidates[logistic].search.C", before=[1], after=[1, 2]),
        Change(name="gate.margin", before=0.01, after=0.02, reaches_model=False),
        Change(name="seed", before=0, after=1),
        Change(
            name="slices",
            before=None,
            after=[{"columns": ["x"], "condition": None, "name": None}],
            reaches_model=False,
        ),
    )


def test_what_only_one_side_has_is_none_in_the_other():
    changes = changed_entries({"a": "1", "b": "1"}, {"b": "2", "c": "1"})
    found = [(c.name, c.before, c.after) for c in changes]
    assert found == [("a", "1", None), ("b", "1", "2"), ("c", None, "1")]


# Effects


def predictions(labels, p_yes=None):
    index = pd.Index([f"k{place:03}" for place in range(len(labels))])
    p_yes = [0.9 if label == "yes" else 0.1 for label in labels] if p_yes is None else p_yes
    values = {"predicted": pd.Series(labels, index=index, dtype="str")}
    return pd.DataFrame({**values, "p:no": 1 - np.array(p_yes), "p:yes": p_yes}, index=index)


def paired(labels, before, after, **more):
    first, second = predictions(before), predictions(after)
    values = {"positive_class": "yes", "replicates": 400, "seed": 0, "min_discordant": 10}
    series = pd.Series(labels, index=first.index, dtype="str")
    return PairedRows(labels=series, before=first, after=second, **{**values, **more})


def improved(rows=100):
    """Every second row is yes; A misses 20 of the yes rows, B misses none and 5 of the no rows."""
    labels = ["yes", "no"] * (rows // 2)
    before = [
        "no" if label == "yes" and place < 40 else label for place, label in enumerate(labels)
    ]
    after = ["yes" if label == "no" and place < 10 else label for place, label in enumerate(labels)]
    return paired(labels, before, after)


def test_an_undefined_metric_is_not_judged():
    effect = paired(["yes"] * 4, ["no"] * 4, ["yes"] * 4).effect("precision")
    assert (effect.before, effect.after, effect.difference) == (None, 1.0, None)
    assert effect.reason == "undefined for A"
    assert effect.mirrored().reason == "undefined for B"
    assert not effect.is_judged
    assert not effect.excludes_zero


def test_too_few_different_predictions_carry_no_bootstrap():
    labels = ["yes", "no"] * 50
    few = paired(labels, ["no", *labels[1:]], labels)
    effect = few.effect("f1")
    assert effect.reason == "only 1 prediction differs"
    assert effect.p_value is None
    assert effect.difference > 0
    # Tango's interval holds with few.
    assert few.effect("accuracy").is_judged


def test_the_same_predictions_differ_by_nothing():
    effect = paired(["yes", "no"] * 20, ["yes", "no"] * 20, ["yes", "no"] * 20).effect("f1")
    assert (effect.difference, effect.low, effect.high) == (0.0, 0.0, 0.0)
    assert effect.reason == ""
    assert not effect.excludes_zero


def test_a_difference_is_positive_where_b_is_better():
    effect = improved().effect("accuracy")
    # A has 80 of 100 right, B 95; 20 fixed, 5 broken: McNemar's exact p of (5, 20).
    assert (effect.before, effect.after) == (0.8, 0.95)
    assert effect.difference == pytest.approx(0.15)
    assert effect.p_value == pytest.approx(0.00408, abs=1e-5)
    assert effect.excludes_zero
    recall = improved().effect("recall", of_class="yes")
    assert (recall.before, recall.after, recall.rows) == (0.6, 1.0, 50)
    loss = improved().effect("log_loss")
    assert loss.after < loss.before
    assert loss.difference > 0


@pytest.mark.parametrize("metric", ["accuracy", "f1", "average_precision", "log_loss"])
def test_exchanging_the_models_changes_the_sign_and_nothing_else(metric):
    rows = improved()
    other = replace(rows, before=rows.after, after=rows.before)
    assert other.effect(metric) == rows.effect(metric).mirrored()


# Flips


def test_no_flip_has_no_example():
    rows = paired(["yes", "no"], ["yes", "no"], ["yes", "no"])
    flips = find_flips(rows, pd.DataFrame(index=rows.labels.index))
    assert (flips.fixed, flips.broken, flips.kept, flips.p_value) == (0, 0, 2, 1.0)
    assert flips.examples == ()


def test_flips_are_counted_by_class_and_the_largest_are_shown_broken_first():
    rows = improved()
    features = pd.DataFrame({"x": np.arange(100) / 3}, index=rows.labels.index)
    flips = find_flips(rows, features)
    assert (flips.fixed, flips.broken, flips.wrong_otherwise, flips.kept) == (20, 5, 0, 75)
    assert flips.p_value == pytest.approx(0.00408, abs=1e-5)
    assert [(c.label, c.rows, c.fixed, c.broken) for c in flips.by_class] == [
        ("no", 50, 0, 5),
        ("yes", 50, 20, 0),
    ]
    assert [row.flip for row in flips.examples] == ["broken"] * 5 + ["fixed"] * 15
    first = flips.examples[0]
    assert (first.key, first.label, first.before, first.after) == ("k001", "no", "no", "yes")
    assert (first.p_before, first.p_after) == pytest.approx((0.9, 0.1))
    assert first.features == {"x": "0.3333"}
    mirror = find_flips(replace(rows, before=rows.after, after=rows.before), features)
    assert mirror == flips.mirrored()


def test_both_wrong_in_another_way_is_neither_fixed_nor_broken():
    rows = paired(["maybe"], ["no"], ["yes"])
    flips = find_flips(rows, pd.DataFrame(index=rows.labels.index))
    assert (flips.fixed, flips.broken, flips.wrong_otherwise, flips.kept) == (0, 0, 1, 0)


def test_grouped_rows_have_no_mcnemar_p():
    rows = improved()
    groups = pd.Series(np.arange(100) // 2, index=rows.labels.index)
    flips = find_flips(replace(rows, groups=groups), pd.DataFrame(index=rows.labels.index))
    assert flips.p_value is None


# Slices


def test_a_small_slice_is_not_judged_and_p_values_are_adjusted():
    rows = improved()
    place = np.arange(100)
    slices = NamedSlices({"first": place < 50, "last": place >= 50, "tiny": place < 3})
    found = compare_slices("accuracy", rows, slices, 30)
    first, last, tiny = found.effects
    assert tiny.reason == "fewer than 30 rows"
    assert tiny.p_value is None
    # 20 fixed and 5 broken in the first half, p 0.00408, times the two judged slices.
    assert first.p_value == pytest.approx(0.00816, abs=1e-5)
    assert last.p_value == 1.0
    assert found.significant == (first,)


def test_accuracy_stands_in_where_the_metric_is_undefined_on_most_slices():
    rows = improved()
    even = np.arange(100) % 2 == 0
    found = compare_slices("roc_auc", rows, NamedSlices({"yes": even, "no": ~even}), 30)
    assert found.metric == "accuracy"
    assert found.notes == ("roc_auc is undefined on most slices; accuracy stands in for it",)
    # All yes rows: 20 fixed of 50. All no rows: 5 broken of 50.
    assert [e.difference for e in found.effects] == pytest.approx([0.4, -0.1])


# Models


def contestant(rows, seed=0, noise=0.0, **more):
    """A logistic regression fitted on the train rows, some of them with noisy labels."""
    train = rows.frame[rows.sides == "train"]
    labels = train["y"].copy()
    flip = np.random.default_rng(seed).random(len(labels)) < noise
    labels[flip] = labels[flip].map({"yes": "no", "no": "yes"})
    configured = project(audit={"min_support": 10}, gate={"min_test_rows": 20, "replicates": 200})
    candidate = Candidate(name="l", estimator="sklearn.linear_model.LogisticRegression")
    pipeline = build_pipeline(candidate, rows.roles, class_weight="balanced", seed=0)
    fit_pipeline(pipeline, feature_frame(train, rows.roles), labels, class_weight="balanced")
    facts = {
        "classes": ["no", "yes"],
        "positive_class": "yes",
        "threshold": 0.5,
        "roles": rows.roles.to_facts(),
        "candidate": "l",
        "estimator": "sklearn.linear_model.LogisticRegression",
        "params": {},
    }
    values = {
        "package": save_model(pipeline, extra_types=(), facts=facts),
        "project": configured,
        "units": frozenset(rows.units[rows.sides != "test"]),
        "rows": rows,
    }
    return Contestant(**{**values, **more})


def many_rows(rows=200, **more):
    random = np.random.default_rng(1)
    x = random.normal(size=rows).round(3)
    labels = np.where(x + random.normal(size=rows) > 0, "yes", "no")
    sides = ["train", "test"] * (rows // 2)
    keys = [f"r{place:03}-0" for place in range(rows)]
    made = rows_of(dict(zip(keys, zip(x, labels, sides, strict=True), strict=True)), **more)
    return replace(made, units=pd.Series(keys, index=made.frame.index))


def test_a_model_that_knows_other_classes_is_a_sentence():
    rows = many_rows()
    later = contestant(rows)
    odd = rows.frame.assign(y=rows.frame["y"].where(rows.frame["x"] < 2, "maybe"))
    results = compare_models(later, later, replace(rows, frame=odd))
    assert results.problem == "A cannot score these rows: it does not know the class 'maybe'."
    assert results.metrics == ()
    assert results.mirrored().problem.startswith("B cannot score these rows")


def test_a_model_that_lacks_a_column_is_a_sentence():
    rows = many_rows()
    model = contestant(rows)
    renamed = replace(rows, frame=rows.frame.rename(columns={"x": "z"}))
    assert compare_models(model, model, renamed).problem == (
        "A cannot score these rows: it needs the column 'x', which the data does not have."
    )


def test_rows_that_a_model_has_seen_are_left_out():
    rows = many_rows()
    test = rows.sides[rows.sides == "test"].index
    later = contestant(rows)
    unit = replace(later, units=later.units | {test[0]}, rows=None)
    assert compare_models(unit, later, rows).seen == {"A": 1, "B": 0}
    # Another rule of the split gives units other names; the rows' keys are still known.
    moved = replace(rows, sides=rows.sides.mask(rows.sides.index.isin(test[:2]), "dev"))
    keyed = replace(later, units=frozenset({"other"}), rows=moved)
    results = compare_models(keyed, later, rows)
    assert (results.seen, results.test_rows, results.rows) == ({"A": 2, "B": 0}, 100, 98)
    everything = replace(later, units=frozenset(test), rows=None)
    assert compare_models(everything, later, rows).problem == (
        "No test row is left that neither was fitted or tuned on."
    )


def test_both_models_are_measured_on_the_later_rows_and_labels():
    rows = many_rows()
    old = rows.frame.copy()
    old.iloc[1, 1] = {"yes": "no", "no": "yes"}[old.iloc[1, 1]]
    before = replace(rows, frame=old)
    earlier = replace(contestant(rows, noise=0.4), rows=before)
    results = compare_models(earlier, contestant(rows), rows, pair_rows(before, rows))
    assert results.relabelled == 1
    assert results.problem == ""
    names = [(e.name, e.of_class) for e in results.metrics]
    assert names == [
        ("average_precision", None),
        ("f1", None),
        ("roc_auc", None),
        ("accuracy", None),
        ("log_loss", None),
        ("recall", "no"),
        ("precision", "no"),
        ("recall", "yes"),
        ("precision", "yes"),
    ]
    assert results.rows == 100
    assert results.by_slice.notes == ("the project declares no slices",)
    assert results.mirrored().mirrored() == results
    assert results.mirrored().rows_of == "A"


def test_too_few_rows_are_not_judged():
    rows = many_rows()
    later = contestant(rows)
    strict = replace(later, project=project(gate={"min_test_rows": 101}))
    primary = compare_models(contestant(rows, noise=0.4), strict, rows).primary
    assert primary.reason == "fewer than 101 rows"
    assert not primary.excludes_zero


# Words


SAME = Changes(
    data=compare_data(rows_of(BEFORE), rows_of(BEFORE)), settings=(), code=(), libraries=()
)
SEED = Change(name="seed", before=0, after=1)
MARGIN = Change(name="gate.margin", before=0.01, after=0.02, reaches_model=False)


def test_what_is_not_known_is_never_the_same():
    changes = replace(SAME, data=None, libraries=None)
    assert changes_sentence(changes) == "settings and code the same; data and libraries not known"
    assert attribution(changes) == (
        "Whether data and libraries changed is not known: the effect cannot be attributed."
    )


def test_nothing_changed_is_said():
    sentence = "nothing changed: data, settings, code and libraries are the same"
    assert changes_sentence(SAME) == sentence
    assert attribution(SAME) == ""
    assert changes_line(SAME, "") == f"Since the champion's run: {sentence}."


def test_changes_are_counted_and_named():
    after = {**BEFORE, "b-0": (2, "yes", "train"), "e-0": (5, "yes", "train")}
    data = compare_data(rows_of(BEFORE), rows_of(after))
    changes = replace(SAME, data=data, settings=(MARGIN, SEED))
    assert changes_sentence(changes) == (
        "data: 1 row added, 1 relabelled; settings: seed 0 → 1, gate.margin 0.01 → 0.02; "
        "code and libraries the same"
    )
    assert changes.causes == ("data", "settings")
    assert attribution(changes) == (
        "Data and settings changed together: the effect cannot be attributed to one of them."
    )
    assert replace(changes, settings=(MARGIN,)).causes == ("data",)
    assert attribution(replace(changes, settings=(MARGIN,))) == ""


def comparison(results, changes=SAME, **more):
    runs = {
        "before": ComparedRun(run_id="r1", version="1"),
        "after": ComparedRun(run_id="r2", version=None),
    }
    return RunComparison(project="p", **runs, changes=changes, results=results, **more)


def test_the_text_says_why_models_were_not_compared():
    text = comparison_text(comparison(None, missing=("The models: of A none is left.",)), 100)
    assert text.startswith("p\n  A  version 1, run r1\n  B  run r2\n\n")
    assert "The models were not compared; the reason is at the end.\n" in text
    assert text.endswith("Not compared\n  The models: of A none is left.\n")


def test_the_text_has_all_parts_in_order():
    rows = many_rows()
    results = compare_models(contestant(rows, noise=0.4), contestant(rows), rows)
    found = comparison(results)
    text = comparison_text(found, 100)
    parts = ["nothing changed"[1:], "What changed from A to B", "What it did", "Where (", "Flipped"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    document = found.to_document()
    assert document["results"]["metrics"][0]["name"] == "average_precision"
    assert document["causes"] == []
    assert document["a"] == {"run_id": "r1", "version": "1", "started": ""}
    flipped = document["results"]["flips"]
    assert flipped["fixed"] + flipped["broken"] + flipped["kept"] == 100


def test_the_headline_says_which_is_better_only_where_the_interval_does():
    rows = many_rows()
    model = contestant(rows)
    same = compare_models(model, model, rows)
    assert headline(comparison(same))[0] == "A and B predict the same on 100 shared test rows."
    better = replace(
        same.metrics[0], difference=0.0214, low=0.004, high=0.0381, before=0.5, after=0.5214
    )

    def first(effect):
        return headline(comparison(replace(same, metrics=(effect,))))[0]

    assert first(better) == (
        "B is better than A: average_precision +0.021 [+0.004, +0.038] on 100 shared test rows."
    )
    assert first(better.mirrored()).startswith("B is worse than A: average_precision -0.021 [-0.03")
    assert first(replace(better, low=-0.004)) == (
        "No difference is shown: average_precision +0.021 [-0.004, +0.038] from A to B, on 100 "
        "shared test rows."
    )
    assert first(replace(better, reason="fewer than 200 rows")) == (
        "Not judged, fewer than 200 rows: average_precision +0.021 [+0.004, +0.038] from A to B, "
        "on 100 shared test rows."
    )


# The champion


def gate(differences, checks=()):
    facts = {"metric": "f1", "differences": differences}
    return StageResult(stage="gate", summary="", checks=tuple(checks), facts=facts)


def difference(against, value=0.02, low=0.004, high=0.04):
    label = {"quick": "quick baseline", "constant": "constant baseline"}.get(against, "champion 2")
    return {"against": against, "label": label, "value": value, "low": low, "high": high, "n": 1476}


def test_without_a_model_there_is_nothing_to_compare():
    assert effect_line(None, serving="2", is_champion=False) == (
        "No model was trained, so there is none to compare with the champion."
    )


def test_a_champion_that_cannot_score_is_told_in_the_words_of_the_gate():
    check = Check(
        id="gate.beats_champion",
        stage="gate",
        title="",
        severity="critical",
        outcome="not_applicable",
        detail="The champion 2 cannot be compared with: it needs the column 'x'.",
    )
    assert effect_line(gate([], [check]), serving="2", is_champion=False) == check.detail


def test_the_effect_against_the_champion_is_the_gates_own():
    line = effect_line(
        gate([difference("champion"), difference("anchor")]), serving="2", is_champion=False
    )
    assert line == "Better than version 2: f1 +0.020 [+0.004, +0.040] on 1,476 test rows."
    for low, high, words in (
        (-0.01, 0.04, "Not shown to differ from version 2"),
        (-0.04, -0.01, "Worse than version 2"),
        (None, None, "Not comparable with version 2"),
    ):
        row = difference("champion", low=low, high=high)
        assert effect_line(gate([row]), serving="2", is_champion=False).startswith(words)


def test_a_first_model_is_compared_with_the_baselines():
    rows = [difference("constant", 0.3, 0.2, 0.4), difference("quick")]
    assert effect_line(gate(rows), serving=None, is_champion=False) == (
        "First model: f1 +0.300 [+0.200, +0.400] against the constant baseline, +0.020 [+0.004, "
        "+0.040] against the quick baseline on 1,476 test rows."
    )
    assert changes_line(None, "") == (
        "Nothing to compare data and settings with: there is no champion."
    )


def test_the_champions_own_model_is_said_to_be_that():
    assert effect_line(gate([]), serving="2", is_champion=True) == (
        "This is the champion's own model, version 2: nothing to tell them apart."
    )


def test_an_unknown_run_of_the_champion_is_said():
    assert changes_line(None, "its run r1 is not in /h/runs") == (
        "What changed since the champion's run is not known: its run r1 is not in /h/runs."
    )
