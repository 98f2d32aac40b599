"""Being told to stop: SIGINT or SIGTERM once means no new work, twice means at once."""

from __future__ import annotations

import os
import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Counts the requests to stop while it is entered; `descriptor` is readable after one."""

    def __init__(self) -> None:
        self.requests = 0

    def __enter__(self) -> Stopping:
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        os.set_blocking(self.descriptor, False)
        self._before = {number: signal.signal(number, self._asked) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._writer)
        os.close(self.descriptor)

    def ask(self, at_once: bool) -> None:
        """Is asked to stop from elsewhere, on any thread; twice if it is to be `at_once`."""
        self._count(2 if at_once else 1)

    def drain(self) -> bool:
        """Makes `descriptor` wait for the next request; returns whether there was one since the last call."""
        try:
            return bool(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return False

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._count(1)

    def _count(self, requests: int) -> None:
        self.requests += requests
        try:
            os.write(self._writer, b"x")
        except BlockingIOError:
            pass  # it is readable already
