"""What `assayline up` costs: idle, and for a run under it beside the same run without it.

Prints a table of ratios (unchanged runs of the mortgage project, whole processes, interleaved,
medians of five pairs), then processor time and memory of each process of an idle `up`.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from run_cost import PROJECT, RUN, row, timed

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from served import ENDS, Served

PAIRS = 5
IDLE_SECONDS = 60


def by_worker(place):
    """Seconds from asking for a run, as the form does, to its end."""
    began = time.perf_counter()
    flow_run = place.start_run()
    while place.flow_run(flow_run)["state"]["type"] not in ("COMPLETED", "FAILED", "CRASHED"):
        time.sleep(0.1)
    return time.perf_counter() - began


def idle(up):
    """For each process of `up`: its part of a core, and its own share of memory in MiB."""
    family = {}
    for process in (psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)):
        words = " ".join(process.cmdline())
        module = next((w for w in words.split() if w.startswith("flows.services.")), "")
        family[module.rpartition(".")[2] or "up"] = process
    before = {name: sum(p.cpu_times()[:2]) for name, p in family.items()}
    time.sleep(IDLE_SECONDS)
    found = {}
    for name, process in family.items():
        spent = sum(process.cpu_times()[:2]) - before[name]
        found[name] = (spent / IDLE_SECONDS, process.memory_full_info().pss / 2**20)
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = Served(Path(folder) / "up", "unused")
        del place.environment["PREFECT_WORKER_QUERY_SECONDS"]  # as a user has it
        place.name, place.project = "hmda-boston", PROJECT
        alone = Path(folder) / "alone"
        with place.up() as up:
            time.sleep(20)
            shares = idle(up)
            place.wait(place.start_run(), *ENDS)
            timed(RUN, alone)
            under, waited = [], []
            for _ in range(PAIRS):
                embedded = timed(RUN, alone)
                under.append((timed(RUN, place.home, place.api), embedded))
                waited.append((by_worker(place), embedded[0]))
    print("| unchanged run of the mortgages | wall ratio (min to max) | CPU ratio | median wall |")
    print("| --- | --- | --- | --- |")
    row("under `up` / with a server of its own", under)
    ratios = [ours / peer for ours, peer in waited]
    print(
        "| by the worker of `up`, from asking to its end / with a server of its own "
        f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | "
        f"| {statistics.median(ours for ours, _ in waited):.1f} s |"
    )
    print(f"\n| idle for {IDLE_SECONDS} s | of a core | memory (PSS) |\n| --- | ---: | ---: |")
    for name, (share, memory) in shares.items():
        print(f"| {name} | {share:.1%} | {memory:.0f} MiB |")
    total = [sum(values) for values in zip(*shares.values(), strict=True)]
    print(f"| all | {total[0]:.1%} | {total[1]:.0f} MiB |")


if __name__ == "__main__":
    main()
