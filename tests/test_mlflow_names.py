"""Names of metrics and parameters in MLflow: allowed, and never two under one."""

import itertools

import pytest
from mlflow.utils.validation import _validate_metric_name

from tasks.tracking.run_log import metric_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("test.recall.yes", "test.recall.yes"),
        ("test.f1.C#", "test.f1.C_x23_"),
        ("test.f1.C+", "test.f1.C_x2b_"),
        ("test.f1.n/a", "test.f1.n_x2f_a"),
        ("test.f1.C_x23_", "test.f1.C_x5f_x23_"),
        ("test.f1.straße 5: rot", "test.f1.straße 5: rot"),
    ],
)
def test_a_sign_that_mlflow_does_not_allow_becomes_its_code_point(name, key):
    assert metric_key(name) == key


def test_no_two_names_share_a_key_and_mlflow_takes_each():
    signs = ["", "#", "+", "_", "x", "23", "/", "..", "(", "é", "\n", "_x2b_"]
    names = {f"f1.{''.join(some)}" for some in itertools.product(signs, repeat=3)}
    keys = {metric_key(name) for name in names}
    assert len(keys) == len(names)
    for key in keys:
        _validate_metric_name(key)


def test_long_names_stay_apart():
    first, second = metric_key("f1." + "a" * 400), metric_key("f1." + "a" * 401)
    assert first != second
    assert {len(first), len(second)} == {250}
