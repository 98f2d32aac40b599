"""Random builds: plans that have an order, commands that may be wise or not, and what was decided on them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog.errors import InvalidPlan, Refused
from eventlog.events import Answer, KnownEvent
from projections import Build, decide, evolve
from projections import commands as cmd
from projections.build import STATUSES

NAMES = [f"w{number}" for number in range(7)]
TIME = "2026-11-23T04:{:02}:{:02}.000000Z"

texts = st.sampled_from(["", "x", "y", "ünïcode", "a\nb"])
maybe = st.none() | texts
hours = st.none() | st.integers(0, 9) | st.floats(0, 1e6)


@st.composite
def plans(draw: st.DrawFn, *, most: int = 6, statuses: bool = False) -> dict[str, Any]:
    """Draws a plan: some workers, each of which may depend on those before it in a random order."""
    order = draw(st.permutations(NAMES[: draw(st.integers(1, most))]))
    workers: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(order):
        needed = draw(st.lists(st.sampled_from(order[:place]), unique=True)) if place else []
        workers[name] = {"id": name, "dependencies": needed, "estimated_hours": draw(hours)}
        if statuses:
            workers[name]["status"] = draw(st.sampled_from([*STATUSES, "blocked"]))
    return {"name": draw(texts), "workers": [workers[name] for name in sorted(workers)]}


def likely(build: Build) -> st.SearchStrategy[cmd.AnyCommand]:
    """Returns commands about workers that exist, by attempts that may exist: many of them are accepted."""
    latest = max(worker.attempts for worker in build.workers)
    return _commands(tuple(worker.id for worker in build.workers), min(latest + 1, 3))


@cache  # making the strategies takes far longer than drawing from them
def _commands(names: tuple[str, ...], latest: int) -> st.SearchStrategy[cmd.AnyCommand]:
    worker, attempt = st.sampled_from(names), st.none() | st.integers(0, latest)
    spawn = st.builds(cmd.Spawn, worker=worker, parent=maybe, force=st.booleans())
    submit = st.builds(cmd.Submit, worker=worker, attempt=st.none() | attempt, files=maybe, summary=maybe)
    time_out = st.builds(
        cmd.TimeOut, worker=worker, attempt=attempt, after=st.just(600.0) | st.floats(), retry_in=_seconds
    )
    reject = st.builds(cmd.Reject, worker=worker, attempt=st.none() | attempt, reason=texts)
    # What keeps a worker running comes often, so that attempts add up and results come late.
    weighted: list[st.SearchStrategy[cmd.AnyCommand]] = [
        *[spawn] * 8,
        *[submit] * 3,
        *[time_out] * 2,
        *[reject] * 2,
        st.builds(
            cmd.Complete,
            worker=worker,
            attempt=attempt,
            output=maybe,
            summary=maybe,
            conversation=maybe,
            answer=_answer,
            force=st.booleans(),
        ),
        st.builds(cmd.Fail, worker=worker, attempt=attempt, error=texts, answer=_answer, retry_in=_seconds),
        st.builds(cmd.Reset, worker=worker, reason=texts, force=st.booleans(), retry=st.booleans()),
        st.builds(cmd.Approve, worker=worker, attempt=attempt),
        st.builds(cmd.Progress, worker=worker, attempt=attempt, message=texts, percent=st.floats(-1, 101)),
        st.builds(cmd.Cancel, worker=worker, reason=texts),
        st.builds(
            cmd.AmendPlan,
            workers=st.none() | _added.map(msgspec.json.encode),
            dependencies=st.dictionaries(worker, _names, max_size=1),
            estimates=st.dictionaries(worker, hours, max_size=2),
        ),
        st.builds(cmd.AddNote, text=texts, worker=st.none() | worker),
        st.builds(
            cmd.StartDispatcher,
            dispatcher=_dispatcher,
            host=texts,
            pid=st.integers(1, 9),
            via=st.just("zo"),
            jobs=st.integers(1, 5),
        ),
        st.builds(cmd.StopDispatcher, dispatcher=_dispatcher, reason=texts),
    ]
    return st.integers(0, len(weighted) - 1).flatmap(weighted.__getitem__)


_names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
_added = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from(NAMES), "dependencies": _names}),
    max_size=2,
    unique_by=lambda worker: str(worker["id"]),
)
_answer = st.none() | st.builds(Answer, text=texts)
_seconds = st.none() | st.just(5.0)
_dispatcher = st.sampled_from(["d1", "d2"])

commands = _commands(tuple(NAMES), 3)
"""Commands about any worker, by any attempt: many of them are refused."""


def define(plan: dict[str, Any], *, imported: bool = False) -> cmd.DefinePlan:
    """Returns the command that begins a project with `plan`."""
    return cmd.DefinePlan(plan=msgspec.json.encode(plan), build_id="b1", imported=imported)


def numbered(events: list[KnownEvent], build: Build) -> list[KnownEvent]:
    """Returns `events` with the numbers and times that they get behind the last event of `build`."""
    return [
        replace(event, seq=seq, time=TIME.format(seq // 60 % 60, seq % 60))
        for seq, event in enumerate(events, build.seq + 1)
    ]


def step(build: Build, command: cmd.AnyCommand) -> list[KnownEvent]:
    """Decides `command`, folds what came of it into `build` and returns it; nothing if it was refused."""
    try:
        events = numbered(decide(build, command, "", "ada"), build)
    except (Refused, InvalidPlan):
        return []
    for event in events:
        evolve(build, event)
    return events


@st.composite
def histories(draw: st.DrawFn) -> list[KnownEvent]:
    """Draws the events of a build in which many things were tried."""
    imported = draw(st.booleans())
    build = Build()
    events = step(build, define(draw(plans(most=3, statuses=imported)), imported=imported))
    for _ in range(draw(st.integers(0, 30))):
        events += step(build, draw(likely(build)))
    return events
