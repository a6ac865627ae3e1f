"""What the connection to MLflow's store says where the store cannot do its part."""

import pytest
from mlflow.exceptions import MlflowException

from tasks.errors import UnavailableError
from tasks.tracking import Tracking


@pytest.fixture
def tracking(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return Tracking(tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush "
        "block if this flush is occurring prematurely)\n(sqlite3.OperationalError) database or "
        "disk is full\n[SQL: INSERT INTO tags]",
        '(psycopg2.errors.DiskFull) could not extend file "base/1/2": No space left on device',
    ],
)
def test_a_full_disk_is_called_so(tracking, said):
    with pytest.raises(UnavailableError, match=r"is full; make room on it, then run again"):
        raise_in(tracking, said)


def test_another_failure_keeps_its_first_line(tracking):
    with pytest.raises(UnavailableError, match=r"did not do its part \(it is locked\)"):
        raise_in(tracking, "it is locked\nsecond line")


def test_an_experiment_that_was_deleted_in_the_ui_is_restored(tracking):
    made = tracking._experiment("p")
    tracking._client.delete_experiment(made)

    assert tracking._experiment("p") == made
    assert tracking._client.get_experiment(made).lifecycle_stage == "active"


def raise_in(tracking, said):
    with tracking._reaching():
        raise MlflowException(said)
