"""The replicated backend: a log on NATS JetStream, a message a line, with `events.jsonl` as its mirror.

An append is acknowledged when the servers have it; the mirror follows. Reads bring the mirror up to
date and read that, so everything that reads a file, or waits for it to grow, needs to know nothing
of servers. When they are away, reading goes on from the mirror and writing fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import count
from time import monotonic

from eventlog.errors import (
    Conflict,
    DamagedLog,
    LogError,
    OrchestratorError,
    Refused,
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
from eventlog.servers import Say, Servers, Silent
from eventlog.store import Batch, Examination, follow_on, seal
from eventlog.stream import LARGEST_BATCH, Lagging, Message, Stream, Taken
from eventlog.stream_settings import is_synced

READING_PATIENCE = 3.0
"""Seconds after which a read is answered from the mirror."""

ASK_AGAIN_AFTER = 5.0
"""Seconds for which reads are answered from the mirror once the servers were away."""

_NEAR = 3.0
"""Seconds since a leader heard of a replica after which that one may be out of its reach."""

_STALE_FOR = 12.0
"""Seconds after which a leader that was cut off answers no more; measured: less than ten."""

_ROUNDS = 100
_PIECE = 1024 * 1024
"""Bytes of messages that are written to the mirror at once."""


class JetStreamStore:
    """An EventStore on `servers`, mirrored in the file `path`. One thread at a time may use it.

    `address` is theirs, as it may be shown.
    `away` is why the last read came from the mirror alone, None when the servers answered; `say`
    is told when that begins. `synced` is whether the servers were seen to sync what they
    acknowledge, None as long as nobody has asked them.
    """

    def __init__(self, path: str, project: str, servers: Servers, *, say: Say = lambda _: None) -> None:
        self.path = path
        self.address = servers.address.shown
        self.away: ServersAway | None = None
        self.synced: bool | None = None
        self.stream = Stream(servers, project)
        self.leases = Leases(servers, self.stream, project)
        self._servers = servers
        self._say = say
        self._local = JsonlStore(path)
        self._mirror = Mirror(path, self.address)  # used by the loop alone
        self._place: Place | None = None
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
        """Like JsonlStore's: whole lines of another copy of this log, their chain checked first."""
        head = follow_on(lines, expected)
        self._servers.run(self._append(lines, expected, head))
        return head

    def read(self, after: Head = START, until: int | None = None) -> Iterator[Batch]:
        """See EventStore. What the servers hold damaged is raised behind what was mirrored before it."""
        place = self._place
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
        """See JsonlStore: from the mirror."""
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
        return Landing(self.keep)

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

    def learn_synced(self) -> bool | None:
        """Returns `synced`, asked for now if nobody did; None while the servers are away."""
        if self.synced is None and self.away is None:
            try:
                config = self._servers.run(self.stream.info(patience=READING_PATIENCE))["config"]
            except ServersAway:
                return None
            self.synced = is_synced(config)
        return self.synced

    def compare(self, progress: Callable[[int], None] = lambda _: None) -> Head:
        """Reads all that the servers have and compares it with the mirror; returns its head.

        `progress` gets the number of events compared so far. Raises DamagedLog where they differ,
        ServersAway.
        """
        self._servers.run(self._catch_up(self._servers.patience, NOWHERE, progress))
        assert self._place is not None
        return self._place.head

    def keep(self, woken: Landing) -> Callable[[], None]:
        """Begins to keep the mirror up to date by what the servers push; returns what ends that."""
        self._refresh()
        self._keeping, self._failure = True, None
        end_task = self._servers.start(self._keep(woken))

        def end() -> None:
            self._keeping = False
            end_task()

        return end

    # --- in this thread

    def _refresh(self) -> DamagedLog | None:
        """Brings the mirror up to date; returns the damage that was found, for whoever meets it."""
        if self._keeping and self._place is not None:
            if self._failure is not None and not isinstance(self._failure, DamagedLog):
                raise self._failure
            return self._failure
        if self.away is not None and monotonic() < self._ask_again:
            return None
        try:
            self._servers.run(self._catch_up(READING_PATIENCE))
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
        place = self._place
        if place is None or place.head != expected:
            place = await self._catch_up(self._servers.patience)
            if place.head != expected:
                self._mirror.check(expected)
                if lines:
                    raise Conflict(expected, place.head)
        if not lines:
            return
        if self.synced is None:
            self.synced = is_synced(await self.stream.fit())
        messages = [line + b"\n" for line in lines.split(b"\n")[:-1]]
        await self.stream.check_sizes(messages)
        seq = place.seq
        for first in range(0, len(messages), LARGEST_BATCH):
            try:
                seq = await self._publish(messages[first : first + LARGEST_BATCH], seq)
            except Taken:
                self._place = None
                place = await self._catch_up(self._servers.patience)
                if first:
                    raise StorageFailed(
                        f"somebody else wrote between our events: {first} of {len(messages)} are in the log"
                    ) from None
                raise Conflict(expected, place.head) from None
        try:
            self._mirror.add(lines, expected)
        except (LogError, OSError) as error:
            self._place = None
            self._say(f"the event is in the log, but its mirror could not be written: {error}")
            return
        self._reach(Place(seq, head))

    async def _publish(self, messages: list[bytes], after: int) -> int:
        """Publishes behind the message `after`, asking until who answers has that one."""
        again = ""
        while True:
            try:
                return await self.stream.publish(messages, after, again)
            except Lagging as lagging:
                again = lagging.append
                # Raises RegressedLog when the message is lost, and not only unknown to who answered.
                if (await self._catch_up(self._servers.patience)).seq < after:
                    raise Taken from None

    async def _catch_up(
        self, patience: float, start: Place | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> Place:
        """Brings the mirror up to the servers' last line, which it returns the place of.

        Compares from `start` on, or from where it was.
        """
        place = start or self._place or self._mirror.place()
        self._place = None  # nothing is known as long as this has not come to a good end
        began: float | None = None
        for rounds in count():
            seen = self._mirror.end()  # before they are asked: what is in the mirror they have acknowledged
            last = await self.stream.last(patience=patience)
            if last is None:
                place = NOWHERE
            elif last.seq != place.seq or not last.ends(place.head):
                try:
                    place = await self._follow_to(last.seq, place, patience, progress)
                except _Elsewhere:
                    place = NOWHERE  # the stream was made anew, or is another one: does it hold the same?
                    continue
            if seen.seq > place.head.seq:
                if not self._mirror.is_ours():
                    raise self._not_pushed(seen, place.head)
                began = began or monotonic()
                await self._doubt(seen, place, monotonic() - began)
            elif last is None or last.seq <= place.seq:
                self._mirror.check(place.head)
                self._reach(place)
                return place
            elif rounds > _ROUNDS:
                raise StorageFailed(f"{self.address} does not hand out all that it has")
        raise AssertionError("a count has no end")

    async def _doubt(self, seen: Head, place: Place, waited: float) -> None:
        """Raises RegressedLog when the servers have lost what they acknowledged; ServersAway if that is open.

        A leader that was cut off from the others answers from what it had until it notices: whoever
        lags is believed only after that time, and with most of the others at its side.
        """
        replicas = (await self.stream.info()).get("cluster", {}).get("replicas", [])
        near = [one for one in replicas if one.get("current") and one.get("active", 0) < _NEAR * 1e9]
        if replicas and waited < _STALE_FOR:
            await self._servers.leave()  # another server may know more
            await asyncio.sleep(0.2)
        elif 1 + len(near) > (1 + len(replicas)) / 2:
            raise _lost(seen, place.head)
        else:
            raise self._servers.away(f"it has {place.head.seq} of {seen.seq} events and no quorum")

    def _not_pushed(self, here: Head, there: Head) -> Refused:
        """Returns the error for a log that is not from these servers, and that they do not have all of."""
        other = self._mirror.followed()
        return Refused(
            "not_pushed",
            f"{self.path} is {f'the mirror of the log at {other}' if other else 'a log of this machine'}: "
            f"of its {here.seq} events {self.address} has {there.seq}",
            hint="`bo push` takes it there; "
            + (
                f"`--log {other}` is where it was"
                if other
                else "without --log and BO_LOG it is used as it is"
            ),
        )

    async def _follow_to(
        self, end: int, place: Place, patience: float, progress: Callable[[int], None]
    ) -> Place:
        """Takes what lies from `place` to the message `end` into the mirror; returns the place reached."""

        async def walk(_: object) -> None:
            nonlocal place
            # From the last one that we know on: it must still be there, and the same.
            async with aclosing(self.stream.walk(place.seq, end)) as landing:
                known = place.seq == 0
                piece: list[Message] = []
                async for messages in landing:
                    if not known:
                        if messages[0].seq != place.seq or not messages[0].ends(place.head):
                            raise _Elsewhere
                        known, messages = True, messages[1:]
                    piece += messages
                    if sum(len(message.data) for message in piece) >= _PIECE:
                        place, piece = self._mirror.take(piece, place), []
                        progress(place.head.seq)
                if not known:
                    raise _Elsewhere
                if piece:
                    place = self._mirror.take(piece, place)

        await self._servers.ask(walk, patience=patience)
        return place

    async def _keep(self, woken: Landing) -> None:
        """Keeps the mirror up to date, without end; `woken` after every line."""
        while True:
            try:
                place = await self._catch_up(self._servers.patience)
                woken.wake()
                async with aclosing(self.stream.walk(place.seq + 1)) as landing:
                    async for messages in landing:
                        if self._place is not None and self._place.seq > place.seq:
                            place = self._place  # what was appended here is in the mirror already
                        new = [message for message in messages if message.seq > place.seq]
                        if new:
                            place = self._mirror.take(new, place)
                            self._reach(place)
                            woken.wake()
            except (Silent, ServersAway):
                await asyncio.sleep(0.2)
            except OrchestratorError as failure:
                self._failure = failure
                woken.wake()
                return

    def _reach(self, place: Place) -> None:
        if self._place is None or place.seq >= self._place.seq:
            self._place = place
            self._mirror.note(place)


class _Elsewhere(Exception):
    """The line that we know is not where it was."""


def _lost(seen: Head, there: Head) -> RegressedLog:
    """Returns the error for servers that lack what they had acknowledged."""
    error = RegressedLog(seen, there)
    error.hint = "the mirror here has what the servers lost: `bo push` takes it to them again"
    return error
