"""The replicated backend: a log on NATS JetStream, a message a line, with `events.jsonl` as its mirror.

An append is acknowledged when the servers have it; the mirror follows. Reads bring the mirror up to
date and read that, so everything that reads a file, or waits for it to grow, needs to know nothing
of servers. When they are away, reading goes on from the mirror and writing fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from eventlog.errors import (
    Conflict,
    DamagedLog,
    LogError,
    OrchestratorError,
    RegressedLog,
    ServersAway,
    StorageFailed,
)
from eventlog.events import KnownEvent
from eventlog.head import START, Head
from eventlog.jsonl import JsonlStore
from eventlog.landing import Landing
from eventlog.leases import Leases
from eventlog.mirror import NOWHERE, Mirror, Place, blamed, shown_age
from eventlog.recovery import Corrupt
from eventlog.servers import Say, Servers
from eventlog.store import Batch, Examination, follow_on, seal
from eventlog.stream import LARGEST_BATCH, Lagging, Stream, Taken
from eventlog.stream_settings import is_synced
from eventlog.upkeep import Upkeep

READING_PATIENCE = 3.0
"""Seconds after which a read is answered from the mirror."""

ASK_AGAIN_AFTER = 5.0
"""Seconds for which reads are answered from the mirror once the servers were away."""


class JetStreamStore:
    """An EventStore on `servers`, mirrored in the file `path`. One thread at a time may use it.

    `address` is theirs, as it may be shown. `away` is why the last read came from the mirror alone,
    None when the servers answered; `say` is told when that begins.
    """

    def __init__(self, path: str, project: str, servers: Servers, *, say: Say = lambda _: None) -> None:
        self.path = path
        self.address = servers.address.shown
        self.away: ServersAway | None = None
        self.stream = Stream(servers, project)
        self.leases = Leases(servers, self.stream, project)
        self._servers = servers
        self._say = say
        self._local = JsonlStore(path)
        self._mirror = Mirror(path, self.address)  # used by the loop alone
        self._upkeep = Upkeep(self._mirror, self.stream, servers)
        self._is_fit = False  # as soon as the stream was seen to forget nothing
        self._ask_again = 0.0
        self._failure: OrchestratorError | None = None
        self._keeping = False

    def exists(self) -> bool:
        """Whether there is a log. Raises ServersAway when only the servers could tell."""
        damage = self._refresh()
        if damage is not None and not self._local.exists():
            raise damage
        return self._local.exists()

    def close(self) -> None:
        """Ends the connection; the store may be used again."""
        self._local.close()
        self._servers.close()

    def append(self, events: Sequence[KnownEvent], expected: Head) -> Batch:
        """See EventStore. Raises ServersAway when it stays unknown whether the events are in the log."""
        batch = seal(events, expected)
        self._servers.run(self._append(batch.lines, expected, batch.head))
        return batch

    def append_lines(self, lines: bytes, expected: Head) -> Head:
        """See FileStore, and `append`."""
        head = follow_on(lines, expected)
        self._servers.run(self._append(lines, expected, head))
        return head

    def read(self, after: Head = START, until: int | None = None) -> Iterator[Batch]:
        """See EventStore. What the servers hold damaged is raised behind what was mirrored before it."""
        place = self._upkeep.place
        # What this process has taken into the mirror needs no servers to be read.
        known = until is not None and place is not None and until <= place.head.seq
        damage = None if known else self._refresh()
        if isinstance(damage, RegressedLog):
            raise damage
        if self._local.exists() or after != START:
            with blamed(self.path):
                for batch in self._local.read(after, until):
                    yield batch
                    after = batch.head
        if damage is not None and (until is None or after.seq < until):
            raise damage

    def salvage(self, until: int) -> Iterator[Batch]:
        """See FileStore: from the mirror."""
        return self._local.salvage(until)

    def follow(self, after: Head, idle: float | None = None) -> Iterator[Batch]:
        """See EventStore. Pushed by the servers; while they are away it waits for them."""
        with self.watch() as watch:
            while True:
                for batch in self.read(after):
                    yield batch
                    after = batch.head
                if not watch.wait(idle):
                    yield Batch((), after)

    def watch(self) -> Landing:
        """Returns what wakes its user when the log has grown; while entered the mirror is kept up to date."""
        return Landing(self._begin_to_keep)

    def head(self, back: int = 0) -> Head:
        """See EventStore."""
        damage = self._refresh()
        if isinstance(damage, RegressedLog):
            raise damage
        with blamed(self.path):
            return self._local.head(back)

    def examine(self) -> Examination:
        """Returns what the mirror is and what is wrong on the servers behind it, or instead of it."""
        damage = self._refresh()
        found = self._local.examine()
        if isinstance(damage, RegressedLog):
            return Examination(found.head, found.verdict, found.regression or damage)
        if damage is not None and not isinstance(found.verdict, Corrupt):
            raise damage
        return found

    def is_synced(self) -> bool | None:
        """Whether the servers were seen to sync what they acknowledge; None while they are away."""
        if self.away is not None:
            return None
        try:
            return is_synced(self._servers.run(self.stream.info(patience=READING_PATIENCE))["config"])
        except ServersAway:
            return None

    def compare(self, progress: Callable[[int], None] = lambda _: None) -> Head:
        """Reads all that the servers have and compares it with the mirror; returns its head.

        `progress` gets the number of events compared so far. Raises DamagedLog where they differ,
        ServersAway.
        """
        place = self._servers.run(self._upkeep.catch_up(self._servers.patience, NOWHERE, progress))
        return place.head

    # --- in this thread

    def _begin_to_keep(self, woken: Landing) -> Callable[[], None]:
        """Begins to keep the mirror up to date by what the servers push; returns what ends that."""
        self._refresh()
        self._keeping, self._failure = True, None
        end_task = self._servers.start(self._keep(woken))

        def end() -> None:
            self._keeping = False
            end_task()

        return end

    def _refresh(self) -> DamagedLog | None:
        """Brings the mirror up to date; returns the damage that was found, for whoever meets it."""
        if self._keeping and self._upkeep.place is not None:
            if self._failure is not None and not isinstance(self._failure, DamagedLog):
                raise self._failure
            return self._failure
        if self.away is not None and monotonic() < self._ask_again:
            return None
        try:
            self._servers.run(self._upkeep.catch_up(READING_PATIENCE))
            self.away = None
        except ServersAway as away:
            if not self._local.exists() or not self._mirror.is_ours():
                raise
            if self.away is None:
                self._say(f"{away}; this is the mirror of it here, {shown_age(self.path)}")
            self.away = away
            self._ask_again = monotonic() + ASK_AGAIN_AFTER
        except DamagedLog as damage:
            return damage
        return None

    # --- on the loop

    async def _append(self, lines: bytes, expected: Head, head: Head) -> None:
        place = self._upkeep.place
        if place is None or place.head != expected:
            place = await self._upkeep.catch_up(self._servers.patience)
            if place.head != expected:
                self._mirror.check(expected)
                if lines:
                    raise Conflict(expected, place.head)
        if not lines:
            return
        if not self._is_fit:
            await self.stream.fit()
            self._is_fit = True
        messages = [line + b"\n" for line in lines.split(b"\n")[:-1]]
        await self.stream.check_sizes(messages)
        seq = place.seq
        for first in range(0, len(messages), LARGEST_BATCH):
            try:
                seq = await self._publish(messages[first : first + LARGEST_BATCH], seq)
            except Taken:
                self._upkeep.forget()
                place = await self._upkeep.catch_up(self._servers.patience)
                if first:
                    raise StorageFailed(
                        f"somebody else wrote between our events: {first} of {len(messages)} are in the log"
                    ) from None
                raise Conflict(expected, place.head) from None
        try:
            self._mirror.add(lines, expected)
        except (LogError, OSError) as error:
            self._upkeep.forget()
            self._say(f"the event is in the log, but its mirror could not be written: {error}")
            return
        self._upkeep.reach(Place(seq, head))

    async def _publish(self, messages: list[bytes], after: int) -> int:
        """Publishes behind the message `after`, asking until who answers has that one."""
        again = ""
        while True:
            try:
                return await self.stream.publish(messages, after, again)
            except Lagging as lagging:
                again = lagging.append
                # Raises RegressedLog when the message is lost, and not only unknown to who answered.
                if (await self._upkeep.catch_up(self._servers.patience)).seq < after:
                    raise Taken from None

    async def _keep(self, woken: Landing) -> None:
        """Keeps the mirror up to date; `woken` after every line, and when that has failed."""
        try:
            await self._upkeep.go_on(woken.wake)
        except OrchestratorError as failure:
            self._failure = failure
        except Exception as failure:  # whatever it is: who waits has to hear that nothing comes any more
            self._failure = StorageFailed(f"{type(failure).__name__}: {failure}")
        woken.wake()
