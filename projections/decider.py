"""decide(build, command, now, actor): the events that a command makes, or a refusal. All rules start here.

An empty list means that it is already so: saying the same thing twice is a success. A refusal has a
stable code, says what is the case and what can be done, and leaves no trace: `build` is never
changed here. The rules about single workers are in `worker_rules.py` and `result_rules.py`.
"""

from __future__ import annotations

from typing import assert_never

from eventlog import events as ev
from eventlog.errors import Refused
from projections import commands as cmd
from projections import plan_rules, result_rules, worker_rules
from projections.build import Build


def decide(build: Build, command: cmd.AnyCommand, now: str, actor: str) -> list[ev.KnownEvent]:
    """Returns the events of `command` (none: it is already so).

    `now` is a UTC text as in the events, `actor` who asks. Raises Refused, and InvalidPlan where
    the command brings a plan or a part of one.
    """
    if not isinstance(command, cmd.DefinePlan):
        require_plan(build)
    event: ev.KnownEvent | None
    match command:
        case cmd.DefinePlan():
            event = plan_rules.define(build, command, now, actor)
        case cmd.AmendPlan():
            event = plan_rules.amend(build, command, now, actor)
        case cmd.Spawn():
            event = worker_rules.spawn(build, command, now, actor)
        case cmd.Progress():
            event = worker_rules.progress(build, command, now, actor)
        case cmd.Submit():
            event = worker_rules.submit(build, command, now, actor)
        case cmd.Approve():
            event = worker_rules.approve(build, command, now, actor)
        case cmd.Reject():
            event = worker_rules.reject(build, command, now, actor)
        case cmd.Cancel():
            event = worker_rules.cancel(build, command, now, actor)
        case cmd.Reset():
            event = worker_rules.reset(build, command, now, actor)
        case cmd.Complete():
            event = result_rules.complete(build, command, now, actor)
        case cmd.Fail():
            event = result_rules.fail(build, command, now, actor)
        case cmd.TimeOut():
            event = result_rules.time_out(build, command, now, actor)
        case cmd.AddNote():
            if command.worker is not None:
                worker_rules.find(build, command.worker)
            event = ev.NoteAdded(time=now, actor=actor, text=command.text, worker=command.worker)
        case cmd.Fork():
            event = ev.Forked(
                time=now,
                actor=actor,
                build_id=command.build_id,
                origin=command.origin,
                origin_seq=command.origin_seq,
            )
        case cmd.StartDispatcher():
            event = ev.DispatcherStarted(
                time=now,
                actor=actor,
                dispatcher=command.dispatcher,
                host=command.host,
                pid=command.pid,
                via=command.via,
                jobs=command.jobs,
            )
        case cmd.StopDispatcher():
            known = command.dispatcher in build.dispatchers
            event = (
                ev.DispatcherStopped(
                    time=now, actor=actor, dispatcher=command.dispatcher, reason=command.reason
                )
                if known
                else None
            )
        case _:
            assert_never(command)
    return [] if event is None else [event]


def require_plan(build: Build) -> None:
    """Refuses a project whose log is empty: its first write was never acknowledged."""
    if not build.exists:
        raise Refused(
            "no_plan", "the project has no plan yet", hint="define one with `bo init --plan-file F`"
        )
