"""Results that are delivered again and again, in any order: each takes effect once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog.errors import Refused
from eventlog.events import (
    KnownEvent,
    LateResultReceived,
    WorkerCompleted,
    WorkerFailed,
    WorkerSpawned,
    WorkerTimedOut,
)
from projections import Build, decide, evolve, fold
from projections import commands as cmd
from tests.spec.scenario import ACTOR, NOW, planned

ENDS = (WorkerCompleted, WorkerFailed, WorkerTimedOut)


def results(attempt: int) -> st.SearchStrategy[cmd.AnyCommand]:
    """What an attempt may say at its end."""
    return st.sampled_from(
        [
            cmd.Complete(worker="a", attempt=attempt, output=f"out {attempt}"),
            cmd.Fail(worker="a", attempt=attempt, error=f"error {attempt}"),
            cmd.TimeOut(worker="a", attempt=attempt, after=60.0),
        ]
    )


@st.composite
def deliveries(draw: st.DrawFn) -> list[cmd.AnyCommand]:
    """Draws three deliveries of the result of each attempt; a person spawns and resets in between."""
    attempts = draw(st.integers(1, 4))
    said = [draw(results(attempt)) for attempt in range(1, attempts + 1)]
    person: list[cmd.AnyCommand] = [cmd.Spawn(worker="a"), cmd.Reset(worker="a")] * attempts
    return list(draw(st.permutations([*said * 3, *person])))


def deliver(build: Build, commands: Sequence[cmd.AnyCommand]) -> list[KnownEvent]:
    """The events that came of it, folded; an attempt that did not begin yet is refused, and says it later."""
    events: list[KnownEvent] = []
    for command in commands:
        try:
            made = decide(build, command, NOW, ACTOR)
        except Refused:
            continue
        for event in made:
            event = replace(event, seq=build.seq + 1)
            evolve(build, event)
            events.append(event)
    return events


@settings(max_examples=300)
@given(deliveries())
def test_results_delivered_three_times_in_any_order_take_effect_once(commands: list[cmd.AnyCommand]) -> None:
    build = fold([replace(planned("a"), seq=1)])
    events = deliver(build, commands)
    began = {event.attempt for event in events if isinstance(event, WorkerSpawned)}
    for kinds in (ENDS, LateResultReceived):
        heard = Counter(event.attempt for event in events if isinstance(event, kinds))
        assert set(heard) <= began
        assert all(count == 1 for count in heard.values()), events


@settings(max_examples=300)
@given(deliveries())
def test_what_comes_again_at_the_end_changes_no_worker_and_is_kept_once_at_most(
    commands: list[cmd.AnyCommand],
) -> None:
    build = fold([replace(planned("a"), seq=1)])
    deliver(build, commands)
    (worker,) = build.workers
    over = [
        command
        for command in commands
        if isinstance(command, cmd.WorkerCommand) and command.attempt not in (None, worker.current)
    ]
    before = (worker.status, worker.attempts, worker.result)
    kept = deliver(build, over)
    assert all(isinstance(event, LateResultReceived) for event in kept)
    assert (worker.status, worker.attempts, worker.result) == before
    assert deliver(build, over) == []
