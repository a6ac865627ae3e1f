"""Fleiss' kappa against statsmodels and Dawid-Skene against crowd-kit, on a million items.

Run as `python tests/benchmarks/label_agreement.py` (needs the extra `bench`, and Linux for the
memory); prints a Markdown table: medians of interleaved pairs of wall times and their ratio, the
peak of the resident memory that each adds to a process of its own, data included, and how far the
results lie apart. Targets: a tenth of the time for Fleiss' kappa, a quarter for Dawid-Skene.

Ours always gives Krippendorff's alpha too, and both by class; the second row adds their intervals
by 1,000 bootstrap replicates, which statsmodels does not have. Dawid-Skene runs the same three
rounds in both, from labels and annotators as whole numbers, once with the same five annotators for
every item, where items are labelled in few different ways, and once with five of 2,000 annotators
for each item, where nearly every item is one of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ITEMS, RATERS, CLASSES, PEOPLE, ROUNDS, PAIRS = 1_000_000, 5, 5, 2_000, 3, 5
MIB = 1024


def make_ratings(people: int, items: int) -> dict[str, np.ndarray]:
    """Labels of uneven classes by annotators who are right six to nine times of ten."""
    rng = np.random.default_rng(0)
    truth = rng.choice(CLASSES, items, p=np.arange(1, CLASSES + 1) / 15)
    # Neighbours in a circle of people: five different ones for each item.
    first = rng.integers(0, people, items) if people > RATERS else np.zeros(items, dtype=np.int64)
    annotator = (first[:, None] + np.arange(RATERS)) % people
    skill = np.linspace(0.6, 0.9, people)[annotator]
    right = rng.random((items, RATERS)) < skill
    label = np.where(right, truth[:, None], rng.integers(0, CLASSES, (items, RATERS)))
    item = np.repeat(np.arange(items), RATERS)
    return {"item": item, "label": label.ravel(), "annotator": annotator.ravel()}


def our_ratings(data: dict[str, np.ndarray]) -> Any:
    """The data as the product holds them."""
    from tasks.labels.ratings import Ratings

    return Ratings(
        item=data["item"],
        label=data["label"],
        annotator=data["annotator"],
        items=int(data["item"].max()) + 1,
        classes=tuple(str(number) for number in range(CLASSES)),
        annotators=tuple(str(number) for number in range(int(data["annotator"].max()) + 1)),
    )


def our_fleiss(data: dict[str, np.ndarray], replicates: int = 0) -> np.ndarray:
    """Fleiss' kappa, and all that comes with it."""
    from tasks.labels.agreement import measure_agreement

    ratings = our_ratings(data)
    found = measure_agreement(ratings.votes(), ratings.classes, seed=0, replicates=replicates)
    return np.array([found.fleiss.value])


def our_intervals(data: dict[str, np.ndarray]) -> np.ndarray:
    """The same with intervals."""
    return our_fleiss(data, replicates=1000)


def their_fleiss(data: dict[str, np.ndarray]) -> np.ndarray:
    """Fleiss' kappa by statsmodels."""
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    votes, _ = aggregate_raters(data["label"].reshape(-1, RATERS), n_cat=CLASSES)
    return np.array([fleiss_kappa(votes)])


def our_dawid_skene(data: dict[str, np.ndarray]) -> np.ndarray:
    """The probability of each class for each item."""
    from tasks.labels.consensus_dawid_skene import estimate_true_classes

    return estimate_true_classes(our_ratings(data), rounds=ROUNDS, tolerance=-1e9).posterior


def their_dawid_skene(data: dict[str, np.ndarray]) -> np.ndarray:
    """The same by crowd-kit."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    frame = pd.DataFrame(
        {"task": data["item"], "worker": data["annotator"], "label": data["label"]}
    )
    found = DawidSkene(n_iter=ROUNDS, tol=-1e9).fit(frame).probas_
    return found.sort_index().reindex(columns=range(CLASSES)).to_numpy()


WORK = {
    "Fleiss' kappa": (our_fleiss, their_fleiss, "statsmodels", RATERS),
    "Fleiss' kappa with intervals": (our_intervals, their_fleiss, "statsmodels", RATERS),
    "Dawid-Skene, 5 annotators": (our_dawid_skene, their_dawid_skene, "crowd-kit", RATERS),
    "Dawid-Skene, 2,000 annotators": (our_dawid_skene, their_dawid_skene, "crowd-kit", PEOPLE),
}


def kibibytes(field: str) -> int:
    """Resident memory of this process: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def measure_memory(what: str, whose: int, path: str) -> None:
    """In a process of its own: print what data and work add, in KiB."""
    work = WORK[what][whose]
    work(make_ratings(WORK[what][3], PEOPLE))
    before = kibibytes("VmRSS")
    work(dict(np.load(path)))
    print(kibibytes("VmHWM") - before)


def peak_memory(what: str, whose: int, path: Path) -> float:
    """What `measure_memory` printed, in MiB."""
    command = [sys.executable, __file__, what, str(whose), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / MIB


def seconds(work: Callable[[dict[str, np.ndarray]], object], data: dict[str, np.ndarray]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work(data)
    return time.perf_counter() - start


def main() -> None:
    """Time the pairs, measure the memory, and print the rows."""
    print(
        "| what | items | results differ by at most | ours, s | peer, s | median ratio (range) ",
        end="",
    )
    print("| ours, MiB | peer, MiB | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |")
    for what, (ours, theirs, peer, people) in WORK.items():
        data = make_ratings(people, ITEMS)
        apart = float(np.abs(ours(data) - theirs(data)).max())
        pairs = [(seconds(ours, data), seconds(theirs, data)) for _ in range(PAIRS)]
        ratios = sorted(first / second for first, second in pairs)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ratings.npz"
            np.savez(path, **data)
            memory = [peak_memory(what, whose, path) for whose in (0, 1)]
        print(
            f"| {what} / {peer} | {ITEMS:,} | {apart:.0e} "
            f"| {statistics.median(a for a, _ in pairs):.2f} "
            f"| {statistics.median(b for _, b in pairs):.2f} "
            f"| {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}) "
            f"| {memory[0]:.0f} | {memory[1]:.0f} | {memory[0] / memory[1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure_memory(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    else:
        main()
