"""The worker of `assayline up`: serves the deployments, one process a flow run.

Guarantees: it ends when the command that started it does, however that happened; its flow runs
have the home, the stores, the code and the libraries of that command; the deployments are
registered again at each start, by a module's name, so that they are those of this code, be it
installed or a checkout.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from flows.services.server import exit_with

POOL = "assayline"
_SECONDS = "3"
"""How often the worker asks for work: how long a person waits after filling in the form."""


def start_worker(home: Path, api: str, parent: int) -> subprocess.Popen[bytes]:
    """Start a worker process that ends when the process `parent` does."""
    log = home / "logs" / "worker.log"
    code = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
            [sys.executable, "-m", "flows.services.worker", str(home), str(parent)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                "PREFECT_WORKER_QUERY_SECONDS": _SECONDS,
                **os.environ,
                "ASSAYLINE_HOME": str(home),
                "PREFECT_API_URL": api,
                # A flow run's process starts in an empty folder, and has to find this code.
                "PYTHONPATH": os.pathsep.join(place for place in code if place),
            },
            start_new_session=True,
        )


async def _work(home: Path) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.types.entrypoint import EntrypointType
    from prefect.workers.process import ProcessWorker

    from flows.approval import approval
    from flows.services.approval_requests import DEPLOYMENT, ask_again

    async with get_client() as client:
        template = ProcessWorker.get_default_base_job_template()
        with contextlib.suppress(ObjectAlreadyExists):
            await client.create_work_pool(
                WorkPoolCreate(name=POOL, type="process", base_job_template=template)
            )
    deployment = await approval.ato_deployment(
        DEPLOYMENT, work_pool_name=POOL, entrypoint_type=EntrypointType.MODULE_PATH
    )
    await deployment.aapply()
    await asyncio.to_thread(ask_again, home)
    await ProcessWorker(work_pool_name=POOL, name="assayline").start()


if __name__ == "__main__":
    threading.Thread(target=exit_with, args=(int(sys.argv[2]),), daemon=True).start()
    asyncio.run(_work(Path(sys.argv[1])))
