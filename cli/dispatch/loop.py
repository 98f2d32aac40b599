"""The dispatcher's loop: ready against running, within a budget, everything recorded before it is true.

One turn: fold what others wrote, take the runner's outcomes, decide results and spawns together,
append them with one sync, and only then start what was spawned. A dispatcher is only another caller
of `handle`: what it meant is in the log, what was done lies on disk, and the next one goes on from
there when this one dies.
"""

from __future__ import annotations

import math
import os
import secrets
import select
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from time import monotonic

from cli.dispatch.attempts import Attempts, result
from cli.dispatch.briefing import Briefing
from cli.dispatch.observer import LOOK_EVERY, Observer
from cli.dispatch.policy import Breaker, Policy
from cli.dispatch.presence import Presence
from cli.dispatch.publisher import Publisher
from cli.dispatch.queue import ReadyQueue
from cli.dispatch.runner import Outcome, Runner
from cli.dispatch.stopping import Stopping
from cli.dispatch.takeover import Roll, at_work, dead_dispatchers, orphaned_retries, take_leftovers, take_over
from cli.handle import Handler
from eventlog.errors import Refused
from eventlog.events import WorkerFailed, WorkerReset, WorkerSpawned, WorkerTimedOut
from eventlog.store import Waker
from projections import commands as cmd
from projections.build import Build, Worker


class Dispatcher:
    """Dispatches one project with one runner until nothing more can run."""

    def __init__(
        self,
        handler: Handler,
        runner: Runner,
        briefing: Briefing,
        *,
        jobs: int,
        policy: Policy,
        only: frozenset[str] | None = None,
        observer: Observer | None = None,
        name: str | None = None,
        host_jobs: int | None = None,
        lease: float | None = None,
    ) -> None:
        self.name = name or new_name()
        self.breaker = Breaker(policy)
        self._handler = handler
        handler.patience = math.inf  # whoever was faster has got on with the build
        self._project = handler.project
        self._runner = runner
        self._briefing = briefing
        self._jobs = jobs
        self._host = os.uname().nodename
        self._host_jobs = host_jobs
        self._policy = policy
        self._only = only
        self._observer = observer or Observer()
        self._queue = ReadyQueue(only)
        self._attempts = Attempts()
        self._retries: dict[str, float] = {}
        self._publisher = Publisher(self._project)
        self._stopping = Stopping()
        self._presence = Presence(self._project, self.name, lasts=lease, stop=self._stopping.ask)
        self._looked = 0.0
        self._torn = -1

    def run(self) -> None:
        """Dispatches until nothing more can run, or until it is told to stop; the log is true either way."""
        with (
            self._stopping as stopping,
            self._presence,
            self._project.store.watch() as watch,
            closing(self._runner),
        ):
            self._notice(self._handler.build)
            self._record(lambda _: [self._started()])
            self._loop(watch, stopping)
            reason = "stopped" if stopping.requests else self.breaker.open_because or "nothing more can run"
            self._record(lambda _: [cmd.StopDispatcher(dispatcher=self.name, reason=reason)])
            self._publisher.publish(self._handler, now=True)

    def _started(self) -> cmd.StartDispatcher:
        return cmd.StartDispatcher(
            dispatcher=self.name,
            host=self._host,
            pid=os.getpid(),
            via=self._runner.name,
            jobs=self._jobs,
        )

    def _loop(self, watch: Waker, stopping: Stopping) -> None:
        while True:
            told = self._look_around() + self._runner.collect()
            ended = {outcome.key: outcome for outcome in told if outcome.key in self._attempts}
            if stopping.requests > 1:
                self._attempts.end_all(self._runner, self._policy.grace, ended.keys())
            self._attempts.end_overdue(self._runner, self._policy.grace, ended.keys())
            self._settle(list(ended.values()), stopping.requests > 0)
            self._publisher.publish(self._handler)
            self._observer.turned(self._handler.build)
            if self._is_done(stopping.requests > 0):
                return
            watch.drain()
            if not self._has_news():
                pause = self._pause(stopping.requests > 0)
                _wait([self._runner.descriptor, stopping.descriptor, watch.descriptor], pause)
            if stopping.drain():
                self._observer.stopping(stopping.requests)

    def _pause(self, stopping: bool) -> float:
        """Returns the seconds until something is due. A retry is only while there is a place for it."""
        has_place = len(self._attempts) < self._jobs and not stopping and self.breaker.open_because is None
        retries = self._retries.values() if has_place else ()
        publishing = self._publisher.due(self._handler)
        wait = min(self._attempts.next_deadline(), *retries, publishing) - monotonic()
        return max(0.0, min(wait, LOOK_EVERY, self._observer.every))

    # --- what others do

    def _look_around(self) -> list[Outcome]:
        """Folds what others wrote; once a second looks after dead dispatchers and takes over from them."""
        if self._has_news():
            self._torn = self._log_size()
            self._handler.refresh()
            self._notice(self._handler.build)
        if monotonic() - self._looked < LOOK_EVERY:
            return []
        first, self._looked, self._torn = not self._looked, monotonic(), -1
        build, roll = self._handler.build, Roll(self._presence, self.name)
        outcomes = take_over(build, self._briefing, self._runner, self._attempts, roll)
        if first and self._project.remote is not None:
            scratch = self._project.path(".bo", "run")
            outcomes += take_leftovers(scratch, build, self._briefing, self._runner, self._attempts)
            self._attempts.end_superseded(build, self._runner, self._policy.grace)
        for name in orphaned_retries(build, roll):
            if self._is_wanted(name):
                self._retries.setdefault(name, monotonic() + self._policy.retry_delay)
        dead = dead_dispatchers(build, roll)
        if dead:
            self._record(
                lambda _: [cmd.StopDispatcher(dispatcher=name, reason="found dead") for name in sorted(dead)]
            )
        if self.name not in self._handler.build.dispatchers:
            # We were taken for dead while we could not be heard.
            self._record(lambda _: [self._started()])
        in_hand = {running.heir_of for running in self._attempts.values() if running.heir_of}
        self._presence.stand_in(dead, in_hand, at_work(self._handler.build))
        return outcomes

    def _has_news(self) -> bool:
        """Whether the log's size is another than we know of; a torn tail, which stays, is no news twice."""
        return self._log_size() not in (self._handler.head.offset, self._torn)

    def _log_size(self) -> int:
        return os.stat(self._project.store.path).st_size

    def _notice(self, build: Build) -> None:
        """Takes note of what others have done to the build."""
        if self._briefing.read(build):
            self._queue.rebuild(build, self._briefing.priorities)
        else:
            self._queue.refill(build)
        self._retries = {
            name: moment for name, moment in self._retries.items() if build.index[name] in build.retrying
        }
        self._attempts.end_superseded(build, self._runner, self._policy.grace)

    def _is_wanted(self, worker: str) -> bool:
        return self._only is None or worker in self._only

    # --- deciding

    def _settle(self, outcomes: list[Outcome], stopping: bool) -> None:
        """Records how attempts ended, and in the same step spawns what may run now."""
        breaker = self.breaker

        def decide(build: Build) -> Iterator[cmd.AnyCommand]:
            # Results first: what is spawned follows from the build as these have left it.
            nonlocal breaker
            breaker = self.breaker
            for outcome in outcomes:
                worker, command = self._result(build, outcome)
                if command is not None:
                    yield command
                    self._queue.add(build, build.dependents[build.index[worker.id]])
                    breaker = _after(breaker, build, worker, outcome)
            if not stopping and breaker.open_because is None:
                yield from self._spawns(build, self._places(build, len(outcomes)))

        self._record(decide)
        self.breaker = breaker
        for outcome in outcomes:
            self._attempts.pop(outcome.key, None)
            self._runner.release(outcome.key)

    def _places(self, build: Build, ended: int) -> int:
        """Returns how many may be spawned now that `ended` of ours have."""
        free = self._jobs - len(self._attempts) + ended
        if self._host_jobs is not None:
            free = min(free, self._host_jobs - build.hosts.get(self._host, 0))
        return free

    def _result(
        self, build: Build, outcome: Outcome
    ) -> tuple[Worker, cmd.Complete | cmd.Fail | cmd.TimeOut | None]:
        worker = build.workers[build.index[outcome.worker]]
        running, settings = self._attempts[outcome.key], self._briefing.settings[outcome.worker]
        return worker, result(self._project.folder, worker, running, outcome, settings, self._policy)

    def _spawns(self, build: Build, free: int) -> Iterator[cmd.AnyCommand]:
        """Yields what to spawn in `free` places: what is to be tried again by now, then what is ready."""
        due = [name for name, moment in self._retries.items() if moment <= monotonic()]
        for name in due[: max(free, 0)]:
            yield cmd.Reset(worker=name, reason="retry", retry=True)
            yield self._spawn(name)
        free -= len(due)
        while free > 0 and (ready := self._queue.take(build)) is not None:
            yield self._spawn(ready.id)
            free -= 1

    def _spawn(self, worker: str) -> cmd.Spawn:
        timeout = self._briefing.settings[worker].timeout
        return cmd.Spawn(worker=worker, via=self._runner.name, dispatcher=self.name, timeout=timeout)

    # --- recording

    def _record(self, commands: Callable[[Build], Iterable[cmd.AnyCommand]]) -> None:
        """Makes what is decided durable, then starts what was spawned and notes when to try again."""
        asked = False

        def ask(build: Build) -> Iterable[cmd.AnyCommand]:
            nonlocal asked
            if asked:
                self._notice(build)  # others were faster, and their events are folded now
            asked = True
            return commands(build)

        settled = self._handler.handle_each(ask)
        events = [event for made in settled if not isinstance(made.events, Refused) for event in made.events]
        build = self._handler.build
        for event in events:
            match event:
                case WorkerSpawned():
                    job = self._briefing.job(build, build.workers[build.index[event.worker]])
                    self._attempts.begin(job, event.timeout or 0.0)
                    self._runner.start(job)
                case WorkerReset():
                    self._retries.pop(event.worker, None)
                case WorkerFailed() | WorkerTimedOut() if event.retry_in is not None:
                    self._retries[event.worker] = monotonic() + event.retry_in
                case _:
                    pass
        if events:
            self._observer.happened(events, build)

    # --- ending

    def _is_done(self, stopping: bool) -> bool:
        if self._attempts:
            return False
        if stopping or self.breaker.open_because:
            return True
        return not self._retries and not self._queue and not self._others_go_on()

    def _others_go_on(self) -> bool:
        """Whether others go on with what we want or wait for, or died and are taken over at the next look."""
        build = self._handler.build
        waiting = any(worker.status == "pending" and self._is_wanted(worker.id) for worker in build.workers)
        return any(
            self._goes_on(worker)
            for place, worker in enumerate(build.workers)
            if (worker.status == "in_progress" or place in build.retrying)
            and (waiting or self._is_wanted(worker.id))
        )

    def _goes_on(self, worker: Worker) -> bool:
        attempt = worker.attempt
        if attempt is None or attempt.dispatcher is None:
            return False
        ours = (
            attempt.via == self._runner.name if worker.status == "in_progress" else self._is_wanted(worker.id)
        )
        return ours or self._presence.is_alive(attempt.dispatcher)


def _after(breaker: Breaker, build: Build, worker: Worker, outcome: Outcome) -> Breaker:
    """Returns the breaker after a result, which was no result of now if it came late."""
    if worker.attempts != outcome.attempt or not outcome.began:
        return breaker
    if worker.status == "completed":
        return breaker.after_success()
    if worker.status in ("failed", "timed_out"):
        return breaker.after_failure(worker.id, final=build.index[worker.id] not in build.retrying)
    return breaker


def _wait(descriptors: list[int], seconds: float) -> None:
    poll = select.poll()  # not `select`: that one knows no descriptor above 1023
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    poll.poll(math.ceil(seconds * 1000))


def new_name() -> str:
    """Returns a name for a dispatcher that no other has."""
    return f"d{secrets.token_hex(4)}"
