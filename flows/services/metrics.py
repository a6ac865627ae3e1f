"""Metrics that Prometheus scrapes: the runs of a home, and the services beside them.

Guarantees: names and units follow Prometheus' conventions; a counter never goes down while the
process lives; a fact that is not known has no sample, rather than a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flows.services.run_facts import RESULTS, EndedRun, RunFacts, RunReader


@dataclass(frozen=True)
class ServiceState:
    """One service of `assayline up`, now."""

    name: str
    alive: bool
    restarts: int


Services = Callable[[], Sequence[ServiceState]]


class HomeMetrics(Collector):
    """What is known of a home and its services, asked again at each scrape."""

    def __init__(self, runs: RunReader, services: Services) -> None:
        self._runs = runs
        self._services = services

    def collect(self) -> Iterable[Metric]:
        """The metrics of now."""
        facts = self._runs.read()
        judged = sorted(facts.judged.items())
        yield from _of_all_runs(facts)
        yield from _of_last_runs(sorted(facts.newest.items()))
        yield from _of_stages(judged)
        yield from _of_results(judged)
        yield from _of_champions(sorted(facts.crowned.items()))
        yield from _of_services(self._services())


def metrics_registry(runs: RunReader, services: Services) -> CollectorRegistry:
    """A registry of its own with the metrics of a home."""
    registry = CollectorRegistry()
    registry.register(HomeMetrics(runs, services))
    return registry


def _of_all_runs(facts: RunFacts) -> Iterable[Metric]:
    runs = CounterMetricFamily(
        "assayline_runs",
        "Runs that ended, by verdict; refused: the data was; failed: it ended too early. "
        "Counts from the run folders that were there when this process started.",
        labels=["project", "verdict"],
    )
    for project in sorted({project for project, _ in facts.counts}):
        for result in RESULTS:
            runs.add_metric([project, result], facts.counts[project, result])
    unreadable = _gauge(
        "assayline_unreadable_runs", "Run folders that cannot be read, and are in no other metric."
    )
    unreadable.add_metric([], facts.unreadable)
    yield from (runs, unreadable)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _of_last_runs(newest: Sequence[tuple[str, EndedRun]]) -> Iterable[Metric]:
    took = _gauge(
        "assayline_run_duration_seconds", "Time from begin to end of the last run.", "project"
    )
    when = _gauge(
        "assayline_last_run_timestamp_seconds",
        "When the last run ended; when it began, where its process vanished.",
        "project",
    )
    code = _gauge(
        "assayline_last_run_exit_code",
        "Exit code of the last run: 0 promoted, 1 internal error, 2 project file, 3 data refused, "
        "4 rejected, 5 inconclusive or to be signed, 6 environment, 130 ended from outside, "
        "137 its process vanished.",
        "project",
    )
    for project, run in newest:
        if run.seconds is not None:
            took.add_metric([project], run.seconds)
        when.add_metric([project], run.when.timestamp())
        code.add_metric([project], run.exit_code)
    yield from (took, when, code)


def _of_stages(judged: Sequence[tuple[str, EndedRun]]) -> Iterable[Metric]:
    labels = ("project", "stage")
    took = _gauge(
        "assayline_stage_duration_seconds",
        "Time of each stage that the last run with a result computed.",
        *labels,
    )
    cached = _gauge(
        "assayline_stage_cached",
        "1 where the last run with a result took the stage from an earlier run, else 0.",
        *labels,
    )
    for project, run in judged:
        for stage, seconds in (run.judged.stages if run.judged else {}).items():
            cached.add_metric([project, stage], seconds is None)
            if seconds is not None:
                took.add_metric([project, stage], seconds)
    yield from (took, cached)


def _of_results(judged: Sequence[tuple[str, EndedRun]]) -> Iterable[Metric]:
    rows = _gauge("assayline_rows", "Rows of the last run with a result.", "project", "kind")
    failures = _gauge(
        "assayline_check_failures",
        "Checks of the last run with a result that failed or could not be judged.",
        *("project", "severity"),
    )
    for project, run in judged:
        if run.judged is None:
            continue
        for kind, number in run.judged.rows.items():
            rows.add_metric([project, kind], number)
        for severity, number in run.judged.failures.items():
            failures.add_metric([project, severity], number)
    yield from (rows, failures)


def _of_champions(crowned: Sequence[tuple[str, EndedRun]]) -> Iterable[Metric]:
    champion = _gauge(
        "assayline_champion_version",
        "Version of the champion after the last run that reached promotion.",
        "project",
    )
    for project, run in crowned:
        if run.judged is not None and run.judged.champion is not None:
            champion.add_metric([project], run.judged.champion)
    yield champion


def _of_services(services: Sequence[ServiceState]) -> Iterable[Metric]:
    up = _gauge("assayline_service_up", "1 while the process of the service lives.", "service")
    restarts = CounterMetricFamily(
        "assayline_service_restarts",
        "How often the service died and was started again.",
        labels=["service"],
    )
    for service in services:
        up.add_metric([service.name], service.alive)
        restarts.add_metric([service.name], service.restarts)
    yield from (up, restarts)
