import pandas as pd
import pytest
from conftest import MemoryStore

from tasks import registered_models, rollback
from tasks.errors import NotFoundError, UnavailableError, UsageError
from tasks.ledger import open_ledger
from tasks.ledger_entries import Draft
from tasks.models import ModelPackage, package_digest
from tasks.registered_models import RegisteredModel
from tasks.rollback import Request, roll_back
from tasks.serving import MODEL_DIGEST

GOLDEN = pd.DataFrame({"row_key": ["a", "b", "c"]})


class Registry:
    """Versions of a model whose bytes are their number, and the alias."""

    def __init__(self, *versions):
        self.packages = {v: ModelPackage(v.encode(), {}) for v in versions}
        self.tags = {v: {MODEL_DIGEST: package_digest(p)} for v, p in self.packages.items()}
        self.golden = dict.fromkeys(versions, GOLDEN)
        self.alias = None

    def versions(self, _):
        return list(self.packages)

    def version_tags(self, _, version):
        return self.tags[version]

    def registered_model(self, _, version):
        return RegisteredModel(
            version=version,
            digest=self.tags[version].get(MODEL_DIGEST, ""),
            package=self.packages[version],
            served=f"served {version}".encode(),
            golden=self.golden[version],
        )

    def champion_version(self, _):
        return self.alias

    def set_champion(self, _, version):
        self.alias = version


@pytest.fixture
def registry():
    return Registry("1", "2", "3")


@pytest.fixture
def ledger(tmp_path, registry):
    """Version 1, then version 2 was promoted; version 3 was rejected."""
    made = open_ledger(tmp_path, MemoryStore(), "p")
    for action, version, before in [("promote", "1", None), ("promote", "2", "1")]:
        append(made, registry, action, version, before)
    append(made, registry, "reject", "3", "2")
    registry.alias = "2"
    return made


@pytest.fixture(autouse=True)
def scored(monkeypatch):
    """Models that answer as they did; `scored` holds the versions that do not, with the reason."""
    problems = {}
    asked = []

    def problem(package, golden, extra_types):
        asked.append(package.skops.decode())
        return "it has no golden rows" if golden is None else problems.get(asked[-1])

    monkeypatch.setattr(registered_models, "golden_problem", problem)
    problems["asked"] = asked
    return problems


def append(ledger, registry, action, version, before):
    return ledger.append(
        Draft(
            action,
            run_id=f"run-{version}",
            candidate_version=version,
            expected_champion=before,
            to_version=version,
            verdict_hash=f"verdict-{version}",
            page_hash=f"page-{version}",
            model_digest=registry.tags[version][MODEL_DIGEST],
            test_version="t",
            who="assayline",
            why="because",
            when="2026-01-01T00:00:00+00:00",
        )
    )


def request(to_version=None, drill=False):
    return Request(
        to_version=to_version,
        drill=drill,
        who="ann",
        why="complaints",
        when="2026-01-02T00:00:00+00:00",
    )


def refused(registry, ledger, to_version=None):
    """The reason; nothing may have moved."""
    before = ledger.entries(), registry.alias
    done = roll_back(request(to_version), registry, ledger)
    assert (ledger.entries(), registry.alias) == before
    assert not done.moved
    assert done.entry is None
    assert done.refusal in done.sentence
    return done.refusal


class TestRefusals:
    def test_a_version_that_never_was_champion(self, registry, ledger):
        assert refused(registry, ledger, "3") == (
            "only a version that was champion can serve again, and version 3 never was"
        )

    def test_other_bytes_than_the_records_say(self, registry, ledger, scored):
        registry.packages["1"] = ModelPackage(b"other", {})
        assert "it was changed after it was registered" in refused(registry, ledger)
        assert scored["asked"] == []

    def test_another_threshold_is_another_model(self, registry, ledger):
        registry.packages["1"] = ModelPackage(b"1", {"threshold": 0.9})
        assert "it was changed after it was registered" in refused(registry, ledger)

    def test_a_tag_that_follows_changed_bytes_does_not_help(self, registry, ledger):
        registry.packages["1"] = ModelPackage(b"other", {})
        registry.tags["1"] = {MODEL_DIGEST: package_digest(registry.packages["1"])}
        assert "it was changed after it was registered" in refused(registry, ledger)

    def test_a_version_without_a_recorded_digest(self, registry, ledger):
        registry.tags["1"] = {}
        assert "its records say no digest" in refused(registry, ledger)

    def test_other_answers_than_when_it_was_registered(self, registry, ledger, scored):
        scored["1"] = "row a differs"
        assert refused(registry, ledger) == (
            "version 1 does not reproduce its golden rows: row a differs"
        )

    def test_a_version_without_golden_rows(self, registry, ledger):
        registry.golden["1"] = None
        assert "it has no golden rows" in refused(registry, ledger)

    def test_another_model_in_the_registrys_own_form(self, registry, ledger, scored):
        scored["served 1"] = "row a differs"
        assert refused(registry, ledger) == (
            "version 1, as the registry hands it out, does not reproduce its golden rows: "
            "row a differs"
        )

    @pytest.mark.parametrize("failure", [KeyError("model.skops"), UnavailableError("gone")])
    def test_files_that_cannot_be_read(self, registry, ledger, monkeypatch, failure):
        def broken(*_):
            raise failure

        monkeypatch.setattr(registry, "registered_model", broken)
        assert "the stored files of version 1 cannot be read" in refused(registry, ledger)

    def test_a_champion_that_moved_meanwhile(self, registry, ledger, monkeypatch):
        def score_while_another_moves(*_):
            append(ledger, registry, "promote", "3", "2")
            registry.alias = "3"

        monkeypatch.setattr(registered_models, "golden_problem", score_while_another_moves)
        done = roll_back(request(), registry, ledger)
        assert "was version 2 when this rollback began and is version 3 now" in done.refusal
        assert (registry.alias, ledger.champion()) == ("3", "3")


class TestUsage:
    def test_no_champion_yet(self, registry, tmp_path):
        empty = open_ledger(tmp_path, MemoryStore(), "p")
        with pytest.raises(NotFoundError, match="never had a champion"):
            roll_back(request(), registry, empty)

    def test_the_first_champion_replaced_no_other(self, registry, tmp_path):
        first = open_ledger(tmp_path, MemoryStore(), "p")
        append(first, registry, "promote", "1", None)
        with pytest.raises(NotFoundError, match="version 1 of p replaced no other"):
            roll_back(request(), registry, first)

    def test_an_unknown_version(self, registry, ledger):
        with pytest.raises(NotFoundError, match="no version 9; its newest versions are: 1, 2, 3"):
            roll_back(request("9"), registry, ledger)

    def test_the_champion_itself(self, registry, ledger):
        with pytest.raises(UsageError, match="version 2 of p is the champion already"):
            roll_back(request("2"), registry, ledger)


def test_the_one_before_serves_again(registry, ledger):
    done = roll_back(request(), registry, ledger)
    assert (done.from_version, done.to_version, done.golden_rows) == ("2", "1", 3)
    assert registry.alias == "1"
    entry = ledger.last_move()
    assert entry == done.entry
    assert (entry.action, entry.from_version, entry.to_version) == ("rollback", "2", "1")
    assert (entry.who, entry.why) == ("ann", "complaints")
    assert (entry.run_id, entry.verdict_hash, entry.page_hash) == ("run-1", "verdict-1", "page-1")
    assert ledger.is_complete(entry)
    assert done.sentence == (
        "version 1 is the champion of p, was version 2; it gives the same answers on its 3 golden "
        "rows"
    )


def test_a_drill_moves_nothing(registry, ledger, scored):
    before = ledger.entries()
    done = roll_back(request(drill=True), registry, ledger)
    assert (ledger.entries(), registry.alias) == (before, "2")
    assert scored["asked"] == ["1", "served 1"]
    assert done.refusal is None
    assert not done.moved
    assert done.sentence.startswith("drill passed, version 2 of p stays the champion: version 1")


def test_a_drill_is_refused_like_a_rollback(registry, ledger, scored):
    scored["1"] = "row a differs"
    assert "row a differs" in roll_back(request(drill=True), registry, ledger).refusal


def test_a_version_that_was_rolled_back_can_be_named(registry, ledger):
    roll_back(request(), registry, ledger)
    done = roll_back(request("2"), registry, ledger)
    assert (registry.alias, done.entry.run_id) == ("2", "run-2")


def test_a_killed_rollback_is_finished_by_its_entry(registry, ledger, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "set_champion", killed)
    with pytest.raises(KeyboardInterrupt):
        roll_back(request(), registry, ledger)
    monkeypatch.undo()
    assert (registry.alias, ledger.champion()) == ("2", "1")
    assert "was at version 2" in rollback.serving.repair_champion(registry, ledger, "r", "now")
    assert registry.alias == "1"


def test_a_document_for_programs(registry, ledger):
    document = roll_back(request(), registry, ledger).to_document()
    assert document["entry"]["hash"] == ledger.last_move().hash
    del document["entry"]
    assert document == {
        "project": "p",
        "from_version": "2",
        "to_version": "1",
        "drill": False,
        "golden_rows": 3,
        "refusal": None,
        "moved": True,
    }
