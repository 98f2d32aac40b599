"""The asynchronous half of the `zo` runner: one event loop, one session, one limiter, in one thread.

A request that may have reached the agent is never sent again from here: that could do the work
twice, so it is an outcome, and the dispatcher decides. Sent again are only requests that the agent
put off (429, 503) and those for which no connection came about.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import msgspec
from aiofiles.os import wrap
from msgspec import Struct

from cli.dispatch.agent import Terms, explain, is_unreached, open_session, post
from cli.dispatch.answer import BUSY, Clean, judge, quoted
from cli.dispatch.kept import Ended, Shelf
from cli.dispatch.limiter import Limiter, pause
from cli.dispatch.runner import Job, Key, Outcome


class _Asked(Struct):
    job: Job
    tries: int = 0
    knocks: int = 0


class _Reply(Struct, frozen=True):
    outcome: Outcome
    text: str | None = None
    busy: bool = False
    unreached: bool = False


class Asker:
    """Asks an agent, many things at once. Its methods belong to its loop's thread, but for `run`."""

    def __init__(
        self, terms: Terms, shelf: Shelf, clean: Clean, report: Callable[[list[Outcome]], None]
    ) -> None:
        self._terms = terms
        self._keep = wrap(shelf.keep)
        self._clean = clean
        self._report = report
        self._limiter = Limiter(terms.jobs)
        self._waiting: OrderedDict[Key, _Asked] = OrderedDict()
        self._running: dict[Key, asyncio.Task[_Reply]] = {}
        self._ended: list[Ended] = []
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False

    def run(self, token: str, ready: Future[asyncio.AbstractEventLoop]) -> None:
        """Runs until `stop`: the body of the thread. `ready` gets the loop as soon as it takes calls."""
        try:
            asyncio.run(self._main(token, ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _main(self, token: str, ready: Future[asyncio.AbstractEventLoop]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        async with open_session(self._terms, token) as self._session:
            ready.set_result(self._loop)
            await self._stopped.wait()
            self._closing = True
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            # An answer that has come is kept, for the next dispatcher to find.
            if self._writing is not None:
                await self._writing

    def stop(self) -> None:
        """Ends everything; requests on their way are given up."""
        self._stopped.set()

    def ask(self, job: Job) -> None:
        """Takes a job on; it is sent when the limiter allows it."""
        self._waiting[job.key] = _Asked(job)
        self._send()

    def abort(self, key: Key) -> None:
        """Gives a job up, unless its answer is there already."""
        if key in self._running:
            self._running[key].cancel()
        elif self._waiting.pop(key, None) is not None:
            self._report([Outcome(*key, "aborted")])

    def _send(self) -> None:
        """Sends whatever may be sent now, and comes back when more may be."""
        while self._waiting and not self._closing:
            wait = self._limiter.wait(self._loop.time())
            if wait is None:
                return
            if wait > 0:
                if self._timer is None:
                    self._timer = self._loop.call_later(wait, self._on_time)
                return
            key, asked = self._waiting.popitem(last=False)
            window = self._limiter.send()
            task = self._loop.create_task(self._ask(asked.job))
            self._running[key] = task
            task.add_done_callback(partial(self._done, asked, window))

    def _on_time(self) -> None:
        self._timer = None
        self._send()

    def _done(self, asked: _Asked, window: int, task: asyncio.Task[_Reply]) -> None:
        job = asked.job
        del self._running[job.key]
        if task.cancelled():
            self._limiter.left()
            if not self._closing:
                self._report([Outcome(*job.key, "aborted")])
        else:
            self._settle(asked, window, task.result())
        self._send()

    def _settle(self, asked: _Asked, window: int, reply: _Reply) -> None:
        outcome = reply.outcome
        if not (reply.busy or reply.unreached):
            if reply.text is not None:
                self._limiter.answered(window)
            else:
                self._limiter.left()  # a failure is no sign that the agent bears more
            self._finish(Ended(asked.job, outcome, reply.text))
            return
        asked.tries += reply.busy
        asked.knocks += reply.unreached
        seconds = pause(
            asked.tries + asked.knocks, outcome.again_in, random.random(), self._terms.first_pause
        )
        self._limiter.slowed(window, self._loop.time() + seconds)
        if asked.tries < self._terms.tries and asked.knocks < self._terms.knocks:
            self._waiting[asked.job.key] = asked
            self._waiting.move_to_end(asked.job.key, last=False)
            return
        outcome = msgspec.structs.replace(outcome, again_in=seconds)
        self._finish(Ended(asked.job, outcome, None))

    def _finish(self, ended: Ended) -> None:
        self._ended.append(ended)
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Keeps what has ended and tells it; what ends while the disk is busy goes together next."""
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                self._report(await self._keep(batch))
        finally:
            self._writing = None

    async def _ask(self, job: Job) -> _Reply:
        """Sends one request. Returns what came of it, whatever that is."""
        try:
            answer = await post(self._session, self._terms, job.assignment)
            outcome, text = judge(job.key, answer, self._clean)
            return _Reply(outcome, text, busy=answer.status in BUSY)
        except Exception as error:
            reason, what = explain(error)
            outcome = Outcome(*job.key, "failed", reason, quoted(what, self._clean))
            return _Reply(outcome, unreached=is_unreached(error))
