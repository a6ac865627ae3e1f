"""How often does a team that judges every night promote a model that is not better?

A team judges a new candidate each of 20 nights against the present champion, by `improve`. The test
set has 400 rows and 20 more each night. A model's score of a row is the row's signal plus noise, of
whose variance 0.8 is shared by all models, so that candidates and champion are equal in truth; a
candidate that is promoted is the next night's champion. Three things are measured:

* the share of teams that promote anything within the 20 nights (required: at most 10 %);
* the share of teams with a candidate that is truly 2 points of accuracy better, each night from the
  first or from the last night alone, on 5,000 test rows, that promote it within those nights
  (required: at least 90 %);
* the one-sided level of the intervals themselves where they are strict: Tango's by exact
  enumeration, those of the bootstrap with the normal tail for F1 and log-loss by simulation.

Compared are the rule of `tasks.gate.spending`, the same 2.5 % each night, an equal part for each
night, geometric spending, and the parameter-free Ladder of Blum and Hardt. A night's decision for
accuracy is Tango's lower end above 0, which is McNemar's z above the quantile; `verify` has
`tasks.gate.stage.weigh` decide the same contests and stops where one differs. F1 is decided by the
product's own intervals.

Prints Markdown tables; exits 1 where a requirement is surely missed.
"""

import math
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
from scipy.special import bdtr, gammaln
from scipy.stats import beta, norm

from tasks.checks import Check
from tasks.gate.contest import Contest, Opponent
from tasks.gate.spending import interval_level, one_sided_level
from tasks.gate.stage import Case, weigh
from tasks.intervals import tango_statistic
from tasks.metrics import paired_difference
from tasks.project.sections import Project
from tasks.wear import EarlierJudgement, Wear

TEAMS, NIGHTS, FIRST_ROWS, MORE_ROWS = 2000, 20, 400, 20
F1_TEAMS, BATCH = 1000, 125
SHARED, SIGNAL, TOTAL, DISCORDANT = 0.8, 1.5, 0.1, 10
POWER_TEAMS, POWER_ROWS, GAIN = 1000, 5000, 0.02
LEVELS = (0.025, 0.005, 0.0019, 0.0006)
TAIL_ROWS, TAIL_BATCHES, TAIL_BATCH = 600, 8, {"f1": 2500, "log_loss": 500}
WORDS = pd.array(["no", "yes"], dtype="str")
PASSED = Check(
    id="performance_audit.passed", stage="performance_audit", title="Passed", severity="critical",
    outcome="passed", detail="All earlier checks passed.",
)  # fmt: skip
OURS, PLAIN = "spending (ours)", "2.5 % each night"
RULES = {
    OURS: lambda k, n: one_sided_level(k, TOTAL),
    PLAIN: lambda k, n: 0.025,
    "equal parts, 0.5 %": lambda k, n: TOTAL / NIGHTS,
    "geometric, a quarter of what is left": lambda k, n: TOTAL / 4 * 0.75 ** (k - 1),
    "Ladder, one standard error": lambda k, n: norm.sf(1),
}


def judgements(night, first=FIRST_ROWS, more=MORE_ROWS):
    """The judgements by rows at a night (from 0): earlier ones count by their share of the rows."""
    rows = first + more * night
    return 1 + sum((first + more * earlier) / rows for earlier in range(night))


def noise(random, shape):
    return random.normal(size=shape, scale=math.sqrt(1 - SHARED))


def shared_scores(random, truth):
    """What all models see of the rows: the signal and the noise that they share."""
    signal = np.where(truth == 1, SIGNAL, -SIGNAL) * 0.7
    return signal + random.normal(size=truth.shape, scale=math.sqrt(SHARED))


def z_of_mcnemar(right, champion_right):
    wins = (right & ~champion_right).sum(axis=-1)
    losses = (~right & champion_right).sum(axis=-1)
    count = wins + losses
    return np.where(count >= DISCORDANT, (wins - losses) / np.sqrt(np.maximum(count, 1)), -np.inf)


def nights_of_accuracy(rule, seed):
    """For each team the number of wrong promotions over the nights, and those of each night."""
    random = np.random.default_rng(seed)
    found = np.zeros((TEAMS, NIGHTS), dtype=bool)
    for block in range(0, TEAMS, 100):
        rows = FIRST_ROWS + MORE_ROWS * (NIGHTS - 1)
        truth = (random.random((100, rows)) < 0.5).astype(int)
        seen = shared_scores(random, truth)
        champion = (seen + noise(random, seen.shape) > 0) == (truth == 1)
        for night in range(NIGHTS):
            here = slice(0, FIRST_ROWS + MORE_ROWS * night)
            candidate = (seen + noise(random, seen.shape) > 0) == (truth == 1)
            z = z_of_mcnemar(candidate[:, here], champion[:, here])
            promoted = z > norm.isf(rule(judgements(night), here.stop))
            found[block : block + 100, night] = promoted
            champion[promoted] = candidate[promoted]
    return found


def cells_of_gain(discordant=0.10):
    """Chances that only the candidate, or only the champion, is right, for a gain of `GAIN`."""
    return (discordant + GAIN) / 2, (discordant - GAIN) / 2


def nights_of_power(rule, seed):
    """Teams that promote a candidate of `GAIN`: each night from the first, or on the last alone.

    The champion is the same each night; each night's candidate is another one, so the rows that
    tell the two apart are drawn anew, and 5,000 rows stay the same rows (nothing is given back).
    """
    random = np.random.default_rng(seed)
    wins, losses = cells_of_gain()
    counts = random.multinomial(
        POWER_ROWS, [wins, losses, 1 - wins - losses], size=(POWER_TEAMS, NIGHTS)
    )
    b, c = counts[..., 0], counts[..., 1]
    z = (b - c) / np.sqrt(b + c)
    limits = np.array([norm.isf(rule(1 + night, POWER_ROWS)) for night in range(NIGHTS)])
    beaten = z > limits
    return beaten[:, 0].sum(), beaten.any(axis=1).sum(), beaten[:, -1].sum()


def contest_of(truth, candidate, seed, metric):
    labels = pd.Series(WORDS.take(truth))
    return Contest(
        metric=metric, labels=labels,
        candidate=pd.DataFrame({"predicted": pd.Series(WORDS.take(candidate.astype(int)))}),
        positive_class="yes", replicates=1000, seed=seed,
    )  # fmt: skip


def verdict(truth, candidate, champion, metric, night, seed):
    """The product's verdict on a night's contest."""
    project = Project(name="s", source="-", target="y", positive_class="yes")
    earlier = tuple(
        EarlierJudgement(
            project="s", entry=at, action="reject", version=str(at), epoch="1",
            share=(FIRST_ROWS + MORE_ROWS * at) / (FIRST_ROWS + MORE_ROWS * night),
        )
        for at in range(night)
    )  # fmt: skip
    other = pd.DataFrame({"predicted": pd.Series(WORDS.take(champion.astype(int)))})
    return weigh(Case(whole=contest_of(truth, candidate, seed, metric),
        champion=Opponent.of_version("champion", "1", other),
        baselines=(), anchor=None, wear=Wear(project="s", earlier=earlier),
        absolute=[PASSED], project=project,
    )).verdict  # fmt: skip


def verify():
    """The fast decision for accuracy is the product's; the number of those compared."""
    random = np.random.default_rng(7)
    compared = promoted = 0
    for night in (0, 1, 7, 19):
        rows = FIRST_ROWS + MORE_ROWS * night
        for number in range(30):
            truth = (random.random(rows) < 0.5).astype(int)
            seen = shared_scores(random, truth)
            champion, candidate = (seen + noise(random, rows) > 0 for _ in range(2))
            # Some contests near the border: answers put right one by one.
            wrong = np.flatnonzero(candidate != (truth == 1))[:number]
            candidate = candidate.copy()
            candidate[wrong] = truth[wrong] == 1
            z = z_of_mcnemar(candidate == (truth == 1), champion == (truth == 1))
            fast = bool(z > norm.isf(one_sided_level(judgements(night), TOTAL)))
            own = verdict(truth, candidate, champion, "accuracy", night, number) == "promote"
            assert fast == own, (night, number, float(z))
            compared, promoted = compared + 1, promoted + own
    assert 0 < promoted < compared
    return compared


def f1_counts(random, rows):
    """Truth and what models share, for F1: 30 % of the rows are of the class."""
    truth = (random.random(rows) < 0.3).astype(int)
    return truth, shared_scores(random, truth)


def nights_of_f1(batch):
    """Of a batch of teams, those that promote anything, by the product's intervals of F1."""
    found = dict.fromkeys((OURS, PLAIN), 0)
    nightly = dict.fromkeys(found, 0)
    for team in range(batch * BATCH, (batch + 1) * BATCH):
        random = np.random.default_rng([9, team])
        truth, seen = f1_counts(random, FIRST_ROWS + MORE_ROWS * (NIGHTS - 1))
        first = seen + noise(random, seen.shape) > 0.2
        champions, promoted = dict.fromkeys(found, first), dict.fromkeys(found, False)
        for night in range(NIGHTS):
            here = slice(0, FIRST_ROWS + MORE_ROWS * night)
            candidate = seen + noise(random, seen.shape) > 0.2
            known = {}
            for name, champion in champions.items():
                place = id(champion)
                if place not in known:
                    known[place] = bootstrap_of_f1(
                        truth[here], candidate[here], champion[here], team
                    )
                middle, low = known[place]
                level = RULES[name](judgements(night), here.stop)
                wider = norm.isf(level) / norm.isf(0.025)
                if middle + wider * (low - middle) > 0:
                    champions[name] = candidate
                    promoted[name] = True
                    nightly[name] += 1
        for name, any_of_them in promoted.items():
            found[name] += int(any_of_them)
    return found, nightly


def bootstrap_of_f1(truth, candidate, champion, seed):
    """Median and 2.5 % quantile of the paired bootstrap, by the counts of the eight patterns."""
    code = truth * 4 + champion * 2 + candidate
    sizes = np.bincount(code, minlength=8)
    if (candidate != champion).sum() < DISCORDANT:
        return 0.0, -1.0
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(truth), sizes / len(truth), size=1000)
    positives = drawn[:, 4:].sum(axis=1)
    gain = 0.0
    for sign, claims, hits in ((1, [1, 3, 5, 7], [5, 7]), (-1, [2, 3, 6, 7], [6, 7])):
        claimed, hit = drawn[:, claims].sum(axis=1), drawn[:, hits].sum(axis=1)
        gain = gain + sign * 2 * hit / (claimed + positives)
    low, middle = np.quantile(gain, [0.025, 0.5])
    return middle, low


def tango_levels():
    """The exact one-sided error of Tango's lower end at 0, the worst of nine settings."""
    settings = [(n, p) for n in (200, 400, 1000) for p in (0.05, 0.1, 0.2)]
    return [(level, max(exact_error(n, p, level) for n, p in settings)) for level in LEVELS]


def exact_error(n, share, one_sided):
    """Chance of a promotion at a true difference of 0, where `share` of the rows are discordant."""
    z = norm.isf(one_sided)
    total = 0.0
    for count in range(DISCORDANT, n + 1):
        weight = math.exp(
            gammaln(n + 1) - gammaln(count + 1) - gammaln(n - count + 1)
            + count * math.log(share) + (n - count) * math.log1p(-share)
        )  # fmt: skip
        if weight < 1e-14:
            continue
        wins = math.floor((count + z * math.sqrt(count)) / 2)
        total += weight * (1 - bdtr(wins, count, 0.5))
    return total


def tail_levels(metric, batch):
    """Promotions at a true difference of 0 by intervals of several levels, on 600 rows."""
    found = dict.fromkeys(LEVELS, 0)
    for draw in range(batch * TAIL_BATCH[metric], (batch + 1) * TAIL_BATCH[metric]):
        random = np.random.default_rng([3, draw])
        truth, seen = f1_counts(random, TAIL_ROWS)
        pair = [seen + noise(random, TAIL_ROWS) for _ in range(2)]
        if metric == "f1":
            middle, low = bootstrap_of_f1(truth, *(one > 0.2 for one in pair), draw)
        else:
            chance = [1 / (1 + np.exp(-2 * one)) for one in pair]
            loss = [-np.log(np.where(truth == 1, p, 1 - p)) for p in chance]
            picks = random.integers(0, TAIL_ROWS, size=(1000, TAIL_ROWS))
            low, middle = np.quantile((loss[1] - loss[0])[picks].mean(axis=1), [0.025, 0.5])
        for level in LEVELS:
            found[level] += middle + norm.isf(level) / norm.isf(0.025) * (low - middle) > 0
    return found


def same_tail():
    """The tail that is simulated is the product's, to rounding of its seeds: within 15 %."""
    random = np.random.default_rng(5)
    truth, seen = f1_counts(random, 600)
    candidate, champion = (seen + noise(random, 600) > 0.2 for _ in range(2))
    frames = [
        pd.DataFrame({"predicted": pd.Series(WORDS.take(model.astype(int)))})
        for model in (candidate, champion)
    ]
    level = interval_level(0.0019)
    own = paired_difference(
        "f1", pd.Series(WORDS.take(truth)), *frames, positive_class="yes", replicates=1000, seed=1,
        level=level,
    )  # fmt: skip
    middle, low = bootstrap_of_f1(truth, candidate, champion, 1)
    mine = middle + norm.isf(0.0019) / norm.isf(0.025) * (low - middle)
    assert math.isclose(own.low - middle, mine - middle, rel_tol=0.15), (own.low, mine)
    assert math.isclose(tango_statistic(30, 10, 400, 0.0), 20 / math.sqrt(40))


def rate(count, n):
    low = beta.ppf(0.025, count, n - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
    digits = 1 if high > 0.005 else 2
    text = f"{100 * count / n:.{digits}f} % [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"
    return text, low, high


def show_errors(parts):
    """The errors over the nights; the requirements that are surely missed."""
    missed = []
    print("| rule | level of night 1, 2, 5, 20 | any wrong promotion in 20 nights | a night |")
    print("| --- | ---: | ---: | ---: |")
    for name, rule in RULES.items():
        found = nights_of_accuracy(rule, 11)
        shown, low, _ = rate(int(found.any(axis=1).sum()), TEAMS)
        nightly, _, _ = rate(int(found.sum()), found.size)
        levels = ", ".join(f"{100 * rule(judgements(at), 0):.3g} %" for at in (0, 1, 4, 19))
        print(f"| accuracy: {name} | {levels} | {shown} | {nightly} |")
        missed += [name] if name == OURS and low > TOTAL else []
    for name in (OURS, PLAIN):
        shown, low, _ = rate(sum(found[name] for found, _ in parts), F1_TEAMS)
        nightly, _, _ = rate(sum(nights[name] for _, nights in parts), F1_TEAMS * NIGHTS)
        print(f"| F1: {name} | as above | {shown} | {nightly} |")
        missed += [f"F1: {name}"] if name == OURS and low > TOTAL else []
    grown = sum(one_sided_level(judgements(night), TOTAL) for night in range(NIGHTS))
    still = sum(one_sided_level(k, TOTAL) for k in range(1, NIGHTS + 1))
    print(f"\nUnion bound of these 20 nights: {grown:.2%}; of rows that stay the same: {still:.2%}")
    return missed


def show_power():
    missed = []
    print("\n| a true gain of 0.02 on 5,000 rows, 10 % discordant: promoted | on the first night "
          "| within 20 nights | on night 20 alone, after 19 others |")  # fmt: skip
    print("| --- | ---: | ---: | ---: |")
    for name, rule in RULES.items():
        shown = [rate(int(count), POWER_TEAMS) for count in nights_of_power(rule, 13)]
        print(f"| {name} | {' | '.join(text for text, _, _ in shown)} |")
        missed += [f"power: {name}"] if name == OURS and shown[1][2] < 0.90 else []
    return missed


def show_levels(tails):
    print("\n| one-sided level | Tango, exact, worst of nine | F1, 600 rows | log-loss, 600 rows |")
    print("| ---: | ---: | ---: | ---: |")
    for level, worst in tango_levels():
        shown = [
            rate(sum(one[level] for one in found), TAIL_BATCHES * TAIL_BATCH[metric])[0]
            for metric, found in tails.items()
        ]
        print(f"| {100 * level:.2f} % | {100 * worst:.2f} % | {' | '.join(shown)} |")


def main():
    print(f"{verify()} contests decided by the gate itself: the same\n")
    same_tail()
    with ProcessPoolExecutor(2) as pool:
        nights = [pool.submit(nights_of_f1, batch) for batch in range(F1_TEAMS // BATCH)]
        tails = {
            metric: [pool.submit(tail_levels, metric, batch) for batch in range(TAIL_BATCHES)]
            for metric in TAIL_BATCH
        }
        missed = show_errors([batch.result() for batch in nights]) + show_power()
        show_levels({metric: [one.result() for one in found] for metric, found in tails.items()})
    for name in missed:
        print(f"surely missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
