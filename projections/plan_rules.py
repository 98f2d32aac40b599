"""Rules for beginning a project and for amending its plan."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from eventlog.errors import InvalidPlan, Refused
from eventlog.events import NO_WORKERS, PlanAmended, PlanDefined, PlanImported
from projections.build import Build
from projections.commands import AmendPlan, DefinePlan
from projections.plan import check_amendment, check_workers


def define(build: Build, command: DefinePlan, now: str, actor: str) -> PlanDefined | PlanImported | None:
    """A project has one plan for ever; the same one again is a success."""
    if build.exists:
        if sha256(command.plan).hexdigest() == build.plan_hash:
            return None
        raise Refused(
            "project_exists",
            "the project already has another plan",
            hint="change it with `bo amend`, or choose another project name",
        )
    event = PlanImported if command.imported else PlanDefined
    return event(time=now, actor=actor, build_id=command.build_id, plan=msgspec.Raw(command.plan))


def amend(build: Build, command: AmendPlan, now: str, actor: str) -> PlanAmended | None:
    """Workers may be added; dependencies change only before the worker begins; estimates always.

    What is already so is left out of the event.
    """
    planned = {worker["id"]: worker for worker in msgspec.json.decode(build.plan)["workers"]}
    added = [] if command.workers is None else msgspec.json.decode(command.workers)
    if not isinstance(added, list):
        raise InvalidPlan(["workers: is not a list"])
    added = [item for item in added if not _is_there(item, planned)]
    graph = {
        worker.id: [build.workers[place].id for place in worker.dependencies] for worker in build.workers
    }
    changed = {name: new for name, new in command.dependencies.items() if graph.get(name) != new}
    estimates = {
        name: hours
        for name, hours in command.estimates.items()
        if name not in planned or planned[name].get("estimated_hours") != hours
    }
    graph |= {name: new for name, new in changed.items() if name in graph}
    problems = [
        *check_amendment(added, changed, estimates, planned),
        *check_workers(added, graph, frozenset(changed).intersection(graph)),
    ]
    if problems:
        raise InvalidPlan(problems)
    for name in changed:
        worker = build.find(name)
        if worker is not None and worker.status != "pending":
            raise Refused(
                "already_started",
                f"worker '{name}' is {worker.status}: its dependencies are settled",
                hint="add a new worker instead",
            )
    if not (added or changed or estimates):
        return None
    return PlanAmended(
        time=now,
        actor=actor,
        workers=msgspec.Raw(msgspec.json.encode(added)) if added else NO_WORKERS,
        dependencies=changed,
        estimates=estimates,
    )


def _is_there(item: object, planned: dict[str, Any]) -> bool:
    name = item.get("id") if isinstance(item, dict) else None
    return isinstance(name, str) and planned.get(name) == item
