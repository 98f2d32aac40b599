"""Waiting for a build and ending its dispatchers: wait, stop."""

from __future__ import annotations

import os
import select
import signal
from time import monotonic, sleep
from typing import Any

import click

from cli.durations import Duration
from cli.handle import Handler
from cli.options import Invocation, on_project
from cli.output import show, tell
from cli.project import Project
from eventlog.errors import Refused
from projections.build import FINISHED, Build
from projections.views.status import status_counts
from projections.worker_rules import find

LOOK_EVERY = 1.0
"""Seconds between two looks at who is alive, while nothing is heard."""


@click.command()
@on_project
@click.option("--worker", "-w", "workers", multiple=True, metavar="ID", help="This worker; repeatable.")
@click.option("--any", "any_", is_flag=True, help="Until one of them is finished, not all.")
@click.option("--timeout", type=Duration(), help="Give up after this time, with exit code 124.")
def wait(invocation: Invocation, workers: tuple[str, ...], any_: bool, timeout: float | None) -> int:
    """Wait until workers, or the whole build, are finished.

    Without --worker: until everything is completed or nothing more can happen by itself. A failure
    that will be tried again is not the end. Exits with 0 when what was waited for is completed (of
    the whole build: what was not cancelled), 1 when it ended otherwise, 124 when the time ran out.
    When its dispatchers have died it says so, and waits for whoever goes on.

    Example: bo wait -p auth --timeout 30m
    """
    if any_ and not workers:
        raise click.UsageError("--any needs the workers to choose from: --worker ID")
    handler = Handler(invocation.project().require(), invocation.actor).load()
    build = handler.build
    for worker in workers:
        find(build, worker)
    deadline = None if timeout is None else monotonic() + timeout
    told = False
    with handler.project.store.watch() as watch:
        while True:
            handler.refresh()
            finished = _is_finished(build, workers, any_)
            left = None if deadline is None else deadline - monotonic()
            if finished or (left is not None and left <= 0):
                break
            # Only a dispatcher can die without a word in the log: without one there is nothing to look at.
            looks = LOOK_EVERY if build.dispatchers and not told else float("inf")
            while not watch.wait(_soonest(left, looks)):
                told = told or _tell_of_the_dead(handler)
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    break
    wanted = [find(build, worker) for worker in dict.fromkeys(workers)] or build.workers
    completed = [worker.id for worker in wanted if worker.status == "completed"]
    if workers:
        good = bool(completed) if any_ else len(completed) == len(wanted)
    else:
        good = build.status == "completed"
    data: dict[str, Any] = {
        "project": handler.project.name,
        "finished": finished,
        "success": finished and good,
        "status": build.status,
        "status_counts": status_counts(build),
        "workers": {worker: find(build, worker).status for worker in workers},
    }
    what = "finished" if finished else "not finished in time"
    show(invocation.as_json, data, lambda: f"{what}: {len(completed)} of {len(wanted)} completed")
    return 124 if not finished else 0 if good else 1


def _soonest(left: float | None, looks: float) -> float | None:
    soonest = looks if left is None else min(left, looks)
    return None if soonest == float("inf") else soonest


def _tell_of_the_dead(handler: Handler) -> bool:
    """Says, and returns, that all dispatchers have died at their work: only a new one goes on with it."""
    from cli.dispatch.presence import is_present

    names = handler.build.dispatchers
    if not names or any(is_present(handler.project, name) is not False for name in names):
        return False
    tell(f"no dispatcher of {handler.project.name} is alive; `bo run` goes on where they died")
    return True


def _is_finished(build: Build, workers: tuple[str, ...], any_: bool) -> bool:
    if not workers:
        return build.status != "active"
    places = [build.index[worker] for worker in workers]
    ended = [build.workers[p].status in FINISHED and p not in build.retrying for p in places]
    return any(ended) if any_ else all(ended)


@click.command()
@on_project
@click.option("--now", "at_once", is_flag=True, help="End what runs too, instead of letting it finish.")
@click.option("--timeout", type=Duration(), default=600.0, help="Wait so long for them to end (default 10m).")
def stop(invocation: Invocation, at_once: bool, timeout: float) -> int:
    """End the dispatchers of a project cleanly.

    They spawn nothing more, record what runs as it finishes, and end. Those on other machines are
    asked through the servers of the log, and hear of it within a third of a lease.

    Example: bo stop -p auth
    """
    from cli.dispatch.presence import ask_elsewhere, find_pid

    project = invocation.project().require()
    handler = Handler(project, invocation.actor).load()
    here: dict[str, int | None] = {}
    elsewhere = []
    for name in handler.build.dispatchers:
        pid = find_pid(project, name)
        if pid is not None:
            here[name] = _hold(pid)
            _ask(pid, times=2 if at_once else 1)
        elif ask_elsewhere(project, name, at_once=at_once):
            elsewhere.append(name)
    deadline = monotonic() + timeout
    ended = _wait_for_end_elsewhere(handler, elsewhere, deadline) and _wait_for_end(project, here, deadline)
    asked = sorted([*here, *elsewhere])
    data = {"success": ended, "project": project.name, "asked": asked, "ended": ended}
    if asked and not ended:
        raise Refused(
            "still_running",
            f"{', '.join(asked)} still runs after {timeout:g} s",
            hint="`bo stop --now` ends what it runs too",
        )
    show(
        invocation.as_json,
        data,
        lambda: f"stopped: {', '.join(asked) or 'no dispatcher was running'}",
    )
    return 0


def _ask(pid: int, times: int) -> None:
    for _ in range(times):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        sleep(0.05)  # two signals of one kind at once are one


def _hold(pid: int) -> int | None:
    """Returns a descriptor that is readable once the process has ended; None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _wait_for_end_elsewhere(handler: Handler, names: list[str], deadline: float) -> bool:
    """Waits until the log says of dispatchers on other machines that they have stopped, or they are gone."""
    from cli.dispatch.presence import is_present

    def at_work(name: str) -> bool:
        return name in handler.build.dispatchers and is_present(handler.project, name) is not False

    while any(map(at_work, names)):
        if monotonic() > deadline:
            return False
        sleep(0.2)
        handler.refresh()
    return True


def _wait_for_end(project: Project, asked: dict[str, int | None], deadline: float) -> bool:
    """Waits until the dispatchers have let go of the project and their processes have ended."""
    from cli.dispatch.presence import is_here

    while any(is_here(project, name) for name in asked):
        if monotonic() > deadline:
            return False
        sleep(0.05)
    ended = True
    for held in asked.values():
        if held is not None:
            poll = select.poll()
            poll.register(held, select.POLLIN)
            ended &= bool(poll.poll(max(0.0, deadline - monotonic()) * 1000))
            os.close(held)
    return ended
