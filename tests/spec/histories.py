"""Random builds: plans that have an order, commands that may be wise or not, and what was decided on them."""

from __future__ import annotations

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
attempts = st.none() | st.integers(0, 3)
hours = st.none() | st.integers(0, 9) | st.floats(0, 1e6)


@st.composite
def plans(draw: st.DrawFn, *, statuses: bool = False) -> dict[str, Any]:
    """Draws a plan: some workers, each of which may depend on those before it in a random order."""
    order = draw(st.permutations(NAMES[: draw(st.integers(1, len(NAMES) - 1))]))
    workers: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(order):
        needed = draw(st.lists(st.sampled_from(order[:place]), unique=True)) if place else []
        workers[name] = {"id": name, "dependencies": needed, "estimated_hours": draw(hours)}
        if statuses:
            workers[name]["status"] = draw(st.sampled_from([*STATUSES, "blocked"]))
    return {"name": draw(texts), "workers": [workers[name] for name in sorted(workers)]}


_worker = st.sampled_from(NAMES)
_names = st.lists(_worker, max_size=3, unique=True)
_added = st.lists(
    st.fixed_dictionaries({"id": _worker, "dependencies": _names}), max_size=2, unique_by=lambda w: w["id"]
)
_answer = st.none() | st.builds(Answer, text=texts)

commands: st.SearchStrategy[cmd.AnyCommand] = st.one_of(
    st.builds(
        cmd.AmendPlan,
        workers=st.none() | _added.map(msgspec.json.encode),
        dependencies=st.dictionaries(_worker, _names, max_size=2),
        estimates=st.dictionaries(_worker, hours, max_size=2),
    ),
    st.builds(cmd.Spawn, worker=_worker, parent=maybe, force=st.booleans()),
    st.builds(cmd.Spawn, worker=_worker),
    st.builds(cmd.Progress, worker=_worker, attempt=attempts, message=texts, percent=st.floats(-1, 101)),
    st.builds(cmd.Submit, worker=_worker, attempt=attempts, files=maybe, summary=maybe),
    st.builds(cmd.Approve, worker=_worker, attempt=attempts),
    st.builds(cmd.Reject, worker=_worker, attempt=attempts, reason=texts),
    st.builds(
        cmd.Complete,
        worker=_worker,
        attempt=attempts,
        output=maybe,
        summary=maybe,
        conversation=maybe,
        answer=_answer,
        force=st.booleans(),
    ),
    st.builds(cmd.Complete, worker=_worker),
    st.builds(cmd.Fail, worker=_worker, attempt=attempts, error=texts, answer=_answer),
    st.builds(cmd.TimeOut, worker=_worker, attempt=attempts, after=st.floats(allow_nan=True)),
    st.builds(cmd.Cancel, worker=_worker, reason=texts),
    st.builds(cmd.Reset, worker=_worker, reason=texts, force=st.booleans()),
    st.builds(cmd.AddNote, text=texts, worker=st.none() | _worker),
    st.builds(
        cmd.StartDispatcher,
        dispatcher=st.sampled_from(["d1", "d2"]),
        host=texts,
        pid=st.integers(1, 9),
        via=st.just("zo"),
        jobs=st.integers(1, 5),
    ),
    st.builds(cmd.StopDispatcher, dispatcher=st.sampled_from(["d1", "d2"]), reason=texts),
)


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
    events = step(build, define(draw(plans(statuses=imported)), imported=imported))
    for command in draw(st.lists(commands, max_size=30)):
        events += step(build, command)
    return events
