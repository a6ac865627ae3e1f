"""`assayline schema`: the JSON Schema of the project file."""

from __future__ import annotations

import argparse


def command(_: argparse.Namespace) -> int:
    """Print the schema."""
    from flows.terminal import print_json
    from tasks.project import project_schema

    print_json(project_schema())
    return 0
