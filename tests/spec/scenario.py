"""given(events).when(command).then(events): a rule as what was, what is asked and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from eventlog.errors import Refused
from eventlog.events import Event, KnownEvent, PlanDefined
from projections import Build, decide, fold
from projections.commands import AnyCommand

EARLIER = "2026-11-23T04:00:00.000000Z"
NOW = "2026-11-23T05:00:00.000000Z"
ACTOR = "ada@example"


def happened(event: type[Event], **fields: Any) -> KnownEvent:
    """Returns an event of before, at a fixed time."""
    made: KnownEvent = event(time=EARLIER, actor=ACTOR, **fields)  # type: ignore[assignment]
    return made


def planned(*workers: str | dict[str, object], **keys: object) -> PlanDefined:
    """Returns the beginning of a project. `"c: a b"` is a worker c that depends on a and b."""
    plan = {"name": "Auth", **keys, "workers": [_worker(worker) for worker in workers]}
    return PlanDefined(time=EARLIER, actor=ACTOR, build_id="b1", plan=msgspec.Raw(msgspec.json.encode(plan)))


def _worker(worker: str | dict[str, object]) -> dict[str, object]:
    if isinstance(worker, dict):
        return worker
    name, _, needed = worker.partition(":")
    return {"id": name, "dependencies": needed.split()}


class Decision:
    """What came of the command: exactly one of its three methods is called on each."""

    def __init__(self, events: list[KnownEvent], refusal: Refused | None) -> None:
        self.events = events
        self.refusal = refusal

    def then(self, event: type[Event], **fields: Any) -> None:
        """Exactly this event was decided, with these fields and defaults in all others."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == [event(time=NOW, actor=ACTOR, **fields)]

    def then_refused(self, code: str, *words: str) -> None:
        """A refusal with this code, whose message or hint holds each of `words`."""
        assert self.refusal is not None, f"not refused: {self.events}"
        assert self.refusal.code == code
        for word in words:
            assert word in f"{self.refusal}\n{self.refusal.hint}"

    def then_nothing_happened(self) -> None:
        """A success that appends nothing: it was already so."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == []


class Given:
    """A build as some events left it."""

    def __init__(self, events: Sequence[KnownEvent]) -> None:
        self.build = folded(events)

    def when(self, command: AnyCommand) -> Decision:
        """Decides the command; a refusal must leave no trace and say what to do next."""
        before = msgspec.msgpack.encode(self.build)
        try:
            events, refusal = decide(self.build, command, NOW, ACTOR), None
        except Refused as error:
            events, refusal = [], error
        assert refusal is None or refusal.hint, "the refusal says no way out"
        assert msgspec.msgpack.encode(self.build) == before
        return Decision(events, refusal)


def given(*events: KnownEvent) -> Given:
    """Returns the build that `events` made."""
    return Given(events)


def folded(events: Sequence[KnownEvent]) -> Build:
    """Returns what `events` say, numbered from 1 as a log would."""
    return fold(replace(event, seq=seq) for seq, event in enumerate(events, 1))
