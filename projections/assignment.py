"""What a worker is told: the assignment, and the context of the origin's spawn command. Pure texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from projections.build import Build, Worker

_NOT_TOLD = frozenset(
    (
        "id",
        "component",
        "description",
        "dependencies",
        "estimated_hours",
        "relevant_files",
        "status",
        "completed_at",
        "spawned_conversation",
        "command",
        "timeout_minutes",
        "retries",
        "priority",
    )
)
"""Keys of a worker that are said elsewhere in the assignment, or are not for the worker."""


def assignment(build: Build, worker: Worker, project: str, plan: dict[str, Any] | None = None) -> str:
    """Returns the text that tells a worker what to do, with what, and how to report back.

    `plan` is the build's plan, decoded, for who asks often.
    """
    plan = msgspec.json.decode(build.plan) if plan is None else plan
    planned = plan["workers"][build.index[worker.id]]
    return "\n".join(_lines(build, worker, project, plan, planned)).rstrip() + "\n"


def _lines(
    build: Build, worker: Worker, project: str, plan: dict[str, Any], planned: dict[str, Any]
) -> Iterator[str]:
    yield f"You are the worker {worker.id} of the build {plan.get('name') or project}."
    if planned.get("component"):
        yield f"Component: {planned['component']}"
    yield ""
    yield "## Your task"
    yield ""
    yield str(planned.get("description") or "See the plan.")
    yield ""
    if plan.get("objective"):
        yield from _section("The objective of the whole build", [str(plan["objective"])])
    yield from _section("Key decisions", _bullets(plan.get("key_decisions", [])))
    files = planned.get("relevant_files", plan.get("relevant_files", []))
    yield from _section("Relevant files", _bullets(files))
    for key, value in planned.items():
        if key not in _NOT_TOLD:
            yield from _section(key.replace("_", " ").capitalize(), _value(value))
    yield from _section("What is done already, and where it lies", _done(build, worker))
    if worker.result is not None and worker.result.reason is not None:
        yield from _section(
            "The attempt before this one", [f"It was {worker.result.reason}: {worker.result.error or ''}"]
        )
    yield from _section("How to report back", _report(worker, project))


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"## {title}"
        yield ""
        yield from lines
        yield ""


def _bullets(items: list[Any]) -> list[str]:
    return [f"- {item}" for item in items]


def _value(value: Any) -> list[str]:
    if isinstance(value, list):
        return [f"- {item if isinstance(item, str) else _json(item)}" for item in value]
    return [] if value is None else [value if isinstance(value, str) else _json(value)]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _done(build: Build, worker: Worker) -> list[str]:
    lines = []
    for place in worker.dependencies:
        other = build.workers[place]
        if other.status == "completed":
            parts = [other.result.output, other.result.summary] if other.result else []
            said = ": ".join(part for part in parts if part)
            lines.append(f"- {other.id}" + (f": {said}" if said else ""))
    return lines


def _report(worker: Worker, project: str) -> list[str]:
    about = f"-p {project} -w {worker.id}"
    return [
        f'- done: `bo complete {about} --output PATH --summary "what you did"`',
        f'- for review: `bo submit {about} --files "PATHS" --summary "what you did"`',
        f'- it cannot be done: `bo fail {about} --reason "why"`',
        f'- on the way: `bo progress {about} -m "what you are doing" --percent 50`',
    ]


def spawn_context(build: Build, worker: Worker, project: str) -> dict[str, Any]:
    """Returns the `context` of the origin's spawn command, with its keys."""
    plan = msgspec.json.decode(build.plan)
    planned = plan["workers"][build.index[worker.id]]
    return {
        "instruction": assignment(build, worker, project),
        "parent_focus": plan.get("name") or project,
        "parent_objective": plan.get("objective") or "",
        "parent_status": build.status,
        "parent_type": "build",
        "key_decisions": plan.get("key_decisions", []),
        "relevant_files": planned.get("relevant_files", plan.get("relevant_files", [])),
        "additional_context": {
            "project": project,
            "worker_id": worker.id,
            "component": planned.get("component"),
            "description": planned.get("description"),
            "dependencies": [build.workers[place].id for place in worker.dependencies],
        },
    }
