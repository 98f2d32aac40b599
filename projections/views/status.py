"""The status of a build, and of its ready workers, with the origin's keys and some more."""

from __future__ import annotations

from typing import Any

import msgspec

from projections.build import STATUSES, Build
from projections.worker_object import worker_objects


def status_view(build: Build, project: str) -> dict[str, Any]:
    """Returns what `status` answers.

    `status_counts` counts every status; its `blocked` is the part of `pending` that is not ready.
    """
    return {
        "project": project,
        "name": plan_name(build),
        "status": build.status,
        "seq": build.seq,
        "updated_at": build.updated_at,
        "total_workers": len(build.workers),
        "status_counts": status_counts(build),
        "ready_count": len(build.ready),
        "late_results": build.late_results,
        "notes": build.notes,
        "forked_from": build.origin,
        "dispatchers": [msgspec.structs.asdict(dispatcher) for dispatcher in build.dispatchers.values()],
        "workers": worker_objects(build),
    }


def status_counts(build: Build) -> dict[str, int]:
    """Returns the number of workers in each status, and of the blocked ones among the pending."""
    counts = {status: build.counts.get(status, 0) for status in STATUSES}
    return counts | {"blocked": counts["pending"] - len(build.ready)}


def ready_view(build: Build, project: str) -> dict[str, Any]:
    """Returns what `ready` answers: the full objects of the ready workers, in plan order."""
    workers = worker_objects(build, build.ready_workers())
    return {"project": project, "ready_count": len(workers), "ready_workers": workers}


def review_view(build: Build, project: str) -> dict[str, Any]:
    """Returns what `review` answers: the full objects of what awaits review, in plan order."""
    waiting = [worker for worker in build.workers if worker.status == "review_pending"]
    return {
        "project": project,
        "pending_reviews": len(waiting),
        "reviews": worker_objects(build, waiting),
    }


class _Named(msgspec.Struct):
    name: str | None = None


def plan_name(build: Build) -> str | None:
    """Returns the plan's name, if it has one."""
    return msgspec.json.decode(build.plan, type=_Named).name
