"""The MLflow server of `up`, as a browser at the address that is shown asks it."""

import os

import httpx
import pytest
from browser import wait_for
from conftest import free_port

from flows.services.mlflow_server import start_mlflow
from flows.services.server import answers
from flows.services.supervisor import stop


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server at an address of this machine that MLflow by itself would not answer at."""
    home, port = tmp_path_factory.mktemp("mlflow"), free_port()
    before = os.environ["MLFLOW_TRACKING_URI"]
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home / 'mlflow.db'}"
    process = start_mlflow(home, "127.0.0.2", port, os.getpid())
    os.environ["MLFLOW_TRACKING_URI"] = before
    try:
        wait_for(lambda: answers(f"http://127.0.0.2:{port}/health"))
        yield f"http://127.0.0.2:{port}"
    finally:
        stop(process)


def asked(address, **headers):
    """What a page of MLflow's UI asks for first."""
    return httpx.post(
        f"{address}/ajax-api/2.0/mlflow/experiments/search",
        json={"max_results": 1},
        headers=headers,
        timeout=120,
    ).status_code


def test_another_name_and_a_page_from_elsewhere_are_refused(address):
    assert asked(address, host="elsewhere.example") == 403
    assert asked(address, origin="http://elsewhere.example") == 403


def test_a_page_of_another_port_of_this_machine_is_refused(address):
    assert asked(address, origin="http://localhost:9999") == 403
    assert asked(address, origin="http://127.0.0.2:9999") == 403


def test_the_address_that_is_shown_works(address):
    assert asked(address, origin=address) == 200
    assert asked(address, host=f"localhost:{address.rpartition(':')[2]}") == 200
