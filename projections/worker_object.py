"""A worker as people and programs see it: its plan's keys, in their order, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from projections.build import FINISHED, Build, Worker


def worker_objects(build: Build, chosen: Iterable[Worker] | None = None) -> list[dict[str, Any]]:
    """Returns the full objects of `chosen` (default: all) in plan order, as `status` and plan.json show them.

    `status`, `completed_at` and `spawned_conversation` are always there; the rest only where it says
    something.
    """
    planned = msgspec.json.decode(build.plan)["workers"]
    if chosen is None:
        return [worker_object(build, worker, planned[place]) for place, worker in enumerate(build.workers)]
    places = sorted(build.index[worker.id] for worker in chosen)
    return [worker_object(build, build.workers[place], planned[place]) for place in places]


def worker_object(build: Build, worker: Worker, planned: dict[str, Any]) -> dict[str, Any]:
    """Returns the full object of one worker; `planned` is its object in the plan and is changed in place."""
    planned["status"] = worker.status
    planned["completed_at"] = worker.completed_at if worker.status == "completed" else None
    planned["spawned_conversation"] = worker.conversation
    planned |= {key: value for key, value in _what_came_of_it(worker).items() if value is not None}
    return planned


def _what_came_of_it(worker: Worker) -> dict[str, Any]:
    attempt, handed_in, result = worker.attempt, worker.submission, worker.result
    ended = worker.status in FINISHED
    return {
        "attempt": worker.attempts or None,
        "spawned_at": attempt.started_at if attempt else None,
        "spawned_via": attempt.via if attempt else None,
        "parent": attempt.parent if attempt else None,
        "progress": attempt.message or None if attempt and worker.status == "in_progress" else None,
        "percent": attempt.percent if attempt and worker.status == "in_progress" else None,
        "submitted_at": handed_in.at if handed_in else None,
        "submitted_files": handed_in.files if handed_in else None,
        "submitted_summary": handed_in.summary if handed_in else None,
        "ended_at": result.at if result and worker.status in ("failed", "timed_out", "cancelled") else None,
        "output_path": result.output if ended and result else None,
        "summary": result.summary if ended and result else None,
        "error": result.error if ended and result else None,
        "error_reason": result.reason if ended and result else None,
        "previous_error": result.error if result and not ended else None,
        "forced": True if worker.forced else None,
        "late_results": len(worker.late) or None,
    }
