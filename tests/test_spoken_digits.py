"""The unseen-speaker problem: the same recordings, split row by row and split by speaker."""

from pathlib import Path

import pytest
from conftest import DATA

from tasks.ingestion import ingest
from tasks.models import ModelPackage
from tasks.performance_audit import audit_performance
from tasks.project import Roles, load_project
from tasks.project.dataset import Dataset
from tasks.splitting import split_rows
from tasks.training import train

FOLDER = DATA / "spoken_digits"


@pytest.fixture(scope="module", params=["project.yaml", "unseen_speaker.yaml"])
def audited(request):
    """The name of the split, the speakers of each side, and the audit's result."""
    project = load_project(FOLDER / request.param).project
    ingested = ingest(Path(FOLDER / "spoken_digits.parquet"), project)
    rows, roles = ingested.outputs["snapshot"], Roles.from_facts(ingested.facts["roles"])
    split = split_rows(rows, roles, project.split, None).outputs["split"]
    trained = train(Dataset(rows, split, roles), project)
    package = ModelPackage.from_files(trained.files, "model")
    sides = rows["speaker"].groupby(split["side"]).unique().map(set).to_dict()
    return project.split.by, sides, audit_performance(Dataset(rows, split, roles), project, package)


def test_speakers_stay_on_one_side_only_where_the_split_is_by_speaker(audited):
    by, sides, _ = audited
    assert bool(sides["train"] & sides["test"]) == (by == "key")


def test_the_audit_shows_how_much_the_row_by_row_split_flatters(audited):
    by, _, found = audited
    accuracy = found.metrics["test.accuracy"]
    floors = {check.id.partition(":")[2]: check for check in found.checks if ".floor:" in check.id}
    if by == "key":
        assert accuracy > 0.93
        assert floors["accuracy"].outcome == "passed"
    else:
        assert accuracy < 0.85
        # 400 recordings, of two men: what holds for them need not hold for the next.
        assert (floors["accuracy"].outcome, floors["accuracy"].n) == ("not_applicable", 400)
        assert "n=400 of 2 independent units" in floors["accuracy"].detail
        assert floors["accuracy:speaker=theo"].n == 200
