"""A plan as JSON text: what the fold reads from it, and how amendments are written into it.

The text is the plan as it was given, unknown keys included, in its order. It was checked by
`projections/plan.py` before it entered the log, so nothing is checked here again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from projections.build import STATUSES, Status


class PlannedWorker(msgspec.Struct, gc=False):
    """What the fold needs of a worker in a plan; all other keys stay in the text."""

    id: str
    dependencies: list[str] = []
    estimated_hours: float | None = None
    status: str | None = None
    completed_at: str | None = None
    spawned_conversation: str | None = None


class _PlannedWorkers(msgspec.Struct, gc=False):
    workers: list[PlannedWorker]


def planned_workers(plan: bytes) -> list[PlannedWorker]:
    """Returns the workers of a plan's text, in plan order."""
    return msgspec.json.decode(plan, type=_PlannedWorkers).workers


def adopted_status(status: str | None) -> Status:
    """Returns the status that a worker begins with. The origin's `blocked` is pending here: it is derived."""
    for known in STATUSES:
        if status == known:
            return known
    return "pending"


def amend_text(
    plan: bytes,
    workers: bytes,
    dependencies: dict[str, list[str]],
    estimates: dict[str, float | None],
) -> bytes:
    """Returns the plan's text with `workers` (a JSON list) added, dependencies and hours replaced."""
    text: dict[str, Any] = msgspec.json.decode(plan)
    text["workers"].extend(msgspec.json.decode(workers))
    for worker in text["workers"]:
        if worker["id"] in dependencies:
            worker["dependencies"] = dependencies[worker["id"]]
        if worker["id"] in estimates:
            worker["estimated_hours"] = _as_written(estimates[worker["id"]])
    return msgspec.json.encode(text)


def _as_written(hours: float | None) -> float | None:
    """Two hours are written `2`, whether the event in hand says 2 or, once read back, 2.0."""
    return int(hours) if hours is not None and hours == int(hours) and hours < 2**53 else hours
