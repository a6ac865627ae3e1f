import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from flows.runs.stage_inputs import columns_to_mitigate, content_of
from tasks.checks import Check
from tasks.errors import ProjectFileError
from tasks.estimators.fitting import fit_estimator
from tasks.performance_audit.offer import Trained, offer_mitigation
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.selection_rate import rate_threshold
from tasks.stage_keys import stage_key
from tasks.training import train
from tasks.training.mitigation import reweigh, reweighing_table
from tasks.training.search import train_rows

LOGISTIC = "sklearn.linear_model.LogisticRegression"
KNN = "sklearn.neighbors.KNeighborsClassifier"


def people(cells):
    """Rows of (group, label, how many)."""
    rows = [(group, label) for group, label, n in cells for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["g", "y"]).astype({"g": "str", "y": "str"})
    frame.loc[frame["g"] == "none", "g"] = None
    return frame


TWO = people([("a", "yes", 3), ("a", "no", 1), ("b", "yes", 1), ("b", "no", 3)])


def weights_of(frame, found):
    named = frame["g"].fillna("none") + " " + frame["y"]
    return {name: float(w) for name, w in zip(named, found.weights, strict=True)}


# Weights


def test_rows_are_not_weighed_by_the_target():
    with pytest.raises(ProjectFileError, match="'y', which is the target"):
        reweigh(TWO, TWO["y"], ["y"])


def test_an_unknown_column_is_refused_with_the_nearest():
    frame = TWO.rename(columns={"g": "group"})
    with pytest.raises(ProjectFileError, match=r"by 'groop'.*did you mean 'group'"):
        reweigh(frame, frame["y"], ["groop"])


def test_the_weights_of_two_groups_and_two_classes():
    # P(a) P(yes) / P(a, yes) = (1/2 * 1/2) / (3/8) = 2/3, and 1/4 / (1/8) = 2
    found = reweigh(TWO, TWO["y"], ["g"])
    assert weights_of(TWO, found) == pytest.approx(
        {"a yes": 2 / 3, "a no": 2, "b yes": 2, "b no": 2 / 3}
    )
    assert found.effective_rows == pytest.approx(8**2 / (6 * 4 / 9 + 2 * 4))


def test_a_strength_of_two_squares_them_and_keeps_what_a_class_weighs():
    # 4/9 and 4; a class then weighs 3 * 4/9 + 4 = 16/3 and not 4, so all are taken by 3/4
    found = reweigh(TWO, TWO["y"], ["g"], strength=2)
    assert weights_of(TWO, found) == pytest.approx(
        {"a yes": 1 / 3, "a no": 3, "b yes": 3, "b no": 1 / 3}
    )


def test_missing_is_a_group_and_a_cell_without_rows_has_no_weight():
    frame = people([("a", "yes", 2), ("a", "no", 2), ("b", "yes", 2), ("none", "no", 2)])
    found = reweigh(frame, frame["y"], ["g"])
    # 1 for a, 1/2 for the others; a class then weighs 3 and not 4
    assert weights_of(frame, found) == pytest.approx(
        {"a yes": 4 / 3, "a no": 4 / 3, "b yes": 2 / 3, "none no": 2 / 3}
    )
    assert found.empty == ("g=b: no", "g=(missing): yes")
    table = reweighing_table(found)
    assert table.frame["n"].tolist() == [2, 2, 0, 2, 2, 0]
    assert table.frame["weight"].isna().tolist() == [False, False, True, False, False, True]
    assert "g=b: no, g=(missing): yes" in table.note


def test_labels_that_are_independent_of_the_group_keep_their_weights():
    frame = people([("a", "yes", 2), ("a", "no", 4), ("b", "yes", 1), ("b", "no", 2)])
    assert reweigh(frame, frame["y"], ["g"], strength=4).weights == pytest.approx(1.0)


def test_several_columns_are_crossed():
    frame = TWO.assign(h=["p", "p", "q", "q"] * 2)
    found = reweigh(frame, frame["y"], ["g", "h"])
    assert found.groups == ("g=a & h=p", "g=a & h=q", "g=b & h=p", "g=b & h=q")


def share_of_yes(frame, weights):
    weighed = pd.DataFrame(
        {"g": frame["g"], "yes": (frame["y"] == "yes") * weights, "all": weights}
    )
    sums = weighed.groupby("g").sum()
    return (sums["yes"] / sums["all"]).to_dict()


def test_with_weights_of_suspects_the_product_is_independent():
    held = np.where((TWO["g"] == "a") & (TWO["y"] == "yes"), 1 / 3, 1.0)
    found = reweigh(TWO, TWO["y"], ["g"], held=held)
    assert weights_of(TWO, found) == pytest.approx(
        {"a yes": 2 / 3, "a no": 4 / 3, "b yes": 4 / 3, "b no": 8 / 9}
    )
    assert share_of_yes(TWO, found.weights * held) == pytest.approx({"a": 1 / 3, "b": 1 / 3})


class Weighed(DummyClassifier):
    """A classifier that remembers the weights of its rows."""

    def fit(self, features, outcomes, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(features, outcomes, sample_weight)


def test_class_weights_keep_the_independence():
    frame = people([("a", "yes", 3), ("a", "no", 5), ("b", "yes", 1), ("b", "no", 11)])
    found = reweigh(frame, frame["y"], ["g"])
    model = Weighed()
    matrix, outcomes = np.zeros((20, 1)), frame["y"].to_numpy(dtype=str)
    fit_estimator(model, matrix, outcomes, class_weight="balanced", weights=found.weights)
    assert share_of_yes(frame, model.weights_) == pytest.approx({"a": 0.5, "b": 0.5})


def test_an_estimator_without_weights_is_refused_where_the_project_mitigates():
    with pytest.raises(ProjectFileError, match=r"takes no weights of rows.*training\.mitigate"):
        fit_estimator(
            KNeighborsClassifier(),
            np.zeros((2, 1)),
            np.array(["a", "b"]),
            class_weight="none",
            weights=np.ones(2),
        )


@pytest.mark.parametrize(
    ("rate", "threshold"), [(1.0, 0.1), (0.75, 0.15), (0.5, 0.55), (0.25, 0.55)]
)
def test_the_threshold_that_at_most_a_share_reaches(rate, threshold):
    assert rate_threshold(np.array([0.1, 0.2, 0.2, 0.9]), rate) == pytest.approx(threshold)


def test_a_share_that_ties_exceed_is_reached_by_none():
    assert rate_threshold(np.array([0.1, 0.9, 0.9]), 0.5) > 0.9


# Training


def rows(n=200):
    """`size` tells the label, and the group by it; the group is no feature."""
    generator = np.random.default_rng(0)
    group = np.arange(n) % 2
    label = generator.random(n) < np.where(group, 0.6, 0.2)
    frame = pd.DataFrame(
        {
            "size": label + 0.8 * group + generator.normal(scale=0.5, size=n),
            "g": pd.Series(np.where(group, "b", "a"), dtype="str"),
            "y": pd.Series(np.where(label, "yes", "no"), dtype="str"),
        }
    ).set_index(pd.Index([f"r{at:03d}" for at in range(n)], name="row_key"))
    side = np.array(["train", "train", "dev", "test", "train"])[np.arange(n) // 2 % 5]
    split = pd.DataFrame({"unit": frame.index, "side": side}, index=frame.index)
    return frame, split


ROLES = Roles(target="y", positive_class="yes", numeric=("size",), excluded={"g": "protected"})


def project(estimator=LOGISTIC, gaps=(), floors=(), **training):
    candidates = [{"name": "only", "estimator": estimator}]
    return Project.model_validate(
        {
            "name": "p",
            "source": "s.csv",
            "target": "y",
            "positive_class": "yes",
            "training": {"candidates": candidates, **training},
            "audit": {"gaps": list(gaps), "floors": list(floors), "min_support": 5},
            "gate": {"replicates": 200},
        }
    )


def one(result, name):
    found = [check for check in result.checks if check.id == name]
    assert len(found) <= 1
    return found[0] if found else None


def test_where_nothing_asks_nothing_is_offered_and_nothing_weighs():
    result = train(Dataset(*rows(), ROLES), project())
    assert set(result.outputs) == {"dev_predictions"}
    assert one(result, "training.mitigated") is one(result, "training.reweighed") is None
    assert not {"mitigation", "reweighed"} & set(result.facts)


def test_an_offer_leaves_the_candidate_as_it_is():
    plain = train(Dataset(*rows(), ROLES), project())
    offered = train(Dataset(*rows(), ROLES), project(), mitigate=("g",))
    assert offered.files == plain.files
    assert offered.outputs["dev_predictions"].equals(plain.outputs["dev_predictions"])
    assert offered.facts["mitigation"] == {"columns": ["g"], "strengths": [1.0, 2.0, 4.0]}
    assert offered.tables["mitigated"].frame["strength"].tolist() == [1.0, 2.0, 4.0]
    assert one(offered, "training.mitigated").outcome == "passed"
    again = train(Dataset(*rows(), ROLES), project(), mitigate=("g",))
    assert again.outputs["mitigated_4"].equals(offered.outputs["mitigated_4"])


def test_an_adopted_strength_is_what_was_offered():
    offered = train(Dataset(*rows(), ROLES), project(), mitigate=("g",))
    adopted = train(
        Dataset(*rows(), ROLES),
        project(mitigate={"columns": ["g"], "strength": 2}),
        mitigate=("g",),
    )
    assert adopted.outputs["dev_predictions"].equals(offered.outputs["mitigated_2"])
    assert adopted.facts["mitigation"]["strengths"] == [4.0]
    assert one(adopted, "training.reweighed").outcome == "passed"
    assert adopted.facts["reweighed"]["strength"] == 2


def test_an_adopted_rate_raises_the_threshold_for_all():
    mitigate = {"columns": ["g"], "strength": 0, "max_selection_rate": 0.1}
    result = train(Dataset(*rows(), ROLES), project(mitigate=mitigate))
    predicted = result.outputs["dev_predictions"]["predicted"]
    assert (predicted == "yes").sum() == 4  # of 40 dev rows
    assert "at most 10.0% of dev" in one(result, "training.reweighed").detail
    loose = {**mitigate, "max_selection_rate": 0.99}
    plain = train(Dataset(*rows(), ROLES), project())
    assert (
        train(Dataset(*rows(), ROLES), project(mitigate=loose)).facts["threshold"]
        == plain.facts["threshold"]
    )


def test_an_adopted_mitigation_says_what_it_did_to_the_metric():
    result = train(Dataset(*rows(), ROLES), project(mitigate={"columns": ["g"], "strength": 4}))
    assert "and was then mitigated" in one(result, "training.chosen").detail
    offered = train(Dataset(*rows(), ROLES), project(), mitigate=("g",))
    change = offered.tables["mitigated"].frame["difference"].iloc[-1]
    assert f"on dev is {change:+.3f} (" in one(result, "training.reweighed").detail


def test_a_family_that_takes_no_weights_cannot_adopt_them():
    with pytest.raises(ProjectFileError, match="KNeighborsClassifier takes no weights of rows"):
        train(Dataset(*rows(), ROLES), project(KNN, mitigate="g"))


def test_a_family_that_takes_no_weights_gets_no_offer():
    check = one(train(Dataset(*rows(), ROLES), project(KNN), mitigate=("g",)), "training.mitigated")
    assert check.outcome == "not_applicable"
    assert "takes no weights" in check.detail


def test_weights_that_a_family_cannot_bear_are_an_error_beside_the_candidate():
    result = train(Dataset(*rows(), ROLES), project(), mitigate=("absent",))
    check = one(result, "training.mitigated")
    assert (check.outcome, check.severity) == ("error", "info")
    assert "absent" in check.detail
    assert result.facts["chosen"] == "only"


def test_suspects_are_counted_apart_from_weights_of_groups():
    frame, split = rows()
    about = {"metric": "f1", "seed": 0, "allow_imports": ()}
    suspect = pd.Series({frame.index[0]: 0.25})
    plain = train_rows(Dataset(frame, split, ROLES), project().training, **about, weights=suspect)
    learned = frame.loc[plain.labels.index]
    found = reweigh(learned, plain.labels, ["g"], held=plain.suspicion)
    weighed = plain.reweighed(found)
    assert (plain.weighted, weighed.weighted) == (1, 1)
    assert weighed.weights[:2] == pytest.approx([0.25 * found.weights[0], found.weights[1]])
    assert share_of_yes(learned, weighed.weights)["a"] == pytest.approx(
        share_of_yes(learned, weighed.weights)["b"]
    )


# What runs again

GAP = {"column": "g", "metric": "selection_rate", "max_difference": 0.2}


def test_a_changed_limit_trains_nothing_again_and_another_column_does():
    one, other = project(gaps=[GAP]), project(gaps=[{**GAP, "max_difference": 0.3}])
    assert columns_to_mitigate(one) == columns_to_mitigate(other) == ("g",)
    assert stage_key("training", one, {}) == stage_key("training", other, {})
    assert stage_key("performance_audit", one, {}) != stage_key("performance_audit", other, {})
    assert columns_to_mitigate(project(gaps=[GAP, {**GAP, "column": "h"}])) == ("g", "h")
    assert content_of(("g",), None) != content_of(("g", "h"), None)
    assert columns_to_mitigate(project()) == ()
    assert columns_to_mitigate(project(gaps=[GAP], offer_mitigated=False)) == ()


def test_adopting_trains_again():
    assert stage_key("training", project(), {}) != stage_key("training", project(mitigate="g"), {})


# The offer of the audit

FOUR_FIFTHS = {"column": "g", "metric": "selection_rate", "class": "no", "min_ratio": 0.8}


def failed_gap(severity="critical", outcome="failed", value=0.6):
    return Check(
        id="performance_audit.gap:g:selection_rate.no:ratio",
        stage="performance_audit",
        title="t",
        severity=severity,
        outcome=outcome,
        detail="d",
        value=value,
        limit=0.8,
    )


def dev_rows():
    """20 dev rows, 10 a group: 2 of a and 5 of b are 'yes'."""
    labels = ["yes"] * 2 + ["no"] * 8 + ["yes"] * 5 + ["no"] * 5
    frame = pd.DataFrame({"g": ["a"] * 10 + ["b"] * 10, "y": labels}, dtype="str")
    frame.index = pd.Index([f"k{at:02d}" for at in range(20)], name="row_key")
    return frame, pd.DataFrame({"side": "dev", "unit": frame.index}, index=frame.index)


def predictions(frame, scores, threshold=0.5):
    scores = np.asarray(scores)
    predicted = pd.Series(np.where(scores >= threshold, "yes", "no"), frame.index, dtype="str")
    return pd.DataFrame({"predicted": predicted, "p:no": 1 - scores, "p:yes": scores})


OF_A = [0.9, 0.85, *[0.1] * 8]
SHARP = [*OF_A, 0.8, 0.75, 0.7, 0.65, 0.6, *[0.2] * 5]
"""As chosen: 2 of a and 5 of b are selected, so that 8/10 and 5/10 are not."""
LEVEL = [*OF_A, 0.8, 0.75, 0.7, 0.4, 0.4, *[0.2] * 5]
"""Weighed: 3 of b are selected."""


def offer(gaps, scores, mitigated, checks=None, floors=()):
    frame, split = dev_rows()
    trained = Trained(
        dev_predictions=predictions(frame, scores),
        columns=("g",),
        mitigated={strength: predictions(frame, own) for strength, own in mitigated.items()},
    )
    checks = [failed_gap()] if checks is None else checks
    declared = project(gaps=gaps, floors=floors)
    return offer_mitigation(checks, Dataset(frame, split, ROLES), declared, trained)


def test_no_refused_gap_no_offer():
    assert offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, checks=[]).checks == ()
    assert offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, checks=[failed_gap("info")]).checks == ()


def test_a_gap_that_its_interval_leaves_open_has_an_offer_where_its_value_is_beyond_the_limit():
    beyond = failed_gap(outcome="not_applicable")
    assert len(offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, checks=[beyond]).checks) == 1
    for within in (
        failed_gap(outcome="not_applicable", value=0.9),
        failed_gap(outcome="not_applicable", value=None),
    ):
        assert offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, checks=[within]).checks == ()


def test_the_offer_says_what_it_meets_and_what_it_costs():
    finding = offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL})
    (check,) = finding.checks
    assert (check.outcome, check.severity) == ("passed", "info")
    # F1: 7 of 7 as chosen (1.000); 5 hits of 5 selected and 7 true is 10 / 12.
    assert "f1 -0.167" in check.detail
    assert "from 1.000 to 0.833" in check.detail
    assert "would meet 1 of 1 limits" in check.detail
    assert "the candidate meets 0 of 1 limits" in check.detail
    assert "ratio of selection rate of no by g 0.625 to 0.875" in check.detail
    assert finding.facts["mitigation_offer"]["adopt"].startswith("training.mitigate={columns: [g]")
    gap = finding.tables["mitigation_limits"].frame.iloc[0]
    assert (gap["candidate"], gap["mitigated"]) == pytest.approx((0.625, 0.875))
    meets = (gap["candidate_meets"], gap["mitigated_meets"])
    assert meets == ("no, not certain", "yes, not certain")  # of ten rows a group
    metric = finding.tables["mitigation_offer"].frame.iloc[0]
    assert metric["change_low"] <= metric["change"] <= metric["change_high"]


def test_without_another_fit_the_threshold_is_raised_for_all():
    finding = offer([FOUR_FIFTHS], SHARP, {})
    # 7 of 20 are selected; at 4 of 20 they are 2 of a and 2 of b: 8/10 and 8/10.
    # At 5 of 20 they are 2 of a and 3 of b: 7/10 over 8/10 is 0.875, which is enough.
    options = finding.tables["mitigation_options"].frame
    ratios = options["ratio of selection rate of no by g"].tolist()
    assert ratios == pytest.approx([0.625, 0.875])
    rate = float(options["max_selection_rate"].iloc[1])
    assert 0.25 <= rate < 0.3
    adopt = finding.facts["mitigation_offer"]["adopt"]
    assert adopt == f"training.mitigate={{columns: [g], strength: 0, max_selection_rate: {rate:g}}}"


def test_a_floor_that_an_option_misses_on_dev_counts_against_it():
    floor = {"metric": "recall", "class": "yes", "minimum": 0.9}
    finding = offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, floors=[floor])
    (check,) = finding.checks
    # The gap is met at the price of the floor (5 of 7 found): no better than the candidate.
    assert check.outcome == "not_applicable"
    assert finding.tables["mitigation_options"].frame["floors_missed"].tolist() == [0, 1, 1]


def test_a_floor_that_dev_leaves_open_is_named():
    floor = {"metric": "recall", "class": "yes", "minimum": 0.5}
    (check,) = offer([FOUR_FIFTHS], SHARP, {1.0: LEVEL}, floors=[floor]).checks
    # 5 of 7 found, by Wilson 0.359 to 0.918
    assert "Not sure to hold on test: recall.yes 0.714 (0.359 to 0.918) for a floor of 0.5" in (
        check.detail
    )


def test_dev_on_which_the_candidate_meets_every_limit_gives_no_offer():
    (check,) = offer([FOUR_FIFTHS], LEVEL, {1.0: LEVEL}).checks
    assert check.outcome == "not_applicable"
    assert "meets every declared limit" in check.detail


def test_nothing_that_helps_is_said():
    # Both groups are told apart by one score each; no threshold selects some of one alone.
    scores = [0.3] * 10 + [0.9] * 10
    gap = {"column": "g", "metric": "false_negative_rate", "max_difference": 0.1}
    finding = offer([gap], scores, {1.0: scores})
    (check,) = finding.checks
    assert check.outcome == "not_applicable"
    assert "none of 1 that were tried" in check.detail
