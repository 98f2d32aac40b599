"""Rules for results. Who speaks for an attempt is heard once, and late results change nothing.

A person (`attempt` None) means the worker as it is now. A worker or dispatcher names its attempt:
when that one is over, what it says is kept as a late result, once per attempt.
"""

from __future__ import annotations

from typing import Literal

from eventlog.errors import Refused
from eventlog.events import LateResultReceived, WorkerCompleted, WorkerFailed, WorkerTimedOut
from projections import commands as cmd
from projections.build import RUNNING, Build, Worker
from projections.worker_rules import find, missing, reopen_hint, require_amount, require_ready

Outcome = cmd.Complete | cmd.Fail | cmd.TimeOut


def complete(
    build: Build, command: cmd.Complete, now: str, actor: str
) -> WorkerCompleted | LateResultReceived | None:
    """A running worker completes; a pending one too when its dependencies are completed, or by force."""
    worker = find(build, command.worker)
    if _speaks_late(worker, command.attempt):
        return _late(worker, command, now, actor)
    if worker.status == "completed":
        _require_same(worker, command)
        return None
    _require_open(worker)
    if worker.status == "pending" and not command.force:
        require_ready(build, worker, way_out="complete these first, or record it all the same with `--force`")
    return WorkerCompleted(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        output=command.output,
        summary=command.summary,
        conversation=command.conversation,
        answer=command.answer,
        forced=worker.status == "pending" and bool(missing(build, worker)),
    )


def fail(build: Build, command: cmd.Fail, now: str, actor: str) -> WorkerFailed | LateResultReceived | None:
    """Whatever is not finished can fail."""
    worker = find(build, command.worker)
    require_amount(command.retry_in, "the wait before the next try")
    if _speaks_late(worker, command.attempt):
        return _late(worker, command, now, actor)
    if worker.status == "failed" and worker.result is not None and worker.result.error == command.error:
        return None
    _require_open(worker)
    return WorkerFailed(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        reason=command.reason,
        error=command.error,
        conversation=command.conversation,
        answer=command.answer,
        retry_in=command.retry_in,
    )


def time_out(
    build: Build, command: cmd.TimeOut, now: str, actor: str
) -> WorkerTimedOut | LateResultReceived | None:
    """A running attempt can run out of time."""
    worker = find(build, command.worker)
    require_amount(command.after, "the time after which it was ended")
    require_amount(command.retry_in, "the wait before the next try")
    if _speaks_late(worker, command.attempt):
        return _late(worker, command, now, actor)
    if worker.status == "timed_out":
        return None
    _require_open(worker)
    if worker.status == "pending":
        raise Refused(
            "not_in_progress",
            f"worker '{worker.id}' is pending, not in progress",
            hint="`bo fail` records that it cannot be done",
        )
    return WorkerTimedOut(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=worker.current,
        after=command.after,
        conversation=command.conversation,
        answer=command.answer,
        retry_in=command.retry_in,
    )


def _speaks_late(worker: Worker, attempt: int | None) -> bool:
    """Whether whoever speaks for `attempt` comes after its end; refuses attempts that never began."""
    if attempt is None:
        return False
    if attempt > worker.attempts or attempt < 1:
        raise Refused(
            "unknown_attempt",
            f"worker '{worker.id}' has no attempt {attempt}; its latest is {worker.attempts}",
            hint="`bo status` shows the latest attempt of each worker",
        )
    if attempt == worker.current and worker.status == "review_pending":
        raise Refused(
            "awaits_review",
            f"worker '{worker.id}' was submitted and awaits review",
            hint="a person decides now: `bo approve` or `bo reject`",
        )
    return attempt != worker.current


def _late(worker: Worker, command: Outcome, now: str, actor: str) -> LateResultReceived | None:
    attempt = command.attempt or 0
    if attempt in worker.late or (attempt == worker.attempts and _says_the_same(worker, command)):
        return None
    return LateResultReceived(
        time=now,
        actor=actor,
        worker=worker.id,
        attempt=attempt,
        outcome=_OUTCOMES[type(command)],
        output=command.output if isinstance(command, cmd.Complete) else None,
        error=_error(command),
        conversation=command.conversation,
        answer=command.answer,
    )


_OUTCOMES: dict[type[Outcome], Literal["completed", "failed", "timed_out"]] = {
    cmd.Complete: "completed",
    cmd.Fail: "failed",
    cmd.TimeOut: "timed_out",
}


def _error(command: Outcome) -> str | None:
    match command:
        case cmd.Complete():
            return None
        case cmd.Fail():
            return command.error
        case cmd.TimeOut():
            return f"timed out after {command.after:g} s"


def _says_the_same(worker: Worker, command: Outcome) -> bool:
    """Whether the result is the one that ended the attempt; what is left unsaid does not differ."""
    if worker.status != _OUTCOMES[type(command)]:
        return False
    match command:
        case cmd.Complete():
            return _agrees(worker, command)
        case cmd.Fail():
            return worker.result is not None and worker.result.error == command.error
        case cmd.TimeOut():
            return True


def _agrees(worker: Worker, command: cmd.Complete) -> bool:
    result = worker.result
    output, summary = (result.output, result.summary) if result is not None else (None, None)
    return command.output in (None, output) and command.summary in (None, summary)


def _require_same(worker: Worker, command: cmd.Complete) -> None:
    if not _agrees(worker, command):
        raise Refused(
            "already_completed",
            f"worker '{worker.id}' is already completed, with another output or summary",
            hint=f"{reopen_hint(worker)}; `bo note` adds a remark and leaves the result as it is",
        )


def _require_open(worker: Worker) -> None:
    if worker.status != "pending" and worker.status not in RUNNING:
        raise Refused(
            "already_finished", f"worker '{worker.id}' is {worker.status}", hint=reopen_hint(worker)
        )
