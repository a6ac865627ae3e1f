"""`assayline up` on a home of its own, driven from outside as people and programs do."""

import contextlib
import datetime
import http.server
import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import psutil
from browser import is_there, wait_for
from conftest import LIGHT, command_here, free_port, write_small

from flows.services.flow_processes import flow_processes

ENDS = ("Completed", "Failed", "Crashed", "Cancelled")
"""The final states of a flow run, by Prefect's names."""
_OWN = ("PREFECT", "MLFLOW", "ASSAYLINE", "MPL")


class Served:
    """A home with a small project, and the ports that `up` serves it on."""

    def __init__(self, folder, name="served", more="", rows=None, **environment):
        self.home = folder / "home"
        folder.mkdir(exist_ok=True)
        self.name = name
        self.project = write_small(folder, name, f"{LIGHT}{more}", rows)
        self.port, self.mlflow_port, self.pages_port = free_port(), free_port(), free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.pages = f"http://127.0.0.1:{self.pages_port}"
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(_OWN)}
        quick = {
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        }
        self.environment = {
            **inherited,
            **quick,
            "ASSAYLINE_HOME": str(self.home),
            **environment,
        }
        self.said = []
        auth = self.environment.get("PREFECT_SERVER_API_AUTH_STRING")
        self.http = httpx.Client(auth=tuple(auth.split(":", 1)) if auth else None, timeout=120)

    def command(self, *words):
        return [sys.executable, "-m", "flows.cli", *map(str, words)]

    def run(self, *words):
        return subprocess.run(
            self.command(*words), env=self.environment, capture_output=True, text=True, check=False
        )

    def refused(self, *words):
        """The sentence of a command that is refused before anything is started: in this process."""
        code, _, err = command_here(self.environment, *words)
        assert code == 2, err
        return err

    def up_words(self, *projects):
        ports = {
            "--prefect-port": self.port,
            "--mlflow-port": self.mlflow_port,
            "--pages-port": self.pages_port,
        }
        return ["up", *projects, *(word for pair in ports.items() for word in pair)]

    @contextlib.contextmanager
    def up(self, *projects, words=()):
        """`assayline up`, with what it prints until it serves; stopped at the end if it runs."""
        process = subprocess.Popen(
            self.command(*self.up_words(*(projects or (self.project,))), *words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.told = []
        threading.Thread(target=lambda: process.told.extend(process.stderr), daemon=True).start()
        printed = []
        try:
            for line in process.stdout:
                printed.append(line)
                if "Ctrl-C" in line:
                    break
            assert process.poll() is None, "".join(process.told)
            process.printed = "".join(printed)
            yield process
        finally:
            started = psutil.Process(process.pid).children(recursive=True) if printed else []
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait() == 0, "".join(process.told)
            process.stdout.close()
        wait_for(lambda: not any(is_there(child) for child in started))
        assert list(flow_processes(self.home)) == []

    def ask(self, path, body=None, method="POST"):
        """A question to the Prefect API, again while the server is busy or being started."""

        def answer():
            try:
                found = self.http.request(method, f"{self.api}{path}", json=body or {})
            except httpx.TransportError:
                return None
            return None if found.status_code == 503 else found

        found = wait_for(lambda: (there := answer()) is not None and [there])[0]
        found.raise_for_status()
        return found.json() if found.content else None

    def deployment(self, name=None):
        return self.ask(f"/deployments/name/assayline/{name or self.name}", method="GET")

    def put_webhook(self, name, url):
        """A webhook block, as a person makes one in the UI."""
        kind = self.http.get(f"{self.api}/block_types/slug/webhook").json()
        wanted = {"block_type_id": {"any_": [kind["id"]]}}
        schema = self.ask("/block_schemas/filter", {"block_schemas": wanted})[0]
        about = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
        data = {"url": url, "method": "POST"}
        self.ask("/block_documents/", {"name": name, "data": data, **about})

    def start_run(self, **parameters):
        """Asks for a run as the form of the UI does; its id."""
        made = self.ask(
            f"/deployments/{self.deployment()['id']}/create_flow_run",
            {"parameters": parameters, "state": {"type": "SCHEDULED"}},
        )
        return made["id"]

    def set_schedules(self, active, name=None):
        """Pauses or resumes the schedules of a deployment, as the switch of the UI does."""
        found = self.deployment(name)
        for schedule in found["schedules"]:
            place = f"/deployments/{found['id']}/schedules/{schedule['id']}"
            self.ask(place, {"active": active}, method="PATCH")

    def flow_run(self, flow_run):
        return self.ask(f"/flow_runs/{flow_run}", method="GET")

    def flow_runs(self, deployment=None):
        """The runs of a deployment that are due, the earliest first."""
        now = datetime.datetime.now(datetime.UTC).isoformat()
        wanted = {
            "deployments": {"id": {"any_": [(deployment or self.deployment())["id"]]}},
            "flow_runs": {"expected_start_time": {"before_": now}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 200,
        }
        found = []
        while page := self.ask("/flow_runs/filter", {**wanted, "offset": len(found)}):
            found += page
        return found

    def told(self, flow_run, words):
        """Whether the log of a run has the words, on the server."""
        wanted = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "limit": 200}
        return any(words in line["message"] for line in self.ask("/logs/filter", wanted))

    def wait(self, flow_run, *names):
        """The state of a run, once it has one of the names."""

        def there():
            state = self.flow_run(flow_run)["state"]
            return state if state["name"] in names else None

        return wait_for(there)

    def outcome(self, flow_run):
        """What came of a run, once it has ended: how its message begins; else the state's name."""
        state = self.wait(flow_run, *ENDS)
        outcome, colon, _ = (state["message"] or "").partition(":")
        return outcome if colon and state["name"] in ("Completed", "Failed") else state["name"]

    def process_of(self, flow_run):
        return dict(flow_processes(self.home)).get(flow_run)

    def journals(self):
        found = sorted((self.home / "runs").glob("*/journal.json"))
        return [json.loads(path.read_text()) for path in found]


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook's other end: keeps what was posted."""

    def __init__(self):
        self.posted = []
        super().__init__(("127.0.0.1", 0), _Keeping)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Keeping(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass
