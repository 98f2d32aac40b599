"""Doing commands on a project from the command line: handle, publish, and the answer about workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.handle import Handler
from cli.options import Invocation
from cli.output import show, warn
from cli.publish import is_published
from cli.trailing import publish_soon
from eventlog.events import KnownEvent, LateResultReceived, WorkerEvent
from projections.build import Build
from projections.commands import AnyCommand, AnyWorkerCommand


def act(handler: Handler, commands: Sequence[AnyCommand]) -> tuple[list[KnownEvent], list[str]]:
    """Does `commands`, all or none, and publishes; returns the events and what to warn of."""
    events = handler.handle(commands)
    # What is so already may be the work of a command that died, or failed, before it could publish.
    if not events and is_published(handler.project, handler.head):
        return events, []
    warning = publish_soon(handler)
    if warning:
        warn(warning)
    return events, [warning] if warning else []


def act_on_workers(invocation: Invocation, commands: Sequence[AnyWorkerCommand]) -> None:
    """Does `commands` and says of each worker what it is now, and who became ready by it."""
    handler = Handler(invocation.project().require(), invocation.actor).load()
    ready_before = set(handler.build.ready)
    events, warnings = act(handler, commands)
    build = handler.build
    unblocked = [build.workers[place].id for place in sorted(build.ready - ready_before)]
    answers = [_answer(build, command, events) for command in commands]
    named = {answer["worker_id"] for answer in answers}
    data: dict[str, Any] = {"success": True, "project": handler.project.name}
    data |= answers[0] if len(answers) == 1 else {"workers": answers}
    data["unblocked"] = [name for name in unblocked if name not in named]
    if warnings:
        data["warnings"] = warnings
    show(invocation.as_json, data, lambda: "\n".join(_sentences(answers, data["unblocked"])))


def _answer(build: Build, command: AnyWorkerCommand, events: Sequence[KnownEvent]) -> dict[str, Any]:
    worker = build.find(command.worker)
    event = next((e for e in events if isinstance(e, WorkerEvent) and e.worker == command.worker), None)
    answer: dict[str, Any] = {
        "worker_id": command.worker,
        "status": worker.status if worker else None,
        "seq": event.seq if event else None,
        "already": event is None,
    }
    return answer | ({"late": True} if isinstance(event, LateResultReceived) else {})


def _sentences(answers: Sequence[dict[str, Any]], unblocked: Sequence[str]) -> list[str]:
    lines = []
    for answer in answers:
        how = "it was so already" if answer["already"] else f"event {answer['seq']}"
        if answer.get("late"):
            how += ", kept as a late result: the attempt was over"
        lines.append(f"{answer['worker_id']} is {answer['status']} ({how})")
    if unblocked:
        shown = ", ".join(unblocked[:10]) + (
            f" and {len(unblocked) - 10} more" if len(unblocked) > 10 else ""
        )
        lines.append(f"now ready: {shown}")
    return lines
