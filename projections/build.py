"""The state of a build: what a fold of its events says. Plain data, changed in place by `evolve` only.

Workers refer to each other by their place in the plan (an int), so that the ready set costs a few
counter steps an event, also with 100,000 workers. The state grows with the plan, never with the
history: what lies further back is read from the log.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Literal

from msgspec import Struct

Status = Literal["pending", "in_progress", "review_pending", "completed", "failed", "timed_out", "cancelled"]

STATUSES: tuple[Status, ...] = (
    "pending",
    "in_progress",
    "review_pending",
    "completed",
    "failed",
    "timed_out",
    "cancelled",
)

RUNNING: frozenset[Status] = frozenset(("in_progress", "review_pending"))
"""Begun and not finished."""

FINISHED: frozenset[Status] = frozenset(("completed", "failed", "timed_out", "cancelled"))

FOLD_VERSION = 2
"""Goes up whenever the fold or these types change: a snapshot of another version is ignored."""


class Attempt(Struct, gc=False, array_like=True):
    """The latest spawn of a worker. `host` is its dispatcher's, empty without one."""

    number: int
    via: str
    started_at: str
    parent: str | None = None
    dispatcher: str | None = None
    timeout: float | None = None
    message: str | None = None
    percent: float | None = None
    progressed_at: str | None = None
    host: str = ""


class Submission(Struct, gc=False, array_like=True):
    """Work that was handed in for review; `attempt` is 0 when a person did it without one."""

    at: str
    files: str | None
    summary: str | None
    attempt: int = 0


class Result(Struct, gc=False, array_like=True):
    """How the worker ended, or what its last review said."""

    at: str
    output: str | None = None
    summary: str | None = None
    error: str | None = None
    reason: str | None = None


class Worker(Struct, gc=False, array_like=True):
    """One worker, its dependencies as places in the plan.

    `attempt` is its latest, `reopened` the number of the one after which a person last reopened it,
    `late` are the attempts with a late result.
    """

    id: str
    dependencies: list[int]
    status: Status = "pending"
    hours: float | None = None
    conversation: str | None = None
    attempt: Attempt | None = None
    submission: Submission | None = None
    result: Result | None = None
    reopened: int = 0
    forced: bool = False
    late: tuple[int, ...] = ()

    @property
    def attempts(self) -> int:
        """How often it was spawned."""
        return self.attempt.number if self.attempt is not None else 0

    @property
    def tries(self) -> int:
        """How often it was spawned since a person last reopened it."""
        return self.attempts - self.reopened

    @property
    def completed_at(self) -> str | None:
        """When it was completed; None while it is not."""
        return self.result.at if self.status == "completed" and self.result is not None else None

    @property
    def current(self) -> int:
        """The attempt that runs or awaits review; 0 if none does. What happens now belongs to it."""
        if self.status == "review_pending" and self.submission is not None:
            return self.submission.attempt
        return self.attempts if self.status in RUNNING else 0


class Dispatcher(Struct, gc=False, array_like=True):
    """A dispatcher that has started and has not stopped."""

    id: str
    host: str
    pid: int
    via: str
    jobs: int
    started_at: str


class Build(Struct, array_like=True, dict=True):
    """Everything that a log says now. `plan` is the plan's JSON text, amendments
    included; `plan_hash` the SHA-256 of the text as it was first given.

    `seq` and `updated_at` are of the last event folded; all is empty before the first. `dependents` has
    for each worker the places of those that depend on it. `waiting` counts what it waits for: its
    dependencies that are not completed, and itself while it is not pending; `ready` are those that wait
    for nothing, `running` those in progress.
    """

    seq: int = 0
    build_id: str = ""
    created_at: str = ""
    updated_at: str = ""
    plan: bytes = b""
    plan_hash: str = ""
    workers: list[Worker] = []
    dependents: list[list[int]] = []
    waiting: list[int] = []
    ready: set[int] = set()
    running: set[int] = set()
    retrying: set[int] = set()
    counts: dict[str, int] = {}
    dispatchers: dict[str, Dispatcher] = {}
    notes: int = 0
    late_results: int = 0
    origin: str | None = None

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each worker by its id. No part of what is written: it is found again."""
        return {worker.id: place for place, worker in enumerate(self.workers)}

    @property
    def exists(self) -> bool:
        """Whether a plan was defined."""
        return bool(self.build_id)

    @property
    def status(self) -> str:
        """One word for the whole.

        `completed`: every worker is, but for cancelled ones; `cancelled`: all are; `active`: something
        runs, can run or is tried again; `stuck`: nothing does, and not all is completed.
        """
        completed, cancelled = self.counts.get("completed", 0), self.counts.get("cancelled", 0)
        if completed + cancelled == len(self.workers):
            return "completed" if completed else "cancelled"
        running = sum(self.counts.get(status, 0) for status in RUNNING)
        return "active" if running or self.ready or self.retrying else "stuck"

    @property
    def hosts(self) -> dict[str, int]:
        """How many attempts run on each host for its dispatchers."""
        attempts = [self.workers[place].attempt for place in self.running]
        return Counter(attempt.host for attempt in attempts if attempt is not None and attempt.host)

    def find(self, worker: str) -> Worker | None:
        """Returns the worker with that id, or None."""
        place = self.index.get(worker)
        return None if place is None else self.workers[place]

    def shown_status(self, place: int) -> str:
        """Returns the status that is shown of a worker: a pending one is `ready` or `blocked`."""
        status = self.workers[place].status
        if status != "pending":
            return status
        return "ready" if place in self.ready else "blocked"

    def ready_workers(self) -> list[Worker]:
        """Returns the ready workers in plan order."""
        return [self.workers[place] for place in sorted(self.ready)]
