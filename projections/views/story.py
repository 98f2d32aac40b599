"""A whole build as one account: every worker's attempts with what came of them, notes, and who did what."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from eventlog import events as ev
from projections.views.history import History

PREVIEW = 1000
"""Characters of an answer that are kept."""


class Said(Struct, frozen=True, gc=False):
    """What came of an attempt; `text` is the beginning of the answer, `size` the bytes of the whole."""

    text: str = ""
    file: str | None = None
    size: int | None = None
    output: str | None = None
    summary: str | None = None
    conversation: str | None = None


class Note(Struct, frozen=True, gc=False):
    """A remark about a worker, or about the build."""

    seq: int
    time: str
    actor: str
    text: str
    worker: str | None


class Story:
    """The events of a log, taken in one by one. `said` is by worker and attempt, `actors` by type."""

    def __init__(self) -> None:
        self.told = History()
        self.said: dict[tuple[str, int], Said] = {}
        self.notes: list[Note] = []
        self.actors: dict[str, dict[str, int]] = {}

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        self.told.take(event)
        done = self.actors.setdefault(event.actor, {})
        tag = ev.tag_of(event)
        done[tag] = done.get(tag, 0) + 1
        match event:
            case ev.NoteAdded():
                self.notes.append(Note(event.seq, event.time, event.actor, event.text, event.worker))
            case ev.WorkerCompleted() | ev.WorkerFailed() | ev.WorkerTimedOut() | ev.LateResultReceived():
                self._hear(event)
            case _:
                pass

    def _hear(
        self, event: ev.WorkerCompleted | ev.WorkerFailed | ev.WorkerTimedOut | ev.LateResultReceived
    ) -> None:
        answer = event.answer or ev.Answer()
        self.said[event.worker, event.attempt] = Said(
            answer.text[:PREVIEW],
            answer.file,
            answer.size,
            getattr(event, "output", None),
            getattr(event, "summary", None),
            event.conversation,
        )


def story(events: Iterable[ev.AnyEvent]) -> Story:
    """Returns the account of a log from its beginning. Raises what `evolve` raises."""
    account = Story()
    for event in events:
        account.take(event)
    return account
