import json

import pytest

from tasks.errors import UnavailableError
from tasks.ledger import FIRST, Ledger


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger" / "p.jsonl")


def append(ledger, action="promote", version="1", expected=None):
    return ledger.append(
        action,
        project="p",
        run_id="r",
        candidate_version=version,
        expected_champion=expected,
        to_version=version if action == "promote" else expected,
        verdict_hash="h",
        who="assayline",
        why="because",
        when="2026-01-01T00:00:00+00:00",
    )


def test_a_promotion_over_another_champion_is_refused(ledger):
    append(ledger)
    assert append(ledger, version="2", expected=None) is None
    assert ledger.champion() == "1"
    assert len(ledger.entries()) == 1


def test_a_changed_line_breaks_the_chain(ledger):
    append(ledger)
    append(ledger, "reject", "2", "1")
    lines = ledger.path.read_text().splitlines()
    first = json.loads(lines[0])
    lines[0] = json.dumps({**first, "why": "another reason"})
    ledger.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UnavailableError, match="the chain breaks at entry 2"):
        ledger.entries()


def test_a_line_that_is_no_entry_is_named(ledger):
    append(ledger)
    ledger.path.write_text(ledger.path.read_text() + "{}\n")
    with pytest.raises(UnavailableError, match="line 2 is no ledger entry"):
        ledger.entries()


def test_any_character_of_the_data_may_stand_in_a_reason(ledger):
    ledger.append(
        "reject",
        project="p",
        run_id="r",
        candidate_version="1",
        expected_champion=None,
        to_version=None,
        verdict_hash="h",
        who="assayline",
        why="slice a\u0085b\u2028c",
        when="now",
    )
    assert ledger.entries()[0].why == "slice a\u0085b\u2028c"


def test_a_write_that_was_killed_does_not_count_and_is_cut_off(ledger):
    append(ledger)
    with ledger.path.open("a") as file:
        file.write('{"sequence": 2, "act')
    assert ledger.champion() == "1"
    append(ledger, version="2", expected="1")
    assert [entry.to_version for entry in ledger.entries()] == ["1", "2"]


def test_entries_are_chained(ledger):
    first = append(ledger)
    second = append(ledger, "reject", "2", "1")
    assert first.previous_hash == FIRST
    assert second.previous_hash == first.hash
    assert ledger.champion() == "1"


def test_an_empty_ledger_has_no_champion(ledger):
    assert ledger.entries() == ()
    assert ledger.champion() is None
