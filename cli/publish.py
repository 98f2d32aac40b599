"""The derived files: plan.json, README.md, spawn_results.jsonl. Whole, and never going backwards.

`.bo/published` says up to which event they have been written, and is locked while they are. Whoever
comes with an older build finds a newer one published and leaves it. All of it may be deleted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import msgspec
from msgspec.structs import replace

from cli.derived import replace_file
from cli.project import Project
from eventlog.head import START, Head
from projections.build import Build
from projections.render.plan_json import plan_json
from projections.render.readme_md import readme_md
from projections.render.results_jsonl import results_jsonl

RENDER_VERSION = 1
"""Goes up whenever a line of spawn_results.jsonl is rendered differently."""

PATIENCE = 5.0
"""Seconds to wait for somebody else who is publishing."""

RESULTS = "spawn_results.jsonl"


class _Published(msgspec.Struct, array_like=True):
    version: int
    texts: Head
    results: Head
    results_size: int


_NOTHING = _Published(RENDER_VERSION, START, START, 0)


def publish(project: Project, build: Build, head: Head, *, texts: bool = True) -> str | None:
    """Brings the derived files up to `head`, unless they are newer. Returns a warning, or None.

    Without `texts` only spawn_results.jsonl, which costs what is new; the others cost the plan's size.
    Never raises for the disk: the log is the truth, and `rebuild` brings the files back.
    """
    try:
        with _published_file(project) as fd:
            published = _read(fd)
            if texts and published.texts.seq < head.seq:
                _write_texts(project, build, head)
                published = replace(published, texts=head)
            if published.results.seq < head.seq:
                published = _append_results(project, published, head)
            _record(fd, published)
        return None
    except (OSError, TimeoutError) as error:
        return (
            f"the event is in the log, but the derived files could not be written: {error}; see `bo rebuild`"
        )


def rebuild(project: Project, build: Build, head: Head) -> list[str]:
    """Writes all derived files anew; returns the names of those that were missing or different.

    Raises OSError or TimeoutError.
    """
    with _published_file(project) as fd:
        drifted = drift(project, build, head)
        _write_texts(project, build, head)
        _record(fd, _append_results(project, replace(_NOTHING, texts=head), head))
    return drifted


def drift(project: Project, build: Build, head: Head) -> list[str]:
    """Returns the names of derived files that are missing or differ from what the log says."""
    drifted = [name for name, content in _texts(project, build, head) if _content(project, name) != content]
    on_disk = _content(project, RESULTS) or b""
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


def _content(project: Project, name: str) -> bytes | None:
    try:
        with open(project.path(name), "rb") as file:
            return file.read()
    except OSError:
        return None


def _write_texts(project: Project, build: Build, head: Head) -> None:
    for name, content in _texts(project, build, head):
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
        published = replace(_NOTHING, texts=published.texts)
    new = b"".join(_results(project, published.results, head))
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


@contextmanager
def _published_file(project: Project) -> Iterator[int]:
    os.makedirs(project.path(".bo"), exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(project.path(".bo", "published"), flags, 0o644)
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
    try:
        return msgspec.json.decode(os.pread(fd, 4096, 0), type=_Published)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _NOTHING
