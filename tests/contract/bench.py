"""The stores under test, and ways to their bytes behind their backs. One more joins by a line in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from eventlog import START, Batch, EventStore, Head, JsonlStore, MemoryStore
from eventlog.events import AnyEvent
from tests.crash.memory_disk import MemoryDisk
from tests.logs import notes, sealed
from tests.remote.behind import Behind, shared_node

LOG = "events.jsonl"
IDLE = 0.02
"""Seconds; a test that follows looks again after so long where a store cannot wake it."""


class Bench:
    """A store under test, and a way to its bytes behind its back."""

    def __init__(
        self,
        store: EventStore,
        put: Callable[[bytes], object],
        again: Callable[[], EventStore],
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.store = store
        self.put = put
        self.again = again
        self.close = close


def memory(folder: Path) -> Bench:
    store = MemoryStore()

    def put(data: bytes) -> None:
        store.data[:] = data

    return Bench(store, put, lambda: store)


def jsonl(folder: Path) -> Bench:
    path = folder / "project" / LOG

    def put(data: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    return Bench(JsonlStore(path), put, lambda: JsonlStore(path))


def jsonl_on_memory_disk(folder: Path) -> Bench:
    disk = MemoryDisk()
    path = f"/builds/project/{LOG}"
    for made in ("/builds", "/builds/project"):
        disk.make_directory(made)
    return Bench(
        JsonlStore(path, disk=disk),
        lambda data: disk.put_file(path, data),
        lambda: JsonlStore(path, disk=disk),
    )


def jetstream(folder: Path) -> Bench:
    """A log on a real server. Behind its back: whole lines change there, a torn one in the mirror."""
    behind = Behind(shared_node().url)
    mirror = folder / "project" / LOG

    def put(data: bytes) -> None:
        whole = data[: data.rfind(b"\n") + 1]
        behind.put(whole)
        if whole != data:
            mirror.parent.mkdir(exist_ok=True)
            mirror.write_bytes(data)

    return Bench(behind.store(mirror.parent), put, lambda: behind.store(mirror.parent), behind.close)


STORES = {
    "MemoryStore": memory,
    "JsonlStore": jsonl,
    "JsonlStore on a disk in memory": jsonl_on_memory_disk,
    "JetStreamStore": jetstream,
}


def followed(stream: Iterator[Batch], count: int) -> list[AnyEvent]:
    """The next `count` events of a stream, idle batches passed over."""
    events: list[AnyEvent] = []
    while len(events) < count:
        events += next(stream).events
    return events


def foreign_heads(store: EventStore) -> list[Head]:
    """Heads that a log of three events never had."""
    head = store.append(notes(3), START).head
    _, other = sealed(notes(3, "other"))
    return [
        other,
        Head(2, head.hash, head.offset),
        Head(4, head.hash, head.offset),
        Head(3, head.hash, head.offset - 1),
        Head(3, head.hash, head.offset + 1),
        Head(9, other.hash, head.offset * 3),
        Head(1, other.hash, 3),
    ]
