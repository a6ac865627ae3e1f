"""The process of a flow run: `python -m flows.services.flow_process`, started by the worker.

Guarantee: a server that is being started again just then costs the run nothing. Prefect's own
client asks again only where it has been answered once, and the run would count as crashed.
"""

from __future__ import annotations

import os
import runpy

from flows.services.server import PrefectServer

_SERVER_SECONDS = 120.0


def _carry_out() -> None:
    # The imports take seconds, in which a server may go: only then is it asked whether it is there.
    import prefect.engine

    import flows.pipeline  # noqa: F401

    PrefectServer(os.environ["PREFECT_API_URL"]).wait_until_ready(_SERVER_SECONDS)
    runpy.run_module(prefect.engine.__name__, run_name="__main__")


if __name__ == "__main__":
    _carry_out()
