"""A run as people watch it: progress, what runs and for how long, the last events, the time left."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Self

from rich import box
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.clock import now, seconds_between
from cli.dispatch.observer import Observer, stopping_sentence
from cli.dispatch.progress import describe
from cli.durations import shown
from cli.output import STYLES, console
from eventlog.events import KnownEvent, WorkerCompleted
from projections.build import Build
from projections.render.escape import visible
from projections.views.eta import duration, seconds_left

if TYPE_CHECKING:
    from rich.console import RenderableType

FRAMES = 8
"""Frames a second at the most: a frame costs up to 8 ms, and more in builds of thousands."""

SHARE = 10
"""At the most one part in so many of the time goes into frames."""

LAST = 5
"""Events shown below what runs."""


class LiveView(Observer):
    """Redraws itself at every turn of the loop, as often as FRAMES allows; rows are cut to the screen."""

    every = 0.5

    def __init__(self, project: str) -> None:
        self._project = project
        self._began = monotonic()
        self._drawn = self._cost = 0.0
        self._last: deque[str] = deque(maxlen=LAST)
        self._spent: dict[str, float] = {}
        self._stopping = ""
        self._console = console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def happened(self, events: list[KnownEvent], build: Build) -> None:
        """See Observer."""
        for event in events:
            sentence = describe(event, build)
            if sentence:
                self._last.append(f"{event.time[11:19]} {sentence}")
            if isinstance(event, WorkerCompleted) and (worker := build.find(event.worker)) is not None:
                spent = duration(worker)
                if spent is not None:
                    self._spent[event.worker] = spent

    def stopping(self, requests: int) -> None:
        """See Observer."""
        self._stopping = stopping_sentence(requests)
        self._drawn = 0.0  # who asked wants to see at once that it was heard

    def turned(self, build: Build) -> None:
        """See Observer."""
        began = monotonic()
        if began - self._drawn < max(1 / FRAMES, SHARE * self._cost):
            return
        self._live.update(self._frame(build), refresh=True)
        self._drawn = monotonic()
        self._cost = self._drawn - began

    def _frame(self, build: Build) -> RenderableType:
        running = [worker for worker in build.workers if worker.status == "in_progress"]
        rows = max(1, self._console.height - LAST - 6)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
        for name in ("running", "for", "attempt", "says"):
            table.add_column(name, overflow="ellipsis", no_wrap=True)
        moment = now()
        for worker in running[:rows]:
            attempt = worker.attempt
            age = seconds_between(attempt.started_at, moment) if attempt else 0.0
            said = (attempt.message if attempt else None) or ""
            table.add_row(
                Text(visible(worker.id), style=STYLES["in_progress"]),
                shown(age),
                str(worker.attempts),
                Text(visible(said)),
            )
        more = len(running) - rows
        events = [Text(visible(line), style="dim", no_wrap=True, overflow="ellipsis") for line in self._last]
        return Group(
            self._headline(build, len(running)),
            table,
            *([Text(f"and {more} more")] if more > 0 else []),
            *events,
            *([Text(self._stopping, no_wrap=True, overflow="ellipsis")] if self._stopping else []),
        )

    def _headline(self, build: Build, running: int) -> RenderableType:
        done, total = build.counts.get("completed", 0), len(build.workers)
        failed = build.counts.get("failed", 0) + build.counts.get("timed_out", 0)
        left = seconds_left(build, self._spent, max(running, 1))
        text = f"{done}/{total} completed, {running} running" + (f", {failed} failed" if failed else "")
        text += f", {shown(monotonic() - self._began)}" + (f", about {shown(left)} left" if left else "")
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text(visible(self._project), style="bold"),
            ProgressBar(total=max(total, 1), completed=done, width=24),
            text,
        )
        return line
