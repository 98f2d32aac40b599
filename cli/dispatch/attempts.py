"""The attempts that a dispatcher has in hand: their deadlines, and what their outcomes mean for the log."""

from __future__ import annotations

from collections.abc import Set
from time import monotonic
from typing import Any

from msgspec import Struct

from cli.dispatch.policy import Policy
from cli.dispatch.runner import Job, Key, Outcome, Runner
from cli.dispatch.said import answer_of, last_line
from cli.dispatch.settings import Settings
from cli.secrets import mask
from projections import commands as cmd
from projections.build import Build, Worker


class Running(Struct):
    """An attempt in hand. `deadline` in monotonic seconds; `ending` says why it is being ended.

    `heir_of` names the dead dispatcher that began it; nobody for an attempt of our own.
    """

    job: Job
    timeout: float
    deadline: float
    ending: str | None = None
    heir_of: str = ""


class Attempts(dict[Key, Running]):
    """Attempts in hand, by key."""

    def begin(self, job: Job, timeout: float, age: float = 0.0, *, heir_of: str = "") -> None:
        """Takes an attempt in hand that began `age` seconds ago and may take `timeout`."""
        self[job.key] = Running(job, timeout, monotonic() + timeout - max(age, 0.0), heir_of=heir_of)

    def next_deadline(self) -> float:
        """Returns the earliest deadline in monotonic seconds, infinity without any."""
        return min((running.deadline for running in self.values()), default=float("inf"))

    def end_overdue(self, runner: Runner, grace: float, ended: Set[Key]) -> None:
        """Ends what is past its deadline: politely first, after `grace` seconds by force.

        Not what has `ended` by itself before anybody looked at the clock.
        """
        moment = monotonic()
        for key, running in self.items():
            if moment >= running.deadline and key not in ended:
                self._end(key, running, runner, grace, "timeout")

    def end_all(self, runner: Runner, grace: float, ended: Set[Key]) -> None:
        """Begins to end every attempt, but those that have `ended`: the dispatcher is to stop at once."""
        for key, running in self.items():
            if running.ending is None and key not in ended:
                self._end(key, running, runner, grace, "stopped")

    def end_superseded(self, build: Build, runner: Runner, grace: float) -> None:
        """Begins to end the attempts that somebody has cancelled, failed or reset from outside."""
        for key, running in self.items():
            worker = build.find(key[0])
            current = worker is not None and worker.attempts == key[1]
            wanted = current and worker is not None and worker.status in _GOES_ON
            if not wanted and running.ending is None:
                self._end(key, running, runner, grace, "superseded")

    @staticmethod
    def _end(key: Key, running: Running, runner: Runner, grace: float, why: str) -> None:
        force = running.ending is not None
        running.ending = running.ending or why
        running.deadline = float("inf") if force else monotonic() + grace
        runner.abort(key, force=force)


_GOES_ON = frozenset(("in_progress", "review_pending", "completed"))
"""While the log says so the process is left alone: it may have reported by itself and be about to end."""


def result(
    folder: str, worker: Worker, running: Running, outcome: Outcome, settings: Settings, policy: Policy
) -> cmd.Complete | cmd.Fail | cmd.TimeOut | None:
    """Returns what to record of an outcome, or None when somebody has recorded the end already."""
    if not _is_news(worker, outcome):
        return None
    answer = answer_of(folder, running.job.output)
    common: dict[str, Any] = {
        "worker": outcome.worker,
        "attempt": outcome.attempt,
        "conversation": outcome.conversation,
        "answer": answer,
    }
    if outcome.kind == "completed":
        return cmd.Complete(**common)
    retries = settings.retries if outcome.retry and running.ending != "stopped" else 0
    again = policy.retry_in(worker.tries, retries, outcome.again_in) if outcome.began else 0.0
    common["retry_in"] = again
    if running.ending == "timeout":
        return cmd.TimeOut(**common, after=running.timeout)
    if outcome.kind == "aborted":
        # Nothing was wrong with the work: whoever runs the build next tries it again.
        common["retry_in"] = 0.0
        return cmd.Fail(**common, reason=running.ending or "aborted", error="its dispatcher was stopped")
    said = last_line(answer)
    error = f"{outcome.error}: {said}" if outcome.error and said else outcome.error or said
    return cmd.Fail(**common, reason=outcome.reason, error=mask(error))


def _is_news(worker: Worker, outcome: Outcome) -> bool:
    """Whether the outcome says something that the log does not know.

    A worker that reported by itself is not reported again. What was given up (lost, out of time,
    cancelled) or begun anew may turn up after all: that is a late result. An end that we brought
    about ourselves, or of which nobody knows, is none.
    """
    if worker.attempts == outcome.attempt and worker.status == "in_progress":
        return True
    if outcome.kind == "aborted" or outcome.reason == "lost":
        return False
    given_up = worker.result is not None and worker.result.reason in _GIVEN_UP
    return worker.attempts > outcome.attempt or given_up


_GIVEN_UP = ("lost", "timeout", "cancelled")
