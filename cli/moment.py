"""A build as of a moment: an event's number, or a time."""

from __future__ import annotations

from collections.abc import Callable

from cli.clock import parse_time
from cli.handle import Handler
from cli.project import Project
from eventlog.errors import NotFound
from eventlog.events import AnyEvent
from projections.decider import require_plan
from projections.fold import fold


def load_at(project: Project, at: str | None) -> Handler:
    """Returns the project's build in hand, now or as of `at`.

    As of a time is: before the first event that is later. Raises NotFound for a moment that the
    log does not have, Refused where no plan was defined by then, and what `Handler.load` raises.
    """
    handler = Handler(project.require(), "")
    if at is None:
        handler.load()
    else:
        for batch in project.store.read(until=find_seq(project, at)):
            fold(batch.events, handler.build)
            handler.head = batch.head
    require_plan(handler.build)
    return handler


def load_from_start(project: Project, progress: Callable[[int], None] | None = None) -> Handler:
    """Returns the project's build as its whole log says, without the snapshot; raises as `load_at` does."""
    handler = Handler(project.require(), "")
    handler.refresh(progress)
    require_plan(handler.build)
    return handler


def take_in(project: Project, at: str | None, take: Callable[[AnyEvent], None]) -> None:
    """Hands every event from the beginning to `take`, up to now or `at`; raises as `load_at` does."""
    project.require()
    until = find_seq(project, at) if at is not None else None
    for batch in project.store.read(until=until):
        for event in batch.events:
            take(event)


def as_seq(text: str) -> int | None:
    """Returns the number of an event that `text` is, or None: then it may be a time."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def find_seq(project: Project, at: str) -> int:
    """Returns the number of the last event at the moment `at`.

    Raises NotFound where the log has none, Refused for what is no time.
    """
    if (seq := as_seq(at)) is not None:
        last = project.store.head().seq
        if 1 <= seq <= last:
            return seq
        raise NotFound(
            "no_such_event", f"there is no event {seq}", hint=f"the log has the events 1 to {last}"
        )
    moment = parse_time(at)
    seq = 0
    for batch in project.store.read():
        for event in batch.events:
            if event.time > moment:
                if seq == 0:
                    raise NotFound(
                        "no_such_event",
                        f"nothing had happened by {moment}",
                        hint=f"the log begins at {event.time}",
                    )
                return seq
            seq = event.seq
    return seq
