"""The words of `assayline labels` and `assayline tag`, which people answer."""

from __future__ import annotations

from flows.argument_types import share
from flows.command_parsers import Commands, Parser, new_command, project_command


def add_labels(commands: Commands[Parser]) -> None:
    """Labels that people review, and what becomes of their answers."""
    labels = new_command(
        commands,
        "labels",
        "have labels reviewed by a person, and take answers or a consensus in",
        "assayline labels review project.yaml",
    )
    parts = labels.add_subparsers(dest="part", required=True, metavar="PART")
    review = project_command(
        parts,
        "review",
        "write the rows that a person should look at, as a page and as a table",
        "assayline labels review project.yaml --count 200",
    )
    review.add_argument("--count", type=int, help="rows to ask about; default: labels.review_rows")
    review.add_argument("--out", metavar="FOLDER", help="default: a folder in the home")
    apply = _apply(parts, "make a new label version of a file of answers", "labels", "answers")
    consensus = project_command(
        parts,
        "consensus",
        "make a new label version of what several annotators say together",
        "assayline labels consensus project.yaml --least 0.8",
    )
    consensus.add_argument(
        "--least",
        type=share,
        default=0.7,
        help="smallest confidence that counts, default 0.7",
    )
    consensus.add_argument(
        "--test", action="store_true", help="test labels as well: a new version of the test set"
    )
    for part in (review, apply, consensus):
        part.add_argument("--json", action="store_true", help="print one JSON document")


def add_tag(commands: Commands[Parser]) -> None:
    """Tags that people put on examples."""
    tag = new_command(
        commands,
        "tag",
        "have errors tagged by a person, and take the tags in",
        "assayline tag export project.yaml",
    )
    parts = tag.add_subparsers(dest="part", required=True, metavar="PART")
    export = project_command(
        parts,
        "export",
        "write errors of the newest run and a sample of right answers, as a page and as a table",
        "assayline tag export project.yaml --count 100",
    )
    export.add_argument("--count", type=int, help="dev rows to tag; default: 100")
    export.add_argument("--out", metavar="FOLDER", help="default: a folder in the home")
    apply = _apply(parts, "take a file of tags in, for the next run", "tag", "tags")
    for part in (export, apply):
        part.add_argument("--json", action="store_true", help="print one JSON document")


def _apply(parts: Commands[Parser], does: str, command: str, saved: str) -> Parser:
    """The part that takes a file of answers in."""
    example = f'assayline {command} apply project.yaml {saved}.csv --name "Ada Lovelace"'
    apply = project_command(parts, "apply", does, example)
    table = "queue.csv" if command == "labels" else "tags.csv"
    apply.add_argument("answers", help=f"the file that the page saved, or {table} filled in")
    apply.add_argument("--name", help="who answered, where the file does not say")
    apply.add_argument(
        "--revise", action="store_true", help="let these answers replace earlier ones"
    )
    return apply
