"""How many projects does one stream of a server bear?

A nats-server that syncs before it acknowledges, a new one each time. First projects that are written to at
once, each by a store with a connection of its own, in processes of 25 projects at most: those who write share
the machine with the server. Then projects that only rest in the stream: how much memory the server takes for
them, how long it takes to name them, to append to one of them, and to be there again after it was killed.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import inputs
from benchmarks.measure import elapsed, interleave, speed_ratio, spread
from benchmarks.remote import minimal_process, missing
from benchmarks.report import Curve, Report, Row
from benchmarks.setting import Setting, run_alone
from cli.remote import Remote
from eventlog.errors import ServersAway
from eventlog.head import START
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from eventlog.store import seal
from tests.remote.behind import Behind
from tests.remote.nodes import Node

EACH_PROCESS = 25
MIB = 2**20


def measure(setting: Setting) -> Report:
    """Compares many projects that are written to at once with one, and draws curves of projects at rest."""
    report = Report("remote_scale", "How many projects does one stream of a server bear?")
    if why := missing():
        report.notes.append(f"skipped: {why}")
        return report
    _measure_at_once(setting, report)
    _measure_at_rest(setting, report)
    return report


def _measure_at_once(setting: Setting, report: Report) -> None:
    together = setting.choose((1, 50, 1000), (1, 3))
    appends = setting.choose({1: 500, 50: 40, 1000: 10}, {1: 10, 3: 5})
    memory: dict[int, list[float]] = {projects: [] for projects in together}

    def once(projects: int) -> float:
        with Node(setting.folder("server"), extra="max_payload: 8MB") as node:
            seconds, most = _append_at_once(setting, node, projects, appends[projects])
        memory[projects].append(most / MIB)
        return seconds / (projects * appends[projects])

    names = {number: f"{_projects(number)} at once, an event" for number in together}
    rounds = interleave(
        {name: partial(once, projects) for projects, name in names.items()}, setting.choose(3, 1)
    )
    for projects in together[1:]:
        value = speed_ratio(rounds, names[projects], names[together[0]])
        report.rows.append(Row(f"{projects:,} projects at once: events a second in all / one project", value))
    for projects in together:
        what = f"{_projects(projects)} at once: the server's memory"
        report.rows.append(Row(what, spread(memory[projects]), unit="MiB"))
    report.add_times(rounds)


def _projects(number: int) -> str:
    return f"{number:,} project{'s' if number > 1 else ''}"


def _append_at_once(setting: Setting, node: Node, projects: int, appends: int) -> tuple[float, float]:
    """Returns the seconds until all have appended so often, and the server's memory then, in bytes."""
    behind = Behind(node.url)
    folder = str(setting.folder("at-once"))
    with ExitStack() as ends:
        writers = []
        for first in range(0, projects, EACH_PROCESS):
            here = min(EACH_PROCESS, projects - first)
            arguments = (behind.address, folder, str(first), str(here), str(appends))
            writers.append(ends.enter_context(minimal_process("append", *arguments)))
        for writer in writers:
            assert writer.stdout is not None
            if writer.stdout.readline() != b"ready\n":
                raise RuntimeError("a writer failed before it began")

        def work() -> None:
            for writer in writers:
                assert writer.stdin is not None
                writer.stdin.write(b"go\n")
            for writer in writers:
                assert writer.stdout is not None
                float(writer.stdout.readline())  # nothing to read: it failed

        seconds = elapsed(work)
        memory = float(node.get("/varz")["mem"])
    behind.close()
    return seconds, memory


def _measure_at_rest(setting: Setting, report: Report) -> None:
    amounts = setting.choose((1_000, 10_000, 100_000, 300_000), (100, 300))
    if setting.long:
        amounts = (*amounts, 1_000_000)
    curves: dict[str, list[tuple[int, float]]] = {}
    with Node(setting.folder("server"), extra="max_payload: 8MB") as node:
        behind = Behind(node.url)
        made = 0
        for amount in amounts:
            asyncio.run(_fill(node.url, behind.stream.name, made, amount))
            made = amount
            points = {
                "one durable append": _append(setting, behind),
                "asking for one project's last line": _last(behind),
                "kill -9, start, until it answers": _restart(node, behind, amount),
            }
            try:
                points["naming all projects"] = _name(behind, amount)
            except ServersAway:
                report.notes.append(
                    f"{amount:,} projects are more than one question can name: `bo list` fails"
                )
            for name, seconds in points.items():
                curves.setdefault(name, []).append((amount, seconds))
            memory = node.get("/varz")["mem"]
            what = f"{amount:,} projects at rest: the server's memory"
            report.rows.append(Row(what, spread([memory / MIB]), unit="MiB"))
        behind.close()
    report.curves += [Curve(name, "projects", points) for name, points in curves.items()]


async def _fill(url: str, stream: str, first: int, end: int) -> None:
    """Gives new projects their first event each, a thousand at once."""
    import nats

    from benchmarks.minimal_remote import LARGEST_BATCH, publish_batch

    line = seal([inputs.definition(1)], START).lines
    client = await nats.connect(url)
    for start in range(first, end, LARGEST_BATCH):
        names = range(start, min(start + LARGEST_BATCH, end))
        await publish_batch(client, [(f"{stream}.rest{number}", line) for number in names])
    await client.close()


def _append(setting: Setting, behind: Behind) -> float:
    """Returns the median seconds of an append to a project of these."""
    servers = Servers(Address(behind.address))
    store = JetStreamStore(str(Path(setting.folder("rest")) / "events.jsonl"), "rest7", servers)
    head = store.head()
    seconds = []
    for event in islice(inputs.lives(1), 100):
        began = perf_counter()
        head = store.append([event], head).head
        seconds.append(perf_counter() - began)
    store.close()
    return median(seconds)


def _name(behind: Behind, amount: int) -> float:
    remote = Remote(behind.address)
    remote.servers.run(remote.servers.client())
    names: list[object] = []
    seconds = elapsed(lambda: names.extend(remote.projects()))
    remote.close()
    if len(names) != amount:
        raise RuntimeError(f"{len(names)} projects were named, not {amount}")
    return seconds


def _last(behind: Behind) -> float:
    return median(elapsed(lambda: behind.servers.run(behind.stream.last())) for _ in range(20))


def _restart(node: Node, behind: Behind, amount: int) -> float:
    """Returns the seconds from the start of a killed server until it has the stream with all projects."""
    node.kill()

    def work() -> None:
        node.start()
        state = behind.api(f"STREAM.INFO.{behind.stream.name}")["state"]
        if state["num_subjects"] != amount:
            raise RuntimeError("the server lost projects")

    return elapsed(work)


if __name__ == "__main__":
    run_alone(measure)
