"""From the stored results to what people look at: Prefect artifacts, MLflow, the decision page.

Guarantees: a cached stage is published like a computed one; the page is written once, hashed, and
never edited; everything is a view of the same list of checks.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.runs import progress
from flows.runs.artifacts import page_in_mlflow, prefect_url, publish_decision
from flows.runs.comparison import compared_with_champion
from flows.runs.context import RunContext
from flows.runs.error_trend import error_trend
from flows.runs.recording import write_patches
from flows.runs.run_names import describe_run
from tasks.atomic import write_json, write_text
from tasks.checks import Table
from tasks.evidence import EvidenceStore
from tasks.lineage import CodeVersion, installed_libraries
from tasks.markup import link
from tasks.reports import render_page, run_document, run_markdown
from tasks.runs import RunRecord
from tasks.steps import Ref
from tasks.tracking import DatasetRecord, TrialRecord

EXAMPLES = "dev_errors.parquet"
"""Every error of error analysis, in the run's folder and on its MLflow run."""


@dataclass(frozen=True)
class Publisher:
    """Shows what a run found."""

    context: RunContext

    def compared(self, refs: Mapping[str, Ref], serving: str | None) -> tuple[str, ...]:
        """How the candidate compares with the champion, and what changed since that one's run.

        `serving` is the champion when the gate judged.
        """
        context = self.context
        if "gate" not in refs:
            serving = context.given.opponents.serving()
        places = (context.home, context.store, refs)
        return compared_with_champion(*places, context.project, context.tracking, serving)

    def trend(self, refs: Mapping[str, Ref]) -> Table | None:
        """How the tags that are worth working on fared in the last runs of the project."""
        context = self.context
        if "error_analysis" not in refs:
            return None
        return error_trend(
            context.home,
            context.store,
            context.project.name,
            refs["error_analysis"].key,
            (context.run_id, context.started),
        )

    def publish(self, run: RunRecord, refs: Mapping[str, Ref]) -> dict[str, Any]:
        """Write the page and the document, log the run in MLflow, and link all of them."""
        context, folder = self.context, self.context.folder
        run = replace(run, report=str(folder.page), provenance=_provenance(run, *context.code))
        html = render_page(run)
        page_hash = hashlib.sha256(html.encode()).hexdigest()
        document = run_document(run)
        write_text(folder.project_file, context.loaded.text)
        write_json(folder.overrides_file, context.loaded.overrides)
        write_json(folder.libraries_file, installed_libraries(), indent=1)
        keys = {name: ref.key for name, ref in refs.items()}
        write_json(folder.evidence_file, {"project": run.project.name, "keys": keys})
        write_patches(context.code, folder.path)
        _copy_examples(context.store, refs, folder.path)
        write_json(folder.document_file, document, indent=1)
        write_text(folder.page, html)
        _log(run, context, refs, page_hash)
        context.tracking.rename_run(context.mlflow_run, describe_run(document))
        publish_decision(run, context.home, context.tracking)
        progress.active().finished(run)
        return document


class ReplayPublisher(Publisher):
    """A replay leaves nothing but its document, and is compared by whoever asked for it."""

    def compared(self, refs: Mapping[str, Ref], serving: str | None) -> tuple[str, ...]:
        """Nothing: the champion of then is none now."""
        return ()

    def trend(self, refs: Mapping[str, Ref]) -> Table | None:
        """None: the runs of then are no last runs now."""
        return None

    def publish(self, run: RunRecord, refs: Mapping[str, Ref]) -> dict[str, Any]:
        """The document alone."""
        return run_document(run)


def _log(run: RunRecord, context: RunContext, refs: Mapping[str, Ref], page_hash: str) -> None:
    store, folder, tracking = context.store, context.folder, context.tracking
    training = store.facts(*refs["training"].place) if "training" in refs else {}
    with tempfile.TemporaryDirectory(dir=folder.path) as temporary:
        bundle = Path(temporary)
        for path in folder.path.iterdir():
            if path.is_file() and path != folder.journal_file and path.name[0] != ".":
                shutil.copyfile(path, bundle / path.name)
        if folder.recorded.is_dir():
            shutil.copytree(folder.recorded, bundle / folder.recorded.name)
        for name, ref in refs.items():
            _copy_evidence(store.folder(*ref.place), bundle / "evidence" / name)
        tracking.log(
            context.mlflow_run,
            params=_params(run, training),
            metrics={**_headline(run), **run.metrics},
            tags=_tags(run, page_hash, context.code, tracking.run_url(context.mlflow_run)),
            datasets=_datasets(run, context, refs),
            artifacts=bundle,
        )
    if run.unchanged_since:
        return  # the run that it names has all of them, and equal copies say nothing
    trials = [
        TrialRecord(
            name=f"{trial['candidate']} {number}",
            params=trial["params"],
            metrics={f"cv.{n}": trial[n] for n in ("cv_mean", "cv_std") if trial[n] is not None},
        )
        for number, trial in enumerate(training.get("trials", []), 1)
    ]
    tracking.log_trials(context.mlflow_run, run.project.name, trials)


def _headline(run: RunRecord) -> dict[str, float]:
    """The metrics that a list of runs shows first: MLflow sorts them by name."""
    gate = next((s.result.facts for s in run.stages if s.name == "gate" and s.result), {})
    metric = gate.get("metric", "")
    found = {f"1 {metric}": run.metrics.get(f"test.{metric}")}
    for opponent in [row["against"] for row in gate.get("differences", ())][:1]:
        name = f"gate.difference.{opponent}"
        found[f"2 gain over {opponent}"] = run.metrics.get(name)
        found[f"2 gain over {opponent} low"] = run.metrics.get(f"{name}.low")
        found[f"2 gain over {opponent} high"] = run.metrics.get(f"{name}.high")
    return {name: value for name, value in found.items() if value is not None}


def _tags(
    run: RunRecord, page_hash: str, code: tuple[CodeVersion, CodeVersion], mlflow_url: str
) -> dict[str, str]:
    project_code, own_code = code
    note = run_markdown(replace(run, report=page_in_mlflow(mlflow_url)))
    return {
        "assayline.verdict": run.verdict or "refused",
        "assayline.refused_by": ", ".join(run.refused_by),
        "assayline.page_sha256": page_hash,
        "assayline.verdict_hash": str(run.verdict_hash),
        "assayline.dataset_fingerprint": str(run.dataset.get("fingerprint")),
        "assayline.candidate_version": str(run.candidate_version),
        "assayline.unchanged_since": str(run.unchanged_since),
        "assayline.code": own_code.text,
        "mlflow.source.git.commit": project_code.commit or "",
        "git.dirty": str(project_code.dirty).lower(),
        "prefect.flow_run_url": prefect_url(run.prefect_flow_run_id),
        "mlflow.note.content": (
            f"{note}\n\n{link('Prefect run', prefect_url(run.prefect_flow_run_id))}\n"
        ),
    }


def _copy_evidence(source: Path, target: Path) -> None:
    """What a reader sees; rows for later stages stay in the evidence store."""
    target.mkdir(parents=True)
    shutil.copyfile(source / "result.json", target / "result.json")
    shutil.copytree(source / "tables", target / "tables")


def _copy_examples(store: EvidenceStore, refs: Mapping[str, Ref], folder: Path) -> None:
    """The errors with their features, for whoever looks beyond the page; MLflow gets them too."""
    if "error_analysis" not in refs:
        return
    kept = store.folder(*refs["error_analysis"].place) / "outputs" / EXAMPLES
    if kept.is_file():
        shutil.copyfile(kept, folder / EXAMPLES)


def _datasets(run: RunRecord, context: RunContext, refs: Mapping[str, Ref]) -> list[DatasetRecord]:
    if "splitting" not in refs:
        return []
    facts = context.store.facts(*refs["splitting"].place)
    schema = context.store.facts(*refs["ingestion"].place).get("schema", {})
    return [
        DatasetRecord(
            context=side,
            name=f"{run.project.name}-{side}",
            source=str(context.loaded.source_path),
            fingerprint=facts["fingerprints"][side],
            rows=facts["rows"][side],
            schema=schema,
        )
        for side in ("train", "dev", "test")
    ]


def _params(run: RunRecord, training: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {f"chosen.{n}": v for n, v in training.get("chosen_params", {}).items()}
    kept = ("metric", "chosen", "threshold", "class_weight")
    return {
        "seed": run.project.seed,
        **{name: training[name] for name in kept if name in training},
        **chosen,
    }


def _provenance(run: RunRecord, project: CodeVersion, own: CodeVersion) -> dict[str, str]:
    libraries = installed_libraries()
    shown = ("scikit-learn", "numpy", "pandas", "pyarrow", "mlflow", "prefect")
    return {
        "run": run.run_id,
        "started": run.started,
        "verdict hash": run.verdict_hash or "",
        "seed": str(run.project.seed),
        "data fingerprint": str(run.dataset.get("fingerprint")),
        "project code": project.text,
        "assayline code": own.text,
        "stored model": _stored_model(run),
        "libraries": ", ".join(f"{name} {libraries[name]}" for name in shown if name in libraries),
        "MLflow run": run.mlflow_run_id or "",
        "Prefect flow run": run.prefect_flow_run_id or "",
    }


def _stored_model(run: RunRecord) -> str:
    """What reading the model builds: who serves it sees that no code is among it."""
    facts = next((s.result.facts for s in run.stages if s.name == "training" and s.result), {})
    if "stored_types" not in facts:
        return ""  # no model was stored
    types = ", ".join(facts["stored_types"]) or "none"
    return f"by skops, without pickle; types beyond skops' own, each on the allow-list: {types}"
