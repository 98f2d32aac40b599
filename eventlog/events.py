"""What can happen to a build: one frozen Struct per event, each with one stable tag, past tense.

Evolution: a new field needs a default; the type of a field never changes; a changed shape gets a
new tag and an upcaster for the old one (`eventlog/codec.py`). Fields that hold their default are
not written. Times are UTC texts (`2026-11-23T04:00:00.123456Z`), durations are seconds.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Raw, Struct


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="type"):
    """What all events carry. `seq` is 0 until a store has given the event its place."""

    seq: int = 0
    time: str
    actor: str


class Answer(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a worker said. Beyond 16 KiB `text` is its beginning and `file` (below the project) has all.

    `sha256` and `size` (bytes) are of the whole.
    """

    text: str = ""
    file: str | None = None
    sha256: str | None = None
    size: int | None = None


class PlanDefined(Event, frozen=True, kw_only=True, tag="plan_defined"):
    """A project began. `plan` is the plan's JSON as given.

    `build_id` is random, so that no two logs share a chain.
    """

    build_id: str
    plan: Raw


class PlanImported(Event, frozen=True, kw_only=True, tag="plan_imported"):
    """A project began from a plan.json that another tool wrote, its statuses and times adopted."""

    build_id: str
    plan: Raw


NO_WORKERS = Raw(b"[]")
"""An empty JSON list. (`Raw | None` would be natural, but msgspec then takes nothing else than null.)"""


class PlanAmended(Event, frozen=True, kw_only=True, tag="plan_amended"):
    """Workers were added (`workers`: a JSON list), dependencies replaced, estimates (hours) changed."""

    workers: Raw = NO_WORKERS
    dependencies: dict[str, list[str]] = {}
    estimates: dict[str, float | None] = {}


class WorkerEvent(Event, frozen=True, kw_only=True):
    """What all events about one worker carry. `attempt` 0 means that it was never spawned."""

    worker: str
    attempt: int = 0


class WorkerSpawned(WorkerEvent, frozen=True, kw_only=True, tag="worker_spawned"):
    """An attempt began; durable before anything is started. `via` names the runner, `hand` a person."""

    via: str = "hand"
    parent: str | None = None
    dispatcher: str | None = None
    timeout: float | None = None
    forced: bool = False


class WorkerProgressed(WorkerEvent, frozen=True, kw_only=True, tag="worker_progressed"):
    """A worker said how far it is. `percent` is 0 to 100."""

    message: str = ""
    percent: float | None = None


class WorkerSubmitted(WorkerEvent, frozen=True, kw_only=True, tag="worker_submitted"):
    """A worker handed its work in for review."""

    files: str | None = None
    summary: str | None = None


class WorkerRejected(WorkerEvent, frozen=True, kw_only=True, tag="worker_rejected"):
    """A review sent the work back: the worker is pending again, for a new attempt."""

    reason: str = ""


class WorkerCompleted(WorkerEvent, frozen=True, kw_only=True, tag="worker_completed"):
    """A worker is done. `output` is where its work lies; `approved` says that it passed a review."""

    output: str | None = None
    summary: str | None = None
    conversation: str | None = None
    answer: Answer | None = None
    approved: bool = False
    forced: bool = False


class WorkerFailed(WorkerEvent, frozen=True, kw_only=True, tag="worker_failed"):
    """An attempt failed. `reason` is a stable word (`exit`, `lost`, `http`, `reported` ...).

    `retry_in` announces the dispatcher's next attempt, in seconds.
    """

    reason: str = "reported"
    error: str = ""
    conversation: str | None = None
    answer: Answer | None = None
    retry_in: float | None = None


class WorkerTimedOut(WorkerEvent, frozen=True, kw_only=True, tag="worker_timed_out"):
    """An attempt was ended because it took longer than `after` seconds; `retry_in` as in WorkerFailed."""

    after: float
    conversation: str | None = None
    answer: Answer | None = None
    retry_in: float | None = None


class WorkerCancelled(WorkerEvent, frozen=True, kw_only=True, tag="worker_cancelled"):
    """Somebody decided that the worker is not to be done."""

    reason: str = ""


class WorkerReset(WorkerEvent, frozen=True, kw_only=True, tag="worker_reset"):
    """A finished worker was reopened: pending again. `retry` says that a dispatcher did it by the rules."""

    reason: str = ""
    forced: bool = False
    retry: bool = False


class LateResultReceived(WorkerEvent, frozen=True, kw_only=True, tag="late_result_received"):
    """A result of an attempt that is no longer current: kept, shown, changing nothing."""

    outcome: Literal["completed", "failed", "timed_out"]
    output: str | None = None
    error: str | None = None
    conversation: str | None = None
    answer: Answer | None = None


class NoteAdded(Event, frozen=True, kw_only=True, tag="note_added"):
    """Somebody wrote something down, about one worker or about the build."""

    text: str
    worker: str | None = None


class Forked(Event, frozen=True, kw_only=True, tag="forked"):
    """This log began as the first `origin_seq` events of the project `origin`."""

    build_id: str
    origin: str
    origin_seq: int


class DispatcherStarted(Event, frozen=True, kw_only=True, tag="dispatcher_started"):
    """A dispatcher began to spawn workers of this project."""

    dispatcher: str
    host: str = ""
    pid: int = 0
    via: str = ""
    jobs: int = 0


class DispatcherStopped(Event, frozen=True, kw_only=True, tag="dispatcher_stopped"):
    """A dispatcher ended, or was found dead by the next one."""

    dispatcher: str
    reason: str = ""


class Unrecognised(Struct, frozen=True, kw_only=True, gc=False):
    """An intact event of a type that this version does not know: shown, kept, never folded.

    A tag that starts with `x_` is an extension and may be passed over; any other was written by a
    newer version, and whoever would have to fold it refuses.
    """

    seq: int
    time: str
    actor: str
    type: str
    body: dict[str, Any]

    @property
    def is_extension(self) -> bool:
        """Whether the event may be passed over."""
        return self.type.startswith("x_")


KnownEvent = (
    PlanDefined
    | PlanImported
    | PlanAmended
    | WorkerSpawned
    | WorkerProgressed
    | WorkerSubmitted
    | WorkerRejected
    | WorkerCompleted
    | WorkerFailed
    | WorkerTimedOut
    | WorkerCancelled
    | WorkerReset
    | LateResultReceived
    | NoteAdded
    | Forked
    | DispatcherStarted
    | DispatcherStopped
)
AnyEvent = KnownEvent | Unrecognised

EVENT_TYPES: tuple[type[KnownEvent], ...] = get_args(KnownEvent)
"""Every event of this version, in the order in which the documentation lists them."""


def tag_of(event: AnyEvent) -> str:
    """Returns the stable tag under which `event` is written."""
    return event.type if isinstance(event, Unrecognised) else str(event.__struct_config__.tag)
