"""Where a person finds the errors: in the run's folder, from which MLflow gets them."""

import pandas as pd

from flows.runs.publishing import EXAMPLES, _copy_examples
from tasks.checks import StageResult
from tasks.error_analysis.examples import KEPT_AS, OUTPUT
from tasks.evidence import EvidenceStore
from tasks.steps import Ref


def test_the_errors_are_copied_into_the_run_s_folder(tmp_path):
    store = EvidenceStore(tmp_path / "evidence")
    index = pd.Index(["r1"], name="row_key")
    errors = pd.DataFrame({"probability": [0.9], "a (feature)": [1.5]}, index=index)
    result = StageResult(stage="error_analysis", summary="", checks=(), outputs={OUTPUT: errors})
    ref = Ref("error_analysis", "k", store.save("k", result))
    _copy_examples(store, {"error_analysis": ref}, tmp_path)
    assert EXAMPLES == KEPT_AS
    kept = pd.read_parquet(tmp_path / KEPT_AS)
    assert kept["a (feature)"].tolist() == [1.5]


def test_a_run_without_error_analysis_has_no_errors_to_copy(tmp_path):
    store = EvidenceStore(tmp_path / "evidence")
    _copy_examples(store, {}, tmp_path)
    store.save("k", StageResult(stage="error_analysis", summary="", checks=()))
    _copy_examples(store, {"error_analysis": Ref("error_analysis", "k", "")}, tmp_path)
    assert not (tmp_path / EXAMPLES).exists()
