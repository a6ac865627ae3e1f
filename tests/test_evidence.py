import errno
import json

import pandas as pd
import pytest

from tasks import evidence
from tasks.checks import Check, StageResult, Table
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.sealed_records import digest_of


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
    with pytest.raises(UnavailableError, match="the disk is full while writing"):
        store.save("k", result())
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


class TestChangedAfterItWasWritten:
    """A stored result that somebody edits is not read, and not reused."""

    def stored(self, store):
        store.save("k", result())
        assert store.problem("training", "k") is None
        return store.folder("training", "k")

    def test_an_output(self, store):
        place = self.stored(store)
        pd.DataFrame({"v": [1, 1]}).to_parquet(place / "outputs" / "frame.parquet")
        assert not store.reusable("training", "k")
        assert "outputs/frame.parquet has the SHA-256" in store.problem("training", "k")
        with pytest.raises(UnavailableError, match="was changed after it was written"):
            store.output("training", "k", "frame", ["v"])

    def test_a_table(self, store):
        place = self.stored(store)
        pd.DataFrame({"mixed": ["b"]}).to_parquet(place / "tables" / "rows.parquet")
        for read in (store.load, lambda *at: store.table(*at, "rows")):
            with pytest.raises(UnavailableError, match=r"tables/rows\.parquet"):
                read("training", "k")

    def test_a_file(self, store):
        place = self.stored(store)
        (place / "files" / "model").write_bytes(b"bytez")
        with pytest.raises(UnavailableError, match="files/model"):
            store.load_files("training", "k")
        (place / "files" / "model").unlink()
        assert store.problem("training", "k") == "files/model is gone"

    @pytest.mark.parametrize("field", ["outcome", "value", "measured", "fingerprint", "text"])
    def test_the_record(self, store, field):
        store.save("k", result("failed", measured=field == "measured"))
        path = store.folder("training", "k") / "result.json"
        record = json.loads(path.read_text())
        if field in {"outcome", "measured"}:
            record["checks"][0]["outcome"] = "passed"
        elif field == "value":
            record["facts"]["chosen"] = "y"
        elif field == "fingerprint":
            record["outputs"]["frame"] = "0" * 64
        path.write_text("{" if field == "text" else json.dumps(record))
        assert not store.reusable("training", "k")
        with pytest.raises(UnavailableError, match=r"result\.json"):
            store.checks("training", "k")

    def test_what_is_saved_again_is_whole(self, store):
        place = self.stored(store)
        (place / "files" / "model").write_bytes(b"bytez")
        store.save("k", result())
        assert store.reusable("training", "k")

    def test_what_was_measured_elsewhere_is_sealed_anew(self, store):
        store.save("k", result(measured=True))
        store.restore_measured("training", "k", {"training.x": {"value": 0.6}})
        assert store.reusable("training", "k")
        assert store.checks("training", "k")[0].value == 0.6

    def test_a_result_of_an_older_version_is_read_and_not_reused(self, store):
        path = self.stored(store) / "result.json"
        record = json.loads(path.read_text())
        del record["seal"], record["bytes"], record["format"]
        record["digest"] = digest_of(record)
        path.write_text(json.dumps(record))
        assert not store.reusable("training", "k")
        assert store.output("training", "k", "frame")["v"].tolist() == [1, 2]
