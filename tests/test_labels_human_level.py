"""What people reach, as label consistency measured it: on the ladder and in the priorities."""

import pandas as pd
import pytest
from test_baselines import HLP, make_data, make_roles
from test_error_analysis import COUNTS, data, project, roles

from tasks.baselines import measure_baselines
from tasks.error_analysis import analyse_errors
from tasks.labels.human_level import COLUMNS, as_frame
from tasks.project.dataset import Dataset
from tasks.project.sections import Project

PEOPLE = pd.DataFrame(
    [
        ("overall", "", "accuracy", 0.95, 0.9, 0.98, 200),
        ("overall", "", "f1", 0.9, 0.8, 0.95, 90),
        ("class", "yes", "recall", 0.75, 0.6, 0.9, 90),
        ("class", "yes", "f1", 0.9, 0.8, 0.95, 90),
        ("slice", "g=b", "accuracy", 0.72, 0.5, 0.9, 60),
        ("slice", "g=a", "accuracy", 0.5, 0.2, 0.8, 3),
    ],
    columns=list(COLUMNS),
)


def ladder(people, **baselines):
    frame, split = make_data()
    values = {"overfit_rows": 10, "shuffle_repeats": 1, **baselines}
    given = Project.model_validate(
        {
            "name": "p",
            "source": "s.csv",
            "target": "y",
            "positive_class": "yes",
            "baselines": values,
            "training": {"metric": "f1"},
        }
    )
    result = measure_baselines(Dataset(frame, split, make_roles()), given, None, (), people)
    checks = {check.id: check for check in result.checks}
    rungs = [rung for rung in result.facts["ladder"] if rung["kind"] == "hlp"]
    return checks["baselines.hlp"], rungs


def priorities(people, ladder=(), **more):
    frame, split, predictions = data(COUNTS)
    chosen = project(slices=["g"], **more)
    result = analyse_errors(Dataset(frame, split, roles()), chosen, predictions, ladder, people)
    return {one["name"]: one for one in result.facts["priorities"]}, result


def test_nothing_measured_is_unknown():
    check, rungs = ladder(as_frame([]))
    assert (check.outcome, rungs) == ("not_applicable", [])
    assert "no item is labelled by two people" in check.detail


def test_people_stand_on_the_ladder_with_their_interval_and_items():
    check, rungs = ladder(PEOPLE)
    assert (check.value, check.interval, check.n) == (0.95, (0.9, 0.98), 200)
    assert check.outcome == "passed"
    by_metric = {rung["metric"]: rung for rung in rungs}
    assert set(by_metric) == {"accuracy", "f1"}
    assert by_metric["f1"] == {
        "name": "one person against the others",
        "kind": "hlp",
        "metric": "f1",
        "value": 0.9,
        "low": 0.8,
        "high": 0.95,
        "n": 90,
    }


def test_a_declared_level_goes_first_and_both_are_shown():
    check, rungs = ladder(PEOPLE, hlp=HLP)
    assert check.value == 0.97
    assert "Beside it: One person has the label that the others agree on in 95.0%" in check.detail
    assert [rung["name"] for rung in rungs if rung["metric"] == "accuracy"] == [
        "one person against the others",
        "two clerks",
    ]


def test_what_is_hard_for_people_has_less_room():
    # Without people the reference is the model's own 0.88: y=yes has room 0.88 - 15/23.
    alone, _ = priorities(None)
    assert alone["y=yes"]["room"] == pytest.approx(0.88 - 15 / 23)
    told, result = priorities(PEOPLE)
    assert told["y=yes"]["room"] == pytest.approx(0.75 - 15 / 23)
    assert told["g=b"]["room"] == pytest.approx(0.72 - 0.7)
    assert "reaching 75.0% right (people on 90 such items)" in told["y=yes"]["sentence"]
    # Three items are fewer than a tag needs: g=a keeps the common reference.
    assert "g=a" not in told
    table = result.tables["priorities"].frame.set_index("label")["reference"]
    assert table["g=b"] == "people on 60 such items"


def test_people_overall_are_the_reference_of_the_other_tags():
    rung = {"name": "one person against the others", "metric": "accuracy", "value": 0.95}
    told, result = priorities(PEOPLE.head(1), [{**rung, "kind": "hlp"}])
    assert result.facts["reference"] == {
        "accuracy": 0.95,
        "name": "human-level performance, one person against the others",
    }
    assert told["g=b"]["room"] == pytest.approx(0.95 - 0.7)


def test_a_declared_level_goes_before_all_measured_ones():
    rung = {"name": "one person against the others", "metric": "accuracy", "value": 0.99}
    hlp = {"name": "experts", "metric": "accuracy", "value": 0.9}
    told, result = priorities(PEOPLE, [{**rung, "kind": "hlp"}], baselines={"hlp": hlp})
    assert result.facts["reference"]["accuracy"] == 0.9
    assert told["y=yes"]["room"] == pytest.approx(0.9 - 15 / 23)
