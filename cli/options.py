"""The options that every command takes, and the invocation that they make."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import click

from cli.output import tell, wants_json
from cli.project import Project, find_builds, is_mirror, project_names, the_only_one
from cli.remote import LOG_VARIABLE, Remote
from eventlog.errors import OrchestratorError, ServersAway
from eventlog.names import ProjectName, parse_project_name

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Invocation:
    """One call of the tool: where, about which project, by whom, and how it is answered."""

    def __init__(
        self,
        project: str | None,
        builds_dir: str | None,
        log: str | None,
        as_json: bool | None,
        actor: str | None,
    ) -> None:
        if log is not None:
            # Whatever this process starts has the same log, and its secrets are not for everybody's eyes.
            os.environ[LOG_VARIABLE] = log
        self.project_name = project
        self.builds = find_builds(builds_dir)
        self.remote = Remote(log) if log else None
        self.away = False  # as soon as the servers were asked for names and did not answer
        self.as_json = wants_json(as_json)
        self._actor = actor
        self._projects: dict[str, Project] = {}

    @property
    def actor(self) -> str:
        """Who acts: --actor, $BO_ACTOR, else user@host."""
        return self._actor or f"{_user()}@{os.uname().nodename}"

    def project(self, name: str | None = None) -> Project:
        """Returns the project `name`, or else the one that is meant; raises InvalidName or NotFound.

        The same object every time: it remembers how far it has followed the servers.
        """
        name = name or self.project_name or ""
        if name not in self._projects:
            where = self.builds if self.remote is None else self.remote.shown
            found = parse_project_name(name) if name else the_only_one(self.names(), where)
            self._projects[name] = Project(self.builds, found, self.remote)
        return self._projects[name]

    def names(self) -> list[ProjectName]:
        """Returns the names of all projects, sorted: with servers what is there, or is mirrored here."""
        here = project_names(self.builds)
        if self.remote is None:
            return list(here)
        mirrors = [name for name in here if is_mirror(os.path.join(self.builds, name))]
        try:
            return sorted({*mirrors, *self.remote.projects()})
        except ServersAway as away:
            self.away = True
            tell(f"{away}; these are the mirrors here")
            return mirrors

    def close(self) -> None:
        """Ends the connection to the servers, if there is one."""
        if self.remote is not None:
            self.remote.close()


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _complete_project(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    try:
        names = list(project_names(find_builds(context.params.get("builds_dir"))))
    except OSError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def _complete_worker(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from cli.moment import load_at

    try:
        builds, given = find_builds(context.params.get("builds_dir")), context.params.get("project")
        name = parse_project_name(given) if given else the_only_one(list(project_names(builds)), builds)
        # From the mirror where the log is on servers: somebody is typing, and nothing may be printed.
        build = load_at(Project(builds, name, say=lambda _: None), None).build
    except (OrchestratorError, OSError):
        return []
    return [CompletionItem(w.id, help=w.status) for w in build.workers if w.id.startswith(typed)]


_Function = Callable[..., Any]


def answers(function: _Function) -> _Function:
    """Gives a command the options about where and how; its first argument is the Invocation."""

    def call(
        *,
        builds_dir: str | None,
        log_address: str | None,
        as_json: bool | None,
        actor: str | None,
        project: str | None = None,
        **rest: Any,
    ) -> Any:
        invocation = Invocation(project, builds_dir, log_address, as_json, actor)
        try:
            return function(invocation, **rest)
        finally:
            invocation.close()

    call = update_wrapper(call, function)
    for option in (
        click.option("--actor", envvar="BO_ACTOR", metavar="NAME", help="Who acts (default: user@host)."),
        click.option("--json/--table", "as_json", default=None, help="Answer with JSON, or with a table."),
        click.option(
            "--log",
            "log_address",
            envvar=LOG_VARIABLE,
            metavar="ADDRESS",
            help="Where the log is: nats://HOST[:PORT][,HOST...][/STREAM] (default: $BO_LOG, or in files).",
        ),
        click.option(
            "--builds-dir",
            envvar="BO_BUILDS_DIR",
            metavar="DIR",
            is_eager=True,
            help="The folder of all projects (default: $BO_BUILDS_DIR, or N5/builds).",
        ),
    ):
        call = option(call)
    return call


def on_project(function: _Function) -> _Function:
    """Like `answers`, with the project; it may be left out where there is only one."""
    return click.option(
        "--project",
        "-p",
        envvar="BO_PROJECT",
        metavar="NAME",
        is_eager=True,
        shell_complete=_complete_project,
        help="The project (may be left out if there is only one).",
    )(answers(function))


at_option = click.option("--at", metavar="SEQ|TIME", help="Show the build as of this event or time.")

worker_option = click.option(
    "--worker", "-w", required=True, metavar="ID", shell_complete=_complete_worker, help="The worker."
)

workers_option = click.option(
    "--worker",
    "-w",
    "workers",
    required=True,
    multiple=True,
    metavar="ID",
    shell_complete=_complete_worker,
    help="The worker; may be given several times.",
)

attempt_option = click.option(
    "--attempt",
    type=click.IntRange(min=1),
    help="Speak for this attempt (a worker's own is found by itself).",
)


def attempt_of(invocation: Invocation, worker: str, given: int | None) -> int | None:
    """Returns the attempt that speaks: as given, or the one in whose environment this process runs."""
    own = os.environ.get("BO_ATTEMPT", "")
    in_worker = os.environ.get("BO_WORKER") == worker and os.environ.get("BO_PROJECT") in (
        None,
        invocation.project_name,
    )
    return given if given is not None or not (in_worker and own.isdecimal()) else int(own)
