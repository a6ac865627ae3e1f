import json
from dataclasses import replace

import pytest
from conftest import MemoryStore

from tasks.errors import UnavailableError
from tasks.evidence import hash_of
from tasks.ledger import FIRST, Ledger
from tasks.ledger_entries import Draft


def append(ledger, action="promote", version="1", expected=None, **about):
    values = {
        "run_id": "r",
        "candidate_version": version,
        "expected_champion": expected,
        "to_version": version,
        "verdict_hash": "h",
        "who": "assayline",
        "why": "because",
        "when": "2026-01-01T00:00:00+00:00",
    }
    return ledger.append(Draft(action, **{**values, **about}))


def other_home(ledger, tmp_path):
    return replace(ledger, mirror=tmp_path / "other" / "p.jsonl")


def test_a_promotion_over_another_champion_is_refused(ledger):
    append(ledger)
    assert append(ledger, version="2", expected=None) is None
    assert ledger.champion() == "1"
    assert len(ledger.entries()) == 1


def test_a_judgement_against_another_champion_is_refused(ledger):
    append(ledger)
    assert append(ledger, "reject", "2", expected=None) is None
    assert append(ledger, "reject", "2", expected="1").to_version == "1"


def test_of_two_promotions_at_the_same_time_one_is_first(ledger, tmp_path):
    rival = other_home(ledger, tmp_path)
    ledger.store.before_adding = [lambda: append(rival, version="2")]
    assert append(ledger, version="1") is None
    assert [entry.to_version for entry in ledger.entries()] == ["2"]
    assert len(ledger.store.texts) == 2  # the lost claim stays in the store, and counts nowhere


def test_an_entry_that_moves_nothing_tries_again_after_a_lost_claim(ledger, tmp_path):
    append(ledger)
    rival = other_home(ledger, tmp_path)
    ledger.store.before_adding = [lambda: append(rival, "reject", "3", "1")]
    assert append(ledger, "reject", "2", "1").sequence == 3
    assert [entry.candidate_version for entry in ledger.entries()] == ["1", "3", "2"]


def test_a_changed_entry_breaks_the_chain(ledger, tmp_path):
    append(ledger)
    append(ledger, "reject", "2", "1")
    changed = {**json.loads(ledger.store.texts[0]), "why": "another reason"}
    ledger.store.texts[0] = json.dumps(changed)
    with pytest.raises(UnavailableError, match="the chain breaks at number 2"):
        other_home(ledger, tmp_path).entries()


def test_a_text_that_is_no_entry_is_named(ledger):
    append(ledger)
    ledger.store.texts.append("{}")
    with pytest.raises(UnavailableError, match="number 2, is no ledger entry"):
        ledger.entries()


def test_an_entry_of_another_project_does_not_follow(ledger, tmp_path):
    append(Ledger(ledger.store, "q", tmp_path / "q.jsonl"))
    with pytest.raises(UnavailableError, match="the chain breaks at number 1"):
        ledger.entries()


def test_a_store_that_lost_what_this_home_has_seen_is_refused(ledger):
    append(ledger)
    append(ledger, "reject", "2", "1")
    ledger.store.texts.pop()
    with pytest.raises(UnavailableError, match=r"has 1 entries .* seen 2, .* from entry 2 on"):
        ledger.entries()


def test_a_store_that_was_written_anew_is_refused(ledger):
    append(ledger)
    ledger.store.texts.clear()
    append_elsewhere = replace(ledger, mirror=ledger.mirror.with_name("elsewhere.jsonl"))
    append(append_elsewhere, why="another reason")
    with pytest.raises(UnavailableError, match="they differ from entry 1 on"):
        ledger.entries()


def test_a_reason_is_one_line_that_a_terminal_does_not_act_on(ledger):
    append(ledger, "reject", why="slice a\u0085b\u2028c \x1b[31md", who="Ada\n")
    entry = ledger.entries()[0]
    assert (entry.who, entry.why) == ("Ada", "slice a b c [31md")
    assert len(ledger.entries()) == 1


def test_an_endless_reason_is_cut(ledger):
    append(ledger, "reject", why="a" * 200_000)
    assert len(ledger.entries()[0].why) < 11_000


def test_an_entry_that_was_sent_twice_counts_once(ledger):
    twice = ledger.store.add_entry

    def add_twice(*words):
        twice(*words)
        return twice(*words)

    ledger.store.add_entry = add_twice
    assert append(ledger).to_version == "1"
    assert len(ledger.store.texts) == 2
    assert len(ledger.entries()) == 1


def test_a_clock_that_is_behind_does_not_turn_the_order_round(ledger):
    append(ledger, "reject", when="2026-01-02T00:00:00+00:00")
    append(ledger, "reject", when="2026-01-01T00:00:00+00:00")
    assert [entry.when[:10] for entry in ledger.entries()] == ["2026-01-02", "2026-01-02"]


@pytest.mark.parametrize("changed", [{"sequence": "1"}, {"why": 3}, {"who": None}, {"wear": True}])
def test_an_entry_with_a_value_of_another_kind_is_named(ledger, changed):
    append(ledger)
    ledger.store.texts[0] = json.dumps({**json.loads(ledger.store.texts[0]), **changed})
    with pytest.raises(UnavailableError, match="number 1, is no ledger entry"):
        ledger.entries()


def test_a_mirror_whose_write_was_killed_is_completed(ledger):
    append(ledger)
    with ledger.mirror.open("a") as file:
        file.write('{"sequence": 2, "act')
    append(ledger, version="2", expected="1")
    assert [entry.to_version for entry in ledger.entries()] == ["1", "2"]
    assert [json.loads(line)["sequence"] for line in ledger.mirror.read_text().splitlines()] == [
        1,
        2,
    ]


def test_entries_are_chained(ledger):
    first = append(ledger)
    second = append(ledger, "reject", "2", "1")
    assert first.previous_hash == FIRST
    assert second.previous_hash == first.hash
    assert ledger.champion() == "1"


def test_an_empty_ledger_has_no_champion(ledger):
    assert ledger.entries() == ()
    assert ledger.champion() is None
    assert ledger.pending() is None


def test_a_rollback_does_not_change_what_a_version_once_replaced(ledger):
    append(ledger)
    append(ledger, version="2", expected="1")
    append(ledger, "rollback", "1", "2")
    assert ledger.champion() == "1"
    assert ledger.replaced_by("2") == "1"
    assert ledger.replaced_by("1") is None


@pytest.mark.parametrize(
    ("later", "waits"),
    [
        ([], True),
        ([{"action": "reject", "version": "3", "expected": "1"}], True),
        ([{"action": "refuse", "expected": "1", "refers_to": 2}], False),
        ([{"action": "expire", "expected": "1", "refers_to": 2}], False),
        ([{"action": "promote", "version": "3", "expected": "1"}], False),
    ],
)
def test_a_pending_entry_waits_until_something_settles_it(ledger, later, waits):
    append(ledger)
    append(ledger, "pending", "2", "1")
    for values in later:
        append(ledger, **values)
    assert (ledger.pending() is not None) is waits


def test_the_newest_pending_entry_is_the_one_that_waits(ledger):
    append(ledger, "pending", "1")
    append(ledger, "pending", "2")
    assert ledger.pending().candidate_version == "2"


def test_an_entry_is_complete_once_that_was_recorded(ledger):
    entry = append(ledger)
    assert not ledger.is_complete(entry)
    ledger.complete(entry)
    assert ledger.is_complete(entry)


def test_a_ledger_that_others_keep_writing_gives_up(ledger, tmp_path):
    quiet = replace(other_home(ledger, tmp_path), store=MemoryStore())

    class Busy(MemoryStore):
        """A store in which somebody else is always a moment earlier."""

        def add_entry(self, *words):
            append(quiet, "reject", "9")
            self.texts.append(quiet.store.texts[-1])
            return super().add_entry(*words)

    with pytest.raises(UnavailableError, match="written by others 20 times in a row"):
        append(replace(ledger, store=Busy()), "reject", "1")


def test_an_entry_of_an_older_version_keeps_its_hash(ledger):
    """Fields that came later are no part of an entry that does not have them."""
    append(ledger)
    text = json.loads(ledger.store.texts[0])
    assert not {"overrides", "files_digest"} & set(text)
    assert ledger.entries()[0].hash == hash_of(text)


def test_overrides_are_part_of_the_chain(ledger):
    append(ledger, overrides=("gate.margin=0.5", "split.epoch=2"), files_digest="f")
    entry = ledger.entries()[0]
    assert entry.overrides == ("gate.margin=0.5", "split.epoch=2")
    assert entry.hash == hash_of(json.loads(ledger.store.texts[0]))
    ledger.store.texts[0] = ledger.store.texts[0].replace("0.5", "0.1")
    append_after = ledger.store.texts[0]
    assert hash_of(json.loads(append_after)) != entry.hash
