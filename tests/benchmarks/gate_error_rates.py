"""How often the gate errs, against truths that are known: wrong promotions, power, slow slides.

Every verdict comes from `tasks.gate.stage.weigh`, the code that a run decides by. Two models are
drawn together, row by row, from the eight cells of (label, champion's answer, candidate's answer),
whose probabilities give the difference wanted exactly; the script checks that by the formulas of
the metrics. A point comparison stands beside the gate: it promotes a candidate whose value is no
lower than the champion's, for `refresh` no lower by more than the margin.

Prints Markdown tables. Exits 1 when a rate of wrong promotions, or of slides that the anchor let
through, is surely above 5 %: when the lower 95 % Clopper-Pearson bound of the simulation is.
"""

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import beta

from tasks.checks import Check
from tasks.gate.contest import Contest, Opponent
from tasks.gate.stage import Case, weigh
from tasks.metrics import metric_value
from tasks.project.sections import Project
from tasks.wear import Wear

REPLICATES = 2000
BATCH = 100
SIZES = (200, 1000, 5000)
MARGIN, GAIN, BUDGET, STEPS = 0.01, 0.02, 0.02, 5
ALLOWED, ROUNDING = 0.05, 1e-12
NAMES = {"accuracy": "accuracy", "f1": "F1, 12 % positives"}
WORDS = pd.array(["no", "yes"], dtype="str")
PASSED = Check(
    id="performance_audit.passed", stage="performance_audit", title="Passed", severity="critical",
    outcome="passed", detail="All earlier checks passed.",
)  # fmt: skip
# Accuracy: half the rows are of the class, the champion has 85 % right, 8 % of the rows have one
# model right and the other wrong. F1: 12 % are of the class, and the champion finds 70 % of them
# with 70 % precision; of the whole, 2 % are found by one model alone, and 2 % are false alarms of
# one model alone.
RIGHT, DISCORDANT = 0.85, 0.08
POSITIVE, FOUND, ALARMS, CHURN = 0.12, 0.084, 0.036, 0.02
# A chain's steps differ by 1 % of the rows (accuracy) and by 0.04 % besides the loss (F1).
CHAINS = {"accuracy": (5000, 0.005), "f1": (20000, 0.005)}
CHAIN_DISCORDANT, CHAIN_CHURN = 0.01, 0.0002


def cells(metric, difference):
    """Probabilities of (label, champion, candidate), flat in that order; each 1 means positive."""
    table = np.zeros((2, 2, 2))
    if metric == "accuracy":
        only_candidate, only_champion = (DISCORDANT + difference) / 2, (DISCORDANT - difference) / 2
        for label in (0, 1):
            table[label, label, label] = (RIGHT - only_champion) / 2
            table[label, 1 - label, label] = only_candidate / 2
            table[label, label, 1 - label] = only_champion / 2
            table[label, 1 - label, 1 - label] = (1 - RIGHT - only_candidate) / 2
        return table.ravel()
    wanted = 2 * FOUND / (FOUND + ALARMS + POSITIVE) + difference
    # 2 (FOUND + more) / (FOUND + more + ALARMS + POSITIVE) is the F1 that is wanted.
    more = (wanted * (FOUND + ALARMS + POSITIVE) - 2 * FOUND) / (2 - wanted)
    table[1, 0, 1], table[1, 1, 0] = (CHURN + more) / 2, (CHURN - more) / 2
    table[1, 1, 1] = FOUND - table[1, 1, 0]
    table[1, 0, 0] = POSITIVE - FOUND - table[1, 0, 1]
    table[0, 0, 1] = table[0, 1, 0] = CHURN / 2
    table[0, 1, 1] = ALARMS - CHURN / 2
    table[0, 0, 0] = 1 - table.sum()
    return table.ravel()


def population(metric, probabilities, model):
    """The metric of a model (0: champion, 1: candidate) in the population."""
    table = probabilities.reshape(2, 2, 2).sum(axis=2 - model)
    if metric == "accuracy":
        return table[0, 0] + table[1, 1]
    return 2 * table[1, 1] / (table[1].sum() + table[:, 1].sum())


def words(ones, index):
    return pd.Series(WORDS.take(ones), index=index)


def opponent(key, version, ones, index):
    return Opponent.of_version(key, version, pd.DataFrame({"predicted": words(ones, index)}))


def judged(metric, truth, champion, candidate, intent, seed, anchor=None):
    """The gate's judgement on 0/1 arrays."""
    index = pd.RangeIndex(len(truth))
    gate = {"intent": intent, "margin": MARGIN, "budget": BUDGET}
    project = Project(
        name="simulation", source="-", target="y", positive_class="yes",
        gate=gate | ({} if anchor is None else {"anchor": 1}),
    )  # fmt: skip
    contest = Contest(
        metric=metric,
        labels=words(truth, index),
        candidate=pd.DataFrame({"predicted": words(candidate, index)}),
        positive_class="yes",
        replicates=project.gate.replicates,
        seed=seed,
    )
    return weigh(
        Case(
            whole=contest,
            champion=opponent("champion", "2", champion, index),
            baselines=(),
            anchor=None if anchor is None else opponent("anchor", "1", anchor, index),
            wear=Wear(),
            absolute=[PASSED],
            project=project,
        )
    )


def compare_pairs(metric, rows, intent, difference, batch):
    """Verdicts of a batch of drawn pairs, and how many a point comparison would promote."""
    probabilities = cells(metric, difference)
    found = {"promote": 0, "inconclusive": 0, "reject": 0, "point": 0}
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        random = np.random.default_rng([rows, number])
        drawn = random.choice(8, size=rows, p=probabilities)
        truth, champion, candidate = drawn >> 2, (drawn >> 1) & 1, drawn & 1
        judgement = judged(metric, truth, champion, candidate, intent, number)
        found[judgement.verdict] += 1
        allowed = MARGIN if intent == "refresh" else 0
        gain = point_gain(metric, truth, champion, candidate)
        found["point"] += int(gain >= -allowed - ROUNDING)
    return found


def point_gain(metric, truth, champion, candidate):
    if metric == "accuracy":
        return np.mean(candidate == truth) - np.mean(champion == truth)
    values = [2 * np.sum(m & truth) / (m.sum() + truth.sum()) for m in (candidate, champion)]
    return values[0] - values[1]


def first_in_chain(metric, rows, random):
    """Labels and answers of the anchor, which is the first champion."""
    table = cells(metric, 0.0).reshape(4, 2).sum(axis=1)
    drawn = random.choice(4, size=rows, p=table)
    return drawn >> 1, drawn & 1


def flips(metric, step, loss):
    """How likely a row of (label, answer) changes its answer in a step, as a 2 by 2 table.

    The step's model is `loss` worse in the population than the one before.
    """
    if metric == "accuracy":
        right = RIGHT - (step - 1) * loss
        to_wrong = (CHAIN_DISCORDANT + loss) / 2 / right
        to_right = (CHAIN_DISCORDANT - loss) / 2 / (1 - right)
        return np.array([[to_wrong, to_right], [to_right, to_wrong]])
    before, after = (found_after(number, loss) for number in (step - 1, step))
    table = np.full((2, 2), CHAIN_CHURN / 2)
    table[1, 1] += before - after
    masses = [[1 - POSITIVE - ALARMS, ALARMS], [POSITIVE - before, before]]
    return table / np.array(masses)


def found_after(step, loss):
    """Share of all rows that are found after some steps, each `loss` of F1 worse."""
    wanted = 2 * FOUND / (FOUND + ALARMS + POSITIVE) - step * loss
    return wanted * (ALARMS + POSITIVE) / (2 - wanted)


def slide(metric, batch):
    """Chains that made every step: without an anchor, with one, and by a point comparison."""
    rows, loss = CHAINS[metric]
    found = {"free": 0, "anchored": 0, "point": 0}
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        random = np.random.default_rng([rows, number])
        truth, anchor = first_in_chain(metric, rows, random)
        champion, alive = anchor, {"free": True, "anchored": True, "point": True}
        for step in range(1, STEPS + 1):
            chance = flips(metric, step, loss)[truth, champion]
            candidate = champion ^ (random.random(rows) < chance)
            if alive["free"]:
                judgement = judged(metric, truth, champion, candidate, "refresh", number, anchor)
                alive["anchored"] &= judgement.verdict == "promote"
                alive["free"] = replace(judgement, anchor=None).verdict == "promote"
            gain = point_gain(metric, truth, champion, candidate)
            alive["point"] &= gain >= -MARGIN - ROUNDING
            champion = candidate
        for name, made_it in alive.items():
            found[name] += int(made_it)
    return found


def bounds(count, n):
    """One-sided 95 % Clopper-Pearson bounds of a rate: lower and upper."""
    low = beta.ppf(0.05, count, n - count + 1) if count else 0.0
    high = beta.ppf(0.95, count + 1, n - count) if count < n else 1.0
    return float(low), float(high)


def verify():
    """The populations have the differences that the tables name, and so have the metrics."""
    for metric in ("accuracy", "f1"):
        for difference in (0.0, -MARGIN, GAIN):
            table = cells(metric, difference)
            assert (table >= 0).all()
            assert math.isclose(table.sum(), 1)
            gain = population(metric, table, 1) - population(metric, table, 0)
            assert math.isclose(gain, difference, abs_tol=1e-12), (metric, difference, gain)
        _, loss = CHAINS[metric]
        state = cells(metric, 0.0).reshape(4, 2).sum(axis=1).reshape(2, 2)
        values = []
        for step in range(STEPS + 1):
            if step:
                moved = state * flips(metric, step, loss)
                state = state - moved + moved[:, ::-1]
            right, claimed = state[1, 1], state[:, 1].sum()
            f1 = 2 * right / (claimed + state[1].sum())
            values.append(state[0, 0] + right if metric == "accuracy" else f1)
        assert np.allclose(np.diff(values), -loss)
        assert loss < MARGIN < BUDGET < STEPS * loss
    whole = (1e6 * cells("f1", GAIN)).round().astype(int)
    drawn = np.repeat(np.arange(8), whole)
    index = pd.RangeIndex(len(drawn))
    truth, champion, candidate = drawn >> 2, (drawn >> 1) & 1, drawn & 1
    measured = [
        metric_value(
            "f1", words(truth, index), pd.DataFrame({"predicted": words(ones, index)}),
            positive_class="yes",
        )
        for ones in (champion, candidate)
    ]  # fmt: skip
    assert math.isclose(measured[1] - measured[0], GAIN, abs_tol=1e-5)


def percent(count):
    """A share of the replicates; only all of them are 100 %."""
    if count < REPLICATES and count / REPLICATES >= 0.9995:
        return "> 99.9 %"
    return f"{100 * count / REPLICATES:.1f} %"


def wrong(count):
    """A rate of errors with its upper bound, which is rounded up."""
    high = math.ceil(1000 * bounds(count, REPLICATES)[1]) / 10
    return f"{percent(count)} (at most {high:.1f} %)"


def gather(futures):
    """The counts of all batches, summed."""
    results = [future.result() for future in futures]
    return {name: sum(result[name] for result in results) for name in results[0]}


def main():
    verify()
    settings = [("improve", 0.0), ("refresh", -MARGIN), ("improve", GAIN)]
    batches = range(REPLICATES // BATCH)
    with ProcessPoolExecutor(2) as pool:
        chains = {
            metric: [pool.submit(slide, metric, batch) for batch in batches] for metric in CHAINS
        }
        pairs = {
            (metric, rows, *setting): [
                pool.submit(compare_pairs, metric, rows, *setting, batch) for batch in batches
            ]
            for metric in ("accuracy", "f1")
            for rows in SIZES
            for setting in settings
        }
        counts = {cell: gather(futures) for cell, futures in pairs.items()}
        chains = {metric: gather(futures) for metric, futures in chains.items()}
    show_pairs(counts)
    show_chains(chains)
    errors = {cell: found["promote"] for cell, found in counts.items() if cell[3] <= 0}
    errors |= {(metric, "anchor"): found["anchored"] for metric, found in chains.items()}
    surely = [cell for cell, count in errors.items() if bounds(count, REPLICATES)[0] > ALLOWED]
    for cell in surely:
        print(f"wrong more often than {ALLOWED:.0%}: {cell}", file=sys.stderr)
    return 1 if surely else 0


def show_pairs(counts):
    print(
        "| metric | test rows | `improve`, true difference 0: gate | point | `refresh`, true "
        "difference −0.01: gate | point | `improve`, true gain 0.02: promote | inconclusive "
        "| reject |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for metric, name in NAMES.items():
        for rows in SIZES:
            level = counts[metric, rows, "improve", 0.0]
            worse = counts[metric, rows, "refresh", -MARGIN]
            gain = counts[metric, rows, "improve", GAIN]
            power = " | ".join(percent(gain[v]) for v in ("promote", "inconclusive", "reject"))
            print(
                f"| {name} | {rows:,} | {wrong(level['promote'])} | {percent(level['point'])} "
                f"| {wrong(worse['promote'])} | {percent(worse['point'])} | {power} |"
            )


def show_chains(chains):
    print()
    print(
        f"| {STEPS} refreshes, each truly worse by | in all | metric | test rows "
        f"| all {STEPS} made: point | gate, no anchor | gate, anchor |"
    )
    print("| ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    for metric, found in chains.items():
        rows, loss = CHAINS[metric]
        print(
            f"| {loss:g} | {STEPS * loss:g} | {NAMES[metric]} | {rows:,} "
            f"| {percent(found['point'])} | {percent(found['free'])} | {wrong(found['anchored'])} |"
        )


if __name__ == "__main__":
    sys.exit(main())
