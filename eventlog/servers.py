"""A connection to NATS servers, behind plain calls: its event loop lives in a thread of its own.

What is asked is asked again until it is answered or the patience is over: a cluster whose leader was
killed is silent for some seconds and then goes on. Whoever changes something has to see first
whether the change was made before it asks again; `Stream` does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from socket import gaierror
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from eventlog.errors import Refused, ServersAway, StorageFailed

if TYPE_CHECKING:
    from nats.aio.client import Client

T = TypeVar("T")
Say = Callable[[str], None]

ANSWER_WITHIN = 2.0
"""Seconds after which a question counts as lost and is asked again."""

_CONNECT_WITHIN = 5.0
_SAY_AFTER = 1.0
_PAUSE = 0.1
_IN_CLEAR = "it speaks no TLS, and nothing secret was sent to it"


class Silent(Exception):
    """No answer, or one that says "not now": the question may be asked again."""


@contextmanager
def answered_or_silent() -> Iterator[None]:
    """Makes Silent of what the client raises when a connection or an answer is lost."""
    from nats.errors import Error

    try:
        yield
    except (Error, OSError, TimeoutError) as error:
        raise Silent(_why(error)) from error


def _why(error: Exception) -> str:
    """Returns what a person can do something with, of what the client or the system said."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, gaierror):
        return "no host of that name was found"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error).removeprefix("nats: ") or type(error).__name__


class Address:
    """Where a log lies: `nats://[user:password@]host[:port][,host...][/stream]`, `tls://` for TLS.

    `shown` is what may be printed: without the secrets. Raises Refused when it is none.
    """

    def __init__(self, text: str) -> None:
        scheme, there, rest = text.partition("://")
        hosts, _, self.stream = rest.partition("/")
        self.stream = self.stream or "builds"
        hosts_of = [host.strip() for host in hosts.split(",") if host.strip()]
        if scheme not in ("nats", "tls") or not there or not hosts_of or not _is_token(self.stream):
            raise Refused(
                "bad_address",
                "the address of the log is not of the form nats://HOST[:PORT][,HOST...][/STREAM]",
                hint="for example nats://127.0.0.1:4222; tls:// for servers with TLS",
            )
        user, at, _ = hosts_of[0].rpartition("@")
        self.urls = [f"{scheme}://{host if '@' in host else user + at + host}" for host in hosts_of]
        try:
            named = [urlsplit(url) for url in self.urls]
            self.hosts = [(url.hostname or "", url.port or 4222) for url in named]
        except ValueError:  # which names what it cannot read, and that may be a piece of the password
            raise _unreadable() from None
        if (not at and any("@" in host for host in hosts_of)) or any(not host for host, _ in self.hosts):
            raise _unreadable()
        place = "" if self.stream == "builds" else f"/{self.stream}"
        self.shown = f"{scheme}://{','.join(f'{host}:{port}' for host, port in self.hosts)}{place}"


def _unreadable() -> Refused:
    return Refused(
        "bad_address",
        "the hosts and ports in the address of the log cannot be read",
        hint="a password with , / ? # [ or ] in it does not fit into an address: choose another",
    )


def _is_token(name: str) -> bool:
    return 0 < len(name) <= 64 and name.replace("-", "").replace("_", "").isalnum() and name.isascii()


class Servers:
    """The servers at `address`. Nothing is imported, started or connected before the first call.

    `credentials` is the path of a NATS credentials file. `patience` in seconds; `say` is told when
    an answer takes longer than a second. Raises ServersAway, from every call, when nobody answers.
    """

    def __init__(
        self,
        address: Address,
        *,
        credentials: str | None = None,
        patience: float = 20.0,
        say: Say = lambda _: None,
    ) -> None:
        self.address = address
        self.patience = patience
        self._credentials = credentials
        self._say = say
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._owner = 0

    def twin(self) -> Servers:
        """Returns another connection to the same servers, which says nothing."""
        return Servers(self.address, credentials=self._credentials, patience=self.patience)

    def run(self, task: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the loop and returns what it returns."""
        return asyncio.run_coroutine_threadsafe(task, self._running_loop()).result()

    def start(self, task: Coroutine[Any, Any, None]) -> Callable[[], None]:
        """Starts a coroutine that goes on by itself; returns what cancels it and waits for its end."""

        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(task)

        async def end() -> None:
            while not running.done():
                running.cancel()  # once may not do: wait_for of Python 3.11 can swallow it
                await asyncio.wait([running], timeout=0.1)
            if not running.cancelled():
                running.exception()

        running = self.run(begin())
        return lambda: self.run(end())

    async def client(self) -> Client:
        """Returns the connection; a new one where there is none any more. Raises Silent."""
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                self._client = await self._connect()
            return self._client

    async def ask(self, question: Callable[[Client], Awaitable[T]], *, patience: float | None = None) -> T:
        """Asks until there is an answer; raises ServersAway after `patience` seconds (default: ours)."""
        began, told = monotonic(), False
        patience = self.patience if patience is None else patience
        while True:
            try:
                return await question(await self.client())
            except Silent as silence:
                await self.leave()
                waited = monotonic() - began
                if waited > patience:
                    raise self.away(str(silence)) from None
                if waited > _SAY_AFTER and not told:
                    told = True
                    self._say(
                        f"{self.address.shown} does not answer ({silence}); trying again for {patience:g} s"
                    )
                await asyncio.sleep(_PAUSE)

    def away(self, reason: str) -> ServersAway:
        """Returns the error that says that the servers do not answer."""
        return ServersAway(f"{self.address.shown} does not answer: {reason}")

    def close(self) -> None:
        """Ends the connection; the next call makes a new one."""
        loop, self._loop = self._loop, None
        if loop is not None and self._owner == os.getpid():
            asyncio.run_coroutine_threadsafe(self.leave(), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(5)
            loop.close()

    async def leave(self) -> None:
        """Ends the connection. The next one may meet another server: this one may be cut off."""
        client, self._client = self._client, None
        if client is not None:
            await _close(client)

    async def _connect(self) -> Client:
        client = _client_class()()
        from nats.errors import Error as NatsError
        from nats.errors import NoServersError

        errors: list[Exception] = []

        async def note(error: Exception) -> None:
            """Those of the connection; later ones come out of the calls that need it."""
            errors.append(error)

        connecting = client.connect(
            servers=self.address.urls,
            name="build-orchestrator",
            user_credentials=self._credentials,
            connect_timeout=2,
            allow_reconnect=False,  # we do, and look first what became of what was asked
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            ping_interval=10,
            max_outstanding_pings=2,
            error_cb=note,
        )
        with answered_or_silent():
            try:
                # However many servers there are to try, and whatever a handshake waits for.
                await asyncio.wait_for(connecting, _CONNECT_WITHIN)
            except Exception as error:
                await _close(client)
                if (refusal := self._refusal([*errors, error])) is not None:
                    raise refusal from None
                if isinstance(error, NoServersError) and errors:
                    error = errors[-1]  # which says why
                if isinstance(error, OSError | TimeoutError | NatsError):
                    raise error from None
                # The client takes on trust what whoever answers says at first.
                raise Silent(f"it does not speak as NATS does ({type(error).__name__})") from None
            if type(client.max_payload) is not int:
                await _close(client)
                raise Silent("it does not speak as NATS does")
        return client

    def _refusal(self, errors: list[Exception]) -> StorageFailed | None:
        """Returns the error for servers that are there and do not let us in, None for all other reasons."""
        for error in errors:
            said = str(error)
            verdict = "is not used" if said == _IN_CLEAR else "refused us"
            if said == _IN_CLEAR:
                hint = "set TLS up in every server, or write nats:// where nobody else reads the network"
            elif "certificate" in said.lower():
                hint = "name the certificate of who signed theirs in the variable SSL_CERT_FILE"
            elif "timeout" in said.lower():
                continue  # a busy server says "authentication timeout" to who is entitled
            elif "authorization" in said.lower() or "authentication" in said.lower():
                hint = "give user and password in the address, or a credentials file in BO_NATS_CREDS"
            elif self._credentials is not None and isinstance(error, FileNotFoundError | PermissionError):
                hint = "BO_NATS_CREDS names a file that cannot be read"
            else:
                continue
            return StorageFailed(f"{self.address.shown} {verdict}: {said}", hint=hint)
        return None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._owner != os.getpid():
            self._loop, self._client, self._owner = asyncio.new_event_loop(), None, os.getpid()
            self._connecting = asyncio.Lock()
            # What the client's own tasks stumble over ends their connection, and is nothing to print.
            self._loop.set_exception_handler(lambda *_: None)
            self._thread = Thread(target=self._loop.run_forever, name="nats", daemon=True)
            self._thread.start()
        return self._loop


async def _close(client: Client) -> None:
    """Closes a connection, or what there is of one that was not made."""
    with suppress(Silent), answered_or_silent():
        await asyncio.wait_for(client.close(), 1.0)  # of a failed handshake it would wait for ever
    await asyncio.sleep(0)  # what was cancelled ends in the next turn


def _client_class() -> type[Client]:
    # The client imports aiohttp for WebSockets, where it is installed, which takes longer than all the rest.
    hide = "aiohttp" not in sys.modules
    if hide:
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
    try:
        from nats.aio.client import Client
    except ImportError:
        raise Refused(
            "extra_missing",
            "a log on NATS needs the package nats-py",
            hint="install the extra: pip install 'build-orchestrator[nats]'",
        ) from None
    finally:
        if hide:
            del sys.modules["aiohttp"]

    from nats.errors import Error

    class TlsWhereAskedFor(Client):
        """Ends at a server without TLS behind tls://, where the client would send the password in clear."""

        async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
            server = self._current_server
            wanted = initial_connection and server is not None and server.uri.scheme == "tls"
            if wanted and info.get("tls_required") is not True:
                raise Error(_IN_CLEAR)  # before CONNECT, which has the secrets
            await super()._process_info(info, initial_connection)

    return TlsWhereAskedFor
