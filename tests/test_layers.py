"""Which module may import what, proved in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

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
    "tasks.slice_search",
    "tasks.error_analysis",
    "tasks.performance_audit",
    "tasks.gate",
    "tasks.promotion",
    "tasks.validation",
    "tasks.reports",
    "tasks.evidence",
    "tasks.ledger",
    "tasks.ledger_audit",
    "tasks.approval",
    "tasks.rollback",
    "tasks.retention",
    "tasks.golden_rows",
    "tasks.run_comparison.results",
    "tasks.reports.comparison",
    "tasks.reports.tagging",
    "tasks.tagging.sources",
    "tasks.verdict_document",
    "tasks.audit_plan",
    "tasks.starter",
]


def loaded_by(statement):
    script = f"{statement}\nimport sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_a_module_that_computes_knows_no_orchestrator():
    """One interpreter imports them in turn; the first that brings one along is named."""
    script = f"""
import importlib, sys
for name in {PURE}:
    importlib.import_module(name)
    for heavy in ("prefect", "mlflow", "great_expectations"):
        if heavy in sys.modules:
            sys.exit(f"{{name}} imports {{heavy}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy():
    heavy = {"prefect", "mlflow", "great_expectations", "sklearn", "pandas", "numpy", "pydantic"}
    assert not heavy & loaded_by("from flows.arguments import build_parser; build_parser()")


def test_tasks_never_import_flows():
    for path in (ROOT / "tasks").rglob("*.py"):
        text = path.read_text()
        assert "from flows" not in text, path
        assert "import flows" not in text, path


def test_mlflow_has_one_importer():
    importers = {
        path.parent.name
        for path in (ROOT / "tasks").rglob("*.py")
        if "import mlflow" in path.read_text() or "from mlflow" in path.read_text()
    }
    assert importers == {"tracking"}


def test_a_run_that_computes_nothing_pays_for_no_estimator():
    modules = "flows.pipeline, tasks.reports, tasks.reports.champion"
    assert not {"sklearn", "skops", "great_expectations"} & loaded_by(f"import {modules}")
