"""History, rollback and drill on a project with two promoted versions, over MLflow's own store."""

import argparse
import datetime
import inspect
import json
import shutil

import pytest
import yaml
from conftest import DATA, SMALL, write_small

from flows.commands import history, rollback
from flows.runs.compared_runs import find_run
from flows.runs.recording import find_record
from tasks.errors import DrillFailedError, NotFoundError, UnavailableError, UsageError
from tasks.ledger import open_ledger
from tasks.ledger_entries import Draft

NAME = "looked-back-on"
ROOT = DATA.parent


@pytest.fixture(scope="module")
def project(tmp_path_factory, prefect_server, home):
    """Version 1 and then version 2 were promoted."""
    from flows.pipeline import run

    path = write_small(tmp_path_factory.mktemp("history"), NAME, SMALL.replace("300", "200"))
    assert run(project=str(path))["exit_code"] == 0
    refresh = "replicates: 200, intent: refresh, margin: 0.2"
    path.write_text(path.read_text().replace("replicates: 200", refresh))
    second = ["training.class_weight=balanced"]
    assert run(project=str(path), overrides=second)["exit_code"] == 0
    return path


@pytest.fixture
def tracking(home):
    from tasks.tracking import Tracking

    return Tracking(home)


@pytest.fixture
def ledger(home, tracking, project):
    return open_ledger(home, tracking, NAME)


@pytest.fixture
def look(project, capsys):
    """Runs `assayline history`: exit code and what it printed."""

    def look(path=project, **words):
        options = {"project": str(path), "json": False, "at": None, "verify": False, **words}
        code = history.command(argparse.Namespace(**options))
        return code, capsys.readouterr().out

    return look


@pytest.fixture
def back(project, capsys):
    """Runs `assayline rollback --json`: exit code, document, standard error."""

    def back(path=project, **words):
        options = {"project": str(path), "to": None, "drill": False, "name": "ann"}
        options |= {"reason": "complaints", "allow_imports": [], "json": True, **words}
        code = rollback.command(argparse.Namespace(**options))
        printed = capsys.readouterr()
        return code, json.loads(printed.out), printed.err

    return back


@pytest.fixture
def put_back():
    """Files that a test changes are as they were after it."""
    kept = {}

    def keep(path):
        kept[path] = path.read_bytes()
        return path

    yield keep
    for path, content in kept.items():
        path.write_bytes(content)


def verified(look):
    code, printed = look(verify=True, json=True)
    document = json.loads(printed)
    failed = [one for one in document["findings"] if one["outcome"] == "failed"]
    assert document["ok"] == (code == 0) == (not failed)
    return code, [(one["subject"], one["detail"]) for one in failed]


def record_of(tracking, version):
    """The MLflow run that registered a version."""
    return tracking.version_tags(NAME, version)["assayline.mlflow_run_id"]


def served_file(home, tracking, version, name):
    """The stored file of a version."""
    run = record_of(tracking, version)
    folders = (home / "mlflow-artifacts" / NAME / "models").glob("*/artifacts")
    ours = next(one for one in folders if f"run_id: {run}" in (one / "MLmodel").read_text())
    return ours / name


class TestVerifyFails:
    def test_a_mirror_that_was_changed(self, look, ledger, put_back):
        mirror = put_back(ledger.mirror)
        mirror.write_text(mirror.read_text().replace("first model", "best model", 1))
        code, failed = verified(look)
        assert code == 4
        assert [subject for subject, _ in failed] == ["mirror"]
        assert "the store does not hold entry 1 as it was" in failed[0][1]
        with pytest.raises(UnavailableError, match="they differ from entry 1 on"):
            look()

    def test_an_alias_that_was_moved_by_hand(self, look, back, tracking):
        tracking.set_champion(NAME, "1")
        try:
            code, failed = verified(look)
            assert code == 4
            assert failed == [
                (
                    "alias",
                    "the alias is at version 1 and the ledger says version 2: something else "
                    "moved it",
                )
            ]
            assert tracking.champion_version(NAME) == "1"
            with pytest.raises(UnavailableError, match="something else moved it"):
                back(drill=True)
        finally:
            tracking.set_champion(NAME, "2")

    def test_a_verdict_that_was_changed(self, look, ledger, home, put_back):
        path = put_back(home / "runs" / ledger.entries()[0].run_id / "verdict.json")
        path.write_text(path.read_text().replace('"wear": 1', '"wear": 0'))
        code, failed = verified(look)
        assert code == 4
        assert failed[0][0] == "verdicts"
        assert failed[0][1].startswith("entry 1: ")

    def test_an_entry_that_was_deleted_in_the_store(self, look, tracking, home, tmp_path):
        from mlflow import MlflowClient

        path = write_small(tmp_path, "cut-off")
        MlflowClient().create_registered_model("cut-off")
        MlflowClient().create_model_version("cut-off", f"models:/{NAME}/1")
        cut = open_ledger(home, tracking, "cut-off")
        for why in ("first", "second"):
            cut.append(
                Draft(
                    "reject",
                    run_id="r",
                    candidate_version="1",
                    expected_champion=None,
                    who="ann",
                    why=why,
                    when="2026-01-01T00:00:00+00:00",
                )
            )
        MlflowClient().delete_model_version("cut-off.ledger", "2")
        code, printed = look(path, verify=True)
        assert code == 4
        assert (
            "failed      mirror    this home has seen 2 entries, and the store does not" in printed
        )
        assert "Not detectable: a rewrite of the whole ledger" in printed


class TestRefusals:
    def test_a_rollback_without_a_reason(self, back):
        with pytest.raises(UsageError, match=r'needs a reason .* --reason "complaints'):
            back(reason="  ")

    def test_an_unknown_version(self, back):
        with pytest.raises(NotFoundError, match="has no version 7; its newest versions are: 1, 2"):
            back(to="7")

    def test_a_project_that_never_ran(self, back, tmp_path):
        with pytest.raises(NotFoundError, match="nothing to go back to"):
            back(write_small(tmp_path, "never-ran"), drill=True)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("extra_files/model.skops", "it was changed after it was registered"),
            ("model.skops", "version 1, as the registry hands it out, does not reproduce its"),
        ],
    )
    def test_another_model_in_the_store(self, back, ledger, tracking, home, put_back, name, reason):
        path = put_back(served_file(home, tracking, "1", name))
        shutil.copyfile(served_file(home, tracking, "2", name), path)
        code, document, error = back()
        assert code == 4
        assert not document["moved"]
        assert document["entry"] is None
        assert reason in document["refusal"]
        assert document["refusal"] in error
        assert (ledger.champion(), tracking.champion_version(NAME)) == ("2", "2")

    def test_a_drill_that_fails_fails_the_flow(self, home, tracking, project, put_back):
        from flows.drill import drill

        path = put_back(served_file(home, tracking, "1", "extra_files/model.json"))
        path.write_text(path.read_text().replace('"threshold": 0.', '"threshold": 0.9'))
        with pytest.raises(DrillFailedError, match="it was changed after it was registered"):
            drill(project=str(project))
        assert "drill of looked-back-on: failed" in newest_artifact().data

    @pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "2026-05-01T99"])
    def test_a_moment_that_is_none(self, look, at):
        with pytest.raises(UsageError, match=f"--at {at} is no date; write it as 2026-05-01"):
            look(at=at)


def newest_artifact():
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[f"{NAME}-rollback-drill"]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted)
    return max(found, key=lambda artifact: artifact.created)


def test_a_drill_passes_as_a_flow(project, ledger):
    from flows.drill import drill

    before = ledger.entries()
    document = drill(project=str(project))
    assert (document["to_version"], document["golden_rows"]) == ("1", 50)
    assert ledger.entries() == before
    assert "drill of looked-back-on: passed" in newest_artifact().data


def test_the_deployment_gives_the_flow_what_it_takes():
    from flows.drill import drill

    text = (ROOT / "deployments" / "prefect.yaml").read_text()
    deployments = yaml.safe_load(text)["deployments"]
    (found,) = (d for d in deployments if d["entrypoint"] == "flows.drill.drill")
    assert set(found["parameters"]) == set(inspect.signature(drill.fn).parameters)
    assert [one["active"] for one in found["schedules"]] == [False]


def test_everything_holds(look):
    assert verified(look) == (0, [])


def test_the_ledger_as_a_table(look):
    code, printed = look()
    lines = printed.splitlines()
    assert code == 0
    assert lines[0].split() == ["#", "when", "action", "champion", "candidate", "who", "run"]
    assert lines[1].split()[:1] + lines[1].split()[2:7] == ["1", "promote", "-", "->", "1", "1"]
    assert lines[2].startswith("     This is the first model")
    assert max(len(line) for line in lines) <= 110


def test_the_ledger_as_json(look):
    first, second = json.loads(look(json=True)[1])[:2]
    assert (first["action"], first["to_version"]) == ("promote", "1")
    assert second["previous_hash"] == first["hash"]


def test_no_model_was_live_before_the_first(look, tmp_path):
    assert look(at="2020-05-01") == (
        0,
        "no model of looked-back-on was live at 2020-05-01T23:59:59+00:00\n",
    )
    never = write_small(tmp_path, "never-ran")
    code, printed = look(never, at="2020-05-01T14:30+02:00", json=True)
    assert code == 0
    assert json.loads(printed) == {
        "project": "never-ran",
        "at": "2020-05-01T12:30:00+00:00",
        "version": None,
    }


def test_what_was_live_between_the_promotions(look, ledger, home, tracking):
    first, second = ledger.entries()[:2]
    found = json.loads(look(at=first.when, json=True)[1])
    assert (found["version"], found["since"], found["until"]) == ("1", first.when, second.when)
    assert (found["who"], found["action"]) == ("assayline", "promote")
    assert found["verdict_hash"] == first.verdict_hash
    assert found["report"] == str(home / "runs" / first.run_id / "decision.html")
    tags = tracking.version_tags(NAME, "1")
    assert found["mlflow_run_id"] == tags["assayline.mlflow_run_id"]
    assert json.loads(look(at=second.when, json=True)[1])["version"] == "2"


def test_a_champion_stands_for_its_own_run_whatever_its_tags_say(look, ledger, home, tracking):
    first, second = ledger.entries()[:2]
    before = tracking.version_tags(NAME, "1")
    names = ("assayline.run_id", "assayline.mlflow_run_id", "assayline.verdict_hash")
    tracking.tag_version(NAME, "1", {n: tracking.version_tags(NAME, "2")[n] for n in names})
    try:
        found = json.loads(look(at=first.when, json=True)[1])
        record = find_record(tracking, ledger, home / "runs", "1", home / "tmp" / "unused")
        with find_run("1", NAME, home, tracking) as compared:
            assert compared.run_id == first.run_id
    finally:
        tracking.tag_version(NAME, "1", {n: before[n] for n in names})
    assert (found["run_id"], found["mlflow_run_id"]) == (first.run_id, before[names[1]])
    assert record.run.run_id == first.run_id
    assert record.judged.verdict.hash == first.verdict_hash
    assert tracking.find_run(NAME, second.run_id) == record_of(tracking, "2")
    assert tracking.find_run(NAME, "20200101T000000-000000") is None
    assert tracking.find_run(NAME, "a' or 'b") is None


def test_back_and_forth(look, back, ledger, tracking, monkeypatch):
    code, document, _ = back()
    assert code == 0
    assert (document["from_version"], document["to_version"]) == ("2", "1")
    assert (tracking.champion_version(NAME), ledger.champion()) == ("1", "1")
    entry = ledger.last_move()
    assert document["entry"]["hash"] == entry.hash
    assert (entry.action, entry.who, entry.why) == ("rollback", "ann", "complaints")
    assert entry.verdict_hash == ledger.entries()[0].verdict_hash
    assert verified(look) == (0, [])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    printed = look(at=today)[1]
    assert "version 1 of looked-back-on was live at" in printed
    assert "ann (rollback, entry 3)" in printed
    assert "and still is" in printed
    code, document, _ = back(to="2", drill=True)
    assert (code, document["moved"]) == (0, False)
    code, document, _ = back(to="2")
    assert (code, tracking.champion_version(NAME)) == (0, "2")


def test_an_alias_moved_by_hand_is_recorded_by_a_rollback_to_it(look, back, tracking, ledger):
    tracking.set_champion(NAME, "1")
    code, document, _ = back(to="1")
    assert (code, document["moved"], ledger.champion()) == (0, True, "1")
    assert verified(look) == (0, [])
    back(to="2")
