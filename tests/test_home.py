import os
import traceback
from pathlib import Path

import pytest

from flows.services import mlflow_server
from flows.services.home import configure_environment, configured_prefect_api, resolve_home
from flows.services.server import PrefectServer
from flows.services.templates import copy_template, template_name
from tasks.errors import UnavailableError


def test_the_home_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAYLINE_HOME", str(tmp_path / "here"))
    assert resolve_home(tmp_path / "project.yaml") == tmp_path / "here"


def test_the_home_is_in_the_repository_or_beside_the_project(monkeypatch, tmp_path):
    monkeypatch.delenv("ASSAYLINE_HOME")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert resolve_home(deep / "project.yaml") == deep / ".assayline"
    (tmp_path / ".git").mkdir()
    assert resolve_home(deep / "project.yaml") == tmp_path / ".assayline"


def test_a_profile_that_names_a_server_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert configured_prefect_api() is None
    (tmp_path / "profiles.toml").write_text(
        'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://10.0.0.1/api"\n'
    )
    assert configured_prefect_api() == "http://10.0.0.1/api"


def test_the_ui_is_beside_the_api():
    assert PrefectServer("http://127.0.0.1:4200/api").ui_url == "http://127.0.0.1:4200"


def test_a_template_starts_a_database_and_never_replaces_one(monkeypatch, tmp_path):
    monkeypatch.setattr("flows.services.templates.template_folder", lambda: tmp_path)
    database = tmp_path / "home" / "prefect.db"
    copy_template("prefect", database)
    assert not database.exists()
    (tmp_path / template_name("prefect")).write_bytes(b"migrated")
    copy_template("prefect", database)
    assert database.read_bytes() == b"migrated"
    database.write_bytes(b"used")
    copy_template("prefect", database)
    assert database.read_bytes() == b"used"
    assert [path.name for path in Path(database.parent).iterdir()] == ["prefect.db"]


def test_the_password_of_an_mlflow_server_is_kept_out_of_its_address(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", {"MLFLOW_TRACKING_URI": "http://bob:s3%40cret@host:5000"})
    configure_environment(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://host:5000"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "bob"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "s3@cret"
    database = "postgresql://bob:s3cret@host/runs"
    monkeypatch.setattr(os, "environ", {"MLFLOW_TRACKING_URI": database})
    configure_environment(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == "postgresql+pg8000://bob:s3cret@host/runs"


def test_no_process_is_told_a_database_password_by_its_words(monkeypatch, tmp_path):
    database = "postgresql://bob:s3cret@host/runs"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    started = {}
    monkeypatch.setattr(
        mlflow_server.subprocess, "Popen", lambda words, **more: started.update(more, words=words)
    )
    mlflow_server.start_mlflow(tmp_path, "127.0.0.1", 5000, 1)
    assert "s3cret" not in " ".join(started["words"])
    assert started["env"]["_MLFLOW_SERVER_FILE_STORE"] == database


@pytest.mark.parametrize("uri", ["http://bob:s3cret@127.0.0.1:9", "nonsense://bob:s3cret@host/db"])
def test_a_store_that_fails_is_told_without_its_password(monkeypatch, tmp_path, uri):
    from tasks.tracking import Tracking

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UnavailableError) as failure:
        Tracking(tmp_path).champion_version("p")
    text = "".join(traceback.format_exception(failure.value))
    assert "did not do its part" in text
    assert "s3cret" not in text
