"""A Task Master tasks.json as a plan: `{"tasks": [...]}`, or lists under the names of tags.

Task 5 becomes the worker `5`, its subtask 2 the worker `5.2`. A subtask waits for what its task waits
for, and a task for its subtasks. What a plan has no key for stays with its worker under `taskmaster`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eventlog.errors import InvalidPlan
from projections.exchange.converted import Converted, Lost, an_object, objects
from projections.plan_source import parse_json

STATUSES = {
    "pending": "pending",
    "blocked": "pending",
    "deferred": "pending",
    "in-progress": "in_progress",
    "review": "review_pending",
    "done": "completed",
    "completed": "completed",
    "cancelled": "cancelled",
}
PRIORITIES = {"critical": 2, "high": 1, "medium": 0, "low": -1}
MASTER = "master"
_TOLD = ("details", "testStrategy", "acceptanceCriteria")
"""Keys that a worker should read: they keep their names, and are in its assignment."""
_TAKEN = frozenset(("id", "title", "description", "dependencies", "subtasks", "status", "priority", *_TOLD))


def from_taskmaster(source: bytes, tag: str | None = None) -> Converted:
    """Returns the plan of the tasks under `tag` (default: master, or the only one); raises InvalidPlan."""
    found = an_object(parse_json(source, "tasks.json"), "tasks.json")
    lost = Lost()
    if "tasks" in found:
        chosen, name = found, None
    else:
        chosen, name = _tagged(found, tag, lost)
    tasks = objects(chosen.get("tasks"), "tasks")
    workers = [worker for task in tasks for worker in _workers(task, lost)]
    plan: dict[str, Any] = {"name": _name(chosen, name)}
    about = chosen.get("metadata")
    if isinstance(about, dict) and isinstance(about.get("description"), str):
        plan["description"] = about["description"]
    plan["workers"] = workers
    rest = {key: value for key, value in chosen.items() if key != "tasks"}
    return Converted(plan | ({"taskmaster": rest} if rest else {}), lost.sentences())


def _tagged(found: dict[str, Any], tag: str | None, lost: Lost) -> tuple[dict[str, Any], str]:
    tags = {key: value for key, value in found.items() if isinstance(value, dict) and "tasks" in value}
    name = tag if tag is not None else MASTER if MASTER in tags else next(iter(tags), "")
    if name not in tags or (tag is None and name != MASTER and len(tags) > 1):
        shown = ", ".join(sorted(tags)) or "none"
        raise InvalidPlan(
            [f"tasks.json has no tag {name!a}" if tag else "choose a tag", f"its tags: {shown}"]
        )
    lost.add("left out, other tags", *(key for key in tags if key != name))
    return tags[name], name


def _name(chosen: dict[str, Any], tag: str | None) -> str:
    for key in ("metadata", "meta"):
        about = chosen.get(key)
        if isinstance(about, dict) and isinstance(about.get("projectName"), str):
            return str(about["projectName"])
    return tag or "tasks"


def _number(task: dict[str, Any]) -> str:
    return str(task.get("id"))


def _workers(task: dict[str, Any], lost: Lost) -> Iterator[dict[str, Any]]:
    number = _number(task)
    subtasks = objects(task.get("subtasks") or [], f"task {number}: subtasks")
    siblings = {_number(subtask) for subtask in subtasks}
    needed = _dependencies(task, number)
    own = [f"{number}.{_number(subtask)}" for subtask in subtasks]
    yield _worker(task, number, [*needed, *own], lost)
    for subtask, name in zip(subtasks, own, strict=True):
        # A bare number is a sibling where there is one with it, else another task.
        inner = [
            f"{number}.{other}" if other in siblings else other for other in _dependencies(subtask, name)
        ]
        yield _worker(subtask, name, [*inner, *needed], lost)


def _dependencies(task: dict[str, Any], name: str) -> list[str]:
    found = task.get("dependencies") or []
    if not isinstance(found, list) or not all(isinstance(item, str | int) for item in found):
        raise InvalidPlan([f"task {name}: dependencies is not a list of numbers or ids"])
    return [str(item) for item in found]


def _worker(task: dict[str, Any], name: str, needed: list[str], lost: Lost) -> dict[str, Any]:
    worker: dict[str, Any] = {"id": name}
    if isinstance(task.get("title"), str):
        worker["component"] = task["title"]
    if isinstance(task.get("description"), str):
        worker["description"] = task["description"]
    worker["dependencies"] = list(dict.fromkeys(needed))
    kept = {key: value for key, value in task.items() if key not in _TAKEN}
    status, priority = task.get("status"), task.get("priority")
    if isinstance(status, str) and status in STATUSES:
        worker["status"] = STATUSES[status]
    if status == "deferred":
        kept["status"] = status
        lost.add("deferred there, pending here", name)
    elif status is not None and worker.get("status") is None:
        kept["status"] = status
        lost.add(f"{status!a} there, pending here", name)
    if isinstance(priority, str) and priority in PRIORITIES:
        worker["priority"] = PRIORITIES[priority]
    elif priority is not None:
        kept["priority"] = priority
    worker |= {key: task[key] for key in _TOLD if task.get(key)}
    return worker | ({"taskmaster": kept} if kept else {})
