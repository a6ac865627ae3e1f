"""Which module may import what, proved in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = [
    "tasks.checks",
    "tasks.project",
    "tasks.ingestion",
    "tasks.splitting",
    "tasks.labels",
    "tasks.leakage",
    "tasks.baselines",
    "tasks.training",
    "tasks.error_analysis",
    "tasks.performance_audit",
    "tasks.gate",
    "tasks.promotion",
    "tasks.validation",
    "tasks.reports",
    "tasks.evidence",
]


def loaded_by(statement):
    script = f"{statement}\nimport sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", PURE)
def test_a_module_that_computes_knows_no_orchestrator(module):
    assert not {"prefect", "mlflow", "great_expectations"} & loaded_by(f"import {module}")


def test_help_imports_nothing_heavy():
    heavy = {"prefect", "mlflow", "great_expectations", "sklearn", "pandas", "numpy", "pydantic"}
    assert not heavy & loaded_by("from flows.cli import _parser; _parser()")


def test_the_lock_names_no_registry():
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_tasks_never_import_flows():
    for path in (ROOT / "tasks").rglob("*.py"):
        text = path.read_text()
        assert "from flows" not in text, path
        assert "import flows" not in text, path


def test_mlflow_has_one_importer():
    importers = [
        path.name
        for path in (ROOT / "tasks").rglob("*.py")
        if "import mlflow" in path.read_text() or "from mlflow" in path.read_text()
    ]
    assert importers == ["tracking.py"]
