"""`plan.json`: the plan as given, each worker with what became of it, and `_meta` last."""

from __future__ import annotations

import msgspec

from eventlog.head import Head
from projections.build import Build
from projections.worker_object import worker_object


def plan_json(build: Build, project: str, head: Head) -> bytes:
    """Returns the whole file. All dates come from events; `head` is the head that `build` was folded to."""
    plan = msgspec.json.decode(build.plan)
    for worker, planned in zip(build.workers, plan["workers"], strict=True):
        worker_object(build, worker, planned)
    plan.pop("_meta", None)
    plan["_meta"] = {
        "project": project,
        "created_at": build.created_at,
        "status": build.status,
        "seq": head.seq,
        "hash": head.hash,
    }
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"
