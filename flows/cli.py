"""The command line: one word a job.

Guarantees: nothing heavy is imported before a command needs it, so help answers at once; every
failure that a user can act on is one sentence on standard error and a documented exit code; nothing
that is printed carries control characters of a project file or of data to the terminal.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from flows.arguments import build_parser
from flows.exit_codes import INTERNAL, INTERRUPTED, UNAVAILABLE, explained
from flows.terminal import filtered

_LEAST_FREE = 100_000
_ADDRESSES = (
    "MLFLOW_TRACKING_URI",
    "PREFECT_API_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
_SECRETS = (
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_KEY",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)


def end_with_command() -> NoReturn:
    """Run the command of this process, and end the process with it."""
    code = main()
    if code == INTERRUPTED:
        # Ctrl-C may have come between taking a lock of `logging` and keeping it to be given back:
        # Prefect's threads, which the interpreter waits for, would then wait for ever.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Else a third of the imports' time goes into the search for garbage, of which they make none.
    gc.set_threshold(50_000)
    with filtered():
        return _run(build_parser().parse_args(arguments))


def _run(options: argparse.Namespace) -> int:
    try:
        return _dispatch(options)
    except KeyboardInterrupt:
        if options.command != "run":
            _complain("interrupted")
        elif options.as_recorded is None:  # else the replay that started this run says it
            _complain(
                "interrupted; finished stages are kept, and the same command goes on from there"
            )
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as failure:
        return _explain(failure, options)


def _dispatch(options: argparse.Namespace) -> int:
    module = importlib.import_module(f"flows.commands.{options.command}")
    return int(module.command(options))


def _explain(failure: Exception, options: argparse.Namespace) -> int:
    home = _home(options)
    if _is_full(home):
        # Every store reports it in its own words; this is the cause of all of them.
        _complain(f"the disk is full at {home}; free space and run again: finished stages are kept")
        return UNAVAILABLE
    known = explained(failure)
    if known is not None:
        _complain(known[1])
        return known[0]
    trace = "".join(traceback.format_exception(failure))
    where = _keep(trace, options)
    first = str(failure).splitlines()[0] if str(failure) else ""
    _complain(
        f"internal error ({type(failure).__name__}: {first[:200]}); the details are in {where}"
    )
    return INTERNAL


def _is_full(home: Path) -> bool:
    import shutil

    place = next(folder for folder in (home, *home.parents) if folder.exists())
    return shutil.disk_usage(place).free < _LEAST_FREE


def _home(options: argparse.Namespace) -> Path:
    from flows.services.home import resolve_home

    named = [getattr(options, "project", None), *(getattr(options, "projects", None) or [])]
    return resolve_home(Path(next(filter(None, named), None) or Path.cwd() / "project.yaml"))


def _keep(trace: str, options: argparse.Namespace) -> str:
    folder = _home(options) / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "last-error.log").write_text(_public(trace), encoding="utf-8")
    except OSError:
        return "no log, because the home cannot be written"
    return str(folder / "last-error.log")


def _complain(sentence: str) -> None:
    sys.stderr.write(f"assayline: {_public(sentence)}\n")


def _public(text: str) -> str:
    """The text without the passwords of the servers and databases that the command used."""
    from tasks.addresses import hide, public_text

    for name in _SECRETS:
        text = hide(text, os.environ.get(name, ""))
    return public_text(text, *(os.environ.get(name, "") for name in _ADDRESSES))


if __name__ == "__main__":
    end_with_command()
