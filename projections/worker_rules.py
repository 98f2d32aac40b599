"""Rules for what may happen to a worker before it has a result, and for reopening it after one."""

from __future__ import annotations

import math

from eventlog.errors import Refused
from eventlog.events import (
    WorkerCancelled,
    WorkerCompleted,
    WorkerProgressed,
    WorkerRejected,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
)
from projections import commands as cmd
from projections.build import RUNNING, Build, Worker
from projections.spelling import nearest


def find(build: Build, name: str) -> Worker:
    """Returns the worker; refuses a name that the plan does not have."""
    worker = build.find(name)
    if worker is None:
        close = nearest(name, build.index)
        raise Refused(
            "unknown_worker",
            f"Worker '{name}' not found",
            hint=f"did you mean '{close}'?" if close else "`bo status` lists the workers",
        )
    return worker


def missing(build: Build, worker: Worker) -> list[Worker]:
    """Returns the dependencies of the worker that are not completed."""
    needed = [build.workers[place] for place in worker.dependencies]
    return [other for other in needed if other.status != "completed"]


def require_ready(build: Build, worker: Worker, *, way_out: str) -> None:
    """Refuses a worker with dependencies that are not completed."""
    named = [f"'{other.id}' ({other.status})" for other in missing(build, worker)]
    if not named:
        return
    shown = ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
    raise Refused("not_ready", f"worker '{worker.id}' waits for {shown}", hint=way_out)


def require_current(worker: Worker, attempt: int | None) -> None:
    """Refuses whoever speaks for an attempt that is over or never began."""
    if attempt is None or (attempt == worker.current and worker.status in RUNNING):
        return
    raise Refused(
        "stale_attempt",
        f"attempt {attempt} of worker '{worker.id}' is not the current one "
        f"(its latest is {worker.attempts}, the worker is {worker.status})",
        hint="only the current attempt can report; this one may stop",
    )


def require_amount(value: float | None, what: str, most: float = math.inf) -> None:
    """Refuses what is no amount: not finite (JSON has no word for it), below 0 or above `most`."""
    if value is not None and not (math.isfinite(value) and 0 <= value <= most):
        raise Refused(
            "invalid_amount",
            f"{what} is {value:g}",
            hint=f"give a number from 0 to {most:g}" if math.isfinite(most) else "give a number, 0 or more",
        )


def reopen_hint(worker: Worker) -> str:
    """Returns the way out for a worker that is finished."""
    return f"`bo reset -w {worker.id}` reopens it"


def spawn(build: Build, command: cmd.Spawn, now: str, actor: str) -> WorkerSpawned | None:
    """A ready worker begins its next attempt; one in progress goes on as it is."""
    worker = find(build, command.worker)
    require_amount(command.timeout, "the timeout")
    if worker.status == "in_progress":
        return None
    if worker.status == "review_pending":
        raise Refused(
            "awaits_review", f"worker '{worker.id}' awaits review", hint="`bo approve` or `bo reject` it"
        )
    if worker.status != "pending":
        raise Refused(
            "already_finished", f"worker '{worker.id}' is {worker.status}", hint=reopen_hint(worker)
        )
    if not command.force:
        require_ready(build, worker, way_out="wait for these, or spawn it all the same with `--force`")
    return WorkerSpawned(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.attempts + 1,
        via=command.via,
        parent=command.parent,
        dispatcher=command.dispatcher,
        timeout=command.timeout,
        forced=bool(missing(build, worker)),
    )


def progress(build: Build, command: cmd.Progress, now: str, actor: str) -> WorkerProgressed:
    """Only a worker in progress makes progress."""
    worker = find(build, command.worker)
    require_current(worker, command.attempt)
    require_amount(command.percent, "the percentage", most=100)
    if worker.status != "in_progress":
        raise Refused(
            "not_in_progress",
            f"worker '{worker.id}' is {worker.status}, not in progress",
            hint="`bo note` writes something down about a worker in any state",
        )
    return WorkerProgressed(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        message=command.message,
        percent=command.percent,
    )


def submit(build: Build, command: cmd.Submit, now: str, actor: str) -> WorkerSubmitted | None:
    """Work on a ready or running worker may be handed in, and handed in again with other content."""
    worker = find(build, command.worker)
    require_current(worker, command.attempt)
    if worker.status == "pending":
        require_ready(build, worker, way_out="submit it when these are completed")
    elif worker.status not in RUNNING:
        raise Refused(
            "already_finished", f"worker '{worker.id}' is {worker.status}", hint=reopen_hint(worker)
        )
    handed_in = worker.submission
    if (
        worker.status == "review_pending"
        and handed_in is not None
        and (handed_in.files, handed_in.summary) == (command.files, command.summary)
    ):
        return None
    return WorkerSubmitted(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        files=command.files,
        summary=command.summary,
    )


def approve(build: Build, command: cmd.Approve, now: str, actor: str) -> WorkerCompleted | None:
    """Only work that was handed in can be approved."""
    worker = find(build, command.worker)
    if worker.status == "completed":
        return None
    _require_review(worker, command.attempt)
    return WorkerCompleted(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        summary=worker.submission.summary if worker.submission else None,
        conversation=worker.conversation,
        approved=True,
    )


def reject(build: Build, command: cmd.Reject, now: str, actor: str) -> WorkerRejected | None:
    """Only work that was handed in can be rejected; the worker is pending again, for a new attempt."""
    worker = find(build, command.worker)
    said = (worker.result.reason, worker.result.error) if worker.result is not None else None
    if worker.status == "pending" and said == ("rejected", command.reason):
        return None
    _require_review(worker, command.attempt)
    return WorkerRejected(
        time=now, actor=actor, worker=worker.id, attempt=worker.current, reason=command.reason
    )


def _require_review(worker: Worker, attempt: int | None) -> None:
    if worker.status != "review_pending":
        raise Refused(
            "not_in_review",
            f"worker '{worker.id}' is {worker.status}: nothing was submitted for review",
            hint="`bo review` lists what awaits one; `bo complete` records work without a review",
        )
    require_current(worker, attempt)


def cancel(build: Build, command: cmd.Cancel, now: str, actor: str) -> WorkerCancelled | None:
    """Whatever is not completed can be cancelled."""
    worker = find(build, command.worker)
    if worker.status == "cancelled":
        return None
    if worker.status == "completed":
        raise Refused("already_completed", f"worker '{worker.id}' is completed", hint=reopen_hint(worker))
    return WorkerCancelled(
        time=now, actor=actor, worker=worker.id, attempt=worker.current, reason=command.reason
    )


def reset(build: Build, command: cmd.Reset, now: str, actor: str) -> WorkerReset | None:
    """A finished worker can be reopened; a completed one that others built on only with force."""
    worker = find(build, command.worker)
    if worker.status == "pending":
        return None
    if worker.status in RUNNING:
        raise Refused(
            "in_progress",
            f"worker '{worker.id}' is {worker.status}, not finished",
            hint="end it first: `bo fail` or `bo cancel`",
        )
    after = [build.workers[place] for place in build.dependents[build.index[worker.id]]]
    begun = [other.id for other in after if other.status != "pending"]
    if worker.status == "completed" and begun and not command.force:
        raise Refused(
            "others_began",
            f"worker '{worker.id}' is completed and {len(begun)} that depend on it have begun: "
            + ", ".join(begun[:5]),
            hint="`--force` reopens it all the same; what was built on it stays as it is",
        )
    return WorkerReset(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.attempts,
        reason=command.reason,
        forced=worker.status == "completed" and bool(begun),
        retry=command.retry,
    )
