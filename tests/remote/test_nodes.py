"""The harness proves itself: what tests of the log on servers take for granted is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypeVar

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StorageType
from nats.js.client import JetStreamContext

from tests.remote.nodes import PATIENCE, Cluster, Node, until

T = TypeVar("T")

SHORT = 2.0
"""Seconds for an answer that must not come."""


async def quiet(_: Exception) -> None:
    """Servers that are killed break connections: nothing to tell."""


@asynccontextmanager
async def client(*nodes: Node) -> AsyncIterator[Client]:
    """A client that knows these servers and no others."""
    connected = await nats.connect([node.url for node in nodes], error_cb=quiet, reconnect_time_wait=0.05)
    try:
        yield connected
    finally:
        await connected.close()


@asynccontextmanager
async def stream(name: str, replicas: int, *nodes: Node) -> AsyncIterator[JetStreamContext]:
    """A stream in files for the subject of its name, and who writes to it through these servers."""
    async with client(*nodes) as connected:
        jetstream = connected.jetstream(timeout=30)
        await jetstream.add_stream(
            name=name, subjects=[name], storage=StorageType.FILE, num_replicas=replicas
        )
        yield jetstream


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Asks until there is an answer: servers that choose a leader have none."""
    deadline = monotonic() + PATIENCE
    while True:
        try:
            return await ask()
        except (nats.errors.Error, nats.js.errors.Error):
            assert monotonic() < deadline
            await asyncio.sleep(0.1)


async def acknowledged(name: str, data: bytes, *nodes: Node) -> None:
    """Writes to a stream until these servers acknowledge it; it is there once, however often it was sent."""
    async with client(*nodes) as connected:
        jetstream = connected.jetstream(timeout=5)
        await insist(lambda: jetstream.publish(name, data, headers={"Nats-Msg-Id": data.decode()}))


async def kept(nodes: list[Node], name: str) -> list[bytes]:
    """What these servers say is in a stream."""
    async with client(*nodes) as connected:
        jetstream = connected.jetstream(timeout=5)

        async def everything() -> list[bytes]:
            last = (await jetstream.stream_info(name)).state.last_seq
            return [(await jetstream.get_msg(name, seq)).data or b"" for seq in range(1, last + 1)]

        return await insist(everything)


def test_a_node_says_that_it_writes_through(node: Node) -> None:
    assert node.get("/varz")["jetstream"]["config"]["sync_always"] is True


async def test_a_killed_node_comes_back_at_its_address_with_what_it_acknowledged(own_node: Node) -> None:
    async with stream("facts", 1, own_node) as jetstream:
        await jetstream.publish("facts", b"one")
        before = own_node.pid
        own_node.kill()
        assert not own_node.running
        own_node.kill()  # and again: nobody else has its number
        own_node.start()
        assert own_node.pid != before
        assert await kept([own_node], "facts") == [b"one"]


async def test_a_stopped_node_says_nothing_until_it_goes_on(own_node: Node) -> None:
    async with client(own_node) as connected:
        own_node.stop()
        with pytest.raises(nats.errors.TimeoutError):
            await connected.request("$JS.API.INFO", timeout=SHORT / 10)
        own_node.cont()
        answer = await connected.request("$JS.API.INFO", timeout=30)
        assert b"jetstream.api.v1.account_info_response" in answer.data


def test_a_node_ends_with_its_block_even_when_the_test_fails(own_node: Node) -> None:
    other = Node(own_node.folder / "other")

    def fails_with_a_stopped_node() -> None:
        with other:
            other.stop()
            raise LookupError

    with pytest.raises(LookupError):
        fails_with_a_stopped_node()
    assert not other.running
    assert own_node.running


def test_servers_reach_each_other_through_the_wires_only(cluster: Cluster) -> None:
    ends = {port for wire in cluster.wires.values() for port in wire.ends}
    for node in cluster.nodes:
        routes = {route["port"] for route in node.get("/routez")["routes"]}
        assert len(routes) == len(cluster.others(node))
        assert routes <= ends


async def test_what_a_cluster_acknowledged_survives_the_death_of_the_leader(cluster: Cluster) -> None:
    async with stream("facts", 3, *cluster.nodes):
        await acknowledged("facts", b"one", *cluster.nodes)
    leader = cluster.leader("facts")
    leader.kill()
    assert cluster.leader("facts") is not leader
    assert await kept(cluster.able, "facts") == [b"one"]
    leader.start()
    cluster.wait_ready()
    cluster.wait_equal("facts", 1)


async def test_a_leader_cut_off_acknowledges_nothing_and_catches_up_when_it_is_healed(
    cluster: Cluster,
) -> None:
    async with stream("facts", 3, *cluster.nodes):
        await acknowledged("facts", b"one", *cluster.nodes)
    alone = cluster.leader("facts")
    cluster.isolate(alone)
    async with client(alone) as connected:  # clients still reach it
        with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
            await connected.request("facts", b"lost", timeout=SHORT)
    assert cluster.leader("facts") is not alone
    await acknowledged("facts", b"two", *cluster.others(alone))
    cluster.heal(alone)
    cluster.wait_ready()
    cluster.wait_equal("facts", 2)
    assert await kept([alone], "facts") == [b"one", b"two"]


async def test_a_follower_cut_off_misses_what_the_others_acknowledge_until_it_is_healed(
    cluster: Cluster,
) -> None:
    async with stream("facts", 3, *cluster.nodes):
        alone = cluster.others(cluster.leader("facts"))[0]
        cluster.isolate(alone)
    await acknowledged("facts", b"one", *cluster.others(alone))
    assert cluster.view(alone, "facts")["state"]["messages"] == 0
    cluster.heal(alone)
    until(lambda: cluster.view(alone, "facts")["state"]["messages"] == 1, "the message that it missed")
