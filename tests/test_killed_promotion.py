"""Promotions that are killed at each of their steps, and two at once, over MLflow's real store.

The file is also a script: it forks a process for every step, kills it there with SIGKILL, and lets
a second process do what the next command does.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NEVER = 10_000
STEPS_TO_STOP = ("find_versions", "register", "add_entry", "set_champion", "complete_entry")


def test_killed_at_any_step_alias_and_ledger_agree_after_the_next_command():
    outcomes = script("kill")
    killed = [one for one in outcomes if one["killed_at"]]
    assert {one["killed_at"] for one in killed} == {
        f"{moment} {step}" for step in STEPS_TO_STOP for moment in ("before", "after")
    }
    assert outcomes[-1]["killed_at"] is None
    for one in outcomes:
        assert one["alias_after_repair"] == one["ledger_after_repair"], one
        assert one["alias_after_repair"] in {"1", "2"}, one
        # The same run, made again, ends where an undisturbed one does, and writes nothing twice.
        assert one["alias"] == one["ledger"] == "2", one
        assert one["actions"] == ["promote", "promote"], one
        assert one["versions"] == ["1", "2"], one
        assert one["complete"], one


def test_of_two_promotions_at_the_same_time_one_is_overtaken_and_promotes_nothing():
    for outcome in script("race"):
        assert sorted(outcome["standings"]) == ["overtaken", "promote"], outcome
        assert outcome["actions"] == ["promote", "promote"], outcome
        assert outcome["alias"] == outcome["ledger"] == outcome["winner"], outcome


def script(what):
    done = subprocess.run(
        [sys.executable, __file__, what], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    return lines


def kill_at_each_step():
    with tempfile.TemporaryDirectory() as temporary:
        seed = Path(temporary) / "seed"
        seed.mkdir()
        in_a_process(seed, lambda: promote(seed, "1", None, NEVER))
        for point in range(100):
            home = Path(temporary) / str(point)
            shutil.copytree(seed, home)
            killed_at, result = home / "killed_at", home / "result.json"
            in_a_process(home, lambda h=home, p=point: promote(h, "2", "1", p))
            in_a_process(home, lambda h=home, r=result: r.write_text(json.dumps(examine(h))))
            moment = killed_at.read_text() if killed_at.exists() else None
            found = {"killed_at": moment, **json.loads(result.read_text())}
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
            if moment is None:
                return


def race():
    """Three times two processes that promote another model each over the same champion."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        in_a_process(home, lambda: promote(home, "1", None, NEVER))
        for first in (2, 4, 6):
            serving = in_a_process_that_says(
                home, lambda: open_tracking(home).champion_version("p")
            )
            start = time.time() + 0.5
            rivals = {
                version: fork(home, lambda v=version, s=start, c=serving: late(home, v, c, s))
                for version in (str(first), str(first + 1))
            }
            for child in rivals.values():
                os.waitpid(child, 0)
            done = [json.loads((home / f"done-{version}.json").read_text()) for version in rivals]
            found = in_a_process_that_says(home, lambda: agreement(home))
            found["standings"] = [one["action"] for one in done]
            winners = [one["candidate_version"] for one in done if one["action"] == "promote"]
            found["winner"] = winners[0] if winners else None
            sys.stdout.write(json.dumps(found) + "\n")


def late(home, version, serving, start):
    time.sleep(max(0.0, start - time.time()))
    result = promote(home, version, serving, NEVER)
    (home / f"done-{version}.json").write_text(json.dumps(result.facts))


def agreement(home):
    tracking = open_tracking(home)
    ledger = open_ledger(home, tracking, "p")
    actions = [entry.action for entry in ledger.entries()][-2:]
    return {
        "alias": tracking.champion_version("p"),
        "ledger": ledger.champion(),
        "actions": actions,
    }


def in_a_process_that_says(home, work):
    answer = home / "answer.json"
    in_a_process(home, lambda: answer.write_text(json.dumps(work())))
    return json.loads(answer.read_text())


def in_a_process(home, work):
    """Do `work` in a process of its own; this one never opens the store."""
    _, status = os.waitpid(fork(home, work), 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(f"a step failed in {home}")


def fork(home, work):
    child = os.fork()
    if child == 0:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home / 'mlflow.db'}"
        failed = 1
        try:
            work()
            failed = 0
        finally:
            os._exit(failed)
    return child


def promote(home, version, serving, point):
    """What a run does with a verdict of `promote`; the process dies at its `point`-th moment."""
    registry = Killing(open_tracking(home), home, version, point)
    ledger = open_ledger(home, registry, "p")
    return act(decision(version, serving, ledger), registry, ledger, registry.register, sound)


def examine(home):
    """What the next command does, and then the same run again."""
    tracking = open_tracking(home)
    ledger = open_ledger(home, tracking, "p")
    repair_champion(tracking, ledger, "next", "later")
    after = {
        "alias_after_repair": tracking.champion_version("p"),
        "ledger_after_repair": ledger.champion(),
    }
    registry = Killing(tracking, home, "2", NEVER)
    again = decision("2", tracking.champion_version("p"), ledger)
    act(again, registry, ledger, registry.register, sound)
    return {
        **after,
        "alias": tracking.champion_version("p"),
        "ledger": ledger.champion(),
        "actions": [entry.action for entry in ledger.entries()],
        "versions": tracking.versions("p"),
        "complete": ledger.is_complete(ledger.last_move()),
    }


def sound(_):
    """Every version is what was judged: those here have no files."""


class Killing:
    """The store, with a moment before and after each step at which the process can die."""

    def __init__(self, tracking, home, identity, point):
        self.tracking, self.home, self.identity, self.left = tracking, home, identity, point

    def __getattr__(self, name):
        step = getattr(self.tracking, name)

        def moments(*words):
            self.moment(f"before {name}", name)
            done = step(*words)
            self.moment(f"after {name}", name)
            return done

        return moments

    def register(self):
        self.moment("before register", "register")
        client = mlflow.MlflowClient()
        with contextlib.suppress(mlflow.MlflowException):
            client.create_registered_model("p")
        made = client.create_model_version("p", "file:///model", tags={IDENTITY: self.identity})
        self.moment("after register", "register")
        return str(made.version)

    def moment(self, words, step):
        if step not in STEPS_TO_STOP:
            return
        if self.left == 0:
            (self.home / "killed_at").write_text(words)
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def decision(version, serving, ledger):
    return Decision(
        project="p",
        run_id=f"run of {version}",
        verdict="promote",
        reasons=("because",),
        verdict_hash=f"verdict {version}",
        identity=version,
        model_digest=version,
        test_version="t",
        wear=1.0,
        question=version,
        place=count_questions(ledger.entries(), version),
        rows="",
        epoch="1",
        spent="",
        basis=version,
        limits_hash="l",
        serving=serving,
        approval="auto",
        expires="",
        when="now",
        tags={IDENTITY: version},
    )


if __name__ == "__main__":
    import mlflow

    # Imported once here, not in each fork; only a fork opens a store.
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store

    from flows.runs.start import open_tracking
    from tasks.ledger import open_ledger
    from tasks.promotion import IDENTITY, Decision, act
    from tasks.serving import repair_champion
    from tasks.wear import count_questions

    {"kill": kill_at_each_step, "race": race}[sys.argv[1]]()
