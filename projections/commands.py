"""What can be asked of a build: one frozen Struct per command, imperative, already parsed.

`attempt` is the number of the attempt that speaks, or None when a person does: a person always
means the current one.
"""

from __future__ import annotations

from msgspec import Struct

from eventlog.events import Answer


class Command(Struct, frozen=True, kw_only=True):
    """What all commands are."""


class DefinePlan(Command, frozen=True, kw_only=True):
    """Begin a project. `plan` is the checked plan's text; `imported` adopts another tool's plan.json."""

    plan: bytes
    build_id: str
    imported: bool = False


class AmendPlan(Command, frozen=True, kw_only=True):
    """Add workers (a JSON list), replace dependencies, change estimates (hours)."""

    workers: bytes | None = None
    dependencies: dict[str, list[str]] = {}
    estimates: dict[str, float | None] = {}


class WorkerCommand(Command, frozen=True, kw_only=True):
    """What all commands about one worker carry."""

    worker: str
    attempt: int | None = None


class Spawn(WorkerCommand, frozen=True, kw_only=True):
    """Begin an attempt; of a worker that is in progress nothing happens."""

    via: str = "hand"
    parent: str | None = None
    dispatcher: str | None = None
    timeout: float | None = None
    force: bool = False


class Progress(WorkerCommand, frozen=True, kw_only=True):
    """Say how far an attempt is."""

    message: str = ""
    percent: float | None = None


class Submit(WorkerCommand, frozen=True, kw_only=True):
    """Hand work in for review."""

    files: str | None = None
    summary: str | None = None


class Approve(WorkerCommand, frozen=True, kw_only=True):
    """Complete what was handed in."""


class Reject(WorkerCommand, frozen=True, kw_only=True):
    """Send handed-in work back."""

    reason: str = ""


class Complete(WorkerCommand, frozen=True, kw_only=True):
    """Record that a worker is done."""

    output: str | None = None
    summary: str | None = None
    conversation: str | None = None
    answer: Answer | None = None
    force: bool = False


class Fail(WorkerCommand, frozen=True, kw_only=True):
    """Record that a worker failed."""

    reason: str = "reported"
    error: str = ""
    conversation: str | None = None
    answer: Answer | None = None
    retry_in: float | None = None


class TimeOut(WorkerCommand, frozen=True, kw_only=True):
    """Record that an attempt was ended after `after` seconds."""

    after: float
    conversation: str | None = None
    answer: Answer | None = None
    retry_in: float | None = None


class Cancel(WorkerCommand, frozen=True, kw_only=True):
    """Decide that a worker is not to be done."""

    reason: str = ""


class Reset(WorkerCommand, frozen=True, kw_only=True):
    """Reopen a finished worker; `retry` is a dispatcher's next try, which gives no new budget of tries."""

    reason: str = ""
    force: bool = False
    retry: bool = False


class AddNote(Command, frozen=True, kw_only=True):
    """Write something down."""

    text: str
    worker: str | None = None


class Fork(Command, frozen=True, kw_only=True):
    """Go on from a copy of the first `origin_seq` events of the project `origin`."""

    origin: str
    origin_seq: int
    build_id: str


class StartDispatcher(Command, frozen=True, kw_only=True):
    """Record that a dispatcher begins."""

    dispatcher: str
    host: str
    pid: int
    via: str
    jobs: int


class StopDispatcher(Command, frozen=True, kw_only=True):
    """Record that a dispatcher ended."""

    dispatcher: str
    reason: str = ""


AnyWorkerCommand = Spawn | Progress | Submit | Approve | Reject | Complete | Fail | TimeOut | Cancel | Reset

AnyCommand = DefinePlan | AmendPlan | AnyWorkerCommand | AddNote | Fork | StartDispatcher | StopDispatcher
