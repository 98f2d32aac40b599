"""load -> decide -> append -> on conflict reload and decide again: the only place that appends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from cli import clock
from cli.project import Project
from cli.secrets import mask, mask_all
from cli.snapshot import pays, read_snapshot, write_snapshot
from eventlog.errors import Conflict, NotFound, Refused
from eventlog.events import AnyEvent, KnownEvent
from eventlog.head import START
from projections.build import Build
from projections.commands import AnyCommand
from projections.decider import decide
from projections.fold import evolve, fold

PATIENCE = 10.0
"""Seconds for which a command tries again when others keep writing."""


class Settled(NamedTuple):
    """A command and what came of it: its events (none: it was so already), or the refusal."""

    command: AnyCommand
    events: list[KnownEvent] | Refused


class Handler:
    """A project's build in hand: `build` is what the log says up to `head`."""

    def __init__(self, project: Project, actor: str) -> None:
        self.project = project
        self.actor = mask(actor)
        self.patience = PATIENCE
        self.build = Build()
        self.head = START
        self._folded = 0
        self._ahead = False  # of the log: decided and folded, but not appended

    def load(self) -> Handler:
        """Loads the build: the snapshot, then the lines behind it. Without a log the build is empty.

        Raises DamagedLog, NewerEvent, StorageFailed.
        """
        self.build, self.head = read_snapshot(self.project) or (Build(), START)
        self._folded = 0
        self._ahead = False
        if self.head != START or self.project.exists():
            self.refresh()
            self.save_snapshot()
        return self

    def refresh(self, progress: Callable[[int], None] | None = None) -> None:
        """Folds what others have appended meanwhile; tells `progress` now and then how far it is."""
        fold(chain.from_iterable(self._new_events(progress)), self.build)

    def _new_events(self, progress: Callable[[int], None] | None) -> Iterator[Sequence[AnyEvent]]:
        for batch in self.project.store.read(self.head):
            yield batch.events  # and goes on when they are folded
            self.head = batch.head
            self._folded += len(batch.events)
            if progress is not None:
                progress(self.head.seq)

    def handle(self, commands: Sequence[AnyCommand]) -> list[KnownEvent]:
        """Does all of `commands` with one write and one sync, or none; returns the events, durable.

        No events: it is already so. Raises Refused and InvalidPlan with nothing written, and what
        `EventStore.append` raises; a Conflict only after PATIENCE.
        """
        settled = self._settle(lambda _: commands, together=True)
        self.save_snapshot()
        return [event for made in settled if not isinstance(made.events, Refused) for event in made.events]

    def handle_each(self, commands: Callable[[Build], Iterable[AnyCommand]]) -> list[Settled]:
        """Like `handle`, but each command stands for itself: its events, or why it was refused.

        `commands` makes them one by one, from the build as those before have changed it; it is asked
        anew after a conflict. Whoever comes often says when it is time to `save_snapshot`.
        """
        return self._settle(commands, together=False)

    def save_snapshot(self) -> None:
        """Writes a snapshot if by now it costs less than it saves."""
        if pays(self.build, self._folded):
            write_snapshot(self.project, self.build, self.head)
            self._folded = 0

    def _settle(self, commands: Callable[[Build], Iterable[AnyCommand]], *, together: bool) -> list[Settled]:
        deadline = monotonic() + self.patience
        while True:
            if self._ahead:
                self.load()
            self._ahead = True
            settled = self._decide(commands, together)
            events = [
                event for made in settled if not isinstance(made.events, Refused) for event in made.events
            ]
            try:
                if any(not isinstance(made.events, Refused) for made in settled):
                    # Also without events: "it is so already" is an answer that has to be durable.
                    self.head = self.project.store.append(events, self.head).head
            except Conflict:
                if monotonic() > deadline:
                    raise
                continue
            self._ahead = False
            self._folded += len(events)
            return settled

    def _decide(self, commands: Callable[[Build], Iterable[AnyCommand]], together: bool) -> list[Settled]:
        """Decides one after the other, each on what those before it made; folds as it goes."""
        now = clock.now()
        seq = self.head.seq
        settled: list[Settled] = []
        for command in map(mask_all, commands(self.build)):
            try:
                made = decide(self.build, command, now, self.actor)
            except Refused as refusal:
                if together:
                    raise
                settled.append(Settled(command, refusal))
                continue
            numbered = [replace(event, seq=seq + place) for place, event in enumerate(made, 1)]
            seq += len(numbered)
            for event in numbered:
                evolve(self.build, event)
            settled.append(Settled(command, numbered))
        return settled


def copy_log(origin: Project, target: Project, until: int) -> None:
    """Begins the log of `target` with the lines of `origin` up to event `until`, as they are.

    What follows them in `origin` may be damaged. Raises CorruptLog when the damage comes before
    that, NotFound when the log is shorter, StorageFailed.
    """
    head = START
    for batch in origin.store.salvage(until):
        head = target.store.append_lines(batch.lines, head)
    if head.seq < until:
        raise NotFound(
            "no_such_event", f"there is no event {until}", hint=f"the log ends at event {head.seq}"
        )
