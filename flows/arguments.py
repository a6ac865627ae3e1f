"""The words of the command line: every command, its options, an example of each."""

from __future__ import annotations

import argparse

from flows.argument_types import count, minutes, port
from flows.command_parsers import Commands, Parser, add_imports, new_command, project_command
from flows.label_arguments import add_labels, add_tag

_EXIT_CODES = """exit codes:
  0 promoted, or the command did its work    4 rejected, refused, or not the same
  1 internal error                           5 inconclusive, or waiting for a signature
  2 usage or project file error              6 the environment failed (server, disk)
  3 the data was refused                   130 interrupted
"""


def build_parser() -> Parser:
    """The parser; a parsed command has its name as `command`."""
    parser = argparse.ArgumentParser(
        prog="assayline",
        description="Test the data, the labels and the model; promote only on evidence.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_init(commands)
    _add_run(commands)
    _add_approve(commands)
    _add_history(commands)
    _add_rollback(commands)
    _add_replay(commands)
    _add_compare(commands)
    _add_report(commands)
    _add_predict(commands)
    add_labels(commands)
    add_tag(commands)
    _add_up(commands)
    _add_prune(commands)
    new_command(
        commands,
        "schema",
        "print the JSON Schema of the project file, for an editor",
        "assayline schema > project.schema.json",
    )
    return parser


def _add_init(commands: Commands[Parser]) -> None:
    init = new_command(
        commands,
        "init",
        "profile a dataset and write a starter project with an audit plan",
        "assayline init loans.csv --target defaulted",
    )
    init.add_argument("data", help="a CSV or Parquet file")
    init.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column to predict; without it, columns that could be",
    )
    init.add_argument(
        "--positive", metavar="VALUE", help="of two classes the one looked for; default: the rarer"
    )
    init.add_argument(
        "--out",
        default="project.yaml",
        metavar="FILE",
        help="default: project.yaml, if there is none",
    )


def _add_run(commands: Commands[Parser]) -> None:
    run = project_command(
        commands,
        "run",
        "run the whole job on a project file",
        "assayline run data/hmda_boston/project.yaml --set training.search_trials=20",
    )
    run.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a value of the project file for this run; may be repeated. A change of "
        "anything that can block or sign makes the run a trial: it promotes only by a signature "
        "that names the change",
    )
    add_imports(run)
    run.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    run.add_argument("--quiet", action="store_true", help="no progress")
    run.add_argument("--as-recorded", metavar="FOLDER", help=argparse.SUPPRESS)


def _add_predict(commands: Commands[Parser]) -> None:
    predict = project_command(
        commands,
        "predict",
        "predict the rows of a file with the champion",
        "assayline predict project.yaml new_rows.csv --out predictions.csv",
    )
    predict.add_argument("data", help="a file of rows, in the form of the project's source")
    predict.add_argument("--version", metavar="VERSION", help="default: the champion")
    predict.add_argument(
        "--out", metavar="FILE", help="a .csv or .parquet file; default: CSV on standard output"
    )
    add_imports(predict)


def _add_approve(commands: Commands[Parser]) -> None:
    approve = new_command(
        commands,
        "approve",
        "sign the promotion that a run waits for, or refuse it",
        'assayline approve RUN --verdict PREFIX --name "Ada Lovelace" --reason "a real gain"',
    )
    approve.description = (
        "Sign the promotion that a run waits for, or refuse it. A signature accepts what stands on "
        "the decision page under 'What is signed': limits that are broken, risks that could not be "
        "assessed, and risks that nobody owns; the command names their number."
    )
    approve.add_argument("run", help="the run's id")
    approve.add_argument("--refuse", action="store_true", help="refuse instead")
    approve.add_argument("--name", required=True, help="who signs")
    approve.add_argument("--reason", required=True, help="why, for the ledger")
    approve.add_argument(
        "--verdict",
        required=True,
        metavar="PREFIX",
        help="the first 8 characters, or more, of the verdict's hash: they stand on the decision "
        "page, under Provenance",
    )
    approve.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="of a trial: a change of the project file that it was run with; name each",
    )
    approve.add_argument("--project", help="the project file; default: the home of this folder")
    approve.add_argument("--json", action="store_true", help="print one JSON document")


def _add_history(commands: Commands[Parser]) -> None:
    history = project_command(
        commands,
        "history",
        "print the ledger of a project, or what was live at a time",
        "assayline history project.yaml --at 2026-05-01",
    )
    asked = history.add_mutually_exclusive_group()
    asked.add_argument(
        "--at",
        metavar="WHEN",
        help="what was live then: 2026-05-01 (the end of that day, at most now) or "
        "2026-05-01T14:30; UTC unless it names an offset",
    )
    asked.add_argument(
        "--verify",
        action="store_true",
        help="check chain, mirror, alias, verdicts, pages, evidence and the model that serves; "
        "exit 4 if something does not match",
    )
    history.add_argument("--json", action="store_true", help="print one JSON document")


def _add_rollback(commands: Commands[Parser]) -> None:
    rollback = project_command(
        commands,
        "rollback",
        "let an earlier champion serve again, if it still is what it was",
        'assayline rollback project.yaml --reason "complaints since Monday"',
    )
    rollback.add_argument(
        "--to", metavar="VERSION", help="default: the version that the champion replaced"
    )
    rollback.add_argument("--drill", action="store_true", help="do everything but the move")
    rollback.add_argument("--name", help="who asks; default: the login name")
    rollback.add_argument("--reason", help="for the ledger; needed unless --drill")
    add_imports(rollback)
    rollback.add_argument("--json", action="store_true", help="print one JSON document")


def _add_replay(commands: Commands[Parser]) -> None:
    replay = project_command(
        commands,
        "replay",
        "run a recorded decision again and prove that it is the same",
        "assayline replay project.yaml 3",
    )
    replay.add_argument("version", help="a version of the project's model")
    replay.add_argument(
        "--here",
        action="store_true",
        help="use the code of today, and name it as a difference where it is one",
    )
    replay.add_argument("--json", action="store_true", help="print one JSON document")


def _add_compare(commands: Commands[Parser]) -> None:
    compare = project_command(
        commands,
        "compare",
        "what changed between two runs or versions, and what it did",
        "assayline compare project.yaml 2 3",
    )
    compare.add_argument("before", metavar="A", help="a version, or a run's id")
    compare.add_argument("after", metavar="B", help="a version, or a run's id")
    add_imports(compare)
    compare.add_argument("--json", action="store_true", help="print one JSON document")


def _add_report(commands: Commands[Parser]) -> None:
    report = project_command(
        commands,
        "report",
        "open the decision page of a run, with what became of it",
        "assayline report project.yaml",
    )
    report.add_argument("--run", help="a run's id; default: the newest")
    report.add_argument("--path", action="store_true", help="print the path, open nothing")


def _add_up(commands: Commands[Parser]) -> None:
    up = new_command(
        commands,
        "up",
        "serve both UIs and run projects on their schedules, until Ctrl-C",
        "assayline up loans/project.yaml churn/project.yaml",
    )
    up.add_argument(
        "projects",
        nargs="*",
        metavar="PROJECT",
        help="project files to serve, and no others; without one those of the last time, in the "
        "home of this folder",
    )
    add_imports(up)
    up.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; any but this machine's own needs a password in "
        "PREFECT_SERVER_API_AUTH_STRING",
    )
    up.add_argument("--prefect-port", type=port, default=4200, metavar="PORT")
    up.add_argument("--mlflow-port", type=port, default=5000, metavar="PORT")
    up.add_argument(
        "--pages-port",
        type=port,
        default=4280,
        metavar="PORT",
        help="decision pages, /metrics and /health; default: 4280",
    )
    up.add_argument(
        "--prune-minutes",
        type=minutes,
        default=24 * 60.0,
        metavar="MINUTES",
        help="how often runs beyond their retention are deleted; default: once a day",
    )
    up.add_argument(
        "--limit", type=count, default=2, metavar="N", help="runs at the same time; default: 2"
    )


def _add_prune(commands: Commands[Parser]) -> None:
    prune = new_command(
        commands,
        "prune",
        "delete the runs, evidence and logs that no decision rests on and retention does not keep",
        "assayline prune project.yaml --dry-run",
    )
    prune.add_argument(
        "projects",
        nargs="*",
        metavar="PROJECT",
        help="project files of one home; default: every project that the home of this folder knows",
    )
    prune.add_argument("--dry-run", action="store_true", help="say what would go, delete nothing")
    prune.add_argument("--json", action="store_true", help="print one JSON document")
