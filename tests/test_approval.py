from dataclasses import replace

import pytest

from tasks.approval import Signature, Subject, expire_stale, settle
from tasks.ledger_entries import Draft

HASH = "abcdef0123456789" * 4
JUDGED = Subject(
    verdict=HASH,
    page="page-1",
    data="data-1",
    code="code-1",
    model="model-1",
    registered="model-1",
    champion="1",
)
SIGNED = Signature(
    run_id="r2",
    asked_as="r2",
    decision="approve",
    name="Ada",
    reason="the gain is real",
    verdict=HASH[:8],
)
BEFORE = "2026-01-10T00:00:00+00:00"
EXPIRES = "2026-01-15T00:00:00+00:00"


class Registry:
    def __init__(self):
        self.champion = "1"

    def champion_version(self, _):
        return self.champion

    def set_champion(self, _, version):
        self.champion = version


def append(ledger, action, run_id, version, expected, **about):
    values = {"verdict_hash": HASH, "model_digest": "model-1", "test_version": "t"}
    values |= {"who": "assayline", "why": "because", "when": "2026-01-01T00:00:00+00:00", **about}
    return ledger.append(
        Draft(
            action,
            run_id=run_id,
            candidate_version=version,
            expected_champion=expected,
            to_version=version,
            **values,
        )
    )


@pytest.fixture
def waiting(ledger):
    """A ledger in which version 1 serves and version 2 of run r2 waits for a signature."""
    append(ledger, "promote", "r1", "1", None)
    append(ledger, "pending", "r2", "2", "1", expires=EXPIRES)
    return ledger


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def sign(waiting, registry):
    """Settles with a changed signature, a changed present, or another moment."""

    def run(present=JUDGED, now=BEFORE, **changed):
        signature = replace(SIGNED, **changed)
        return settle(signature, waiting, registry, lambda _: (JUDGED, present), now)

    return run


def actions(ledger):
    return [entry.action for entry in ledger.entries()]


def nothing_written(ledger, registry):
    return actions(ledger) == ["promote", "pending"] and registry.champion == "1"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": " A "}, "a name of at least 2 characters"),
        ({"name": ""}, "a name of at least 2 characters"),
        ({"reason": " \n"}, "needs a reason"),
        ({"reason": "x" * 1001}, "at most 1000 characters"),
        ({"verdict": ""}, "at least the first 8 characters of its hash, and has 0"),
        ({"verdict": HASH[:7]}, "and has 7"),
        ({"verdict": "00000000"}, "the verdict of run r2 does not begin with 00000000"),
        ({"verdict": HASH + "0"}, "does not begin with"),
    ],
)
@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_an_incomplete_signature_settles_nothing(sign, waiting, registry, changed, words, decision):
    done = sign(**changed, decision=decision)
    assert done.outcome == "unsigned"
    assert words in done.sentence
    assert nothing_written(waiting, registry)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"data": "data-2"}, "the data file changed: it was data-1 when the run was judged and"),
        ({"code": "code-2"}, "Assayline's code changed: it was code-1"),
        ({"model": "model-2"}, "the stored model changed: it was model-1"),
        ({"registered": ""}, "the model that the registry names changed: it was model-1"),
        ({"champion": None}, "the champion changed: it was version 1 when the run was judged and"),
        ({"champion": None}, "is no version now; run the project again"),
        ({"page": "page-2"}, "the decision page changed: it was page-1"),
        (
            {"problem": "version 2, as the registry hands it out, does not reproduce: row a"},
            "is void: version 2, as the registry hands it out, does not reproduce: row a; run the",
        ),
        ({"verdict": "0" * 64}, "the verdict changed: it was abcdef012345 when the run was judged"),
    ],
)
def test_an_approval_is_void_when_what_was_judged_changed(
    sign, waiting, registry, changed, sentence
):
    done = sign(replace(JUDGED, **changed))
    assert done.outcome == "void"
    assert sentence in done.sentence
    assert registry.champion == "1"
    last = waiting.entries()[-1]
    assert (last.action, last.refers_to, last.who) == ("expire", 2, "assayline")
    assert last.why.startswith("void when Ada approved it: ")
    assert sign().outcome == "closed"


@pytest.mark.parametrize("now", [EXPIRES, "2026-02-01T00:00:00+00:00"])
def test_an_approval_after_the_date_is_void(sign, waiting, registry, now):
    done = sign(now=now)
    assert done.outcome == "void"
    assert done.sentence == (
        "run r2 can no longer be approved: nobody signed it before 2026-01-15; "
        "run the project again"
    )
    assert actions(waiting) == ["promote", "pending", "expire"]
    assert registry.champion == "1"


def test_a_run_that_was_never_asked_about_is_closed(waiting, registry, sign):
    done = sign(run_id="r1", asked_as="r1")
    assert (done.outcome, done.sentence) == ("closed", "run r1 does not wait for a signature")
    assert nothing_written(waiting, registry)


def test_a_newer_run_takes_the_place_of_an_older(waiting, sign):
    append(waiting, "pending", "r3", "3", "1", expires=EXPIRES)
    done = sign()
    assert done.outcome == "closed"
    assert done.sentence.endswith("entry 3 (pending, run r3) asks instead")


def test_a_promotion_meanwhile_ends_the_waiting(waiting, sign):
    append(waiting, "promote", "r3", "3", "1")
    done = sign()
    assert done.outcome == "closed"
    assert done.sentence.endswith("entry 3 (promote, run r3) made version 3 the champion")


def test_a_promotion_at_the_same_moment_is_not_overwritten(waiting, sign, registry):
    waiting.store.before_adding = [lambda: append(waiting, "promote", "r3", "3", "1")]
    assert sign().outcome == "closed"
    assert actions(waiting) == ["promote", "pending", "promote"]
    assert waiting.champion() == "3"
    assert registry.champion == "1"


@pytest.mark.parametrize("later", ["approve", "refuse"])
def test_a_second_answer_at_the_same_moment_is_not_written(waiting, sign, registry, later):
    waiting.store.before_adding = [
        lambda: append(waiting, "refuse", "r2", "2", "1", refers_to=2, who="Bob", why="no")
    ]
    done = sign(decision=later)
    assert done.outcome == "closed"
    assert done.sentence == "run r2 was refused by Bob on 2026-01-01 already: no"
    assert actions(waiting) == ["promote", "pending", "refuse"]
    assert registry.champion == "1"


def test_an_approval_moves_the_champion_and_names_verdict_page_and_person(sign, waiting, registry):
    done = sign(name=" Ada\nLovelace\x1b[31m", reason="the gain\nis real", verdict=" ABCDEF01 ")
    assert done.outcome == "approved"
    assert done.sentence == (
        "run r2 is approved by Ada Lovelace[31m: version 2 of p is the champion, was version 1"
    )
    entry = waiting.entries()[-1]
    assert entry == done.entry
    assert (entry.action, entry.from_version, entry.to_version) == ("approve", "1", "2")
    assert (entry.verdict_hash, entry.page_hash, entry.refers_to) == (HASH, "page-1", 2)
    assert (entry.who, entry.why, entry.when) == ("Ada Lovelace[31m", "the gain is real", BEFORE)
    assert (entry.model_digest, entry.test_version) == ("model-1", "t")
    assert registry.champion == waiting.champion() == "2"
    assert waiting.is_complete(entry)


def test_a_settled_run_is_not_settled_again(sign, waiting):
    sign()
    again = sign(decision="refuse")
    assert again.outcome == "closed"
    assert again.sentence == ("run r2 was approved by Ada on 2026-01-10 already: the gain is real")
    assert actions(waiting) == ["promote", "pending", "approve"]


def test_a_refusal_moves_nothing_and_asks_for_nothing_more(waiting, registry):
    def look(_):
        raise AssertionError("a refusal needs no comparison")

    signature = replace(SIGNED, decision="refuse")
    done = settle(signature, waiting, registry, look, "2026-02-01T00:00:00+00:00")
    assert done.outcome == "refused"
    assert done.sentence == "run r2 is refused by Ada: the champion of p stays version 1"
    entry = waiting.entries()[-1]
    assert (entry.action, entry.from_version, entry.to_version) == ("refuse", "1", "1")
    assert (entry.verdict_hash, entry.refers_to) == (HASH, 2)
    assert registry.champion == "1"


def test_a_run_that_repeats_the_verdict_signs_for_the_run_that_asked(sign, waiting):
    done = sign(run_id="r9")
    assert done.outcome == "approved"
    assert (done.entry.run_id, done.entry.refers_to) == ("r9", 2)


def test_the_first_model_can_be_signed(ledger):
    registry = Registry()
    registry.champion = None
    append(ledger, "pending", "r2", "1", None)
    subject = replace(JUDGED, champion=None)
    done = settle(SIGNED, ledger, registry, lambda _: (subject, subject), BEFORE)
    assert done.sentence.endswith("version 1 of p is the champion, was no version")
    assert registry.champion == "1"


def test_an_open_entry_expires_at_its_date(waiting):
    assert expire_stale(waiting, BEFORE) is None
    assert expire_stale(waiting, EXPIRES) == (
        "run r2 can no longer be approved: nobody signed it before 2026-01-15; "
        "run the project again"
    )
    assert expire_stale(waiting, EXPIRES) is None
    assert actions(waiting) == ["promote", "pending", "expire"]


def test_nothing_expires_where_nothing_waits(ledger):
    assert expire_stale(ledger, EXPIRES) is None
    append(ledger, "promote", "r1", "1", None)
    assert expire_stale(ledger, EXPIRES) is None
