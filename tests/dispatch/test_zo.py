import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from cli.dispatch.fake_agent import GARBAGE, FakeAgent, Manners
from cli.dispatch.runner import Outcome, Runner, Site
from cli.dispatch.zo import ZoRunner
from eventlog.errors import OrchestratorError, Refused
from tests.dispatch.agents import TOKEN, Agent, answer, job, outcome, outcomes, served
from tests.dispatch.conftest import NewRunner


def output(site: Site, worker: str = "w1") -> str:
    return (Path(site.folder) / f"outputs/{worker}.1.md").read_bytes().decode()


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


class Held:
    """Answers only when it is told to; `arrived` counts who waits."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.arrived.release()
        await self.go.wait()
        return await answer()(request)


async def test_an_agent_is_asked_as_the_api_wants_it_and_its_answer_kept(
    new_runner: NewRunner, site: Site
) -> None:
    agent = Agent(answer("It is döne.\r\n", "con_7"))
    async with served(agent.app()) as url:
        runner = new_runner(url + "/")
        runner.start(job(assignment="Do `it`, please: ✓"))
        assert await outcome(runner) == Outcome("w1", 1, "completed", conversation="con_7")
    assert agent.asked == ["Do `it`, please: ✓"]
    assert agent.headers[0]["authorization"] == TOKEN
    assert agent.headers[0]["content-type"] == "application/json"
    assert output(site) == "It is döne.\r\n"


async def test_long_assignments_and_answers_arrive_whole(new_runner: NewRunner, site: Site) -> None:
    agent = Agent(answer("y" * (3 << 20)))
    async with served(agent.app()) as url:
        runner = new_runner(url)
        runner.start(job(assignment="x" * (3 << 20)))
        assert (await outcome(runner)).kind == "completed"
    assert agent.asked == ["x" * (3 << 20)]
    assert output(site) == "y" * (3 << 20)


async def test_it_is_a_runner(new_runner: NewRunner) -> None:
    runner: Runner = new_runner("http://127.0.0.1:9")
    assert (runner.name, runner.jobs) == ("zo", 5)
    assert repr(runner) == "ZoRunner('http://127.0.0.1:9/zo/ask', jobs=5)"


async def test_two_hundred_jobs_are_accounted_for_one_by_one(new_runner: NewRunner, site: Site) -> None:
    agent = FakeAgent(Manners(seed=7, busy=0.1, errors=0.05, garbage=0.1, retry_after=0.005))
    async with served(agent.app()) as url:
        runner = new_runner(url, jobs=32)
        for number in range(200):
            runner.start(job(f"w{number}", assignment=f"worker {number}"))
        told = await outcomes(runner, 200)
    reasons = {"error": "http", "error_as_output": "agent_error", "closed": "connection"}
    reasons |= {"cut_off": "connection", "answered": ""}
    last = {each.asked: each for each in agent.served}
    fates = Counter(each.fate for each in agent.served)
    # Each was asked until it was not put off, and no further.
    assert len(agent.served) - fates["busy"] == len(last) == 200
    assert {"answered", "busy", "error", *GARBAGE} == set(fates)
    assert agent.most_at_once <= 32
    by_conversation = {each.conversation: each for each in last.values() if each.fate == "answered"}
    done = {name: each for name, each in told.items() if each.kind == "completed"}
    assert len(done) == len(by_conversation)
    for name, each in done.items():
        assert each.conversation in by_conversation
        assert output(site, name) == f"Done: worker {name[1:]}"
    assert Counter(each.reason for each in told.values()) == Counter(
        reasons.get(each.fate, "bad_answer") for each in last.values()
    )


async def test_a_limit_that_nobody_told_us_is_found(new_runner: NewRunner) -> None:
    agent = FakeAgent(Manners(limit=2, delay=0.002, retry_after=0.0))
    async with served(agent.app()) as url:
        runner = new_runner(url, jobs=8, tries=100)
        for number in range(40):
            runner.start(job(f"w{number}", assignment=f"worker {number}"))
        told = await outcomes(runner, 40)
    assert {each.kind for each in told.values()} == {"completed"}
    assert Counter(each.fate for each in agent.served)["answered"] == 40


async def test_no_more_than_its_jobs_are_asked_at_once(new_runner: NewRunner) -> None:
    held = Held()
    agent = Agent(held)
    async with served(agent.app()) as url, asyncio.timeout(20):
        runner = new_runner(url, jobs=3)
        for number in range(9):
            runner.start(job(f"w{number}"))
        for _ in range(3):
            await held.arrived.acquire()
        await asyncio.sleep(0.05)
        assert len(agent.asked) == 3
        held.go.set()
        await outcomes(runner, 9)
    assert len(agent.asked) == 9


async def test_an_attempt_is_aborted_wherever_it_is(new_runner: NewRunner) -> None:
    held = Held()
    agent = Agent(held)
    async with served(agent.app()) as url, asyncio.timeout(20):
        runner = new_runner(url, jobs=1)
        for name in ("sent", "waits", "stays"):
            runner.start(job(name))
        await held.arrived.acquire()
        runner.abort(("waits", 1), force=False)
        assert await outcomes(runner, 1) == {"waits": Outcome("waits", 1, "aborted")}
        runner.abort(("sent", 1), force=True)
        assert await outcomes(runner, 1) == {"sent": Outcome("sent", 1, "aborted")}
        held.go.set()
        assert (await outcome(runner)).key == ("stays", 1)
        runner.abort(("stays", 1), force=True)
        runner.abort(("nobody", 1), force=True)
        runner.start(job("last"))
        assert list(await outcomes(runner, 1)) == ["last"]


async def test_an_attempt_that_waits_out_a_pause_is_aborted_at_once(new_runner: NewRunner) -> None:
    agent = FakeAgent(Manners(busy=1.0, retry_after=300))
    async with served(agent.app()) as url, asyncio.timeout(20):
        runner = new_runner(url)
        runner.start(job())
        while not agent.served:
            await asyncio.sleep(0.01)
        runner.abort(("w1", 1), force=False)
        assert (await outcome(runner)).kind == "aborted"


async def test_an_answer_outlives_its_dispatcher_until_it_is_released(
    new_runner: NewRunner, site: Site
) -> None:
    async with served(Agent(answer(conversation="con_9")).app()) as url:
        dies, next_one = new_runner(url), new_runner(url)
        dies.start(job())
        told = await outcome(dies)
        # It was told, but nobody wrote it down.
        assert next_one.recover(job()) == told
        next_one.release(("w1", 1))
        assert list(Path(site.scratch).iterdir()) == []
        assert output(site) == "done"
        lost = next_one.recover(job())
        assert lost is not None
        assert (lost.kind, lost.reason, lost.retry) == ("failed", "lost", True)


async def test_a_failure_is_recovered_as_what_it_was(new_runner: NewRunner) -> None:
    async with served(Agent(answer("Error: no")).app()) as url:
        dies, next_one = new_runner(url), new_runner(url)
        dies.start(job())
        told = await outcome(dies)
        assert told.reason == "agent_error"
        assert next_one.recover(job()) == told


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff", b'{"worker":"W1","attempt":1,"kind":"failed","reason":"http"}']
)
async def test_a_record_that_cannot_be_believed_is_no_record(
    new_runner: NewRunner, site: Site, damage: bytes
) -> None:
    Path(site.scratch).mkdir(parents=True)
    (Path(site.scratch) / "w1.1.answer").write_bytes(damage)
    recovered = new_runner("http://127.0.0.1:9").recover(job())
    assert recovered is not None
    assert recovered.reason == "lost"


async def test_a_record_of_an_answer_that_is_not_there_is_not_believed(
    new_runner: NewRunner, site: Site
) -> None:
    async with served(Agent(answer()).app()) as url:
        runner = new_runner(url)
        runner.start(job())
        await outcome(runner)
        (Path(site.folder) / "outputs/w1.1.md").unlink()
        recovered = runner.recover(job())
        assert recovered is not None
        assert recovered.reason == "lost"


async def test_close_gives_everything_back(new_runner: NewRunner) -> None:
    threads, descriptors = threading.active_count(), open_descriptors()
    held = Held()
    async with served(Agent(held).app()) as url, asyncio.timeout(20):
        runner = new_runner(url)
        for number in range(10):
            runner.start(job(f"w{number}"))
        await held.arrived.acquire()
        runner.close()
        runner.close()
        assert threading.active_count() == threads
    assert open_descriptors() <= descriptors


async def test_proxies_of_the_environment_are_not_used(
    new_runner: NewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = Agent(answer("from the trap"))
    async with served(trap.app()) as proxy, served(Agent(answer()).app()) as url:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        runner = new_runner(url)
        runner.start(job())
        assert (await outcome(runner)).kind == "completed"
    assert trap.asked == []


async def test_the_token_is_masked_wherever_an_agent_repeats_it(new_runner: NewRunner, site: Site) -> None:
    async with served(Agent(answer(f"You are {TOKEN}, {TOKEN}.", f"con_{TOKEN}")).app()) as url:
        runner = new_runner(url)
        # Whoever takes it out of the environment, for the workers' sake, does not unmask it.
        del os.environ["ZO_CLIENT_IDENTITY_TOKEN"]
        runner.start(job())
        assert (await outcome(runner)).conversation == "con_***"
    assert output(site) == "You are ***, ***."


@pytest.mark.parametrize(
    ("token", "code"), [("", "no_token"), ("  ", "no_token"), ("a\nb: c", "bad_token"), ("é", "bad_token")]
)
def test_without_a_token_that_can_be_sent_there_is_no_runner(
    site: Site, monkeypatch: pytest.MonkeyPatch, token: str, code: str
) -> None:
    monkeypatch.setenv("ZO_CLIENT_IDENTITY_TOKEN", token)
    with pytest.raises(Refused) as refused:
        ZoRunner(site)
    assert refused.value.code == code
    assert refused.value.hint
    assert isinstance(refused.value, OrchestratorError)


@pytest.mark.parametrize(
    "url",
    [
        "api.example.org",
        "ftp://api.example.org",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://h:99999",
        "https://me:hunter2hunter2@api.example.org",
        "https://api.example.org/?key=hunter2hunter2",
    ],
)
def test_an_address_that_makes_no_sense_is_refused_and_not_repeated(
    site: Site, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ZO_CLIENT_IDENTITY_TOKEN", TOKEN)
    monkeypatch.setenv("ZO_API_URL", url)
    with pytest.raises(Refused) as refused:
        ZoRunner(site)
    assert refused.value.code == "bad_url"
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


def test_what_it_needs_is_imported_only_when_a_runner_is_made() -> None:
    program = "import sys, cli.dispatch.zo; print({'asyncio', 'aiohttp', 'aiofiles'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr
