"""Which test files the inner loop runs."""

import pytest
from pure import TESTS, is_pure, pure_files


def test_files_are_told_by_what_they_import():
    names = {file.name for file in pure_files()}
    assert {"test_intervals.py", "test_ledger.py", "test_gate.py"} <= names
    # By flows, by a process, by a library, by tests/browser.py, which starts one.
    others = {"test_cache.py", "test_models.py", "test_mlflow_names.py", "test_label_review.py"}
    assert not names & others


@pytest.mark.parametrize(
    "line",
    [
        "from flows import cli",
        "import mlflow.models",
        "def test_it():\n    from tasks.tracking.store import Store",
        "from tasks import tracking",
        "import subprocess",
        "import served",
        "def test_it(assayline): ...",
    ],
)
def test_what_is_heavy_is_seen_wherever_it_stands(tmp_path, line):
    (tmp_path / "test_one.py").write_text("from tasks.gate import rules\n")
    (tmp_path / "test_two.py").write_text(f"from tasks.gate import rules\n{line}\n")
    assert [is_pure(tmp_path / f"test_{name}.py") for name in ("one", "two")] == [True, False]
    assert (TESTS / "served.py").exists()
