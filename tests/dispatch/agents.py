"""Real agents on loopback for the `zo` runner: applications, and raw sockets that break the rules."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from cli.dispatch.runner import Job, Outcome
from cli.dispatch.zo import ZoRunner

TOKEN = "canary-7f3a9c51e2"
"""Found in no file, message or `repr` after any test."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def job(worker: str = "w1", attempt: int = 1, assignment: str = "do it") -> Job:
    return Job(worker, attempt, assignment, (), {}, f"outputs/{worker}.{attempt}.md")


class Agent:
    """An application whose one route is a handler. `asked` holds the inputs that arrived, in order."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.asked.append((await request.json())["input"])
        return await self.handler(request)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/zo/ask", self._ask)
        return app


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serves an application; yields its address."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class RawAgent:
    """Reads one whole request from each connection, says `answer`, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            self.requests += 1
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_served(agent: RawAgent) -> AsyncIterator[str]:
    """Serves a raw agent; yields its address."""
    server = await asyncio.start_server(agent, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def readable(descriptor: int) -> None:
    """Waits, as the dispatcher's loop does, until a descriptor has something to read."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)


async def outcomes(runner: ZoRunner, count: int) -> dict[str, Outcome]:
    """Returns the outcomes of that many workers, each told once."""
    told: dict[str, Outcome] = {}
    async with asyncio.timeout(30):
        while len(told) < count:
            await readable(runner.descriptor)
            for outcome in runner.collect():
                assert outcome.worker not in told
                told[outcome.worker] = outcome
    return told


async def outcome(runner: ZoRunner) -> Outcome:
    """Returns the one outcome that comes."""
    (only,) = (await outcomes(runner, 1)).values()
    return only


def answer(output: Any = "done", conversation: Any = "con_1") -> Handler:
    """A handler that answers this."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response({"output": output, "conversation_id": conversation})

    return handle


def respond(status: int, text: str = "", **headers: str) -> Handler:
    """A handler that answers with this status; underscores in header names are dashes."""

    async def handle(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return handle


def everything_below(folder: Path) -> str:
    """All names and contents below a folder, as one text."""
    return "\n".join(
        f"{os.path.relpath(path, folder)}\n{path.read_text('utf-8', 'replace') if path.is_file() else ''}"
        for path in sorted(folder.rglob("*"))
    )
