"""The gate's rules: what must not be promoted first, then what may."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tasks.checks import Check
from tasks.errors import ProjectFileError
from tasks.estimators import build_pipeline, feature_frame, fit_pipeline, predict
from tasks.gate import judge, judge_candidate
from tasks.gate.contest import Opponent
from tasks.gate.rules import decide, in_test_rows, rows_needed
from tasks.gate.spending import one_sided_level
from tasks.intervals import Difference, tango
from tasks.models import Champion, load_model, save_model
from tasks.project.dataset import Dataset
from tasks.project.decision_sections import GateSection
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.row_recognition import hash_rows
from tasks.seen_rows import SeenRows
from tasks.stage_specs import stage_names
from tasks.wear import EarlierJudgement, Wear


def make_project(*, gate=None, **sections):
    return Project(
        name="demo", source="d.csv", target="y", positive_class="yes", gate=gate or {}, **sections
    )


def make_roles(positive="yes"):
    return Roles(target="y", positive_class=positive)


def earlier(outcome="passed", *, severity="critical", required=False, stage="performance_audit"):
    return Check(
        id=f"{stage}.floor:recall",
        stage=stage,
        title="Recall",
        severity=severity,
        outcome=outcome,
        detail=f"Recall was {outcome} in {stage}.",
        required=required,
    )


def case(only_candidate, only_champion, rows=400):
    """Labels (half yes) and three models: `b` and `c` rows that only one has right.

    The rest both have right. Probabilities follow the predicted labels. The constant says no.
    """
    keys = pd.Index([f"k{i:05d}" for i in range(rows)], name="row_key")
    labels = pd.Series(["yes", "no"] * (rows // 2), index=keys, dtype="str")
    wrong = pd.Series(np.where(labels == "yes", "no", "yes"), index=keys, dtype="str")
    places = np.arange(rows)
    first = places < only_candidate
    second = (places >= only_candidate) & (places < only_candidate + only_champion)
    return labels, model(labels.where(~second, wrong)), model(labels.where(~first, wrong))


def model(predicted):
    yes = np.where(predicted == "yes", 0.9, 0.1)
    return pd.DataFrame(
        {"predicted": predicted.astype("str"), "p:no": 1 - yes, "p:yes": yes},
        index=predicted.index,
    )


def constant_of(labels):
    frame = model(pd.Series("no", index=labels.index))
    return frame.assign(**{"p:no": 0.5, "p:yes": 0.5})


def run(
    labels, candidate, champion, *, metric="accuracy", gate=None, quick=None, positive="yes",
    absolute=None, problem="", comparable=None, anchor=None, wear=1, **options,
):  # fmt: skip
    sections = options.pop("sections", {})
    if problem or isinstance(champion, pd.DataFrame):
        champion = Opponent.of_version(
            "champion", "3", champion, problem=problem, comparable=comparable
        )
    result = judge(
        labels=labels,
        candidate=candidate,
        champion=champion,
        anchor=anchor,
        wear=worn(wear) if isinstance(wear, int) else wear,
        constant=constant_of(labels),
        quick=constant_of(labels) if quick is None and champion is not None else quick,
        metric=metric,
        absolute=[earlier()] if absolute is None else absolute,
        project=make_project(gate=gate, **sections),
        roles=make_roles(positive),
        **options,
    )
    json.dumps(result.facts, allow_nan=False)
    assert result.facts["reasons"]
    assert (result.outcome in {"passed", "warned"}) == (result.facts["verdict"] == "promote")
    return result


def worn(judgements, share=1.0, **about):
    """The wear by so many judgements, this one included, of which earlier ones share rows."""
    base = {"project": "p", "action": "reject", "version": "1", "epoch": "1", "share": share}
    earlier = [
        EarlierJudgement(**{"entry": number, **base, **about}) for number in range(1, judgements)
    ]
    return Wear(project="p", earlier=tuple(earlier))


def outcomes(result):
    return {check.id.removeprefix("gate."): check.outcome for check in result.checks}


# Better by 60 rows of 400, with 20 the other way: promoted by every rule unless something blocks.
CLEARLY_BETTER = (80, 20)


# What never promotes: earlier checks.


def test_a_failed_critical_check_rejects_a_better_candidate_and_comes_first():
    result = run(*case(*CLEARLY_BETTER), absolute=[earlier(), earlier("failed")])
    assert result.facts["verdict"] == "reject"
    assert result.facts["reasons"] == ["Recall was failed in performance_audit."]
    assert outcomes(result)["absolute_checks"] == "failed"
    assert outcomes(result)["beats_champion"] == "passed"
    assert result.facts["rows_needed"] is None


@pytest.mark.parametrize(
    "blocking",
    [earlier("error"), earlier("not_applicable", required=True)],
    ids=["critical error", "required not applicable"],
)
def test_what_could_not_be_judged_is_inconclusive(blocking):
    result = run(*case(*CLEARLY_BETTER), absolute=[earlier(), blocking])
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == [blocking.detail]
    assert result.facts["rows_needed_reason"] == "more rows will not decide it"


def test_a_failure_outweighs_an_error():
    absolute = [earlier("error", stage="baselines"), earlier("failed")]
    result = run(*case(*CLEARLY_BETTER), absolute=absolute)
    assert result.facts["verdict"] == "reject"
    assert result.facts["reasons"][0] == "Recall was failed in performance_audit."


@pytest.mark.parametrize(
    "harmless",
    [
        earlier("failed", severity="warning"),
        earlier("failed", severity="info"),
        earlier("error", severity="warning"),
        earlier("not_applicable"),
    ],
)
def test_what_does_not_block_does_not_block(harmless):
    result = run(*case(*CLEARLY_BETTER), absolute=[earlier(), harmless])
    assert result.facts["verdict"] == "promote"


@pytest.mark.parametrize(
    ("absolute", "expected"),
    [
        ([], "Nothing was judged before the gate."),
        ([earlier("not_applicable")], "Nothing was judged before the gate."),
        (
            [earlier(), earlier("not_applicable", stage="leakage")],
            "Nothing was judged in leakage.",
        ),
    ],
)
def test_nothing_judged_is_inconclusive(absolute, expected):
    result = run(*case(*CLEARLY_BETTER), absolute=absolute)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == [expected]


def test_a_stage_that_left_no_check_is_missed():
    result = run(*case(*CLEARLY_BETTER), expected_stages=("training", "performance_audit"))
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == ["Nothing was judged in training."]


# What never promotes: the comparison cannot be made.


def test_a_champion_that_cannot_score_is_inconclusive_not_a_first_model():
    labels, candidate, _ = case(*CLEARLY_BETTER)
    result = run(labels, candidate, None, problem="the column 'lvr' is gone.")
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["rule"] == "improve"
    assert result.facts["against"] == "3"
    assert result.facts["difference"] is None
    assert result.facts["reasons"] == [
        "The champion 3 cannot be compared with: the column 'lvr' is gone."
    ]


def test_a_champion_without_predictions_is_inconclusive():
    labels, candidate, _ = case(*CLEARLY_BETTER)
    missing = Opponent.of_version("champion", "3", None)
    result = run(labels, candidate, missing)
    assert result.facts["verdict"] == "inconclusive"
    assert "it gave no predictions" in result.facts["reasons"][0]


@pytest.mark.parametrize("metric", ["accuracy", "f1", "average_precision", "log_loss"])
@pytest.mark.parametrize("side", ["candidate", "champion 3"])
def test_a_row_that_a_model_did_not_score_is_inconclusive(metric, side):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    if side == "candidate":
        candidate = candidate.iloc[1:]
    else:
        champion = champion.iloc[1:]
    result = run(labels, candidate, champion, metric=metric)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"][0] == (
        f"{metric} of the {side} is undefined on the 400 rows compared."
    )
    assert result.facts["difference"]["value"] is None


def test_nan_probabilities_are_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    candidate = candidate.assign(**{"p:yes": math.nan})
    result = run(labels, candidate, champion, metric="average_precision")
    assert result.facts["verdict"] == "inconclusive"


@pytest.mark.parametrize("opponent", ["champion", "baselines"])
@pytest.mark.parametrize("metric", ["average_precision", "roc_auc", "log_loss"])
def test_a_metric_of_probabilities_without_any_is_inconclusive(metric, opponent):
    labels, candidate, other = case(*CLEARLY_BETTER)
    bare = candidate[["predicted"]]
    champion, quick = (other, None) if opponent == "champion" else (None, other)
    result = run(labels, bare, champion, quick=quick, metric=metric)
    assert result.facts["verdict"] == "inconclusive"
    assert f"{metric} of the candidate is undefined" in result.facts["reasons"][-1]


@pytest.mark.parametrize("metric", ["accuracy", "f1", "log_loss"])
def test_a_first_model_with_an_undefined_metric_is_inconclusive(metric):
    labels, candidate, quick = case(*CLEARLY_BETTER)
    candidate = candidate.assign(**{"p:yes": math.nan, "p:no": math.nan})
    candidate.loc[candidate.index[0], "predicted"] = None
    result = run(labels, candidate, None, quick=quick, metric=metric)
    assert result.facts["verdict"] == "inconclusive"
    assert outcomes(result)["beats_constant"] == outcomes(result)["beats_quick"] == "not_applicable"


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss"])
def test_a_champion_without_a_class_that_no_test_row_has_is_compared(metric):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    candidate = candidate.assign(**{"p:maybe": 0.0})
    result = run(labels, candidate, champion, metric=metric, positive=None)
    assert result.facts["verdict"] == "promote"


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="unknown metric 'auc'"):
        run(*case(*CLEARLY_BETTER), metric="auc")


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(ValueError, match="comparable marks 2 rows, and there are 400 labels"):
        run(*case(*CLEARLY_BETTER), comparable=np.array([True, False]))


def test_a_metric_that_is_often_undefined_is_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    labels = labels.mask(labels == "yes", "no")
    labels.iloc[:3] = "yes"
    result = run(labels, candidate, champion, metric="recall", gate={"min_positives": 1})
    assert result.facts["verdict"] == "inconclusive"
    assert "has no interval: the metric is undefined in" in result.facts["reasons"][0]
    assert "the class 'yes' has 3, and 5 of each class are needed" in result.facts["reasons"][0]


# What never promotes: too few rows.


def test_too_few_rows_are_inconclusive_whatever_they_say():
    for b, c in ((80, 2), (2, 80)):
        result = run(*case(b, c, rows=98))
        assert result.facts["verdict"] == "inconclusive"
        assert outcomes(result) == {
            "absolute_checks": "passed",
            "support": "not_applicable",
            "wear": "passed",
            "beats_champion": "not_applicable",
        }
        assert result.facts["reasons"] == [
            "Too little to compare: 98 of 98 test rows can be compared, "
            "with 98 rows where 100 are needed."
        ]
        assert result.facts["rows_needed"] == 100


def test_no_rows_at_all_are_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    for metric in ("accuracy", "f1", "roc_auc"):
        result = run(labels, candidate, champion, metric=metric, comparable=np.zeros(400, bool))
        assert result.facts["verdict"] == "inconclusive"
        assert result.facts["rows_compared"] == 0
        assert result.facts["rows_needed"] is None


def test_only_rows_that_neither_model_saw_are_compared():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    # Among the last 300 rows the champion is never beaten.
    comparable = np.arange(400) >= 100
    result = run(labels, candidate, champion, comparable=comparable)
    assert result.facts["rows_compared"] == 300
    assert result.facts["difference"]["n"] == 300
    assert result.facts["difference"]["value"] == 0
    assert "300 of 400 test rows" in result.checks[1].detail


def test_too_few_positives_are_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    keep = (labels == "no") | (np.arange(400) < 58)
    result = run(labels[keep], candidate[keep], champion[keep])
    assert result.facts["verdict"] == "inconclusive"
    assert "29 rows of class yes where 30 are needed" in result.facts["reasons"][0]
    # 229 rows hold 29 positives; 30 of them need 237.
    assert result.facts["rows_needed"] == 237


def test_positives_are_not_asked_for_with_more_classes():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    assert run(labels, candidate, champion, positive=None).facts["verdict"] == "promote"


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
@pytest.mark.parametrize("intent", ["improve", "refresh"])
def test_too_few_discordant_rows_are_inconclusive(metric, intent):
    result = run(*case(9, 0), metric=metric, gate={"intent": intent})
    assert result.facts["verdict"] == "inconclusive"
    assert "Only 9 rows tell the candidate from the champion 3" in result.facts["reasons"][0]
    assert run(*case(10, 0), metric=metric).facts["verdict"] == "promote"


def test_too_few_groups_are_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    groups = pd.Series(np.arange(400) % 9, index=labels.index)
    result = run(labels, candidate, champion, groups=groups)
    assert result.facts["verdict"] == "inconclusive"
    assert "9 groups where 10 are needed" in result.facts["reasons"][0]


# improve and refresh.


@pytest.mark.parametrize(
    ("b", "c", "verdict"),
    [
        (80, 20, "promote"),  # +0.15, far above 0
        (20, 80, "reject"),  # -0.15
        (12, 10, "inconclusive"),  # +0.005: neither above 0 nor below 0.01
        (30, 15, "promote"),  # a bound just above 0
        (29, 16, "inconclusive"),
    ],
)
def test_improve_by_accuracy(b, c, verdict):
    result = run(*case(b, c))
    low, high = tango(b, c, 400)
    found = result.facts["difference"]
    assert result.facts["verdict"] == verdict
    assert (found["value"], found["low"], found["high"]) == ((b - c) / 400, low, high)
    assert (found["method"], found["discordant"]) == ("tango", b + c)
    assert found["p_value"] is not None
    assert (result.facts["rule"], result.facts["against"]) == ("improve", "3")


def test_improve_rejects_a_gain_that_is_surely_too_small():
    # Low below 0, high below the smallest gain.
    assert run(*case(50, 50, rows=20000)).facts["verdict"] == "reject"
    result = run(*case(50, 50, rows=20000), gate={"min_gain": 0.0005})
    assert result.facts["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("b", "c", "rows", "verdict"),
    [
        (50, 50, 20000, "promote"),  # no loss beyond 0.01
        (50, 550, 20000, "reject"),  # -0.025
        (20, 25, 400, "inconclusive"),
        (80, 20, 400, "promote"),
    ],
)
def test_refresh_by_accuracy(b, c, rows, verdict):
    result = run(*case(b, c, rows=rows), gate={"intent": "refresh"})
    assert result.facts["verdict"] == verdict
    assert result.facts["rule"] == "refresh"


@pytest.mark.parametrize("metric", ["f1", "macro_f1", "average_precision", "roc_auc", "log_loss"])
def test_other_metrics_are_decided_by_the_paired_bootstrap_better_first(metric):
    labels, good, bad = case(80, 20)
    promoted = run(labels, good, bad, metric=metric)
    assert promoted.facts["verdict"] == "promote"
    assert promoted.facts["difference"]["low"] > 0
    assert promoted.facts["difference"]["method"] == "paired bootstrap"
    assert promoted.facts["difference"]["p_value"] is None
    assert run(labels, bad, good, metric=metric).facts["verdict"] == "reject"


def test_grouped_rows_are_compared_by_group():
    labels, candidate, champion = case(30, 15)
    groups = pd.Series(np.arange(400) // 15, index=labels.index)
    result = run(labels, candidate, champion, groups=groups)
    assert result.facts["difference"]["method"] == "paired group bootstrap"
    # Row by row the gain is significant; all of it is in three groups.
    assert result.facts["verdict"] == "inconclusive"


def test_identical_models_improve_nothing_and_refresh_safely():
    labels, candidate, _ = case(0, 40)
    for metric in ("accuracy", "f1", "average_precision"):
        result = run(labels, candidate, candidate.copy(), metric=metric)
        assert result.facts["verdict"] == "reject"
        assert result.facts["difference"]["method"] == "identical predictions"
        refreshed = run(
            labels, candidate, candidate.copy(), metric=metric, gate={"intent": "refresh"}
        )
        assert refreshed.facts["verdict"] == "promote"


def test_a_probability_apart_is_not_identical():
    labels, candidate, _ = case(0, 40)
    champion = candidate.assign(**{"p:yes": candidate["p:yes"] * 0.99})
    result = run(labels, candidate, champion)
    assert result.facts["verdict"] == "inconclusive"
    assert "Only 0 rows tell" in result.facts["reasons"][0]
    assert result.facts["rows_needed"] is None


# The first model.


def test_the_first_model_has_to_beat_both_baselines():
    labels, candidate, quick = case(60, 20)
    result = run(labels, candidate, None, quick=quick)
    assert result.facts["verdict"] == "promote"
    assert result.facts["rule"] == "first_model"
    assert result.facts["against"] == "constant and quick baselines"
    assert outcomes(result)["beats_constant"] == outcomes(result)["beats_quick"] == "passed"
    assert result.facts["reasons"][0].startswith("This is the first model")
    # The hardest of the two is the quick model.
    assert result.facts["difference"]["against"] == "quick"
    assert [row["against"] for row in result.facts["differences"]] == ["constant", "quick"]


@pytest.mark.parametrize(("b", "c", "verdict"), [(20, 60, "reject"), (22, 20, "inconclusive")])
def test_the_first_model_against_the_quick_baseline(b, c, verdict):
    labels, candidate, quick = case(b, c)
    result = run(labels, candidate, None, quick=quick)
    assert result.facts["verdict"] == verdict
    assert outcomes(result)["beats_constant"] == "passed"
    assert "quick baseline" in result.facts["reasons"][0]


def test_the_first_model_needs_every_earlier_check():
    labels, candidate, quick = case(60, 20)
    result = run(labels, candidate, None, quick=quick, absolute=[earlier("failed")])
    assert result.facts["verdict"] == "reject"


def test_the_first_model_is_judged_by_improve_even_for_a_refresh():
    labels, candidate, quick = case(22, 20)
    result = run(labels, candidate, None, quick=quick, gate={"intent": "refresh", "margin": 0.5})
    assert result.facts["verdict"] == "inconclusive"


def test_without_a_quick_baseline_the_first_model_is_inconclusive():
    labels, candidate, _ = case(60, 20)
    result = run(labels, candidate, None)
    assert result.facts["verdict"] == "inconclusive"
    assert "quick baseline cannot be compared with" in result.facts["reasons"][0]


def test_a_constant_model_never_becomes_the_first():
    labels, _, quick = case(60, 20)
    for metric in ("accuracy", "f1", "average_precision", "precision"):
        result = run(labels, constant_of(labels), None, quick=quick, metric=metric)
        assert result.facts["verdict"] != "promote"


def test_precision_can_beat_a_baseline_that_predicts_nothing():
    labels, candidate, quick = case(80, 20)
    result = run(labels, candidate, None, quick=quick, metric="precision")
    assert outcomes(result)["beats_constant"] == "passed"
    multi = run(labels, candidate, None, quick=quick, metric="precision", positive=None)
    assert outcomes(multi)["beats_constant"] == "passed"


def bold_of(labels, shift):
    """Scores that rank every row right; `shift` moves the probabilities, the labels with them."""
    yes = np.clip(np.where(labels == "yes", 0.6, 0.2) + shift, 0.01, 0.99)
    predicted = pd.Series(np.where(yes >= 0.5, "yes", "no"), index=labels.index, dtype="str")
    return pd.DataFrame({"predicted": predicted, "p:no": 1 - yes, "p:yes": yes})


def rare(rows=400):
    keys = pd.Index([f"k{i:05d}" for i in range(rows)], name="row_key")
    return pd.Series(["yes", *["no"] * 4] * (rows // 5), index=keys, dtype="str")


def test_a_first_model_that_is_worse_than_the_constant_by_what_people_read_says_so():
    labels = rare()
    # Everything "yes" from 0.55 on: 80 of 400 right; the constant "no" has 320.
    result = run(
        labels, bold_of(labels, 0.35), None, quick=constant_of(labels), metric="average_precision"
    )
    assert result.facts["verdict"] == "promote"
    found = {check.id: check for check in result.checks}
    accuracy = found["gate.no_worse_than_constant:accuracy"]
    assert (accuracy.outcome, accuracy.severity, accuracy.n) == ("failed", "warning", 400)
    assert accuracy.value == pytest.approx(80 / 400 - 320 / 400)
    assert accuracy.interval[1] < 0
    # Told: 0.95 of those that are, 0.55 of the rest; the constant tells one half.
    loss = found["gate.no_worse_than_constant:log_loss"]
    wanted = np.log(2) + (np.log(0.95) * 80 + np.log(0.45) * 320) / 400
    assert loss.value == pytest.approx(wanted)
    assert loss.outcome == "passed"
    assert result.facts["reasons"][1] == accuracy.detail
    assert "By accuracy the candidate is surely worse than the constant" in accuracy.detail


def test_a_model_that_is_no_worse_than_the_constant_has_no_such_reason():
    labels = rare()
    result = run(
        labels, bold_of(labels, 0.0), None, quick=constant_of(labels), metric="average_precision"
    )
    told = [check for check in result.checks if "no_worse_than_constant" in check.id]
    assert [check.outcome for check in told] == ["passed", "passed"]
    assert not any("no worse" in reason for reason in result.facts["reasons"])


def test_the_projects_metric_is_compared_with_the_constant_where_the_gate_has_another():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    sections = {"training": {"metric": "f1"}}
    result = run(labels, candidate, champion, sections=sections)
    names = [check.id.partition(":")[2] for check in result.checks if "no_worse" in check.id]
    assert names == ["f1", "log_loss"]
    without = candidate[["predicted"]]
    result = run(labels, without, None, quick=champion[["predicted"]])
    assert outcomes(result)["no_worse_than_constant:log_loss"] == "not_applicable"
    assert result.facts["verdict"] == "promote"


# The anchor.


def pinned(labels, candidate, ahead, behind, **more):
    """The anchor 2: like the candidate, but for `ahead` rows that only the candidate has right.

    And `behind` rows that only the anchor has right; the candidate must be wrong that often.
    """
    right = (candidate["predicted"] == labels).to_numpy()
    wrong = pd.Series(np.where(labels == "yes", "no", "yes"), index=labels.index, dtype="str")
    predicted = candidate["predicted"].copy()
    predicted.iloc[np.flatnonzero(right)[:ahead]] = wrong.iloc[np.flatnonzero(right)[:ahead]]
    predicted.iloc[np.flatnonzero(~right)[:behind]] = labels.iloc[np.flatnonzero(~right)[:behind]]
    return Opponent.of_version("anchor", "2", model(predicted), **more)


ANCHORED = {"anchor": 2}


def test_a_loss_beyond_the_budget_rejects_a_candidate_that_beats_the_champion():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = pinned(labels, candidate, ahead=0, behind=20)
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert outcomes(result)["beats_champion"] == "passed"
    assert outcomes(result)["anchor"] == "failed"
    assert result.facts["verdict"] == "reject"
    assert result.facts["reasons"][0].startswith(
        "The candidate falls behind by more than the budget of 0.02 of the anchor 2: "
        "accuracy differs by -0.0500"
    )


def test_a_loss_beyond_the_budget_that_is_not_excluded_is_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = pinned(labels, candidate, ahead=10, behind=20)
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert outcomes(result)["anchor"] == "not_applicable"
    assert result.facts["verdict"] == "inconclusive"
    # Share of discordant rows 0.075, budget 0.02: (1.96 + .8416) ** 2 * 0.075 / 0.02 ** 2
    assert result.facts["rows_needed"] == 1472
    assert result.facts["reasons"][0].startswith(
        "It is not settled whether the candidate stays within the budget of the anchor 2: "
    )
    assert "about 1072 more test rows would decide it (1472 in all)" in result.facts["reasons"][0]


def test_rows_needed_are_those_of_the_comparison_that_needs_most():
    labels, candidate, champion = case(12, 10)
    anchor = pinned(labels, candidate, ahead=10, behind=10)
    both = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    # By the champion alone 4315; the anchor needs .05 * 19622 = 982.
    assert both.facts["rows_needed"] == 4315
    hopeless = {**ANCHORED, "budget": 0.2, "min_discordant": 21}
    result = run(
        labels, candidate, champion, gate=hopeless, anchor=Opponent.of_version("anchor", "2", None)
    )
    assert result.facts["rows_needed"] is None
    assert result.facts["rows_needed_reason"] == "more rows will not decide it"


def test_within_the_budget_the_anchor_is_passed_and_shown_apart():
    labels, candidate, champion = case(50, 50, rows=4000)
    anchor = pinned(labels, candidate, ahead=30, behind=50)
    gate = {**ANCHORED, "intent": "refresh"}
    result = run(labels, candidate, champion, gate=gate, anchor=anchor)
    assert result.facts["verdict"] == "promote"
    assert (result.facts["anchor"], result.facts["against"]) == ("2", "3")
    assert result.facts["difference"]["against"] == "champion"
    assert [row["against"] for row in result.facts["differences"]] == ["champion", "anchor"]
    assert result.metrics["gate.difference.anchor"] == -0.005
    check = next(c for c in result.checks if c.id == "gate.anchor")
    assert (check.severity, check.outcome, check.limit) == ("critical", "passed", -0.02)
    assert (check.value, check.interval) == (-0.005, tango(30, 50, 4000))
    assert check.detail in result.facts["reasons"]
    assert check.detail.endswith("4000 of 4000 test rows can be compared, which is enough.")
    assert list(result.tables["differences"].frame["against"]) == ["champion"]
    assert list(result.tables[check.evidence].frame["against"]) == ["anchor"]
    assert {f.table: f.limit for f in result.figures if f.limit is not None} == {
        "differences": -0.01,
        "anchor": -0.02,
    }


def test_small_losses_that_add_up_are_stopped_by_the_anchor_alone():
    # Each step loses 130 of 20,000 rows, 0.0065, to the one before it: the margin is 0.01.
    labels, _, _ = case(0, 0, rows=20000)
    wrong = pd.Series(np.where(labels == "yes", "no", "yes"), index=labels.index, dtype="str")
    places = np.arange(20000)
    models = [model(labels.where(places >= 130 * step, wrong)) for step in range(6)]
    for gate, expected in (
        ({"intent": "refresh"}, ["promote"] * 5),
        (
            {"intent": "refresh", "anchor": "2"},
            ["promote", "promote", "inconclusive", "reject", "reject"],
        ),
    ):
        anchor = Opponent.of_version("anchor", "2", models[0]) if "anchor" in gate else None
        verdicts = [
            run(labels, new, old, gate=gate, anchor=anchor).facts["verdict"]
            for old, new in itertools.pairwise(models)
        ]
        assert verdicts == expected


def test_without_an_anchor_a_refresh_is_told_of_small_losses():
    labels, candidate, champion = case(50, 50, rows=20000)
    result = run(labels, candidate, champion, gate={"intent": "refresh"})
    assert result.facts["verdict"] == "promote"
    assert result.facts["anchor"] is None
    check = next(c for c in result.checks if c.id == "gate.anchor")
    assert (check.severity, check.outcome, check.required) == ("info", "not_applicable", False)
    assert "losses within the margin of 0.01 can add up" in check.detail
    assert "set gate.anchor to the version" in check.detail
    assert "anchor" not in result.tables


def test_without_an_anchor_an_improvement_has_no_check_of_it():
    assert "anchor" not in outcomes(run(*case(*CLEARLY_BETTER)))


def test_an_anchor_that_cannot_score_is_inconclusive():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = Opponent.of_version("anchor", "2", None, problem="it needs the column 'lvr'.")
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == [
        "The anchor 2 cannot be compared with: it needs the column 'lvr'."
    ]
    assert result.facts["rows_needed"] is None


def test_a_declared_anchor_that_is_not_there_is_inconclusive():
    result = run(*case(*CLEARLY_BETTER), gate=ANCHORED)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == [
        "The anchor 2 cannot be compared with: that version was not found."
    ]


@pytest.mark.parametrize("gate", [{}, {"anchor": 3}])
def test_an_anchor_that_is_not_the_declared_one_is_refused(gate):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = pinned(labels, candidate, 0, 0)
    with pytest.raises(ValueError, match="the anchor is version 2"):
        run(labels, candidate, champion, gate=gate, anchor=anchor)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "average_precision"])
def test_an_undefined_anchor_is_inconclusive(metric):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = Opponent.of_version("anchor", "2", champion.iloc[1:])
    result = run(labels, candidate, champion, metric=metric, gate=ANCHORED, anchor=anchor)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"][0].startswith(
        f"{metric} of the anchor 2 is undefined on the 400 rows compared."
    )


def test_only_rows_that_neither_the_candidate_nor_the_anchor_saw_are_compared():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    # Where the anchor was fitted it has every row right.
    anchor = pinned(labels, candidate, 0, 20, comparable=np.arange(400) >= 100)
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert result.facts["verdict"] == "promote"
    assert result.facts["rows_compared"] == 400
    check = next(c for c in result.checks if c.id == "gate.anchor")
    assert (check.outcome, check.n) == ("passed", 300)
    assert "300 of 400 test rows can be compared" in check.detail


@pytest.mark.parametrize(
    ("first", "reason", "needed"),
    [
        # 99 of 400 can be compared: 100 of 405.
        (301, "99 of 400 test rows can be compared, with 99 rows where 100 are needed", 405),
        (400, "0 of 400 test rows can be compared", None),
    ],
)
def test_an_anchor_that_saw_most_test_rows_is_inconclusive(first, reason, needed):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = pinned(labels, candidate, 20, 0, comparable=np.arange(400) >= first)
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert outcomes(result)["support"] == outcomes(result)["beats_champion"] == "passed"
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"][0].startswith("Not judged against the anchor 2: Too little")
    assert reason in result.facts["reasons"][0]
    assert result.facts["rows_needed"] == needed


def test_few_rows_that_tell_the_anchor_from_the_candidate_do_not_decide():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = pinned(labels, candidate, ahead=9, behind=0)
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert outcomes(result)["anchor"] == "not_applicable"
    assert "Only 9 rows tell the candidate from the anchor 2" in result.facts["reasons"][0]


def test_the_anchor_itself_is_within_its_budget():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    anchor = Opponent.of_version("anchor", "2", candidate.copy())
    result = run(labels, candidate, champion, gate=ANCHORED, anchor=anchor)
    assert outcomes(result)["anchor"] == "passed"
    assert result.facts["verdict"] == "promote"


def test_a_first_model_is_held_to_a_declared_anchor():
    labels, candidate, quick = case(60, 20)
    behind = pinned(labels, candidate, ahead=0, behind=20)
    result = run(labels, candidate, None, quick=quick, gate=ANCHORED, anchor=behind)
    assert (result.facts["rule"], result.facts["verdict"]) == ("first_model", "reject")
    ahead = pinned(labels, candidate, ahead=20, behind=0)
    result = run(labels, candidate, None, quick=quick, gate=ANCHORED, anchor=ahead)
    assert result.facts["verdict"] == "promote"
    assert result.facts["difference"]["against"] == "quick"


# What stands behind a champion.


def test_a_champion_that_has_gone_bad_is_not_enough_to_beat():
    # All rows are right by the constant, half of them by the candidate, none by the champion.
    labels, candidate, champion = case(200, 200)
    labels = labels.where(np.arange(400) < 1, "no")
    candidate = model(pd.Series(np.where(np.arange(400) < 200, "no", "yes"), index=labels.index))
    champion = model(pd.Series("yes", index=labels.index))
    result = run(labels, candidate, champion, gate={"min_positives": 1})
    assert outcomes(result)["beats_champion"] == "passed"
    assert (outcomes(result)["beats_constant"], outcomes(result)["beats_quick"]) == ("failed",) * 2
    assert result.facts["verdict"] == "reject"


def test_a_quick_baseline_that_is_as_good_stops_a_candidate_that_beats_the_champion():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    result = run(labels, candidate, champion, quick=candidate)
    assert (outcomes(result)["beats_champion"], outcomes(result)["beats_quick"]) == (
        "passed",
        "failed",
    )
    assert result.facts["verdict"] == "reject"
    assert "is not above the quick baseline" in result.facts["reasons"][0]


@pytest.mark.parametrize("positive", ["yes", None])
def test_test_labels_of_one_class_judge_nothing(positive):
    labels, candidate, champion = case(*CLEARLY_BETTER)
    labels = pd.Series("yes", index=labels.index, dtype="str")
    candidate = model(labels)
    champion = model(pd.Series("no", index=labels.index))
    result = run(labels, candidate, champion, positive=positive)
    assert outcomes(result)["support"] == "not_applicable"
    assert result.facts["verdict"] == "inconclusive"
    assert any("1 class where 2 are needed" in reason for reason in result.facts["reasons"])
    assert result.facts["rows_needed"] is None


# The wear of the test set, and what is left to spend.


def wear_check(result):
    return next(c for c in result.checks if c.id == "gate.wear")


@pytest.mark.parametrize(
    ("judgements", "one_sided", "left"),
    # 0.1 * 3 / ((k + 2) (k + 3)), and 0.1 * 3 / (3 + k).
    [(1, 0.025, 0.075), (2, 0.015, 0.06), (5, 0.3 / 56, 0.0375), (20, 0.3 / 506, 0.3 / 23)],
)
def test_each_judgement_spends_less_and_all_together_no_more_than_may_be_spent(
    judgements, one_sided, left
):
    spent = run(*case(*CLEARLY_BETTER), wear=judgements).facts["spending"]
    assert spent["one_sided_level"] == pytest.approx(one_sided, rel=1e-12)
    assert spent["left_to_spend"] == pytest.approx(left, rel=1e-12)
    parts = [one_sided_level(number, 0.1) for number in range(1, judgements + 1)]
    assert sum(parts) + left == pytest.approx(0.1, rel=1e-12)


def test_a_first_judgement_has_the_interval_of_a_single_one():
    result = run(*case(*CLEARLY_BETTER))
    assert result.facts["level"] == 0.95
    assert wear_check(result).detail == (
        "This is the first judgement of these test rows: it decides by an interval of 95 %, and "
        "spends 2.5 % of the 10 % by which all may promote wrongly; 7.5 % are left."
    )
    assert "judgements" not in result.tables


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_what_earlier_judgements_spent_keeps_back_a_gain_that_a_first_one_would_promote(metric):
    # McNemar's z is (40 - 20) / sqrt(60) = 2.58: beyond 1.96, short of the 2.89 of the tenth.
    labels, candidate, champion = case(40, 20)
    first = run(labels, candidate, champion, metric=metric)
    assert first.facts["verdict"] == "promote"
    tenth = run(labels, candidate, champion, metric=metric, wear=10)
    assert tenth.facts["verdict"] == "inconclusive"
    said = tenth.facts["reasons"][0]
    assert "(99.62 % interval " in said
    assert "The 95 % interval of a first judgement (" in said
    low = next(one["low"] for one in tenth.facts["differences"])
    assert low < 0 < next(one["low"] for one in first.facts["differences"])
    table = tenth.tables["differences"]
    assert "99.62 % interval" in table.title
    assert list(tenth.tables["judgements"].frame["entry"]) == list(range(1, 10))


def test_rows_needed_are_those_at_the_level_of_the_judgement():
    # 60 of 400 rows are discordant: ((z + .8416) / .01) ** 2 * .15 with the formula of `improve`.
    labels, candidate, champion = case(31, 29)
    first, tenth = (run(labels, candidate, champion, wear=k).facts["rows_needed"] for k in (1, 10))
    assert first == math.ceil(((1.959964 * 0.15**0.5 + 0.841621 * 0.1499**0.5) / 0.01) ** 2)
    assert tenth == pytest.approx(
        ((2.8905 * 0.15**0.5 + 0.841621 * 0.1499**0.5) / 0.01) ** 2, rel=1e-3
    )


def test_half_of_the_rows_new_gives_back_half_of_each_judgement():
    # Four earlier judgements of half of today's rows: 1 + 4 / 2 = 3, so 0.3 / 30.
    result = run(*case(*CLEARLY_BETTER), wear=worn(5, share=0.5))
    assert result.facts["wear"] == 3
    assert result.facts["spending"]["one_sided_level"] == pytest.approx(0.01)
    assert "judgement 5 of these test rows, by rows 3.00:" in wear_check(result).detail


def test_other_epochs_and_names_are_told():
    earlier = (*worn(3, epoch="7").earlier, *worn(2, project="copy").earlier)
    result = run(*case(*CLEARLY_BETTER), wear=Wear(project="p", epoch="1", earlier=earlier))
    assert result.facts["spending"]["elsewhere"] == "1 under the name copy, 2 under split.epoch 7"
    assert "; 1 under the name copy, 2 under split.epoch 7:" in wear_check(result).detail


def test_a_larger_error_to_spend_leaves_more_for_late_judgements():
    # 0.5 / 0.025 - 1 = 19: 0.5 * 19 / (38 * 39) at the twentieth.
    result = run(*case(*CLEARLY_BETTER), wear=20, gate={"error_to_spend": 0.5})
    assert result.facts["spending"]["one_sided_level"] == pytest.approx(9.5 / 1482)


def test_at_the_limit_of_wear_a_model_may_still_pass():
    result = run(*case(*CLEARLY_BETTER), gate={"max_wear": 7}, wear=7)
    assert result.facts["verdict"] == "promote"
    assert result.facts["wear"] == 7
    check = wear_check(result)
    assert (check.outcome, check.value, check.limit) == ("passed", 7.0, 7.0)


def test_beyond_the_limit_of_wear_nothing_passes_whatever_it_gains():
    result = run(*case(*CLEARLY_BETTER), gate={"max_wear": 7}, wear=8)
    assert outcomes(result)["wear"] == "not_applicable"
    assert result.facts["verdict"] == "inconclusive"
    assert len(result.facts["reasons"]) == 1
    # Seven earlier ones have to become six: 400 / 6 more rows.
    assert result.facts["reasons"][0].endswith(
        "That is beyond gate.max_wear (7): about 67 new test rows renew it; another split.epoch "
        "does not."
    )
    assert result.facts["rows_needed"] is None
    assert result.facts["rows_needed_reason"] == "more rows will not decide it"


def test_a_failure_on_a_worn_test_set_still_rejects():
    result = run(*case(20, 80), gate={"max_wear": 1}, wear=2)
    assert result.facts["verdict"] == "reject"
    assert result.facts["reasons"][0].startswith("The candidate does not beat the champion 3")
    assert any("beyond gate.max_wear (1)" in reason for reason in result.facts["reasons"][1:])
    early = run(*case(*CLEARLY_BETTER), gate={"max_wear": 1}, wear=2, absolute=[earlier("failed")])
    assert early.facts["verdict"] == "reject"


def test_a_worn_test_set_is_not_decided_by_the_rows_that_the_comparison_lacks():
    result = run(*case(12, 10), gate={"max_wear": 1}, wear=2)
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["rows_needed"] is None


def test_a_first_model_counts_as_one():
    labels, candidate, quick = case(60, 20)
    result = run(labels, candidate, None, quick=quick, gate={"max_wear": 1}, wear=1)
    assert result.facts["verdict"] == "promote"
    assert wear_check(result).detail.startswith("This is the first judgement of these test rows")


def test_a_count_without_the_candidate_and_a_budget_of_the_first_alone_are_refused():
    with pytest.raises(ValueError, match="the judgements are 0"):
        one_sided_level(0, 0.1)
    with pytest.raises(ValueError, match=r"and it is 0\.025"):
        one_sided_level(1, 0.025)


# Guarded slices.


def sliced(labels, in_slice):
    return pd.DataFrame({"black": np.where(in_slice, "yes", "no")}, index=labels.index)


GUARD = {"guard_slices": ["black"]}
REQUIRED = " A guarded slice has to be judged, unless it is declared with 'required: false'."


def test_a_significant_loss_on_a_guarded_slice_rejects_a_better_candidate():
    labels, candidate, champion = case(100, 20)
    # The candidate's 20 losses are all among the 60 rows of the slice.
    places = np.arange(400)
    frame = sliced(labels, (places >= 100) & (places < 160))
    result = run(labels, candidate, champion, gate=GUARD, frame=frame)
    assert outcomes(result)["beats_champion"] == "passed"
    assert outcomes(result)["guard_slice:black=yes"] == "failed"
    assert outcomes(result)["guard_slice:black=no"] == "passed"
    assert result.facts["verdict"] == "reject"
    assert result.facts["reasons"][0].startswith("The candidate loses more than 0.01")


def test_a_slice_whose_loss_is_not_excluded_is_unjudged_and_told():
    labels, candidate, champion = case(100, 20)
    places = np.arange(400)
    frame = sliced(labels, (places >= 98) & (places < 104) | (places >= 300))
    result = run(labels, candidate, champion, gate=GUARD, frame=frame)
    assert outcomes(result)["guard_slice:black=yes"] == "not_applicable"
    # 6 of the 106 rows tell the two apart: (1.96 + .8416) ** 2 * .0566 / .01 ** 2
    assert "; about 4337 more compared rows of it (4443 in all) would decide it." in told(result)
    # The 106 are of 400 test rows: 4443 * 400 / 106, rounded up.
    assert result.facts["rows_needed"] == 16767


def told(result):
    """The sentence that decides, of a result that is inconclusive for a guarded slice."""
    assert result.facts["verdict"] == "inconclusive"
    reason = result.facts["reasons"][0]
    assert reason.endswith(REQUIRED)
    return reason


@pytest.mark.parametrize("required", [True, False])
def test_a_guarded_slice_without_a_row_stands_in_the_way_unless_it_is_declared_not_to(required):
    labels, candidate, champion = case(100, 20)
    slice_of_none = {"name": "typo", "condition": "black == 'nope'", "required": required}
    frame = sliced(labels, np.arange(400) < 200)
    result = run(labels, candidate, champion, gate={"guard_slices": [slice_of_none]}, frame=frame)
    assert outcomes(result)["guard_slice:typo"] == "not_applicable"
    assert result.facts["verdict"] == ("inconclusive" if required else "promote")
    assert result.facts["rows_needed"] is None


def test_a_slice_that_is_too_small_is_unjudged():
    labels, candidate, champion = case(100, 20)
    places = np.arange(400)
    frame = sliced(labels, (places >= 100) & (places < 129))
    result = run(labels, candidate, champion, gate={**GUARD, "min_positives": 10}, frame=frame)
    assert outcomes(result)["guard_slice:black=yes"] == "not_applicable"
    check = next(c for c in result.checks if c.id == "gate.guard_slice:black=yes")
    assert check.detail == (
        "Too little to judge in black=yes: of the compared rows it has 29 rows where 30 are "
        "needed; about 1 more compared rows of it (30 in all) would do." + REQUIRED
    )
    assert check.n == 29


def test_a_slice_with_too_few_positives_is_unjudged_whatever_its_rows():
    labels, candidate, champion = case(100, 20)
    places = np.arange(400)
    # The candidate's 20 losses are all in the slice, of 80 rows with 30 or 29 positives.
    for yes, outcome in ((30, "failed"), (29, "not_applicable")):
        positives = (labels == "yes") & (places >= 100) & (places < 100 + 2 * yes)
        negatives = (labels == "no") & (places >= 100) & (places < 260 - 2 * yes)
        frame = sliced(labels, positives | negatives)
        result = run(labels, candidate, champion, gate=GUARD, frame=frame)
        check = next(c for c in result.checks if c.id == "gate.guard_slice:black=yes")
        assert (check.outcome, check.n) == (outcome, 80)
    # 80 rows hold 29 positives; 30 of them need 83.
    assert check.detail == (
        "Too little to judge in black=yes: of the compared rows it has 29 rows of class yes where "
        "30 are needed; about 3 more compared rows of it (83 in all) would do." + REQUIRED
    )
    assert check.detail == told(result)
    # 83 of its rows are in 83 * 400 / 80 test rows.
    assert result.facts["rows_needed"] == 415


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_a_slice_of_too_few_groups_is_unjudged(metric):
    labels, candidate, champion = case(100, 20)
    places = np.arange(400)
    inside = (places >= 100) & (places < 180)
    # The 80 rows of the slice are 9 groups, or 10; every other row is its own.
    for number, outcome in ((10, "failed"), (9, "not_applicable")):
        groups = pd.Series(np.where(inside, places % number, 1000 + places), index=labels.index)
        result = run(
            labels, candidate, champion, metric=metric, gate=GUARD, groups=groups,
            frame=sliced(labels, inside),
        )  # fmt: skip
        assert outcomes(result)["guard_slice:black=yes"] == outcome
    check = next(c for c in result.checks if c.id == "gate.guard_slice:black=yes")
    # 80 rows are 9 groups; 10 of them need 89.
    assert "9 groups where 10 are needed; about 9 more compared rows of it (89" in check.detail


def test_a_slice_without_any_positive_is_unjudged_and_names_no_number_of_rows():
    labels, candidate, champion = case(100, 20)
    frame = sliced(labels, labels == "no")
    result = run(labels, candidate, champion, gate=GUARD, frame=frame)
    check = next(c for c in result.checks if c.id == "gate.guard_slice:black=yes")
    assert check.outcome == "not_applicable"
    assert check.detail.endswith("it has 0 rows of class yes where 30 are needed." + REQUIRED)


@pytest.mark.parametrize("metric", ["f1", "average_precision", "log_loss"])
def test_guarded_slices_by_the_bootstrap(metric):
    labels, candidate, champion = case(100, 40)
    places = np.arange(400)
    frame = sliced(labels, (places >= 100) & (places < 180))
    result = run(labels, candidate, champion, metric=metric, gate=GUARD, frame=frame)
    assert outcomes(result)["guard_slice:black=yes"] == "failed"
    assert result.facts["verdict"] == "reject"


def test_the_bootstrap_does_not_pass_a_slice_without_discordant_rows():
    labels, candidate, champion = case(100, 20)
    frame = sliced(labels, np.arange(400) >= 350)
    # A hair's difference in the probabilities: not identical, but no label differs there.
    candidate["p:yes"] = candidate["p:yes"] * 0.999
    result = run(labels, candidate, champion, metric="f1", gate=GUARD, frame=frame)
    assert outcomes(result)["guard_slice:black=yes"] == "not_applicable"


def test_holm_spares_a_loss_that_is_significant_only_by_itself():
    labels, candidate, champion = case(150, 6)
    places = np.arange(400)
    # Four losses and no win among 40 rows: p 0.03 alone, not among ten slices.
    inside = ((places >= 150) & (places < 154)) | (places >= 364)
    frame = pd.DataFrame(
        {"one": np.where(inside, "x", "y"), "many": (places % 9).astype(str)}, index=labels.index
    )
    alone = {"guard_slices": [{"name": "x", "condition": "one == 'x'"}], "min_positives": 10}
    result = run(labels, candidate, champion, gate=alone, frame=frame)
    assert outcomes(result)["guard_slice:x"] == "failed"
    among = {**alone, "guard_slices": [*alone["guard_slices"], "many"]}
    result = run(labels, candidate, champion, gate=among, frame=frame)
    assert outcomes(result)["guard_slice:x"] == "not_applicable"


def test_the_first_model_has_no_slices_to_lose():
    labels, candidate, quick = case(60, 20)
    frame = sliced(labels, np.arange(400) < 200)
    result = run(labels, candidate, None, quick=quick, gate=GUARD, frame=frame)
    assert outcomes(result)["guard_slice:black=yes"] == "not_applicable"
    assert result.facts["verdict"] == "promote"


def test_guarded_slices_without_their_columns_are_inconclusive():
    result = run(*case(*CLEARLY_BETTER), gate=GUARD)
    assert outcomes(result)["guard_slice:black"] == "error"
    assert result.facts["verdict"] == "inconclusive"


def test_a_guarded_column_that_is_absent_is_refused():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    with pytest.raises(ProjectFileError, match="black"):
        run(labels, candidate, champion, gate=GUARD, frame=pd.DataFrame(index=labels.index))


def test_slices_are_cut_on_the_whole_frame_and_judged_on_the_compared_rows():
    labels, candidate, champion = case(100, 20)
    keys = pd.Index([f"train{i}" for i in range(500)], name="row_key")
    frame = pd.concat([pd.DataFrame({"black": "no"}, index=keys), sliced(labels, labels == "no")])
    comparable = np.arange(400) < 300
    result = run(labels, candidate, champion, gate=GUARD, frame=frame, comparable=comparable)
    sizes = {c.id: c.n for c in result.checks if "guard_slice" in c.id}
    assert sizes == {"gate.guard_slice:black=no": 150, "gate.guard_slice:black=yes": 150}


# Rows needed.


def test_rows_needed_for_accuracy_by_hand():
    # Share of discordant rows 0.1, gain 0.05: ((1.96 sqrt(.1) + .8416 sqrt(.0975)) / .05) ** 2
    found = Difference(
        value=0.0, low=-0.06, high=0.06, n=100, method="tango", discordant=10, p_value=1.0
    )
    gate = GateSection(min_gain=0.05, margin=0.05)
    assert rows_needed(found, "improve", gate) == 312
    # (1.96 + .8416) ** 2 * 0.1 / 0.05 ** 2
    assert rows_needed(found, "refresh", gate) == 314


def test_rows_needed_from_the_width_of_an_interval():
    # Standard error 0.1 at 100 rows; 0.05 needs (2.8016 * 0.1 / 0.05) ** 2 = 31.4 times as many.
    found = Difference(value=0, low=-0.1959964, high=0.1959964, n=100, method="paired bootstrap")
    assert rows_needed(found, "improve", GateSection(min_gain=0.05)) == 3140


def test_more_rows_do_not_help_where_the_power_is_there():
    found = Difference(value=0.005, low=-0.001, high=0.011, n=9000, method="paired bootstrap")
    assert decide(found, "improve", GateSection()) == "undecided"
    assert rows_needed(found, "improve", GateSection()) is None


def test_an_inconclusive_verdict_says_how_many_rows_would_decide():
    result = run(*case(12, 10))
    needed = result.facts["rows_needed"]
    # Discordant share 0.055 and gain 0.01: ((1.96 * .2345 + .8416 * .2343) / .01) ** 2
    assert needed == 4315
    assert result.facts["rows_more"] == 3915
    assert result.facts["rows_needed_reason"] == (
        "about 3915 more test rows would decide it (4315 in all)"
    )
    assert result.facts["rows_needed_reason"] in result.facts["reasons"][0]


def test_rows_needed_count_the_test_rows_that_cannot_be_compared():
    labels, candidate, champion = case(12, 10, rows=500)
    # 300 of 500 can be compared, 22 of them discordant. Compared rows for a gain of 0.03:
    # ((1.96 sqrt(.0733) + .8416 sqrt(.0724)) / .03) ** 2 = 638, which 1064 test rows hold.
    gate = {"min_gain": 0.03}
    result = run(labels, candidate, champion, gate=gate, comparable=np.arange(500) < 300)
    assert (result.facts["rows_compared"], result.facts["verdict"]) == (300, "inconclusive")
    assert (result.facts["rows_needed"], result.facts["rows_more"]) == (1064, 564)
    assert "about 564 more test rows would decide it (1064 in all)" in result.facts["reasons"][0]


def test_no_rows_are_needed_where_none_is_asked_for_or_can_be_compared():
    assert in_test_rows(None, 300, 500) is None
    assert in_test_rows(825, 0, 500) is None
    assert run(*case(*CLEARLY_BETTER)).facts["rows_more"] is None


@pytest.mark.parametrize("missing", ["value", "low", "high"])
def test_an_undefined_number_never_decides(missing):
    numbers = {"value": 0.5, "low": 0.4, "high": 0.6, missing: math.nan}
    found = Difference(n=500, method="paired bootstrap", **numbers)
    assert decide(found, "improve", GateSection()) == "undecided"
    assert rows_needed(found, "improve", GateSection()) is None


# Evidence.


def test_the_evidence_is_whole():
    labels, candidate, champion = case(*CLEARLY_BETTER)
    result = run(labels, candidate, champion, quick=champion)
    comparison = result.tables["comparison"].frame
    assert list(comparison.columns) == ["model", "label", "metric", "value", "low", "high", "n"]
    assert list(comparison["model"]) == ["candidate", "champion", "constant", "quick"]
    assert list(comparison["value"]) == [0.95, 0.8, 0.5, 0.8]
    for figure in result.figures:
        assert {"label", "value", "low", "high", "n"} <= set(result.tables[figure.table].frame)
    assert list(result.tables["reasons"].frame["reason"]) == result.facts["reasons"]
    assert result.metrics["gate.difference.champion"] == 0.15
    assert result.summary.startswith("promote: The candidate beats the champion 3: accuracy")
    check = next(c for c in result.checks if c.id == "gate.beats_champion")
    assert check.interval == tango(80, 20, 400)
    assert (check.value, check.limit, check.n, check.evidence) == (0.15, 0.0, 400, "differences")


def test_the_same_inputs_give_the_same_verdict_in_any_row_order_of_the_models():
    labels, candidate, champion = case(30, 15)
    once = run(labels, candidate, champion, metric="average_precision")
    again = run(labels, candidate.iloc[::-1], champion.iloc[::-1], metric="average_precision")
    assert once.facts == again.facts
    assert once.checks == again.checks


# The models that meet.


def customers(rows=500):
    """Rows with a column that tells the classes apart, one that does not, one in between."""
    random = np.random.default_rng(5)
    yes = random.random(rows) < 0.5
    columns = {
        "good": random.normal(size=rows) + 2 * yes,
        "noise": random.normal(size=rows),
        "weak": random.normal(size=rows) + yes,
        "y": pd.Series(np.where(yes, "yes", "no"), dtype="str"),
    }
    keys = pd.Index([f"k{i:04d}" for i in range(rows)], name="row_key")
    frame = pd.DataFrame(columns).set_index(keys)
    side = np.where(np.arange(rows) < 200, "train", "test")
    split = pd.DataFrame({"side": side, "unit": [f"u{i}" for i in range(rows)]}, index=keys)
    return frame, split


def fitted(frame, *numeric):
    """A package that learned `numeric` on the first 200 rows, with its own facts."""
    roles = replace(make_roles(), numeric=numeric)
    train = frame.iloc[:200]
    estimator = Candidate(name="a", estimator="sklearn.linear_model.LogisticRegression")
    pipeline = build_pipeline(estimator, roles, class_weight=None, seed=0)
    pipeline = fit_pipeline(
        pipeline, feature_frame(train, roles), roles.labels(train), class_weight=None
    )
    facts = {
        "roles": roles.to_facts(),
        "threshold": 0.5,
        "classes": ["no", "yes"],
        "positive_class": "yes",
    }
    return save_model(pipeline, extra_types=(), facts=facts)


def meet(champion=None, anchor=None, *, frame=None, gate=None, absolute=None, wear=1):
    """The gate on the model of the good column, against the quick model of the weak one."""
    rows, split = customers()
    rows = rows if frame is None else frame
    roles = replace(make_roles(), numeric=("good",))
    candidate = predict(
        load_model(fitted(customers()[0], "good")), rows.iloc[200:], roles, threshold=0.5
    )
    expected = stage_names("candidate")
    result = judge_candidate(
        Dataset(rows, split, roles),
        make_project(gate={"metric": "accuracy", **(gate or {})}),
        candidate,
        fitted(customers()[0], "weak"),
        {"shares": {"no": 0.6, "yes": 0.4}},
        champion,
        anchor,
        worn(wear),
        [earlier(stage=stage) for stage in expected] if absolute is None else absolute,
        expected,
    )
    json.dumps(result.facts, allow_nan=False)
    return result


NOTHING = SeenRows(frozenset({"k"}), frozenset({"f"}), "n")


def served(package, version="3", units=(), seen=NOTHING):
    return Champion(version, package, frozenset(units), seen)


def test_a_first_model_is_judged_against_the_baselines():
    result = meet()
    assert (result.facts["verdict"], result.facts["rule"]) == ("promote", "first_model")
    assert result.facts["against"] == "constant and quick baselines"


def test_a_first_model_with_zero_checks_is_not_promoted():
    result = meet(absolute=[])
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["reasons"] == ["Nothing was judged before the gate."]


def test_champion_and_anchor_are_each_compared_on_rows_new_to_them():
    noise = fitted(customers()[0], "noise")
    units = [f"u{i}" for i in range(250)]
    result = meet(served(noise, units=units), served(noise, "2"), gate={"anchor": 2})
    assert result.facts["verdict"] == "promote"
    assert [row["n"] for row in result.facts["differences"]] == [250, 300]
    assert (result.facts["against"], result.facts["anchor"]) == ("3", "2")


def test_rows_are_left_out_by_their_keys_where_units_have_other_names():
    noise = fitted(customers()[0], "noise")
    seen = hash_rows(customers()[0].iloc[:250], replace(make_roles(), numeric=("noise",)))
    result = meet(served(noise, units=["another"], seen=seen))
    assert result.facts["rows_compared"] == 250
    support = next(c for c in result.checks if c.id == "gate.support")
    assert support.detail == "250 of 300 test rows can be compared, which is enough."


@pytest.mark.parametrize("role", ["champion", "anchor"])
@pytest.mark.parametrize("seen", [None, SeenRows(frozenset(), frozenset(), "n")])
def test_a_model_that_does_not_say_which_rows_it_has_seen_is_inconclusive(role, seen):
    noise = fitted(customers()[0], "noise")
    old = served(noise, "3" if role == "champion" else "2", seen=seen)
    result = meet(**{"champion": served(noise), role: old}, gate={"anchor": 2})
    blocked = next(c for c in result.checks if c.id in (f"gate.{role}", f"gate.beats_{role}"))
    assert (blocked.outcome, blocked.required) == ("not_applicable", True)
    assert "it does not say which rows it was fitted on" in blocked.detail
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["rows_needed"] is None


@pytest.mark.parametrize("role", ["champion", "anchor"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("column", "it needs the column 'noise', which the data does not have"),
        ("words", "it needs numbers in the column 'noise'"),
        ("class", "it does not know the class 'yes'"),
        ("positive", "its positive class is 'no' and the project's is 'yes'"),
        ("bytes", "the stored model cannot be read"),
        ("crash", "ValueError: The feature names should match"),
    ],
)
def test_a_model_that_cannot_score_todays_rows_blocks_with_the_reason(role, change, reason):
    frame, _ = customers()
    package = fitted(frame, "noise")
    facts = dict(package.facts)
    if change == "column":
        frame = frame.drop(columns="noise")
    elif change == "words":
        frame = frame.assign(noise=pd.Series("loud", index=frame.index, dtype="str"))
    elif change == "class":
        package = replace(package, facts={**facts, "classes": ["no", "maybe"]})
    elif change == "positive":
        roles = {**facts["roles"], "positive_class": "no"}
        package = replace(package, facts={**facts, "roles": roles})
    elif change == "bytes":
        package = replace(package, skops=b"no archive")
    else:
        two = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})
        other = LogisticRegression().fit(two, ["no", "yes"])
        package = save_model(other, extra_types=(), facts=facts)
    good = served(fitted(customers()[0], "weak"))
    models = {"champion": good, role: served(package, "3" if role == "champion" else "2")}
    result = meet(**models, frame=frame, gate={"anchor": 2} if len(models) > 1 else {})
    blocked = next(c for c in result.checks if c.id in (f"gate.{role}", f"gate.beats_{role}"))
    assert (blocked.outcome, blocked.required) == ("not_applicable", True)
    assert f"The {role} {'3' if role == 'champion' else '2'} cannot be compared" in blocked.detail
    assert reason in blocked.detail
    assert result.facts["verdict"] == "inconclusive"
    assert result.facts["rows_needed"] is None
