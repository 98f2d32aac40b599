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
from time import monotonic

from cli.dispatch.attempts import Attempts, result
from cli.dispatch.briefing import Briefing
from cli.dispatch.policy import Breaker, Policy
from cli.dispatch.presence import Presence, is_present
from cli.dispatch.queue import ReadyQueue
from cli.dispatch.runner import Outcome, Runner
from cli.dispatch.stopping import Stopping
from cli.dispatch.takeover import dead_dispatchers, take_over
from cli.handle import Handler
from cli.publish import publish
from eventlog.errors import Refused
from eventlog.events import KnownEvent, WorkerCompleted, WorkerFailed, WorkerSpawned, WorkerTimedOut
from eventlog.watch import Watch
from projections import commands as cmd
from projections.build import Build

PUBLISH_EVERY = 0.5
"""Seconds between two renderings of plan.json and README.md while the loop runs."""

LOOK_EVERY = 1.0
"""Seconds after which the loop looks around even if nothing happens: after dead dispatchers, mostly."""


class Observer:
    """Is told what happens. This one says nothing."""

    every: float = LOOK_EVERY
    """Seconds after which it wants another turn even if nothing happens."""

    def happened(self, events: list[KnownEvent], build: Build) -> None:
        """These events are durable and folded into `build`."""

    def turned(self, build: Build) -> None:
        """The loop has turned."""


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
    ) -> None:
        self.name = name or new_name()
        self.breaker = Breaker(policy)
        self._handler = handler
        self._project = handler.project
        self._runner = runner
        self._briefing = briefing
        self._jobs = jobs
        self._policy = policy
        self._only = only
        self._observer = observer or Observer()
        self._queue = ReadyQueue(only)
        self._attempts = Attempts()
        self._retries: dict[str, float] = {}
        self._results_seq = self._texts_seq = 0
        self._texts_at = self._texts_cost = 0.0
        self._looked = 0.0
        self._asked = False

    def run(self) -> None:
        """Dispatches until nothing more can run, or until it is told to stop; the log is true either way."""
        presence = Presence(self._project, self.name)
        presence.enter()
        try:
            self._briefing.read(self._handler.build)
            self._queue.rebuild(self._handler.build, self._briefing.priorities)
            self._resume_retries(self._handler.build)
            self._record(lambda _: [self._started()])
            with Watch(self._project.store.path) as watch, Stopping() as stopping:
                self._loop(watch, stopping)
            reason = "stopped" if stopping.requests else self.breaker.open_because or "nothing more can run"
            self._record(lambda _: [cmd.StopDispatcher(dispatcher=self.name, reason=reason)])
            self._publish(texts=True)
        finally:
            self._runner.close()
            presence.leave()

    def _started(self) -> cmd.StartDispatcher:
        return cmd.StartDispatcher(
            dispatcher=self.name,
            host=os.uname().nodename,
            pid=os.getpid(),
            via=self._runner.name,
            jobs=self._jobs,
        )

    def _loop(self, watch: Watch, stopping: Stopping) -> None:
        while True:
            outcomes = self._look_around()
            if stopping.requests > 1:
                self._attempts.end_all(self._runner, self._policy.grace)
            self._attempts.end_overdue(self._runner, self._policy.grace)
            outcomes += self._runner.collect()
            self._asked = False
            self._record(lambda build: self._commands(build, outcomes, stopping.requests > 0))  # noqa: B023
            for outcome in outcomes:
                self._attempts.pop(outcome.key, None)
                self._runner.release(outcome.key)
            self._publish(texts=False)
            self._observer.turned(self._handler.build)
            if self._is_done(stopping.requests > 0):
                return
            watch.drain()
            if self._log_size() == self._handler.head.offset:
                _wait([self._runner.descriptor, stopping.descriptor, watch.descriptor], self._pause())
            stopping.drain()

    def _pause(self) -> float:
        wait = min(self._attempts.next_deadline(), *self._retries.values(), float("inf")) - monotonic()
        return max(0.0, min(wait, LOOK_EVERY, self._observer.every))

    # --- what others do

    def _look_around(self) -> list[Outcome]:
        """Folds what others wrote; once a second looks after dead dispatchers and takes over from them."""
        build = self._handler.build
        if self._log_size() != self._handler.head.offset:
            self._handler.refresh()
            build = self._handler.build
            if self._briefing.read(build):
                self._queue.rebuild(build, self._briefing.priorities)
            else:
                self._queue.refill(build)
            self._attempts.end_superseded(build, self._runner, self._policy.grace)
        if monotonic() - self._looked < LOOK_EVERY:
            return []
        self._looked = monotonic()
        outcomes = take_over(self._project, build, self._briefing, self._runner, self._attempts, self.name)
        dead = dead_dispatchers(self._project, build, self.name)
        if dead:
            self._record(
                lambda _: [cmd.StopDispatcher(dispatcher=name, reason="found dead") for name in dead]
            )
        return outcomes

    def _log_size(self) -> int:
        return os.stat(self._project.store.path).st_size

    def _resume_retries(self, build: Build) -> None:
        """A dispatcher that died while it waited to try again has left that to us."""
        for place in build.retrying:
            if self._only is None or build.workers[place].id in self._only:
                self._retries[build.workers[place].id] = monotonic() + self._policy.retry_delay

    # --- deciding

    def _commands(self, build: Build, outcomes: list[Outcome], stopping: bool) -> Iterator[cmd.AnyCommand]:
        """Yields results first, and then, from the build as these have left it, what is to be spawned."""
        if self._asked:
            self._queue.refill(build)  # others were faster: what was taken out was not spawned
        self._asked = True
        for outcome in outcomes:
            worker, running = build.find(outcome.worker), self._attempts.get(outcome.key)
            if worker is None or running is None:
                continue
            settings = self._briefing.settings[worker.id]
            command = result(self._project.folder, worker, running, outcome, settings, self._policy)
            if command is not None:
                yield command
                self._queue.add(build, worker.dependents)
        if stopping or self.breaker.open_because:
            return
        free = self._jobs - len(self._attempts) + len(outcomes)
        due = [name for name, moment in self._retries.items() if moment <= monotonic()]
        for name in due[: max(free, 0)]:
            del self._retries[name]
            yield cmd.Reset(worker=name, reason="retry", retry=True)
            yield self._spawn(name)
            free -= 1
        while free > 0 and (ready := self._queue.take(build)) is not None:
            yield self._spawn(ready.id)
            free -= 1

    def _spawn(self, worker: str) -> cmd.Spawn:
        timeout = self._briefing.settings[worker].timeout
        return cmd.Spawn(worker=worker, via=self._runner.name, dispatcher=self.name, timeout=timeout)

    # --- recording

    def _record(self, commands: Callable[[Build], Iterable[cmd.AnyCommand]]) -> None:
        """Makes what is decided durable, then starts what was spawned and notes what has ended."""
        settled = self._handler.handle_each(commands)
        events = [event for made in settled if not isinstance(made.events, Refused) for event in made.events]
        build = self._handler.build
        for event in events:
            match event:
                case WorkerSpawned():
                    worker = build.workers[build.index[event.worker]]
                    job = self._briefing.job(build, worker)
                    self._attempts.begin(job, event.timeout or 0.0)
                    self._runner.start(job)
                case WorkerCompleted():
                    self.breaker.succeeded()
                case WorkerFailed() | WorkerTimedOut():
                    self.breaker.failed(event.worker, final=event.retry_in is None)
                    if event.retry_in is not None:
                        self._retries[event.worker] = monotonic() + event.retry_in
                case _:
                    pass
        if events:
            self._observer.happened(events, build)

    def _publish(self, *, texts: bool) -> None:
        """The results at once; the texts, which cost the plan's size, when it is time for them."""
        began = monotonic()
        texts = texts or began - self._texts_at > max(PUBLISH_EVERY, 20 * self._texts_cost)
        head = self._handler.head
        if head.seq == (self._texts_seq if texts else self._results_seq):
            return
        publish(self._project, self._handler.build, head, texts=texts)
        self._results_seq = head.seq
        if texts:
            self._texts_seq, self._texts_at, self._texts_cost = head.seq, monotonic(), monotonic() - began

    # --- ending

    def _is_done(self, stopping: bool) -> bool:
        if self._attempts:
            return False
        if stopping or self.breaker.open_because:
            return True
        return not self._retries and not self._queue and not self._others_may_unblock()

    def _others_may_unblock(self) -> bool:
        """Whether other dispatchers run workers while some of ours wait."""
        build = self._handler.build
        waiting = (
            w for w in build.workers if w.status == "pending" and (not self._only or w.id in self._only)
        )
        if next(waiting, None) is None:
            return False
        others = {
            w.attempt.dispatcher
            for w in build.workers
            if w.status == "in_progress" and w.attempt is not None and w.attempt.dispatcher is not None
        }
        return any(name != self.name and is_present(self._project, name) for name in others)


def _wait(descriptors: list[int], seconds: float) -> None:
    poll = select.poll()  # not `select`: that one knows no descriptor above 1023
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    poll.poll(math.ceil(seconds * 1000))


def new_name() -> str:
    """Returns a name for a dispatcher that no other has."""
    return f"d{secrets.token_hex(4)}"
