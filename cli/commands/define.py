"""Beginning a project and changing its plan: init, import, amend."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cli.act import act
from cli.handle import Handler
from cli.options import Invocation, on_project
from cli.output import show
from cli.project import Project
from eventlog.codec import MAX_LINE
from eventlog.errors import InvalidPlan, NotFound, Refused
from projections import commands as cmd
from projections.plan import unwritable
from projections.plan_source import parse_json, parse_plan
from projections.views.status import status_counts

if TYPE_CHECKING:
    from projections.exchange.converted import Converted


@click.command()
@on_project
@click.option("--plan-file", metavar="FILE", help="The plan as a JSON file; - reads standard input.")
@click.option("--plan", metavar="JSON", help="The plan itself.")
def init(invocation: Invocation, plan_file: str | None, plan: str | None) -> None:
    """Begin a project with a plan.

    The same plan again is fine; another plan for an existing project is refused.

    Example: bo init -p auth --plan-file examples/auth-system.json
    """
    project, command = _definition(invocation, _source(plan_file, plan, "--plan-file or --plan"))
    _begin(invocation, project, command)


def begin_from_file(invocation: Invocation, plan_file: str) -> None:
    """Does what `init --plan-file` does, without its answer."""
    project, command = _definition(invocation, _read(plan_file))
    act(Handler(project, invocation.actor).load(), [command])


def _definition(invocation: Invocation, source: bytes) -> tuple[Project, cmd.DefinePlan]:
    if not invocation.project_name:
        raise click.UsageError("name the project with --project")
    project = invocation.project()
    _, text = parse_plan(source)
    if not project.exists() and os.path.lexists(project.path("plan.json")):
        raise Refused(
            "foreign_plan",
            f"{project.folder} has a plan.json but no log: another tool's build",
            hint=f"adopt it with `bo import {project.path('plan.json')} -p {project.name}`",
        )
    return project, cmd.DefinePlan(plan=text, build_id=new_build_id())


@click.command("import")
@on_project
@click.argument("file", metavar="FILE")
@click.option(
    "--from",
    "source",
    type=click.Choice(("plan", "wfformat", "taskmaster", "beads")),
    default="plan",
    help="Who wrote the file: this tool or its origin (plan), WfCommons, Task Master, Beads.",
)
@click.option("--tag", metavar="TAG", help="Which list of a Task Master file (default: master).")
def import_command(invocation: Invocation, file: str, source: str, tag: str | None) -> None:
    """Adopt a plan.json, or what another tool wrote, with its statuses.

    Completed workers stay completed, with their times. The project's name is --project, else the
    one in the file's _meta. What found no place in the plan is named.

    Example: bo import .taskmaster/tasks/tasks.json --from taskmaster -p tasks
    """
    if tag is not None and source != "taskmaster":
        raise click.UsageError("--tag is for --from taskmaster")
    content = _read(file)
    converted = _converted(content, source, tag)
    plan, text = parse_plan(msgspec.json.encode(converted.plan) if converted else content)
    name = invocation.project_name or plan.get("_meta", {}).get("project")
    if not isinstance(name, str):
        raise click.UsageError("name the project with --project: the file does not say")
    project = invocation.project(name)
    command = cmd.DefinePlan(plan=text, build_id=new_build_id(), imported=True)
    _begin(invocation, project, command, dropped=converted.dropped if converted else None)


def _converted(content: bytes, source: str, tag: str | None) -> Converted | None:
    """Returns the plan that another tool's file is, None for one that is a plan already."""
    if source == "wfformat":
        from projections.exchange.wfformat import from_wfformat

        return from_wfformat(content)
    if source == "taskmaster":
        from projections.exchange.taskmaster import from_taskmaster

        return from_taskmaster(content, tag)
    if source == "beads":
        from projections.exchange.beads import from_beads

        return from_beads(content)
    return None


def new_build_id() -> str:
    """Random, so that no two logs share a chain."""
    return os.urandom(16).hex()


def _begin(
    invocation: Invocation, project: Project, command: cmd.DefinePlan, dropped: list[str] | None = None
) -> None:
    handler = Handler(project, invocation.actor).load()
    events, warnings = act(handler, [command])
    build = handler.build
    ready = [worker.id for worker in build.ready_workers()]
    data: dict[str, Any] = {
        "success": True,
        "project": project.name,
        "workers_count": len(build.workers),
        "project_dir": project.folder,
        "already": not events,
        "status_counts": status_counts(build),
        "ready": ready,
    }
    if dropped is not None:
        data["dropped"] = dropped
    if warnings:
        data["warnings"] = warnings
    shown = ", ".join(ready[:10]) + (f" and {len(ready) - 10} more" if len(ready) > 10 else "")
    began = "exists already, with the same plan" if not events else "is defined"
    show(
        invocation.as_json,
        data,
        lambda: (
            f"{project.name} {began}: {len(build.workers)} workers, in {project.folder}\n"
            f"ready: {shown or 'none'}" + "".join(f"\n{sentence}" for sentence in dropped or [])
        ),
    )


@click.command()
@on_project
@click.option("--add", metavar="JSON", help="Workers to add: a list of them, or one.")
@click.option("--add-file", metavar="FILE", help="The same from a file; - reads standard input.")
@click.option("--depend", multiple=True, metavar="ID=A,B", help="New dependencies of a pending worker.")
@click.option("--hours", multiple=True, metavar="ID=HOURS", help="A new estimate; empty takes it away.")
def amend(
    invocation: Invocation,
    add: str | None,
    add_file: str | None,
    depend: tuple[str, ...],
    hours: tuple[str, ...],
) -> None:
    """Add workers, change dependencies or estimates.

    Example: bo amend -p auth --add '{"id": "docs", "dependencies": ["worker_jwt"]}'
    """
    workers: bytes | None = None
    if add is not None or add_file is not None:
        workers = added_workers(_source(add_file, add, "--add-file or --add"))
    command = cmd.AmendPlan(
        workers=workers,
        dependencies={
            name: [item for item in value.split(",") if item] for name, value in _pairs(depend, "--depend")
        },
        estimates={name: _hours(name, value) for name, value in _pairs(hours, "--hours")},
    )
    if workers is None and not depend and not hours:
        raise click.UsageError("say what to change: --add, --add-file, --depend or --hours")
    handler = Handler(invocation.project().require(), invocation.actor).load()
    events, warnings = act(handler, [command])
    data: dict[str, Any] = {
        "success": True,
        "project": handler.project.name,
        "workers_count": len(handler.build.workers),
        "already": not events,
        "seq": events[0].seq if events else None,
        "ready": [worker.id for worker in handler.build.ready_workers()],
    }
    if warnings:
        data["warnings"] = warnings
    how = f"event {data['seq']}" if events else "it was so already"
    show(invocation.as_json, data, lambda: f"the plan has {data['workers_count']} workers ({how})")


def added_workers(source: bytes) -> bytes:
    """Returns the JSON list of the workers in `source`: a list, one worker, or a plan; raises InvalidPlan."""
    value = parse_json(source, "the list of workers")
    value = value.get("workers", [value]) if isinstance(value, dict) else value
    if problems := list(unwritable(value, "workers")):
        raise InvalidPlan(problems)
    return msgspec.json.encode(value)


def _pairs(given: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"{option} wants ID=VALUE, not {text!a}")
        pairs.append((name, value))
    return pairs


def _hours(name: str, value: str) -> float | None:
    try:
        return float(value) if value else None
    except ValueError as error:
        raise InvalidPlan([f"{name}: estimated_hours is {value!a}, not a number"]) from error


def _source(file: str | None, text: str | None, options: str) -> bytes:
    if (file is None) == (text is None):
        raise click.UsageError(f"give one of {options}")
    if text is not None:
        return text.encode("utf-8", "surrogateescape")
    assert file is not None
    return _read(file)


def _read(file: str) -> bytes:
    """Returns the file's bytes; never more than an event can hold."""
    try:
        if file == "-":
            source = sys.stdin.buffer.read(MAX_LINE + 1)
        else:
            with open(file, "rb") as stream:
                source = stream.read(MAX_LINE + 1)
    except OSError as error:
        raise NotFound("no_such_file", f"cannot read {file}: {error.strerror}") from error
    if len(source) > MAX_LINE:
        raise InvalidPlan([f"{file} has more than {MAX_LINE:,} bytes"])
    return source
