"""Dispatching: run, in the foreground or detached, and a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.durations import Duration
from cli.handle import Handler
from cli.options import Invocation, on_project
from cli.output import show
from eventlog.errors import Refused
from eventlog.names import parse_worker_id
from projections.commands import Spawn
from projections.decider import decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.project import Project

_DISPATCH_OPTIONS = (
    click.option("--via", default=None, metavar="RUNNER", help="command, zo, or an installed one."),
    click.option(
        "--command", metavar="LINE", help="Runs workers that name no command; placeholders as in docs."
    ),
    click.option(
        "--jobs", "-j", type=click.IntRange(min=1), help="How many at once (default: the runner's)."
    ),
    click.option(
        "--host-jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many at once on this host, over all dispatchers of the project that run on it.",
    ),
    click.option("--timeout", type=Duration(), help="How long an attempt may take (default 10m)."),
    click.option("--retries", type=click.IntRange(0, 1000), help="New attempts after a failure (default 0)."),
    click.option("--retry-delay", type=Duration(), default=1.0, help="Before the first retry; doubles."),
    click.option("--fail-fast/--keep-going", help="Spawn nothing after the first final failure."),
    click.option(
        "--max-failures", type=click.IntRange(min=1), help="Spawn nothing after N failures in a row."
    ),
    click.option("--grace", type=Duration(), default=5.0, help="Between a polite end and a forced one."),
    click.option(
        "--patience", type=Duration(), default=120.0, help="Wait so long for silent servers of the log."
    ),
    click.option(
        "--lease",
        type=Duration(),
        envvar="BO_LEASE",
        help="After such a silence others take our work for lost (default 30s; the first one decides).",
    ),
)


def _dispatch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_DISPATCH_OPTIONS):
        function = option(function)
    return function


@click.command()
@on_project
@click.option("--plan-file", metavar="FILE", help="Begin the project with this plan first.")
@click.option("--worker", "-w", "workers", multiple=True, metavar="ID", help="Only this worker; repeatable.")
@click.option("--detach", "-d", is_flag=True, help="Return at once; a process of its own goes on.")
@_dispatch_options
@click.option("--as-dispatcher", hidden=True)
def run(
    invocation: Invocation,
    plan_file: str | None,
    workers: tuple[str, ...],
    detach: bool,
    as_dispatcher: str | None,
    **how: Any,
) -> int:
    """Run a plan to its end.

    Each worker is spawned as soon as its dependencies are completed. Ctrl-C once lets the running
    ones finish, twice ends them. Exits with 1 when not everything was completed.

    Example: bo run -p auth --command 'claude -p {assignment}' -j 3
    """
    if plan_file is not None:
        from cli.commands.define import begin_from_file

        begin_from_file(invocation, plan_file)
    project = invocation.project().require()
    if as_dispatcher is not None:
        parse_worker_id(as_dispatcher)  # it becomes a file's name
    if detach:
        return _detach(invocation, project, workers, how)
    from cli.dispatch.foreground import dispatch

    return dispatch(invocation, project, frozenset(workers) or None, as_dispatcher, how)


@click.command()
@on_project
@click.option("--worker", "-w", "workers", multiple=True, metavar="ID", help="This worker; repeatable.")
@click.option("--ready", is_flag=True, help="All workers that are ready now.")
@_dispatch_options
def spawn(invocation: Invocation, workers: tuple[str, ...], ready: bool, **how: Any) -> int:
    """Spawn workers now, detached.

    Returns at once with where to look; a dispatcher of its own does the work and outlives the
    shell.

    Example: bo spawn -p auth -w worker_oauth -w worker_jwt --via zo
    """
    project = invocation.project().require()
    build = Handler(project, invocation.actor).load().build
    if ready:
        workers += tuple(worker.id for worker in build.ready_workers())
        if not workers:
            raise Refused("none_ready", "no worker is ready", hint=f"see `bo status -p {project.name}`")
    if not workers:
        raise click.UsageError("say which: --worker ID or --ready")
    for worker in workers:
        if not decide(build, Spawn(worker=worker), "", ""):
            raise Refused("in_progress", f"worker '{worker}' is in progress already")
    return _detach(invocation, project, workers, how)


def _detach(invocation: Invocation, project: Project, workers: tuple[str, ...], how: dict[str, Any]) -> int:
    from cli.dispatch.detach import start_detached

    data = start_detached(invocation, project, workers, how)
    show(
        invocation.as_json,
        data,
        lambda: (
            f"dispatcher {data['dispatcher']} runs as process {data['pid']}; see "
            f"`bo status -p {project.name}`, `bo wait -p {project.name}` and {data['log']}"
        ),
    )
    return 0
