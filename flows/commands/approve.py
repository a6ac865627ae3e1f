"""`assayline approve RUN`: the owner's signature, without any server.

Guarantee: the signer names the verdict by its hash, which stands on the decision page; the open
risks that a signature accepts are named; a run of another home is signed as well, where both share
an MLflow server.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flows.runs.judged_run import JudgedRun
from flows.runs.shared_runs import reach_run
from flows.services.home import configure_environment, resolve_home
from flows.terminal import print_json
from tasks.approval import Choice
from tasks.audit_plan import recorded_results, tell_open_risks
from tasks.errors import UsageError

_EXIT_CODES = {"approved": 0, "refused": 0, "void": 4, "closed": 4}


def command(options: argparse.Namespace) -> int:
    """Sign a run that waits, and say in one line what happened."""
    project = Path(options.project) if options.project else Path.cwd() / "project.yaml"
    home = resolve_home(project)
    configure_environment(home)
    decision: Choice = "refuse" if options.refuse else "approve"
    with reach_run(home, options.run, project) as run:
        done = run.sign(decision, options.name, options.reason, options.verdict, options.overrides)
        ledger = run.ledger
        risks = _open_risks(run)
    if done.outcome == "unsigned":
        raise UsageError(done.sentence)
    code = _EXIT_CODES[done.outcome]
    if options.json:
        document = {
            "run_id": options.run,
            "project": ledger.project,
            "outcome": done.outcome,
            "sentence": done.sentence,
            "open_risks": risks,
            "entry": done.entry.sequence if done.entry else None,
            "champion_version": ledger.champion(),
            "exit_code": code,
        }
        print_json(document)
    else:
        sys.stdout.write(f"{done.sentence}\n")
        if done.outcome == "approved":
            sys.stdout.write(f"{risks}\n")
    return code


def _open_risks(run: JudgedRun) -> str:
    """What the signature accepts, as a sentence."""
    try:
        return tell_open_risks(recorded_results(run.verdict.core))
    except ValueError:
        return "The audit plan was written by another version of Assayline: see the decision page."
