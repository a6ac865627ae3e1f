"""How a run ends in Prefect, by its document."""

import pytest

from flows.runs.outcomes import failed, final_state, skipped
from tasks.errors import UnavailableError


def document(exit_code, standing=None, unchanged_since=None, reasons=("Because.",)):
    return {
        "exit_code": exit_code,
        "standing": standing,
        "unchanged_since": unchanged_since,
        "sentence": "It was judged.",
        "reasons": list(reasons),
    }


@pytest.mark.parametrize(
    ("given", "outcome", "type_"),
    [
        (document(0, "promote"), "Promoted", "COMPLETED"),
        (document(4, "reject"), "Rejected", "COMPLETED"),
        (document(5, "inconclusive"), "Inconclusive", "COMPLETED"),
        (document(5, "pending"), "Awaiting signature", "COMPLETED"),
        (document(3), "Refused", "FAILED"),
        (document(4, "reject", unchanged_since="r1"), "Unchanged", "COMPLETED"),
        (document(5, "pending", unchanged_since="r1"), "Awaiting signature", "COMPLETED"),
    ],
)
def test_the_state_has_a_name_of_prefect_and_says_what_came_of_the_run(given, outcome, type_):
    state = final_state(given)
    assert (state.name, state.type.value, state.data) == (type_.capitalize(), type_, given)
    assert state.message.startswith(f"{outcome}: ")
    assert state.message.endswith("It was judged. Because.")


def test_an_unchanged_run_names_the_one_whose_verdict_stands():
    state = final_state(document(0, "promote", unchanged_since="r1"))
    assert state.message == "Unchanged: Nothing has changed since run r1: It was judged. Because."


def test_a_message_is_cut_where_reasons_are_many():
    assert len(final_state(document(4, reasons=["x" * 900] * 3)).message) == 1000


def test_a_failure_ends_with_its_sentence_and_is_there_to_be_raised():
    failure = UnavailableError("the disk is full at /home")
    state = failed(failure)
    assert (state.name, state.message, state.data) == ("Failed", str(failure), failure)


def test_what_is_skipped_says_why():
    state = skipped("skipped: due at noon")
    assert (state.name, state.message) == ("Completed", "Skipped: due at noon")
