"""How does the cost of each operation grow with the log and with the plan?

Each point is the median of some runs, of fewer where one takes long; the exponent is the slope in
logarithms: 0 is flat, 1 is linear. Beyond 100,000 workers a plan has only ids and dependencies, because a
line of a log has at most 64 MiB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
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

_PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
print(os.wait4(process.pid, 0)[2].ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""

PATIENCE = 5.0
"""Seconds after which a point is not measured once more."""


def measure(setting: Setting) -> Report:
    """Draws the curves by events, by workers, and of a dispatcher by workers."""
    report = Report("growth", "How does the cost grow with the log and with the plan?")
    _by_dispatched(setting, report, setting.choose((100, 1_000, 10_000), (5, 10)))
    longer = (10_000_000,) if setting.long else ()
    _by_events(
        setting, report, (*setting.choose((1_000, 10_000, 100_000, 1_000_000), (1_000, 4_000)), *longer)
    )
    larger = (1_000_000,) if setting.long else ()
    _by_workers(setting, report, (*setting.choose((100, 1_000, 10_000, 100_000), (50, 200)), *larger))
    return report


def _by_events(setting: Setting, report: Report, lengths: Sequence[int]) -> None:
    operations: dict[str, list[tuple[int, float]]] = {}
    for length in lengths:
        if shutil.disk_usage(setting.work).free < 2 * length * inputs.LINE:
            report.notes.append(f"skipped: {length:,} events, for which there is no space")
            continue
        folder = setting.folder("growth")
        head = inputs.write_log(folder / "p" / "events.jsonl", length)
        project = Project(str(folder), parse_project_name("p"))
        appends = _Appends(project.store, head)
        appends.append()  # makes the hidden folder
        Handler(project, "maria").load()  # leaves a snapshot in it
        operation: dict[str, Callable[[], float]] = {
            "one durable append": appends.append,
            "load: snapshot and a few new events": partial(elapsed, partial(_load, project)),
            "replay of the whole log": partial(elapsed, partial(replay_read, project.store)),
            "verify the chain": partial(elapsed, project.store.examine),
        }
        for name, once in operation.items():
            operations.setdefault(name, []).append((length, _usual(once, setting.choose(5, 1))))
        shutil.rmtree(folder)
    report.curves += [Curve(name, "events", points) for name, points in operations.items()]


def _usual(once: Callable[[], float], runs: int) -> float:
    """Returns the median of so many runs, or of fewer when they take longer than PATIENCE together."""
    seconds: list[float] = []
    while len(seconds) < runs and sum(seconds) < PATIENCE:
        seconds.append(once())
    return median(seconds)


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
        self.builds = setting.folder("growth")
        path = self.builds / "p" / "events.jsonl"
        path.parent.mkdir()
        path.write_bytes(seal([inputs.definition(workers)], START).lines)
        self._next = map(inputs.worker_id, count())
        self.project = Project(str(self.builds), parse_project_name("p"))
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
        self.settle()
        return run(self._completion()).seconds

    def peak(self) -> int:
        """Returns the bytes that such a process takes at most."""
        return _peak(self._completion())

    def _completion(self) -> list[str]:
        return [BO, "complete", "-p", "p", "-w", next(self._next), "--builds-dir", str(self.builds)]

    def settle(self) -> None:
        """Waits until nobody renders."""
        while any(is_held(self.project, name) for name in (WAITING, RENDERING)):
            sleep(0.01)


def _by_workers(setting: Setting, report: Report, sizes: Sequence[int]) -> None:
    operations: dict[str, list[tuple[int, float]]] = {}
    peaks: list[tuple[int, int]] = []
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
            operations.setdefault(name, []).append((workers, _usual(once, setting.choose(5, 1))))
        peaks.append((workers, growing.peak()))
        growing.settle()
        shutil.rmtree(growing.builds)
    _note_memory(report, "bo complete", peaks)
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

    def defined(workers: int) -> dict[str, str]:
        folder = setting.folder("growth")
        (folder / "plan.json").write_bytes(inputs.plan(workers, command=["true"]))
        environment = {"BO_BUILDS_DIR": str(folder), "BO_PROJECT": "p"}
        run([BO, "init", "--plan-file", str(folder / "plan.json")], environment=environment)
        return environment

    command = [BO, "run", "--via", "command", "-j", "2"]
    for workers in sizes:
        points.append((workers, run(command, environment=defined(workers)).seconds))
        peaks.append((workers, _peak(command, defined(workers))))
    report.curves.append(Curve("bo run of no-op commands, -j 2", "workers", points))
    _note_memory(report, "bo run", peaks)


def _peak(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Returns the bytes that a process of this command takes at most.

    Started by a small process: on Linux the peak of a process is never less than what started it took.
    """
    started = [sys.executable, "-c", _PEAK, *command]
    variables = {**os.environ, **(environment or {})}
    return int(subprocess.run(started, check=True, capture_output=True, env=variables).stdout)


def _note_memory(report: Report, command: str, peaks: list[tuple[int, int]]) -> None:
    """Notes what the peaks (workers, bytes) of a command say about the memory that a worker takes."""
    (few, less), (many, more) = peaks[0], peaks[-1]
    report.notes.append(
        f"peak memory of `{command}`: {less / 2**20:.0f} MiB with {few:,} workers, "
        f"{more / 2**20:.0f} MiB with {many:,}: {(more - less) / (many - few) / 1024:.1f} KiB a worker"
    )


if __name__ == "__main__":
    run_alone(measure)
