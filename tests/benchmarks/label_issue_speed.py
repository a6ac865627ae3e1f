"""Finding and ranking label issues in a million rows, against cleanlab's `find_label_issues`.

Run as `python tests/benchmarks/label_issue_speed.py` (needs cleanlab, the extra `bench`, and
Linux for the memory); prints one row of a Markdown table: the median, over interleaved pairs, of
the ratio of wall times (target: 0.5 or less), and the peak of the resident memory that each adds to
a process of its own, labels and probabilities included (target: 0.5 or less). Both flag by the same
rule, confident learning, and the table says in how many rows they differ (target: none).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROWS, CLASSES, PAIRS = 1_000_000, 10, 5
MIB = 1024


def make_labels() -> tuple[np.ndarray, np.ndarray]:
    """Classes of uneven size, 5 % wrong labels, and probabilities of a middling model."""
    rng = np.random.default_rng(0)
    shares = np.linspace(1, 4, CLASSES)
    true = rng.choice(CLASSES, ROWS, p=shares / shares.sum())
    wrong = rng.random(ROWS) < 0.05
    given = np.where(wrong, rng.integers(0, CLASSES, ROWS), true)
    scores = rng.normal(size=(ROWS, CLASSES))
    scores[np.arange(ROWS), true] += 3.5
    probabilities = np.exp(scores)
    return given.astype(np.int64), probabilities / probabilities.sum(axis=1, keepdims=True)


def ours() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Positions of the issues, the worst first."""
    from tasks.labels.issues import class_thresholds, find_issues

    return lambda given, p: find_issues(given, p, class_thresholds(given, p)).ranked()


def cleanlab() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The same by cleanlab."""
    from cleanlab.filter import find_label_issues

    return lambda given, p: find_label_issues(
        given, p, filter_by="confident_learning", return_indices_ranked_by="self_confidence"
    )


FINDERS = {"ours": ours, "cleanlab": cleanlab}


def kibibytes(field: str) -> int:
    """Resident memory of this process: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def measure_memory(name: str, folder: Path) -> None:
    """In a process of its own: print what labels, probabilities and work add, in KiB."""
    find = FINDERS[name]()
    find(np.array([0, 1, 0, 1]), np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6]]))
    before = kibibytes("VmRSS")
    find(np.load(folder / "given.npy"), np.load(folder / "probabilities.npy"))
    print(kibibytes("VmHWM") - before)


def peak_memory(name: str, folder: Path) -> float:
    """What `measure_memory` printed, in MiB."""
    command = [sys.executable, __file__, name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / MIB


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Time the pairs, measure the memory, and print the row."""
    given, probabilities = make_labels()
    mine, theirs = ours(), cleanlab()
    found, peer = mine(given, probabilities), theirs(given, probabilities)
    differ = len(np.setxor1d(found, peer))
    pairs = [
        (seconds(lambda: mine(given, probabilities)), seconds(lambda: theirs(given, probabilities)))
        for _ in range(PAIRS)
    ]
    ratios = sorted(first / second for first, second in pairs)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "given.npy", given)
        np.save(Path(folder) / "probabilities.npy", probabilities)
        memory = {name: peak_memory(name, Path(folder)) for name in FINDERS}
    print("| what | rows x classes | flagged | rows that differ | ours, s | cleanlab, s ", end="")
    print("| median ratio (range) | ours, MiB | cleanlab, MiB | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |")
    print(
        f"| label issues | {ROWS:,} x {CLASSES} | {len(found):,} | {differ} "
        f"| {statistics.median(a for a, _ in pairs):.2f} "
        f"| {statistics.median(b for _, b in pairs):.2f} "
        f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) "
        f"| {memory['ours']:.0f} | {memory['cleanlab']:.0f} "
        f"| {memory['ours'] / memory['cleanlab']:.2f} |"
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure_memory(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
