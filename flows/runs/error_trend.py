"""The error analyses of a project's last runs, found again for the page of the one that ends.

Guarantees: only this project's runs are looked at; a run that found the same as the next one is
not told twice; evidence that is gone or cannot be read leaves its run out and fails nothing.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from tasks.checks import Table
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.run_folder import RunFolder, runs_with
from tasks.tag_trend import MOST_RUNS, TaggedRun, tag_trend

_STAGE = "error_analysis"


def error_trend(
    home: Path, store: EvidenceStore, project: str, key: str, this: tuple[str, str]
) -> Table | None:
    """The tags most worth working on over the last runs of a home.

    `key` is that of this run's error analysis, `this` its id and when it started. None where
    no earlier run has another analysis.
    """
    names = [str(row["name"]) for row in store.facts(_STAGE, key).get("priorities", [])]
    if not names:
        return None  # without dev rows there is no table either
    run_id, started = this
    found = [TaggedRun(started=started, version="this run", tags=store.table(_STAGE, key, "tags"))]
    last = key
    for folder, keys in runs_with(home, project, _STAGE):
        earlier = keys[_STAGE]
        if folder.run_id >= run_id or earlier == last:
            continue
        with contextlib.suppress(KeyError, UnavailableError):
            run = _tagged(folder, store.table(_STAGE, earlier, "tags"))
            if not run.tags.equals(found[-1].tags):
                found.append(run)
            last = earlier
        if len(found) == MOST_RUNS:
            break
    return tag_trend(found[::-1], names)


def _tagged(folder: RunFolder, tags: Any) -> TaggedRun:
    document, when = folder.document(), folder.beside()["when"]
    if document is None:
        raise KeyError("document")
    version = document["candidate_version"]
    return TaggedRun(started=str(when), version=f"version {version}" if version else "", tags=tags)
