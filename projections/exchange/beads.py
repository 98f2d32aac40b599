"""A Beads issues.jsonl as a plan: an issue a line.

`blocks` are dependencies; a parent waits for its children. Other relations order nothing and stay, with
all that a plan has no key for, with their worker under `beads`.
"""

from __future__ import annotations

from typing import Any

from eventlog.errors import InvalidPlan
from projections.exchange.converted import Converted, Lost, an_object, objects, worker_ids
from projections.exchange.moments import as_logged
from projections.plan_source import parse_json

STATUSES = {
    "open": "pending",
    "blocked": "pending",
    "deferred": "pending",
    "in_progress": "in_progress",
    "closed": "completed",
}
GONE = "tombstone"
MIDDLE = 2
"""The priority that says nothing: 0 is the most urgent there, and here the greatest number is."""

_TOLD = ("design", "acceptance_criteria", "notes")
_TAKEN = frozenset(
    ("id", "title", "description", "status", "priority", "estimated_minutes", "closed_at", *_TOLD)
)


def from_beads(source: bytes) -> Converted:
    """Returns the plan of all issues but deleted ones; raises InvalidPlan for what is no issues.jsonl."""
    found = [
        an_object(parse_json(line, f"line {number}"), f"line {number}")
        for number, line in enumerate(source.split(b"\n"), 1)
        if line.strip()
    ]
    issues = [issue for issue in found if issue.get("status") != GONE]
    lost = Lost()
    lost.add("left out, deleted", *(str(issue.get("id")) for issue in found if issue.get("status") == GONE))
    names = [_id(issue, number) for number, issue in enumerate(issues, 1)]
    ids = worker_ids(names)
    lost.add("ids that were changed", *(name for name in ids if ids[name] != name))
    needed: dict[str, dict[str, None]] = {name: {} for name in names}
    for issue, name in zip(issues, names, strict=True):
        for relation in objects(issue.get("dependencies") or [], f"{name}: dependencies"):
            other, kind = str(relation.get("depends_on_id")), relation.get("type")
            if kind not in ("blocks", "parent-child"):
                continue
            if other not in needed:
                lost.add("left out, dependencies on issues that are not in the file", f"{name} -> {other}")
            elif kind == "blocks":
                needed[name].setdefault(ids[other])
            else:
                needed[other].setdefault(ids[name])
    workers = [
        _worker(issue, ids[name], list(needed[name]), lost) for issue, name in zip(issues, names, strict=True)
    ]
    return Converted({"name": "Beads issues", "workers": workers}, lost.sentences())


def _id(issue: dict[str, Any], number: int) -> str:
    name = issue.get("id")
    if not isinstance(name, str):
        raise InvalidPlan([f"issue {number} has no id"])
    return name


def _worker(issue: dict[str, Any], name: str, needed: list[str], lost: Lost) -> dict[str, Any]:
    worker: dict[str, Any] = {"id": name}
    if isinstance(issue.get("title"), str):
        worker["component"] = issue["title"]
    if isinstance(issue.get("description"), str):
        worker["description"] = issue["description"]
    worker["dependencies"] = needed
    kept = {key: value for key, value in issue.items() if key not in _TAKEN}
    if name != issue["id"]:
        kept["id"] = issue["id"]
    status, minutes, priority = issue.get("status"), issue.get("estimated_minutes"), issue.get("priority")
    if isinstance(minutes, int | float) and minutes >= 0:
        worker["estimated_hours"] = minutes / 60
    if isinstance(priority, int) and priority != MIDDLE:
        worker["priority"] = MIDDLE - priority
    if isinstance(status, str) and status in STATUSES:
        worker["status"] = STATUSES[status]
    if status not in (None, "open", "in_progress", "closed"):
        kept["status"] = status
        lost.add(f"{status!a} there, pending here", name)
    if status == "closed":
        closed = as_logged(issue.get("closed_at"))
        if closed is not None:
            worker["completed_at"] = closed
    elif "closed_at" in issue:
        kept["closed_at"] = issue["closed_at"]
    worker |= {key: issue[key] for key in _TOLD if issue.get(key)}
    return worker | ({"beads": kept} if kept else {})
