"""What goes on while servers are away, stopped or starting anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from eventlog import START, Batch
from eventlog.errors import ServersAway
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from tests.logs import everything, note, notes, texts
from tests.remote.behind import Behind
from tests.remote.nodes import Node


@pytest.fixture
def behind(own_node: Node) -> Iterator[Behind]:
    made = Behind(own_node.url)
    yield made
    if not own_node.running:
        own_node.start()
    elif own_node.stopped:
        own_node.cont()
    made.close()


def impatient(behind: Behind, folder: Path, said: list[str] | None = None) -> JetStreamStore:
    """A store that gives up soon; what it says goes to `said`."""
    told = [] if said is None else said
    servers = Servers(Address(behind.address), patience=1.0)
    return JetStreamStore(str(folder / "events.jsonl"), behind.project, servers, say=told.append)


def test_reading_goes_on_from_the_mirror_and_says_so_once(
    own_node: Node, behind: Behind, tmp_path: Path
) -> None:
    said: list[str] = []
    store = impatient(behind, tmp_path / "m", said)
    head = store.append(notes(3), START).head
    own_node.kill()
    assert len(everything(store)) == 3
    assert store.head() == head
    assert store.exists()
    assert store.away is not None
    assert len(said) == 1
    assert "does not answer" in said[0]
    with pytest.raises(ServersAway):
        store.append(notes(1), head)
    own_node.start()
    store.append(notes(1), head)
    store.close()


def test_a_stopped_server_is_away_too_and_what_it_was_told_is_there_once(
    own_node: Node, behind: Behind, tmp_path: Path
) -> None:
    store = impatient(behind, tmp_path / "m")
    head = store.append([note("before")], START).head
    own_node.stop()
    with pytest.raises(ServersAway):
        store.append([note("while")], head)
    own_node.cont()
    # The request lay in the server's hands; whoever comes sees whether it was carried out.
    again = behind.store(tmp_path / "again")
    head = again.append([note("after")], again.head()).head
    assert texts(again) in (["before", "after"], ["before", "while", "after"])
    assert len(everything(store)) == head.seq
    store.close()


def test_an_append_waits_for_servers_that_start_anew(own_node: Node, behind: Behind, tmp_path: Path) -> None:
    store = behind.store(tmp_path / "m")
    head = store.append(notes(1), START).head
    own_node.kill()
    starting = Thread(target=own_node.start)
    starting.start()
    store.append([note("patient")], head)
    starting.join()
    assert texts(behind.store(tmp_path / "reader")) == ["note 1", "patient"]


def test_a_follower_goes_on_when_the_servers_come_back(
    own_node: Node, behind: Behind, tmp_path: Path
) -> None:
    store = behind.store(tmp_path / "m")
    head = store.append(notes(2), START).head
    stream = behind.store(tmp_path / "follower").follow(START, 0.05)
    assert next(stream).head == head
    own_node.kill()
    assert next(stream) == Batch((), head)
    own_node.start()
    store.append([note("three")], head)
    while not (batch := next(stream)).events:
        pass
    assert [event.seq for event in batch.events] == [3]
    stream.close()  # type: ignore[attr-defined]
