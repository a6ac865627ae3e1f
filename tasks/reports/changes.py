"""What changed between two runs, in words: one sentence for a summary, lines for a terminal.

Guarantees: what is not known is said to be unknown, never to be the same; a value is shown on one
line, cut where it is long.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.run_comparison import Change, Changes, DataChanges
from tasks.run_comparison.data import Shift, total

_LONGEST_VALUE = 40
_MOST_NAMED = 3
_MOST_SETTINGS = 12
_MOST_LIBRARIES = 8
_MOST_CLASSES = 8
UNSET = "unset"


def changes_sentence(changes: Changes) -> str:
    """For example `data: 120 rows added, 14 relabelled; settings, code and libraries the same`."""
    parts, same, unknown = [], [], []
    for name in ("data", "settings", "code", "libraries"):
        found = getattr(changes, name)
        if found is None:
            unknown.append(name)
        elif words := _data_words(found) if name == "data" else _named(found):
            parts.append(f"{name}: {words}")
        else:
            same.append(name)
    if not parts and not unknown:
        return "nothing changed: data, settings, code and libraries are the same"
    if same:
        parts.append(f"{_listed(same)} the same")
    if unknown:
        parts.append(f"{_listed(unknown)} not known")
    return "; ".join(parts)


def attribution(changes: Changes) -> str:
    """Whether the effect can be put down to one cause; empty where exactly one thing changed."""
    if len(changes.causes) > 1:
        return (
            f"{_listed(changes.causes).capitalize()} changed together: the effect cannot be "
            "attributed to one of them."
        )
    if changes.unknown:
        others = _listed(changes.unknown)
        return f"Whether {others} changed is not known: the effect cannot be attributed."
    return ""


def changes_lines(changes: Changes) -> list[tuple[str, str]]:
    """What changed in detail, as a name and a line; a name is empty where it goes on."""
    lines: list[tuple[str, str]] = []
    if changes.data is not None:
        lines += _data_lines(changes.data)
    lines += _part("settings", changes.settings, _MOST_SETTINGS)
    lines += _part("code", changes.code, _MOST_SETTINGS)
    return lines + _part("libraries", changes.libraries, _MOST_LIBRARIES)


def _data_words(data: DataChanges) -> str:
    if data.problem:
        return f"{total(data.rows_before):,} rows → {total(data.rows_after):,}, not matched"
    counts = {
        "added": total(data.added),
        "removed": total(data.removed),
        "relabelled": total(data.relabelled),
        "with other features": total(data.changed),
        "on another side": sum(move.rows for move in data.moved),
    }
    words = [f"{n:,} {what}" for what, n in counts.items() if n]
    if words:
        words[0] = words[0].replace(" ", " row " if words[0].startswith("1 ") else " rows ", 1)
    columns = {
        "added": data.columns_added,
        "removed": data.columns_removed,
        "of another type": tuple(column.name for column in data.columns_retyped),
    }
    for what, names in columns.items():
        if names:
            words.append(f"{_number_of(names, 'column')} {what} ({_listed(names[:_MOST_NAMED])})")
    return ", ".join(words)


def _named(changes: Sequence[Change]) -> str:
    """The first changes with both values, those that reach the model before others."""
    ordered = sorted(changes, key=lambda change: not change.reaches_model)
    shown = [f"{c.name} {_values(c)}" for c in ordered[:_MOST_NAMED]]
    more = len(changes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _data_lines(data: DataChanges) -> list[tuple[str, str]]:
    sides = _counts(
        data.rows_before, data.rows_after, list({**data.rows_before, **data.rows_after})
    )
    names = sorted({*data.classes_before, *data.classes_after})
    classes = _counts(data.classes_before, data.classes_after, names[:_MOST_CLASSES])
    if len(names) > _MOST_CLASSES:
        classes += f" and {len(names) - _MOST_CLASSES} more"
    lines = [
        ("rows", f"{_count(total(data.rows_before), total(data.rows_after))} ({sides})"),
        ("labels", classes),
    ]
    if data.problem:
        return [*lines, ("", data.problem)]
    moves = [f"{move.rows:,} {move.before} → {move.after}" for move in data.moved]
    retyped = [f"{c.name} {c.before} → {c.after}" for c in data.columns_retyped]
    lines += [
        ("added", _counted(data.added, _by_class(data.added_classes))),
        ("removed", _counted(data.removed, _by_class(data.removed_classes))),
        ("relabelled", _counted(data.relabelled, _shifts(data.label_pairs))),
        ("other features", _counted(data.changed, _columns(data.changed_columns))),
    ]
    extra = {
        "moved side": ", ".join(moves),
        "columns added": ", ".join(data.columns_added),
        "columns removed": ", ".join(data.columns_removed),
        "columns retyped": ", ".join(retyped),
    }
    lines += [(name, words) for name, words in extra.items() if words]
    return lines + [("", note) for note in data.notes]


def _counts(before: Mapping[str, int], after: Mapping[str, int], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_count(before.get(name, 0), after.get(name, 0))}" for name in names)


def _count(before: int, after: int) -> str:
    return f"{after:,}" if before == after else f"{before:,} → {after:,}"


def _counted(by_side: Mapping[str, int], details: str) -> str:
    rows = total(by_side)
    if not rows:
        return "none"
    sides = ", ".join(f"{side} {n:,}" for side, n in by_side.items() if n)
    return f"{rows:,} ({sides}){details}"


def _by_class(classes: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{name} {n:,}" for name, n in list(classes.items())[:_MOST_CLASSES])


def _shifts(pairs: Sequence[Shift]) -> str:
    more = f" and {len(pairs) - 6} more kinds" if len(pairs) > 6 else ""
    return ": " + ", ".join(f"{p.rows:,} {p.before} → {p.after}" for p in pairs[:6]) + more


def _columns(changed: Mapping[str, int]) -> str:
    ordered = sorted(changed.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(ordered) - 5} more columns" if len(ordered) > 5 else ""
    return ": " + ", ".join(f"{name} {n:,}" for name, n in ordered[:5]) + more


def _part(name: str, changes: Sequence[Change] | None, most: int) -> list[tuple[str, str]]:
    if changes is None:
        return [(name, "not known")]
    if not changes:
        return [(name, "the same")]
    ordered = sorted(changes, key=lambda change: not change.reaches_model)
    lines = [
        f"{change.name}: {_values(change)}"
        + ("" if change.reaches_model else " (changes no model)")
        for change in ordered[:most]
    ]
    if len(ordered) > most:
        lines.append(f"and {len(ordered) - most} more")
    return [(name if not place else "", line) for place, line in enumerate(lines)]


def _values(change: Change) -> str:
    before, after = change.before, change.after
    if isinstance(before, list) and isinstance(after, list):
        gone, new = [v for v in before if v not in after], [v for v in after if v not in before]
        words = [f"without {_value(v)}" for v in gone] + [f"with {_value(v)}" for v in new]
        if len(words) == 1:
            return words[0]
        return f"{len(before)} entries → {len(after)}, {len(gone)} gone, {len(new)} new"
    return f"{_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if value is None:
        return UNSET
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"


def _number_of(names: Sequence[str], what: str) -> str:
    return f"{len(names):,} {what}" + ("" if len(names) == 1 else "s")
