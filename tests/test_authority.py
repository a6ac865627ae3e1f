"""Who may change what a verdict rests on: the project file, or a signature that names it."""

import uuid

import pytest
from conftest import SMALL, name_of, write_small

from flows.cli import main
from tasks.approval import Signature, settle
from tasks.ledger import Ledger
from tasks.project import Project, load_project
from tasks.project.authority import FREE, bound_settings, limits, unsigned
from tasks.promotion import Decision, act

FILE = SMALL + "approval: {mode: approve, owner: head of risk}\n"


@pytest.fixture
def binding(tmp_path):
    """The overrides that bind, of those that a run of a project file is given."""

    def found(*overrides, text=FILE):
        path = tmp_path / "project.yaml"
        path.write_text(text)
        return load_project(path, overrides).binding

    return found


@pytest.mark.parametrize(
    "override",
    [
        "approval.mode=auto",
        "approval={mode: auto}",
        "approval.expires_days=300",
        "gate.intent=refresh",
        "gate.margin=0.5",
        "gate.max_wear=500",
        "audit.floors=[{metric: roc_auc, minimum: 0.1}]",
        "baselines.min_overfit_accuracy=0.0",
        "leakage.max_single_feature_auc=1.0",
        "leakage.accept={age: it is fine}",
        "validation.min_rows=1",
        "labels.max_issue_share=1.0",
        "split.epoch=2",
        "split={train: 0.5, dev: 0.2, test: 0.3}",
        "slices=[]",
        "features.exclude={age: it is fine}",
        "source.on_misfit=quarantine",
        "seed=4",
        "name=other",
        "training.metric=accuracy",
        "training={metric: accuracy}",
        "error_analysis.tolerance=4",
    ],
)
def test_what_can_block_choose_or_sign_is_bound(binding, override):
    assert binding("description=words", override) == (override,)


@pytest.mark.parametrize(
    "override",
    [
        "description=words",
        "training.search_trials=3",
        "training.class_weight=balanced",
        "error_analysis.min_rows=11",
        "notify={webhook: a}",
        "retention.days=3",
        "schedule={on_alarm: true}",
    ],
)
def test_another_model_or_none_is_free(binding, override):
    assert binding(override) == ()


def test_what_the_file_says_already_is_no_change(binding):
    assert binding("approval.mode=approve", "gate.replicates=300", "split.epoch=1") == ()


def test_an_override_that_another_takes_back_is_no_change(binding):
    assert binding("gate.margin=0.5", "gate.margin=0.01") == ()


def test_a_file_that_is_no_project_by_itself_binds_what_completes_it(binding):
    assert binding("target=bought", "description=x", text=FILE.replace("target: bought\n", "")) == (
        "target=bought",
    )


def test_a_section_that_nobody_thought_of_is_bound():
    """What is free is listed; every other section of the project file is bound."""
    free = set(FREE)
    assert free < set(Project.model_fields)
    bound = {name.partition(".")[0] for name in bound_settings(project())}
    assert bound == (set(Project.model_fields) - free) | {"training", "error_analysis"}


def project(**values):
    return Project.model_validate({"name": "p", "source": "d.csv", "target": "y", **values})


@pytest.mark.parametrize(
    "values",
    [
        {"leakage": {"max_single_feature_auc": 1.0}},
        {"baselines": {"min_overfit_accuracy": 0.0}},
        {"validation": {"min_rows": 1}},
        {"labels": {"max_issue_share": 1.0}},
        {"approval": {"mode": "approve"}},
        {"source": {"path": "d.csv", "max_misfit_share": 0.5}},
        {"training": {"metric": "accuracy"}},
    ],
)
def test_the_limits_cover_every_section_that_can_block(values):
    assert limits(project(**values)) != limits(project())


def test_another_file_seed_or_name_is_no_other_limit():
    assert limits(project(source="e.csv", seed=3, name="q")) == limits(project())


REFRESH = ("gate.intent=refresh",)


def test_an_alarm_retrains_where_the_file_declares_it():
    own = project(schedule={"on_alarm": True})
    assert unsigned(REFRESH, own, intent="refresh", by_automation=True) == ()
    more = (*REFRESH, "gate.margin=0.5")
    assert unsigned(more, own, intent="refresh", by_automation=True) == ("gate.margin=0.5",)


@pytest.mark.parametrize(
    ("declared", "intent", "by_automation"),
    [({"on_new_data": True}, "refresh", True), ({"on_alarm": True}, "refresh", False)],
)
def test_a_person_or_an_alarm_that_nothing_declares_makes_a_trial(declared, intent, by_automation):
    own = project(schedule=declared)
    assert unsigned(REFRESH, own, intent=intent, by_automation=by_automation) == REFRESH


def test_a_run_whose_file_is_no_project_is_authorised_by_nothing():
    assert unsigned(REFRESH, None, intent="refresh", by_automation=True) == REFRESH


class Registry:
    """Version 1 is registered when it is asked for."""

    def __init__(self):
        self.champion, self.tags = None, {}

    def champion_version(self, _):
        return self.champion

    def set_champion(self, _, version):
        self.champion = version

    def version_tags(self, *_):
        return self.tags

    def tag_version(self, *_):
        pass

    def find_versions(self, *_):
        return []


@pytest.fixture
def trial(ledger):
    """A ledger in which a trial waits for its signature."""
    registry = Registry()
    tried = Decision(
        project="p",
        run_id="r",
        verdict="promote",
        reasons=("because",),
        verdict_hash="0123456789",
        identity="t",
        model_digest="m",
        test_version="v",
        wear=1.0,
        question="m",
        place=1,
        rows="",
        epoch="1",
        spent="",
        basis="b",
        limits_hash="l",
        serving=None,
        approval="auto",
        expires="2026-02-01T00:00:00+00:00",
        when="2026-01-01T00:00:00+00:00",
        tags={},
        overrides=("gate.margin=0.5", "approval.mode=auto"),
    )
    result = act(tried, registry, ledger, lambda: "1", lambda _: None)
    assert result.facts["action"] == "pending"
    assert registry.champion is None
    assert ledger.pending().overrides == tried.overrides
    return ledger, registry


def sign(trial, *overrides, decision="approve"):
    ledger, registry = trial
    pending = ledger.pending()
    signature = Signature(
        run_id=pending.run_id,
        asked_as=pending.run_id,
        decision=decision,
        name="ann",
        reason="a real gain",
        verdict=pending.verdict_hash[:8],
        overrides=overrides,
    )
    same = "same"
    return settle(
        signature,
        ledger,
        registry,
        lambda _: (_Same(same), _Same(same)),
        "2026-01-02T00:00:00+00:00",
    )


class _Same:
    """A subject of which nothing changed."""

    page = problem = ""

    def __init__(self, value):
        self.value = value

    def __getattr__(self, _):
        return self.value


class TestASignatureOfATrial:
    @pytest.mark.parametrize("named", [(), ("gate.margin=0.5",), ("gate.margin=0.4",)])
    def test_that_does_not_name_each_change_signs_nothing(self, trial, named):
        done = sign(trial, *named)
        assert done.outcome == "unsigned"
        assert "this one lacks " in done.sentence
        assert "--set approval.mode=auto" in done.sentence
        assert trial[1].champion is None

    def test_that_names_another_one_signs_nothing(self, trial):
        done = sign(trial, "gate.margin=0.5", "approval.mode=auto", "seed=1")
        assert done.outcome == "unsigned"
        assert "and not with seed=1" in done.sentence

    def test_that_names_them_promotes_and_is_recorded_with_them(self, trial):
        done = sign(trial, "approval.mode=auto", "gate.margin=0.5")
        assert done.outcome == "approved"
        assert done.entry.overrides == ("gate.margin=0.5", "approval.mode=auto")
        assert trial[1].champion == "1"

    def test_a_refusal_needs_to_name_none(self, trial):
        assert sign(trial, decision="refuse").outcome == "refused"


def test_a_run_that_takes_the_signature_out_waits_for_one(assayline, tmp_path, request, capsys):
    """The project file asks for a signature; a run that says it need not has none either."""
    path = write_small(tmp_path, name_of(request), FILE)
    code, run, _ = assayline(path, "--set=approval.mode=auto", "--set=training.search_trials=3")
    assert (code, run["standing"], run["trial"]) == (5, "pending", ["approval.mode=auto"])
    assert "judged in a trial, and waits for a signature" in run["sentence"]
    page = (tmp_path / run["report"]).read_text()
    assert "This run is a trial" in page
    assert "approval.mode=auto, training.search_trials=3" in page
    words = ["approve", run["run_id"], "--project", str(path), "--name", "ann", "--reason", "good"]
    words += ["--verdict", run["verdict_hash"][:8]]
    assert main(words) == 2
    assert "this one lacks approval.mode=auto" in capsys.readouterr().err
    assert main([*words, "--set", "approval.mode=auto"]) == 0


def test_the_ledger_of_a_trial_keeps_its_chain(trial):
    ledger, _ = trial
    again = Ledger(ledger.store, ledger.project, ledger.mirror.with_name("other.jsonl"))
    assert again.entries()[0].overrides == ("gate.margin=0.5", "approval.mode=auto")


@pytest.mark.parametrize("by_automation", [True, False])
def test_a_run_knows_whether_an_automation_started_it(prefect_server, by_automation):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow

    from flows.runs.start import _started_by_automation

    @flow
    def probe() -> bool:
        return _started_by_automation()

    headers = {"Prefect-Automation-ID": str(uuid.uuid4()), "Prefect-Automation-Name": "YWxhcm0="}
    with get_client(sync_client=True) as client:
        about = {"flow_id": str(client.create_flow(probe)), "state": {"type": "PENDING"}}
        answer = client._client.post(
            "/flow_runs/", json=about, headers=headers if by_automation else {}
        )
        made = client.read_flow_run(answer.json()["id"])
    assert run_flow(probe, flow_run=made) is by_automation
