"""What an import brings along, in a fresh interpreter.

Who may import whom at all is a matter of the contracts in pyproject.toml.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def loaded_by(statement):
    script = f"{statement}\nimport sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_help_imports_nothing_heavy():
    heavy = {"prefect", "mlflow", "great_expectations", "sklearn", "pandas", "numpy", "pydantic"}
    assert not heavy & loaded_by("from flows.arguments import build_parser; build_parser()")


def test_validation_imports_its_library_only_for_expectations():
    assert "great_expectations" not in loaded_by("import tasks.validation.stage")


def test_a_run_that_computes_nothing_pays_for_no_estimator():
    modules = "flows.pipeline, tasks.reports, tasks.reports.champion"
    assert not {"sklearn", "skops", "great_expectations"} & loaded_by(f"import {modules}")
