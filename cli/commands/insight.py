"""What happened, and why: why, blame, diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cli.moment import find_seq, take_in
from cli.options import Invocation, at_option, on_project, worker_option
from cli.output import group, show, table
from cli.project import Project
from eventlog.errors import Refused
from projections.decider import require_plan
from projections.duration import brief
from projections.views.blame import Blame, blame_view
from projections.views.causes import Causes
from projections.views.changes import Changes, compare
from projections.views.history import History
from projections.views.why import why_view

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_STEPS, MOST_ROWS = 12, 100
"""Steps of a chain and rows of a table that a person sees; --json has all of them."""


@click.command()
@on_project
@worker_option
@at_option
def why(invocation: Invocation, worker: str, at: str | None) -> None:
    """Say why a worker is where it is, down to the root.

    Ready, blocked, running, failed or done: each cause with its event, and what would move it on.

    Example: bo why -p auth -w worker_providers
    """
    project = invocation.project()
    found = Causes()
    take_in(project, at, found.take)
    require_plan(found.build)
    data = why_view(found, project.name, worker)
    show(invocation.as_json, data, lambda: "\n".join(_why_lines(data)))


def _why_lines(data: dict[str, Any]) -> Iterator[str]:
    first, *rest = data["chain"]
    yield f"{data['worker_id']}: {data['state'].replace('_', ' ')}"
    yield f"  {first['text']}"
    long = len(rest) > MOST_STEPS
    for step in rest[: MOST_STEPS - 1] if long else rest:
        yield f"  {step['worker']}: {step['text']}"
    if long:
        yield f"  and {len(rest) - MOST_STEPS} steps between"
        yield f"  {rest[-1]['worker']}: {rest[-1]['text']}"
    others = data.get("blockers", [])[1:MOST_STEPS]
    if others:
        yield f"{data['blockers_count']} workers hold it up; besides the above:"
        yield from (f"  {blocker['worker']}: {blocker['text']}" for blocker in others)
    if data["next"]:
        yield f"next: {data['next']}"


@click.command()
@on_project
@worker_option
@click.argument("field", required=False)
@at_option
def blame(invocation: Invocation, worker: str, field: str | None, at: str | None) -> None:
    """Say which event and actor set a field of a worker.

    Fields are those that `bo status` shows (status, output_path, estimated_hours, dependencies,
    ...); without one, all of them.

    Example: bo blame -p auth -w worker_oauth status
    """
    project = invocation.project()
    told = Blame(worker)
    take_in(project, at, told.take)
    require_plan(told.build)
    data = blame_view(told, project.name, worker, field)
    rows = data["fields"] if field is None else {field: data}
    show(
        invocation.as_json,
        data,
        lambda: table(
            ("field", "value", "event", "type", "by", "time"),
            [
                (name, _shown(row["value"]), row["seq"], row["type"], row["actor"], row["time"][:19])
                for name, row in rows.items()
            ],
        ),
    )


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."


@click.command()
@on_project
@click.argument("a", metavar="A", required=False)
@click.argument("b", metavar="B", required=False)
@click.option("--other", metavar="NAME", help="Compare with this project: A is a moment here, B one there.")
def diff(invocation: Invocation, a: str | None, b: str | None, other: str | None) -> None:
    """Show what changed between two moments, or how two projects differ.

    A and B are SEQ|TIME; B is now unless it is given.

    Example: bo diff -p auth 12 2026-11-23T05:00
    """
    project = invocation.project().require()
    if other is not None:
        _diff_projects(invocation, project, invocation.project(other).require(), a, b)
        return
    if a is None:
        raise click.UsageError("name a moment to compare with, or another project with --other")
    since = find_seq(project, a)
    if b is not None and find_seq(project, b) < since:
        raise Refused("moments_reversed", f"{a} lies after {b}", hint="name the earlier moment first")
    changes = Changes(since)
    take_in(project, b, changes.take)
    require_plan(changes.history.build)
    data = changes.view(project.name)
    show(invocation.as_json, data, lambda: _diff_table(data))


def _diff_table(data: dict[str, Any]) -> RenderableType:
    before, after = data["from"], data["to"]
    events = ", ".join(f"{count} {name}" for name, count in data["events"].items())
    rows = [
        (row["id"], row["before"], row["after"], row["attempts"] or "", _took(row["seconds"]), row["seq"])
        for row in data["changed"][:MOST_ROWS]
    ]
    return group(
        f"{data['project']}: event {before['seq']} to {after['seq']}, {_took(data['seconds'])}: "
        f"{before['completed']} to {after['completed']} of {after['workers']} completed, "
        f"{before['status']} to {after['status']}",
        f"{data['events_count']} events: {events}" if events else "nothing happened",
        table(("worker", "before", "after", "attempts", "took", "event"), rows) if rows else None,
        _hidden(data["changed_count"]),
    )


def _took(seconds: float | None) -> str:
    return "" if seconds is None else brief(seconds)


def _diff_projects(
    invocation: Invocation, one: Project, two: Project, at_one: str | None, at_two: str | None
) -> None:
    ours, theirs = History(), History()
    take_in(one, at_one, ours.take)
    take_in(two, at_two, theirs.take)
    require_plan(ours.build)
    require_plan(theirs.build)
    same = min(_same_until(one, two), ours.build.seq, theirs.build.seq)
    data = compare(ours, theirs, one.name, two.name, same)
    show(invocation.as_json, data, lambda: _compare_table(data))


def _same_until(one: Project, two: Project) -> int:
    """Returns the number of events with which both logs begin."""
    same = 0
    for ours, theirs in zip(_lines(one), _lines(two), strict=False):
        if ours != theirs:
            break
        same += 1
    return same


def _lines(project: Project) -> Iterator[bytes]:
    for batch in project.store.read():
        yield from (line for _, line in batch.pairs())


def _compare_table(data: dict[str, Any]) -> RenderableType:
    def about(name: str, side: dict[str, Any]) -> str:
        return (
            f"{name}: {side['status']}, {side['completed']} of {side['workers']} completed, "
            f"event {side['seq']}, {_took(side['seconds'])}"
        )

    common = f"the same up to event {data['same_until']}" if data["same_until"] else "no common beginning"
    rows = [
        (row["id"], row["here"], row["there"], _took(row["seconds_here"]), _took(row["seconds_there"]))
        for row in data["differing"][:MOST_ROWS]
    ]
    return group(
        about(data["project"], data["here"]),
        about(data["other"], data["there"]),
        f"{common}, {'the same plan' if data['same_plan'] else 'different plans'}",
        table(("worker", data["project"], data["other"], "took", "took there"), rows)
        if rows
        else "every worker is in the same state",
        _hidden(data["differing_count"]),
    )


def _hidden(count: int) -> str | None:
    return f"{count - MOST_ROWS} more workers; --json shows all" if count > MOST_ROWS else None
