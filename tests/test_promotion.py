import dataclasses

import pytest

from tasks.errors import UnavailableError
from tasks.ledger import Ledger
from tasks.promotion import MODEL_DIGEST, Decision, act, repair_champion, unchanged


class Registry:
    """Versions and the alias in memory, with MLflow's behaviour of last writer wins."""

    def __init__(self, versions=(), champion=None):
        self.tags = {version: {} for version in versions}
        self.champion = champion

    def champion_version(self, _):
        return self.champion

    def set_champion(self, _, version):
        self.champion = version

    def find_version(self, _, tag, value):
        return next((v for v, tags in self.tags.items() if tags.get(tag) == value), None)

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
        "model_digest": "t",
        "serving": None,
        "approval": "auto",
        "when": "now",
        "tags": {MODEL_DIGEST: "t", "assayline.verdict": "promote"},
    }
    return Decision(**{**base, **values})


def carry_out(what, registry, ledger):
    return act(what, registry, ledger, registry.registers(what.tags))


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "p.jsonl")


def test_a_champion_that_moved_meanwhile_is_not_replaced(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    late = decision(model_digest="u", tags={MODEL_DIGEST: "u"})
    result = carry_out(late, registry, ledger)
    assert registry.champion == "1"
    assert result.checks[0].outcome == "failed"
    assert "no longer no version" in result.checks[0].detail


@pytest.mark.parametrize("verdict", ["reject", "inconclusive"])
def test_other_verdicts_move_nothing(ledger, verdict):
    registry = Registry(["1"], "1")
    result = carry_out(decision(verdict=verdict, serving="1"), registry, ledger)
    assert registry.champion == "1"
    assert result.facts["candidate_version"] == "2"
    assert [entry.action for entry in ledger.entries()] == [verdict]


@pytest.mark.parametrize(
    ("approval", "verdict"), [("approve", "promote"), ("approve_inconclusive", "inconclusive")]
)
def test_a_signature_is_waited_for(ledger, approval, verdict):
    registry = Registry()
    result = carry_out(decision(approval=approval, verdict=verdict), registry, ledger)
    assert registry.champion is None
    assert result.facts["action"] == "pending"


def test_a_promotion_moves_the_champion_after_the_ledger(ledger):
    registry = Registry()
    result = carry_out(decision(), registry, ledger)
    assert (registry.champion, ledger.champion()) == ("1", "1")
    assert registry.tags["1"]["assayline.verdict"] == "promote"
    assert result.facts == {"candidate_version": "1", "champion_version": "1", "action": "promote"}


def test_the_same_model_is_registered_once(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    again = dataclasses.replace(decision(), serving="1")
    result = carry_out(again, registry, ledger)
    assert list(registry.tags) == ["1"]
    assert "already the champion" in result.summary
    assert len(ledger.entries()) == 1


def test_a_repeated_verdict_does_nothing():
    recorded = {
        "run_id": "r1",
        "candidate_version": "1",
        "champion_version": "1",
        "action": "promote",
    }
    assert "nothing changed since run r1" in unchanged(recorded).summary


def test_the_alias_is_put_where_the_ledger_says(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    registry.champion = None  # killed between the ledger and the alias
    assert "was at no version" in repair_champion(registry, ledger, "p", "r", "now")
    assert registry.champion == "1"
    assert repair_champion(registry, ledger, "p", "r", "now") is None


def test_an_alias_that_something_else_moved_is_reported_and_left(ledger):
    registry = Registry()
    carry_out(decision(), registry, ledger)
    registry.champion = "7"
    with pytest.raises(UnavailableError, match="at version 7 and the ledger says version 1"):
        repair_champion(registry, ledger, "p", "r", "now")
    assert registry.champion == "7"


def test_a_new_ledger_begins_with_the_champion_that_serves(ledger):
    registry = Registry(["1"], "1")
    assert "the ledger begins with it" in repair_champion(registry, ledger, "p", "r", "now")
    assert [(e.action, e.to_version) for e in ledger.entries()] == [("adopt", "1")]
    assert repair_champion(registry, ledger, "p", "r", "now") is None


def test_nothing_to_repair_before_the_first_model(ledger):
    assert repair_champion(Registry(), ledger, "p", "r", "now") is None
    assert ledger.entries() == ()


def test_a_verdict_that_a_killed_run_wrote_is_not_written_twice(ledger):
    registry = Registry(["1"], "1")
    repair_champion(registry, ledger, "p", "r", "now")
    rejected = decision(verdict="reject", serving="1")
    carry_out(rejected, registry, ledger)
    carry_out(rejected, registry, ledger)
    assert [entry.action for entry in ledger.entries()] == ["adopt", "reject"]
