"""The command line: one word a job.

Guarantees: nothing heavy is imported before a command needs it, so help answers at once; every
failure that a user can act on is one sentence on standard error and a documented exit code.
"""

from __future__ import annotations

import argparse
import errno
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

_EXIT_CODES = """exit codes:
  0 promoted, or the command did its work    4 the candidate was rejected
  1 internal error                           5 inconclusive, or waiting for a signature
  2 usage or project file error              6 the environment failed (server, disk)
  3 the data was refused                   130 interrupted
"""

_LEAST_FREE = 100_000
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _dispatch(options)
    except KeyboardInterrupt:
        _complain("interrupted; finished stages are kept, and the same command goes on from there")
        return 130
    except BrokenPipeError:
        return 0
    except Exception as failure:
        return _explain(failure, options)


def _dispatch(options: argparse.Namespace) -> int:
    from flows import commands

    return int(getattr(commands, options.command)(options))


def _explain(failure: Exception, options: argparse.Namespace) -> int:
    from tasks.errors import AssaylineError

    home = _home(options)
    if _is_full(home):
        # Every store reports it in its own words; this is the cause of all of them.
        _complain(f"the disk is full at {home}; free space and run again: finished stages are kept")
        return 6
    if isinstance(failure, AssaylineError):
        _complain(str(failure))
        return failure.exit_code
    if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
        _complain(
            f"the disk is full at {failure.filename or 'the home folder'}; free space and run "
            "again: finished stages are kept"
        )
        return 6
    if isinstance(failure, OSError) and failure.errno in _UNWRITABLE:
        _complain(
            f"{failure.filename}: {failure.strerror}; make it writable, or set ASSAYLINE_HOME"
        )
        return 6
    if any(kind.__module__.partition(".")[0] == "httpx" for kind in type(failure).__mro__):
        _complain(
            f"the Prefect server stopped answering ({type(failure).__name__}); "
            "run again: finished stages are kept"
        )
        return 6
    trace = "".join(traceback.format_exception(failure))
    where = _keep(trace, options)
    first = str(failure).splitlines()[0] if str(failure) else ""
    _complain(
        f"internal error ({type(failure).__name__}: {first[:200]}); the details are in {where}"
    )
    return 1


def _is_full(home: Path) -> bool:
    import shutil

    place = next(folder for folder in (home, *home.parents) if folder.exists())
    return shutil.disk_usage(place).free < _LEAST_FREE


def _home(options: argparse.Namespace) -> Path:
    from flows.home import resolve_home

    return resolve_home(Path(getattr(options, "project", None) or Path.cwd() / "project.yaml"))


def _keep(trace: str, options: argparse.Namespace) -> str:
    folder = _home(options) / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "last-error.log").write_text(trace, encoding="utf-8")
    except OSError:
        return "no log, because the home cannot be written"
    return str(folder / "last-error.log")


def _complain(sentence: str) -> None:
    sys.stderr.write(f"assayline: {sentence}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assayline",
        description="Test the data, the labels and the model; promote only on evidence.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = _command(
        commands,
        "run",
        "run the whole job on a project file",
        "assayline run data/hmda_boston/project.yaml --set gate.intent=refresh",
    )
    run.add_argument("project", help="the project file")
    run.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a value of the project file for this run; may be repeated",
    )
    run.add_argument(
        "--allow-imports",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="let estimators be imported from this package besides scikit-learn; may be repeated",
    )
    run.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    run.add_argument("--quiet", action="store_true", help="no progress")

    _command(
        commands,
        "schema",
        "print the JSON Schema of the project file, for an editor",
        "assayline schema > project.schema.json",
    )
    report = _command(
        commands, "report", "open the decision page of a run", "assayline report project.yaml"
    )
    report.add_argument("project", help="the project file")
    report.add_argument("--run", help="a run's id; default: the newest")
    report.add_argument("--path", action="store_true", help="print the path, open nothing")

    history = _command(
        commands,
        "history",
        "print the ledger of a project",
        "assayline history project.yaml --json",
    )
    history.add_argument("project", help="the project file")
    history.add_argument("--json", action="store_true", help="print a JSON list")

    up = _command(
        commands,
        "up",
        "serve the Prefect UI and the MLflow UI of a home until Ctrl-C",
        "assayline up data/hmda_boston/project.yaml",
    )
    up.add_argument("project", nargs="?", help="a project file of the home; default: this folder")
    up.add_argument("--prefect-port", type=int, default=4200)
    up.add_argument("--mlflow-port", type=int, default=5000)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    does: str,
    example: str,
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=does,
        description=does[0].upper() + does[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    sys.exit(main())
