"""How does the cost of each operation grow with the log and with the plan?

Each point is the median of some runs; the exponent is the slope in logarithms: 0 is flat, 1 is linear.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, islice
from statistics import median
from time import sleep

from benchmarks import inputs
from benchmarks.measure import elapsed
from benchmarks.processes import BO, run
from benchmarks.replay import replay_read
from benchmarks.report import Curve, Report
from benchmarks.setting import Setting, run_alone
from cli.handle import Handler
from cli.project import Project
from cli.publish import RENDERING, WAITING, is_held, publish
from eventlog.events import WorkerCompleted
from eventlog.head import START, Head
from eventlog.names import parse_project_name
from eventlog.store import FileStore, seal
from projections.commands import Complete
from projections.fold import fold


def measure(setting: Setting) -> Report:
    """Draws the curves by events, by workers, and of a dispatcher by workers."""
    report = Report("growth", "How does the cost grow with the log and with the plan?")
    longer = (10_000_000,) if setting.long else ()
    _by_events(
        setting, report, (*setting.choose((1_000, 10_000, 100_000, 1_000_000), (1_000, 4_000)), *longer)
    )
    larger = (1_000_000,) if setting.long else ()
    _by_workers(setting, report, (*setting.choose((100, 1_000, 10_000, 100_000), (50, 200)), *larger))
    _by_dispatched(setting, report, setting.choose((100, 1_000, 10_000), (5, 10)))
    return report


def _by_events(setting: Setting, report: Report, lengths: Sequence[int]) -> None:
    operations: dict[str, list[tuple[int, float]]] = {}
    for length in lengths:
        folder = setting.folder("growth")
        head = inputs.write_log(folder / "p" / "events.jsonl", length)
        project = Project(str(folder), parse_project_name("p"))
        Handler(project, "maria").load()  # leaves a snapshot
        operation: dict[str, Callable[[], float]] = {
            "one durable append": _Appends(project.store, head).append,
            "load: snapshot and a few new events": partial(elapsed, partial(_load, project)),
            "replay of the whole log": partial(elapsed, partial(replay_read, project.store)),
            "verify the chain": partial(elapsed, project.store.examine),
        }
        for name, once in operation.items():
            seconds = median(once() for _ in range(setting.choose(5, 1)))
            operations.setdefault(name, []).append((length, seconds))
        shutil.rmtree(folder)
    report.curves += [Curve(name, "events", points) for name, points in operations.items()]


def _load(project: Project) -> None:
    Handler(project, "").load()


class _Appends:
    def __init__(self, store: FileStore, head: Head) -> None:
        self._store = store
        self._head = head
        self._lives = inputs.lives(10)

    def append(self) -> float:
        """Returns the seconds that it takes to append one more event."""
        events = list(islice(self._lives, 1))

        def work() -> None:
            self._head = self._store.append(events, self._head).head

        return elapsed(work)


class _Growing:
    """A project of so many workers that are completed one by one, in the order of their plan."""

    def __init__(self, setting: Setting, workers: int) -> None:
        self._builds = setting.folder("growth")
        path = self._builds / "p" / "events.jsonl"
        path.parent.mkdir()
        path.write_bytes(seal([inputs.definition(workers)], START).lines)
        self._next = map(inputs.worker_id, count())
        self.project = Project(str(self._builds), parse_project_name("p"))
        self._handler = Handler(self.project, "maria").load()

    def complete(self) -> float:
        """Returns the seconds of a completion by somebody who has the build in hand."""
        command = Complete(worker=next(self._next))
        return elapsed(lambda: self._handler.handle([command]))

    def publish(self) -> float:
        """Returns the seconds that it takes to publish one completion."""
        self.complete()
        return elapsed(lambda: publish(self.project, self._handler.build, self._handler.head))

    def process(self) -> float:
        """Returns the seconds of a completion by a whole process, while nobody renders what was before."""
        while any(is_held(self.project, name) for name in (WAITING, RENDERING)):
            sleep(0.01)
        return run(
            [BO, "complete", "-p", "p", "-w", next(self._next), "--builds-dir", str(self._builds)]
        ).seconds


def _by_workers(setting: Setting, report: Report, sizes: Sequence[int]) -> None:
    operations: dict[str, list[tuple[int, float]]] = {}
    for workers in sizes:
        growing = _Growing(setting, workers)
        operation: dict[str, Callable[[], float]] = {
            "complete, build in hand": growing.complete,
            "publish plan.json and README.md": growing.publish,
            "load: snapshot": partial(elapsed, partial(_load, growing.project)),
            "bo complete, whole process": growing.process,
            "drain the ready set": partial(_drain, workers),
        }
        for name, once in operation.items():
            seconds = median(once() for _ in range(setting.choose(5, 1)))
            operations.setdefault(name, []).append((workers, seconds))
    report.curves += [Curve(name, "workers", points) for name, points in operations.items()]


def _drain(workers: int) -> float:
    """Returns the seconds in which the fold completes every worker of a plan."""
    build = fold([inputs.definition(workers)])
    completions = [
        WorkerCompleted(time="2026-11-01T00:00:00Z", actor="d1", worker=inputs.worker_id(place), attempt=1)
        for place in range(workers)
    ]
    return elapsed(lambda: fold(completions, build))


def _by_dispatched(setting: Setting, report: Report, sizes: Sequence[int]) -> None:
    """Runs of no-op commands: whole processes, and their peak memory."""
    points, peaks = [], []
    for workers in sizes:
        folder = setting.folder("growth")
        (folder / "plan.json").write_bytes(inputs.plan(workers, command=["true"]))
        environment = {"BO_BUILDS_DIR": str(folder), "BO_PROJECT": "p"}
        run([BO, "init", "--plan-file", str(folder / "plan.json")], environment=environment)
        ran = run([BO, "run", "--via", "command", "-j", "2"], environment=environment)
        points.append((workers, ran.seconds))
        peaks.append((workers, ran.peak))
    report.curves.append(Curve("bo run of no-op commands, -j 2", "workers", points))
    if len(peaks) > 1:
        (few, less), (many, more) = peaks[0], peaks[-1]
        report.notes.append(
            f"peak memory of `bo run`: {less / 2**20:.0f} MiB with {few:,} workers, "
            f"{more / 2**20:.0f} MiB with {many:,}: {(more - less) / (many - few) / 1024:.1f} KiB a worker"
        )


if __name__ == "__main__":
    run_alone(measure)
