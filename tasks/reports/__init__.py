"""From results to what people read: the page, figures, Markdown, the terminal, JSON.

Guarantees: every view shows the same checks of the same `RunRecord` and computes nothing that a
decision rests on; the same record gives the same bytes; no value from data is taken for markup.
"""

from tasks.reports.decision_artifact import decision_markdown
from tasks.reports.document import run_document
from tasks.reports.figures import draw
from tasks.reports.markdown import run_markdown, stage_markdown
from tasks.reports.page import render_page
from tasks.reports.request import request_markdown
from tasks.reports.summary import promotion_action, summary_text, verdict_sentence

__all__ = [
    "decision_markdown",
    "draw",
    "promotion_action",
    "render_page",
    "request_markdown",
    "run_document",
    "run_markdown",
    "stage_markdown",
    "summary_text",
    "verdict_sentence",
]
