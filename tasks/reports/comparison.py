"""Two runs side by side on a terminal: the sentence, what changed, what it did, where, flips.

Guarantees: columns are aligned; a difference is signed and positive where B is better; what is not
judged says why; no escape sequence comes from data.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.metrics import HIGHER_IS_BETTER
from tasks.reports.changes import attribution, changes_lines, changes_sentence
from tasks.reports.columns import clean, cut, pairs, table, wrap
from tasks.run_comparison import LabelMeasure, RunComparison
from tasks.run_comparison.effects import LEVEL, Effect
from tasks.run_comparison.flips import Flips
from tasks.run_comparison.results import Results
from tasks.run_comparison.slices import SliceEffects
from tasks.wording.numbers import NOTHING, shown_decimals, signed

_KEY_LENGTH = 13
_LABEL_LENGTH = 24
_NARROWEST = 60
_READING = (
    "On every line + means that B is better. The intervals tell what other test rows would have "
    "given; they do not hold the luck of training (another seed, other folds)."
)


def comparison_text(comparison: RunComparison, width: int) -> str:
    """The comparison for a terminal of `width` columns, ending with a line break.

    Sentences are wrapped; tables are as wide as they are, but for the features of examples.
    """
    width = max(width, _NARROWEST)
    lines = [
        comparison.project,
        f"  A  {comparison.before.text}",
        f"  B  {comparison.after.text}",
        "",
        *(line for sentence in headline(comparison) for line in wrap(sentence, width, "")),
        "",
        "What changed from A to B",
        *pairs(changes_lines(comparison.changes), width),
    ]
    results = comparison.results
    if results is not None and not results.problem:
        lines += _effects(results, width)
        lines += _where(results.by_slice, width) if results.by_slice else []
        lines += _flips(results.flips, width) if results.flips else []
    lines += _labels(comparison.labels)
    if comparison.missing:
        lines += ["", "Not compared"]
        lines += [line for told in comparison.missing for line in wrap(told, width, "  ")]
    return "\n".join(clean(line).rstrip() for line in lines) + "\n"


def _labels(measures: Sequence[LabelMeasure]) -> list[str]:
    """What became of the labels, where it is another."""
    changed = [one for one in measures if one.before != one.after]
    if not changed:
        return []
    rows = [["labels", "A", "B"]]
    for one in changed:
        values = (one.before, one.after)
        rows.append([one.name, *(NOTHING if v is None else f"{v:.3f}" for v in values)])
    return ["", "What became of the labels", *table(rows, "<>>")]


def headline(comparison: RunComparison) -> list[str]:
    """What it did, what changed, and whether the one can be put down to the other."""
    sentences = [_effect_sentence(comparison.results)]
    sentences.append(_sentence(changes_sentence(comparison.changes)))
    told = comparison.results is not None and not comparison.results.problem
    sentences.append(attribution(comparison.changes) if told else "")
    return [sentence for sentence in sentences if sentence]


def _effect_sentence(results: Results | None) -> str:
    if results is None:
        return "The models were not compared; the reason is at the end."
    if results.problem:
        return f"The models were not compared: {results.problem}"
    primary, flips = results.metrics[0], results.flips
    rows = f"on {results.rows:,} shared test {'row' if results.rows == 1 else 'rows'}"
    if primary.difference is None:
        return f"Not judged: {primary.name} is {primary.reason}, {rows}."
    size = f"{primary.name} {signed(primary.difference, primary.low, primary.high)}"
    if primary.difference == primary.low == primary.high and flips and flips.kept == results.rows:
        sentence = f"A and B predict the same {rows}"
    elif not primary.is_judged:
        sentence = f"Not judged, {primary.reason}: {size} from A to B, {rows}"
    elif not primary.excludes_zero:
        sentence = f"No difference is shown: {size} from A to B, {rows}"
    else:
        sentence = f"B is {'better' if primary.difference > 0 else 'worse'} than A: {size} {rows}"
    return f"{sentence}."


def _effects(results: Results, width: int) -> list[str]:
    lines = ["", "What it did", *wrap(_rows_compared(results), width, "  ")]
    rows = [["metric", "A", "B", "B against A, 95 %", "rows", ""]]
    places = shown_decimals(_intervals(results.metrics))
    for effect in results.metrics:
        name = f"{effect.name} of {cut(effect.of_class, _LABEL_LENGTH)}" if effect.of_class else ""
        lower = "" if HIGHER_IS_BETTER[effect.name] else " (lower is better)"
        numbers = _numbers(effect, places)
        rows.append([name or f"{effect.name}{lower}", *numbers, _remark(effect)])
    lines += table(rows, "<>><><")
    return lines + wrap(_READING, width, "  ")


def _rows_compared(results: Results) -> str:
    seen = [f"{n:,} that {name} was fitted or tuned on" for name, n in results.seen.items() if n]
    rows, last = f"{results.rows:,}", results.rows_of
    sentence = (
        f"On {rows} of the {results.test_rows:,} test rows of {last}, without {' and '.join(seen)}"
        if seen
        else f"On all {rows} test rows of {last}, which neither model was fitted or tuned on"
    )
    if results.relabelled:
        other = {"A": "B", "B": "A"}[results.rows_of]
        carry = "carries" if results.relabelled == 1 else "carry"
        sentence += f"; {results.relabelled:,} of them {carry} another label in {other}"
    return f"{sentence}."


def _where(by_slice: SliceEffects, width: int) -> list[str]:
    order = ", the worst first" if by_slice.effects else ""
    lines = ["", f"Where ({by_slice.metric}{order})"]
    if by_slice.effects:
        rows = [["slice", "A", "B", "B against A, 95 %", "rows", ""]]
        places = shown_decimals(_intervals(by_slice.effects))
        ordered = sorted(by_slice.effects, key=lambda e: (not e.is_judged, e.difference or 0.0))
        for effect in ordered:
            remark = _remark_on_slice(effect)
            rows.append([cut(effect.name, 44), *_numbers(effect, places), remark])
        lines += table(rows, "<>><><")
        lines += wrap(_holm(by_slice), width, "  ")
    notes = [f"{note[0].upper()}{note[1:]}." for note in by_slice.notes]
    return lines + [line for note in notes for line in wrap(note, width, "  ")]


def _holm(by_slice: SliceEffects) -> str:
    judged = sum(effect.is_judged for effect in by_slice.effects)
    chance = sum(effect.excludes_zero for effect in by_slice.effects)
    kept = len(by_slice.significant)
    if not judged:
        return "No slice can be judged."
    slices = f"Of {judged} judged slice{'' if judged == 1 else 's'}"
    if not chance:
        return f"{slices} none has an interval without 0."
    return (
        f"{slices} {chance} {'has' if chance == 1 else 'have'} an interval without 0. Among many "
        f"slices some have that by chance: {kept or 'none'} {'are' if kept > 1 else 'is'} "
        "significant after Holm's correction."
    )


def _flips(flips: Flips, width: int) -> list[str]:
    changed = flips.fixed + flips.broken + flips.wrong_otherwise
    p_value = "" if flips.p_value is None else f"; McNemar p {flips.p_value:.2g}"
    wrong = f", {flips.wrong_otherwise:,} wrong in another way" if flips.wrong_otherwise else ""
    sentence = (
        f"{changed:,} of {changed + flips.kept:,}: {flips.fixed:,} fixed (wrong → right), "
        f"{flips.broken:,} broken (right → wrong){wrong}{p_value}."
    )
    lines = ["", "Flipped predictions", *wrap(sentence, width, "  ")]
    classes = [["label", "rows", "fixed", "broken"]]
    classes += [
        [cut(c.label, _LABEL_LENGTH), f"{c.rows:,}", f"{c.fixed:,}", f"{c.broken:,}"]
        for c in flips.by_class
        if c.fixed or c.broken
    ]
    if not flips.examples:
        return lines
    lines += [*table(classes, "<>>>"), ""]
    rows = [["row key", "", "label", "A says", "B says", "p(label) in A", "in B", ""]]
    for row in flips.examples:
        words = (cut(word, _LABEL_LENGTH) for word in (row.label, row.before, row.after))
        numbers = (f"{row.p_before:.2f}", f"{row.p_after:.2f}")
        features = ", ".join(f"{name} {value}" for name, value in row.features.items())
        rows.append([cut(row.key, _KEY_LENGTH), row.flip, *words, *numbers, features])
    return lines + [cut(line.rstrip(), width) for line in table(rows, "<<<<<>><")]


def _numbers(effect: Effect, places: int) -> list[str]:
    """A, B, the difference with its interval, and the rows."""
    values = [
        NOTHING if value is None else f"{value:.{places}f}"
        for value in (effect.before, effect.after)
    ]
    size = NOTHING
    if effect.difference is not None:
        size = signed(effect.difference, effect.low, effect.high, places)
    return [*values, size, f"{effect.rows:,}"]


def _remark(effect: Effect) -> str:
    """Why an effect is not judged, else which way it goes where that is shown."""
    if effect.reason:
        return f"not judged: {effect.reason}"
    return _way(effect) if effect.excludes_zero else ""


def _remark_on_slice(effect: Effect) -> str:
    if effect.p_value is not None and effect.p_value < LEVEL:
        return f"{_way(effect)}, Holm p {effect.p_value:.2g}"
    return "by itself, not after Holm" if effect.excludes_zero else _remark(effect)


def _way(effect: Effect) -> str:
    return "better" if (effect.difference or 0) > 0 else "worse"


def _intervals(effects: Sequence[Effect]) -> list[tuple[float, float]]:
    return [(e.low, e.high) for e in effects if e.low is not None and e.high is not None]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
