"""What the form of a run refuses before the run starts."""

import jsonschema
import pytest

from tasks.project.override_schema import override_schema

JUDGE = jsonschema.Draft202012Validator({"type": "string", **override_schema()})


@pytest.mark.parametrize(
    "override",
    [
        "gate.min_gain=0.02",
        "gate.min_gain=-1e-3",
        "gate.min_gain=null",
        "gate.intent=refresh",
        "gate.intent = 'improve'",
        "gate={intent: refresh}",
        "seed=7",
        "source=other.csv",
        "source.path=other.csv",
        "features.exclude.age=it is a guess",
        "audit.floors=[{metric: accuracy, minimum: 0.99}]",
        "schedule.on_new_data=true",
    ],
)
def test_what_a_project_file_can_hold_is_taken(override):
    assert list(JUDGE.iter_errors(override)) == []


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("gate.nonsense=1", "section.key=value with a key that a project file can have"),
        ("traget=deny", "section.key=value with a key that a project file can have"),
        ("gate.min_gain.more=1", "section.key=value with a key that a project file can have"),
        ("gate.min_gain=much", "a number as the value of this setting"),
        ("gate.min_gain=", "a number as the value of this setting"),
        ("schedule.on_new_data=1", "true or false as the value of this setting"),
        ("gate.intent=refrsh", "one of improve, refresh as the value of this setting"),
    ],
)
def test_what_it_cannot_hold_is_refused_with_the_reason(override, reason):
    (error,) = JUDGE.iter_errors(override)
    assert error.message == f"'{reason}' was expected"


def test_an_override_without_a_value_is_told_once():
    judge = jsonschema.Draft202012Validator({"pattern": ".+=.*", **override_schema()})
    (error,) = judge.iter_errors("gate.min_gain")
    assert error.message == "'gate.min_gain' does not match '.+=.*'"
