"""The sections on operation: when a project runs by itself, who hears of it, what is kept."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator

from tasks.project.fields import Section

Occasion = Literal["reject", "refuse", "fail"]
"""A run that rejects its candidate, one whose data are refused, one that could not do its work."""


class ScheduleSection(Section):
    """When a deployment runs the project by itself: at times, on new data, on an alarm."""

    cron: str | None = Field(default=None, description='for example "0 2 * * *": every night at 2')
    interval_minutes: Annotated[float, Field(ge=0.1, le=527_040)] | None = None
    timezone: str = Field(default="UTC", description="of the cron expression: Europe/Berlin")
    late: Literal["latest", "all", "none"] = Field(
        default="latest",
        description="of the runs that an outage held up: run the latest alone, all, or none",
    )
    late_minutes: Annotated[float, Field(gt=0)] = Field(
        default=10.0, description="minutes behind its time from which a run counts as late"
    )
    overlap: Literal["queue", "skip"] = Field(
        default="queue", description="a run that meets another of the project waits, or is skipped"
    )
    on_new_data: bool = Field(
        default=False, description="run when the source file has new content, or is said to have"
    )
    on_alarm: bool = Field(
        default=False, description="retrain, with intent 'refresh', when an alarm is raised"
    )

    @field_validator("cron")
    @classmethod
    def _known_cron(cls, cron: str | None) -> str | None:
        if cron is not None:
            try:
                CronSim(cron, datetime.datetime(2026, 1, 1))
            except CronSimError as reason:
                raise ValueError(
                    f"no cron expression ({reason}); write five fields: minute, hour, day of the "
                    'month, month, day of the week, such as "0 2 * * *"'
                ) from None
        return cron

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as reason:
            raise ValueError(f"unknown time zone '{zone}'") from reason
        return zone

    @model_validator(mode="after")
    def _one_kind(self) -> ScheduleSection:
        if self.cron is not None and self.interval_minutes is not None:
            raise ValueError("a schedule is either 'cron' or 'interval_minutes'")
        by_time = self.cron is not None or self.interval_minutes is not None
        if not (by_time or self.on_new_data or self.on_alarm):
            raise ValueError(
                "a schedule needs 'cron', 'interval_minutes', 'on_new_data' or 'on_alarm'"
            )
        return self


class NotifySection(Section):
    """Who hears of a run that did not go well: a webhook, whose address is a Prefect block."""

    webhook: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")] = Field(
        description="the name of a Prefect block of type Webhook, which keeps the address secret"
    )
    on: Annotated[tuple[Occasion, ...], Field(min_length=1)] = ("reject", "refuse", "fail")


class RetentionSection(Section):
    """How long runs that decided nothing are kept; what the ledger names is kept for good."""

    days: Annotated[float, Field(gt=0, le=36_500)] = Field(
        default=90.0, description="days that a run is kept which changed no champion"
    )
    runs: Annotated[int, Field(ge=1)] = Field(
        default=200, description="how many such runs are kept at most; the newest stay"
    )
