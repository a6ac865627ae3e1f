"""Label consistency and baselines on 100,000 rows x 29 columns with 8 classes: time and memory.

Run as `python tests/benchmarks/labels_at_scale.py [ROWS]`. The table is made: 28 features (16
numbers, of which two are whole numbers of few values and three have missing cells, and 12
categories of 3 to 5,000 levels) and a label of 8 classes, of which the rarest has 2 % of the rows
and 3 % of all labels are wrong. Each stage runs in a process of its own. Prints, for each: wall
time, processor time, the peak memory of the process above the loaded table, and what the stage says
it sampled (aim: both together within three minutes on two cores).
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.baselines import measure_baselines
from tasks.labels.stage import check_labels
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project

ROWS, CLASSES = 100_000, 8
SHARES = [0.3, 0.22, 0.15, 0.11, 0.09, 0.07, 0.04, 0.02]
LEVELS = [3, 4, 6, 8, 10, 15, 25, 60, 120, 300, 1_000, 5_000]
WRONG = 0.03
SEED = 5


def table(rows: int) -> pd.DataFrame:
    """The table, its labels told in part by half of the columns of each kind."""
    random = np.random.default_rng(SEED)
    true = random.choice(CLASSES, size=rows, p=SHARES)
    columns: dict[str, object] = {}
    for place in range(16):
        told = random.normal(size=CLASSES)[true] if place % 2 == 0 else 0.0
        numbers = told + random.normal(scale=1.5, size=rows)
        if place in (3, 4):
            numbers = np.round(numbers)
        if place in (5, 6, 7):
            numbers[random.random(rows) < 0.05] = np.nan
        columns[f"n{place:02d}"] = numbers
    for place, levels in enumerate(LEVELS):
        draws = (random.pareto(1.0, size=rows) * levels / 20).astype(int) % levels
        if place % 2 == 0:
            draws = np.where(random.random(rows) < 0.3, true * 7 % levels, draws)
        columns[f"c{place:02d}"] = pd.Series(draws).map("v{:04d}".format).astype("str").to_numpy()
    shown = np.where(random.random(rows) < WRONG, random.integers(CLASSES, size=rows), true)
    columns["label"] = pd.Series(shown).map("class {}".format).astype("str").to_numpy()
    index = pd.Index([f"{n:08d}" for n in range(rows)], name="row_key")
    frame = pd.DataFrame(columns, index=index)
    return frame.astype({n: "str" for n in columns if n[0] in "cl"})


def sides(frame: pd.DataFrame) -> pd.DataFrame:
    """60 % train, 20 % dev, 20 % test; each row a unit."""
    draw = np.random.default_rng(SEED + 1).random(len(frame))
    side = np.select([draw < 0.6, draw < 0.8], ["train", "dev"], "test")
    return pd.DataFrame({"side": side, "unit": frame.index}, index=frame.index)


def roles_of(frame: pd.DataFrame) -> Roles:
    """All columns but the label are features."""
    return Roles(
        target="label",
        numeric=tuple(n for n in frame if n[0] == "n"),
        categorical=tuple(n for n in frame if n[0] == "c"),
    )


def run_stage(name: str, rows: int) -> None:
    """Run one stage, and print its row of the table."""
    frame = table(rows)
    split, roles = sides(frame), roles_of(frame)
    project = Project(name="scale", source="scale.csv", target="label")
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if name == "label consistency":
        result = check_labels(Dataset(frame, split, roles), project)
    else:
        result = measure_baselines(Dataset(frame, split, roles), project, None)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = (after.ru_maxrss - before.ru_maxrss) / 1024
    print(f"| {name} | {rows:,} | {wall:.0f} | {cpu:.0f} | {memory:.0f} | {result.summary} |")


def main() -> None:
    """Each stage in a process of its own."""
    if len(sys.argv) > 2:
        run_stage(sys.argv[2], int(sys.argv[1]))
        return
    rows = sys.argv[1] if len(sys.argv) > 1 else str(ROWS)
    print("| stage | rows | wall, s | CPU, s | peak above the table, MiB | summary |")
    print("| --- | ---: | ---: | ---: | ---: | --- |", flush=True)
    for name in ("label consistency", "baselines"):
        subprocess.run([sys.executable, __file__, rows, name], check=True)


if __name__ == "__main__":
    main()
