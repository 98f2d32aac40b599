"""WfFormat 1.5, the JSON of WfCommons: a build as an instance, and an instance as a plan.

Each way keeps what the other format has no place for: a task carries its worker under `plan`, a worker
its task under `wfformat`. A colon, which no WfFormat parent may have in its id, is written `#3A`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from projections.build import Build
from projections.exchange.converted import Converted, Lost, an_object, objects, texts, worker_ids
from projections.exchange.moments import microseconds
from projections.plan_source import parse_json
from projections.views.history import History

VERSION = "1.5"
READ = ("1.5", "1.6")


def to_wfformat(told: History, project: str) -> bytes:
    """Returns the instance: the plan as its specification, what ran as its execution."""
    build = told.build
    plan = msgspec.json.decode(build.plan)
    kept = plan.pop("wfformat", None)
    kept = kept if isinstance(kept, dict) else {}
    workers = plan.pop("workers")
    name = plan.get("name") or project
    instance: dict[str, Any] = {**_without(kept, ("specification", "execution")), "name": name}
    if plan.get("description"):
        instance["description"] = plan["description"]
    instance |= {"createdAt": build.created_at, "schemaVersion": VERSION}
    specification = {"tasks": [_task(build, place, planned) for place, planned in enumerate(workers)]}
    if isinstance(kept.get("specification"), dict):
        specification |= _without(kept["specification"], ("tasks",))
    instance["workflow"] = {"specification": specification}
    if ran := _ran(told):
        instance["workflow"]["execution"] = {
            "makespanInSeconds": (microseconds(build.updated_at) - microseconds(build.created_at)) / 1e6,
            "executedAt": build.created_at,
            "tasks": ran,
        }
    if kept:
        plan["wfformat"] = kept
    instance["plan"] = plan
    return msgspec.json.format(msgspec.json.encode(instance), indent=2) + b"\n"


def _task(build: Build, place: int, planned: dict[str, Any]) -> dict[str, Any]:
    worker, kept = build.workers[place], planned.get("wfformat")
    return {
        **(_without(kept, ("execution",)) if isinstance(kept, dict) else {}),
        "name": planned.get("component") or worker.id,
        "id": _theirs(worker.id),
        "parents": [_theirs(build.workers[d].id) for d in worker.dependencies],
        "children": [_theirs(build.workers[d].id) for d in build.dependents[place]],
        # Dependencies are the parents; only that there is an empty list has to be said.
        "plan": _without(planned, ("id", "dependencies") if worker.dependencies else ("id",)),
    }


def _ran(told: History) -> list[dict[str, Any]]:
    """The tasks that were run, each with the time of all its attempts."""
    return [
        {
            "id": _theirs(worker.id),
            "runtimeInSeconds": round(sum(attempt.seconds or 0.0 for attempt in worker.attempts), 6),
            "executedAt": worker.attempts[0].spawned_at,
        }
        for worker in told.workers
        if worker.attempts and worker.running is None
    ]


def from_wfformat(source: bytes) -> Converted:
    """Returns the plan of an instance; raises InvalidPlan for what is none."""
    instance = dict(an_object(parse_json(source, "the instance"), "the instance"))
    workflow = an_object(instance.get("workflow"), "workflow")
    specification = an_object(workflow.get("specification"), "workflow.specification")
    tasks = objects(specification.get("tasks"), "workflow.specification.tasks")
    lost = Lost()
    if (version := instance.get("schemaVersion")) not in READ:
        lost.add(f"schemaVersion, read as {VERSION}", ascii(version))
    execution = workflow.get("execution")
    execution = an_object(execution, "workflow.execution") if execution is not None else {}
    ran = {task.get("id"): task for task in objects(execution.get("tasks", []), "workflow.execution.tasks")}
    names = [str(task.get("id")) for task in tasks]
    ids = worker_ids(_ours(name) for name in names)
    parents = _parents(tasks, names)
    ours = instance.get("plan")
    workers = [
        _worker(task, ids, parents[name], None if isinstance(ours, dict) else ran.get(name))
        for task, name in zip(tasks, names, strict=True)
    ]
    lost.add("ids that were changed", *(name for name in ids if ids[name] != name))
    if isinstance(ours, dict):
        lost.add("left out, recorded run times", *map(str, ran))
        return Converted({**ours, "workers": workers}, lost.sentences())
    plan: dict[str, Any] = {key: instance[key] for key in ("name", "description") if key in instance}
    kept = _without(instance, ("name", "description", "workflow"))
    kept["specification"] = _without(specification, ("tasks",))
    if execution:
        kept["execution"] = _without(execution, ("tasks",))
    plan |= {"workers": workers, "wfformat": kept}
    return Converted(plan, lost.sentences())


def _parents(tasks: list[dict[str, Any]], names: list[str]) -> dict[str, list[str]]:
    """Returns who each task waits for; children say the same as parents, from the other side."""
    parents = {
        name: dict.fromkeys(texts(task.get("parents"), f"task {name}: parents"))
        for task, name in zip(tasks, names, strict=True)
    }
    for task, name in zip(tasks, names, strict=True):
        for child in texts(task.get("children"), f"task {name}: children"):
            if child in parents:
                parents[child].setdefault(name)
    return {name: list(found) for name, found in parents.items()}


def _worker(
    task: dict[str, Any], ids: dict[str, str], parents: list[str], ran: dict[str, Any] | None
) -> dict[str, Any]:
    name = _ours(str(task.get("id")))
    worker: dict[str, Any] = {"id": ids[name]}
    needed = [ids.get(_ours(parent), parent) for parent in parents]
    if isinstance(planned := task.get("plan"), dict):
        return worker | ({"dependencies": needed} if needed else {}) | planned
    worker |= {"component": str(task.get("name") or name), "dependencies": needed}
    kept = _without(task, ("id", "name", "parents", "children"))
    if ids[name] != name:
        kept["id"] = task.get("id")
    if ran is not None:
        seconds = ran.get("runtimeInSeconds")
        if isinstance(seconds, int | float) and seconds >= 0:
            worker["estimated_hours"] = seconds / 3600
        kept["execution"] = _without(ran, ("id",))
    return worker | ({"wfformat": kept} if kept else {})


def _theirs(name: str) -> str:
    return name.replace(":", "#3A")


def _ours(name: str) -> str:
    return name.replace("#3A", ":")


def _without(value: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}
