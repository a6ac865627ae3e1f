"""The frame around a decision page: what became of the decision, told from the ledger.

Guarantees: the page itself is shown as it was written, and the frame says whether its bytes are
those that were recorded; nothing is requested from anywhere and no script runs; every value is
escaped; the same inputs give the same bytes.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.approval import PREFIX_LENGTH
from tasks.ledger import Entry
from tasks.reports.aftermath import Aftermath, tell_aftermath
from tasks.reports.page import templates
from tasks.reports.words import moment


def render_frame(
    run: Mapping[str, Any],
    entries: Sequence[Entry],
    *,
    page_hash: str,
    recorded: Mapping[str, str],
    project_file: str,
    now: str,
) -> str:
    """The frame as an HTML document, to lie beside `decision.html`.

    `run` is what `run_document` gave; `page_hash` is the page's SHA-256 now, and `recorded` maps
    who recorded one to what was recorded. `now` is an ISO time.
    """
    told = tell_aftermath(run, entries, now)
    differing = {who: value for who, value in recorded.items() if value != page_hash}
    champion = next((e.to_version for e in reversed(entries) if e.moves), None)
    facts = {
        "Run": run["run_id"],
        "Verdict": run["verdict"] or "none",
        "Candidate": f"version {run['candidate_version']}" if run["candidate_version"] else "none",
        "Champion now": f"version {champion}" if champion else "none",
    }
    return (
        templates()
        .get_template("frame.html.j2")
        .render(
            run=run,
            told=told,
            shown=moment(now),
            facts=facts,
            commands=_commands(told, run["run_id"], project_file),
            page_hash=page_hash,
            recorded=recorded,
            differing=differing,
        )
    )


def _commands(told: Aftermath, run_id: str, project_file: str) -> list[str]:
    """The commands that sign, where the run waits."""
    if told.to_sign is None:
        return []
    prefix = told.to_sign.verdict_hash[:PREFIX_LENGTH]
    words = ["assayline", "approve", run_id, "--project", project_file, "--verdict", prefix]
    signed = f"{shlex.join(words)} --name 'YOUR NAME' --reason 'WHY'"
    return [signed, f"{signed} --refuse"]
