"""The section on error analysis: by what errors are counted, searched and weighed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.project.fields import Section
from tasks.project.tag_sections import Tag


class Work(Section):
    """What working on a tag means to the team: how much it matters, and how easy it is."""

    importance: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="what a point of accuracy is worth there; 1 as everywhere"
    )
    ease: str = Field(default="", description="easy, medium or hard, or in other words")
    note: str = ""


class SliceSearchSection(Section):
    """How slices are searched in which the model is wrong more often than elsewhere."""

    max_order: Annotated[int, Field(ge=1, le=3)] = Field(
        default=3, description="values that are crossed at most"
    )
    candidates: Annotated[int, Field(ge=6, le=1000)] = Field(
        default=60, description="slices carried from the half that is searched to the other"
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(
        default=30, description="a slice with fewer dev rows is not searched"
    )
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.1
    bins: Annotated[int, Field(ge=2, le=20)] = Field(
        default=4, description="quantile bins of a numeric or time column"
    )
    max_values: Annotated[int, Field(ge=2, le=250)] = Field(
        default=20, description="of a column with more values the most frequent are searched"
    )
    exclude: tuple[str, ...] = Field(default=(), description="columns that are not searched")


class ErrorAnalysisSection(Section):
    """Properties of examples by which errors are counted, besides the slices."""

    tags: tuple[Tag, ...] = Field(
        default=(),
        description="like slices; also {name, column, pattern} and {name, function}",
    )
    hand_tags: str | None = Field(
        default=None,
        description="CSV of the tags that people gave, beside the project file; default: its name "
        "with .tags.csv",
    )
    min_rows: Annotated[int, Field(ge=1)] = Field(
        default=10, description="a tag with fewer dev rows is shown as too small to judge"
    )
    tolerance: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="regression: an estimate that is off by more is an error; default: half a "
        "standard deviation of the train rows",
    )
    work: dict[str, Work] = Field(
        default_factory=dict, description="by the name of a tag or slice, for the priority table"
    )
    search: SliceSearchSection = SliceSearchSection()
