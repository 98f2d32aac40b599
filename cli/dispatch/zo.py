"""The `zo` runner: every attempt is one question to an agent's HTTP API, its answer is the result.

The dispatcher's loop is synchronous. Behind this class one thread runs an event loop (asking.py) and
tells through a pipe that something has ended. What it needs is imported when a runner is made:
asyncio and aiohttp cost several times as much as a whole command.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli.dispatch.kept import Shelf
from cli.dispatch.runner import Job, Key, Outcome, Site
from cli.secrets import MASK, mask
from eventlog.errors import Refused

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

    from cli.dispatch.answer import Clean

DEFAULT_BASE = "https://api.zo.computer"
"""Where the API is, unless $ZO_API_URL says otherwise."""

JOBS = 5
"""Questions at once unless somebody asks for more: what the API is known to bear."""

_SHORTEST = 6  # a shorter token would be found inside ordinary words


class ZoRunner:
    """See Runner. Asks at most `jobs` things at once, fewer while the agent asks for it.

    Times in seconds, `largest` (the longest answer) in bytes; what they mean is said in agent.Terms.
    Raises Refused without a token that can be sent, or for an address that makes no sense.
    """

    name = "zo"

    def __init__(
        self,
        site: Site,
        *,
        jobs: int | None = None,
        tries: int = 10,
        knocks: int = 5,
        first_pause: float = 0.5,
        largest: int = 64 << 20,
        connect: float = 30.0,
        silence: float = 3600.0,
    ) -> None:
        token, url = _token(), _url()
        from concurrent.futures import Future

        from cli.dispatch.agent import Terms
        from cli.dispatch.asking import Asker

        self.jobs = jobs or site.jobs or JOBS
        self._shelf = Shelf(site)
        self._outcomes: deque[Outcome] = deque()
        self._url = url
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        terms = Terms(url, self.jobs, tries, knocks, first_pause, largest, connect, silence)
        self._asker = Asker(terms, self._shelf, _cleaner(token), self._report)
        ready: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(target=self._asker.run, args=(token, ready), name="zo", daemon=True)
        self._thread.start()
        self._loop = ready.result()

    def __repr__(self) -> str:
        return f"ZoRunner({self._url!r}, jobs={self.jobs})"

    @property
    def descriptor(self) -> int:
        """See Runner."""
        return self._reader

    def start(self, job: Job) -> None:
        """See Runner."""
        self._loop.call_soon_threadsafe(self._asker.ask, job)

    def collect(self) -> list[Outcome]:
        """See Runner."""
        # The pipe first: what comes after this makes it readable again.
        try:
            while os.read(self._reader, 65536):
                pass
        except BlockingIOError:
            pass
        return [self._outcomes.popleft() for _ in range(len(self._outcomes))]

    def _report(self, outcomes: list[Outcome]) -> None:
        """Hands outcomes over, from the other thread."""
        self._outcomes.extend(outcomes)
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            pass  # a full pipe is readable

    def abort(self, key: Key, *, force: bool) -> None:
        """See Runner. An HTTP request knows only one way to end."""
        self._loop.call_soon_threadsafe(self._asker.abort, key)

    def release(self, key: Key) -> None:
        """See Runner."""
        self._shelf.forget(key)

    def recover(self, job: Job) -> Outcome | None:
        """See Runner. A request dies with its dispatcher: either its answer was kept, or nobody knows."""
        lost = "its dispatcher died before an answer came; the agent may have done the work"
        return self._shelf.recall(job) or Outcome(*job.key, "failed", "lost", lost)

    def close(self) -> None:
        """See Runner. Requests on their way are given up, answers that have come are kept."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._asker.stop)
            self._thread.join()
        if self._reader >= 0:
            os.close(self._reader)
            os.close(self._writer)
            self._reader = self._writer = -1


def _token() -> str:
    token = os.environ.get("ZO_CLIENT_IDENTITY_TOKEN", "").strip()
    if not token:
        raise Refused(
            "no_token",
            "$ZO_CLIENT_IDENTITY_TOKEN is not set, and the agent answers nobody without it",
            hint="on Zo it is set for you; elsewhere export it, or use --via command",
        )
    if not (token.isascii() and token.isprintable()):
        raise Refused(
            "bad_token",
            "$ZO_CLIENT_IDENTITY_TOKEN holds characters that no HTTP header can carry",
            hint="it was probably pasted with a line break",
        )
    return token


def _url() -> str:
    base = os.environ.get("ZO_API_URL", "").strip() or DEFAULT_BASE
    try:
        parts = urlsplit(base)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, good = None, False
    if parts is None or not good or parts.username is not None or parts.query or parts.fragment:
        # It is not repeated: it may hold a password.
        raise Refused(
            "bad_url",
            "$ZO_API_URL is not the address of an API",
            hint=f"write it like {DEFAULT_BASE}: http or https, no user, nothing after ? or #",
        )
    return f"{base.rstrip('/')}/zo/ask"


def _cleaner(token: str) -> Clean:
    """Returns what masks known secrets, and the token as it was read even if the environment has changed.

    A closure, so that the token is no attribute that somebody's `repr` or debugger would show.
    """
    return lambda text: mask(text.replace(token, MASK) if len(token) >= _SHORTEST else text)
