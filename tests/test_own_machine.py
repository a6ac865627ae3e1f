"""Who may ask a server that has no password; what a run may read that a form started."""

import asyncio

import pytest
from conftest import SMALL, write_small

from flows.runs.surroundings import Surroundings
from flows.services.own_machine import OwnMachineOnly
from tasks.errors import UsageError
from tasks.project import load_project

OWN = [
    {"host": "127.0.0.1:4200"},
    {"host": "localhost:4200", "origin": "http://127.0.0.1:4200"},
    {"host": "[::1]:4200", "origin": "http://localhost:4200"},
    {"host": "127.0.0.2:4200", "origin": "http://127.0.0.2:4200"},
    {"host": "localhost", "origin": "http://localhost"},
]
FOREIGN = [
    {},
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example:4200"},
    {"host": "evil.example@127.0.0.1.evil.example"},
    {"host": "127.0.0.1:4200", "origin": "https://evil.example"},
    {"host": "127.0.0.1:4200", "origin": "null"},
    {"host": "127.0.0.1:4200", "origin": "http://localhost:9999"},
    {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1"},
    {"host": "127.0.0.1:4200", "origin": "http://127.0.0.2:4200"},
    {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1:x"},
    {"host": "127.0.0.1:4200", "origin": "http://localhost.evil.example"},
    {"host": "[nonsense", "origin": "http://[nonsense"},
]


def answered(kind, headers):
    """What the guard sends: nothing where it hands the request on."""
    passed, sent = [], []

    async def app(*_):
        passed.append(True)

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "headers": pairs, "path": "/api/deployments"}
    asyncio.run(OwnMachineOnly(app)(scope, None, send))
    assert bool(passed) != bool(sent)
    return sent


class TestOwnMachine:
    @pytest.mark.parametrize("headers", OWN)
    @pytest.mark.parametrize("kind", ["http", "websocket"])
    def test_its_own_programs_and_browsers_are_heard(self, kind, headers):
        assert answered(kind, headers) == []

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_a_page_from_elsewhere_is_not(self, headers):
        assert answered("http", headers)[0]["status"] == 403
        assert answered("websocket", headers)[0]["type"] == "websocket.close"

    def test_the_server_that_a_command_starts_is_guarded(self, prefect_server):
        import httpx

        client = httpx.Client(timeout=120)
        url = f"{prefect_server.api_url}/flows/filter"
        from_elsewhere = {"origin": "https://evil.example"}
        assert client.post(url, json={}).status_code == 200
        assert client.post(url, json={}, headers=from_elsewhere).status_code == 403
        assert client.options(url, headers=from_elsewhere).status_code == 403
        assert client.post(url, json={}, headers={"host": "evil.example"}).status_code == 403
        of_another_port = {"origin": "http://localhost:9999"}
        assert client.post(url, json={}, headers=of_another_port).status_code == 403


NAMED = {
    "data file": "source: ../outside/x.csv",
    "file of corrected labels": "labels: {overlay: ../outside/x.csv}",
    "file of answers": "labels: {reviews: ../outside/x.csv}",
    "file of label rules": "labels: {rules: ../outside/x.csv}",
    "file of ratings": "labels: {ratings: {path: ../outside/x.csv}}",
    "file of hand tags": "error_analysis: {hand_tags: ../outside/x.csv}",
}


class TestRoots:
    @pytest.fixture
    def root(self, tmp_path):
        (tmp_path / "root").mkdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "x.csv").write_text("a\n1\n")
        return tmp_path / "root"

    @pytest.fixture
    def given(self, root):
        return Surroundings(roots=(root,))

    @pytest.mark.parametrize("what", NAMED)
    def test_a_file_that_the_project_names_lies_within(self, root, given, what):
        said = NAMED[what]
        section = said.partition(":")[0]
        text = "".join(x for x in SMALL.splitlines(True) if not x.startswith(f"{section}:"))
        path = write_small(root, text=f"{text}{said}\n")
        with pytest.raises(UsageError, match=f"the {what} .*/outside/x.csv is outside of"):
            given.require_within(load_project(path))
        inside = said.replace("../outside", ".")
        given.require_within(load_project(write_small(root, text=f"{text}{inside}\n")))

    @pytest.mark.parametrize(
        ("name", "what"),
        [
            ("rows.csv", "data file"),
            ("project.labels.csv", "file of corrected labels"),
            ("project.reviews.csv", "file of answers"),
            ("project.tags.csv", "file of hand tags"),
            ("project.tags.exports.json", "file of tag exports"),
        ],
    )
    def test_a_link_does_not_lead_out(self, root, given, name, what):
        path = write_small(root)
        given.require_within(load_project(path))
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(root.parent / "outside" / "x.csv")
        with pytest.raises(UsageError, match=f"the {what} .*/outside/x.csv is outside of"):
            given.require_within(load_project(path))

    def test_a_link_to_a_project_does_not_bring_it_in(self, root, given):
        outside = write_small(root.parent / "outside")
        (root / "project.yaml").symlink_to(outside)
        with pytest.raises(UsageError, match=r"the project file .* is outside of the folders"):
            given.require_within(load_project(root / "project.yaml"))
