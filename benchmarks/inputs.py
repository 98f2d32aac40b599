"""Inputs shaped like real ones: plans with dependencies, and logs written with the real codec.

A log holds a plan and then the lives of its workers: spawned, progressed, failed or completed, reset,
spawned again. Its lines have about 215 bytes. The same arguments give the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, count, islice
from pathlib import Path

import msgspec

from benchmarks.setting import Setting
from eventlog.events import (
    KnownEvent,
    PlanDefined,
    WorkerCompleted,
    WorkerFailed,
    WorkerProgressed,
    WorkerReset,
    WorkerSpawned,
)
from eventlog.head import START, Head
from eventlog.store import seal

WORKERS = 2000
"""Workers of a usual plan here."""

LINE = 250
"""Bytes that a line of these logs has at most, but for the plan."""

TERSE = 100_000
"""Workers beyond which a plan says no more of each than its id and dependencies."""

_DISPATCHER = "d3f9a1"


def worker_id(number: int) -> str:
    """Returns the id of a worker by its place in the plan."""
    return f"w{number:06d}"


def edges(workers: int, most: int = 3) -> list[list[int]]:
    """Returns for each worker the places, all before its own, of up to `most` that it depends on."""
    drawn = random.Random(workers)
    return [
        sorted({drawn.randrange(max(0, place - 1000), place) for _ in range(most)}) if place else []
        for place in range(workers)
    ]


def plan(workers: int, command: list[str] | None = None) -> bytes:
    """Returns a plan's JSON text, about 300 bytes a worker, of more than TERSE workers 60."""
    described = "Write the module, its tests and a page of documentation; keep to the interfaces agreed on."
    text = {
        "name": "A plan to measure with",
        "description": "Many workers, each waiting for up to three that stand before it.",
        "objective": "Everything completed",
        "workers": [
            {"id": worker_id(place), "dependencies": [worker_id(other) for other in before]}
            | (
                {
                    "component": f"services/part_{place % 40:02d}",
                    "description": f"Part {place}. {described}",
                    "estimated_hours": 1 + place % 7,
                }
                if workers <= TERSE
                else {}
            )
            | ({"command": command} if command else {})
            for place, before in enumerate(edges(workers))
        ],
    }
    return msgspec.json.encode(text)


def lives(active: int) -> Iterator[KnownEvent]:
    """Yields, without end, what happens to the first `active` workers of a plan."""
    for number in count():
        attempt = 1 + number // active
        yield from _life(number, worker_id(number % active), attempt, completed=attempt % 5 != 2)


def _life(number: int, worker: str, attempt: int, *, completed: bool) -> Iterator[KnownEvent]:
    """Yields one attempt of a worker, from its reset to its end: three events, four after the first."""
    begun, told, ended = (_time(number, step) for step in (1, 2, 3))
    if attempt > 1:
        yield WorkerReset(time=_time(number, 0), actor="maria@build", worker=worker, reason="once more")
    yield WorkerSpawned(
        time=begun, actor=_DISPATCHER, worker=worker, attempt=attempt, via="zo", dispatcher=_DISPATCHER
    )
    message = f"wrote part {number % 9} of 9"
    yield WorkerProgressed(
        time=told, actor=worker, worker=worker, attempt=attempt, message=message, percent=number % 100
    )
    if completed:
        output = f"src/{worker}.py"
        yield WorkerCompleted(time=ended, actor=_DISPATCHER, worker=worker, attempt=attempt, output=output)
    else:
        error = "exit status 1"
        yield WorkerFailed(
            time=ended, actor=_DISPATCHER, worker=worker, attempt=attempt, reason="exit", error=error
        )


def _history(active: int, events: int) -> Iterator[KnownEvent]:
    """Yields so many events, at the end of which all `active` workers are completed, if there are enough."""
    closing = min(4 * active, events)
    yield from islice(lives(active), events - closing)
    last = 1 + events // (3 * active)
    completions = (_life(place, worker_id(place), last + 1, completed=True) for place in range(active))
    yield from islice(chain.from_iterable(completions), closing)


def _time(number: int, step: int) -> str:
    seconds, micros = divmod(number * 7919 + step * 1013, 1_000_000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    return f"2026-11-{1 + hours // 24:02d}T{hours % 24:02d}:{minutes:02d}:{seconds:02d}.{micros:06d}Z"


def definition(workers: int, command: list[str] | None = None) -> PlanDefined:
    """Returns the event that a log begins with."""
    return PlanDefined(
        time="2026-11-01T00:00:00.000000Z",
        actor="maria@build",
        build_id="5f0c2f6d9a4e4b0f8f5e6a7b8c9d0e1f",
        plan=msgspec.Raw(plan(workers, command)),
    )


def write_log(path: Path, events: int, workers: int = WORKERS, active: int | None = None) -> Head:
    """Writes a log of so many events and returns its head.

    Only the first `active` workers have lived, and are completed in the end: so the state is the same
    for logs of all lengths.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = seal([definition(workers)], START)
    history = _history(active or workers * 3 // 4, events - 1)
    with path.open("wb") as file:
        file.write(batch.lines)
        while chunk := list(islice(history, 2000)):
            batch = seal(chunk, batch.head)
            file.write(batch.lines)
    return batch.head


def usual_log(setting: Setting, events: int) -> Path:
    """Returns a log of so many events of 2,000 workers, made once in a run."""
    path = setting.work / f"log-{events}" / "events.jsonl"
    if not path.exists():
        write_log(path, events)
    return path
