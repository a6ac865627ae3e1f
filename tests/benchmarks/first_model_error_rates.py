"""How often noise becomes the first model, and how often average precision errs in `improve`.

Scores and labels are independent, or the two models equally good in truth; verdicts come from
`tasks.gate.stage.weigh`, the code that a run decides by, with 400 replicates. For each metric the
share of draws with a lower end above 0 against the constant, and against a quick baseline that
tells two levels as a stump does, is shown (nominal 2.5 %), and the share of `promote`. By accuracy,
F1 and log loss noise is a model that ranks at random, tells each row's class at the rate that suits
the metric, and the shares of the classes as its probability with noise on top. The last table has
`improve` and `refresh` by average precision: two scores of a true signal with shared and own noise;
and a stump against the same stump with its ties broken by noise.

Names of rows as arguments (`average_precision`, `improve`) print those alone. Prints Markdown
tables with 95 % Clopper-Pearson intervals over all settings of a row. Exits 1 where
a rate of wrong promotions is surely above 5 %.
"""

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
from scipy.stats import beta

from tasks.checks import Check
from tasks.gate.contest import Contest, Opponent
from tasks.gate.stage import Case, weigh
from tasks.project.sections import Project
from tasks.wear import Wear

DRAWS = 200
SETTINGS = ((100, 0.40), (150, 0.25), (300, 0.12), (300, 0.50), (1000, 0.04))
METRICS = ("average_precision", "roc_auc", "accuracy", "f1", "log_loss")
MARGIN = 0.01
WORDS = pd.array(["no", "yes"], dtype="str")
PASSED = Check(
    id="performance_audit.passed", stage="performance_audit", title="Passed", severity="critical",
    outcome="passed", detail="All earlier checks passed.",
)  # fmt: skip


def model(scores, threshold=0.5):
    """A model that tells `scores`, and the class from `threshold` on."""
    predicted = pd.Series(WORDS.take((scores >= threshold).astype(int)))
    return pd.DataFrame({"predicted": predicted, "p:no": 1 - scores, "p:yes": scores})


def judged(metric, labels, candidate, *, baselines=(), champion=None, intent="improve", seed=0):
    """The gate's judgement; the limits on rows and positives are those of no interest here."""
    project = Project(
        name="simulation", source="-", target="y", positive_class="yes",
        training={"metric": metric},
        gate={"intent": intent, "margin": MARGIN, "min_positives": 1, "min_discordant": 1,
              "min_test_rows": 50},
    )  # fmt: skip
    contest = Contest(
        metric=metric, labels=labels, candidate=candidate, positive_class="yes", replicates=400,
        seed=seed,
    )  # fmt: skip
    return weigh(
        Case(
            whole=contest,
            champion=None if champion is None else Opponent.of_version("champion", "1", champion),
            baselines=[Opponent(key=key, label=key, predictions=one) for key, one in baselines],
            anchor=None,
            wear=Wear(),
            absolute=[PASSED],
            project=project,
        )
    )


def noise(metric, share, random, rows):
    """A model that knows the classes' shares and nothing of the rows."""
    scores = random.random(rows)
    if metric in {"average_precision", "roc_auc"}:
        return model(scores)
    if metric == "log_loss":
        return model(np.clip(share + 0.02 * random.normal(size=rows), 0.005, 0.995))
    rate = 1 - share if metric == "f1" else max(0.99 - 0.98 * share, 0.5)
    return model(scores, rate)


def first_models(metric, rows, share):
    """Draws of noise: lower ends above 0 by baseline, and promotions."""
    found = {"constant": 0, "quick": 0, "promote": 0, "draws": 0}
    for number in range(DRAWS):
        random = np.random.default_rng([rows, round(100 * share), number])
        truth = (random.random(rows) < share).astype(int)
        labels = pd.Series(WORDS.take(truth))
        asked = random.uniform(0.1, 0.9)
        stump = np.where(random.random(rows) < asked, 0.9 * share, 1.1 * share)
        constant = model(np.full(rows, share))
        quick = model(np.clip(stump, 0, 1)) if metric != "f1" else model(stump, share)
        judgement = judged(
            metric, labels, noise(metric, share, random, rows),
            baselines=(("constant", constant), ("quick", quick)), seed=number,
        )  # fmt: skip
        for finding in judgement.findings:
            found[finding.opponent.key] += int(finding.difference.low > 0)
        found["promote"] += int(judgement.verdict == "promote")
        found["draws"] += 1
    return found


def equals(kind, rows, share):
    """Draws of two models, of which the candidate is truly no better (for `refresh`: worse)."""
    found = {"promote": 0, "draws": 0}
    for number in range(DRAWS):
        random = np.random.default_rng([rows, round(100 * share), number, 7])
        truth = (random.random(rows) < share).astype(int)
        labels = pd.Series(WORDS.take(truth))
        signal = truth + 0.8 * random.normal(size=rows)
        if kind == "ties broken":
            level = np.where(signal > share, 0.7, 0.3)
            one, other = level + 0.1 * random.random(rows), level
        else:
            own = 0.4 if kind == "improve" else 0.75
            one = 1 / (1 + np.exp(-signal - own * random.normal(size=rows)))
            other = 1 / (1 + np.exp(-signal - 0.4 * random.normal(size=rows)))
        intent = "refresh" if kind == "refresh" else "improve"
        judgement = judged(
            "average_precision", labels, model(one), champion=model(other), intent=intent,
            seed=number,
        )  # fmt: skip
        found["promote"] += int(judgement.findings[0].check.outcome == "passed")
        found["draws"] += 1
    return found


def interval(count, n):
    """95 % Clopper-Pearson interval of a rate."""
    low = beta.ppf(0.025, count, n - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
    return float(low), float(high)


def written(count, n):
    low, high = interval(count, n)
    return f"{count}/{n} = {count / n:.1%} [{low:.1%}, {high:.1%}]"


def gather(futures):
    results = [future.result() for future in futures]
    return {name: sum(result[name] for result in results) for name in results[0]}


def main(asked):
    """The rows of `asked`; all without any."""
    sys.stdout.reconfigure(line_buffering=True)
    with ProcessPoolExecutor(2) as pool:
        first = {
            metric: [pool.submit(first_models, metric, *setting) for setting in SETTINGS]
            for metric in METRICS
            if not asked or metric in asked
        }
        pairs = {
            kind: [pool.submit(equals, kind, *setting) for setting in SETTINGS]
            for kind in ("improve", "refresh", "ties broken")
            if not asked or kind in asked
        }
        print(f"{len(SETTINGS)} settings (test rows, share): {SETTINGS}\n")
        print("| noise by | beats the constant | beats a stump of noise | promoted |")
        print("| --- | ---: | ---: | ---: |")
        errors = {}
        for metric, futures in first.items():
            found = gather(futures)
            cells = [written(found[key], found["draws"]) for key in ("constant", "quick")]
            print(
                f"| {metric} | {' | '.join(cells)} | {written(found['promote'], found['draws'])} |"
            )
            errors[metric] = found
        print("\n| average precision, champion against | promoted |\n| --- | ---: |")
        words = {
            "improve": "an equally good candidate (`improve`)",
            "refresh": "a candidate worse than the margin (`refresh`)",
            "ties broken": "itself with its ties broken by noise (`improve`)",
        }
        for kind, futures in pairs.items():
            found = gather(futures)
            print(f"| {words[kind]} | {written(found['promote'], found['draws'])} |")
            errors[kind] = found
    surely = [
        name for name, one in errors.items() if interval(one["promote"], one["draws"])[0] > 0.05
    ]
    for name in surely:
        print(f"wrong more often than 5 %: {name}", file=sys.stderr)
    return 1 if surely else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
