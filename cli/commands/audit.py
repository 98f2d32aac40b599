"""One verdict for a build: is all of it as it says, and who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from cli.dispatch.presence import is_present
from cli.handle import Handler
from cli.options import Invocation, on_project
from cli.output import group, show, show_document, table
from cli.project import Project
from cli.publish import drift
from cli.snapshot import read_snapshot
from eventlog.errors import DamagedLog, NewerEvent
from eventlog.head import START
from eventlog.recovery import Corrupt
from projections.build import Build
from projections.decider import require_plan
from projections.duration import brief
from projections.render.audit_md import audit_md, verdict
from projections.views.audit import Audit, audit_view

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 30
"""Rows of a table that a person sees; --json and --format markdown have more."""


@click.command()
@on_project
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "markdown"]),
    help="How it is told (default: as --json or --table).",
)
def audit(invocation: Invocation, form: Literal["table", "json", "markdown"] | None) -> int:
    """Give one verdict for a build, and say who did what.

    Checks that the chain is intact, that the rules allow every event, that every attempt is accounted
    for, and that the derived files are equal to the log. Exits with 3 when anything is off; of a
    damaged log it tells what the intact part shows.

    Example: bo audit -p auth --format markdown
    """
    project = invocation.project().require()
    data = _examine(project)
    if form == "markdown":
        show_document(audit_md(data).encode())
    else:
        show(invocation.as_json if form is None else form == "json", data, lambda: _table(data))
    return 0 if data["ok"] else 3


def _examine(project: Project) -> dict[str, Any]:
    examined = project.store.examine()
    found = Audit()
    chain: list[str] = []
    if isinstance(examined.verdict, Corrupt):
        chain.append(str(examined.verdict.error()))
    elif examined.regression is not None:
        chain.append(str(examined.regression))
    whole = not chain
    head = START
    try:
        for batch in project.store.read() if whole else project.store.salvage(examined.head.seq):
            for event in batch.events:
                found.take(event)
            head = batch.head
    except (DamagedLog, NewerEvent) as error:
        if not found.history.build.exists:
            raise
        whole = False
        if str(error) not in chain:
            chain.append(str(error))
    build = found.history.build
    if not whole and not build.exists:
        raise (
            examined.verdict.error() if isinstance(examined.verdict, Corrupt) else _lost(examined.regression)
        )
    require_plan(build)
    snapshot = read_snapshot(project)
    if whole and snapshot is not None and snapshot[1].seq > head.seq:
        chain.append(f"the snapshot has seen event {snapshot[1].seq}: events after {head.seq} are lost")
    differing = None
    if whole:
        handler = Handler(project, "")
        # A copy: comparing takes in what others append meanwhile, and this audit ends where it ended.
        handler.build = msgspec.msgpack.decode(msgspec.msgpack.encode(build), type=Build)
        handler.head = head
        differing = drift(handler)
    living = {name for name in found.dispatchers_at_work() if is_present(project, name) is not False}
    return audit_view(found, project.name, chain, differing, living)


def _lost(regression: DamagedLog | None) -> DamagedLog:
    assert regression is not None
    return regression


def _table(data: dict[str, Any]) -> RenderableType:
    problems = [problem for check in data["checks"] for problem in check["problems"]]
    unusual = [
        (mark["seq"], mark["time"][:19], mark["worker"], mark["kind"], mark["actor"], mark["what"])
        for mark in data["unusual"][:MOST_ROWS]
    ]
    ran = [worker for worker in data["workers"] if worker["attempts"]]
    slowest = sorted(ran, key=lambda worker: -(worker["ran_seconds"] or 0.0))[:MOST_ROWS]
    totals = ", ".join(
        f"{name.replace('_', ' ')}: {count}"
        for name, count in data["totals"].items()
        if count and name not in ("events", "workers", "completed")
    )
    return group(
        f"{data['project']} is {verdict(data)}",
        table(
            ("check", "", "found"),
            [(c["check"], "ok" if c["ok"] else "OFF", c["found"]) for c in data["checks"]],
        ),
        *problems[:MOST_ROWS],
        totals or None,
        table(
            ("actor", "events", "first", "last"),
            [
                (one["actor"], one["events"], one["first"][:19], one["last"][:19])
                for one in data["who"][:MOST_ROWS]
            ],
        ),
        table(("event", "time", "worker", "what", "by", "about"), unusual) if unusual else None,
        "the workers that ran longest:" if slowest else None,
        table(
            ("worker", "status", "attempts", "waited", "ran"),
            [
                (
                    worker["id"],
                    worker["status"],
                    len(worker["attempts"]),
                    _took(worker["waited_seconds"]),
                    _took(worker["ran_seconds"]),
                )
                for worker in slowest
            ],
        )
        if slowest
        else None,
    )


def _took(seconds: float | None) -> str:
    return "" if seconds is None else brief(seconds)
