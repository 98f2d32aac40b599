"""One project's lines in a JetStream stream: asked for, published, walked over, pushed.

A line is a message, its bytes as they are; a project is a subject. Numbers here are the stream's,
which have gaps where other projects wrote. Formats: the JetStream API, ADR-8, ADR-31 and ADR-50 of
the NATS architecture documents.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from eventlog.answers import Described, Found, Published, read_answer
from eventlog.errors import InvalidEvent, NotFound, Refused, StorageFailed
from eventlog.head import Head
from eventlog.servers import ANSWER_WITHIN, Servers, Silent, answered_or_silent
from eventlog.stream_settings import faults

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

LARGEST_BATCH = 1000
"""Messages that the servers take at once, all or none."""

_WRONG_SEQUENCE = 10071
_NO_MESSAGE = 10037
_NO_STREAM = 10059
_TRY_AGAIN = frozenset((10008, 10009, 10077, 10158, 10164, 10175, 10176, 10210))
"""No leader yet, or another one now; ours is still on its way; too much at once: to be asked again."""

_TOO_FEW_SERVERS = frozenset((10005, 10074))

_HEARTBEAT = 1.0
_CONSUMER_GONE_AFTER = 3.0
_HEADER_ROOM = 1024
"""Bytes of a message that its headers and the protocol take at most."""


class Message(Struct, frozen=True):
    """A line and its number in the stream; `append` names the append that brought it, where it is known."""

    seq: int
    data: bytes
    append: str = ""

    def ends(self, head: Head) -> bool:
        """Whether this is the last line of the log whose head is `head`."""
        return self.data.endswith(b',"hash":"%s"}\n' % head.hash.encode())


class Taken(Exception):
    """Somebody else's line stands where ours was to go."""


class Lagging(Exception):
    """Who answered does not have what ours was to follow. It has lost that, or leads no more and is not
    the only one that was asked: the `append` may be made all the same."""

    def __init__(self, append: str) -> None:
        super().__init__()
        self.append = append


class Stream:
    """The lines of `project` in the stream that the address names."""

    def __init__(self, servers: Servers, project: str) -> None:
        self.name = servers.address.stream
        self.subject = f"{self.name}.{project}"
        self._servers = servers

    async def info(self, *, patience: float | None = None) -> dict[str, Any]:
        """Returns what the servers say of the stream. Raises NotFound when there is none."""
        return await self.api(f"STREAM.INFO.{self.name}", patience=patience)

    async def create(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Makes the stream; returns what the servers made of `config`. Raises TooFewServers."""
        return await self.api(f"STREAM.CREATE.{self.name}", config)

    async def fit(self) -> dict[str, Any]:
        """Returns the stream's settings; raises Refused for those with which something could be lost."""
        config: dict[str, Any] = (await self.info())["config"]
        if wrong := faults(config):
            raise Refused(
                "unfit_stream",
                f"the stream '{self.name}' cannot hold logs: {'; '.join(wrong)}",
                hint="`bo doctor` checks it, `bo remote init` makes a new one",
            )
        return config

    async def last(self, *, patience: float | None = None) -> Message | None:
        """Returns the project's last line, as the leader has it."""
        return await self._get({"last_by_subj": self.subject}, patience)

    async def next(self, seq: int) -> Message | None:
        """Returns the project's first line at or behind `seq`."""
        return await self._get({"seq": seq, "next_by_subj": self.subject})

    async def check_sizes(self, lines: Sequence[bytes]) -> None:
        """Raises InvalidEvent for a line that is longer than what the servers take."""

        async def limit(client: Client) -> int:
            return client.max_payload

        most = await self._servers.ask(limit)
        longest = max(map(len, lines))
        if longest > most - _HEADER_ROOM:
            raise InvalidEvent(
                f"an event has {longest:,} bytes, and the servers take {most:,} in a message",
                hint="raise `max_payload` in the servers' configuration (at most 64 MB)",
            )

    async def publish(self, lines: Sequence[bytes], after: int, again: str = "") -> int:
        """Publishes all lines or none behind the project's message `after`; returns the last one's number.

        At most LARGEST_BATCH. An answer that does not come is looked up before anything is sent
        again, so no line is there twice; `again` names an append of these lines that may be made
        already. Raises Taken, Lagging, ServersAway when it stays unknown whether the lines are there.
        """
        append, sent = again or uuid4().hex, bool(again)

        async def publish_once(client: Client) -> int:
            nonlocal sent
            if sent and (found := await self._find(append, after)) is not None:
                return found + len(lines) - 1  # a batch is all there, and nothing comes between
            sent = True
            try:
                return await self._send(client, lines, after, append)
            except Taken:
                last = await self.last()
                there = 0 if last is None else last.seq
                if there < after:
                    raise Lagging(append) from None
                if there > after and (found := await self._find(append, after)) is not None:
                    return found + len(lines) - 1
                # Something that was sent before is on its way to the place, and may be ours.
                raise Silent("the place is taken by what is not there yet") from None

        return await self._servers.ask(publish_once)

    async def _find(self, append: str, after: int) -> int | None:
        """Returns the number of the first line of an append of ours, None when it is not there."""
        found = await self.next(after + 1)
        if found is not None and found.append != append:
            raise Taken
        return None if found is None else found.seq

    async def _send(self, client: Client, lines: Sequence[bytes], after: int, append: str) -> int:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(after), "Nats-Expected-Stream": self.name}
        if len(lines) == 1:
            headers["Nats-Msg-Id"] = append
        for place, line in enumerate(lines, 1):
            if len(lines) > 1:
                headers |= {"Nats-Batch-Id": append, "Nats-Batch-Sequence": str(place)}
            if place == len(lines):
                break
            with answered_or_silent():
                await client.publish(self.subject, line, headers=headers)
            headers = {}
        if len(lines) > 1:
            headers["Nats-Batch-Commit"] = "1"
        answer = await request(client, self.subject, lines[-1], headers, shape=Published)
        if (error := answer.get("error")) is None:
            return int(answer["seq"])
        if error["err_code"] == _WRONG_SEQUENCE:
            raise Taken
        raise self._refusal(error)

    async def _get(self, question: dict[str, Any], patience: float | None = None) -> Message | None:
        try:
            answer = await self.api(f"STREAM.MSG.GET.{self.name}", question, patience=patience)
        except NoMessage:
            return None
        message = answer["message"]
        headers = b64decode(message.get("hdrs", ""))
        return Message(message["seq"], b64decode(message.get("data", "")), _append_of(headers))

    async def api(
        self, what: str, question: Mapping[str, Any] | None = None, *, patience: float | None = None
    ) -> dict[str, Any]:
        """Returns what the JetStream API answers. Raises NotFound, NoMessage, StorageFailed, ServersAway."""
        return await self._servers.ask(
            lambda client: self.api_once(client, what, question), patience=patience
        )

    async def api_once(
        self, client: Client, what: str, question: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The same, asked once on this connection. Raises Silent instead of ServersAway."""
        body = b"" if question is None else msgspec.json.encode(question)
        shape = Found if what.startswith("STREAM.MSG.GET.") else Described
        answer = await request(client, f"$JS.API.{what}", body, shape=shape)
        if (error := answer.get("error")) is not None:
            raise self._refusal(error)
        return answer

    def _refusal(self, error: dict[str, Any]) -> Exception:
        code = error.get("err_code", 0)
        if code in _TRY_AGAIN or error.get("code") == 503:
            return Silent(error["description"])
        if code == _NO_MESSAGE:
            return NoMessage()
        shown = self._servers.address.shown
        if code == _NO_STREAM:
            return NotFound(
                "no_stream",
                f"{shown} has no stream '{self.name}'",
                hint="make it with `bo remote init --replicas 3` (1 on a single server)",
            )
        refused = TooFewServers if code in _TOO_FEW_SERVERS else StorageFailed
        return refused(f"{shown} refused: {error['description']} ({code})")

    # --- walking

    async def walk(self, start: int, end: int | None = None) -> AsyncGenerator[list[Message], None]:
        """Yields the project's messages from number `start` on, in order and without gaps, as they come.

        Up to number `end`; without one they are pushed as they land, without end. Raises Silent when
        the servers fall silent; what was yielded stands.
        """
        client = await self._servers.client()
        landed: list[Msg] = []
        news = asyncio.Event()

        async def land(message: Msg) -> None:
            landed.append(message)
            news.set()

        inbox = client.new_inbox()
        with answered_or_silent():
            subscription = await client.subscribe(
                inbox, cb=land, pending_msgs_limit=-1, pending_bytes_limit=512 * 1024 * 1024
            )
        consumer = uuid4().hex
        try:
            await self._consume(client, consumer, inbox, start)
            count = 0
            while True:
                try:
                    await asyncio.wait_for(news.wait(), _CONSUMER_GONE_AFTER)
                except TimeoutError:
                    raise Silent("the messages stopped coming") from None
                news.clear()
                taken, landed[:] = landed[:], []
                messages, idle = [], False
                for message in taken:
                    if _is_control(message):
                        idle |= await _answer_control(client, message, count)
                        continue
                    seq, nth = _numbers(message.reply)
                    count += 1
                    if nth != count:
                        raise Silent("a message was lost on the way")
                    messages.append(Message(seq, message.data))
                if messages:
                    yield messages
                # Idle before the end: what was to be the end is not there any more.
                if end is not None and (idle or (messages and messages[-1].seq >= end)):
                    return
        finally:
            if not client.is_closed:
                with suppress(Silent), answered_or_silent():
                    await subscription.unsubscribe()
                    await client.publish(f"$JS.API.CONSUMER.DELETE.{self.name}.{consumer}", b"")

    async def _consume(self, client: Client, consumer: str, inbox: str, start: int) -> None:
        config = {
            "name": consumer,
            "filter_subject": self.subject,
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": max(start, 1),
            "ack_policy": "none",
            "replay_policy": "instant",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "flow_control": True,
            "idle_heartbeat": int(_HEARTBEAT * 1e9),
            "inactive_threshold": int(30e9),
        }
        question = msgspec.json.encode({"stream_name": self.name, "config": config, "action": "create"})
        where = f"$JS.API.CONSUMER.CREATE.{self.name}.{consumer}.{self.subject}"
        answer = await request(client, where, question)
        if (error := answer.get("error")) is not None:
            raise self._refusal(error)


class TooFewServers(StorageFailed):
    """There are not as many servers as a stream was to have replicas."""


class NoMessage(Exception):
    """There is no such message."""


async def request(
    client: Client,
    subject: str,
    body: bytes,
    headers: dict[str, str] | None = None,
    *,
    shape: type[Struct] | None = None,
) -> dict[str, Any]:
    """Returns the answer of the servers, JSON of that `shape` unless it has an `error`. Raises Silent."""
    with answered_or_silent():
        answer = await client.request(subject, body, timeout=ANSWER_WITHIN, headers=headers)
    return read_answer(answer.data, shape)


def _append_of(headers: bytes) -> str:
    """Returns the name of the append in a message's raw headers."""
    for line in headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name in (b"Nats-Msg-Id", b"Nats-Batch-Id"):
            return value.strip().decode("ascii", "replace")
    return ""


def _is_control(message: Msg) -> bool:
    return not message.data and message.headers is not None and "Status" in message.headers


async def _answer_control(client: Client, message: Msg, count: int) -> bool:
    """Tells the server that we follow, where it asks; returns whether it has no more than `count` for us."""
    headers = message.headers or {}
    asked = message.reply or headers.get("Nats-Consumer-Stalled")
    if asked:
        with answered_or_silent():
            await client.publish(asked)
    return not asked and headers.get("Nats-Last-Consumer") == str(count)


def _numbers(reply: str) -> tuple[int, int]:
    """Returns a delivered message's number in the stream and in the consumer."""
    parts = reply.split(".")
    at = 5 if len(parts) == 9 else 7
    try:
        return int(parts[at]), int(parts[at + 1])
    except (IndexError, ValueError):
        raise Silent("a message without its number") from None
