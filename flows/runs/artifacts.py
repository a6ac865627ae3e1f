"""The artifacts of a flow run in the Prefect UI: their keys, and the addresses they lead to.

Guarantees: no two projects share a key; an address is one that a browser opens from the UI, never
a path of this machine.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from prefect.artifacts import MarkdownArtifact

from flows.runs.version_runs import run_of_version
from flows.services.server import served
from tasks.addresses import public_address
from tasks.errors import UnavailableError
from tasks.ledger import open_ledger
from tasks.markup import escape
from tasks.reports import decision_markdown, stage_markdown, verdict_sentence
from tasks.run_folder import PAGE, RunFolder
from tasks.runs import RunRecord, StageRecord
from tasks.tracking import Tracking

_SIGNS_SIDE_BY_SIDE = re.compile(r"[_-]{2}")


def publish_stage(
    record: StageRecord, project: str, task_run: UUID | None, links: Mapping[str, str]
) -> None:
    """The stage's checks, figures and key tables as an artifact of its task run."""
    MarkdownArtifact(
        key=artifact_key(project, record.name),
        description=escape(record.result.summary) if record.result else "",
        markdown=stage_markdown(record, links),
        task_run_id=task_run,
    ).create()


def publish_decision(run: RunRecord, home: Path, tracking: Tracking) -> None:
    """The run as an artifact of its flow run."""
    mlflow_url = tracking.run_url(run.mlflow_run_id or "")
    links = {"Decision page": page_address(home, run.run_id, mlflow_url), "MLflow run": mlflow_url}
    champion = _champion_flow_run(run, home, tracking)
    if champion:
        links["The champion's run in Prefect"] = prefect_url(champion)
    MarkdownArtifact(
        key=artifact_key(run.project.name, "decision"),
        description=escape(verdict_sentence(run)),
        markdown=decision_markdown(run, links),
    ).create()


def artifact_key(project: str, name: str) -> str:
    """The key of a project's artifact, in the letters, digits and dashes that Prefect allows.

    A name with signs side by side, such as `a--b`, would meet that of `a_b`: it gets a hash.
    """
    key = project.replace("_", "--")
    if _SIGNS_SIDE_BY_SIDE.search(project):
        key += f"-{hashlib.sha256(project.encode()).hexdigest()[:8]}"
    return f"{key}-{name.replace('_', '-')}"


def page_address(home: Path, run_id: str, mlflow_url: str) -> str:
    """Where a browser opens the decision page: at `assayline up`, else its copy in MLflow."""
    pages = served(home).get("pages")
    if pages and RunFolder.of(home, run_id).path.is_dir():
        return f"{public_address(pages).rstrip('/')}/runs/{run_id}"
    return page_in_mlflow(mlflow_url)


def page_in_mlflow(mlflow_url: str) -> str:
    """Where MLflow shows its copy of the decision page, given the address of the run there."""
    address, mark, view = mlflow_url.partition("?")
    return f"{address}/artifacts/{PAGE}{mark}{view}"


def prefect_url(flow_run: str | None) -> str:
    """Where a browser finds the flow run."""
    api = os.environ.get("PREFECT_API_URL", "")
    base = os.environ.get("PREFECT_UI_URL") or api.removesuffix("/api")
    return f"{public_address(base)}/runs/flow-run/{flow_run}"


def _champion_flow_run(run: RunRecord, home: Path, tracking: Tracking) -> str | None:
    """The flow run of the champion's run, where this home keeps it and it is another one."""
    version = _compared_with(run)
    if version is None:
        return None
    ledger = open_ledger(home, tracking, run.project.name)
    found = RunFolder.of(home, run_of_version(version, ledger, tracking).run_id)
    try:
        flow_run = (found.document() or {}).get("prefect_flow_run_id")
    except UnavailableError:
        return None
    return str(flow_run) if flow_run and flow_run != run.prefect_flow_run_id else None


def _compared_with(run: RunRecord) -> str | None:
    """The champion that the gate compared with; without a gate, the present one."""
    gate = next((stage.result for stage in run.stages if stage.name == "gate"), None)
    if gate is None:
        return run.champion_version
    against = any(row["against"] == "champion" for row in gate.facts["differences"])
    return str(gate.facts["against"]) if against else None
