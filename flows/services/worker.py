"""The worker of `assayline up`: deploys the projects, and carries out their runs.

Guarantees: it ends when the command that started it does, however that happened; its flow runs
have the home, the stores, the code, the libraries and the allowed imports of that command, and a
form cannot give them others; the deployments are registered again at each start, by a module's
name, so that they are those of this code; what is not deployed is told, and keeps no other project
from being served.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.services.pools import base_job_template, pool_of
from flows.services.server import PrefectServer, exit_with, spawn_module
from tasks.atomic import write_json
from tasks.errors import UserError
from tasks.project import load_project

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

ALIVE = "worker.alive"
"""A file in the home that is touched as long as the worker asks for work."""
_SERVER_SECONDS = 120.0
DEPLOYED = "deployed.json"
"""A file in the home that names what is deployed, or why it is not."""
_SECONDS = "3"
"""How often the worker asks for work: how long a person waits after filling in a form."""


_REMEMBERED = 500
"""How many of the worker's lines about runs are not told twice."""


def start_worker(
    home: Path, addresses: Mapping[str, str], parent: int, projects: Sequence[Path], limit: int
) -> subprocess.Popen[bytes]:
    """Start a worker process that ends when the process `parent` does.

    `addresses` are the variables that tell it, and its runs, where the servers are. It carries out
    `limit` flow runs at a time.
    """
    code = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))
    words = [str(home), str(parent), str(limit), *map(str, projects)]
    return spawn_module(
        "flows.services.worker",
        words,
        home / "logs" / "worker.log",
        {
            "PREFECT_WORKER_QUERY_SECONDS": _SECONDS,
            **os.environ,
            "ASSAYLINE_HOME": str(home),
            **addresses,
            # A flow run's process starts in an empty folder, and has to find this code.
            "PYTHONPATH": os.pathsep.join(place for place in code if place),
        },
    )


def _register(home: Path, pool: str, projects: Sequence[Path]) -> None:
    """The pool, the form to sign in, the projects; leaves on record what came of them."""
    from prefect.client.orchestration import get_client
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    from flows.approval import approval
    from flows.services.approval_requests import ask_again
    from flows.services.deployments import remove_others

    # Both may have been started again, and the server takes longer.
    PrefectServer(os.environ["PREFECT_API_URL"]).wait_until_ready(_SERVER_SECONDS)
    with get_client(sync_client=True) as client:
        _put_pool(client, pool)
        RunnerDeployment.from_flow(
            approval,
            name=pool,
            description="Asks for the signature that a run waits for.",
            tags=["assayline"],
            work_pool_name=pool,
            entrypoint_type=EntrypointType.MODULE_PATH,
        ).apply()
        names = {str(path): _name_of(path) for path in projects}
        removed = remove_others(client, pool, names)  # first: a name may be another file's now
        record = {str(path): _deploy(client, path, pool) for path in projects}
    write_json(home / DEPLOYED, {"pool": pool, "projects": record, "removed": removed})
    ask_again(home)


def _deploy(client: SyncPrefectClient, path: Path, pool: str) -> dict[str, Any]:
    from prefect.exceptions import PrefectHTTPStatusError

    from flows.services.deployments import deploy_project, describe_schedule
    from flows.services.notifications import put_notifications

    try:
        loaded = load_project(path)
        deployment = deploy_project(client, loaded, pool)
        missing = put_notifications(client, loaded.project)
    except (UserError, ValueError, OverflowError, PrefectHTTPStatusError) as failure:
        # Prefect takes less than we do for a cron expression, for example; and no project may
        # keep the others from being served.
        first = next(iter(str(failure).splitlines()), type(failure).__name__)
        sys.stderr.write(f"{path} was not deployed: {failure}\n")
        return {"problem": first}
    said = {"name": loaded.project.name, "runs": describe_schedule(loaded.project)}
    return {"problem": None, "deployment": str(deployment), "missing": missing, **said}


def _name_of(path: Path) -> str | None:
    """The name of the project in a file; None where it cannot be read."""
    try:
        return load_project(path).project.name
    except UserError:
        return None


def _put_pool(client: SyncPrefectClient, pool: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists

    template = base_job_template()
    try:
        client.create_work_pool(
            WorkPoolCreate(name=pool, type="process", base_job_template=template)
        )
    except ObjectAlreadyExists:
        client.update_work_pool(pool, WorkPoolUpdate(base_job_template=template))


class _Once(logging.Filter):
    """Lets a line through once: a run that waits for its turn is tried again at each look.

    That a run was submitted says no more than that it is being submitted, the line before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: deque[str] = deque(maxlen=_REMEMBERED)

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message in self._told or message.endswith("submitted to infrastructure"):
            return False
        self._told.append(message)
        return True


async def _work(home: Path, limit: int, projects: Sequence[Path]) -> None:
    from prefect.workers.process import ProcessWorker

    from flows.services.attention import attend

    logging.getLogger("prefect.flow_runs.worker").addFilter(_Once())
    pool = pool_of(home)
    await asyncio.to_thread(_register, home, pool, projects)
    worker = ProcessWorker(work_pool_name=pool, name="assayline", limit=limit)
    threading.Thread(target=attend, args=(home, pool, projects, worker), daemon=True).start()
    await worker.start(printer=lambda *_: None)


if __name__ == "__main__":
    threading.Thread(target=exit_with, args=(int(sys.argv[2]),), daemon=True).start()
    asyncio.run(_work(Path(sys.argv[1]), int(sys.argv[3]), [Path(p) for p in sys.argv[4:]]))
