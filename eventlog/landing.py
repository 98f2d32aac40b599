"""Waiting until lines have come from the servers."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from math import ceil


class Landing:
    """Wakes its user when lines have landed in the mirror. Used as a `Watch` is.

    `keep` begins to keep the mirror up to date, calls `wake` after every line, and returns what ends that.
    """

    def __init__(self, keep: Callable[[Landing], Callable[[], None]]) -> None:
        self._keep = keep

    def __enter__(self) -> Landing:
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writer, False)
        self._end = self._keep(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        os.close(self._writer)
        os.close(self.descriptor)

    def wake(self) -> None:
        """Makes `descriptor` readable."""
        try:
            os.write(self._writer, b"x")
        except OSError:
            pass  # it is readable already, or nobody waits any more

    def drain(self) -> None:
        """Makes `descriptor` wait for what happens from now on; look at the log after it."""
        try:
            os.read(self.descriptor, 65536)
        except BlockingIOError:
            pass

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True as soon as the log may have grown, False after `timeout` seconds without news."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        if not poll.poll(None if timeout is None else ceil(timeout * 1000)):
            return False
        self.drain()
        return True
