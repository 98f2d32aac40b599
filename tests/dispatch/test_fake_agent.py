import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.dispatch.fake_agent import GARBAGE, FakeAgent, Manners, fate
from tests.dispatch.agents import served

FATES = {"answered", "busy", "error", "timeout", *GARBAGE}


@given(st.integers(), st.text(), st.integers(1, 5))
def test_the_same_request_meets_the_same_fate(seed: int, text: str, time: int) -> None:
    manners = Manners(seed=seed, busy=0.3, errors=0.2, timeouts=0.1, garbage=0.2)
    assert fate(manners, text, time) == fate(manners, text, time) in FATES


def test_fates_come_about_as_often_as_they_should() -> None:
    manners = Manners(busy=0.1, errors=0.05, timeouts=0.05, garbage=0.3)
    counted = Counter(fate(manners, f"worker {number}", 1) for number in range(10_000))
    assert set(counted) == FATES
    assert 900 < counted["busy"] < 1100
    assert 400 < counted["error"] < 600
    assert 400 < counted["timeout"] < 600
    assert 4700 < counted["answered"] < 5300


def test_another_seed_chooses_other_requests() -> None:
    first, second = (
        [fate(Manners(seed=seed, busy=0.5), f"worker {number}", 1) for number in range(100)]
        for seed in (1, 2)
    )
    assert first != second


async def ask(url: str, text: object, token: str = "anyone") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(headers={"authorization": token} if token else {}) as session,
        session.post(f"{url}/zo/ask", json={"input": text}) as response,
    ):
        return response.status, await response.json()


async def test_it_answers_as_the_api_does_and_keeps_a_ledger() -> None:
    agent = FakeAgent(Manners())
    async with served(agent.app()) as url:
        status, said = await ask(url, "build it")
        assert (status, set(said)) == (200, {"output", "conversation_id"})
        assert (await ask(url, "build it", token=""))[0] == 401
        assert (await ask(url, 3))[0] == 422
        async with aiohttp.ClientSession() as session, session.get(f"{url}/ledger") as response:
            ledger = await response.json()
    assert [each["fate"] for each in ledger] == ["answered", "unauthorized", "bad_request"]
    assert ledger[0]["asked"] == sha256(b"build it").hexdigest()
    assert ledger[0]["conversation"] == said["conversation_id"]


@contextmanager
def command(*options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """The command as a process, with what it printed first."""
    arguments = [sys.executable, "-m", "cli", "fake-agent", "--for", "60", *options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_serves_on_loopback_until_it_is_told_to_end(
    tmp_path: Path, told: signal.Signals
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with command("--ledger", str(ledger)) as (process, printed):
        assert printed["url"] == f"http://127.0.0.1:{printed['port']}"
        assert (await ask(printed["url"], "build it"))[0] == 200
        async with aiohttp.ClientSession() as session, session.get(f"{printed['url']}/ledger") as response:
            shown = await response.json()
        assert [json.loads(line) for line in ledger.read_text("utf-8").splitlines()] == shown
        assert len(shown) == 1
        process.send_signal(told)
        _, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (0, "")
        assert "anyone" not in ledger.read_text("utf-8")


def run(*options: str) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, "-m", "cli", "fake-agent", *options]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def test_the_command_ends_by_itself_when_its_time_is_over() -> None:
    assert run("--for", "0.05").returncode == 0


def test_shares_that_are_more_than_everything_are_a_wrong_usage() -> None:
    assert run("--busy", "0.7", "--errors", "0.7").returncode == 2


def test_a_port_that_is_taken_is_refused() -> None:
    with command() as (_, printed):
        done = run("--port", str(printed["port"]))
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "port_taken"
