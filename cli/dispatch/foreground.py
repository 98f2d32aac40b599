"""A dispatcher in this process: put together, run, and its summary."""

from __future__ import annotations

from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from time import monotonic
from typing import Any

from cli.dispatch.briefing import Briefing
from cli.dispatch.loop import Dispatcher
from cli.dispatch.observer import Observer
from cli.dispatch.policy import Policy
from cli.dispatch.progress import LineProgress
from cli.dispatch.runner import Site
from cli.dispatch.runners import make_runner
from cli.dispatch.settings import Overrides, read_settings
from cli.durations import shown
from cli.handle import Handler
from cli.options import Invocation
from cli.output import show, watches
from cli.project import Project
from eventlog.errors import Refused
from projections.build import Build
from projections.views.status import status_counts
from projections.worker_rules import find

_OWN_DESCRIPTORS = 64
"""What a dispatcher has open besides, generously."""


def dispatch(
    invocation: Invocation,
    project: Project,
    only: frozenset[str] | None,
    name: str | None,
    how: dict[str, Any],
) -> int:
    """Runs `project`, or `only` some of its workers, to the end; prints the summary.

    Returns 0 when all of them are completed, else 1.
    """
    handler = Handler(project, invocation.actor).load()
    for worker in only or ():
        find(handler.build, worker)
    overrides = Overrides(command=how["command"], timeout=how["timeout"], retries=how["retries"])
    settings = read_settings(handler.build.plan, overrides)  # refused here, before anything begins
    via = how["via"] or ("command" if any(one.command for one in settings.values()) else "zo")
    runner = make_runner(via, project, how["jobs"])
    _make_room(runner.jobs)
    policy = Policy(
        retry_delay=how["retry_delay"],
        fail_fast=how["fail_fast"],
        max_failures=how["max_failures"],
        grace=how["grace"],
    )
    if project.remote is not None:
        project.remote.servers.patience = how["patience"]
    began = monotonic()
    with _observer(invocation, project) as observer:
        dispatcher = Dispatcher(
            handler,
            runner,
            Briefing(project, Site(project.folder, project.path(".bo", "run")), overrides),
            jobs=runner.jobs,
            policy=policy,
            only=only,
            observer=observer,
            name=name,
            host_jobs=how["host_jobs"],
            lease=how["lease"],
        )
        dispatcher.run()
    return _sum_up(invocation, project, handler.build, dispatcher, only, monotonic() - began)


def _make_room(jobs: int) -> None:
    """Raises the limit of open descriptors, of which each running worker takes one, as far as needed."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    needed = jobs + _OWN_DESCRIPTORS
    if RLIM_INFINITY != soft < needed:
        if RLIM_INFINITY != hard < needed:
            raise Refused(
                "too_many_jobs",
                f"{jobs} jobs at once need more than the {hard} descriptors that this system allows",
                hint=f"give --jobs {hard - _OWN_DESCRIPTORS} or fewer",
            )
        setrlimit(RLIMIT_NOFILE, (needed, hard))


def _observer(invocation: Invocation, project: Project) -> Observer:
    if not watches(invocation.as_json):
        return LineProgress()
    from cli.dispatch.live import LiveView

    return LiveView(project.name)


def _sum_up(
    invocation: Invocation,
    project: Project,
    build: Build,
    dispatcher: Dispatcher,
    only: frozenset[str] | None,
    seconds: float,
) -> int:
    wanted = [worker for worker in build.workers if only is None or worker.id in only]
    settled = ("completed", "cancelled")
    unfinished = {worker.id: worker.status for worker in wanted if worker.status not in settled}
    data = {
        "success": not unfinished,
        "project": project.name,
        "dispatcher": dispatcher.name,
        "status": build.status,
        "total_workers": len(build.workers),
        "status_counts": status_counts(build),
        "unfinished": unfinished,
        "stopped_because": dispatcher.breaker.open_because,
        "seconds": round(seconds, 3),
        "log": project.store.path,
    }
    lines = [
        f"{project.name}: {len(wanted) - len(unfinished)} of {len(wanted)} completed in {shown(seconds)}"
    ]
    if dispatcher.breaker.open_because:
        lines.append(f"stopped spawning because of {dispatcher.breaker.open_because}")
    for name, status in list(unfinished.items())[:10]:
        worker = build.workers[build.index[name]]
        error = worker.result.error if worker.result and worker.result.error else ""
        lines.append(f"  {name}: {status}" + (f": {error}" if error else ""))
    if len(unfinished) > 10:
        lines.append(f"  and {len(unfinished) - 10} more, see `bo status -p {project.name}`")
    if any(build.index[name] in build.retrying for name in unfinished):
        lines.append(f"`bo run -p {project.name}` tries again what is to be tried again")
    elif any(status in ("failed", "timed_out") for status in unfinished.values()):
        lines.append(f"mend the cause, then `bo reset -p {project.name} -w ID` and `bo run` again")
    show(invocation.as_json, data, lambda: "\n".join(lines))
    return 1 if unfinished else 0
