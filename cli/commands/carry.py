"""Between this machine and the servers: push, pull."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from cli.handle import Handler
from cli.options import Invocation, on_project
from cli.output import show, table, tell, warn
from cli.project import Project, project_names, the_only_one
from cli.trailing import publish_soon
from eventlog.errors import DamagedLog, OrchestratorError, Refused, ServersAway
from eventlog.names import ProjectName, parse_project_name

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.remote import Remote

SAY_EVERY = 1.0
"""Seconds between two sentences about how far something is."""


@click.command()
@on_project
def push(invocation: Invocation) -> None:
    """Take a project of this machine to the servers.

    Every line goes up as it is, and is read back and compared. From then on the log is there, and
    the file here its mirror. Goes on where it was interrupted, and gives servers back what they lost.
    What workers said stays in `outputs/` here.

    Example: bo push -p auth --log nats://127.0.0.1:4222
    """
    remote = servers_of(invocation)
    name = parse_project_name(invocation.project_name) if invocation.project_name else None
    name = name or the_only_one(list(project_names(invocation.builds)), invocation.builds)
    project = Project(invocation.builds, name, say=lambda _: None).require()
    if not project.is_mirror():
        _require_rest(project)
    before, seq = carry_up(project, remote)
    data = {
        "success": True,
        "project": name,
        "log": remote.shown,
        "events": seq,
        "pushed": seq - before,
        "already": seq == before,
    }
    how = f"{seq - before} of them went up now" if seq > before else "it was there already"
    show(invocation.as_json, data, lambda: f"{name} is at {remote.shown}, events: {seq}; {how}")


def carry_up(project: Project, remote: Remote) -> tuple[int, int]:
    """Takes the log of `project` to the servers and compares all of it.

    Returns how many events they had before, and have now. Raises what `eventlog.push` raises.
    """
    from eventlog.push import push as push_log

    pushed = push_log(project.store.path, project.name, remote.servers, Progress("taken up"))
    remote.store(project.store.path, project.name).compare(Progress("compared"))
    return pushed.before, pushed.head.seq


def _require_rest(project: Project) -> None:
    """Raises Refused while a dispatcher here writes into the file."""
    from cli.dispatch.presence import is_here

    build = Handler(project, "").load().build
    if alive := [name for name in build.dispatchers if is_here(project, name)]:
        raise Refused(
            "still_running",
            f"dispatcher {alive[0]} is at work and writes into {project.store.path}",
            hint=f"`bo stop -p {project.name}` ends it; `bo run` with --log goes on",
        )


@click.command()
@on_project
def pull(invocation: Invocation) -> int:
    """Bring mirrors and their derived files up to date.

    All projects on the servers, or one with -p. Commands that read do this for the log alone; plan.json
    and README.md here follow what others do only with this, or when something is written from here.

    Example: bo pull --log nats://127.0.0.1:4222
    """
    remote = servers_of(invocation)
    given = invocation.project_name
    names = [parse_project_name(given)] if given else remote.projects()
    errors: list[OrchestratorError] = []
    rows = []
    for name in names:
        try:
            rows.append(_pulled(invocation, remote, name))
        except ServersAway:
            raise
        except OrchestratorError as error:
            if given:
                raise
            errors.append(error)
            rows.append({"project": name, "events": None, "new": None, "error": str(error)})
    data = {"success": not errors, "log": remote.shown, "projects": rows}

    def people() -> RenderableType:
        if not rows:
            return f"there is no project at {remote.shown}"
        columns = ("project", "events", "new", "error")
        return table(columns, [tuple(row.get(column) for column in columns) for row in rows])

    show(invocation.as_json, data, people)
    return 0 if not errors else 3 if any(isinstance(error, DamagedLog) for error in errors) else 1


def _pulled(invocation: Invocation, remote: Remote, name: ProjectName) -> dict[str, Any]:
    before = 0
    if Project(invocation.builds, name).is_mirror():
        before = Project(invocation.builds, name, say=lambda _: None).store.head().seq
    project = Project(invocation.builds, name, remote)
    handler = Handler(project.require(), "").load()
    if project.on_servers is not None and project.on_servers.away is not None:
        raise project.on_servers.away
    if handler.build.exists and (warning := publish_soon(handler)):
        warn(warning)
    return {"project": name, "events": handler.head.seq, "new": handler.head.seq - before}


def servers_of(invocation: Invocation) -> Remote:
    """Returns the servers that are meant; it is a fault of usage to name none."""
    if invocation.remote is None:
        raise click.UsageError("name the servers with --log ADDRESS, or in the variable BO_LOG")
    return invocation.remote


class Progress:
    """Says now and then how many events are done, once it takes longer than a moment."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = monotonic() + SAY_EVERY

    def __call__(self, events: int) -> None:
        if monotonic() > self._next:
            self._next = monotonic() + SAY_EVERY
            tell(f"{events:,} events {self._what}")
