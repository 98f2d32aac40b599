"""Taking a log of this machine to servers: all its lines, as they are. Its file is their mirror then."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec
from msgspec import Struct

from eventlog.errors import Conflict, Refused
from eventlog.head import START, Head
from eventlog.jsonl import JsonlStore
from eventlog.mirror import NOWHERE, Mirror, Place, record_path
from eventlog.recovery import first_lines
from eventlog.servers import Servers
from eventlog.store import Batch
from eventlog.stream import LARGEST_BATCH, Message, Stream, Taken


class Pushed(Struct, frozen=True):
    """How many events the servers had before, and the head that they have now."""

    before: int
    head: Head


def push(
    path: str, project: str, servers: Servers, progress: Callable[[int], None] = lambda _: None
) -> Pushed:
    """Brings the servers up to the log in the file `path`; `progress` gets the number of events there so far.

    What they have of it already is left as it is. Raises Refused when they have another log of that
    name, or more of this one; DamagedLog and InvalidEvent with nothing sent; Conflict; ServersAway.
    """
    return servers.run(_Push(path, project, servers, progress).run())


class _Push:
    def __init__(self, path: str, project: str, servers: Servers, progress: Callable[[int], None]) -> None:
        self._log = JsonlStore(path)
        self._mirror = Mirror(path, servers.address.shown)
        self._hidden = os.path.dirname(record_path(path))
        self._stream = Stream(servers, project)
        self._project = project
        self._shown = servers.address.shown
        self._progress = progress

    async def run(self) -> Pushed:
        await self._stream.fit()
        place = await self._agree(await self._stream.last())
        before = place.head.seq
        while True:
            for batch in self._log.read(place.head):
                place = await self._send(batch, place)
            # From here on nobody writes into the file who knows of no servers; who just did is next.
            os.makedirs(self._hidden, exist_ok=True)
            self._mirror.note(place)
            if self._log.head() == place.head:
                return Pushed(before, place.head)

    async def _agree(self, last: Message | None) -> Place:
        """Returns the place up to which the servers have this log; reads all of it, so that nothing is
        sent of one that is damaged or has a line too long for them."""
        there = 0 if last is None else _number(last)
        at, head, longest = START, START, b""
        for batch in self._log.read():
            if head.seq < there <= batch.head.seq:
                at = first_lines(batch.lines, head, there - head.seq)[1]
            longest = max(longest, *batch.lines.split(b"\n"), key=len)
            head = batch.head
        if there > head.seq:
            raise Refused(
                "remote_ahead",
                f"{self._shown} has {there} events of '{self._project}', and the log here {head.seq}",
                hint="`bo pull` takes the rest, if the one here is its beginning",
            )
        if last is not None and (at == START or not last.ends(at)):
            raise Refused(
                "other_log",
                f"{self._shown} has another log named '{self._project}', or a damaged one: its last event "
                "is none of the events here",
                hint=f"`bo fork --at {head.seq} --as NAME` without --log gives it another name",
            )
        await self._stream.check_sizes([longest])
        return NOWHERE if last is None else Place(last.seq, at)

    async def _send(self, batch: Batch, place: Place) -> Place:
        lines = [line + b"\n" for line in batch.lines.split(b"\n")[:-1]]
        for first in range(0, len(lines), LARGEST_BATCH):
            piece = lines[first : first + LARGEST_BATCH]
            try:
                seq = await self._stream.publish(piece, place.seq)
            except Taken:
                last = await self._stream.last()
                raise Conflict(place.head, Head(_number(last) if last else 0, "", 0)) from None
            place = Place(seq, first_lines(b"".join(piece), place.head, len(piece))[1])
            self._progress(place.head.seq)
        return place


def _number(message: Message) -> int:
    """Returns the number of the event in a message, 0 for what is none."""
    try:
        return msgspec.json.decode(message.data, type=_Numbered).seq
    except msgspec.MsgspecError:
        return 0


class _Numbered(Struct):
    seq: int
