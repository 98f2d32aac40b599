"""A stream on a real server, and ways to its messages behind the back of every store."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from time import sleep
from typing import Any
from uuid import uuid4

import msgspec

from eventlog.errors import StorageFailed
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers, answered_or_silent
from eventlog.stream import Stream
from eventlog.stream_settings import settings
from tests.remote.nodes import Node


@cache
def shared_node() -> Node:
    """The one server that this process starts for all who need no more; ends with the process."""
    folder = Path(tempfile.mkdtemp(prefix="bo-nats-"))
    node = Node(folder, extra="max_payload: 8MB").start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(node.kill)
    return node


class Behind:
    """A new stream on the server at `url`, with one project in it."""

    def __init__(self, url: str, project: str = "project", *, replicas: int = 1, synced: bool = True) -> None:
        self.address = f"{url}/s{uuid4().hex}"
        self.project = project
        self.servers = Servers(Address(self.address))
        self.stream = Stream(self.servers, project)
        self._settings = settings(self.stream.name, replicas, synced=synced)
        self._stores: list[JetStreamStore] = []
        self.create()

    def store(self, folder: Path, **options: Any) -> JetStreamStore:
        """A store of the project, mirrored in a folder; closed with this object."""
        servers = Servers(Address(self.address), **options)
        self._stores.append(JetStreamStore(str(folder / "events.jsonl"), self.project, servers))
        return self._stores[-1]

    def close(self) -> None:
        """Deletes the stream and ends all connections."""
        for store in self._stores:
            store.close()
        self.delete()
        self.servers.close()

    def create(self) -> None:
        """Makes the stream."""
        while True:
            try:
                self.servers.run(self.stream.create(self._settings))
                return
            except StorageFailed as error:
                # The files of the one that was deleted just now may still be going.
                if "(10049)" not in str(error):
                    raise
                sleep(0.02)

    def delete(self) -> None:
        """Deletes the stream, whatever its settings forbid."""
        self.api(f"STREAM.DELETE.{self.stream.name}")

    def damage(self, **changed: Any) -> None:
        """Makes the stream anew with other settings: without its messages."""
        self.delete()
        self._settings = {**self._settings, **changed}
        self.create()

    def put(self, data: bytes) -> None:
        """Makes the lines of `data` all that the project has; in a new stream unless they go on."""
        there = b"".join(message for message in self.messages())
        if not data.startswith(there):
            self.delete()
            self.create()
            there = b""
        for line in data[len(there) :].splitlines(keepends=True):
            self.publish(line)

    def publish(self, message: bytes) -> None:
        """Publishes bytes as they are, whatever they are."""

        async def send(client: Any) -> None:
            with answered_or_silent():
                answer = await client.request(self.stream.subject, message, timeout=5)
            assert "error" not in msgspec.json.decode(answer.data), answer.data

        self.servers.run(self.servers.ask(send))

    def messages(self) -> list[bytes]:
        """The project's messages."""

        async def all_of_them() -> list[bytes]:
            found: list[bytes] = []
            message = await self.stream.next(1)
            while message is not None:
                found.append(message.data)
                message = await self.stream.next(message.seq + 1)
            return found

        return self.servers.run(all_of_them())

    def api(self, what: str, question: Any = None) -> dict[str, Any]:
        """What the JetStream API answers, refusals too."""

        async def send(client: Any) -> dict[str, Any]:
            body = b"" if question is None else msgspec.json.encode(question)
            with answered_or_silent():
                answer = await client.request(f"$JS.API.{what}", body, timeout=5)
            return msgspec.json.decode(answer.data, type=dict[str, Any])

        return self.servers.run(self.servers.ask(send))
