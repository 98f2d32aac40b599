"""A hostile or broken agent: every failure is bounded and named, and nothing is sent twice."""

import asyncio
import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from cli.dispatch.limiter import LONGEST_PAUSE
from cli.dispatch.runner import Site
from tests.dispatch.agents import (
    TOKEN,
    Agent,
    RawAgent,
    answer,
    job,
    outcome,
    outcomes,
    raw_served,
    respond,
    served,
)
from tests.dispatch.conftest import NewRunner

MIB = 1 << 20


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_its_target_never_hears_of_us(
    new_runner: NewRunner, status: int
) -> None:
    trap = Agent(answer())
    async with served(trap.app()) as target:
        agent = Agent(respond(status, Location=f"{target}/zo/ask?t={TOKEN}"))
        async with served(agent.app()) as url:
            runner = new_runner(url)
            runner.start(job())
            told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "redirect", False)
    assert target in told.error
    assert TOKEN not in told.error
    assert len(agent.asked) == 1
    assert trap.asked == []


@pytest.mark.parametrize("status", [429, 503])
async def test_an_agent_that_is_busy_for_a_moment_is_asked_again(new_runner: NewRunner, status: int) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        busy = respond(status, Retry_After="0.01") if len(agent.asked) < 4 else answer()
        return await busy(request)

    agent = Agent(handle)
    async with served(agent.app()) as url:
        runner = new_runner(url)
        runner.start(job())
        assert (await outcome(runner)).kind == "completed"
    assert agent.asked == ["do it"] * 4


@pytest.mark.parametrize("status", [429, 503])
async def test_an_agent_that_stays_busy_is_asked_a_bounded_number_of_times(
    new_runner: NewRunner, status: int
) -> None:
    agent = Agent(respond(status))
    async with served(agent.app()) as url:
        runner = new_runner(url, tries=3)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "rate_limited", True)
    assert told.again_in is not None
    assert 0 < told.again_in <= LONGEST_PAUSE
    assert len(agent.asked) == 3


async def test_one_refusal_slows_all(new_runner: NewRunner) -> None:
    refused_at: list[float] = []
    arrived_at: list[float] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        arrived_at.append(time.monotonic())
        if not refused_at:
            refused_at.append(time.monotonic())
            return await respond(429, Retry_After="0.3")(request)
        return await answer()(request)

    agent = Agent(handle)
    async with served(agent.app()) as url:
        runner = new_runner(url, jobs=1)
        for number in range(6):
            runner.start(job(f"w{number}"))
        told = await outcomes(runner, 6)
    assert {each.kind for each in told.values()} == {"completed"}
    # However slow this machine is, nobody may be early.
    assert all(moment >= refused_at[0] + 0.3 for moment in arrived_at[1:])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 500, 502])
async def test_other_statuses_are_failures_and_are_not_asked_again(
    new_runner: NewRunner, status: int
) -> None:
    agent = Agent(respond(status, f"no, {TOKEN}"))
    async with served(agent.app()) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "http", status >= 500)
    assert f"HTTP {status}" in told.error
    assert "no, ***" in told.error
    assert len(agent.asked) == 1


async def test_an_endless_answer_is_given_up_and_the_agent_notices(new_runner: NewRunner) -> None:
    sent = 0
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while sent < 1024 * MIB:
                await response.write(b"x" * 65536)
                sent += 65536
        finally:
            gone.set()
        return response

    async with served(Agent(handle).app()) as url:
        runner = new_runner(url, largest=MIB)
        runner.start(job())
        told = await outcome(runner)
        async with asyncio.timeout(20):
            await gone.wait()
    assert (told.kind, told.reason) == ("failed", "too_large")
    # What the buffers of two sockets may hold, and far from all of it.
    assert sent < 128 * MIB


async def test_an_answer_that_says_it_is_too_long_is_not_read(new_runner: NewRunner) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n"
    async with raw_served(RawAgent(head)) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason) == ("failed", "too_large")


async def test_a_packed_answer_is_not_unpacked(new_runner: NewRunner) -> None:
    packed = gzip.compress(b'{"output": "' + b" " * 32 * MIB + b'"}')

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    agent = Agent(handle)
    async with served(agent.app()) as url:
        runner = new_runner(url, largest=MIB)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason) == ("failed", "bad_answer")
    assert agent.headers[0]["accept-encoding"] == "identity"


async def test_an_answer_that_drips_can_be_aborted(new_runner: NewRunner, site: Site) -> None:
    dripping, gone = asyncio.Event(), asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" ")
                dripping.set()
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    async with served(Agent(handle).app()) as url, asyncio.timeout(20):
        runner = new_runner(url)
        runner.start(job())
        await dripping.wait()
        runner.abort(("w1", 1), force=False)
        told = await outcome(runner)
        await gone.wait()
    assert told.kind == "aborted"
    assert not (Path(site.folder) / "outputs").exists()


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"]
)
async def test_a_closed_connection_is_a_failure_and_is_not_asked_again(
    new_runner: NewRunner, said: bytes
) -> None:
    agent = RawAgent(said)
    async with raw_served(agent) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "connection", True)
    assert agent.requests == 1


@pytest.mark.parametrize(
    "said",
    [
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + f"{TOKEN[:9]}".encode() + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_a_failure(new_runner: NewRunner, said: bytes) -> None:
    agent = RawAgent(said)
    async with raw_served(agent) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert told.kind == "failed"
    assert told.reason in ("bad_answer", "connection")
    assert TOKEN[:9] not in told.error
    assert agent.requests == 1


@pytest.mark.parametrize("text", ["<html>fine</html>", "[]", '{"conversation_id": "c"}', '{"output": 1}'])
async def test_an_answer_without_an_output_is_a_failure(new_runner: NewRunner, site: Site, text: str) -> None:
    async with served(Agent(respond(200, text)).app()) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason) == ("failed", "bad_answer")
    assert not (Path(site.folder) / "outputs").exists()


async def test_an_error_in_an_answer_is_a_failure_and_is_kept(new_runner: NewRunner, site: Site) -> None:
    async with served(Agent(answer(f"Error: no model for {TOKEN}")).app()) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.conversation) == ("failed", "agent_error", "con_1")
    assert (Path(site.folder) / "outputs/w1.1.md").read_text("utf-8") == "Error: no model for ***"


@contextmanager
def closed_port() -> Iterator[tuple[socket.socket, str]]:
    """A port that is ours and refuses everybody, for nobody listens yet; and its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken, f"http://127.0.0.1:{taken.getsockname()[1]}"


async def test_an_agent_that_is_not_there_is_a_failure_after_some_knocks(new_runner: NewRunner) -> None:
    with closed_port() as (_, url):
        runner = new_runner(url, knocks=3)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "connection", True)
    assert told.again_in is not None


async def test_an_agent_that_comes_up_late_is_still_asked(new_runner: NewRunner) -> None:
    agent = Agent(answer())
    with closed_port() as (port, url):
        runner = new_runner(url, knocks=1000)
        for number in range(5):
            runner.start(job(f"w{number}"))
        await asyncio.sleep(0.05)
        serving = web.AppRunner(agent.app())
        await serving.setup()
        try:
            await web.SockSite(serving, port).start()
            told = await outcomes(runner, 5)
        finally:
            await serving.cleanup()
    assert {each.kind for each in told.values()} == {"completed"}
    assert len(agent.asked) == 5


async def test_a_server_without_tls_is_not_asked_over_tls(new_runner: NewRunner) -> None:
    agent = Agent(answer())
    async with served(agent.app()) as url:
        runner = new_runner(url.replace("http:", "https:"))
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason) == ("failed", "connection")
    assert agent.asked == []


async def test_an_agent_that_says_nothing_is_given_up_in_the_end(new_runner: NewRunner) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    agent = Agent(handle)
    async with served(agent.app()) as url:
        runner = new_runner(url, silence=0.2)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason) == ("failed", "connection")
    assert len(agent.asked) == 1


async def test_an_output_that_cannot_be_written_is_a_failure_that_is_not_tried_again(
    new_runner: NewRunner, site: Site
) -> None:
    Path(site.folder).mkdir()
    (Path(site.folder) / "outputs").touch()  # a file where the folder should be
    async with served(Agent(answer()).app()) as url:
        runner = new_runner(url)
        runner.start(job())
        told = await outcome(runner)
    assert (told.kind, told.reason, told.retry) == ("failed", "output", False)
    assert told.conversation == "con_1"


async def test_an_assignment_that_is_no_text_is_an_outcome(new_runner: NewRunner) -> None:
    async with served(Agent(answer()).app()) as url:
        runner = new_runner(url)
        runner.start(job(assignment="\ud800"))
        assert (await outcome(runner)).kind == "failed"
