"""The test files of pure modules, chosen by what they import: `python tests/pure.py` prints them.

Guarantee: a file that imports, itself or through another file of this folder, what orchestrates,
tracks, validates by a library or starts processes is left out, and so is one that asks for a
fixture that runs the flow; every other file is in, without being listed anywhere.
"""

import ast
import sys
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# conftest sets the environment of all tests; what of it runs a flow are its fixtures.
HEAVY = ("flows", "prefect", "mlflow", "great_expectations", "subprocess", "tasks.tracking")
RUNNING = {"prefect_server", "assayline", "replay_here"}


@cache
def is_pure(file):
    """Whether a file of this folder needs nothing but modules that compute."""
    if file.name == "conftest.py":
        return True
    tree = ast.parse(file.read_bytes())
    for name in imported(tree):
        if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY)):
            return False
        beside = TESTS / f"{name}.py"
        if beside.exists() and not is_pure(beside):
            return False
    return not RUNNING & {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def imported(tree):
    """Dotted names of all that a file imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def pure_files():
    """The test files of pure modules, sorted."""
    return [file for file in sorted(TESTS.glob("test_*.py")) if is_pure(file)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(str(file) for file in pure_files()) + "\n")
