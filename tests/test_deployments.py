"""What `deployments/` holds, as a real Prefect server takes it."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.workers.process import ProcessJobConfiguration
from prometheus_client import generate_latest

from flows.services.deployments import ALARM, DATA_ARRIVED, resource_of
from flows.services.metrics import metrics_registry
from flows.services.pools import base_job_template
from flows.services.run_facts import RunReader

ROOT = Path(__file__).resolve().parent.parent
DEPLOYMENTS = ROOT / "deployments"
POOLS = ("process", "docker", "kubernetes")
LOCKED = ({"env": {"ASSAYLINE_ROOTS": "/"}}, {"env.PYTHONPATH": "/tmp"}, {"command": "id"})


class Server:
    """The Prefect API of the tests."""

    def __init__(self, api):
        self.api = api

    def get(self, path):
        answer = httpx.get(f"{self.api}{path}", timeout=120)
        answer.raise_for_status()
        return answer.json()

    def post(self, path, **body):
        return httpx.post(f"{self.api}{path}", json=body, timeout=120)

    def prefect(self, folder, *words):
        """Prefect's own command line, run in a folder."""
        inherited = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "PWD")}
        environment = {**inherited, "PWD": str(folder), "PREFECT_API_URL": self.api}
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *map(str, words)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def deployment(self, flow, name):
        return self.get(f"/deployments/name/{flow}/{name}")

    def start(self, deployment, **asked):
        return self.post(
            f"/deployments/{deployment['id']}/create_flow_run", state={"type": "SCHEDULED"}, **asked
        )


@pytest.fixture(scope="module")
def server(prefect_server):
    return Server(prefect_server.api_url)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone, with the deployment files as they are now."""
    folder = tmp_path_factory.mktemp("fresh") / "assayline"
    subprocess.run(["git", "clone", "-q", "--local", str(ROOT), str(folder)], check=True)
    shutil.copytree(DEPLOYMENTS, folder / "deployments", dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def deployed(server, clone):
    """`prefect deploy --all` in the clone, as the file says at its top."""
    server.prefect(clone, "work-pool", "create", "assayline", "--type", "process")
    server.prefect(clone, "deploy", "--all", "--prefect-file", "deployments/prefect.yaml")
    return clone


@pytest.fixture(scope="module")
def pools(server):
    """A pool of each kind, made from its template."""
    for name in POOLS:
        template = json.loads((DEPLOYMENTS / f"{name}-pool.json").read_text())
        made = server.post(
            "/work_pools/", name=f"test-{name}", type=name, base_job_template=template
        )
        assert made.status_code == 201, made.text


class TestPrefectFile:
    @pytest.mark.parametrize(
        ("flow", "name", "project", "schedule"),
        [
            (
                "assayline",
                "hmda-boston-nightly",
                "data/hmda_boston/project.yaml",
                {"cron": "0 2 * * *", "timezone": "America/New_York", "day_or": True},
            ),
            (
                "assayline",
                "sms-spam-every-six-hours",
                "data/sms_spam/project.yaml",
                {"interval": 21600.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"},
            ),
            (
                "assayline-rollback-drill",
                "hmda-boston-rollback-drill",
                "data/hmda_boston/project.yaml",
                {"cron": "0 6 * * 1", "timezone": "UTC", "day_or": True},
            ),
        ],
    )
    def test_a_deployment_arrives_as_written(self, server, deployed, flow, name, project, schedule):
        found = server.deployment(flow, name)
        assert found["parameters"] == {"project": str(deployed / project)}
        assert Path(found["parameters"]["project"]).is_file()
        assert [one["schedule"] for one in found["schedules"]] == [schedule]
        assert [one["active"] for one in found["schedules"]] == [False]
        assert found["global_concurrency_limit"]["limit"] == 1
        assert found["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert found["work_pool_name"] == "assayline"
        assert found["pull_steps"] == []
        assert found["entrypoint"] in ("flows.pipeline.run", "flows.drill.drill")
        named = yaml.safe_load((deployed / project).read_text())["name"]
        assert found["tags"] == ["assayline", f"project:{named}"]

    def test_new_data_and_an_alarm_start_the_nightly_run(self, server, deployed):
        found = server.deployment("assayline", "hmda-boston-nightly")
        names = [f"hmda-boston-nightly: {what}" for what in ("new data", "alarm")]
        about = {"automations": {"name": {"any_": names}}}
        automations = server.post("/automations/filter", **about).json()
        started = {
            one["trigger"]["expect"][0]: (
                one["trigger"]["match"]["prefect.resource.id"],
                one["actions"][0]["deployment_id"],
                one["actions"][0]["parameters"],
            )
            for one in automations
        }
        project = resource_of("hmda-boston")
        assert started == {
            DATA_ARRIVED: (project, found["id"], None),
            ALARM: (project, found["id"], {"intent": "refresh"}),
        }

    @pytest.mark.parametrize(
        "wrong", [{"intent": "improove"}, {"overrides": ["gate.min_gain"]}, {"project": ""}]
    )
    def test_the_form_refuses_what_the_flow_could_not_use(self, server, deployed, wrong):
        refused = server.start(
            server.deployment("assayline", "hmda-boston-nightly"), parameters=wrong
        )
        assert refused.status_code in (409, 422)


class TestPools:
    @pytest.mark.parametrize("name", POOLS)
    def test_a_deployment_is_made_for_it_and_nothing_but_a_name_is_asked(self, server, pools, name):
        pool = server.get(f"/work_pools/test-{name}")
        assert pool["type"] == name
        asked = pool["base_job_template"]["variables"]["properties"]
        assert [one for one, kind in asked.items() if "const" not in kind] == ["name"]
        deployment = self.deployment(server, name)
        assert server.start(deployment, job_variables={"name": "tonight"}).status_code == 201

    @pytest.mark.parametrize("name", POOLS)
    @pytest.mark.parametrize("asked", LOCKED)
    def test_whoever_starts_a_run_gives_it_no_environment_and_no_command(
        self, server, pools, name, asked
    ):
        refused = server.start(self.deployment(server, name), job_variables=asked)
        assert refused.status_code == 422
        assert "Additional properties are not allowed" in refused.text

    def test_a_secret_of_a_docker_run_is_that_block_and_no_other(self, server, pools):
        secret = "{{ prefect.blocks.secret.mlflow-password }}"
        deployment = self.deployment(server, "docker")
        refused = server.start(deployment, job_variables={"mlflow_password": "mine"})
        assert refused.status_code == 422
        assert f"'{secret}' was expected" in refused.text
        taken = server.start(deployment, job_variables={"mlflow_password": secret})
        assert taken.status_code == 201

    def deployment(self, server, name):
        flow = server.post("/flows/", name="pool-test").json()
        made = server.post(
            "/deployments/",
            name=name,
            flow_id=flow["id"],
            work_pool_name=f"test-{name}",
            entrypoint="flows.pipeline.run",
        )
        assert made.status_code in (200, 201), made.text
        return made.json()


def test_the_alerts_ask_for_metrics_that_there_are(tmp_path):
    served = generate_latest(metrics_registry(RunReader(tmp_path), list)).decode()
    known = set(re.findall(r"# HELP (\w+)", served))
    groups = yaml.safe_load((DEPLOYMENTS / "alerts.yaml").read_text())["groups"]
    (rules,) = (group["rules"] for group in groups)
    asked = {name for rule in rules for name in re.findall(r"assayline_\w+", rule["expr"])}
    assert asked == {
        "assayline_service_up",
        "assayline_last_run_exit_code",
        "assayline_last_run_timestamp_seconds",
    }
    assert asked <= known


def test_compose_gives_both_servers_a_database_and_a_password():
    services = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text())["services"]
    given = services["assayline"]["environment"]
    forms = (DEPLOYMENTS / "compose.env").read_text()
    written = json.dumps(services)
    assert set(re.findall(r"\$\{(\w+)", written)) == set(
        re.findall(r"^(\w+)=", forms, re.MULTILINE)
    )
    assert re.findall(r"^(?:POSTGRES_PASSWORD|ASSAYLINE_AUTH)=(.+)$", forms, re.MULTILINE) == []
    assert given["PREFECT_SERVER_API_AUTH_STRING"].startswith("${ASSAYLINE_AUTH:?")
    databases = {
        given[name].rpartition("/")[2]
        for name in ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "MLFLOW_TRACKING_URI")
    }
    assert databases == {services["postgres"]["environment"]["POSTGRES_DB"], "mlflow"}
    assert (DEPLOYMENTS / "databases.sql").read_text() == "CREATE DATABASE mlflow;\n"
    ports = services["assayline"]["ports"]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    context = DEPLOYMENTS / services["assayline"]["build"]["context"]
    assert (context / services["assayline"]["build"]["dockerfile"]).is_file()


def test_what_the_image_copies_is_what_the_build_may_see():
    """The list of `Dockerfile.dockerignore`: no data, no state, nothing that is not copied."""
    copied = {
        word.strip("./")
        for line in (DEPLOYMENTS / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    lines = (DEPLOYMENTS / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_a_run_of_up_is_given_no_environment_by_who_asks_for_it():
    """Prefect merges a run's `env` into one of the template, so there is none to merge into."""
    asked = {"env": {"ASSAYLINE_ALLOW_IMPORTS": "os"}, "command": "id"}

    async def configuration(template):
        return await ProcessJobConfiguration.from_template_and_values(template, asked)

    for template in (
        base_job_template(),
        json.loads((DEPLOYMENTS / "process-pool.json").read_text()),
    ):
        found = asyncio.run(configuration(template))
        assert found.env == {}
        assert found.command != "id"
