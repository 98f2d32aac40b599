"""What dispatchers left behind that died: found, recorded as dead, their attempts taken over."""

from __future__ import annotations

from cli.clock import now, seconds_between
from cli.dispatch.attempts import Attempts
from cli.dispatch.briefing import Briefing
from cli.dispatch.presence import is_present
from cli.dispatch.runner import Outcome, Runner
from cli.project import Project
from projections.build import Attempt, Build, Worker


def dead_dispatchers(project: Project, build: Build, own: str) -> set[str]:
    """Returns the names of dispatchers that the log takes for running and that live no more."""
    return {name for name in build.dispatchers if name != own and not is_present(project, name)}


def take_over(
    project: Project, build: Build, briefing: Briefing, runner: Runner, attempts: Attempts, own: str
) -> list[Outcome]:
    """Takes the attempts of dead dispatchers in hand; returns the outcomes of those that have ended.

    Only attempts of the same kind of runner: no other knows how to find them.
    """
    present: dict[str, bool] = {own: True}
    outcomes = []
    for worker in build.workers:
        attempt = _dispatched(worker, runner.name)
        if attempt is None or attempt.dispatcher is None or (worker.id, attempt.number) in attempts:
            continue
        name = attempt.dispatcher
        if name not in present:
            present[name] = is_present(project, name)
        if present[name] and name != own:
            continue
        job = briefing.job(build, worker)
        timeout = attempt.timeout or briefing.settings[worker.id].timeout
        attempts.begin(job, timeout, seconds_between(attempt.started_at, now()))
        outcome = runner.recover(job)
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def _dispatched(worker: Worker, via: str) -> Attempt | None:
    """Returns the running attempt of a worker that a dispatcher spawned through the runner `via`."""
    attempt = worker.attempt
    if worker.status != "in_progress" or attempt is None or attempt.via != via:
        return None
    return attempt if attempt.number == worker.attempts else None
