"""What dispatchers left behind that died: found, recorded as dead, their attempts taken over."""

from __future__ import annotations

import os

from msgspec.structs import replace

from cli.clock import now, seconds_between
from cli.dispatch.attempts import Attempts
from cli.dispatch.briefing import Briefing
from cli.dispatch.presence import Presence
from cli.dispatch.runner import Job, Outcome, Runner
from projections.build import RUNNING, Attempt, Build, Worker


class Roll:
    """Who lives, asked once each for as long as this object is used."""

    def __init__(self, presence: Presence, own: str) -> None:
        self._presence = presence
        self._known = {own: True}
        self.own = own

    def is_alive(self, name: str) -> bool:
        """Whether the dispatcher `name` lives, as far as that is known."""
        if name not in self._known:
            self._known[name] = self._presence.is_alive(name)
        return self._known[name]

    def is_elsewhere(self, name: str) -> bool:
        """Whether the dispatcher `name` was at work on another machine."""
        return name != self.own and self._presence.is_elsewhere(name)


def dead_dispatchers(build: Build, roll: Roll) -> set[str]:
    """Returns the names of dispatchers that the log takes for running and that live no more."""
    return {name for name in build.dispatchers if not roll.is_alive(name)}


def at_work(build: Build) -> set[str]:
    """Returns the names of the dispatchers whose attempts run, alive or dead."""
    attempts = [build.workers[place].attempt for place in build.running]
    return {attempt.dispatcher for attempt in attempts if attempt is not None and attempt.dispatcher}


def orphaned_retries(build: Build, roll: Roll) -> list[str]:
    """Returns the workers for which a dispatcher announced another try that lives no more."""
    orphans = []
    for place in build.retrying:
        worker = build.workers[place]
        by = worker.attempt.dispatcher if worker.attempt is not None else None
        if by is None or by not in build.dispatchers or not roll.is_alive(by):
            orphans.append(worker.id)
    return orphans


def take_over(
    build: Build, briefing: Briefing, runner: Runner, attempts: Attempts, roll: Roll
) -> list[Outcome]:
    """Takes the attempts of dead dispatchers in hand; returns the outcomes of those that have ended.

    Only attempts of the same kind of runner: no other knows how to find them. Those of another
    machine cannot be found from here: they are lost.
    """
    outcomes = []
    for worker in [build.workers[place] for place in sorted(build.running)]:
        attempt = _dispatched(worker, runner.name)
        if attempt is None or attempt.dispatcher is None or (worker.id, attempt.number) in attempts:
            continue
        if attempt.dispatcher != roll.own and roll.is_alive(attempt.dispatcher):
            continue
        job = briefing.job(build, worker)
        timeout = attempt.timeout or briefing.settings[worker.id].timeout
        lost = roll.is_elsewhere(attempt.dispatcher)
        heir_of = "" if lost or attempt.dispatcher == roll.own else attempt.dispatcher
        attempts.begin(job, timeout, seconds_between(attempt.started_at, now()), heir_of=heir_of)
        outcome = _lost(job, attempt.dispatcher) if lost else runner.recover(job)
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def take_leftovers(
    scratch: str, build: Build, briefing: Briefing, runner: Runner, attempts: Attempts
) -> list[Outcome]:
    """Takes in hand what is left here of attempts that others took for lost: ended now, or a late result.

    Returns the outcomes of those that have ended. `scratch` is where runners keep their lock files.
    """
    outcomes = []
    for file in sorted(os.listdir(scratch)) if os.path.isdir(scratch) else ():
        name, _, number = file.removesuffix(".lock").rpartition(".")
        worker = build.find(name)
        if worker is None or not file.endswith(".lock") or not number.isdigit() or len(number) > 9:
            continue
        attempt = int(number)
        current = attempt == worker.attempts and worker.status in RUNNING
        if current or not 0 < attempt <= worker.attempts or (name, attempt) in attempts:
            continue
        job = replace(briefing.job(build, worker), attempt=attempt, output=f"outputs/{name}.{attempt}.txt")
        attempts.begin(job, briefing.settings[name].timeout)
        outcome = runner.recover(job)
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def _lost(job: Job, dispatcher: str) -> Outcome:
    error = f"nothing was heard of its dispatcher {dispatcher} on another machine for a lease's time"
    return Outcome(*job.key, "failed", "lost", error)


def _dispatched(worker: Worker, via: str) -> Attempt | None:
    """Returns the running attempt of a worker that a dispatcher spawned through the runner `via`."""
    attempt = worker.attempt
    if worker.status != "in_progress" or attempt is None or attempt.via != via:
        return None
    return attempt if attempt.number == worker.attempts else None
