"""The least that a program on NATS would do with the bare client: the measure for a log on servers.

Also the programs that one measurement runs as processes of their own: `python -m benchmarks.minimal_remote
follow|subscribe|append ...`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from pathlib import Path
from threading import Barrier, Thread
from time import perf_counter
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from benchmarks import inputs
from eventlog.head import START, Head
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers

LARGEST_BATCH = 1000


def with_client(url: str, work: Callable[[Client], Awaitable[float]]) -> float:
    """Returns what `work` returns, with a connection that is made before it and closed behind it."""

    async def connected() -> float:
        client = await nats.connect(url)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(connected())


def append_each(url: str, subject: str, lines: Sequence[bytes], path: Path | None) -> float:
    """Returns the seconds to publish the lines one by one, each behind the one before.

    With `path` each is written to that file and synced as soon as the server has acknowledged it.
    """

    async def work(client: Client) -> float:
        fd = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        after = 0
        began = perf_counter()
        for line in lines:
            headers = {**_behind(subject, after), "Nats-Msg-Id": uuid4().hex}
            answer = await client.request(subject, line, timeout=5, headers=headers)
            after = _number(answer.data)
            if fd is not None:
                os.write(fd, line)
                os.fdatasync(fd)
        seconds = perf_counter() - began
        if fd is not None:
            os.close(fd)
        return seconds

    return with_client(url, work)


def append_batches(url: str, subject: str, lines: Sequence[bytes], size: int, path: Path) -> float:
    """Returns the seconds to publish the lines by atomic batches, each then written and synced."""

    async def work(client: Client) -> float:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        after = 0
        began = perf_counter()
        for first in range(0, len(lines), size):
            batch = lines[first : first + size]
            after = await publish_batch(client, [(subject, line) for line in batch], _behind(subject, after))
            os.write(fd, b"".join(batch))
            os.fdatasync(fd)
        seconds = perf_counter() - began
        os.close(fd)
        return seconds

    return with_client(url, work)


async def publish_batch(
    client: Client, messages: Sequence[tuple[str, bytes]], expected: dict[str, str] | None = None
) -> int:
    """Publishes subjects and bodies, all or none; returns the number of the last message."""
    name = uuid4().hex
    for place, (subject, body) in enumerate(messages[:-1], 1):
        headers = {**((expected or {}) if place == 1 else {}), "Nats-Batch-Id": name}
        await client.publish(subject, body, headers=headers | {"Nats-Batch-Sequence": str(place)})
    subject, body = messages[-1]
    headers = {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(len(messages)), "Nats-Batch-Commit": "1"}
    answer = await client.request(subject, body, timeout=30, headers=headers)
    return _number(answer.data)


def catch_up(url: str, subject: str, messages: int, path: Path) -> float:
    """Returns the seconds in which an ordered consumer writes so many messages to a synced file."""

    async def work(client: Client) -> float:
        began = perf_counter()
        subscription = await client.jetstream().subscribe(subject, ordered_consumer=True)
        with path.open("wb", buffering=1 << 20) as file:
            for _ in range(messages):
                file.write((await subscription.next_msg(timeout=10)).data)
            file.flush()
            os.fdatasync(file.fileno())
        return perf_counter() - began

    return with_client(url, work)


def _behind(subject: str, after: int) -> dict[str, str]:
    stream = subject.partition(".")[0]
    return {"Nats-Expected-Last-Subject-Sequence": str(after), "Nats-Expected-Stream": stream}


def _number(answer: bytes) -> int:
    acknowledged = json.loads(answer)
    if "error" in acknowledged:
        raise RuntimeError(acknowledged["error"]["description"])
    return int(acknowledged["seq"])


# --- processes


def follow(address: str, project: str, folder: str) -> None:
    """Says when each new event of a log on servers was seen, as its store follows it."""
    store = JetStreamStore(str(Path(folder) / "events.jsonl"), project, Servers(Address(address)))
    for batch in store.follow(store.head()):
        os.write(1, b"%.9f\n" % perf_counter() * len(batch.events))


def subscribe(url: str, subject: str) -> None:
    """Says when each new message of a subject was seen, as a push subscription brings it."""

    async def say(_: Any) -> None:
        os.write(1, b"%.9f\n" % perf_counter())

    async def work() -> None:
        client = await nats.connect(url)
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW)
        await client.jetstream().subscribe(subject, cb=say, manual_ack=True, config=config)
        await asyncio.Event().wait()

    asyncio.run(work())


def append(address: str, folder: str, first: str, projects: str, appends: str) -> None:
    """Appends to projects, each with a thread, a store and a connection of its own.

    Says `ready` when all have their first event, begins when a line comes, says the seconds at the end.
    """
    numbers = range(int(first), int(first) + int(projects))
    begun, over = Barrier(len(numbers) + 1), Barrier(len(numbers) + 1)
    failures: list[BaseException] = []

    def live(number: int) -> None:
        try:
            events = [inputs.definition(5), *islice(inputs.lives(5), int(appends))]
            path = Path(folder) / str(number) / "events.jsonl"
            path.parent.mkdir()
            store = JetStreamStore(str(path), f"p{number}", Servers(Address(address), patience=60))
            head: Head = store.append(events[:1], START).head
            begun.wait()
            for event in events[1:]:
                head = store.append([event], head).head
            over.wait()
            store.close()
        except BaseException as failure:
            failures.append(failure)
            begun.abort()
            over.abort()

    threads = [Thread(target=live, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    try:
        while begun.n_waiting < len(numbers) and not begun.broken:
            threads[0].join(0.01)
        print("ready", flush=True)
        sys.stdin.readline()
        began = perf_counter()
        begun.wait()
        over.wait()
        print(perf_counter() - began, flush=True)
    finally:
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"follow": follow, "subscribe": subscribe, "append": append}
    programs[sys.argv[1]](*sys.argv[2:])
