"""Every error that this project raises on purpose, in one tree.

    OrchestratorError              code and hint for programs and people
    ├── InvalidName                a project name or worker id outside its alphabet
    ├── InvalidPlan                a plan with its problems, all of them
    ├── Refused                    a rule said no; nothing was written
    ├── NotFound                   no such project, event or moment
    └── LogError                   everything about a log
        ├── InvalidEvent           an event that cannot become a line (too long, not text)
        ├── NewerEvent             a type that only a newer version can fold
        ├── Conflict               the log grew since it was read; both heads inside
        ├── LockTimeout            somebody else held the lock for too long
        ├── StorageFailed          the disk said no; nothing was acknowledged
        │   └── ServersAway        the servers of the log do not answer
        └── DamagedLog             what is on disk is not what was written
            ├── CorruptLog         a line that fails its checks: line, offset, reason
            ├── RegressedLog       shorter than, or other than, what was seen here before
            └── ImpossibleEvent    an intact line that contradicts the events before it

Messages say what is wrong and where, hints what to do next; `code` is stable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventlog.head import Head


class OrchestratorError(Exception):
    """Root of the tree. `code` is a stable word for programs, `hint` a next step for people."""

    code: str = "error"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or self.default_hint


class InvalidName(OrchestratorError):
    """A project name or worker id outside its alphabet."""

    code = "invalid_name"


class InvalidPlan(OrchestratorError):
    """A plan that cannot be built, with every problem found, each with its path."""

    code = "invalid_plan"
    default_hint = "mend the plan and try again; nothing was written"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            f"the plan has {count} problem{'s' if count > 1 else ''}: " + "; ".join(self.problems)
        )


class Refused(OrchestratorError):
    """A rule of the build said no. `code` names the rule; nothing was appended."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NotFound(OrchestratorError):
    """A project, an event or a moment that does not exist."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class LogError(OrchestratorError):
    """Everything that can go wrong with a log."""

    code = "log_error"


class InvalidEvent(LogError):
    """An event that cannot become a line: too long, or text that is not Unicode."""

    code = "invalid_event"


class NewerEvent(LogError):
    """An event whose type this version does not know, so its meaning cannot be folded."""

    code = "newer_event"

    def __init__(self, seq: int, tag: str) -> None:
        super().__init__(
            f"event {seq} has type '{tag}', which this version does not know",
            hint="it was written by a newer version: upgrade; `bo log` still shows every event",
        )
        self.seq = seq
        self.tag = tag


class Conflict(LogError):
    """The log's head is no longer the one that the caller had read."""

    code = "conflict"
    default_hint = "somebody else wrote at the same time; try again"

    def __init__(self, expected: Head, actual: Head) -> None:
        super().__init__(f"expected the log at event {expected.seq}, found it at event {actual.seq}")
        self.expected = expected
        self.actual = actual


class LockTimeout(LogError):
    """The lock was not had within the time allowed."""

    code = "lock_timeout"
    default_hint = "another command is writing, or one was stopped while it wrote; try again"


class StorageFailed(LogError):
    """The operating system refused a write or a sync: nothing was acknowledged."""

    code = "storage_failed"
    default_hint = "check space and health of the disk, then try again; what was acknowledged before is safe"


class ServersAway(StorageFailed):
    """The servers that hold the log do not answer. What was to be written may be there or not."""

    code = "servers_away"
    default_hint = (
        "see that they run and that the address is right, then try again; nothing was acknowledged, "
        "and `bo log` shows what is there"
    )


class DamagedLog(LogError):
    """What is on disk is not what was written."""

    code = "damaged_log"
    default_hint = (
        "`bo verify` says what is intact; `bo fork --at SEQ --as NAME` rescues the part before the damage"
    )


class CorruptLog(DamagedLog):
    """A line fails its checks. `line` counts from 1, `offset` is its first byte."""

    code = "corrupt_log"

    def __init__(self, line: int, offset: int, reason: str) -> None:
        super().__init__(f"the log is damaged at line {line} (byte {offset}): {reason}")
        self.line = line
        self.offset = offset
        self.reason = reason


class RegressedLog(DamagedLog):
    """The log is shorter than, or differs from, what this machine has already seen of it."""

    code = "regressed_log"
    default_hint = (
        "put the newer log back if you have it; "
        "`bo fork --at SEQ --as NAME` goes on from what is here, in a new project"
    )

    def __init__(self, seen: Head, found: Head | None) -> None:
        what = (
            f"the log ends at event {found.seq}, but event {seen.seq} had been written here: "
            f"events {found.seq + 1} to {seen.seq} are lost"
            if found is not None and found.seq < seen.seq
            else f"the log differs from the one seen here: event {seen.seq} is not the one that was written"
        )
        super().__init__(what)
        self.seen = seen
        self.found = found


class ImpossibleEvent(DamagedLog):
    """An intact event that contradicts the ones before it, such as one for an unknown worker."""

    code = "impossible_event"

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"event {seq} cannot follow the ones before it: {reason}")
        self.seq = seq
