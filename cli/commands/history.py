"""What happened: log, tail, replay."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import click

from cli.clock import parse_time, seconds_between
from cli.moment import as_seq, find_seq
from cli.options import Invocation, on_project
from cli.output import group, show, show_line, show_lines, table, warn
from cli.project import Project
from eventlog.errors import DamagedLog
from eventlog.events import AnyEvent, tag_of
from eventlog.head import START, Head
from eventlog.store import Batch
from projections.build import Build
from projections.decider import require_plan
from projections.fold import evolve
from projections.views.line import line
from projections.views.status import status_counts


@click.command()
@on_project
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Only events of this type; may be repeated."
)
@click.option("--worker", "-w", "workers", multiple=True, metavar="ID", help="Only about this worker.")
@click.option("--by", "actors", multiple=True, metavar="NAME", help="Only by this actor.")
@click.option("--since", metavar="SEQ|TIME", help="Only from this event or time on.")
@click.option("--until", metavar="SEQ|TIME", help="Only up to this event or time.")
@click.option("-n", "count", type=click.IntRange(min=0), help="Only the last N of these.")
def log(
    invocation: Invocation,
    types: tuple[str, ...],
    workers: tuple[str, ...],
    actors: tuple[str, ...],
    since: str | None,
    until: str | None,
    count: int | None,
) -> None:
    """Show events, filtered.

    For programs every event is its line, as it stands in the log.

    Example: bo log -p auth --type worker_completed -n 10
    """
    project = invocation.project().require()
    wanted = _filter(types, workers, actors, since, until)
    after = START
    if wanted is None and count is not None:
        after = project.store.head(back=count)
    elif since is not None and (first := as_seq(since)) is not None:
        after = _before(project, first)
    shown = (
        pair for batch in project.store.read(after) for pair in batch.pairs() if not wanted or wanted(pair[0])
    )
    for event, raw in deque(shown, maxlen=count) if count is not None else shown:
        show_line(raw if invocation.as_json else line(event))


def _before(project: Project, seq: int) -> Head:
    """Returns a head before event `seq` that is cheap to find: the end, when there is nothing behind it."""
    head = project.store.head()
    return project.store.head(back=head.seq - seq + 1) if 1 < seq <= head.seq else START


def _filter(
    types: tuple[str, ...],
    workers: tuple[str, ...],
    actors: tuple[str, ...],
    since: str | None,
    until: str | None,
) -> Callable[[AnyEvent], bool] | None:
    tests: list[Callable[[AnyEvent], bool]] = []
    if types:
        tests.append(lambda event: tag_of(event) in types)
    if workers:
        tests.append(lambda event: getattr(event, "worker", None) in workers)
    if actors:
        tests.append(lambda event: event.actor in actors)
    if since is not None:
        tests.append(_begins(since))
    if until is not None:
        tests.append(_ends(until))
    return (lambda event: all(test(event) for test in tests)) if tests else None


def _begins(since: str) -> Callable[[AnyEvent], bool]:
    if (first := as_seq(since)) is not None:
        return lambda event: event.seq >= first
    moment = parse_time(since)
    return lambda event: event.time >= moment


def _ends(until: str) -> Callable[[AnyEvent], bool]:
    if (last := as_seq(until)) is not None:
        return lambda event: event.seq <= last
    moment = parse_time(until)
    return lambda event: event.time <= moment


@click.command()
@on_project
@click.option("--follow", "-f", is_flag=True, help="Go on with new events as they land.")
@click.option(
    "-n", "count", type=click.IntRange(min=0), default=10, help="Begin with the last N (default 10)."
)
@click.option("--all", "every", is_flag=True, help="All projects, also ones that begin later.")
def tail(invocation: Invocation, follow: bool, count: int, every: bool) -> None:
    """Show the last events, and with -f new ones as they land.

    Example: bo tail -p auth -f
    """
    if every:
        _tail_all(invocation, follow, count)
        return
    project = invocation.project().require()
    after = project.store.head(back=count)
    for batch in project.store.follow(after) if follow else project.store.read(after):
        _show_batch(invocation, batch)


def _show_batch(invocation: Invocation, batch: Batch) -> None:
    if invocation.as_json:
        show_lines(batch.lines)
        return
    for event in batch.events:
        show_line(line(event))


def _tail_all(invocation: Invocation, follow: bool, count: int) -> None:
    """Looks at every log in turn: with many projects that is cheaper than a watch on each."""
    heads: dict[str, Head] = {}
    damaged: set[str] = set()
    first = True
    while True:
        for name in invocation.names():
            store = invocation.project(name).store
            if name not in heads:
                heads[name] = store.head(back=count) if first else START
            try:
                for batch in store.read(heads[name]):
                    for event, raw in batch.pairs():
                        with_name = b'{"project":"%s",' % name.encode() + raw[1:]
                        show_line(with_name if invocation.as_json else f"{name}: {line(event)}")
                    heads[name] = batch.head
            except DamagedLog as error:
                if name not in damaged:
                    warn(f"{name}: {error}")
                damaged.add(name)
        if not follow:
            return
        first = False
        time.sleep(0.1 if invocation.remote is None else 1.0)


@click.command()
@on_project
@click.option("--at", metavar="SEQ|TIME", help="Stop at this event or time (default: the end).")
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), help="Play it back: 60 is a minute a second."
)
def replay(invocation: Invocation, at: str | None, speed: float | None) -> None:
    """Fold the log again, up to any moment, at any speed.

    Uses no snapshot, checks every line, and shows the state that comes out.

    Example: bo replay -p auth --at 12
    """
    project = invocation.project().require()
    until = find_seq(project, at) if at is not None else None
    build = Build()
    head = START
    for batch in project.store.read(until=until):
        for event, raw in batch.pairs():
            if speed is not None:
                _wait(build.updated_at, event.time, speed)
                show_line(raw if invocation.as_json else line(event))
            evolve(build, event)
        head = batch.head
    require_plan(build)
    rows = [(w.id, build.shown_status(place)) for place, w in enumerate(build.workers)]
    data = {
        "project": project.name,
        "seq": head.seq,
        "hash": head.hash,
        "time": build.updated_at,
        "status": build.status,
        "status_counts": status_counts(build),
        "workers": {worker.id: worker.status for worker in build.workers},
    }
    show(
        invocation.as_json,
        data,
        lambda: group(
            f"{project.name} after event {head.seq}: {build.status}", table(("worker", "status"), rows)
        ),
    )


def _wait(before: str, now: str, speed: float) -> None:
    """Sleeps as long as the events lay apart, divided by `speed`; a clock that went back costs nothing."""
    if before:
        time.sleep(min(max(0.0, seconds_between(before, now) / speed), 3600.0))
