from pathlib import Path

from flows.home import configured_prefect_api, resolve_home
from flows.server import PrefectServer
from flows.templates import copy_template, template_name


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
    monkeypatch.setattr("flows.templates.template_folder", lambda: tmp_path)
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
