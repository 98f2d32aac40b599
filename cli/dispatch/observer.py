"""Who looks on while the loop turns."""

from __future__ import annotations

from typing import Self

from eventlog.events import KnownEvent
from projections.build import Build

LOOK_EVERY = 1.0
"""Seconds after which the loop looks around even if nothing happens: after dead dispatchers, mostly."""


class Observer:
    """Is told what happens. This one says nothing."""

    every: float = LOOK_EVERY
    """Seconds after which it wants another turn even if nothing happens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def happened(self, events: list[KnownEvent], build: Build) -> None:
        """These events are durable and folded into `build`."""

    def stopping(self, requests: int) -> None:
        """Somebody has asked to stop, so many times by now."""

    def turned(self, build: Build) -> None:
        """The loop has turned."""


def stopping_sentence(requests: int) -> str:
    """Returns what people are told who asked to stop."""
    if requests == 1:
        return "stopping: nothing more is spawned, what runs may finish; asked once more, it is ended"
    return "stopping: what runs is ended"
