"""Conditions that decide over a model and that no row meets: a mistake of the project file."""

import pandas as pd
import pytest

from flows.runs.stage_inputs import check_conditions
from tasks.checks import StageResult
from tasks.declared_conditions import refuse_unmet_conditions
from tasks.errors import ProjectFileError
from tasks.evidence import EvidenceStore
from tasks.project.sections import Project
from tasks.steps import Ref, Validated

FRAME = pd.DataFrame({"g": ["a", "b", None], "y": ["yes", "no", "no"]}).astype("str")


def project(**sections):
    return Project.model_validate({"name": "p", "source": "s.csv", "target": "y", **sections})


def floor(condition):
    return {"metric": "accuracy", "minimum": 0.5, "slice": {"condition": condition}}


def important(condition):
    return {"name": "n", "weight": 2, "condition": condition}


@pytest.mark.parametrize(
    ("sections", "place"),
    [
        ({"audit": {"floors": [floor("g == 'a'"), floor("g == 'nope'")]}}, r"audit\.floors\[1\]"),
        ({"audit": {"important": [important("g == 'nope'")]}}, r"audit\.important\[0\]"),
        ({"gate": {"guard_slices": [{"condition": "g == 'nope'"}]}}, r"gate\.guard_slices\[0\]"),
    ],
)
def test_a_condition_that_no_row_meets_is_refused_with_its_place(sections, place):
    sentence = place + r""": none of the 3 rows of the table meets "g == 'nope'" """.rstrip()
    with pytest.raises(ProjectFileError, match=sentence):
        refuse_unmet_conditions(project(**sections), FRAME)


def test_conditions_that_a_row_meets_and_slices_that_only_show_are_left_alone():
    sections = {
        "audit": {"floors": [floor("g == 'b'")], "important": [important("isnull(g)")]},
        "gate": {"guard_slices": ["g", {"condition": "y == 'yes'"}]},
        "slices": [{"condition": "g == 'nope'"}],
    }
    refuse_unmet_conditions(project(**sections), FRAME)


def test_a_run_refuses_it_before_a_model_is_fitted(tmp_path):
    store = EvidenceStore(tmp_path)
    found = StageResult(stage="validation", summary="", checks=(), outputs={"curated": FRAME})
    ref = Validated(Ref("validation", "k", store.save("k", found)))
    check_conditions(project(), ref, store)
    with pytest.raises(ProjectFileError, match="meets"):
        check_conditions(project(audit={"floors": [floor("g == 'nope'")]}), ref, store)
