"""How often the intervals of tags by hand hold the truth, on data where it is known.

Dev sets are drawn anew: every error is looked at and a fixed number of right answers. Prints for
each of four settings how often the 95 % intervals of error rate, share of data and share of errors
hold the true value, beside a percentile bootstrap of the looked-at rows alone.
Run it with: python tests/benchmarks/tag_intervals.py
"""

import numpy as np

from tasks.error_analysis.tag_estimates import Resamples
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tags import measure_tags

# Dev rows, error rate, share of errors and of right rows with the tag, right rows looked at.
SETTINGS = (
    (2000, 0.10, 0.30, 0.05, 200),
    (2000, 0.10, 0.30, 0.01, 100),
    (500, 0.15, 0.40, 0.30, 60),
    (2000, 0.05, 0.50, 0.10, 100),
)
ROUNDS, REPLICATES = 400, 400


def drawn(generator, rows, rate, among_wrong, among_right, asked):
    """A tag over fresh dev rows, and which of them are wrong."""
    wrong = generator.random(rows) < rate
    has = generator.random(rows) < np.where(wrong, among_wrong, among_right)
    right = np.flatnonzero(~wrong)
    known = wrong.copy()
    known[generator.choice(right, min(asked, len(right)), replace=False)] = True
    return TagRows("t", has, known, np.where(wrong, 1.0, len(right) / asked)), wrong


def plain_bootstrap(generator, tag, wrong):
    """95 % percentiles of the weighted error rate and share, the looked-at rows drawn again."""
    known = np.flatnonzero(tag.known)
    picks = known[generator.integers(0, len(known), size=(REPLICATES, len(known)))]
    weights, has = tag.weights[picks], tag.has[picks]
    tagged = (weights * has).sum(axis=1)
    with np.errstate(invalid="ignore"):
        within = (weights * has * wrong[picks]).sum(axis=1) / tagged
    return [np.nanquantile(one, [0.025, 0.975]) for one in (within, tagged / weights.sum(axis=1))]


def main():
    """Print the share of rounds in which each interval holds the truth."""
    generator = np.random.default_rng(1)
    for setting in SETTINGS:
        _, rate, among_wrong, among_right, _ = setting
        share = rate * among_wrong + (1 - rate) * among_right
        truth = (rate * among_wrong / share, share, among_wrong)
        ours, plain = np.zeros(3), np.zeros(2)
        for _ in range(ROUNDS):
            tag, wrong = drawn(generator, *setting)
            (found,) = measure_tags([tag], wrong, Resamples(REPLICATES, 0))
            numbers = (found.error_rate, found.share, found.share_of_errors)
            ours += [one.low <= true <= one.high for one, true in zip(numbers, truth, strict=True)]
            ends = plain_bootstrap(generator, tag, wrong)
            pairs = zip(ends, truth[:2], strict=True)
            plain += [low <= true <= high for (low, high), true in pairs]
        print(
            f"{setting}: error rate {ours[0] / ROUNDS:.1%} (plain bootstrap "
            f"{plain[0] / ROUNDS:.1%}), share of data {ours[1] / ROUNDS:.1%} "
            f"({plain[1] / ROUNDS:.1%}), share of errors {ours[2] / ROUNDS:.1%}"
        )


if __name__ == "__main__":
    main()
