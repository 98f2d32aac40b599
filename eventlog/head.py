"""A place in a log: the last event's number and hash, and where its line ends."""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct

FORMAT = "build-orchestrator event log 1"
"""The format's name and version; the chain of every log begins with its SHA-256."""


class Head(Struct, frozen=True, gc=False, array_like=True):
    """The end of a log, or of a prefix of it: what an append expects and a read starts after.

    `seq` is the last event's number, `hash` its hash (64 hex digits), `offset` the number of bytes
    up to and including its newline. The bytes of a log are the same in every store, so an offset
    means the same in all of them.
    """

    seq: int
    hash: str
    offset: int


START = Head(0, sha256(FORMAT.encode()).hexdigest(), 0)
"""Before the first event: as an expectation it means that there is no log yet."""
