"""`assayline up`: both UIs and the approval form of a home, until Ctrl-C."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.commands.interruption import terminating
from flows.services.home import configure_environment, resolve_home


def command(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from flows.services.interfaces import serve_interfaces

    home = resolve_home(Path(options.project) if options.project else Path.cwd() / "project.yaml")
    configure_environment(home)
    with terminating():
        return serve_interfaces(home, options.prefect_port, options.mlflow_port)
