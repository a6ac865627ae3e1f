"""A run on one terminal screen: every stage, the verdict, what to work on next, where to look.

Guarantees: what to do next stands there whole, each command on a line of its own, to be copied; at
most 40 lines unless that, or a dozen places to look, take more; no line but a command, a path or an
address is longer than the width; no escape sequence unless colour is asked for, and none that comes
from data.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from itertools import chain

from tasks.audit_plan import plan_results, tell_open_risks
from tasks.checks import Check
from tasks.reports.words import STAGE_MARKS, VERDICT_MARKS, Tone, duration, stage_title
from tasks.runs import RunRecord, StageRecord

_MOST_LINES = 40
_NARROWEST = 40
_REFUSED = 3
_SETTING = re.compile(r"(--set '[^']*')")
"""How advice names a setting of the project to run with."""
_DEPTHS = ((2, 3), (2, 2), (1, 2), (1, 1))
"""Most lines of a stage and of a sentence, tried in order until the screen holds them."""
_COLOURS: Mapping[Tone, str] = {"good": "32", "caution": "33", "bad": "31", "quiet": "2"}
_BOLD = "1"
_SETTLED = {
    "approve": "Promoted by signature: {candidate} was approved by its owner.",
    "refuse": "Refused by its owner: {candidate} does not ship.",
    "rolled_back": "Not promoted: {candidate} was rolled back after an earlier promotion.",
}
"""What became of a verdict, where people settled it."""
_KNOWN_REASONS = {
    "first_model": "It is the first model of this project: there is no champion to compare with."
}


def summary_text(run: RunRecord, width: int, colour: bool, commands: Mapping[str, str]) -> str:
    """The run for a terminal of `width` columns, ending with a line break.

    `commands` says where to look: a name and the path, address or command. Those are never cut,
    so that they can be copied. Sentences are given as many lines as fit on the screen.
    """
    width = max(width, _NARROWEST)
    for row_lines, sentence_lines in _DEPTHS:
        lines = list(_lines(run, width, row_lines, sentence_lines, commands))
        if len(lines) <= _MOST_LINES:
            break
    painted = (_paint(text, style) if colour and style else text for text, style in lines)
    return "\n".join(painted) + "\n"


def verdict_sentence(run: RunRecord) -> str:
    """What was decided, in one sentence for a reader who sees nothing else."""
    if run.verdict is None:
        return _without_verdict(run)
    version = f", version {run.candidate_version}," if run.candidate_version else ""
    candidate = f"the candidate{version}"
    action = promotion_action(run)
    if action in _SETTLED:
        return _SETTLED[action].format(candidate=candidate)
    if run.verdict == "promote":
        action = action or ("promote" if run.exit_code == 0 else "pending")
        return _promoted(candidate, "trial" if action == "pending" and run.trial else action)
    champion = run.champion_version
    other = champion and champion != run.candidate_version
    stays = f"; version {champion} stays the champion" if other else ""
    if run.verdict == "reject":
        return f"Reject: {candidate} does not ship{stays}."
    waits = "; it waits for its owner's approval" if action == "pending" else ""
    return (
        f"Inconclusive: the evidence does not settle whether {candidate} may ship{waits or stays}."
    )


def verdict_notes(run: RunRecord) -> list[str]:
    """What else a reader of the verdict has to know: open risks to sign, repeated, resumed."""
    notes = _changes(run)
    if promotion_action(run) == "pending":
        checks = (check for stage in run.stages for check in stage.checks)
        notes.append(tell_open_risks(plan_results(run.project.audit, checks)))
    if run.unchanged_since:
        notes.append(f"Nothing has changed since run {run.unchanged_since}: its verdict stands.")
    if run.resumed_from:
        notes.append(f"This run went on from what run {run.resumed_from} had finished.")
    return notes


def _changes(run: RunRecord) -> list[str]:
    """What was changed of the project file for this run alone, and what follows from it."""
    free = [one for one in run.overrides if one not in run.trial]
    notes = []
    if run.trial:
        notes.append(
            "This run is a trial: it judges under other settings than the project file's "
            f"({', '.join(run.trial)}), and promotes only by a signature that names them. To "
            "promote without one, write them into the project file."
        )
    if free:
        notes.append(f"Changed for this run alone, and no trial: {', '.join(free)}.")
    return notes


def verdict_reasons(run: RunRecord) -> list[tuple[str, Check | None]]:
    """Each reason as a sentence, with the check that it names, if it names one.

    Where the data was refused and no reason is given, the refusing checks are the reasons.
    """
    checks = {check.id: check for stage in run.stages for check in stage.checks}
    return [_reason(reason, checks) for reason in run.reasons or run.refused_by]


def promotion_action(run: RunRecord) -> str:
    """What promotion did with the verdict; empty where it was not reached."""
    results = [stage.result for stage in run.stages if stage.name == "promotion"]
    return str(results[0].facts.get("action", "")) if results and results[0] else ""


def _promoted(candidate: str, action: str) -> str:
    if action == "promote":
        return f"Promote: {candidate} becomes the champion."
    if action == "pending":
        return f"Promote, once approved: {candidate} waits for its owner's approval."
    if action == "trial":
        return (
            f"Promote, once signed: {candidate} was judged in a trial, and waits for a signature "
            "that names what was changed."
        )
    return f"Promote, but not done: the champion changed before {candidate} could take its place."


def _without_verdict(run: RunRecord) -> str:
    if not run.refused_by and run.exit_code != _REFUSED:
        return "No verdict: the run ended before the candidate could be judged."
    count = len(run.refused_by)
    # A stage that judged nothing refuses the data too, and has no check to name.
    by = f"{count} checks" if count > 1 else "one check" if count else "one stage"
    return f"The data was refused by {by}: no model was trained on it."


def _reason(reason: str, checks: Mapping[str, Check]) -> tuple[str, Check | None]:
    if reason in checks:
        check = checks[reason]
        return f"{check.title}: {check.detail}", check
    if reason in _KNOWN_REASONS:
        return _KNOWN_REASONS[reason], None
    named = [name for name in checks if reason.startswith((f"{name}: ", f"{name} "))]
    if named:
        check = checks[max(named, key=len)]
        return reason[len(check.id) :].lstrip(": "), check
    return reason, next((c for c in checks.values() if c.detail and c.detail in reason), None)


def _lines(
    run: RunRecord, width: int, row_lines: int, depth: int, commands: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    """Lines with the style of each; a sentence takes `depth` lines at most."""
    tone = _COLOURS[VERDICT_MARKS[run.verdict].tone]
    glyph = VERDICT_MARKS[run.verdict].glyph
    reasons = [text for text, _ in verdict_reasons(run)]
    shown = reasons[:3]
    if len(reasons) > 3:
        shown[2:] = [f"and {len(reasons) - 2} more reasons on the decision page"]
    yield from _plain_lines([f"{run.project.name}, run {run.run_id}"], width, _BOLD)
    yield "", ""
    yield from chain.from_iterable(_stage(stage, width, row_lines) for stage in run.stages)
    yield "", ""
    sentence = f"{glyph} {verdict_sentence(run)}"
    yield from ((text, f"{_BOLD};{tone}") for text in _wrap(sentence, width, "", "  ", 3))
    for reason in [*shown, *verdict_notes(run)]:
        yield from ((text, "") for text in _wrap(reason, width, "  - ", "    ", depth))
    if run.compared:
        yield "", ""
        yield "Compared with the champion", _BOLD
        for sentence in run.compared:
            yield from ((text, "") for text in _wrap(sentence, width, "  - ", "    ", depth))
    if run.work_next:
        yield "", ""
        yield "What to work on next", _BOLD
        for place, sentence in enumerate(run.work_next[:3], start=1):
            yield from ((text, "") for text in _advice(sentence, width, f"  {place}. "))
    commands = {name: what for name, what in commands.items() if what}
    if commands:
        yield "", ""
        yield "Where to look", _BOLD
        longest = max(len(name) for name in commands)
        yield from ((f"  {name:<{longest}}  {_clean(what)}", "") for name, what in commands.items())


def _advice(sentence: str, width: int, first: str) -> Iterable[str]:
    """A sentence whole; a setting to run with is on a line of its own, however long it is."""
    rest = " " * len(first)
    for part in _SETTING.split(sentence):
        if _SETTING.fullmatch(part):
            yield f"{rest}  {_clean(part)}"
        elif part.strip(" .;"):  # not the full stop behind a command
            yield from _wrap(part, width, first, rest, None)
        first = rest


def _stage(stage: StageRecord, width: int, depth: int) -> Iterable[tuple[str, str]]:
    mark = STAGE_MARKS[stage.outcome]
    time = "" if stage.outcome == "not_run" else duration(stage.seconds)
    time = "cached" if stage.cached else time
    head = f"{mark.glyph} {mark.word:<7}  {stage_title(stage.name):<17}  "
    room = max(width - len(head) - 11, 0)
    words = stage.result.summary if stage.result else ""
    parts = _wrap(words, room, "", "", depth) if words and room > 20 else [""]
    style = "" if stage.outcome == "passed" else _COLOURS[mark.tone]
    yield f"{head}{parts[0]:<{room}}  {time:>9}".rstrip(), style
    yield from ((" " * len(head) + part, style) for part in parts[1:])


def _plain_lines(texts: Iterable[str], width: int, style: str) -> Iterable[tuple[str, str]]:
    return ((line, style) for text in texts for line in _wrap(text, width, "", "", 1))


def _wrap(text: str, width: int, first: str, rest: str, lines: int | None) -> list[str]:
    return textwrap.wrap(
        " ".join(_clean(text).split()),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        max_lines=lines,
        placeholder=" …",
    )


def _clean(text: str) -> str:
    """The text on one line, without the control characters that a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _paint(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if text else text
