"""Is a replay equal to the run that it repeats, and if not, where did they part and why?

Guarantees: what went in (libraries, Assayline's code and the project's, settings, data, opponents)
is compared before what came out, so that a cause is named before its effects, libraries first;
what came out is compared in the order of the stages, so that the first step that differs is where
the runs parted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.evidence import hash_of
from tasks.local_packages import recorded_sources
from tasks.recorded_run import RecordedRun
from tasks.stage_specs import keyed_stages
from tasks.verdict_document import VerdictDocument

_SHOWN = 5
_SOURCE_SHOWN = len("source ") + 12


@dataclass(frozen=True)
class JudgedRun:
    """A run that was judged: its verdict, and what it was given."""

    verdict: VerdictDocument
    run: RecordedRun

    @property
    def hashes(self) -> Mapping[str, Any]:
        """What the verdict speaks about."""
        hashes: Mapping[str, Any] = self.verdict.core["hashes"]
        return hashes


@dataclass(frozen=True)
class Step:
    """One thing that must be equal: its hash then and now, and in words what differs."""

    name: str
    then: str
    now: str
    detail: str = ""

    @property
    def equal(self) -> bool:
        """Whether both runs had the same."""
        return self.then == self.now


@dataclass(frozen=True)
class Replay:
    """What a comparison found: `inputs` as they went in, `results` in the order of the stages."""

    inputs: tuple[Step, ...]
    results: tuple[Step, ...]

    @property
    def equal(self) -> bool:
        """Whether everything is the same."""
        return all(step.equal for step in (*self.inputs, *self.results))

    @property
    def first_difference(self) -> Step | None:
        """The first step whose hash differs."""
        return next((step for step in (*self.results, *self.inputs) if not step.equal), None)

    @property
    def causes(self) -> tuple[str, ...]:
        """What went in that differs, in words, libraries first."""
        return tuple(step.detail for step in self.inputs if not step.equal)

    @property
    def sentence(self) -> str:
        """What was found."""
        first = self.first_difference
        if first is None:
            return (
                f"equal: all {len(self.inputs) + len(self.results)} steps, the verdict's hash too"
            )
        causes = "; ".join(self.causes) or (
            "libraries, code, project code, settings, data and opponents are the same; what is "
            "left is the machine (its processor, its number of threads) or a record that was "
            "changed"
        )
        if first.name == "verdict":
            return f"every result is equal, and what the verdict speaks about is not: {causes}"
        found = f" ({first.detail})" if first.detail and first not in self.inputs else ""
        return f"'{first.name}' is the first step that differs{found}; what differs: {causes}"


def compare_inputs(then: JudgedRun, now: JudgedRun) -> tuple[Step, ...]:
    """What went into both runs."""
    first, second = then.run.environment, now.run.environment
    sources = recorded_sources(first), recorded_sources(second)
    return (
        Step(
            "libraries",
            hash_of(_versions(first)),
            hash_of(_versions(second)),
            library_differences(first, second),
        ),
        Step("code", then.hashes["code"], now.hashes["code"], _code_difference(then, now)),
        Step(
            "project code", hash_of(sources[0]), hash_of(sources[1]), source_differences(*sources)
        ),
        Step(
            "settings",
            then.hashes["settings"],
            now.hashes["settings"],
            "the settings, whose defaults belong to the code",
        ),
        source_step(then.run.source_name, then.run.source_sha256, now.run.source_sha256),
        Step(
            "opponents", _opponents(then), _opponents(now), "the champion, the anchor or the wear"
        ),
    )


def compare_runs(then: JudgedRun, now: JudgedRun) -> Replay:
    """Both runs, step by step."""
    results = []
    for stage in (spec.name for spec in keyed_stages()):
        if stage in _BEFORE:
            name, value, words = _BEFORE[stage]
            detail = words(then, now) if value(then) != value(now) else ""
            results.append(Step(name, value(then), value(now), detail))
        found = (then.hashes["evidence"].get(stage, ""), now.hashes["evidence"].get(stage, ""))
        results.append(Step(stage, *found, _check_difference(stage, then, now)))
    results.append(Step("verdict", then.verdict.hash, now.verdict.hash))
    return Replay(compare_inputs(then, now), tuple(results))


def source_step(name: str, then: str, now: str) -> Step:
    """The data file, by the SHA-256 of its bytes."""
    return Step("source", then, now, f"the data, {name}: SHA-256 {then[:12]} then, {now[:12]} now")


def library_differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The libraries whose versions differ, at most five by name."""
    return _differences(_versions(then), _versions(now))


def source_differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The local packages whose source differs, at most five by name; empty where none does."""
    first, second = (
        {name: value[:_SOURCE_SHOWN] for name, value in one.items()} for one in (then, now)
    )
    differences = _differences(first, second)
    return f"the project's own code, {differences}" if differences else ""


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    shown = [
        f"{n} {then.get(n, 'absent')} then, {now.get(n, 'absent')} now" for n in names[:_SHOWN]
    ]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*shown, *more])


def _versions(environment: Mapping[str, str]) -> dict[str, str]:
    """What a run recorded of Python and libraries, without local packages."""
    sources = recorded_sources(environment)
    return {name: value for name, value in environment.items() if name not in sources}


def _code_difference(then: JudgedRun, now: JudgedRun) -> str:
    def text(judged: JudgedRun) -> str:
        own = judged.run.own_code
        commit = f", commit {own.commit[:12]}" if own.commit else ""
        return f"{judged.run.assayline}{commit}{' with changes' if own.dirty else ''}"

    return (
        f"the code, Assayline {text(then)} ({then.hashes['code'][:12]}) then, "
        f"{text(now)} ({now.hashes['code'][:12]}) now"
    )


def _opponents(judged: JudgedRun) -> str:
    core = judged.verdict.core
    return hash_of([core["champion"], core["anchor"], core["wear"]])


def _check_difference(stage: str, then: JudgedRun, now: JudgedRun) -> str:
    """The first check of a stage that differs, with both values."""
    before, after = _checks(stage, then), _checks(stage, now)
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) != after.get(name):
            return f"check {name}: {_shown(before.get(name))} then, {_shown(after.get(name))} now"
    return ""


def _checks(stage: str, judged: JudgedRun) -> dict[str, Mapping[str, Any]]:
    return {one["id"]: one for one in judged.verdict.core["checks"] if one["stage"] == stage}


def _shown(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "absent"
    value = check.get("value")
    return str(check.get("outcome")) + ("" if value is None else f" at {value:.6g}")


def _metric_difference(then: JudgedRun, now: JudgedRun) -> str:
    before, after = then.run.metrics, now.run.metrics
    names = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
    shown = [f"{n} {before.get(n)} then, {after.get(n)} now" for n in names[:_SHOWN]]
    return ", ".join(shown)


def _predictions(judged: JudgedRun) -> str:
    return str(judged.run.outputs.get("performance_audit", {}).get("test_predictions", ""))


def _nothing(_: JudgedRun, __: JudgedRun) -> str:
    return ""


_Value = Callable[[JudgedRun], str]
_Words = Callable[[JudgedRun, JudgedRun], str]

_BEFORE: Mapping[str, tuple[str, _Value, _Words]] = {
    "validation": ("data", lambda judged: str(judged.hashes["data"]), _nothing),
    "splitting": ("split", lambda judged: hash_of(judged.hashes["split"]), _nothing),
    "training": ("model", lambda judged: str(judged.hashes["model"]), _nothing),
    "performance_audit": ("predictions", _predictions, _nothing),
    "gate": ("metrics", lambda judged: hash_of(judged.run.metrics), _metric_difference),
}
"""What is named by itself, before the stage whose evidence holds it."""
