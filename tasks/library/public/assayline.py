"""Assayline as a library: tests of data, labels and models on plain arrays and frames.

Guarantees: an import loads nothing heavy; each function is loaded with its first use, and gives
the numbers that a run gives. What a function does, takes and returns stands in its docstring:
`help(assayline.find_leaks)`.
"""

import importlib
import importlib.util
from typing import Any

_HOMES = {
    "Roles": "tasks.project.roles",
    "compare_models": "tasks.library.comparison_functions",
    "decide_promotion": "tasks.library.comparison_functions",
    "find_conflicts": "tasks.library.label_functions",
    "find_label_issues": "tasks.library.label_functions",
    "find_leaks": "tasks.library.data_functions",
    "find_weak_slices": "tasks.library.error_functions",
    "fingerprint": "tasks.library.data_functions",
    "label_probabilities": "tasks.library.label_functions",
    "measure_agreement": "tasks.library.label_functions",
    "measure_groups": "tasks.library.error_functions",
    "measure_robustness": "tasks.library.robustness_functions",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"assayline has no '{name}'; it has {', '.join(_HOMES)}")
    _refuse_other_tasks()
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _refuse_other_tasks() -> None:
    """A module of the name `tasks` that Python finds before ours is told by its file."""
    found = importlib.util.find_spec("tasks")
    if found is None:
        raise ImportError("Assayline's package 'tasks' is not there; install Assayline again")
    if found.submodule_search_locations is None or not importlib.util.find_spec("tasks.library"):
        raise ImportError(
            f"{found.origin or 'a folder of the name tasks'} hides Assayline's own package of the "
            "name 'tasks'; rename it, or start Python in another folder"
        )
