"""Checking a large log on several processors: each line carries its hash, so a part can begin behind any.

A part counts only if the part before it ended where it begins, with the same hash and number: what
comes out is what one walk over the whole would say.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack

from eventlog.errors import CorruptLog
from eventlog.head import START, Head
from eventlog.recovery import Clean, ReadAt, Scan, Verdict, find_head

PART = 8 * 1024 * 1024
"""The fewest bytes that are worth a process of their own."""

Found = tuple[Head, Verdict]
"""The head of the valid prefix of a part, and what follows it."""

Part = Callable[[], Found]

Start = Callable[[Part, ExitStack], Part]


def jobs_for(size: int) -> int:
    """Returns how many processes may check `size` bytes: one where a fork is not safe."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), size // PART))


def check(read_at: ReadAt, size: int, jobs: int, start: Start | None = None) -> Found:
    """Returns what a Scan of the whole log of `size` bytes comes to, checked by `jobs` processes.

    `start` begins with a part and returns what waits for it: in a fork if not said otherwise.
    """
    places = [START]
    for job in range(1, jobs):
        try:
            place = find_head(read_at, size * job // jobs)
        except CorruptLog:
            continue  # whoever walks over it will say so
        if place.offset > places[-1].offset:
            places.append(place)
    ends = [place.offset for place in places[1:]]
    parts = [_part(read_at, *bounds) for bounds in zip(places, [*ends, None], strict=True)]
    with ExitStack() as stack:
        waits = [(start or _fork)(part, stack) for part in parts[1:]]
        head, verdict = parts[0]()
        for place, wait in zip(places[1:], waits, strict=True):
            if not isinstance(verdict, Clean):
                break
            if head != place:  # it lies about its number
                return _part(read_at, head, None)()
            head, verdict = wait()
    return head, verdict


def _part(read_at: ReadAt, place: Head, end: int | None) -> Part:
    """Returns what walks over the log from `place` to `end`, where a line ends, or over all of it."""

    def walk() -> Found:
        scan = Scan(read_at if end is None else lambda at, size: read_at(at, min(size, end - at)), place)
        verdict = scan.finish()
        return scan.head, verdict

    return walk


def _fork(part: Part, stack: ExitStack) -> Part:
    """Begins with a part in a process of its own, which ends with `stack` at the latest."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, pickle.dumps(part()))
        finally:
            os._exit(0)
    os.close(writer)
    stack.callback(os.waitpid, child, 0)
    stack.callback(os.kill, child, signal.SIGKILL)
    stack.callback(os.close, reader)

    def wait() -> Found:
        said = b""
        while more := os.read(reader, 65536):
            said += more
        if not said:
            return part()  # it was killed, or could not read: then say why here
        found: Found = pickle.loads(said)
        return found

    return wait
