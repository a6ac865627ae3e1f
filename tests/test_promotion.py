import dataclasses

import pytest

from tasks.errors import UnavailableError
from tasks.ledger_entries import Draft
from tasks.promotion import IDENTITY, Decision, act, standing_of, unchanged
from tasks.serving import MODEL_DIGEST, repair_champion, settle_alias


class Registry:
    """Versions and the alias in memory, with MLflow's behaviour of last writer wins."""

    def __init__(self, versions=(), champion=None):
        self.tags = {version: {} for version in versions}
        self.champion = champion

    def champion_version(self, _):
        return self.champion

    def set_champion(self, _, version):
        self.champion = version

    def find_versions(self, _, tag, value):
        return [v for v, tags in self.tags.items() if tags.get(tag) == value]

    def version_tags(self, _, version):
        return self.tags[version]

    def tag_version(self, _, version, tags):
        self.tags[version] = tags

    def registers(self, tags):
        def register():
            version = str(len(self.tags) + 1)
            self.tags[version] = tags
            return version

        return register


def decision(**values):
    base = {
        "project": "p",
        "run_id": "r",
        "verdict": "promote",
        "reasons": ("because",),
        "verdict_hash": "h",
        "identity": "t",
        "model_digest": "m",
        "test_version": "v",
        "wear": 1.0,
        "question": values.get("model_digest", "m"),
        "place": 1,
        "rows": "",
        "epoch": "1",
        "spent": "",
        "basis": "b",
        "limits_hash": "l",
        "serving": None,
        "approval": "auto",
        "expires": "2026-02-01T00:00:00+00:00",
        "when": "now",
    }
    values = {**base, **values}
    tags = {IDENTITY: values["identity"], "assayline.verdict": values["verdict"]}
    return Decision(**values, tags=tags)


def second(**values):
    """A decision on another model, judged against version 1."""
    other = {"identity": "u", "model_digest": "n", "basis": "c", "verdict_hash": "i", "place": 2}
    return decision(**{**other, "serving": "1", **values})


def carry_out(what, registry, ledger, problems=None):
    """Act on a decision; `problems` says what is wrong with a version."""
    return act(what, registry, ledger, registry.registers(what.tags), (problems or {}).get)


def roll_back(registry, ledger, version, serving):
    ledger.append(
        Draft(
            "rollback",
            run_id="",
            candidate_version=version,
            expected_champion=serving,
            to_version=version,
            who="Ada",
            why="complaints",
            when="now",
        )
    )
    settle_alias(registry, ledger)


def sign(ledger, action, sequence, **about):
    values = {
        "run_id": "r",
        "candidate_version": "1",
        "expected_champion": None,
        "to_version": "1",
        "refers_to": sequence,
        "who": "Ada",
        "why": "seen",
        "when": "now",
    }
    return ledger.append(Draft(action, **{**values, **about}))


def recorded(action="promote", **values):
    base = {"run_id": "r", "candidate_version": "1", "champion_version": None, "action": action}
    return {**base, **values}


def test_the_same_model_under_another_version_stays_rolled_back(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    carry_out(second(), registry, ledger)
    roll_back(registry, ledger, "1", serving="2")
    with_another_split = second(identity="v", basis="d", test_version="w")
    result = carry_out(with_another_split, registry, ledger)
    assert (result.facts["candidate_version"], result.facts["action"]) == ("3", "rolled_back")
    assert registry.champion == "1"


def test_a_judgement_that_another_model_overtook_is_made_again(ledger):
    registry = Registry()
    carry_out(decision(verdict="reject"), registry, ledger)
    late = second(verdict="reject", serving=None, place=1)
    assert carry_out(late, registry, ledger).facts["action"] == "overtaken"


def test_what_serves_already_is_not_asked_a_signature_for(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    again = decision(serving="1", approval="approve", basis="c")
    assert carry_out(again, registry, ledger).facts["action"] == "promote"
    assert ledger.pending() is None


def test_a_champion_that_moved_meanwhile_is_not_replaced(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    result = carry_out(second(serving=None), registry, ledger)
    assert registry.champion == "1"
    assert result.facts["action"] == "overtaken"
    assert "no longer no version" in result.checks[0].detail


def test_a_version_that_is_not_what_was_judged_is_registered_anew(ledger):
    registry = Registry()
    carry_out(decision(verdict="reject"), registry, ledger)
    again = decision(limits_hash="k", basis="c", verdict_hash="i", run_id="s")
    result = carry_out(again, registry, ledger, {"1": "the bytes of version 1 are others"})
    assert (registry.champion, list(registry.tags)) == ("2", ["1", "2"])
    assert result.summary == (
        "registered anew as version 2, because the bytes of version 1 are others: version 2 is the "
        "champion, was no version"
    )
    assert registry.tags["1"]["assayline.verdict"] == "reject"
    # The next run uses the good one of the two, and registers no third.
    third = dataclasses.replace(again, serving="2", basis="d", run_id="u")
    result = carry_out(third, registry, ledger, {"1": "the bytes of version 1 are others"})
    assert list(registry.tags) == ["1", "2"]
    assert result.facts["candidate_version"] == "2"


def test_a_version_that_was_stored_wrongly_is_not_recorded(ledger):
    registry = Registry()
    with pytest.raises(UnavailableError, match="row a differs; it was registered a moment ago"):
        carry_out(decision(), registry, ledger, {"1": "row a differs"})
    assert (registry.champion, ledger.entries()) == (None, ())


@pytest.mark.parametrize("serves", [True, False])
def test_a_later_run_does_not_rename_what_was_ever_champion(ledger, serves):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    if not serves:
        carry_out(second(), registry, ledger)
    before = registry.tags["1"]
    later = decision(run_id="s", verdict="reject", basis="z", verdict_hash="z")
    later = dataclasses.replace(later, serving=registry.champion, tags={"a": "later"})
    registry.find_versions = lambda *_: ["1"]
    result = carry_out(later, registry, ledger)
    assert result.facts["candidate_version"] == "1"
    assert ledger.entries()[-1].run_id == "s"
    assert registry.tags["1"] == before


def test_a_version_is_not_renamed_by_a_run_that_was_overtaken(ledger):
    registry = Registry()
    carry_out(decision(verdict="reject"), registry, ledger)
    carry_out(second(serving=None, place=2), registry, ledger)
    before = registry.tags["1"]
    late = decision(run_id="s", limits_hash="k", basis="z", verdict_hash="z", place=2)
    result = carry_out(late, registry, ledger)
    assert result.facts["action"] == "overtaken"
    assert registry.tags["1"] == before


def test_a_candidate_that_is_judged_again_is_named_after_the_later_run(ledger):
    registry = Registry()
    carry_out(decision(verdict="reject"), registry, ledger)
    carry_out(decision(limits_hash="k", basis="z", verdict_hash="z", run_id="s"), registry, ledger)
    assert registry.tags["1"]["assayline.verdict"] == "promote"


@pytest.mark.parametrize("verdict", ["reject", "inconclusive"])
def test_other_verdicts_move_nothing(ledger, verdict):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    result = carry_out(second(verdict=verdict), registry, ledger)
    assert registry.champion == "1"
    assert result.facts["candidate_version"] == "2"
    assert [entry.action for entry in ledger.entries()] == ["promote", verdict]


@pytest.mark.parametrize("verdict", ["promote", "inconclusive"])
def test_no_run_promotes_again_what_somebody_rolled_back(ledger, verdict):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    carry_out(second(), registry, ledger)
    roll_back(registry, ledger, "1", serving="2")
    again = second(verdict=verdict, approval="approve_inconclusive", basis="d")
    result = carry_out(again, registry, ledger)
    assert registry.champion == "1"
    assert (result.facts["action"], result.checks[0].outcome) == ("rolled_back", "failed")
    assert "rolled back by Ada: complaints" in result.summary
    assert len(ledger.entries()) == 3


@pytest.mark.parametrize(
    ("approval", "verdict"), [("approve", "promote"), ("approve_inconclusive", "inconclusive")]
)
def test_a_signature_is_waited_for(ledger, approval, verdict):
    registry = Registry()
    result = carry_out(decision(approval=approval, verdict=verdict), registry, ledger)
    assert registry.champion is None
    assert result.facts["action"] == "pending"
    assert ledger.pending().expires == "2026-02-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("approval", "verdict", "action"),
    [
        ("approve", "inconclusive", "inconclusive"),
        ("approve_inconclusive", "promote", "promote"),
        ("approve", "reject", "reject"),
    ],
)
def test_a_signature_is_asked_for_only_where_the_project_says(ledger, approval, verdict, action):
    carry_out(decision(approval=approval, verdict=verdict), Registry(), ledger)
    assert [entry.action for entry in ledger.entries()] == [action]


def test_a_promotion_moves_the_champion_after_the_ledger(ledger):
    registry = Registry()
    result = carry_out(decision(), registry, ledger)
    assert (registry.champion, ledger.champion()) == ("1", "1")
    assert ledger.is_complete(ledger.last_move())
    assert registry.tags["1"]["assayline.verdict"] == "promote"
    assert result.facts == {"candidate_version": "1", "champion_version": "1", "action": "promote"}


def test_a_judgement_names_what_it_spoke_about(ledger):
    carry_out(decision(), Registry(), ledger)
    entry = ledger.entries()[0]
    assert (entry.verdict_hash, entry.model_digest, entry.test_version) == ("h", "m", "v")
    assert (entry.wear, entry.basis, entry.limits_hash) == (1, "b", "l")


def test_the_same_model_is_registered_once(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    again = dataclasses.replace(decision(), serving="1")
    result = carry_out(again, registry, ledger)
    assert list(registry.tags) == ["1"]
    assert "already the champion" in result.summary
    assert len(ledger.entries()) == 1


def test_a_judgement_under_other_limits_is_recorded_as_such(ledger):
    registry = Registry()
    carry_out(decision(verdict="reject"), registry, ledger)
    carry_out(decision(limits_hash="k", basis="c", verdict_hash="i"), registry, ledger)
    entry = ledger.entries()[1]
    assert entry.refers_to == 1
    assert entry.why == "judged again under other limits than in entry 1: because"
    assert registry.champion == "1"


def test_a_verdict_that_a_killed_run_wrote_is_not_written_twice(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    carry_out(second(verdict="reject"), registry, ledger)
    carry_out(second(verdict="reject"), registry, ledger)
    assert [entry.action for entry in ledger.entries()] == ["promote", "reject"]


def test_a_pending_entry_that_expired_is_written_again(ledger):
    waiting = decision(approval="approve")
    carry_out(waiting, Registry(), ledger)
    carry_out(waiting, Registry(), ledger)
    sign(ledger, "expire", 1)
    carry_out(waiting, Registry(), ledger)
    assert [entry.action for entry in ledger.entries()] == ["pending", "expire", "pending"]


def test_a_repeated_verdict_does_nothing(ledger):
    carry_out(decision(), Registry(), ledger)
    assert "nothing changed since run r" in unchanged(recorded(), ledger).summary


@pytest.mark.parametrize("action", ["promote", "reject"])
def test_a_remembered_verdict_that_the_ledger_does_not_have_is_acted_on_again(ledger, action):
    carry_out(decision(verdict="inconclusive"), Registry(), ledger)
    assert standing_of(recorded(action), ledger)[0] == "expire"
    assert standing_of(recorded("inconclusive"), ledger)[0] == "inconclusive"


@pytest.mark.parametrize(
    ("action", "standing", "words"),
    [
        ("approve", "approve", "version 1 was approved by Ada: seen"),
        ("refuse", "refuse", "version 1 was refused by Ada: seen"),
        ("expire", "expire", "seen"),
    ],
)
def test_a_repeated_verdict_says_what_became_of_it(ledger, action, standing, words):
    carry_out(decision(approval="approve"), Registry(), ledger)
    assert standing_of(recorded("pending"), ledger)[0] == "pending"
    sign(ledger, action, 1)
    assert standing_of(recorded("pending"), ledger) == (standing, words)


def test_a_pending_verdict_that_another_model_overtook_is_judged_again(ledger):
    registry = Registry()
    carry_out(decision(approval="approve"), registry, ledger)
    carry_out(second(approval="approve", serving=None, run_id="s"), registry, ledger)
    assert standing_of(recorded("pending"), ledger)[0] == "expire"


def test_a_repeated_verdict_says_that_it_was_rolled_back(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    carry_out(second(), registry, ledger)
    roll_back(registry, ledger, "1", serving="2")
    result = unchanged(recorded(candidate_version="2"), ledger)
    assert result.facts == {
        "candidate_version": "2",
        "champion_version": "1",
        "action": "rolled_back",
    }
    roll_back(registry, ledger, "2", serving="1")
    assert unchanged(recorded(candidate_version="2"), ledger).facts["action"] == "promote"


def test_the_alias_is_put_where_the_ledger_says(ledger, monkeypatch):
    registry = Registry()
    monkeypatch.setattr("tasks.promotion.settle_alias", lambda *_: None)  # killed before it
    carry_out(decision(), registry, ledger)
    assert "was at no version" in repair_champion(registry, ledger, "r", "now")
    assert registry.champion == "1"
    assert repair_champion(registry, ledger, "r", "now") is None


def test_a_move_that_was_killed_before_its_end_is_completed_silently(ledger, monkeypatch):
    registry = Registry()
    monkeypatch.setattr("tasks.promotion.settle_alias", lambda *_: None)
    carry_out(decision(), registry, ledger)
    registry.champion = "1"
    assert repair_champion(registry, ledger, "r", "now") is None
    assert ledger.is_complete(ledger.last_move())


def test_an_alias_that_is_set_late_ends_at_the_head(ledger):
    """A run that stalled before it moved the alias must not undo a later move."""
    registry = Registry()
    carry_out(decision(), registry, ledger)

    class Slow(Registry):
        def set_champion(self, project, version):
            if version == "2" and ledger.champion() == "2":
                third = {"identity": "w", "model_digest": "o", "basis": "w", "place": 3}
                carry_out(second(serving="2", **third), registry, ledger)
            registry.set_champion(project, version)
            self.champion = registry.champion

    slow = Slow(["1"], "1")
    slow.tags = registry.tags
    carry_out(second(), slow, ledger)
    assert registry.champion == ledger.champion() == "3"


def test_an_alias_that_something_else_moved_is_reported_and_left(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    registry.champion = "7"
    with pytest.raises(UnavailableError, match="at version 7 and the ledger says version 1"):
        repair_champion(registry, ledger, "r", "now")
    assert registry.champion == "7"


def test_an_alias_that_is_gone_is_set_again_and_told(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    registry.champion = None
    assert "was at no version" in repair_champion(registry, ledger, "r", "now")
    assert registry.champion == "1"


def test_an_alias_that_a_killed_writer_set_late_is_put_right_once(ledger, monkeypatch):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    with monkeypatch.context() as slow:
        slow.setattr("tasks.promotion.settle_alias", lambda *_: None)  # stalled before the alias
        carry_out(second(), registry, ledger)
    third = second(identity="w", model_digest="o", basis="w", serving="2", place=3)
    carry_out(third, registry, ledger)
    registry.champion = "2"  # the stalled writer wakes, moves the alias, and is killed
    assert "was at version 2" in repair_champion(registry, ledger, "r", "now")
    assert registry.champion == "3"
    registry.champion = "2"
    with pytest.raises(UnavailableError, match="something else moved it"):
        repair_champion(registry, ledger, "r", "now")


def test_a_promotion_between_two_readings_is_no_alarm(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)

    class Busy(Registry):
        """A store in which another run promotes just before the alias is read."""

        def champion_version(self, project):
            if ledger.champion() == "1":
                carry_out(second(), registry, ledger)
            return registry.champion_version(project)

    assert repair_champion(Busy(), ledger, "r", "now") is None
    assert registry.champion == "2"


def test_an_alias_that_was_moved_back_by_hand_is_reported_too(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    carry_out(second(), registry, ledger)
    registry.champion = "1"
    with pytest.raises(UnavailableError, match="rollback PROJECT --to 1"):
        repair_champion(registry, ledger, "r", "now")
    assert repair_champion(registry, ledger, "r", "now", heading_to="1") is None
    assert registry.champion == "1"


def test_an_alias_beside_a_ledger_that_made_no_champion_is_not_adopted(ledger):
    registry = Registry()
    carry_out(decision(approval="approve"), registry, ledger)
    registry.tags["1"][MODEL_DIGEST] = "m"
    registry.champion = "1"
    with pytest.raises(UnavailableError, match="no entry of the ledger says so"):
        repair_champion(registry, ledger, "r", "now")
    assert [entry.action for entry in ledger.entries()] == ["pending"]


def test_a_champion_that_something_else_registered_is_not_adopted(ledger):
    registry = Registry(["1"], "1")
    with pytest.raises(UnavailableError, match="Assayline did not register it"):
        repair_champion(registry, ledger, "r", "now")


def test_a_new_ledger_begins_with_the_champion_that_serves(ledger):
    registry = Registry(["1"], "1")
    registry.tags["1"][MODEL_DIGEST] = "m"
    assert "the ledger begins with it" in repair_champion(registry, ledger, "r", "now")
    assert [(e.action, e.to_version) for e in ledger.entries()] == [("adopt", "1")]
    assert repair_champion(registry, ledger, "r", "now") is None


def test_nothing_to_repair_before_the_first_model(ledger):
    assert repair_champion(Registry(), ledger, "r", "now") is None
    assert ledger.entries() == ()
