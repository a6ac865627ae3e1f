"""Which rows break the project's rules? Great Expectations answers.

Guarantees:

* a rule that raised or met no rows is no success: its finding says why it could not be judged;
* Great Expectations is imported (2 to 5 s) only where the project has a rule; nothing is written
  to disk, printed or sent, and the library's remarks are silenced.

A rule's `row_condition` is written as the conditions of slices are; it is parsed, never run.
"""

from __future__ import annotations

import gc
import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.conditions import nearest_column, parse_condition
from tasks.project.data_sections import Expectation
from tasks.validation.rules import build_rule, judges_rows, judges_values, named_columns

Positions = np.ndarray[Any, np.dtype[np.intp]]
_LONGEST_OBSERVED = 80


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one rule found in a frame.

    `problem` says why the rule could not be judged (None: it was). `n` is the number of rows that
    it was judged on. For a rule about rows, `failing` holds the positions of the rows that break
    it, whether or not its `mostly` tolerates them; for a rule about a column or the table as a
    whole it is None, and `observed` holds what was seen.
    """

    rule: Expectation
    columns: tuple[str, ...]
    met: bool
    n: int
    failing: Positions | None = None
    observed: float | str | None = None
    problem: str | None = None


def run_expectations(rules: Sequence[Expectation], frame: pd.DataFrame) -> list[Finding]:
    """Judge every rule on the rows of `frame`; findings stand in the order of the rules.

    Raises ProjectFileError for a rule that cannot be understood (see `build_rule`) and for a
    condition that cannot.
    """
    if not rules:
        return []
    with _quiet():
        with _collector_paused():
            import great_expectations as gx
        built = [build_rule(rule, frame, place=place) for place, rule in enumerate(rules)]
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("rows")
        findings: dict[int, Finding] = {}
        for condition in dict.fromkeys(_condition(rule) for rule in rules):
            positions = _positions(condition, frame)
            part = frame.iloc[positions].reset_index(drop=True)
            # An asset of its own a condition, because metrics are remembered by asset.
            asset = source.add_dataframe_asset(condition or "all rows")
            definition = asset.add_batch_definition_whole_dataframe("whole")
            batch = definition.get_batch(batch_parameters={"dataframe": part})
            chosen = [
                b for b, rule in zip(built, rules, strict=True) if _condition(rule) == condition
            ]
            suite = gx.ExpectationSuite("rules", expectations=chosen)
            for result in batch.validate(suite, result_format="COMPLETE").results:
                place = int(result.expectation_config.meta["place"])
                findings[place] = _finding(rules[place], built[place], result, part, positions)
    return [findings[place] for place in range(len(rules))]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library, which writes to standard error where no log handler is set."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection: what an import makes lives on (the import is a sixth faster)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _condition(rule: Expectation) -> str | None:
    return rule.kwargs.get("row_condition")


def _positions(condition: str | None, frame: pd.DataFrame) -> Positions:
    if condition is None:
        return np.arange(len(frame))
    return np.flatnonzero(parse_condition(condition).mask(frame))


def _finding(
    rule: Expectation, built: Any, result: Any, part: pd.DataFrame, positions: Positions
) -> Finding:
    columns = named_columns(rule)
    raised = _raised(result.exception_info)
    if raised is not None:
        missing = [column for column in columns if column not in part.columns]
        why = f"it names '{missing[0]}'{nearest_column(missing[0], part)}" if missing else raised
        return Finding(rule=rule, columns=columns, met=False, n=0, problem=why)
    found: Mapping[str, Any] = result.result
    failing: Positions | None = None
    observed: float | str | None = None
    if judges_rows(built) and "element_count" in found:  # of a column's type the library has none
        n = int(found["element_count"]) - int(found.get("missing_count") or 0)
        failing = np.sort(positions[np.asarray(found["unexpected_index_list"], dtype=np.intp)])
    else:
        n = (
            int(part[list(columns)].notna().any(axis=1).sum())
            if judges_values(built)
            else len(part)
        )
        observed = _observed(found.get("observed_value"))
    problem = None if n else "it met no rows with a value"
    met = bool(result.success) and n > 0 and not _is_nan(observed)
    return Finding(
        rule=rule,
        columns=columns,
        met=met,
        n=n,
        failing=failing,
        observed=observed,
        problem=problem,
    )


def _raised(info: Mapping[str, Any]) -> str | None:
    """The first exception of a rule: the library keeps one, or one a metric."""
    infos = [info] if "raised_exception" in info else list(info.values())
    messages = [str(each["exception_message"]) for each in infos if each["raised_exception"]]
    return " ".join(messages[0].split()) if messages else None


def _observed(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | np.number):
        return float(value)
    return json.dumps(value, default=str)[:_LONGEST_OBSERVED]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
