"""Has the test set judged so many models that its answers are worn out?

Each model that is judged and changed in the light of the answer fits the test set a little more:
Dwork and others, "The reusable holdout", Science 349 (2015) 636.
"""

from __future__ import annotations

from tasks.checks import Check
from tasks.gate.contest import STAGE
from tasks.project.sections import Project


def judge_wear(wear: int, project: Project) -> Check:
    """Whether `wear`, the distinct models judged on this test version, is within the limit.

    The model under test counts. Beyond the limit nothing passes: `not_applicable` and required.

    Raises ValueError for a wear below 1.
    """
    if wear < 1:
        raise ValueError(f"the model under test counts, and the wear is {wear}")
    limit = project.gate.max_wear
    worn = wear > limit
    models = "1 distinct model has" if wear == 1 else f"{wear} distinct models have"
    detail = f"{models} been judged on this version of the test set, and {limit} may be"
    if worn:
        detail += f": set split.epoch to {project.split.epoch + 1} to draw a new test set"
    return Check(
        id=f"{STAGE}.wear",
        stage=STAGE,
        title="Distinct models judged on this version of the test set",
        severity="critical",
        outcome="not_applicable" if worn else "passed",
        detail=f"{detail}.",
        value=float(wear),
        limit=float(limit),
        required=True,
    )
