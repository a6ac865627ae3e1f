"""What all findings together amount to, and the sentences that say why.

Guarantees: `promote` needs every comparison passed and nothing that blocks; a failed check
outweighs an unjudged one; every verdict has at least one reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.checks import Check
from tasks.gate.absolute import blocking_details
from tasks.gate.comparison import Finding
from tasks.gate.guards import Guarded
from tasks.gate.rules import Rule
from tasks.gate.support import Support
from tasks.gate.wear import Spending
from tasks.runs import Verdict


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """All that the gate found.

    `absolute` are the checks of earlier stages and `summary` the one check over them; `findings`
    are the comparisons with the champion or the baselines, `anchor` the one with the anchor,
    `backstop` those with the baselines where there is a champion, `guards` the guarded slices,
    `spending` the level by which they are judged.
    """

    rule: Rule
    absolute: Sequence[Check]
    summary: Check
    support: Support
    wear: Check
    findings: Sequence[Finding]
    anchor: Finding | None
    guards: Sequence[Guarded]
    spending: Spending
    backstop: Sequence[Finding] = ()
    warnings: Sequence[Check] = ()
    """Metrics that people read, against the constant: they block nothing."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """The gate's checks, in the order in which they are read."""
        compared = (finding.check for finding in self.compared)
        besides = (*self._besides, *self.warnings)
        return (self.summary, self.support.check, self.wear, *compared, *besides)

    @property
    def compared(self) -> tuple[Finding, ...]:
        """Every comparison, the one with the anchor last."""
        return (*self.findings, *([self.anchor] if self.anchor else []))

    @property
    def _besides(self) -> list[Check]:
        """What has to hold besides the comparison with the champion."""
        backstop = [found.check for found in self.backstop]
        return [*backstop, *(one.check for one in self.guards)]

    @property
    def verdict(self) -> Verdict:
        """`reject` on a failure that blocks, `promote` when all is passed, else `inconclusive`."""
        if any(check.blocks and check.outcome == "failed" for check in self.checks):
            return "reject"
        beaten = all(finding.check.outcome == "passed" for finding in self.findings)
        if self.findings and beaten and not any(check.blocks for check in self.checks):
            return "promote"
        return "inconclusive"

    @property
    def only_rows_missing(self) -> bool:
        """Whether it is inconclusive for want of test rows alone."""
        impossible = (found.check for found in self.compared if found.difference is None)
        backstop = (found.check for found in self.backstop if found.rows_needed is None)
        others = (self.summary, self.wear, *impossible, *backstop)
        return self.verdict == "inconclusive" and not any(check.blocks for check in others)

    @property
    def reasons(self) -> list[str]:
        """Sentences, the most decisive first."""
        sentences = self._for() if self.verdict == "promote" else self._against()
        return list(dict.fromkeys(sentences))

    def _for(self) -> list[str]:
        first = self.rule == "first_model"
        unjudged = [one.check.detail for one in self.guards if one.check.outcome != "passed"]
        worse = [check.detail for check in self.warnings if check.outcome == "failed"]
        compared = [found.check.detail for found in self.compared if found.difference]
        # Among the first, because the terminal shows no more than those.
        start = ["This is the first model: there is no champion yet.", *worse, *compared]
        return [
            *(start if first else [*compared, *worse]),
            self.summary.detail,
            self.support.check.detail,
            *([] if first else unjudged),
        ]

    def _against(self) -> list[str]:
        """What blocks: what failed first, then what could not be judged."""
        told = [(self.summary, sentence) for sentence in blocking_details(self.absolute)]
        told = (told or [(self.summary, self.summary.detail)]) if self.summary.blocks else []
        # Where the rows are too few, a comparison that was made would only repeat it.
        compared = [
            f.check for f in self.findings if not self.support.too_small or not f.difference
        ]
        pinned = [self.anchor.check] if self.anchor else []
        others = [*compared, *pinned, *self._besides, self.support.check, self.wear]
        told += [(check, check.detail) for check in others if check.blocks]
        told.sort(key=lambda pair: pair[0].outcome != "failed")
        return [sentence for _, sentence in told]
