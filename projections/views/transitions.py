"""Would the rules have made this event? An intact chain can still hold what no decision would have written.

Each event is turned back into the command that asks for it, and `decide` is asked again on the build
as it was: so the rules are written once, and a log is held to the very same ones.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from eventlog import events as ev
from eventlog.errors import InvalidPlan, Refused
from projections import commands as cmd
from projections.build import Build
from projections.decider import decide
from projections.plan import check_plan


def violation(build: Build, event: ev.AnyEvent) -> str | None:
    """Returns why the rules would not have made `event` on `build` (as it was before); None if they would.

    Extensions are never judged.
    """
    if isinstance(event, ev.Unrecognised):
        return None
    if isinstance(event, ev.LateResultReceived):
        return _late(build, event)
    try:
        if isinstance(event, ev.PlanDefined | ev.PlanImported):
            check_plan(msgspec.json.decode(bytes(event.plan)))
        made = decide(build, command_of(event), event.time, event.actor)
    except (Refused, InvalidPlan) as error:
        return str(error)
    except msgspec.MsgspecError as error:
        return f"what it holds is not JSON: {error}"
    if not made:
        return "it was so already: nothing would have been recorded"
    return _difference(replace(made[0], seq=event.seq), event)


def command_of(event: ev.KnownEvent) -> cmd.AnyCommand:
    """Returns the command that asks for `event`: as a person asks, of whom the fewest rules are wanted."""
    match event:
        case ev.PlanDefined() | ev.PlanImported():
            imported = isinstance(event, ev.PlanImported)
            return cmd.DefinePlan(plan=bytes(event.plan), build_id=event.build_id, imported=imported)
        case ev.PlanAmended():
            added = bytes(event.workers)
            return cmd.AmendPlan(
                workers=None if added == bytes(ev.NO_WORKERS) else added,
                dependencies=event.dependencies,
                estimates=event.estimates,
            )
        case ev.WorkerCompleted(approved=True):
            return cmd.Approve(worker=event.worker)
        case _:
            command = _COMMANDS[type(event)]
            told = asdict(event) | {"force": getattr(event, "forced", False), "attempt": None}
            asked: cmd.AnyCommand = command(**{name: told[name] for name in command.__struct_fields__})
            return asked


_COMMANDS: dict[type[ev.Event], type[Any]] = {
    ev.WorkerSpawned: cmd.Spawn,
    ev.WorkerProgressed: cmd.Progress,
    ev.WorkerSubmitted: cmd.Submit,
    ev.WorkerRejected: cmd.Reject,
    ev.WorkerCompleted: cmd.Complete,
    ev.WorkerFailed: cmd.Fail,
    ev.WorkerTimedOut: cmd.TimeOut,
    ev.WorkerCancelled: cmd.Cancel,
    ev.WorkerReset: cmd.Reset,
    ev.NoteAdded: cmd.AddNote,
    ev.Forked: cmd.Fork,
    ev.DispatcherStarted: cmd.StartDispatcher,
    ev.DispatcherStopped: cmd.StopDispatcher,
}


def _late(build: Build, event: ev.LateResultReceived) -> str | None:
    """A late result keeps less than was said, so it cannot be asked for again: its own rules are few."""
    worker = build.find(event.worker)
    if worker is None:
        return f"Worker '{event.worker}' not found"
    if not 1 <= event.attempt <= worker.attempts:
        return f"worker '{worker.id}' has no attempt {event.attempt}; its latest is {worker.attempts}"
    if event.attempt == worker.current:
        return f"attempt {event.attempt} of worker '{worker.id}' is not over: its result is not late"
    if event.attempt in worker.late:
        return f"a late result of attempt {event.attempt} of worker '{worker.id}' is there already"
    return None


def _difference(made: ev.KnownEvent, event: ev.KnownEvent) -> str | None:
    """Returns in what `event` differs from the one that would have been made."""
    if type(made) is not type(event):
        return f"a {ev.tag_of(made)} would have been recorded"
    for name in event.__struct_fields__:
        ours, theirs = getattr(made, name), getattr(event, name)
        if ours != theirs and not (isinstance(ours, msgspec.Raw) and _same_json(ours, theirs)):
            return f"its {name} is {_short(theirs)}, not {_short(ours)}"
    return None


def _same_json(ours: msgspec.Raw, theirs: msgspec.Raw) -> bool:
    return bool(msgspec.json.decode(ours) == msgspec.json.decode(theirs))


def _short(value: object) -> str:
    text = repr(bytes(value) if isinstance(value, msgspec.Raw) else value)
    return text if len(text) <= 80 else text[:77] + "..."
