import base64
import http.client
import json
import os
import socket

import pytest
from conftest import free_port
from test_service_metrics import write_run

from flows.services import pages
from flows.services.listening import Addresses, write_record
from flows.services.metrics import ServiceState
from flows.services.pages import serve_pages
from tasks.errors import UsageError

RUN = "20260301T020000-aaaaaa"
OTHER = "20260302T020000-bbbbbb"
PAGE = "<!doctype html><title>the decision</title>"
UP = [ServiceState("the worker", True, 1), ServiceState("the Prefect server", True, 0)]
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def home(tmp_path):
    """A home with one run, a secret beside it and one above."""
    folder = write_run(tmp_path / "home", RUN, sentence="Promote: version 3 is the champion.")
    (folder / "decision.html").write_text(PAGE)
    (folder / "secret.html").write_text("secret")
    (tmp_path / "home" / "decision.html").write_text("secret")
    (tmp_path / "decision.html").write_text("secret")
    return tmp_path / "home"


@pytest.fixture
def serve(home):
    """Serves the home on a free port; the answer to a request, with its body as text."""
    servers = []

    def start(services=lambda: UP, auth=None):
        server = serve_pages(home, "127.0.0.1", 0, services, auth)
        servers.append(server)

        def ask(path, method="GET", **headers):
            connection = http.client.HTTPConnection(server.address.removeprefix("http://"))
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            connection.close()
            return answer

        return ask

    yield start
    for server in servers:
        server.stop()


PATHS = [
    "/runs",
    "/runs/",
    f"/runs/{RUN}/",
    f"/runs/{RUN}/decision.html",
    f"/runs/{RUN}/secret.html",
    f"/runs/{RUN}%00",
    f"/runs/{RUN}%0a",
    f"/runs/../{RUN}",
    "/runs/..",
    "/runs/%2e%2e",
    "/runs/%2e%2e%2f%2e%2e",
    "/runs/..%2f..%2fdecision.html",
    "/runs/../../decision.html",
    "/../decision.html",
    "//runs/../decision.html",
    "/decision.html",
    "/etc/passwd",
    "/runs//etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1/metrics",
    "/server.json",
    "/metrics/",
    f"/runs/{OTHER}",
    f"/runs/{RUN.upper()}",
]


def test_no_path_leads_to_anything_but_a_decision_page(serve):
    ask = serve()
    answers = {path: ask(path) for path in PATHS}
    assert {path: a.status for path, a in answers.items()} == dict.fromkeys(PATHS, 404)
    assert {a.text for a in answers.values()} == {"404 Not Found: there is no such page\n"}


def test_links_out_of_the_home_are_not_followed(serve, home, tmp_path):
    outside = write_run(tmp_path / "outside", OTHER)
    (outside / "decision.html").write_text("secret")
    (home / "runs" / OTHER).symlink_to(outside)
    third = write_run(home, "20260303T020000-cccccc")
    (third / "decision.html").symlink_to(outside / "decision.html")
    fourth = write_run(home, "20260304T020000-dddddd")
    os.mkfifo(fourth / "decision.html")
    ask = serve()
    assert ask(f"/runs/{OTHER}").status == 404
    assert ask("/runs/20260303T020000-cccccc").status == 404
    assert ask("/runs/20260304T020000-dddddd").status == 404


def test_a_folder_that_is_no_run_of_the_home_has_no_page(serve, home):
    for name, journal in ((OTHER, None), ("20260303T020000-cccccc", {"run_id": RUN})):
        (home / "runs" / name).mkdir()
        (home / "runs" / name / "decision.html").write_text("secret")
        if journal:
            (home / "runs" / name / "journal.json").write_text(json.dumps(journal))
    ask = serve()
    assert ask(f"/runs/{OTHER}").status == 404
    assert ask("/runs/20260303T020000-cccccc").status == 404


def test_only_reading_is_answered(serve):
    ask = serve()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "SCRIPT"):
        answer = ask("/", method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), method
        assert answer.text == "405 Method Not Allowed: this server answers GET and HEAD\n"
    answer = ask("/", "<script>")
    assert (answer.status, answer.text) == (
        400,
        "400 Bad Request: this server answers GET and HEAD\n",
    )


def test_a_name_from_elsewhere_that_leads_here_is_refused(serve):
    ask = serve()
    for name in ("evil.example", "evil.example:80", "", "127.0.0.1.evil.example"):
        for path in ("/", "/metrics", f"/runs/{RUN}"):
            assert ask(path, Host=name).status == 403, (name, path)
    assert ask("/", Host="localhost:4280").status == 200
    assert ask("/", Origin="http://localhost:9999").status == 403


WRONG = [
    "",
    "Basic",
    "Basic !",
    "Basic " + base64.b64encode(b"ann:wrong").decode(),
    "Basic " + base64.b64encode(b"ann").decode(),
    "Bearer " + base64.b64encode("ann:wörd".encode()).decode(),
    "ann:wörd".encode(),
]


def test_without_the_password_only_the_health_is_told(serve):
    ask = serve(auth="ann:wörd")
    for given in WRONG:
        headers = {"Authorization": given} if given else {}
        for path in ("/", "/metrics", f"/runs/{RUN}", "/nothing"):
            answer = ask(path, **headers)
            assert answer.status == 401, (given, path)
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Assayline", charset="UTF-8"'
            assert "wörd" not in answer.text
        assert ask("/health", **headers).status == 200


def test_with_the_password_all_is_told_under_any_name(serve):
    ask = serve(auth="ann:wörd")
    known = "Basic " + base64.b64encode("ann:wörd".encode()).decode()
    assert ask(f"/runs/{RUN}", Authorization=known, Host="pages.example").text == PAGE
    assert ask("/metrics", Authorization=known).status == 200


@pytest.mark.parametrize("auth", ["", ":", "ann", "ann:", ":word"])
def test_half_a_password_opens_nothing(home, auth):
    with pytest.raises(UsageError, match="not written as user:password"):
        serve_pages(home, "127.0.0.1", 0, list, auth)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.1", "pages.example"])
def test_an_open_address_asks_for_a_password(home, host):
    with pytest.raises(UsageError, match=r"open to all who reach .*PREFECT_SERVER_API_AUTH_STRING"):
        serve_pages(home, host, 0, list, None)


def test_a_port_that_is_taken_is_named(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port} .*--pages-port"):
            serve_pages(home, "127.0.0.1", port, list, None)


def test_a_failure_goes_to_the_log_and_not_to_the_reader(serve, home, capsys):
    def broken():
        raise RuntimeError("the reason")

    ask = serve(broken)
    assert ask("/health").text == "500 Internal Server Error: the log of the home says why\n"
    assert ask("/metrics").status == 500
    lines = [json.loads(line) for path in home.glob("logs/*") for line in path.open()]
    assert [line["message"] for line in lines] == [
        "/health could not be served",
        "/metrics could not be served",
    ]
    assert "RuntimeError: the reason" in lines[0]["exc_info"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"GET\r\n\r\n", b"this server answers GET and HEAD"),
        (b"\x16\x03\x01\r\n\r\n", b"this server answers GET and HEAD"),
        (b"GET / HTTP/9.9\r\n\r\n", b"this server answers its own machine alone"),
    ],
)
def test_what_is_no_request_is_refused_with_the_same_care(home, capsys, sent, why):
    server = serve_pages(home, "127.0.0.1", 0, lambda: UP, None)
    try:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(sent)
            said = connection.makefile("rb").read()
    finally:
        server.stop()
    assert why in said
    assert POLICY.encode() in said
    assert b"\r\nserver: assayline\r\n" in said.lower()
    assert not any(word in said for word in (b"Python", b"uvicorn", b"h11"))
    assert capsys.readouterr() == ("", "")


def test_a_client_that_says_nothing_is_hung_up_on(home, monkeypatch):
    monkeypatch.setattr(pages, "_SECONDS", 0.2)
    server = serve_pages(home, "127.0.0.1", 0, lambda: UP, None)
    try:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.settimeout(30)
            assert connection.recv(10) == b""
    finally:
        server.stop()


def test_every_answer_forbids_what_no_page_needs(serve):
    ask = serve()
    for path in ("/", "/metrics", "/health", f"/runs/{RUN}", "/nothing"):
        headers = ask(path).headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "assayline"


def test_the_decision_page_is_sent_as_it_was_written(serve):
    ask = serve()
    answer = ask(f"/runs/{RUN}")
    assert (answer.text, answer.headers["Content-Type"]) == (PAGE, "text/html; charset=utf-8")
    head = ask(f"/runs/{RUN}", "HEAD")
    assert (head.status, head.text, head.headers["Content-Length"]) == (200, "", "42")


def test_health_is_that_of_all_services(serve):
    states = list(UP)
    ask = serve(lambda: states)
    answer = ask("/health")
    assert answer.status == 200
    assert json.loads(answer.text) == {
        "healthy": True,
        "services": [
            {"name": "the worker", "alive": True, "restarts": 1},
            {"name": "the Prefect server", "alive": True, "restarts": 0},
        ],
    }
    states[0] = ServiceState("the worker", False, 1)
    answer = ask("/health")
    assert answer.status == 503
    assert json.loads(answer.text)["healthy"] is False


def test_metrics_are_in_the_form_that_prometheus_asks_for(serve):
    ask = serve()
    plain = ask("/metrics?x=1")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'assayline_service_restarts_total{service="the worker"} 1.0\n' in plain.text
    modern = ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


def test_the_overview_escapes_every_value(serve, home):
    evil = "<script>alert(1)</script>"
    write_run(home, OTHER, evil, sentence=evil)
    (home / "server.json").write_text(
        json.dumps(
            {"addresses": {"prefect": f"http://bob:s3cret@h/{evil}", "mlflow": "javascript:x"}}
        )
    )
    page = serve(lambda: [ServiceState(evil, True, 0)])("/").text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 4
    assert "s3cret" not in page
    assert "javascript:" not in page


def test_the_overview_shows_services_and_the_newest_run_of_each_project(serve, home):
    write_run(home, "20260228T020000-bbbbbb", sentence="An older one.")
    write_run(home, OTHER, "churn", status="failed", exit_code=6, sentence="The disk is full.")
    addresses = Addresses("127.0.0.1", 4200, 5000, 4280)
    write_record(home, addresses)
    states = list(UP)
    ask = serve(lambda: states)
    page = ask("/").text
    assert "All services are up." in page
    assert "restarted once" in page
    assert '<a href="http://127.0.0.1:4200">Prefect UI</a>' in page
    assert '<a href="http://127.0.0.1:5000">MLflow UI</a>' in page
    assert f'Promote: version\N{NO-BREAK SPACE}3 is the champion. <a href="/runs/{RUN}">' in page
    assert "The disk is full." in page
    assert "An older one." not in page
    assert "1 March 2026, 02:10 UTC" in page
    assert page.count("Decision page") == 1
    states[0] = ServiceState("the worker", False, 1)
    assert "The worker is down." in ask("/").text


def test_the_port_is_free_again_after_the_stop(home):
    port = free_port()
    for _ in range(2):
        serve_pages(home, "127.0.0.1", port, lambda: UP, None).stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
