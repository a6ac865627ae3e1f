"""How a command's parser is made: its example, its project file, the imports that it allows."""

from __future__ import annotations

import argparse

Parser = argparse.ArgumentParser
Commands = argparse._SubParsersAction


def add_imports(parser: Parser) -> None:
    """The option by which code of the project may be imported."""
    parser.add_argument(
        "--allow-imports",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="let estimators and tags be imported from this package besides scikit-learn; may be "
        "repeated",
    )


def project_command(commands: Commands[Parser], name: str, does: str, example: str) -> Parser:
    """A command on a project file."""
    parser = new_command(commands, name, does, example)
    parser.add_argument("project", help="the project file")
    return parser


def new_command(commands: Commands[Parser], name: str, does: str, example: str) -> Parser:
    """A command, with what it does in a clause and an example of it."""
    return commands.add_parser(
        name,
        help=does,
        description=does[0].upper() + does[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
