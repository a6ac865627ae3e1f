"""What a verdict rests on is what was written: one home, attacked again and again."""

import json
import shutil

import pandas as pd
from conftest import LIGHT, name_of, write_small

from flows.cli import main
from flows.runs import opponents
from flows.runs.opponents import Opponents
from tasks.evidence import EvidenceStore
from tasks.ledger import open_ledger
from tasks.models import Champion, ModelPackage, package_digest
from tasks.source_archive import archived, keep_source

PACKAGE = ModelPackage(b"model", {"classes": ["no", "yes"]})
OTHER = ModelPackage(b"weak", {"classes": ["no", "yes"]})


class Registry:
    """One version whose files are `stored`."""

    def __init__(self, stored, files_digest="f", tags=None):
        self.stored, self.files_digest = stored, files_digest
        self.tags = {"assayline.model_digest": package_digest(PACKAGE)} if tags is None else tags

    def version_tags(self, *_):
        return self.tags

    def champion(self, _, version):
        if isinstance(self.stored, Exception):
            raise self.stored
        return Champion(version, self.stored, frozenset("u"), files_digest=self.files_digest)


class Ledger:
    """A ledger whose one entry names the package `PACKAGE` and the files `f`."""

    project = "p"

    def __init__(self, files="f"):
        self.files = files

    def entries(self):
        digests = {"model_digest": package_digest(PACKAGE), "files_digest": self.files}
        return [type("Entry", (), {"candidate_version": "3", **digests})()]


def met(tmp_path, registry, ledger=None):
    """The facts and files of version 3 as an opponent."""
    store = EvidenceStore(tmp_path)
    ref = Opponents(registry, ledger or Ledger(), store).version("3")
    return store.facts(*ref.place), store.load_files(*ref.place)


class TestAnOpponentsFiles:
    def test_that_are_those_of_the_ledger(self, tmp_path):
        facts, files = met(tmp_path, Registry(PACKAGE))
        assert facts == {"version": "3"}
        assert files["model.skops"] == b"model"

    def test_that_were_replaced(self, tmp_path):
        facts, _ = met(tmp_path, Registry(OTHER))
        assert facts["problem"].startswith("its stored model has the digest ")
        assert facts["problem"].endswith("it was changed after it was registered")

    def test_whose_units_or_seen_rows_were_replaced(self, tmp_path):
        facts, _ = met(tmp_path, Registry(PACKAGE, files_digest="g"))
        assert "(units, seen and golden rows) has the digest g" in facts["problem"]

    def test_that_are_damaged(self, tmp_path):
        facts, _ = met(tmp_path, Registry(ValueError("no JSON")))
        assert facts["problem"] == "its stored files are damaged: no JSON"

    def test_that_no_record_names(self, tmp_path):
        ledger = Ledger()
        ledger.entries = list
        facts, _ = met(tmp_path, Registry(PACKAGE, tags={}), ledger)
        assert facts["problem"] == "no record names the digest of its model"

    def test_of_an_older_version_are_compared_by_their_model_and_that_is_said(
        self, tmp_path, monkeypatch
    ):
        said = []
        monkeypatch.setattr(
            opponents.progress, "active", lambda: type("P", (), {"say": staticmethod(said.append)})
        )
        facts, _ = met(tmp_path, Registry(PACKAGE, files_digest="g"), Ledger(files=""))
        assert facts == {"version": "3"}
        assert "before a digest of its units, seen rows and golden rows was recorded" in said[0]

    def test_that_were_restored_are_met_again(self, tmp_path):
        assert "problem" in met(tmp_path, Registry(OTHER))[0]
        assert "problem" not in met(tmp_path, Registry(PACKAGE))[0]

    def test_are_kept_as_evidence_that_cannot_be_replaced(self, tmp_path):
        met(tmp_path, Registry(PACKAGE))
        (stored,) = (tmp_path / "champion").glob("*/files/model.skops")
        stored.write_bytes(b"weak")
        assert met(tmp_path, Registry(PACKAGE))[1]["model.skops"] == b"model"


class TestAnArchivedSource:
    def test_that_was_edited_is_replaced_by_the_file_of_the_user(self, tmp_path):
        file, root = tmp_path / "d.csv", tmp_path / "sources"
        file.write_text("a,y\n1,no\n")
        place = keep_source(file, root)
        place.chmod(0o644)
        place.write_text("a,y\n1,yes\n")
        assert keep_source(file, root) == place
        assert place.read_text() == "a,y\n1,no\n"
        assert place.parent.name == archived(root, place.parent.name, "d.csv").parent.name


def verify(path, capsys):
    code = main(["history", str(path), "--verify", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    findings.sort(key=lambda one: one["outcome"] == "failed")  # a failure stands for its subject
    return code, {one["subject"]: (one["outcome"], one["detail"]) for one in findings}


def test_a_home_that_is_attacked(assayline, tmp_path, request, home, capsys):
    """Evidence, the champion's files, a page and the mirror, each edited, each found."""
    name = name_of(request)
    path = write_small(tmp_path, name, LIGHT)
    code, first, _ = assayline(path)
    assert code == 0
    code, found = verify(path, capsys)
    assert code == 0
    assert {found[subject][0] for subject in ("models", "pages", "evidence")} == {"ok"}
    (stored,) = (home / "mlflow-artifacts" / name / "models").glob("*/artifacts")

    # A weak candidate's stored predictions, edited, are computed again: it is rejected both times.
    weak = "--set=training.candidates=[{name: w, estimator: sklearn.dummy.DummyClassifier}]"
    code, rejected, _ = assayline(path, weak)
    assert code == 4
    keys = json.loads((home / "runs" / rejected["run_id"] / "evidence.json").read_text())["keys"]
    place = home / "evidence" / "performance_audit" / keys["performance_audit"]
    predictions = place / "outputs" / "test_predictions.parquet"
    frame = pd.read_parquet(predictions)
    frame.assign(predicted="no").to_parquet(predictions)
    path.write_text(path.read_text().replace("replicates: 300", "replicates: 300, min_gain: 0.011"))
    code, again, said = assayline(path, weak)
    assert code == 4
    assert "the stored result of performance audit is not used, and computed again: " in said
    audited = {stage["name"]: stage["cached"] for stage in again["stages"]}
    assert audited["training"] is True
    assert audited["performance_audit"] is False

    # The champion's files, replaced by another model's, and its copy in the evidence deleted.
    facts = json.loads((stored / "extra_files" / "model.json").read_text())
    (stored / "extra_files" / "model.json").write_text(json.dumps({**facts, "threshold": 0.99}))
    shutil.rmtree(home / "evidence" / "champion", ignore_errors=True)
    code, met, _ = assayline(path, "--set=training.class_weight=balanced", "--set=seed=9")
    assert code == 5
    assert any("it was changed after it was registered" in reason for reason in met["reasons"])

    # What serves, the page of its promotion, its evidence, the mirror.
    page = home / "runs" / first["run_id"] / "decision.html"
    page.write_text(page.read_text() + "<!-- edited -->")
    keys = json.loads((home / "runs" / first["run_id"] / "evidence.json").read_text())["keys"]
    (home / "evidence" / "gate" / keys["gate"] / "result.json").write_text("{}")
    (home / "ledger" / f"{name}.jsonl").unlink()
    assert open_ledger(home, _tracking(home), name).champion() == "1"  # begins the mirror anew
    code, found = verify(path, capsys)
    assert code == 4
    for subject, words in {
        "models": "version 1",
        "pages": "entry 1: ",
        "evidence": "entry 1: ",
        "mirror": "was deleted or moved aside",
    }.items():
        assert found[subject][0] == "failed"
        assert words in found[subject][1]


def _tracking(home):
    from tasks.tracking import Tracking

    return Tracking(home)
