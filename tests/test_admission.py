"""Late runs and runs that overlap: judged at the start of the flow."""

import datetime

import pytest

from flows.runs.admission import judge_lateness
from flows.runs.surroundings import Surroundings
from tasks.errors import UsageError
from tasks.project.operation_sections import ScheduleSection


def at(hour, minute=0):
    return datetime.datetime(2026, 5, 1, hour, minute, tzinfo=datetime.UTC)


def judged(late, now, later=(), late_minutes=10.0):
    schedule = ScheduleSection(cron="0 * * * *", late=late, late_minutes=late_minutes)
    return judge_lateness(schedule, at(2), now, later)


@pytest.mark.parametrize("late", ["latest", "all", "none"])
def test_a_run_in_time_is_run(late):
    assert judged(late, at(2, 10), [at(2, 5)]) is None


def test_no_late_run_is_made_up_for():
    assert judged("none", at(2, 11)) == (
        "skipped: due at 2026-05-01 02:00 UTC and 11 minutes late; schedule.late is none"
    )


def test_every_late_run_is_made_up_for():
    assert judged("all", at(9), [at(3), at(4)]) is None


def test_the_latest_late_run_takes_the_place_of_the_others():
    assert judged("latest", at(4, 30), [at(3), at(4), at(5)]) == (
        "skipped: due at 2026-05-01 02:00 UTC and 2.5 hours late; the run due at 2026-05-01 04:00 "
        "UTC takes its place"
    )


def test_the_latest_itself_is_run_however_late():
    assert judged("latest", at(2, 45), [at(3)]) is None


def test_what_counts_as_late_is_declared():
    assert judged("none", at(2, 45), late_minutes=60) is None


@pytest.mark.parametrize("cron", ["0 2 * *", "61 * * * *", "every night"])
def test_a_schedule_that_is_no_cron_expression(cron):
    with pytest.raises(ValueError, match=r"no cron expression .*; write five fields"):
        ScheduleSection(cron=cron)


def test_a_schedule_that_starts_nothing():
    with pytest.raises(ValueError, match="needs 'cron', 'interval_minutes', 'on_new_data' or"):
        ScheduleSection(late="all")
    with pytest.raises(ValueError, match="either 'cron' or 'interval_minutes'"):
        ScheduleSection(cron="0 2 * * *", interval_minutes=5)
    assert ScheduleSection(on_alarm=True).cron is None


@pytest.mark.parametrize("override", ["name=other", " name = other"])
def test_a_form_cannot_run_under_the_name_of_another_project(tmp_path, override):
    given = Surroundings(roots=(tmp_path,))
    with pytest.raises(UsageError, match="a form cannot change 'name'"):
        given.require_own_name(["seed=1", override])
    given.require_own_name(["seed=1", "split.epoch=2"])
    Surroundings().require_own_name([override])
