"""The page of a home: whether its services are up, and where each project stands.

Guarantees: nothing is requested from anywhere and no script runs; every value is escaped; the same
inputs give the same bytes; a state is a sign and a word, never a colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.reports.page import templates
from tasks.reports.words import EXIT_MEANINGS, VERDICT_MARKS, Mark, moment

_UP = Mark("✓", "up", "good")
_DOWN = Mark("✕", "down", "bad")
_MARKS: Mapping[str, Mark] = {
    "refused": Mark("✕", "refused", "bad"),
    "failed": Mark("!", "failed", "bad"),
}
_UNSIGNED = Mark("?", "promote", "caution")


@dataclass(frozen=True)
class ShownService:
    """A service beside the runs."""

    name: str
    alive: bool
    restarts: int

    @property
    def mark(self) -> Mark:
        """Whether it is up."""
        return _UP if self.alive else _DOWN

    @property
    def restarted(self) -> str:
        """How often it was started again."""
        if not self.restarts:
            return "never restarted"
        return "restarted once" if self.restarts == 1 else f"restarted {self.restarts:,} times"


@dataclass(frozen=True)
class ShownProject:
    """A project with the last run that ended, and the one that is under way.

    `result` is a verdict, or refused or failed; `page` the address of the decision page, if there
    is one; `running` the ISO time at which a run began that has not ended.
    """

    name: str
    run_id: str = ""
    result: str = ""
    exit_code: int = 0
    sentence: str = ""
    when: str = ""
    page: str | None = None
    running: str | None = None

    @property
    def mark(self) -> Mark | None:
        """How the run ended; None where none has."""
        if not self.run_id:
            return None
        if self.result == "promote" and self.exit_code != 0:
            return _UNSIGNED
        return _MARKS.get(self.result) or VERDICT_MARKS[self.result]

    @property
    def told(self) -> str:
        """What came of the run, in a sentence."""
        if not self.run_id:
            return "No run has ended yet."
        ended = EXIT_MEANINGS.get(self.exit_code, "ended from outside")
        return self.sentence or f"{ended[:1].upper()}{ended[1:]}."


def render_home(
    services: Sequence[ShownService],
    projects: Sequence[ShownProject],
    *,
    links: Mapping[str, str],
    now: str,
) -> str:
    """The page as an HTML document. `links` are names and addresses; `now` is an ISO time."""
    down = [service.name for service in services if not service.alive]
    if down:
        sentence = f"{', '.join(down)} {'is' if len(down) == 1 else 'are'} down."
        sentence = sentence[:1].upper() + sentence[1:]
    else:
        sentence = "All services are up." if services else "No service is run here."
    return (
        templates()
        .get_template("home.html.j2")
        .render(
            mark=_DOWN if down else _UP,
            sentence=sentence,
            services=services,
            projects=projects,
            links=links,
            shown=moment(now),
            moment=moment,
        )
    )
