"""What the gate remembers over several runs, and a champion that moves meanwhile."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from conftest import SMALL, small_rows, write_small

from flows.runs.start import open_tracking
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.ledger import open_ledger
from tasks.ledger_entries import Draft
from tasks.serving import settle_alias
from tasks.verdict_document import VerdictDocument

HOME = Path(os.environ["ASSAYLINE_HOME"])


def name_of(path):
    return path.read_text().split("name: ")[1].split("\n")[0]


def ledger_of(path):
    return open_ledger(HOME, open_tracking(HOME), name_of(path))


def sides_of(path):
    """The sides of all rows in the newest run, in the order of the file."""
    runs = (HOME / "runs").glob("*/verdict.json")
    cores = [json.loads(one.read_text()) for one in sorted(runs, key=lambda p: p.stat().st_mtime)]
    keys = [one["beside"] for one in cores if one["core"]["project"] == name_of(path)][-1]
    store = EvidenceStore(HOME / "evidence")
    return list(store.output("splitting", keys["stage_keys"]["splitting"], "split")["side"])


def gate_check(document, check):
    gate = next(stage for stage in document["stages"] if stage["name"] == "gate")
    return next(one for one in gate["checks"] if one["id"] == check)


def test_an_anchor_that_is_no_version_is_refused_before_anything_runs(assayline, small_project):
    code, document, said = assayline(small_project, "--set", "gate.anchor=7")
    assert (code, document) == (2, None)
    assert "gate.anchor is 7, which is no version of" in said
    assert "it has none yet" in said


def worn(path):
    """A project file whose test set is worn by one model."""
    path.write_text(path.read_text().replace("gate: {", "gate: {max_wear: 1, "))


def worn_out(folder, name, rows, *, max_wear=1, epoch=1):
    """The small project with a limit of wear, written as its owner would."""
    gate = f"gate: {{replicates: 300, max_wear: {max_wear}}}\nsplit: {{epoch: {epoch}}}"
    return write_small(folder, name, SMALL.replace("gate: {replicates: 300}", gate), rows)


def test_neither_an_epoch_nor_a_name_renews_a_worn_test_set_and_new_rows_do(
    assayline, small_project, tmp_path, other_ledgers
):
    rows, name, folder = small_rows(seed=77), name_of(small_project), small_project.parent
    code, first, _ = assayline(worn_out(folder, name, rows))
    assert (code, gate_check(first, "gate.wear")["value"]) == (0, 1.0)
    code, second, _ = assayline(worn_out(folder, name, rows, epoch=2))
    wear = gate_check(second, "gate.wear")
    assert (code, wear["value"], wear["outcome"]) == (5, 2.0, "not_applicable")
    assert "; 1 under split.epoch 1: it decides by an interval of 97 %" in wear["detail"]
    assert "another split.epoch does not" in wear["detail"]
    core = VerdictDocument.read(Path(second["report"]).parent / "verdict.json").core
    assert (core["wear"], core["level"]) == (2.0, 0.97)
    assert core["spending"]["left_to_spend"] == pytest.approx(0.06)
    assert "Earlier judgements of these test rows" in Path(second["report"]).read_text()
    assert "1 under split.epoch 1" in ledger_of(small_project).entries()[-1].why
    # A copy under another name, columns turned round, and without one row.
    (tmp_path / "copy").mkdir()
    copy = worn_out(tmp_path / "copy", f"copy-{name}"[:60], rows.iloc[1:, ::-1])
    code, third, _ = assayline(copy)
    wear = gate_check(third, "gate.wear")
    assert (code, wear["value"]) == (5, 3.0)
    assert f"2 under the name {name}" in wear["detail"]
    # As many rows again: half of each judgement is given back.
    more = pd.concat([rows, small_rows(seed=78)])
    _, fourth, _ = assayline(worn_out(folder, name, more, max_wear=3))
    wear = gate_check(fourth, "gate.wear")
    assert 1.5 < wear["value"] < 3
    assert wear["outcome"] == "passed"


def test_other_shares_do_not_renew_a_worn_test_set(assayline, small_project):
    worn(small_project)
    code, first, _ = assayline(small_project)
    assert (code, gate_check(first, "gate.wear")["value"]) == (0, 1.0)
    words = ("training.class_weight=balanced", "gate.intent=refresh")
    shares = ("gate.margin=0.5", "split.train=0.601", "split.dev=0.199")
    code, second, _ = assayline(small_project, *(f"--set={word}" for word in (*words, *shares)))
    assert gate_check(second, "gate.wear")["value"] == 2.0
    assert (code, second["verdict"]) == (5, "inconclusive")
    by_key = "--set=split.column=city"
    code, third, _ = assayline(small_project, *(f"--set={word}" for word in words), by_key)
    assert gate_check(third, "gate.wear")["value"] == 2.0


@pytest.mark.parametrize(
    "change",
    [
        ["split.by=group", "split.column=home"],
        ["key=home"],
        ["split.epoch=2", "key=home"],
        ["split.epoch=2"],
    ],
)
def test_rows_that_the_champion_has_seen_are_left_out_under_any_name(
    assayline, tmp_path, request, change
):
    rows = small_rows().assign(home=range(600))
    text = SMALL.replace("[city]}", "[city], exclude: {home: a number}}", 1)
    path = write_small(tmp_path, name=f"renamed-{request.node.name[-2]}", text=text, rows=rows)
    assert assayline(path)[1]["verdict"] == "promote"
    before = sides_of(path)
    _, document, _ = assayline(path, *(f"--set={word}" for word in change))
    now = sides_of(path)
    # Rows are in the order of the file in both runs, whatever they are called.
    both = [now == "test" and was == "test" for now, was in zip(now, before, strict=True)]
    assert 0 < sum(both) < sum(side == "test" for side in now)
    said = gate_check(document, "gate.support")["detail"]
    assert f"{sum(both)} of {sum(side == 'test' for side in now)} test rows can be compared" in said


def test_a_champion_of_before_versions_kept_their_rows_is_inconclusive(
    assayline, small_project, monkeypatch
):
    from tasks.tracking import registry

    kept = registry.Versions._register

    def register_without(self, *given, frames, **more):
        old = {name: frame for name, frame in frames.items() if "seen" not in name}
        return kept(self, *given, frames=old, **more)

    monkeypatch.setattr(registry.Versions, "_register", register_without)
    assayline(small_project)
    code, document, _ = assayline(small_project, "--set", "training.class_weight=balanced")
    assert (code, document["verdict"]) == (5, "inconclusive")
    assert "it does not say which rows it was fitted on" in document["reasons"][0]


def test_a_judgement_under_other_limits_wears_nothing_and_says_so(assayline, small_project):
    assayline(small_project)
    assayline(small_project)
    assert [entry.action for entry in ledger_of(small_project).entries()] == ["promote"]
    assayline(small_project, "--set", "gate.min_gain=0.3")
    first, again = ledger_of(small_project).entries()
    assert (again.wear, again.refers_to, again.model_digest) == (1, 1, first.model_digest)
    assert "judged again under other limits than in entry 1" in again.why


def test_the_verdict_is_an_object_with_its_own_hash(assayline, small_project):
    _, document, _ = assayline(small_project)
    folder = Path(document["report"]).parent
    verdict = VerdictDocument.read(folder / "verdict.json")
    assert verdict.hash == document["verdict_hash"]
    assert verdict.core["wear"] == 1
    assert verdict.core["champion"] is None
    assert verdict.core["hashes"]["data"] == document["dataset"]["fingerprint"]
    judged = {check["id"] for stage in document["stages"][:-1] for check in stage["checks"]}
    assert {check["id"] for check in verdict.core["checks"]} == judged
    assert "performance_audit.latency" in verdict.beside["measured"]
    assert ledger_of(small_project).entries()[0].verdict_hash == verdict.hash
    tracking = open_tracking(HOME)
    assert tracking.run_tags(document["mlflow_run_id"])["assayline.verdict_hash"] == verdict.hash
    tags = tracking.version_tags(name_of(small_project), "1")
    assert tags["assayline.verdict_hash"] == verdict.hash
    changed = json.loads((folder / "verdict.json").read_text())
    changed["core"]["wear"] = 2
    with pytest.raises(ValueError, match="its core has"):
        VerdictDocument.parse(json.dumps(changed))


def test_the_same_inputs_give_the_same_verdict_hash_in_another_project_home(
    assayline, tmp_path, monkeypatch
):
    hashes = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        path = write_small(tmp_path / place, name="same-hash")
        monkeypatch.setenv("ASSAYLINE_HOME", str(tmp_path / place / "home"))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / place}/mlflow.db")
        hashes.append(assayline(path)[1]["verdict_hash"])
    assert hashes[0] == hashes[1]


def test_a_run_that_another_overtakes_judges_again_against_the_new_champion(
    assayline, tmp_path, monkeypatch
):
    from flows.runs import decider

    path = write_small(tmp_path, name="overtaken")
    assayline(path)
    assayline(path, "--set", "gate.min_gain=0.3", "--set", "training.class_weight=balanced")
    assert open_tracking(HOME).versions("overtaken") == ["1", "2"]
    write, seen = decider.write_verdict, []

    def write_while_another_promotes(context, refs, records, contest):
        seen.append(context.store.facts(*contest.champion.place)["version"])
        if len(seen) == 1:
            ledger = ledger_of(path)
            ledger.append(
                Draft(
                    "promote",
                    run_id="another",
                    candidate_version="2",
                    expected_champion="1",
                    to_version="2",
                    who="assayline",
                    why="it was faster",
                    when="now",
                )
            )
            settle_alias(open_tracking(HOME), ledger)
        return write(context, refs, records, contest)

    monkeypatch.setattr(decider, "write_verdict", write_while_another_promotes)
    write_small(tmp_path, name="overtaken", rows=small_rows(seed=1))
    _, document, _ = assayline(path)
    assert seen == ["1", "2"]
    names = [stage["name"] for stage in document["stages"]]
    assert len(names) == len(set(names)) == 11
    champion = VerdictDocument.read(Path(document["report"]).parent / "verdict.json").core
    assert champion["champion"] == "2"
    last = ledger_of(path).entries()[-1]
    assert (last.run_id, last.from_version) == (document["run_id"], "2")


def test_a_change_of_code_that_changes_nothing_does_not_reject_the_champion(
    assayline, small_project, monkeypatch
):
    from tasks import stage_keys

    assayline(small_project)
    monkeypatch.setattr(stage_keys, "code_digest", lambda stage: f"another {stage}")
    code, document, _ = assayline(small_project)
    assert (code, document["verdict"], document["candidate_version"]) == (0, "promote", "1")
    assert not any(stage["cached"] for stage in document["stages"][:5])
    assert open_tracking(HOME).versions(name_of(small_project)) == ["1"]


def test_a_run_that_is_overtaken_each_time_says_so_and_promotes_nothing(
    assayline, small_project, monkeypatch
):
    from flows.runs.decider import Decider

    turns = []
    monkeypatch.setattr(Decider, "act", lambda *_: bool(turns.append(1)))
    code, document, err = assayline(small_project)
    assert (code, document, len(turns)) == (6, None, 5)
    assert (
        f"other runs moved the champion of {name_of(small_project)} each of the 5 times that this "
        "run judged, so that it promoted nothing; run again"
    ) in err
    assert ledger_of(small_project).entries() == ()


def test_a_store_that_comes_back_is_asked_again(assayline, small_project, monkeypatch):
    from tasks import stages

    opened, calls = stages.open_ledger, []

    def away_at_first(*places):
        calls.append(places)
        if len(calls) == 1:
            raise UnavailableError("MLflow did not do its part")
        return opened(*places)

    monkeypatch.setattr(stages, "open_ledger", away_at_first)
    code, document, _ = assayline(small_project)
    assert (code, len(calls), document["champion_version"]) == (0, 2, "1")
    assert [entry.action for entry in ledger_of(small_project).entries()] == ["promote"]
