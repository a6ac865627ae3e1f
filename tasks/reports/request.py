"""The request for a signature, as Markdown above the form of the approval flow run.

Guarantees: it does not show the verdict's hash, which the signer reads on the decision page; text
from data stays text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.approval import PREFIX_LENGTH
from tasks.ledger import Entry
from tasks.markup import escape, link
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
        "\n".join(f"- {escape(reason)}" for reason in verdict["reasons"]),
        f"Run {escape(pending.run_id)} of {moment(pending.when)}: "
        f"{link('MLflow run', mlflow_url)}, page in the file {escape(page)}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
