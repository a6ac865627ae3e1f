"""`assayline schema`: the JSON Schema of the project file."""

from __future__ import annotations

import argparse
import json
import sys


def command(_: argparse.Namespace) -> int:
    """Print the schema."""
    from tasks.project import project_schema

    sys.stdout.write(json.dumps(project_schema(), indent=1) + "\n")
    return 0
