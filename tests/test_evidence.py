import errno

import pandas as pd
import pytest

from tasks import evidence
from tasks.checks import Check, StageResult, Table
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore


def result(outcome="passed", value=0.5, measured=False, seconds=1.0, rows=(1, 2)):
    check = Check(
        id="training.x",
        stage="training",
        title="X",
        severity="critical",
        outcome=outcome,
        detail=f"It is {value}.",
        value=value,
        interval=(0.4, 0.6),
        measured=measured,
    )
    return StageResult(
        stage="training",
        summary="fine",
        checks=(check,),
        metrics={"a": 1.0},
        facts={"chosen": "x"},
        tables={"rows": Table(title="Rows", frame=pd.DataFrame({"mixed": [1, "a"]}))},
        outputs={"frame": pd.DataFrame({"v": list(rows)})},
        files={"model": b"bytes"},
        measured={"seconds": seconds},
    )


@pytest.fixture
def store(tmp_path):
    return EvidenceStore(tmp_path)


def test_an_error_is_kept_and_never_reused(store):
    store.save("k", result("error"))
    assert not store.reusable("training", "k")
    assert store.checks("training", "k")[0].outcome == "error"


def test_nothing_stored_is_not_reusable(store):
    assert not store.reusable("training", "k")
    with pytest.raises(KeyError, match="no stored result of training under k"):
        store.load("training", "k")


def test_a_full_disk_leaves_nothing_behind(store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evidence, "write_snapshot", full)
    with pytest.raises(UnavailableError, match="the disk is full while writing") as failure:
        store.save("k", result())
    assert failure.value.exit_code == 6
    assert list((store.root / "training").iterdir()) == []


def test_what_is_stored_comes_back(store):
    store.save("k", result())
    loaded = store.load("training", "k")
    assert loaded.checks == result().checks
    assert loaded.tables["rows"].frame["mixed"].tolist() == ["1", "a"]
    assert store.output("training", "k", "frame")["v"].tolist() == [1, 2]
    assert store.load_files("training", "k") == {"model": b"bytes"}
    assert store.facts("training", "k") == {"chosen": "x"}
    assert set(store.fingerprints("training", "k")) == {"frame", "model"}


def test_a_newer_result_replaces_the_older(store):
    store.save("k", result("error"))
    store.save("k", result())
    assert store.reusable("training", "k")
    assert [path.name for path in (store.root / "training").iterdir()] == ["k"]


def test_the_digest_sees_content_and_not_measurements(store):
    base = store.save("a", result())
    assert store.save("b", result(seconds=9.0)) == base
    assert store.save("c", result(value=0.55)) != base
    assert store.save("d", result(rows=(1, 3))) != base
    measured = store.save("e", result(measured=True))
    assert store.save("f", result(measured=True, value=0.55)) == measured
