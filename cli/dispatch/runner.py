"""The narrow port between the dispatcher's loop and whatever runs workers. After ninja's CommandRunner.

The loop owns time, order, budget and the log; a runner only starts, reports and ends attempts. It
never sees the build. Third parties add one under the entry point group `build_orchestrator.runners`:
a callable that takes a Site and returns a Runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct


class Site(Struct, frozen=True):
    """Where a runner works: the project's folder and its hidden one for what is only for a while.

    `jobs` is how many attempts at once somebody asked for, None where nobody did.
    """

    folder: str
    scratch: str
    jobs: int | None = None

    def assignment_file(self, key: Key) -> str:
        """Returns the path under which an attempt finds its assignment."""
        return f"{self.scratch}/{key[0]}.{key[1]}.assignment"


class Job(Struct, frozen=True):
    """One attempt to run. `output` is the file below the project's folder for what the worker says."""

    worker: str
    attempt: int
    assignment: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    output: str

    @property
    def key(self) -> Key:
        """The attempt's identity."""
        return self.worker, self.attempt


Key = tuple[str, int]
"""A worker's id and the number of its attempt."""


class Outcome(Struct, frozen=True):
    """How an attempt ended. `reason` is a stable word (`exit`, `http`, `lost`, ...), `error` for people.

    `began` is False where it is certain that nothing was started: then it is tried again at once,
    whatever the budget. What the worker said lies whole in the job's output file. `retry` is False
    where trying the same thing again cannot help; `again_in` (seconds) is how long to wait at least
    before that.
    """

    worker: str
    attempt: int
    kind: Literal["completed", "failed", "aborted"]
    reason: str = ""
    error: str = ""
    conversation: str | None = None
    retry: bool = True
    again_in: float | None = None
    began: bool = True

    @property
    def key(self) -> Key:
        """The attempt's identity."""
        return self.worker, self.attempt


class Runner(Protocol):
    """Starts attempts and says how they ended. Used by one thread."""

    @property
    def name(self) -> str:
        """The word after --via, recorded with every spawn."""
        ...

    @property
    def jobs(self) -> int:
        """How many attempts it runs at once: as its site says, else what is sensible."""
        ...

    @property
    def descriptor(self) -> int:
        """A descriptor that is readable whenever `collect` may have news."""
        ...

    def start(self, job: Job) -> None:
        """Begins the attempt, whose intent is durable. Never raises for the job: that is an outcome."""
        ...

    def collect(self) -> list[Outcome]:
        """Returns how attempts ended since the last call, each once; never waits."""
        ...

    def abort(self, key: Key, *, force: bool) -> None:
        """Ends the attempt: politely, or at once. Its outcome comes through `collect`, as `aborted`."""
        ...

    def release(self, key: Key) -> None:
        """The outcome is durable: whatever was kept to recover the attempt can go."""
        ...

    def recover(self, job: Job) -> Outcome | None:
        """Takes over an attempt of a dispatcher that died.

        Returns its outcome if it ended meanwhile (`failed` with reason `lost` if nobody knows), None
        if it still runs and is from now on reported by `collect`.
        """
        ...

    def close(self) -> None:
        """Gives everything back; attempts that still run are left running where that is possible."""
        ...
