"""The request for a signature, as Markdown above the form of the approval flow run.

Guarantees: it does not show the verdict's hash, which the signer reads on the decision page; it
names the risks that a signature accepts and who owns them; text from data stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.approval import PREFIX_LENGTH
from tasks.audit_plan import recorded_results, tell_open_risks
from tasks.ledger import Entry
from tasks.markup import escape, link
from tasks.reports.signed import signed_points
from tasks.reports.words import moment
from tasks.serving import named


def request_markdown(
    verdict: Mapping[str, Any],
    pending: Entry,
    problem: str,
    *,
    page: str,
    page_url: str,
    mlflow_url: str,
) -> str:
    """What is asked, on which verdict, until when, and where the page is.

    `verdict` is the core of the verdict; `problem` is what the last answer lacked, if there was
    one; `page` is the path of the decision page, `page_url` its copy on the MLflow server.
    """
    place = f"{named(pending.candidate_version)}, in place of {named(pending.from_version)}"
    parts = [
        f"**Nothing was signed:** {escape(problem)}" if problem else "",
        f"**Shall {place}, be the champion of {escape(pending.project)}?** "
        f"The verdict is {escape(verdict['verdict'])}.",
        f"Read the {link('decision page', page_url)} first. Sign with your name, a reason, and "
        f"the first {PREFIX_LENGTH} characters of the verdict's hash: it stands on that page, "
        f"under Provenance. This can be signed until {moment(pending.expires or '')}.",
        _trial(pending.overrides),
        "\n".join(f"- {escape(reason)}" for reason in verdict["reasons"]),
        *_plan(verdict),
        f"Run {escape(pending.run_id)} of {moment(pending.when)}: "
        f"{link('MLflow run', mlflow_url)}, page in the file {escape(page)}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _trial(overrides: Sequence[str]) -> str:
    """What the signature has to name: how the run was changed from the project file."""
    if not overrides:
        return ""
    named = "\n".join(f"- {escape(one)}" for one in overrides)
    return (
        "**This was a trial.** The run judged under other settings than the project file's; a "
        f"signature names each of them, one an item:\n\n{named}"
    )


def _plan(verdict: Mapping[str, Any]) -> list[str]:
    """Which risks the signature accepts, by owner; the page has the numbers in full."""
    try:
        results = recorded_results(verdict)
    except ValueError:
        return ["The audit plan was written by another version of Assayline: read it on the page."]
    points = "\n".join(f"- {escape(point)}" for point in signed_points(results))
    return [f"**What is signed.** {escape(tell_open_risks(results))}", points]
