import html
import re

import pytest

from tasks.ledger_entries import Draft
from tasks.reports.aftermath import tell_aftermath
from tasks.reports.frame import render_frame

HASH = "abcdef0123456789" * 4
PAGE = "1234567890abcdef" * 4
NOW = "2026-05-10T12:00:00+00:00"
RUN = {
    "run_id": "r2",
    "project": "p",
    "verdict": "promote",
    "verdict_hash": HASH,
    "candidate_version": "2",
}


def append(ledger, action, run_id, version, when, **about):
    values = {"verdict_hash": HASH, "who": "assayline", "why": "because", **about}
    entry = ledger.append(
        Draft(
            action,
            run_id=run_id,
            candidate_version=version,
            expected_champion=ledger.champion(),
            to_version=version,
            when=f"2026-05-{when:02d}T08:00:00+00:00",
            **values,
        )
    )
    assert entry is not None


@pytest.fixture
def served(ledger):
    """Version 1 serves since the first of May."""
    append(ledger, "promote", "r1", "1", 1, verdict_hash="0" * 64)
    return ledger


@pytest.fixture
def waiting(served):
    """Version 2 of run r2 waits for a signature until the 16th."""
    append(served, "pending", "r2", "2", 2, expires="2026-05-16T08:00:00+00:00")
    return served


def told(ledger, now=NOW, **changed):
    return tell_aftermath({**RUN, **changed}, ledger.entries(), now)


def standing(ledger, **changed):
    found = told(ledger, **changed)
    return found.mark.tone, found.sentence


def steps(ledger):
    return [(step.entry, step.what, step.why) for step in told(ledger).steps]


def render(ledger, recorded, run=RUN, project_file="/place/project.yaml"):
    return render_frame(
        run,
        ledger.entries(),
        page_hash=PAGE,
        recorded=recorded,
        project_file=project_file,
        now=NOW,
    )


def words(page):
    """What a reader sees: no head, no tags, single spaces."""
    body = page[page.index("<body>") :]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split()).replace("\u00a0", " ")


def test_a_run_that_waits_can_be_signed(waiting):
    found = told(waiting)
    assert (found.mark.tone, found.sentence) == (
        "caution",
        "It waits for a signature until 16 May 2026.",
    )
    assert found.to_sign == waiting.entries()[1]
    assert steps(waiting) == [(2, "The gate asked for a signature for version 2", "")]


def test_a_date_that_passed_is_told_before_it_is_in_the_ledger(waiting):
    found = told(waiting, now="2026-05-16T08:00:00+00:00")
    assert found.sentence == "It could be signed until 16 May 2026, and was not."
    assert found.to_sign is None


def test_a_run_that_another_overtook_cannot_be_signed(waiting):
    append(waiting, "pending", "r3", "3", 4, verdict_hash="1" * 64)
    assert standing(waiting) == ("quiet", "Superseded on 4 May 2026, before it was signed.")
    assert told(waiting).to_sign is None
    assert steps(waiting)[-1] == (3, "Run r3 asked instead", "because")


def test_a_promotion_overtakes_as_well(waiting):
    append(waiting, "promote", "r3", "3", 4, verdict_hash="1" * 64)
    assert standing(waiting) == ("quiet", "Superseded on 4 May 2026, before it was signed.")
    assert steps(waiting)[-1][1] == "Run r3 was promoted: version 3 in place of version 1"


def test_a_refusal_names_who_and_why(waiting):
    append(waiting, "refuse", "r2", "2", 3, refers_to=2, who="Bob", why="too slow")
    sentence = "Refused by Bob on 3 May 2026; the champion stayed version 1."
    assert standing(waiting) == ("bad", sentence)
    assert steps(waiting)[-1] == (3, "Refused by Bob", "too slow")


def test_an_expired_run_says_so(waiting):
    append(waiting, "expire", "r2", "2", 3, refers_to=2, why="nobody signed it")
    sentence = "Closed without a signature on 3 May 2026; the champion stayed version 1."
    assert standing(waiting) == ("quiet", sentence)
    assert steps(waiting)[-1] == (3, "Closed without a signature", "nobody signed it")


def test_a_judgement_under_other_limits_is_no_answer(waiting):
    append(waiting, "reject", "r3", "2", 3, refers_to=2, verdict_hash="1" * 64)
    assert told(waiting).to_sign == waiting.entries()[1]


@pytest.fixture
def approved(waiting):
    append(waiting, "approve", "r2", "2", 3, refers_to=2, who="Ada", why="a real gain")
    return waiting


def test_an_approved_version_is_the_champion(approved):
    assert standing(approved) == ("good", "Version 2 is the champion since 3 May 2026.")
    assert steps(approved)[-1] == (3, "Approved by Ada", "a real gain")


def test_a_superseded_version_names_its_successor(approved):
    append(approved, "promote", "r3", "3", 5, verdict_hash="1" * 64)
    sentence = "Version 2 was superseded on 5 May 2026 by version 3 of run r3."
    assert standing(approved) == ("quiet", sentence)


def test_a_rolled_back_version_names_who_did_it(approved):
    append(approved, "rollback", "r1", "1", 6, who="Cy", why="complaints")
    sentence = "Version 2 was rolled back on 6 May 2026 by Cy."
    assert standing(approved) == ("bad", sentence)
    assert steps(approved)[-1] == (
        4,
        "Rolled back by Cy: version 1 in place of version 2",
        "complaints",
    )


def test_a_version_that_was_brought_back_is_the_champion_again(approved):
    append(approved, "promote", "r3", "3", 5, verdict_hash="1" * 64)
    append(approved, "promote", "r4", "4", 6, verdict_hash="2" * 64)
    append(approved, "rollback", "r2", "2", 7, who="Cy", why="complaints")
    assert standing(approved) == ("good", "Version 2 is the champion again since 7 May 2026.")
    assert [entry for entry, _, _ in steps(approved)] == [2, 3, 4, 6]


@pytest.mark.parametrize(
    ("action", "tone", "sentence"),
    [
        ("reject", "bad", "Rejected on 2 May 2026; the champion stayed version 1."),
        ("inconclusive", "caution", "Not decided on 2 May 2026; the champion stayed version 1."),
    ],
)
def test_a_run_that_was_not_promoted_says_what_stayed(served, action, tone, sentence):
    append(served, action, "r2", "2", 2)
    assert standing(served) == (tone, sentence)


def test_a_promotion_needs_no_signature(served):
    append(served, "promote", "r2", "2", 2)
    assert standing(served) == ("good", "Version 2 is the champion since 2 May 2026.")


def test_a_run_that_repeats_a_verdict_shares_what_became_of_it(approved):
    assert standing(approved, run_id="r9")[1] == "Version 2 is the champion since 3 May 2026."


def test_a_run_without_an_entry_says_so(served):
    assert standing(served)[1] == "This run wrote no entry in the ledger, and the champion stayed."
    refused = {"verdict": None, "verdict_hash": None, "candidate_version": None}
    assert standing(served, **refused)[1] == "The data was refused, and the champion stayed."


def test_the_frame_shows_the_page_itself_and_that_it_is_unedited(approved):
    page = render(approved, {"MLflow": PAGE})
    assert '<iframe class="page" src="decision.html"' in page
    text = words(page)
    assert "The page below is unedited: its SHA-256 1234567890abcdef is the recorded one." in text
    assert "Run r2 Verdict promote Candidate version 2 Champion now version 2" in text
    assert "To sign" not in text
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_frame_says_plainly_that_a_page_was_changed(approved):
    text = words(render(approved, {"MLflow": PAGE, "the ledger (entry 3)": "0" * 64}))
    assert "The page below is not the one that was recorded." in text
    assert f"the ledger (entry 3) recorded {'0' * 64}" in text
    assert "MLflow recorded" not in text
    assert "unedited" not in text


def test_the_frame_says_that_no_hash_is_recorded(approved):
    text = words(render(approved, {}))
    assert "No SHA-256 of the page is recorded, so it cannot be told whether it was changed" in text
    assert "unedited" not in text


def test_the_frame_gives_the_commands_that_sign(waiting):
    text = words(render(waiting, {"MLflow": PAGE}, project_file="/my place/project.yaml"))
    command = (
        "assayline approve r2 --project '/my place/project.yaml' --verdict abcdef01 "
        "--name 'YOUR NAME' --reason 'WHY'"
    )
    assert f"{command} {command} --refuse" in text


def test_text_from_people_and_data_stays_text(waiting):
    evil = "<script>alert(1)</script>"
    append(waiting, "refuse", "r2", "2", 3, refers_to=2, who=evil, why=evil)
    page = render(waiting, {evil: "0"}, run={**RUN, "project": evil})
    assert "<script" not in page
    assert words(page).count(evil) == 5


def test_the_same_inputs_give_the_same_bytes(approved):
    assert render(approved, {"MLflow": PAGE}) == render(approved, {"MLflow": PAGE})
