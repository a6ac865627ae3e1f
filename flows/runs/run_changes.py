"""Settings, code and libraries of two recorded runs, compared.

Guarantee: what was not recorded is None, never "the same"; a change says whether it can have made
the model another.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace

from flows.runs.compared_runs import PROJECT_COMMIT, SOURCE_HASH, KeptRun
from tasks.lineage import installed_libraries
from tasks.project.sections import Project
from tasks.run_comparison import (
    Change,
    Changes,
    DataChanges,
    changed_entries,
    changed_settings,
)
from tasks.verdict_document import code_hash, environment

_PYTHON = "python"


def changes_between(before: KeptRun, after: KeptRun, data: DataChanges | None) -> Changes:
    """What differs between two recorded runs; `data` is what changed in their rows."""
    return Changes(
        data=data,
        settings=_settings(before.project, after.project),
        code=_code(before, after),
        libraries=_libraries(before.libraries, after.libraries, after.project or before.project),
    )


def changes_since(before: KeptRun, project: Project, data: DataChanges | None) -> Changes:
    """What differs between a recorded run and the one that is running now."""
    then = before.code
    now = {_PYTHON: platform.python_version(), **installed_libraries()}
    source = {SOURCE_HASH: then[SOURCE_HASH]} if then else None
    return Changes(
        data=data,
        settings=_settings(before.project, project),
        code=changed_entries(source, {SOURCE_HASH: code_hash()[:12]}) if source else None,
        libraries=_libraries(before.libraries, now, project),
    )


def _settings(before: Project | None, after: Project | None) -> tuple[Change, ...] | None:
    if before is None or after is None:
        return None
    first, second = (one.model_dump(mode="json", by_alias=True) for one in (before, after))
    return changed_settings(first, second)


def _code(before: KeptRun, after: KeptRun) -> tuple[Change, ...] | None:
    """The source's hash says what the stages ran; commits are told beside it.

    The project's own commit matters only where estimators are imported from its code.
    """
    if before.code is None or after.code is None:
        return None
    reaching = {SOURCE_HASH}
    if before.imports_own_code or after.imports_own_code:
        reaching.add(PROJECT_COMMIT)
    return tuple(
        replace(change, reaches_model=change.name in reaching)
        for change in changed_entries(before.code, after.code)
        if change.before is not None and change.after is not None
    )


def _libraries(
    before: Mapping[str, str] | None, after: Mapping[str, str] | None, project: Project | None
) -> tuple[Change, ...] | None:
    """Those that the stages import reach the model; all do where the project is not known.

    Python itself is compared where both runs recorded it.
    """
    if before is None or after is None:
        return None
    if _PYTHON not in before or _PYTHON not in after:
        before, after = ({n: v for n, v in one.items() if n != _PYTHON} for one in (before, after))
    imported = environment(project) if project is not None else None
    return tuple(
        replace(change, reaches_model=imported is None or change.name in imported)
        for change in changed_entries(before, after)
    )
