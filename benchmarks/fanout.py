"""How many workers a second can be asked over HTTP, with every result durable?

The measure is a loop of aiohttp with the same cap on requests in flight, which keeps nothing. Both are
whole processes and ask the same server, which answers after 50 ms and runs in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from benchmarks import inputs
from benchmarks.measure import interleave, speed_ratio
from benchmarks.processes import BO, run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone

OURS, BARE = "bo run --via zo", "bare aiohttp loop"
DELAY = 0.05

_SERVER = """
import asyncio, sys
from aiohttp import web

async def ask(request):
    asked = await request.json()
    await asyncio.sleep(float(sys.argv[1]))
    return web.json_response({"output": "Done: " + asked["input"][:200], "conversation_id": "con_1"})

async def main():
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/zo/ask", ask)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""

_CLIENT = """
import asyncio, sys
import aiohttp

async def main(url, asked, cap):
    places = asyncio.Semaphore(cap)

    async def ask(session, number):
        async with places, session.post(url, json={"input": f"Part {number}. " + "x" * 600}) as answer:
            assert (await answer.json())["output"]

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"authorization": "t"}) as session:
        await asyncio.gather(*(ask(session, number) for number in range(asked)))

asyncio.run(main(sys.argv[1] + "/zo/ask", int(sys.argv[2]), int(sys.argv[3])))
"""


def measure(setting: Setting) -> Report:
    """Compares a run over HTTP with a bare loop of requests."""
    report = Report("http", "How many workers a second can be asked over HTTP?")
    workers, cap = setting.choose((2000, 200), (30, 10))
    with _server() as url:
        rounds = interleave(
            {
                OURS: lambda: _ours(setting, url, workers, cap),
                BARE: lambda: run([sys.executable, "-c", _CLIENT, url, str(workers), str(cap)]).seconds,
            },
            setting.choose(7, 2),
        )
    report.rows.append(
        Row(
            f"speed of {OURS} / {BARE}",
            speed_ratio(rounds, OURS, BARE),
            at_least=0.8,
            promise="`run` over HTTP, 2,000 workers of 50 ms, 200 in flight: speed / bare aiohttp loop",
        )
    )
    report.add_times(rounds)
    report.notes.append(
        f"{workers:,} workers of {DELAY * 1000:g} ms, {cap} in flight, no dependencies, on loopback"
    )
    return report


def _ours(setting: Setting, url: str, workers: int, cap: int) -> float:
    folder = setting.folder("http")
    plan = msgspec.json.decode(inputs.plan(workers))
    for worker in plan["workers"]:
        worker["dependencies"] = []
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    environment = {
        "BO_BUILDS_DIR": str(folder),
        "BO_PROJECT": "p",
        "ZO_API_URL": url,
        "ZO_CLIENT_IDENTITY_TOKEN": "a-token-of-nobody",
    }
    run([BO, "init", "--plan-file", str(folder / "plan.json")], environment=environment)
    return run([BO, "run", "--via", "zo", "-j", str(cap)], environment=environment).seconds


@contextmanager
def _server() -> Iterator[str]:
    """Gives the address of a server that ends with the block."""
    command = [sys.executable, "-c", _SERVER, str(DELAY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


if __name__ == "__main__":
    run_alone(measure)
