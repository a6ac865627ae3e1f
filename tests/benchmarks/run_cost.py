"""What a run costs beside a plain script: whole processes, interleaved, medians of five pairs.

Prints one table row a comparison: wall time, and processor time of all processes, as ratios.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flows.services.server import free_port, start_server

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "data" / "hmda_boston" / "project.yaml"
PEER = [sys.executable, str(Path(__file__).with_name("plain_mortgages.py"))]
RUN = [sys.executable, "-m", "flows.cli", "run", str(PROJECT), "--quiet", "--json"]
PAIRS = 5


def timed(command, home=None, api=None):
    """Wall seconds and processor seconds of a command and all that it started."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    environment = {**clean, "OMP_NUM_THREADS": "1"}
    if home:
        environment["ASSAYLINE_HOME"] = str(home)
    if api:
        environment["PREFECT_API_URL"] = api
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def row(name, pairs):
    wall = [ours[0] / peer[0] for ours, peer in pairs]
    cpu = [ours[1] / peer[1] for ours, peer in pairs]
    seconds = statistics.median(ours[0] for ours, _ in pairs)
    print(
        f"| {name} | {statistics.median(wall):.2f} ({min(wall):.2f} to {max(wall):.2f}) "
        f"| {statistics.median(cpu):.2f} | {seconds:.1f} s |",
        flush=True,
    )


def main():
    print("| comparison | wall ratio (min to max) | CPU ratio | median wall |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        cold, again, up = [], [], []
        for number in range(PAIRS):
            home = Path(folder) / f"cold-{number}"
            peer = timed(PEER)
            first = timed(RUN, home)
            cold.append((first, peer))
            again.append((timed(RUN, home), first))
            shutil.rmtree(home)
        row("first run, no server up / plain script", cold)
        row("second, unchanged run / first run", again)
        server = start_server(Path(folder) / "server", free_port(), parent=os.getpid())
        server.wait_until_ready()
        for number in range(PAIRS):
            peer = timed(PEER)
            home = Path(folder) / f"up-{number}"
            up.append((timed(RUN, home, server.api_url), peer))
            shutil.rmtree(home)
        row("first run, server up / plain script", up)
        server.stop()
    helps = [timed([sys.executable, "-m", "flows.cli", "--help"])[1] for _ in range(PAIRS)]
    print(f"| `assayline --help` | | {statistics.median(helps):.2f} s of CPU | |")


if __name__ == "__main__":
    main()
