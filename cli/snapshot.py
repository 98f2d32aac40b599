"""The snapshot: a cache of the fold, so that a command costs what is new and not what was ever done.

A SHA-256 (32 bytes) of the rest, then MessagePack of the fold's version, the head, and the build.
Anything unreadable or of another version is passed over: the log says it all again. A snapshot is
also a witness: a log that does not go through its head is not the log that was folded.
"""

from __future__ import annotations

import os
from hashlib import sha256

import msgspec

from cli.derived import read_file, replace_file
from cli.project import Project
from eventlog.head import Head
from projections.build import FOLD_VERSION, Build

_WORKERS_PER_EVENT = 64
"""Writing a snapshot of so many workers costs about what folding one event costs."""


class _Snapshot(msgspec.Struct, array_like=True):
    version: int
    head: Head
    build: Build


def read_snapshot(project: Project) -> tuple[Build, Head] | None:
    """Returns the build and the head it was folded to, or None."""
    file = read_file(project, os.path.join(".bo", "snapshot"))
    if file is None or sha256(memoryview(file)[32:]).digest() != file[:32]:
        return None
    try:
        snapshot = msgspec.msgpack.decode(memoryview(file)[32:], type=_Snapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None  # written by another version
    return (snapshot.build, snapshot.head) if snapshot.version == FOLD_VERSION else None


def pays(build: Build, events: int) -> bool:
    """Whether writing a snapshot costs less than folding the last `events` again at the next commands.

    Where these are all there are, one of them is the plan, which costs more than all others.
    """
    return events == build.seq or events > len(build.workers) // _WORKERS_PER_EVENT


def write_snapshot(project: Project, build: Build, head: Head) -> None:
    """Writes the snapshot; a failure costs time at the next command and nothing else."""
    content = msgspec.msgpack.encode(_Snapshot(FOLD_VERSION, head, build))
    try:
        replace_file(project, os.path.join(".bo", "snapshot"), sha256(content).digest() + content)
    except OSError:
        pass
