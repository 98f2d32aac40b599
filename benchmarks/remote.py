"""What does a log on servers cost?

One nats-server that syncs before it acknowledges is started for this, on loopback, so that the network
costs nothing and the rest is seen. The measure is the bare client of NATS doing the same work: the same
lines, the same expected sequences and names of messages, and none of our checks. It writes and syncs each
acknowledged line to a file here, as the mirror does; beside it stands one that keeps nothing here. A
follower's delay is from just before a bare client publishes a line until another process has seen it.
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep

from benchmarks import inputs
from benchmarks.measure import elapsed, interleave, ratio, speed_ratio, spread
from benchmarks.processes import BO, run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.events import KnownEvent
from eventlog.head import START
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from eventlog.store import seal
from tests.remote.behind import Behind
from tests.remote.nodes import Node, program

APPEND, KEPT, BARE = "append", "bare request, kept here too", "bare request"
FOLLOW, SUBSCRIBE = "follow", "bare subscription"
FILE, REMOTE = "log in a file", "log on a server"
GROUPS = (100, 1000)
PAUSE = 0.003
"""Seconds between a line's arrival and the next one: so that every line has to wake its reader."""


class _Place:
    """A stream on a server, and places in it that nobody has used."""

    def __init__(self, setting: Setting, behind: Behind, url: str) -> None:
        self.setting = setting
        self.behind = behind
        self.url = url
        self._numbers = count()

    def project(self) -> str:
        """Returns a name that no project has."""
        return f"p{next(self._numbers)}"

    def subject(self) -> str:
        """Returns a subject of the stream that no message has."""
        return f"{self.behind.stream.name}.{self.project()}"

    def publish(self, subject: str, line: bytes) -> None:
        """Publishes a line as a bare client does, and waits until it is acknowledged."""
        servers = self.behind.servers
        servers.run(servers.ask(lambda client: client.request(subject, line, timeout=5)))

    @contextmanager
    def store(self, project: str | None = None, folder: Path | None = None) -> Iterator[JetStreamStore]:
        """Gives a store with a connection of its own."""
        path = (folder or self.setting.folder("remote")) / "events.jsonl"
        store = JetStreamStore(str(path), project or self.project(), Servers(Address(self.behind.address)))
        try:
            yield store
        finally:
            store.close()


def measure(setting: Setting) -> Report:
    """Compares a log on a server with the bare client, and commands with those on a file."""
    report = Report("remote", "What does a log on servers cost?")
    if why := missing():
        report.notes.append(f"skipped: {why}")
        return report
    with Node(setting.folder("server"), extra="max_payload: 8MB") as node:
        place = _Place(setting, Behind(node.url), node.url)
        _measure_appends(place, report)
        _measure_groups(place, report)
        _measure_catching_up(place, report)
        _measure_following(place, report)
        _measure_commands(place, report)
        place.behind.close()
    return report


def missing() -> str:
    """Returns why nothing can be measured here, empty when it can."""
    try:
        program()
        import nats  # noqa: F401
    except (AssertionError, ImportError) as error:
        return str(error)
    return ""


def _events(number: int) -> list[KnownEvent]:
    return [inputs.definition(50), *islice(inputs.lives(50), number - 1)]


def _lines(number: int) -> list[bytes]:
    return seal(_events(number), START).lines.splitlines(keepends=True)


def _measure_appends(place: _Place, report: Report) -> None:
    from benchmarks.minimal_remote import append_each

    number = place.setting.choose(300, 20)
    lines = _lines(number)

    def bare(*, kept: bool) -> float:
        path = place.setting.folder("bare") / "lines" if kept else None
        return append_each(place.url, place.subject(), lines, path) / number

    rounds = interleave(
        {
            BARE: partial(bare, kept=False),
            KEPT: partial(bare, kept=True),
            APPEND: lambda: _append(place, number, 1),
        },
        place.setting.choose(15, 2),
    )
    report.rows += [
        Row(
            f"one at a time: speed of append / {KEPT}",
            speed_ratio(rounds, APPEND, KEPT),
            at_least=0.85,
            promise="append to a server, one at a time: speed / bare request, written and synced here too",
        ),
        Row(f"one at a time: speed of append / {BARE}", speed_ratio(rounds, APPEND, BARE)),
    ]
    report.times |= {f"{name}, an event": spread(values) for name, values in rounds.items()}


def _append(place: _Place, number: int, group: int) -> float:
    """Returns the seconds that one event takes, of so many that are appended in groups."""
    events = _events(number)
    with place.store() as store:
        store.exists()  # so that it is connected, as the bare client is
        head = START

        def work() -> None:
            nonlocal head
            for first in range(0, number, group):
                head = store.append(events[first : first + group], head).head

        return elapsed(work) / number


def _measure_groups(place: _Place, report: Report) -> None:
    from benchmarks.minimal_remote import append_batches

    appends = place.setting.choose(10, 2)

    def bare(group: int) -> float:
        lines = _lines(group * appends)
        path = place.setting.folder("bare") / "lines"
        return append_batches(place.url, place.subject(), lines, group, path) / len(lines)

    candidates: dict[str, Callable[[], float]] = {
        APPEND: lambda: _append(place, place.setting.choose(200, 10), 1)
    }
    for group in GROUPS:
        candidates[f"append, {group} an append"] = partial(_append, place, group * appends, group)
        candidates[f"bare batch of {group}, kept here too"] = partial(bare, group)
    rounds = interleave(candidates, place.setting.choose(7, 2))
    for group in GROUPS:
        ours, theirs = f"append, {group} an append", f"bare batch of {group}, kept here too"
        more = ratio(rounds, APPEND, ours)
        report.rows.append(Row(f"{group} an append: events a second / one at a time", more))
        same = speed_ratio(rounds, ours, theirs)
        report.rows.append(Row(f"{group} an append: speed / {theirs}", same))
        report.times |= {f"{name}, an event": spread(rounds[name]) for name in (ours, theirs)}


def _measure_catching_up(place: _Place, report: Report) -> None:
    from benchmarks.minimal_remote import catch_up

    number = place.setting.choose(100_000, 2_000)
    project = place.project()
    lines = inputs.usual_log(place.setting, number).read_bytes()
    with place.store(project) as store:
        store.append_lines(lines, START)
    subject = f"{place.behind.stream.name}.{project}"

    def ours() -> float:
        with place.store(project) as store:
            store.is_synced()  # connects
            return elapsed(store.head)

    def bare() -> float:
        return catch_up(place.url, subject, number, place.setting.folder("bare") / "lines")

    rounds = interleave({"mirror": ours, "bare consumer": bare}, place.setting.choose(5, 2))
    report.rows.append(
        Row(
            f"a new mirror of {number:,} events: speed / ordered consumer that writes a file",
            speed_ratio(rounds, "mirror", "bare consumer"),
            at_least=0.8,
            promise="a new mirror: speed / ordered consumer of the bare client that writes a file",
        )
    )
    report.times |= {f"{name} of {number:,} events": spread(values) for name, values in rounds.items()}


def _measure_following(place: _Place, report: Report) -> None:
    number = place.setting.choose(300, 20)
    delays: dict[str, list[list[float]]] = {FOLLOW: [], SUBSCRIBE: []}
    for turn in range(place.setting.choose(10, 2)):
        for name in (FOLLOW, SUBSCRIBE) if turn % 2 else (SUBSCRIBE, FOLLOW):
            project = place.project()
            subject = f"{place.behind.stream.name}.{project}"
            folder = str(place.setting.folder("follow"))
            arguments = {
                FOLLOW: ("follow", place.behind.address, project, folder),
                SUBSCRIBE: ("subscribe", place.url, subject),
            }
            delays[name].append(_delays(place, subject, arguments[name], number))
    for percent in (50, 99):
        found = {name: [quantiles(one, n=100)[percent - 1] for one in each] for name, each in delays.items()}
        report.rows.append(Row(f"{FOLLOW}: p{percent} / {SUBSCRIBE}", ratio(found, FOLLOW, SUBSCRIBE)))
        report.times |= {f"{name}, p{percent}": spread(values) for name, values in found.items()}


def _delays(place: _Place, subject: str, arguments: tuple[str, ...], number: int) -> list[float]:
    """Returns the seconds from just before each line was published until a follower had seen it."""
    lines = iter(_lines(number + 101))
    place.publish(subject, next(lines))
    with minimal_process(*arguments) as follower:
        assert follower.stdout is not None
        for line in islice(lines, 100):
            place.publish(subject, line)
            if select.select([follower.stdout], [], [], 0.1)[0]:
                break
        while select.select([follower.stdout], [], [], 0.3)[0]:
            follower.stdout.read(4096)
        delays = []
        for line in islice(lines, number):
            sleep(PAUSE)
            began = perf_counter()
            place.publish(subject, line)
            if not select.select([follower.stdout], [], [], 10)[0]:
                raise RuntimeError("the follower saw nothing")
            delays.append(float(follower.stdout.readline()) - began)
        return delays


def _measure_commands(place: _Place, report: Report) -> None:
    workers = place.setting.choose(200, 50)
    folders = {FILE: place.setting.folder("file"), REMOTE: place.setting.folder("remote")}
    variables: dict[str, dict[str, str]] = {}
    for name, folder in folders.items():
        variables[name] = {"BO_BUILDS_DIR": str(folder)}
        path = folder / "p" / "events.jsonl"
        if name == FILE:
            inputs.write_log(path, 1_000, workers, workers // 2)
        else:
            variables[name]["BO_LOG"] = place.behind.address
            path.parent.mkdir()
            lines = (folders[FILE] / "p" / "events.jsonl").read_bytes()
            with place.store("p", path.parent) as store:
                store.append_lines(lines, START)
        run([BO, "rebuild", "-p", "p"], environment=variables[name])
    nexts = {name: count(workers // 2) for name in folders}

    def command(what: str, name: str) -> float:
        about = ["-w", inputs.worker_id(next(nexts[name])), "--force"] if what == "complete" else []
        return run([BO, what, "-p", "p", *about], environment=variables[name]).seconds

    for what in ("status", "complete"):
        rounds = interleave(
            {name: partial(command, what, name) for name in folders}, place.setting.choose(25, 3)
        )
        report.rows.append(Row(f"`bo {what}`, {REMOTE} / {FILE}", ratio(rounds, REMOTE, FILE)))
        more = [remote - file for remote, file in zip(rounds[REMOTE], rounds[FILE], strict=True)]
        report.rows.append(
            Row(f"`bo {what}`, {REMOTE}: more than {FILE}", spread(more).times(1e3), unit="ms")
        )
        report.times |= {f"`bo {what}`, {name}": spread(values) for name, values in rounds.items()}


@contextmanager
def minimal_process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Gives one of the programs in `minimal_remote` as a process, with pipes; it ends with the block."""
    command = [sys.executable, "-m", "benchmarks.minimal_remote", *arguments]
    root = Path(__file__).parent.parent
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, cwd=root) as process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    run_alone(measure)
