"""A run told line by line, for logs and for people without a terminal that can be redrawn."""

from __future__ import annotations

from cli.clock import seconds_between
from cli.dispatch.observer import Observer, stopping_sentence
from cli.durations import shown
from cli.output import tell
from eventlog.events import KnownEvent, WorkerCompleted, WorkerFailed, WorkerSpawned, WorkerTimedOut
from projections.build import Build


class LineProgress(Observer):
    """Says on standard error what ended, and how far the build is."""

    def happened(self, events: list[KnownEvent], build: Build) -> None:
        """See Observer."""
        # What came together is counted one by one, as it is told.
        completed = build.counts.get("completed", 0) - sum(isinstance(e, WorkerCompleted) for e in events)
        for event in events:
            completed += isinstance(event, WorkerCompleted)
            sentence = describe(event, build)
            if sentence and not isinstance(event, WorkerSpawned):
                tell(f"[{completed}/{len(build.workers)}] {sentence}")

    def stopping(self, requests: int) -> None:
        """See Observer."""
        tell(stopping_sentence(requests))


def describe(event: KnownEvent, build: Build) -> str:
    """Returns an event of a run as a short sentence, empty for what is not worth one."""
    match event:
        case WorkerSpawned():
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return f"{event.worker} started{again}"
        case WorkerCompleted():
            return f"{event.worker} completed{_took(event, build)}"
        case WorkerFailed():
            return f"{event.worker} failed{_took(event, build)}: {event.error or event.reason}{_again(event)}"
        case WorkerTimedOut():
            return f"{event.worker} timed out after {shown(event.after)}{_again(event)}"
        case _:
            return ""


def _took(event: WorkerCompleted | WorkerFailed, build: Build) -> str:
    worker = build.find(event.worker)
    if worker is None or worker.attempt is None or event.attempt == 0:
        return ""
    return f" in {shown(seconds_between(worker.attempt.started_at, event.time))}"


def _again(event: WorkerFailed | WorkerTimedOut) -> str:
    return "" if event.retry_in is None else f" (again in {shown(event.retry_in)})"
