import math

import pytest

from tasks.checks import Check, StageResult, judged, stage_outcome


def check(outcome="passed", severity="critical", **more):
    values = {"id": "stage.what", "stage": "stage", "title": "What", "detail": "A sentence."}
    return Check(**{**values, "outcome": outcome, "severity": severity, **more})


def test_a_check_cannot_pass_on_nan():
    with pytest.raises(ValueError, match=r"stage\.what passed on NaN"):
        check(value=math.nan)


def test_a_check_cannot_pass_on_an_unknown_interval():
    with pytest.raises(ValueError, match="passed on NaN"):
        check(value=0.5, interval=(0.1, math.nan))


def test_nan_fails_whatever_the_limit():
    assert judged(math.nan) == "failed"
    assert judged(math.nan, minimum=0.0) == "failed"


def test_limits_are_closed():
    assert judged(0.3, minimum=0.3, maximum=0.3) == "passed"
    assert judged(0.29, minimum=0.3) == "failed"
    assert judged(0.31, maximum=0.3) == "failed"


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [
        ([], "blocked"),
        ([check("not_applicable")], "blocked"),
        ([check("passed"), check("not_applicable")], "passed"),
        ([check("passed"), check("not_applicable", required=True)], "blocked"),
        ([check("passed"), check("error")], "error"),
        ([check("failed"), check("error")], "blocked"),
        ([check("passed"), check("failed", "warning")], "warned"),
        ([check("passed"), check("error", "warning")], "warned"),
        ([check("passed"), check("failed", "info")], "passed"),
        ([check("passed")], "passed"),
    ],
)
def test_stage_outcome(checks, outcome):
    assert stage_outcome(checks) == outcome
    assert StageResult(stage="stage", summary="", checks=tuple(checks)).outcome == outcome
