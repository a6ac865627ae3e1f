import pytest

from tasks.errors import UnavailableError
from tasks.judged_versions import choose_version, judgement_of, version_judged_by
from tasks.ledger_entries import Draft


def append(ledger, action, run_id, candidate, before, to=None):
    ledger.append(
        Draft(
            action,
            run_id=run_id,
            candidate_version=candidate,
            expected_champion=before,
            to_version=to,
            refers_to=len(ledger.entries()) if action == "approve" else None,
            who="assayline",
            why="because",
            when="2026-01-01T00:00:00+00:00",
        )
    )


def run_of(version, ledger):
    found = judgement_of(version, ledger.entries())
    return found and found.run_id


def test_a_version_that_was_never_judged_stands_for_no_judgement(ledger):
    assert run_of("1", ledger) is None
    assert version_judged_by("r1", ledger.entries()) is None


def test_a_version_that_the_ledger_began_with_stands_for_no_later_judgement(ledger):
    append(ledger, "adopt", "r5", "1", None, "1")
    append(ledger, "reject", "r6", "1", "1")
    assert run_of("1", ledger) is None


def test_a_champion_stands_for_the_judgement_that_made_it_so(ledger):
    append(ledger, "reject", "r1", "1", None)
    append(ledger, "promote", "r2", "1", None, "1")
    append(ledger, "promote", "r3", "2", "1", "2")
    append(ledger, "reject", "r4", "1", "2")
    append(ledger, "rollback", "r9", "1", "2", "1")
    assert run_of("1", ledger) == "r2"
    assert run_of("2", ledger) == "r3"


def test_a_version_that_was_signed_stands_for_the_run_that_was_signed(ledger):
    append(ledger, "pending", "r1", "1", None)
    append(ledger, "approve", "r2", "1", None, "1")
    append(ledger, "inconclusive", "r3", "1", "1")
    assert run_of("1", ledger) == "r2"


def test_a_candidate_stands_for_its_newest_judgement(ledger):
    append(ledger, "reject", "r1", "1", None)
    append(ledger, "inconclusive", "r2", "1", None)
    append(ledger, "reject", "r3", "2", None)
    assert run_of("1", ledger) == "r2"
    assert version_judged_by("r1", ledger.entries()) == "1"
    assert version_judged_by("r3", ledger.entries()) == "2"


def test_a_new_version_with_a_problem_is_refused():
    with pytest.raises(UnavailableError, match="row a differs; it was registered a moment ago"):
        choose_version([], lambda: "1", {"1": "row a differs"}.get)


def test_all_versions_with_a_problem_are_named():
    problems = {"1": "version 1 is another", "2": "version 2 is gone"}
    assert choose_version(["1", "2"], lambda: "3", problems.get) == (
        "3",
        "registered anew as version 3, because version 1 is another; version 2 is gone: ",
    )


def test_the_first_sound_version_is_used():
    def register():
        raise AssertionError

    assert choose_version(["1", "2"], register, {"1": "gone"}.get) == ("2", "")


def test_a_first_version_needs_no_remark():
    assert choose_version([], lambda: "1", lambda _: None) == ("1", "")
