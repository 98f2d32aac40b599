"""The upkeep of a mirror: it has what the servers have, or somebody is told why not.

Servers that have less than the mirror may have lost it, or may only not know yet: which of the two
is decided here, and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from time import monotonic

from eventlog.errors import Refused, RegressedLog, ServersAway, StorageFailed
from eventlog.head import Head
from eventlog.mirror import NOWHERE, Mirror, Place
from eventlog.servers import Servers, Silent
from eventlog.stream import Message, Stream

_NEAR = 3.0
"""Seconds since a leader heard of a replica after which that one may be out of its reach."""

_STALE_FOR = 12.0
"""Seconds after which a leader that was cut off answers no more; measured: less than ten."""

_ROUNDS = 100
_PIECE = 1024 * 1024
"""Bytes of messages that are written to the mirror at once."""


class Upkeep:
    """Brings `mirror` up to what `servers` have of `stream`. Used on their loop alone.

    `place` is the line up to which both were seen to be the same, None as long as that is unknown.
    """

    def __init__(self, mirror: Mirror, stream: Stream, servers: Servers) -> None:
        self.place: Place | None = None
        self._mirror = mirror
        self._stream = stream
        self._servers = servers

    async def catch_up(
        self, patience: float, start: Place | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> Place:
        """Brings the mirror up to the servers' last line, which it returns the place of.

        Compares from `start` on, or from where it was.
        """
        place = start or self.place or self._mirror.place()
        self.place = None  # nothing is known as long as this has not come to a good end
        began: float | None = None
        for rounds in count():
            seen = self._mirror.end()  # before they are asked: what is in the mirror they have acknowledged
            last = await self._stream.last(patience=patience)
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
                self.reach(place)
                return place
            elif rounds > _ROUNDS:
                raise StorageFailed(f"{self._servers.address.shown} does not hand out all that it has")
        raise AssertionError("a count has no end")

    async def _doubt(self, seen: Head, place: Place, waited: float) -> None:
        """Raises RegressedLog when the servers have lost what they acknowledged; ServersAway if that is open.

        A leader that was cut off from the others answers from what it had until it notices: whoever
        lags is believed only after that time, and with most of the others at its side.
        """
        replicas = ((await self._stream.info()).get("cluster") or {}).get("replicas") or []
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
        other, path = self._mirror.followed(), self._mirror.log.path
        what = f"the mirror of the log at {other}" if other else "a log of this machine"
        where = (
            f"`--log {other}` is where it was" if other else "without --log and BO_LOG it is used as it is"
        )
        return Refused(
            "not_pushed",
            f"{path} is {what}: of its {here.seq} events {self._servers.address.shown} has {there.seq}",
            hint=f"`bo push` takes it there; {where}",
        )

    async def _follow_to(
        self, end: int, place: Place, patience: float, progress: Callable[[int], None]
    ) -> Place:
        """Takes what lies from `place` to the message `end` into the mirror; returns the place reached."""

        async def walk(_: object) -> None:
            nonlocal place
            # From the last one that we know on: it must still be there, and the same.
            async with aclosing(self._stream.walk(place.seq, end)) as landing:
                known = place.seq == 0
                piece: list[Message] = []
                size = 0
                async for messages in landing:
                    if not known:
                        if messages[0].seq != place.seq or not messages[0].ends(place.head):
                            raise _Elsewhere
                        known, messages = True, messages[1:]
                    piece += messages
                    size += sum(len(message.data) for message in messages)
                    if size >= _PIECE:
                        place, piece, size = self._mirror.take(piece, place), [], 0
                        progress(place.head.seq)
                if not known:
                    raise _Elsewhere
                if piece:
                    place = self._mirror.take(piece, place)

        await self._servers.ask(walk, patience=patience)
        return place

    async def go_on(self, wake: Callable[[], None]) -> None:
        """Takes what the servers push as it lands, and calls `wake` after it; ends only with an error.

        Raises what reading the log may raise, but not for servers that are away: it waits for them.
        """
        while True:
            try:
                place = await self.catch_up(self._servers.patience)
                wake()
                async with aclosing(self._stream.walk(place.seq + 1)) as landing:
                    async for messages in landing:
                        if self.place is not None and self.place.seq > place.seq:
                            place = self.place  # what was appended here is in the mirror already
                        new = [message for message in messages if message.seq > place.seq]
                        if new:
                            place = self._mirror.take(new, place)
                            self.reach(place)
                            wake()
            except (Silent, ServersAway):
                await asyncio.sleep(0.2)

    def reach(self, place: Place) -> None:
        """Notes that the mirror has what the servers have, up to `place`."""
        if self.place is None or place.seq >= self.place.seq:
            self.place = place
            self._mirror.note(place)

    def forget(self) -> None:
        """Takes nothing for known: the next catching up begins where the mirror's record says."""
        self.place = None


class _Elsewhere(Exception):
    """The line that we know is not where it was."""


def _lost(seen: Head, there: Head) -> RegressedLog:
    """Returns the error for servers that lack what they had acknowledged."""
    error = RegressedLog(seen, there)
    error.hint = "the mirror here has what the servers lost: `bo push` takes it to them again"
    return error
