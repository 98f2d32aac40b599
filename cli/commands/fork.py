"""A new project from the beginning of another: to try something else, or to rescue what is intact."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import click

from cli.commands.define import new_build_id
from cli.handle import Handler, copy_log
from cli.options import Invocation, on_project
from cli.output import show
from cli.project import Project
from cli.publish import publish
from eventlog.disk import OsDisk
from eventlog.errors import Refused, StorageFailed
from eventlog.names import ProjectName, parse_project_name
from projections.commands import Fork

if TYPE_CHECKING:
    from cli.remote import Remote


@click.command()
@on_project
@click.option("--at", "seq", required=True, type=click.IntRange(min=1), help="The last event to take.")
@click.option("--as", "name", required=True, metavar="NAME", help="The new project.")
def fork(invocation: Invocation, seq: int, name: str) -> None:
    """Begin a new project as a copy of another up to an event.

    The copied lines stay as they are, chain included, and the other project is not touched. So it
    also rescues the intact beginning of a damaged log. What workers said is copied too, as far as
    it is on this machine.

    Example: bo fork -p auth --at 12 --as auth-retry
    """
    origin = invocation.project().require()
    target = Project(invocation.builds, parse_project_name(name))
    if os.path.lexists(target.folder):
        raise Refused("project_exists", f"{target.folder} exists already", hint="choose another name")
    if invocation.remote is not None and target.name in invocation.remote.projects():
        where = invocation.remote.shown
        raise Refused("project_exists", f"{where} has a project '{name}' already", hint="choose another name")
    # Made under a name that no project can have, so that nobody ever sees half of it.
    making = Project(invocation.builds, ProjectName(f".{name}.{os.getpid()}.new"))
    try:
        copy_log(origin, making, seq)
        if os.path.isdir(origin.path("outputs")):
            shutil.copytree(origin.path("outputs"), making.path("outputs"), symlinks=True)
        handler = Handler(making, invocation.actor).load()
        command = Fork(origin=origin.name, origin_seq=seq, build_id=new_build_id())
        events = handler.handle([command])
        os.rename(making.folder, target.folder)
        OsDisk().sync_directory(invocation.builds)
    except BaseException:
        shutil.rmtree(making.folder, ignore_errors=True)
        raise
    warning = publish(target, handler.build, handler.head)
    if invocation.remote is not None:
        _take_up(target, invocation.remote)
    data = {
        "success": True,
        "project": target.name,
        "forked_from": handler.build.origin,
        "seq": events[0].seq,
        "status": handler.build.status,
        "project_dir": target.folder,
        "warnings": [warning] if warning else [],
    }
    show(
        invocation.as_json,
        data,
        lambda: f"{target.name} goes on from {data['forked_from']}, in {target.folder}",
    )


def _take_up(target: Project, remote: Remote) -> None:
    """Takes the new project, which is whole here, to the servers."""
    from cli.commands.carry import carry_up

    try:
        carry_up(target, remote)
    except StorageFailed as error:
        error.hint = f"the new project is here and not on the servers: `bo push -p {target.name}` goes on"
        raise
