import dataclasses
import json

import pytest
from conftest import MemoryStore

from tasks.ledger import open_ledger
from tasks.ledger_audit import audit_ledger
from tasks.ledger_entries import Draft
from tasks.verdict_document import VerdictDocument


@pytest.fixture
def ledger(tmp_path):
    """Version 1 was promoted, version 2 was promoted, version 3 was rejected."""
    made = open_ledger(tmp_path, MemoryStore(), "p")
    for action, version, before in [
        ("promote", "1", None),
        ("promote", "2", "1"),
        ("reject", "3", "2"),
    ]:
        made.append(
            Draft(
                action,
                run_id=f"run-{version}",
                candidate_version=version,
                expected_champion=before,
                to_version=version,
                who="assayline",
                why="because",
                when="2026-01-01T00:00:00+00:00",
            )
        )
    made.entries()
    return made


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def outcomes(ledger, runs, alias="2", **words):
    """Outcome and detail by subject; a failure stands for its subject."""
    findings = audit_ledger(ledger, alias, runs, **words)
    ordered = sorted(findings, key=lambda finding: finding.outcome == "failed")
    return {finding.subject: (finding.outcome, finding.detail) for finding in ordered}


def named(ledger, runs, version, action="promote", verdict="promote"):
    """A ledger whose last entry names a verdict and a page that lie in its run's folder."""
    document = VerdictDocument({"verdict": verdict}, {})
    folder = runs / f"run-{version}"
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(document.text())
    (folder / "decision.html").write_text("page")
    ledger.append(
        Draft(
            action,
            run_id=f"run-{version}",
            candidate_version=version,
            expected_champion="2",
            to_version=version,
            verdict_hash=document.hash,
            # SHA-256 of the four letters
            page_hash="3660315a9af3df255d8f19ab077e4797822b41488a0e2a04bc6af71213c23274",
            who="assayline",
            why="because",
            when="2026-01-01T00:00:00+00:00",
        )
    )
    return folder


class TestFails:
    def test_a_changed_entry_breaks_the_chain(self, ledger, runs):
        text = ledger.store.texts[0]
        ledger.store.texts[0] = text.replace("because", "no reason")
        found = outcomes(ledger, runs)
        assert found["chain"][0] == "failed"
        assert "the chain breaks at number 2" in found["chain"][1]
        assert "the store does not hold entry 1 as it was" in found["mirror"][1]
        assert "by itself is an unbroken chain" in found["mirror"][1]
        assert found["alias"] == ("not checked", "the chain is broken")

    def test_a_text_that_is_no_entry(self, ledger, runs):
        ledger.store.texts.append("{}")
        assert outcomes(ledger, runs)["chain"][0] == "failed"

    def test_newest_entries_that_are_gone(self, ledger, runs):
        del ledger.store.texts[2:]
        found = outcomes(ledger, runs)
        assert found["chain"][0] == "ok"
        assert found["mirror"][0] == "failed"
        assert "has seen 3 entries, and the store does not hold entry 3" in found["mirror"][1]

    def test_a_number_that_is_gone(self, ledger, runs, monkeypatch):
        stored = ledger.store.read_entries("p")
        kept = [*stored[:2], dataclasses.replace(stored[2], number=4)]
        monkeypatch.setattr(ledger.store, "read_entries", lambda _: kept)
        found = outcomes(ledger, runs)
        assert found["chain"][0] == "failed"
        assert "number 3 is no longer in the store" in found["chain"][1]

    def test_all_entries_gone(self, ledger, runs):
        ledger.store.texts.clear()
        assert outcomes(ledger, runs)["mirror"][0] == "failed"

    def test_a_changed_mirror(self, ledger, runs):
        lines = ledger.mirror.read_text().splitlines()
        lines[1] = lines[1].replace("because", "no reason")
        ledger.mirror.write_text("\n".join(lines) + "\n")
        found = outcomes(ledger, runs)
        assert found["chain"][0] == "ok"
        assert found["mirror"][0] == "failed"
        assert "does not hold entry 2 as it was" in found["mirror"][1]
        assert "so the mirror was changed" in found["mirror"][1]

    @pytest.mark.parametrize("alias", ["1", "3", None])
    def test_an_alias_that_something_else_moved(self, ledger, runs, alias):
        ledger.complete(ledger.last_move())
        outcome, detail = outcomes(ledger, runs, alias)["alias"]
        assert outcome == "failed"
        assert "and the ledger says version 2: something else moved it" in detail

    def test_a_move_that_was_cut_off(self, ledger, runs):
        outcome, detail = outcomes(ledger, runs, "1")["alias"]
        assert outcome == "failed"
        assert "a move was cut off" in detail

    def test_a_verdict_that_was_changed(self, ledger, runs):
        path = named(ledger, runs, "4") / "verdict.json"
        path.write_text(path.read_text().replace('"promote"', '"reject"'))
        outcome, detail = outcomes(ledger, runs)["verdicts"]
        assert outcome == "failed"
        assert detail.startswith("entry 4: ")
        assert "was changed after it was written: the verdict says hash" in detail

    def test_a_verdict_that_was_replaced_whole(self, ledger, runs):
        path = named(ledger, runs, "4") / "verdict.json"
        path.write_text(VerdictDocument({"verdict": "promote", "wear": 1}, {}).text())
        assert "and the entry names" in outcomes(ledger, runs)["verdicts"][1]

    def test_a_promotion_on_another_verdict(self, ledger, runs):
        named(ledger, runs, "4", verdict="reject")
        assert "it promotes, and the verdict" in outcomes(ledger, runs)["verdicts"][1]

    def test_a_page_that_was_changed(self, ledger, runs):
        (named(ledger, runs, "4") / "decision.html").write_text("another page")
        outcome, detail = outcomes(ledger, runs)["pages"]
        assert outcome == "failed"
        assert detail.startswith("entry 4: ")

    def test_a_page_that_only_its_run_names(self, ledger, runs):
        (runs / "run-4").mkdir(parents=True)
        (runs / "run-4" / "decision.html").write_text("another page")
        ledger.append(
            Draft(
                "promote",
                run_id="run-4",
                candidate_version="4",
                expected_champion="2",
                to_version="4",
                verdict_hash="v",
                who="assayline",
                why="because",
                when="2026-01-01T00:00:00+00:00",
            )
        )
        recorded = "3660315a9af3df255d8f19ab077e4797822b41488a0e2a04bc6af71213c23274"
        outcome, detail = outcomes(ledger, runs, recorded_page=lambda _: recorded)["pages"]
        assert outcome == "failed"
        assert "and was written with 3660315a9af3" in detail


def test_all_is_well(ledger, runs):
    named(ledger, runs, "4")
    ledger.complete(ledger.last_move())
    before = ledger.mirror.read_text()
    found = outcomes(ledger, runs, "4")
    assert {subject: outcome for subject, (outcome, _) in found.items()} == {
        "chain": "ok",
        "mirror": "ok",
        "alias": "ok",
        "verdicts": "ok",
        "pages": "ok",
    }
    assert found["chain"][1].startswith("4 entries, each with the hash of the one before")
    assert ledger.mirror.read_text() == before


def test_a_store_that_has_more_than_the_mirror_is_well_and_the_mirror_stays(ledger, runs):
    before = ledger.mirror.read_text().splitlines(keepends=True)[0]
    ledger.mirror.write_text(before)
    ledger.mirror.with_suffix(".seen").unlink()  # which says that it held three
    assert outcomes(ledger, runs)["mirror"] == (
        "ok",
        "the store has the 1 entries that this home has seen and 2 more",
    )
    assert ledger.mirror.read_text() == before


class TestAMirrorThatIsGone:
    def lost(self, ledger, runs):
        outcome, detail = outcomes(ledger, runs)["mirror"]
        assert outcome == "failed"
        assert "was deleted or moved aside, or was shortened" in detail
        return detail

    def test_deleted(self, ledger, runs):
        ledger.mirror.unlink()
        assert "3 entries that it held" in self.lost(ledger, runs)

    @pytest.mark.parametrize("kept", [0, 1])
    def test_shortened_and_filled_again_by_the_next_command(self, ledger, runs, kept):
        lines = ledger.mirror.read_text().splitlines(keepends=True)
        ledger.mirror.write_text("".join(lines[:kept]))
        assert len(ledger.entries()) == 3
        assert ledger.mirror.read_text().splitlines(keepends=True) == lines
        assert f"{3 - kept} entries that it held" in self.lost(ledger, runs)

    def test_deleted_with_its_count(self, ledger, runs):
        (runs / "run-2").mkdir(parents=True)
        ledger.mirror.unlink()
        ledger.mirror.with_suffix(".seen").unlink()
        assert "1 entries are of runs of this home" in self.lost(ledger, runs)
        ledger.entries()
        assert "the store held 3 entries, and 1 of them" in self.lost(ledger, runs)
        ledger.mirror.with_suffix(".seen").unlink()  # a person has compared them
        ledger.entries()
        assert outcomes(ledger, runs)["mirror"][0] == "ok"

    def test_another_home_that_joins_has_lost_nothing(self, ledger, tmp_path):
        other = dataclasses.replace(ledger, mirror=tmp_path / "other" / "p.jsonl")
        other.entries()
        assert outcomes(other, tmp_path / "other" / "runs")["mirror"][0] == "ok"


def test_a_claim_that_was_lost_is_no_damage(ledger, runs):
    first = json.loads(ledger.store.texts[0])
    ledger.store.texts.append(json.dumps({**first, "run_id": "late"}))
    found = outcomes(ledger, runs)
    assert found["chain"][0] == "ok"
    assert found["chain"][1].endswith("; claims that came second and are no entries: 1")
    assert found["mirror"][0] == "ok"


def test_a_rejected_verdict_is_no_promotion(ledger, runs):
    named(ledger, runs, "4", "reject", "reject")
    assert outcomes(ledger, runs)["verdicts"][0] == "ok"


class TestNotChecked:
    def test_no_entry_yet(self, tmp_path, runs):
        found = outcomes(open_ledger(tmp_path, MemoryStore(), "q"), runs, None)
        assert found["chain"] == ("not checked", "the ledger has no entry yet")
        assert found["mirror"][0] == "not checked"
        assert found["alias"][0] == "ok"

    def test_entries_that_name_no_evidence(self, ledger, runs):
        assert outcomes(ledger, runs)["verdicts"] == (
            "not checked",
            "no entry or run names one, so none can be told",
        )

    def test_runs_that_are_elsewhere(self, ledger, runs):
        folder = named(ledger, runs, "4")
        folder.rename(folder.with_name("away"))
        outcome, detail = outcomes(ledger, runs)["verdicts"]
        assert outcome == "not checked"
        assert detail.endswith("the run of 1 is not in this home")


def test_a_champion_that_was_adopted_in_the_middle_is_told(ledger, runs):
    ledger.append(
        Draft(
            "adopt",
            run_id="run-3",
            candidate_version="3",
            expected_champion="2",
            to_version="3",
            who="assayline",
            why="it served already",
            when="2026-01-02T00:00:00+00:00",
        )
    )
    outcome, detail = outcomes(ledger, runs, alias="3")["chain"]
    assert (outcome, detail) == (
        "failed",
        "entry 4 adopts a champion, and only the first entry can",
    )
