"""`assayline history`: the ledger as a table, what was live at a moment, and whether it holds.

Guarantees: moments are in UTC and said to be; a champion is told with who allowed it and where the
evidence lies; what does not match the record ends with exit code 4.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.runs.version_runs import mlflow_run_of, run_of_version
from flows.services.home import configure_environment, own_mlflow, resolve_home
from flows.terminal import print_json
from tasks import moments
from tasks.errors import UsageError
from tasks.ledger import Entry, Ledger, open_ledger
from tasks.ledger_audit import NO_ENTRY, UNDETECTED, Finding, audit_ledger
from tasks.ledger_entries import chained
from tasks.project import load_project
from tasks.run_folder import RunFolder

if TYPE_CHECKING:
    from tasks.tracking import Tracking

_INDENT = " " * 5


def command(options: argparse.Namespace) -> int:
    """Print the ledger of a project, or what `--at` and `--verify` ask of it."""
    loaded = load_project(Path(options.project))
    name, home = loaded.project.name, resolve_home(loaded.path)
    moment = _moment(options.at) if options.at else None
    if not has_records(home, name):
        return _print_nothing(name, moment, options)
    from tasks.tracking import Tracking

    tracking = Tracking(home)
    ledger = open_ledger(home, tracking, name)
    if options.verify:
        return _verify(ledger, tracking, home, options.json)
    if moment is not None:
        return _print_live(_live_document(ledger, moment, tracking, home), options.json)
    entries = ledger.entries()
    if options.json:
        rows = [{**entry.values, "hash": entry.hash} for entry in entries]
        print_json(rows)
    else:
        sys.stdout.write(ledger_table(entries, min(shutil.get_terminal_size().columns, 110)))
    return 0


def has_records(home: Path, project: str) -> bool:
    """Whether there is anything to ask: a home that was never used is not begun by a question."""
    configure_environment(home)
    traces = (home / "mlflow.db", home / "ledger" / f"{project}.jsonl")
    return os.environ["MLFLOW_TRACKING_URI"] != own_mlflow(home) or any(
        path.is_file() for path in traces
    )


def ledger_table(entries: Sequence[Entry], width: int) -> str:
    """The entries as aligned lines of at most `width` characters, each with its reason below."""
    heads = ("#", "when", "action", "champion", "candidate", "who", "run")
    rows = [
        (
            str(entry.sequence),
            entry.when,
            entry.action,
            f"{entry.from_version or '-'} -> {entry.to_version or '-'}"
            if entry.moves
            else f"{entry.to_version or '-'}",
            entry.candidate_version or "-",
            entry.who,
            entry.run_id,
        )
        for entry in entries
    ]
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [_aligned(heads, widths)]
    for entry, row in zip(entries, rows, strict=True):
        lines += [_aligned(row, widths), *_reason(entry, max(width, 60))]
    return "\n".join(lines) + "\n"


def live_at(entries: Sequence[Entry], moment: datetime.datetime) -> Entry | None:
    """The entry that made the champion of a moment; None before the first one."""
    moves = [
        entry
        for entry in entries
        if entry.moves and _in_utc(datetime.datetime.fromisoformat(entry.when)) <= moment
    ]
    return moves[-1] if moves else None


def _print_nothing(
    project: str, moment: datetime.datetime | None, options: argparse.Namespace
) -> int:
    """The answers of a project without a ledger."""
    if options.verify:
        return _print_findings(project, [Finding("chain", "not checked", NO_ENTRY)], options.json)
    if moment is not None:
        return _print_live(_asked(project, moment), options.json)
    sys.stdout.write("[]\n" if options.json else f"{project}: {NO_ENTRY}\n")
    return 0


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    cells = [first[0].rjust(max(first[1], 3)), *(text.ljust(width) for text, width in rest)]
    return "  ".join(cells).rstrip()


def _reason(entry: Entry, width: int) -> list[str]:
    notes = [entry.why]
    if entry.refers_to is not None:
        notes.append(f"(entry {entry.refers_to})")
    if entry.expires is not None:
        notes.append(f"(can be signed until {entry.expires})")
    text = " ".join(" ".join(notes).split())
    return textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _moment(text: str) -> datetime.datetime:
    """The moment that `--at` names, in UTC: a date alone is the end of its day, at most now."""
    found: datetime.datetime
    try:
        found = datetime.datetime.combine(datetime.date.fromisoformat(text), datetime.time.max)
    except ValueError:
        try:
            found = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(
                f"--at {text} is no date; write it as 2026-05-01, or as 2026-05-01T14:30 (UTC)"
            ) from None
    return min(_in_utc(found), moments.now())


def _in_utc(moment: datetime.datetime) -> datetime.datetime:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return zoned.astimezone(datetime.UTC)


def _live_document(
    ledger: Ledger, moment: datetime.datetime, tracking: Tracking, home: Path
) -> dict[str, Any]:
    entries = ledger.entries()
    entry = live_at(entries, moment)
    if entry is None:
        return _asked(ledger.project, moment)
    later = [one.when for one in entries[entry.sequence :] if one.moves]
    run_id = entry.run_id
    if not entry.verdict_hash:  # the ledger began with it, so a run before it judged it
        run_id = run_of_version(str(entry.to_version), ledger, tracking).run_id or run_id
    page = RunFolder.of(home, run_id).page
    return {
        **_asked(ledger.project, moment),
        "version": entry.to_version,
        "since": entry.when,
        "until": later[0] if later else None,
        "action": entry.action,
        "who": entry.who,
        "why": entry.why,
        "sequence": entry.sequence,
        "verdict_hash": entry.verdict_hash,
        "run_id": run_id,
        "mlflow_run_id": mlflow_run_of(run_id, ledger.project, tracking),
        "report": str(page) if page.is_file() else None,
    }


def _asked(project: str, moment: datetime.datetime) -> dict[str, Any]:
    return {"project": project, "at": moment.isoformat(timespec="seconds"), "version": None}


def _print_live(document: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print_json(document)
        return 0
    project, at = document["project"], document["at"]
    if document["version"] is None:
        sys.stdout.write(f"no model of {project} was live at {at}\n")
        return 0
    until = f"until {document['until']}" if document["until"] else "and still is"
    rows = {
        "since": f"{document['since']}, {until}",
        "allowed by": f"{document['who']} ({document['action']}, entry {document['sequence']})",
        "why": document["why"],
        "verdict": document["verdict_hash"] or "none recorded",
        "run": document["run_id"],
        "MLflow run": document["mlflow_run_id"] or "not in the store",
        "decision page": document["report"] or "not in this home; it lies with the MLflow run",
    }
    sys.stdout.write(f"version {document['version']} of {project} was live at {at}\n")
    for title, value in rows.items():
        sys.stdout.write(_hanging(f"  {title:<15}", value))
    return 0


def _hanging(head: str, text: str) -> str:
    """The text beside its head, wrapped; words that are too long (hashes, paths) stay whole."""
    lines = textwrap.wrap(text, 100 - len(head), break_long_words=False, break_on_hyphens=False)
    return head + f"\n{' ' * len(head)}".join(lines) + "\n"


def _verify(ledger: Ledger, tracking: Tracking, home: Path, as_json: bool) -> int:
    from flows.runs.judged_run import PAGE_HASH
    from tasks.evidence import EvidenceStore
    from tasks.serving_audit import audit_evidence, audit_served

    def recorded_page(entry: Entry) -> str:
        if entry.page_hash:
            return entry.page_hash
        run = mlflow_run_of(entry.run_id, ledger.project, tracking)
        return tracking.run_tags(run).get(PAGE_HASH, "") if run else ""

    alias, runs = tracking.champion_version(ledger.project), home / "runs"
    findings = audit_ledger(ledger, alias, runs, recorded_page)
    if findings[0].outcome != "failed":  # a broken chain says of nothing what it should be
        entries = [
            entry for entry, _ in chained(ledger.project, ledger.store.read_entries(ledger.project))
        ]
        evidence = audit_evidence(entries, runs, EvidenceStore(home / "evidence"))
        findings = (*findings, *evidence, audit_served(tracking, ledger.project, entries))
    return _print_findings(ledger.project, findings, as_json)


def _print_findings(project: str, findings: Sequence[Finding], as_json: bool) -> int:
    holds = not any(finding.outcome == "failed" for finding in findings)
    if as_json:
        document = {
            "project": project,
            "ok": holds,
            "findings": [asdict(finding) for finding in findings],
            "undetected": UNDETECTED,
        }
        print_json(document)
        return 0 if holds else 4
    for finding in findings:
        sys.stdout.write(_hanging(f"{finding.outcome:<12}{finding.subject:<10}", finding.detail))
    sys.stdout.write(f"{textwrap.fill(UNDETECTED, 100)}\n")
    return 0 if holds else 4
