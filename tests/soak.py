"""The soak: scheduled runs at short intervals, and random kills of worker, server and flow run.

`python tests/soak.py --runs 200` (make soak); tests/test_soak.py is the short form. It holds
`assayline up` to this: each time of the schedule has one flow run, which has ended; a flow run did
its work once; the ledger is whole; what retention allows is all that is left; memory and files do
not grow.
"""

import argparse
import collections
import contextlib
import datetime
import itertools
import json
import random
import re
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from conftest import small_rows
from served import Served

from flows.services.flow_processes import flow_processes

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
KEPT = 12
PATIENCE = 300
"""Seconds in which some run changes its state, on however slow a machine."""
PROJECT = f"""
schedule: {{interval_minutes: 527040, late: all, overlap: queue}}
retention: {{runs: {KEPT}}}
"""
"""Its own times are a year apart: the soak adds a schedule that ends."""


class Soak:
    """A home under `up`, what was killed, and what was measured meanwhile."""

    def __init__(self, folder, interval, seed):
        self.place = Served(folder, "soaked", PROJECT)
        self.interval = interval
        self.random = random.Random(seed)
        self.kills = collections.Counter()
        self.samples = []
        self.last = []

    def run(self, runs, kill_every, change_every):
        """Let that many scheduled runs come due and end, with a kill and new data now and then."""
        with self.place.up(words=("--prune-minutes", "1")) as up:
            self.schedule(runs)
            next_kill, next_change = 2, 3
            progress = Progress()
            while True:
                time.sleep(1)
                states = self.states()
                ended = sum(state in FINAL for state in states)
                if ended == runs:
                    break
                progress.expect(self.last)
                self.sample(up, ended)
                if ended >= next_change:
                    self.change_data(ended)
                    next_change = ended + change_every
                if next_kill <= ended < runs - 2 and self.kill(up):
                    next_kill = ended + kill_every
            self.told = list(up.told)
            self.check_runs(runs)
        self.check_ledger()
        self.check_files()

    def schedule(self, runs):
        """Add a schedule of that many times, as one adds it in the UI.

        It ends by itself: a machine that is slower than the interval has a queue of that length
        and no longer one, and nothing has to be paused while runs are on their way.
        """
        begins = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=10)
        times = f"FREQ=SECONDLY;INTERVAL={self.interval};COUNT={runs}"
        rule = f"DTSTART:{begins:%Y%m%dT%H%M%S}\nRRULE:{times}"
        added = {"schedule": {"rrule": rule, "timezone": "UTC"}, "active": True, "slug": "soak"}
        self.place.ask(f"/deployments/{self.place.deployment()['id']}/schedules", [added])

    def states(self):
        """The state types of the scheduled runs that were due."""
        with contextlib.suppress(httpx.HTTPError):  # the server is being started again
            self.last = self.place.flow_runs()
        return [run["state_type"] for run in self.last]

    def kill(self, up):
        """Kill one of the processes at random; False where there was none of that kind."""
        kind = self.random.choice(("worker", "server", "flow run", "flow run"))
        modules = {"worker": "flows.services.worker", "server": "flows.services.server"}
        if kind == "flow run":
            # Not one that has just ended, and whose process is about to.
            at_work = dict(flow_processes(self.place.home))
            running = [run["id"] for run in self.last if run["state_type"] == "RUNNING"]
            victims = [at_work[run] for run in running if run in at_work]
        else:
            children = psutil.Process(up.pid).children()
            victims = [child for child in children if modules[kind] in child.cmdline()]
        time.sleep(self.random.uniform(0, 2))
        for victim in victims[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
                self.kills[kind] += 1
                return True
        return False

    def change_data(self, seed):
        """Other rows, so that there is something to judge and to write into the ledger."""
        path = self.place.project.with_name("rows.csv")
        part = path.with_suffix(".part")
        small_rows(seed=seed).to_csv(part, index=False)
        part.replace(path)

    def sample(self, up, ended):
        family = [psutil.Process(up.pid), *psutil.Process(up.pid).children()]
        memory = {}
        for process in family:
            with contextlib.suppress(psutil.Error):
                memory[name_of(process)] = process.memory_info().rss / 2**20
        runs = self.place.home / "runs"
        folders = len(list(runs.iterdir())) if runs.is_dir() else 0
        self.samples.append({"ended": ended, "memory": memory, "runs": folders})

    def check_runs(self, wanted):
        runs = self.last
        assert len(runs) == wanted, [run["expected_start_time"] for run in runs]
        twice = collections.Counter(run["expected_start_time"] for run in runs)
        assert max(twice.values()) == 1, twice
        crashed = [run for run in runs if run["state_type"] == "CRASHED"]
        assert len(crashed) <= self.kills["flow run"], [run["state"] for run in crashed]
        failed = [run for run in runs if run["state_type"] in ("FAILED", "CANCELLED")]
        assert not failed, [run["state"] for run in failed]
        gaps = missing(runs)
        assert not gaps, gaps
        # A flow run that did its work twice would have two finished journals.
        finished = [j for j in self.place.journals() if j["status"] == "finished"]
        done = collections.Counter(journal["prefect_flow_run_id"] for journal in finished)
        assert max(done.values()) == 1, done
        assert not [j for j in self.place.journals() if j["status"] == "running"]
        assert not list((self.place.home / "present").iterdir())

    def check_ledger(self):
        done = self.place.run("history", self.place.project, "--verify", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        entries = (self.place.home / "ledger" / "soaked.jsonl").read_text().splitlines()
        sequences = [json.loads(line)["sequence"] for line in entries]
        assert sequences == list(range(1, len(entries) + 1))
        judged = collections.Counter(json.loads(line)["run_id"] for line in entries)
        assert max(judged.values()) == 1, judged

    def check_files(self):
        done = self.place.run("prune", self.place.project)
        assert done.returncode == 0, done.stderr
        named = {
            json.loads(line)["run_id"]
            for line in (self.place.home / "ledger" / "soaked.jsonl").read_text().splitlines()
        }
        kept = {path.name for path in (self.place.home / "runs").iterdir()}
        assert len(kept - named) <= KEPT, sorted(kept - named)
        left = [str(path) for path in self.place.home.rglob(".*") if path.is_dir()]
        assert not left, left

    def report(self):
        print(f"kills: {dict(self.kills)}")
        states = collections.Counter(run["state"]["name"] for run in self.last)
        print(f"flow runs by state: {dict(states)}")
        third = max(len(self.samples) // 3, 1)
        for name in sorted({name for sample in self.samples for name in sample["memory"]}):
            early = [s["memory"][name] for s in self.samples[:third] if name in s["memory"]]
            late = [s["memory"][name] for s in self.samples[-third:] if name in s["memory"]]
            if early and late:
                print(
                    f"memory of {name}: {statistics.median(early):.0f} MiB in the first third, "
                    f"{statistics.median(late):.0f} MiB in the last"
                )
        print(f"run folders: {[s['runs'] for s in self.samples[:: max(third // 3, 1)]]}")
        for path in sorted(self.place.home.iterdir()):
            files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
            size = sum(file.stat().st_size for file in files) / 2**20
            print(f"{path.name}: {len(files)} files, {size:.1f} MiB")


class Progress:
    """Fails where no run changed its state for too long: only that shows a queue that is stuck."""

    def __init__(self):
        self.seen, self.since = None, time.monotonic()

    def expect(self, runs):
        states = [(run["id"], run["state_name"]) for run in runs]
        if states != self.seen:
            self.seen, self.since = states, time.monotonic()
        assert time.monotonic() < self.since + PATIENCE, f"no run goes on: {states}"


def missing(runs):
    """The times between the first and the last run at which the schedule has none."""
    times = [datetime.datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    steps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    usual = statistics.median(steps)
    return [(str(times[n]), step) for n, step in enumerate(steps) if step > 1.5 * usual]


def name_of(process):
    words = " ".join(process.cmdline())
    found = re.search(r"flows\.services\.(\w+)", words)
    return found.group(1) if found else "up"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--interval", type=int, default=12, help="seconds")
    parser.add_argument("--kill-every", type=int, default=7, help="ended runs between kills")
    parser.add_argument("--change-every", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assayline-soak-") as folder:
        soak = Soak(Path(folder) / "soak", options.interval, options.seed)
        try:
            soak.run(options.runs, options.kill_every, options.change_every)
        finally:
            soak.report()


if __name__ == "__main__":
    main()
