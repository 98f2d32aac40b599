"""A pretended agent that speaks the API of the real one, on loopback: to try things, and to test them.

It misbehaves as often as it is told, and what it does to a request depends on the seed, the input
and how often that input has been asked, on nothing else. Its ledger says what it served.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import BinaryIO

import msgspec
from aiohttp import web
from msgspec import Struct

from eventlog.errors import Refused

GARBAGE = ("not_json", "not_an_object", "no_output", "error_as_output", "closed", "cut_off")
"""The kinds of nonsense, equally likely."""

HOST = "127.0.0.1"


class Manners(Struct, frozen=True):
    """How the agent behaves. The rates are shares of all requests, from 0 to 1; times in seconds."""

    seed: int = 0
    delay: float = 0.0
    busy: float = 0.0
    errors: float = 0.0
    timeouts: float = 0.0
    garbage: float = 0.0
    retry_after: float = 1.0
    limit: int | None = None


class Served(Struct, frozen=True):
    """One request and what became of it. `asked` is the SHA-256 of the input, `time` how often it had come.

    `fate`: `answered`, `busy`, `error`, `timeout`, one of GARBAGE, `limit` (too many at once),
    `unauthorized`, `bad_request`, or `gone` when the client did not wait for its answer.
    """

    number: int
    asked: str
    time: int
    fate: str
    conversation: str | None = None


def fate(manners: Manners, text: str, time: int) -> str:
    """Returns what becomes of an input that is asked for the `time`-th time."""
    digest = sha256(f"{manners.seed}\n{time}\n{text}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / 2**64
    for name, rate in (
        ("busy", manners.busy),
        ("error", manners.errors),
        ("timeout", manners.timeouts),
        ("garbage", manners.garbage),
    ):
        if drawn < rate:
            return name if name != "garbage" else GARBAGE[digest[8] % len(GARBAGE)]
        drawn -= rate
    return "answered"


class FakeAgent:
    """The agent: an application to be served, and its ledger."""

    def __init__(self, manners: Manners, ledger: BinaryIO | None = None) -> None:
        self.manners = manners
        self.served: list[Served] = []
        self.most_at_once = 0
        self._ledger = ledger
        self._times: Counter[str] = Counter()
        self._at_once = 0

    def app(self) -> web.Application:
        """Returns the application; it wants to be served with `handler_cancellation`."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/zo/ask", self._ask)
        app.router.add_get("/ledger", self._show)
        return app

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(self.served), content_type="application/json")

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._receive(request)
        finally:
            self._at_once -= 1

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        if not request.headers.get("authorization"):
            self._note("", 0, "unauthorized")
            return web.json_response({"detail": "no token"}, status=401)
        try:
            text = msgspec.json.decode(await request.read(), type=dict[str, str])["input"]
        except (msgspec.MsgspecError, KeyError):
            self._note("", 0, "bad_request")
            return web.json_response({"detail": "no input"}, status=422)
        asked = sha256(text.encode()).hexdigest()
        if self.manners.limit is not None and self._at_once > self.manners.limit:
            self._note(asked, self._times[asked], "limit")
            return self._busy()
        self._times[asked] += 1
        time = self._times[asked]
        decided = fate(self.manners, text, time)
        try:
            if decided == "timeout":
                await asyncio.Event().wait()
            await asyncio.sleep(self.manners.delay)
        except asyncio.CancelledError:
            self._note(asked, time, decided if decided == "timeout" else "gone")
            raise
        conversation = f"con_{asked[:12]}_{time}"
        self._note(asked, time, decided, conversation if decided == "answered" else None)
        return await self._respond(request, decided, text, conversation)

    async def _respond(
        self, request: web.Request, decided: str, text: str, conversation: str
    ) -> web.StreamResponse:
        answer = {"output": f"Done: {text[:200]}", "conversation_id": conversation}
        match decided:
            case "busy":
                return self._busy()
            case "error":
                return web.json_response({"detail": "something broke"}, status=500)
            case "not_json":
                return web.Response(text="<html>everything is fine</html>")
            case "not_an_object":
                return web.json_response(["fine"])
            case "no_output":
                return web.json_response({"conversation_id": conversation})
            case "error_as_output":
                return web.json_response(answer | {"output": "Error: the model is overloaded"})
            case "closed":
                _hang_up(request)
                return web.Response()
            case "cut_off":
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b'{"output": "I am about to')
                _hang_up(request)
                return response
        return web.json_response(answer)

    def _busy(self) -> web.Response:
        headers = {"Retry-After": f"{self.manners.retry_after:g}"}
        return web.json_response({"detail": "too many requests"}, status=429, headers=headers)

    def _note(self, asked: str, time: int, decided: str, conversation: str | None = None) -> None:
        served = Served(len(self.served) + 1, asked, time, decided, conversation)
        self.served.append(served)
        if self._ledger is not None:
            self._ledger.write(msgspec.json.encode(served) + b"\n")


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def serve(agent: FakeAgent, port: int, seconds: float | None, announce: Callable[[int], None]) -> None:
    """Serves until SIGTERM or SIGINT, or for so many seconds. `announce` is given the port once it is open.

    Raises Refused when the port cannot be had.
    """
    runner = web.AppRunner(agent.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        # A dispatcher opens hundreds of connections at once; those beyond the backlog would wait a second.
        try:
            await web.TCPSite(runner, HOST, port, backlog=4096).start()
        except OSError as error:
            raise Refused("port_taken", f"port {port} cannot be opened: {error.strerror}") from error
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        announce(runner.addresses[0][1])
        try:
            await asyncio.wait_for(told.wait(), seconds)
        except TimeoutError:
            pass
    finally:
        await runner.cleanup()
