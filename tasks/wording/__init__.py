"""What a stage found, in words: the one renderer of titles, sentences, notes and summaries.

Guarantees: words are made when a result is read, from the values that it holds, so that none are
stored, hashed or computed with, and no module that computes imports this package; what holds words
of its own, as results of older versions do, keeps them.

Each stage has a module here, whose `WORDS` say how its checks, tables and figures read.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache

from tasks.checks import Check, Figure, StageResult, Table
from tasks.wording.words import StageWords, Words

_MODULES = {
    "validation": "validation",
}
"""The module of each stage that stores values and no words."""


def worded(result: StageResult) -> StageResult:
    """The result with its words, for a reader."""
    words = _words_of(result.stage)
    if words is None:
        return result
    return replace(
        result,
        summary=result.summary or words.summary(result),
        checks=tuple(_check(check, words) for check in result.checks),
        tables={name: _table(name, table, words) for name, table in result.tables.items()},
        figures=tuple(_figure(figure, words) for figure in result.figures),
    )


def worded_check(check: Check) -> Check:
    """The check with its title and its sentence."""
    words = _words_of(check.stage)
    return check if words is None else _check(check, words)


@cache
def _words_of(stage: str) -> StageWords | None:
    if stage not in _MODULES:
        return None
    module = importlib.import_module(f"tasks.wording.{_MODULES[stage]}")
    found: StageWords = module.WORDS
    return found


def _check(check: Check, words: StageWords) -> Check:
    if check.title or check.detail:
        return check
    title, detail = words.check_words(check)
    return replace(check, title=title, detail=detail)


def _table(name: str, table: Table, words: StageWords) -> Table:
    if table.title:
        return table
    title, note = _pair(words.tables[name], table)
    return replace(table, title=title, note=note)


def _figure(figure: Figure, words: StageWords) -> Figure:
    if figure.title:
        return figure
    title, alt = _pair(words.figures[figure.table], figure)
    return replace(figure, title=title, alt=alt)


def _pair(known: Words, one: object) -> tuple[str, str]:
    if callable(known):
        found: tuple[str, str] = known(one)
        return found
    return (known, "") if isinstance(known, str) else known
