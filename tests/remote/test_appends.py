"""What an append to servers does when answers are lost, when others write, and when it must not be made."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest

from eventlog import START, Conflict, RegressedLog
from eventlog.errors import InvalidEvent, NotFound, Refused, ServersAway, StorageFailed
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from eventlog.stream import Message, Stream, Taken
from tests.logs import note, notes, sealed, texts
from tests.remote.behind import Behind, shared_node
from tests.remote.nodes import Node
from tests.remote.wires import Wire


class Muffled(Wire):
    """A wire that can lose what the server says on the connections that there are, and nothing else."""

    def __init__(self, target: int) -> None:
        self._muffled: set[socket] = set()
        super().__init__(target)

    def muffle(self) -> None:
        """The answers to come are lost; who connects again is heard."""
        self._muffled |= self._carrying

    def _carry(self, source: socket, target: socket, back: Thread | None) -> None:
        if back is not None:
            return super()._carry(source, target, back)
        try:
            while data := source.recv(65_536):
                if source not in self._muffled:
                    target.sendall(data)
        except OSError:
            pass
        return super()._carry(source, target, back)


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url)
    yield made
    made.close()


@pytest.fixture
def wire() -> Iterator[Muffled]:
    made = Muffled(shared_node().port)
    yield made
    made.close()


@pytest.fixture
def wired(behind: Behind, wire: Muffled, tmp_path: Path) -> Iterator[JetStreamStore]:
    """A store that is connected through the wire, with one event in it."""
    stream = behind.stream.name
    servers = Servers(Address(f"nats://127.0.0.1:{wire.port}/{stream}"))
    store = JetStreamStore(str(tmp_path / "wired" / "events.jsonl"), behind.project, servers)
    store.append([note("first")], START)
    yield store
    store.close()


def end(behind: Behind, folder: Path) -> list[str]:
    """The texts of all that is in the log, read by somebody new."""
    return texts(behind.store(folder / "reader"))


@pytest.mark.parametrize("count", [1, 3])
def test_an_append_whose_answer_is_lost_is_there_once_and_acknowledged(
    behind: Behind, wire: Muffled, wired: JetStreamStore, tmp_path: Path, count: int
) -> None:
    head = wired.head()
    wire.muffle()
    batch = wired.append(notes(count), head)
    assert batch.head.seq == 1 + count
    assert end(behind, tmp_path) == ["first", *(f"note {n}" for n in range(1, count + 1))]
    wired.append([note("more")], batch.head)


@pytest.mark.parametrize("count", [1, 3])
def test_it_is_acknowledged_too_when_others_wrote_behind_it_meanwhile(
    behind: Behind, wire: Muffled, wired: JetStreamStore, tmp_path: Path, count: int
) -> None:
    head = wired.head()
    wire.muffle()
    other = behind.store(tmp_path / "other")

    def write_behind() -> None:
        while (there := other.head()).seq < 1 + count:
            pass
        other.append([note("theirs")], there)

    writer = Thread(target=write_behind)
    writer.start()
    assert wired.append(notes(count), head).head.seq == 1 + count
    writer.join(30)
    assert end(behind, tmp_path) == ["first", *(f"note {n}" for n in range(1, count + 1)), "theirs"]
    with pytest.raises(Conflict):
        wired.append([note("late")], head)


@pytest.mark.parametrize("count", [1, 3])
def test_an_append_that_never_arrived_is_sent_again(
    behind: Behind, wire: Muffled, wired: JetStreamStore, tmp_path: Path, count: int
) -> None:
    head = wired.head()
    wire.cut()
    mender = Thread(target=wire.mend)
    mender.start()
    wired.append(notes(count), head)
    mender.join()
    assert end(behind, tmp_path) == ["first", *(f"note {n}" for n in range(1, count + 1))]


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_bytes_from_somebody_else_are_a_conflict_and_no_acknowledgement(
    behind: Behind, wired: JetStreamStore, tmp_path: Path, count: int
) -> None:
    head = wired.head()
    lines, _ = sealed(notes(count), head)
    for line in lines.splitlines(keepends=True):
        behind.publish(line)
    with pytest.raises(Conflict) as conflict:
        wired.append(notes(count), head)
    assert conflict.value.actual.seq == 1 + count


@pytest.mark.parametrize("count", [1, 3])
def test_a_place_that_is_taken_by_our_own_message_on_its_way_is_no_conflict(
    behind: Behind,
    wired: JetStreamStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """A leader that has proposed a message to the others refuses the next one before anybody can read it."""
    send, sent = Stream._send, list[asyncio.Task[int]]()

    async def on_its_way(stream: Stream, *arguments: Any) -> int:
        async def arrive() -> int:
            await asyncio.sleep(0.3)
            return await send(stream, *arguments)

        if sent:
            return await send(stream, *arguments)
        sent.append(asyncio.create_task(arrive()))
        raise Taken

    monkeypatch.setattr(Stream, "_send", on_its_way)
    client = wired.stream._servers.run(wired.stream._servers.client())
    monkeypatch.setattr(wired.stream._servers, "leave", lambda: asyncio.sleep(0))
    assert wired.append(notes(count), wired.head()).head.seq == 1 + count
    assert not client.is_closed
    assert end(behind, tmp_path) == ["first", *(f"note {n}" for n in range(1, count + 1))]


@pytest.mark.parametrize("count", [1, 3])
def test_a_refusal_of_a_server_that_leads_no_more_is_no_conflict(
    behind: Behind,
    wired: JetStreamStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """One that was cut off hears of the append too when it is back, and may answer before the leader."""
    head = wired.head()
    send, last, lags = Stream._send, Stream.last, [True]

    async def heard_by_two(stream: Stream, *arguments: Any) -> int:
        seq = await send(stream, *arguments)
        if lags:
            raise Taken
        return seq

    async def lagging(stream: Stream, **keys: Any) -> Message | None:
        found = await last(stream, **keys)
        return None if found is not None and found.append and lags and lags.pop() else found

    monkeypatch.setattr(Stream, "_send", heard_by_two)
    monkeypatch.setattr(Stream, "last", lagging)
    assert wired.append(notes(count), head).head.seq == 1 + count
    assert not lags
    assert end(behind, tmp_path) == ["first", *(f"note {n}" for n in range(1, count + 1))]


def test_projects_in_one_stream_do_not_disturb_each_other(behind: Behind, tmp_path: Path) -> None:
    one = behind.store(tmp_path / "one")
    two = JetStreamStore(str(tmp_path / "two" / "events.jsonl"), "another", Servers(Address(behind.address)))
    heads = [START, START]
    for _ in range(5):
        heads[0] = one.append(notes(2), heads[0]).head
        heads[1] = two.append(notes(1), heads[1]).head
    assert (one.head().seq, two.head().seq) == (10, 5)
    assert texts(one) == ["note 1", "note 2"] * 5
    two.close()


def test_a_new_beginning_is_refused_when_the_mirror_knows_of_an_old_one(
    behind: Behind, tmp_path: Path
) -> None:
    behind.store(tmp_path).append(notes(3), START)
    behind.damage()  # made anew: the servers would accept a first line again
    with pytest.raises(RegressedLog, match="events 1 to 3 are lost"):
        behind.store(tmp_path).append(notes(1), START)
    assert behind.messages() == []


def test_an_append_at_a_place_known_from_before_is_refused_too(behind: Behind, tmp_path: Path) -> None:
    store = behind.store(tmp_path)
    head = store.append(notes(3), START).head
    behind.damage()
    with pytest.raises(RegressedLog):
        store.append(notes(1), head)
    assert behind.messages() == []


@pytest.mark.parametrize("before", [0, 1500])
def test_an_event_that_the_servers_do_not_take_keeps_all_out(
    behind: Behind, tmp_path: Path, before: int
) -> None:
    with pytest.raises(InvalidEvent, match="the servers take") as refused:
        behind.store(tmp_path).append([*notes(before), note("x" * 9_000_000)], START)
    assert "max_payload" in refused.value.hint
    assert behind.messages() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"deny_purge": False},
        {"deny_delete": False},
        {"allow_atomic": False},
        {"max_msgs": 1000},
        {"max_age": 1_000_000_000_000},
        {"storage": "memory"},
        {"discard": "old"},
        {"metadata": {}},
        {"subjects": ["a.*", "b.*"]},
    ],
    ids=str,
)
def test_nothing_is_written_to_a_stream_that_could_forget_it(
    behind: Behind, tmp_path: Path, changed: dict[str, Any]
) -> None:
    behind.damage(**changed)
    with pytest.raises(Refused) as refused:
        behind.store(tmp_path).append(notes(1), START)
    assert refused.value.code == "unfit_stream"
    assert next(iter(changed)) in str(refused.value) or "remote init" in str(refused.value)
    assert behind.messages() == []


def test_whether_the_servers_sync_is_known(tmp_path: Path) -> None:
    for synced in (True, False):
        behind = Behind(shared_node().url, synced=synced)
        store = behind.store(tmp_path / str(synced))
        store.append(notes(1), START)
        assert store.is_synced() is synced
        behind.close()


def test_without_the_stream_the_error_names_the_command_that_makes_it(behind: Behind, tmp_path: Path) -> None:
    behind.delete()
    with pytest.raises(NotFound, match="has no stream") as found:
        behind.store(tmp_path).append(notes(1), START)
    assert "bo remote init" in found.value.hint


def test_nobody_there_is_said_within_the_patience_and_nothing_is_pretended(tmp_path: Path) -> None:
    said: list[str] = []
    servers = Servers(Address("nats://127.0.0.1:1"), patience=1.5, say=said.append)
    store = JetStreamStore(str(tmp_path / "events.jsonl"), "x", servers)
    with pytest.raises(ServersAway, match="does not answer"):
        store.append(notes(1), START)
    assert "trying again" in said[0]
    with pytest.raises(ServersAway):
        store.exists()
    assert not (tmp_path / "events.jsonl").exists()
    store.close()


def test_a_wrong_password_is_said_at_once_and_never_shown(tmp_path: Path) -> None:
    access = 'authorization { user: "me", password: "right" }'
    with Node(tmp_path / "node", extra=access) as node:
        host = node.url.removeprefix("nats://")
        for user, password in (("me", "wrong-secret"), ("you", "right")):
            servers = Servers(Address(f"nats://{user}:{password}@{host}"))
            store = JetStreamStore(str(tmp_path / "events.jsonl"), "x", servers)
            with pytest.raises(StorageFailed, match="refused us") as refused:
                store.exists()
            assert password not in str(refused.value)
            store.close()
        right = Behind(f"nats://me:right@{host}")
        right.store(tmp_path / "x").append(notes(1), START)
        right.close()


def test_a_mirror_that_cannot_be_written_does_not_undo_what_the_servers_have(
    behind: Behind, tmp_path: Path
) -> None:
    said: list[str] = []
    servers = Servers(Address(behind.address))
    store = JetStreamStore(str(tmp_path / "m" / "events.jsonl"), behind.project, servers, say=said.append)
    head = store.append(notes(1), START).head
    (tmp_path / "m" / "events.jsonl").unlink()
    (tmp_path / "m" / "events.jsonl").mkdir()
    store.append([note("kept")], head)
    assert "its mirror could not be written" in said[0]
    assert end(behind, tmp_path) == ["note 1", "kept"]
    store.close()


def test_without_the_client_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['nats'] = None\n"
        "from eventlog.servers import Address, Servers\n"
        "from eventlog.jetstream import JetStreamStore\n"
        "from eventlog.errors import Refused\n"
        "try: JetStreamStore('/nowhere/x', 'x', Servers(Address('nats://127.0.0.1:1'))).exists()\n"
        "except Refused as refused: print(refused.code, refused.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "extra_missing install the extra: pip install 'build-orchestrator[nats]'\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nats://",
        "http://a:4222",
        "nats://a:port",
        "nats://a:99999",
        "nats://a/b/c",
        "nats://a/*",
        "a:4222",
        "nats://me:secret#1@a",
        "nats://me:secret?1@a",
        "nats://me:secret/1@a",
        "nats://me:secret,1@a",
        "nats://me:[secret@a",
        "nats://me:1,secret@a",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refused) as refused:
        Address(address)
    assert refused.value.code == "bad_address"
    assert "secret" not in f"{refused.value} {refused.value.hint}"


def test_an_address_is_shown_without_its_secrets() -> None:
    address = Address("tls://me:secret@a,b:5000,you:other@c/logs")
    assert address.shown == "tls://a:4222,b:5000,c:4222/logs"
    assert address.urls == ["tls://me:secret@a", "tls://me:secret@b:5000", "tls://you:other@c"]
