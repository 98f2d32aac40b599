"""The derived files: plan.json, README.md, spawn_results.jsonl. Whole, and never going backwards.

`.bo/published` says up to which event they have been written, and is locked while they are. Whoever
comes with an older build finds that a newer one was begun and leaves it. All of it may be deleted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from cli.derived import read_file, replace_file
from cli.project import Project
from eventlog.errors import LogError, RegressedLog
from eventlog.head import START, Head
from projections.build import Build
from projections.render.plan_json import plan_json
from projections.render.readme_md import readme_md
from projections.render.results_jsonl import results_jsonl

if TYPE_CHECKING:
    from cli.handle import Handler

RENDER_VERSION = 1
"""Goes up whenever a line of spawn_results.jsonl is rendered differently."""

PATIENCE = 5.0
"""Seconds to wait for somebody else who is publishing."""

_GAP = 0.5
"""Seconds that may pass between an append and the beginning of its publishing."""

RESULTS = "spawn_results.jsonl"
_PUBLISHED = os.path.join(".bo", "published")

RENDERING, WAITING = os.path.join(".bo", "publisher"), os.path.join(".bo", "publisher.next")
"""Files whose locks are held by the process that renders a large plan, and by the one that is next."""

_LOCKS = (_PUBLISHED, RENDERING, WAITING)


class _Published(msgspec.Struct, array_like=True):
    version: int
    begun: int  # the newest event up to which anybody began to write the texts, and may have died at it
    texts: Head
    results: Head
    results_size: int


_NOTHING = _Published(RENDER_VERSION, 0, START, START, 0)


def publish(project: Project, build: Build, head: Head, *, texts: bool = True) -> str | None:
    """Brings the derived files up to `head`, unless they are newer. Returns a warning, or None.

    Without `texts` only spawn_results.jsonl, which costs what is new; the others cost the plan's size.
    Never raises for the disk or the log: what is acknowledged is so, and `rebuild` brings the files back.
    """
    try:
        # Rendered before the lock is taken, or a large plan would hold up everybody's results.
        rendered = _texts(project, build, head) if texts else []
        with _published_file(project) as fd:
            published = _read(fd)
            if texts and head.seq >= published.begun and published.texts.seq < head.seq:
                published.begun = head.seq
                _record(fd, published)
                _write_texts(project, rendered)
                published = replace(published, texts=head)
            if published.results.seq < head.seq:
                published = _append_results(project, published, head)
            _record(fd, published)
        return None
    except (OSError, LogError, ValueError, OverflowError) as error:  # the last two: a record made by hand
        return (
            f"the event is in the log, but the derived files could not be written: {error}; see `bo rebuild`"
        )


def is_published(project: Project, head: Head) -> bool:
    """Whether the derived files are as new as `head`, as far as whoever wrote them last has noted."""
    published = _parse(read_file(project, _PUBLISHED) or b"")
    return published.texts.seq >= head.seq and published.results.seq >= head.seq


def rebuild(handler: Handler) -> list[str]:
    """Writes all derived files anew, also from what was appended since `handler` was loaded.

    Returns the names of those that were missing or different. Raises OSError or TimeoutError.
    """
    project, build = handler.project, handler.build
    with _published_file(project) as fd:
        handler.refresh()
        head = handler.head
        drifted = _drift(project, build, head)
        _write_texts(project, _texts(project, build, head))
        published = replace(_NOTHING, begun=head.seq, texts=head)
        _record(fd, _append_results(project, published, head))
    return drifted


def drift(handler: Handler) -> list[str]:
    """Returns the names of derived files that are missing or differ from what the log says.

    Waits for whoever is publishing at this moment, or about to.
    """
    began = monotonic()
    while True:
        before = read_file(handler.project, _PUBLISHED)
        handler.refresh()
        drifted = _drift(handler.project, handler.build, handler.head)
        after = read_file(handler.project, _PUBLISHED)
        settled = before == after and _parse(after or b"").texts == handler.head
        patience = PATIENCE if any(is_held(handler.project, name) for name in _LOCKS) else _GAP
        if not drifted or settled or monotonic() - began > patience:
            return drifted
        sleep(0.02)


def _drift(project: Project, build: Build, head: Head) -> list[str]:
    """Returns the names of derived files that are missing or differ from what the log says."""
    drifted = [name for name, content in _texts(project, build, head) if read_file(project, name) != content]
    on_disk = read_file(project, RESULTS) or b""
    place = 0
    for lines in _results(project, START, head):
        if on_disk[place : place + len(lines)] != lines:
            return [*drifted, RESULTS]
        place += len(lines)
    return drifted if place == len(on_disk) else [*drifted, RESULTS]


def _texts(project: Project, build: Build, head: Head) -> list[tuple[str, bytes]]:
    return [
        ("plan.json", plan_json(build, project.name, head)),
        ("README.md", readme_md(build, project.name)),
    ]


def _write_texts(project: Project, rendered: list[tuple[str, bytes]]) -> None:
    for name, content in rendered:
        replace_file(project, name, content)


def _record(fd: int, published: _Published) -> None:
    record = msgspec.json.encode(published)
    os.pwrite(fd, record, 0)
    os.ftruncate(fd, len(record))


def _results(project: Project, after: Head, head: Head) -> Iterator[bytes]:
    if after.seq < head.seq:
        for batch in project.store.read(after, until=head.seq):
            yield results_jsonl(batch.events)


def _append_results(project: Project, published: _Published, head: Head) -> _Published:
    """Appends what is new to the results, or writes them anew when they are not as they were left."""
    on_disk = os.path.getsize(project.path(RESULTS)) if os.path.isfile(project.path(RESULTS)) else 0
    if published.version != RENDER_VERSION or on_disk != published.results_size:
        published = _without_results(published)
    try:
        new = b"".join(_results(project, published.results, head))
    except RegressedLog:  # what was published is no place in this log
        published = _without_results(published)
        new = b"".join(_results(project, START, head))
    if published.results_size == 0:
        if new or on_disk:
            replace_file(project, RESULTS, new)
    elif new:
        fd = os.open(project.path(RESULTS), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(fd, new, published.results_size)
        finally:
            os.close(fd)
    return replace(published, results=head, results_size=published.results_size + len(new))


def _without_results(published: _Published) -> _Published:
    return replace(_NOTHING, begun=published.begun, texts=published.texts)


def is_held(project: Project, name: str) -> bool:
    """Whether anybody holds the lock of the project's file `name`."""
    try:
        fd = os.open(project.path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


@contextmanager
def _published_file(project: Project) -> Iterator[int]:
    os.makedirs(project.path(".bo"), exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(project.path(_PUBLISHED), flags, 0o644)
    try:
        deadline = monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() > deadline:
                    raise TimeoutError("somebody else has been writing them for too long") from None
                sleep(0.001)
        yield fd
    finally:
        os.close(fd)


def _read(fd: int) -> _Published:
    return _parse(os.pread(fd, 4096, 0))


def _parse(record: bytes) -> _Published:
    try:
        return msgspec.json.decode(record, type=_Published)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return replace(_NOTHING)
