"""What an interval of a difference means for the verdict, and how many rows would settle it.

Guarantees: a difference that is undefined, or whose interval is, never decides for a model; the
two ends of one interval decide, never its middle.
"""

from __future__ import annotations

import math
from typing import Literal

from tasks.gate.spending import standard_errors
from tasks.intervals import NORMAL, Difference
from tasks.metrics.estimates import IDENTICAL
from tasks.project.decision_sections import GateSection

Rule = Literal["first_model", "improve", "refresh", "anchor"]
Decision = Literal["better", "worse", "undecided"]
NO_ROWS_HELP = "more rows will not decide it"
_POWER = NORMAL.inv_cdf(0.8)


def decide(difference: Difference, rule: Rule, gate: GateSection) -> Decision:
    """Whether the candidate may replace the other model, by the ends of the interval.

    `improve` and `first_model`: better when the lower end is above 0, worse when the upper end
    is below `min_gain`. `refresh` and `anchor`: the same about minus the tolerated loss at both
    ends.
    """
    if not is_known(difference):
        return "undecided"
    if difference.low > lower_limit(rule, gate):
        return "better"
    return "worse" if difference.high < upper_limit(rule, gate) else "undecided"


def tolerance(rule: Rule, gate: GateSection) -> float | None:
    """The loss that the rule tolerates; None where it asks for a gain."""
    return {"refresh": gate.margin, "anchor": gate.budget}.get(rule)


def lower_limit(rule: Rule, gate: GateSection) -> float:
    """What the lower end must exceed for the candidate to be better."""
    tolerated = tolerance(rule, gate)
    return 0.0 if tolerated is None else -tolerated


def upper_limit(rule: Rule, gate: GateSection) -> float:
    """What the upper end must fall short of for the candidate to be worse."""
    tolerated = tolerance(rule, gate)
    return gate.min_gain if tolerated is None else -tolerated


def is_known(difference: Difference) -> bool:
    """Whether the difference has a value and an interval at all."""
    numbers = (difference.value, difference.low, difference.high)
    return all(math.isfinite(number) for number in numbers)


def too_few_discordant(difference: Difference, gate: GateSection) -> bool:
    """Whether too few rows tell the two models apart for an interval to hold.

    Not so where the two predict the same to the last digit: that is certain without statistics.
    """
    if difference.discordant is None or difference.method == IDENTICAL:
        return False
    return difference.discordant < gate.min_discordant


def rows_needed(difference: Difference, rule: Rule, gate: GateSection) -> int | None:
    """Compared rows at which the rule decides with 80 % power; None where more will not help.

    At the level of the interval. For `improve`: the power to see a true difference of `min_gain`;
    for `refresh` and `anchor`: to clear the tolerated loss at a true difference of 0. For accuracy
    from the share of discordant rows (Connor, Biometrics 43 (1987) 207), else from the width of the
    interval, which shrinks as the root of the rows. Where the interval decides and only discordant
    rows are too few: the rows that hold enough of those. None also where the present rows already
    have that power: the true difference then probably lies where the rule does not decide.
    """
    if not is_known(difference) or difference.n == 0:
        return None
    undecided = decide(difference, rule, gate) == "undecided"
    needed = _rows_for_power(difference, rule, gate) if undecided else 0.0
    if too_few_discordant(difference, gate):
        if not difference.discordant:
            return None
        needed = max(needed, difference.n * gate.min_discordant / difference.discordant)
    return math.ceil(needed) if needed > difference.n else None


def in_test_rows(needed: int | None, compared: int, test_rows: int) -> int | None:
    """Test rows that hold `needed` compared rows, where `compared` of `test_rows` are compared.

    None without a need, or where no test row can be compared.
    """
    return -(-needed * test_rows // compared) if needed is not None and compared else None


def rows_sentence(needed: int | None, test_rows: int) -> str:
    """How many more test rows would decide; `needed` counts those that are there too."""
    if needed is None:
        return NO_ROWS_HELP
    return f"about {needed - test_rows} more test rows would decide it ({needed} in all)"


def _rows_for_power(difference: Difference, rule: Rule, gate: GateSection) -> float:
    tolerated, sure = tolerance(rule, gate), standard_errors(difference.level)
    gain = gate.min_gain if tolerated is None else tolerated
    if difference.method != "tango":
        error = (difference.high - difference.low) / (2 * sure)
        return difference.n * ((sure + _POWER) * error / gain) ** 2
    share = (difference.discordant or 0) / difference.n
    if tolerated is not None:
        return share * ((sure + _POWER) / gain) ** 2
    # A gain of that size takes at least as many discordant rows.
    share = max(share, gain)
    spread = sure * math.sqrt(share) + _POWER * math.sqrt(share - gain * gain)
    return (spread / gain) ** 2
