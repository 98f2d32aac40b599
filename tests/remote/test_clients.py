"""Many append at once to a cluster that is killed, stopped and cut apart: what was acknowledged is there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep

import pytest

from eventlog import START, Conflict, Head
from eventlog.errors import ServersAway
from eventlog.events import NoteAdded
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from tests.crash.processes import SOAK_MINUTES
from tests.logs import note, whole_lines
from tests.remote.behind import Behind
from tests.remote.nodes import Cluster, Node


class Client:
    """One machine: it appends events one after the other and remembers what it was told of each."""

    def __init__(self, name: str, behind: Behind, folder: Path, over: Flag) -> None:
        self.name = name
        self.folder = folder
        self.acknowledged: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.refused: set[str] = set()
        self.failure: BaseException | None = None
        self._over = over
        servers = Servers(Address(behind.address), patience=8.0)
        self.store = JetStreamStore(str(folder / "events.jsonl"), behind.project, servers)
        self.thread = Thread(target=self._live, name=name)

    def _live(self) -> None:
        try:
            number = 0
            while not self._over.is_set():
                number += 1
                self._append([f"{self.name} {number} {part}" for part in range(random.choice((1, 1, 3)))])
        except BaseException as failure:
            self.failure = failure
        finally:
            self.store.close()

    def _append(self, said: list[str]) -> None:
        try:
            batch = self.store.append([note(text) for text in said], self._head())
        except Conflict:
            self.refused |= set(said)
        except ServersAway:
            self.unknown |= set(said)
        else:
            self.acknowledged |= {
                event.text: event.seq for event in batch.events if isinstance(event, NoteAdded)
            }

    def _head(self) -> Head:
        try:
            return self.store.head() if self.store.exists() else START
        except ServersAway:
            return START


def check(clients: list[Client], data: bytes) -> None:
    """What was acknowledged is there once and in its place, what was refused is not; linear in time."""
    lines = whole_lines(data)
    assert b"".join(lines) == data, "the chain is broken"
    place: dict[str, int] = {}
    for seq, line in enumerate(lines, 1):
        text = line.split(b'"text":"')[1].split(b'"')[0].decode()
        assert text not in place, f"{text} is there twice"
        place[text] = seq
    for client in clients:
        for text, seq in client.acknowledged.items():
            assert place.get(text) == seq, f"{text} was acknowledged at {seq} and is at {place.get(text)}"
        lost = client.refused & place.keys()
        assert not lost, f"refused, and there: {lost}"
    known = {text for client in clients for text in (*client.acknowledged, *client.unknown)}
    assert place.keys() <= known, "there is what nobody appended"


def harm(cluster: Cluster, stream: str, how: str) -> None:
    """Harms one server for a while: the one that leads the stream, or another one."""
    node: Node = cluster.leader(stream) if "leader" in how else cluster.others(cluster.leader(stream))[0]
    match how.split()[0]:
        case "kill":
            node.kill()
            sleep(random.uniform(0, 2))
            node.start()
        case "stop":
            node.stop()
            sleep(random.uniform(0.5, 6))
            node.cont()
        case "isolate":
            cluster.isolate(node)
            sleep(random.uniform(2, 10))
            cluster.heal(node)


def live_through(cluster: Cluster, folder: Path, harms: list[str], seconds: float = 0.0) -> Counter[str]:
    """Lets clients append while servers are harmed, then checks all that they were told; returns figures."""
    behind = Behind("nats://" + ",".join(url.removeprefix("nats://") for url in cluster.urls), replicas=3)
    over = Flag()
    figures = Counter[str]()
    clients = [Client(f"c{n}", behind, folder / f"c{n}", over) for n in range(3)]
    for client in clients:
        client.thread.start()
    deadline = monotonic() + seconds
    while harms or monotonic() < deadline:
        how = harms.pop(0) if harms else random.choice(HARMS)
        harm(cluster, behind.stream.name, how)
        figures[f"harms_to_servers_{how.replace(' ', '_')}"] += 1
        before = sum(len(client.acknowledged) for client in clients)
        while sum(len(client.acknowledged) for client in clients) < before + 20:
            assert all(client.thread.is_alive() for client in clients), [c.failure for c in clients]
            sleep(0.05)
    over.set()
    for client in clients:
        client.thread.join(60)
        assert client.failure is None, client.failure
    mirrors = []
    for client in clients:
        store = behind.store(client.folder)
        store.compare()
        mirrors.append((client.folder / "events.jsonl").read_bytes())
    assert mirrors[1:] == mirrors[:-1]
    check(clients, mirrors[0])
    behind.close()
    for client in clients:
        for what in ("acknowledged", "refused", "unknown"):
            figures[f"events_{what}_by_servers"] += len(getattr(client, what))
    return figures


HARMS = ["kill leader", "stop leader", "isolate leader", "kill other", "stop other", "isolate other"]


def test_nothing_acknowledged_is_lost_when_a_leader_is_killed_and_another_cut_off(
    cluster: Cluster, tmp_path: Path
) -> None:
    figures = live_through(cluster, tmp_path, ["kill leader", "isolate leader"])
    assert figures["events_acknowledged_by_servers"] >= 40


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_nothing_acknowledged_is_lost_in_a_long_life(
    cluster: Cluster, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("soak", dict(live_through(cluster, tmp_path, [], SOAK_MINUTES * 60)))
