from types import SimpleNamespace

import pytest

from flows.runs.judged_run import JudgedRun
from tasks.errors import UnavailableError
from tasks.run_folder import RunFolder
from tasks.verdict_document import VerdictDocument


def test_a_run_of_another_home_brings_no_imports_with_it(tmp_path):
    verdict = VerdictDocument({"hashes": {}}, {"allow_imports": ["os"], "mlflow_run_id": "m"})
    run = JudgedRun("r", RunFolder(tmp_path), verdict, None, None, source=tmp_path / "rows.csv")
    with pytest.raises(UnavailableError, match="was allowed to import os; nothing was signed"):
        run._look(SimpleNamespace())
