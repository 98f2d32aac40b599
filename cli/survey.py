"""What the servers of a log are: each asked as a client asks, and by its monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cli.clock import now, strict_seconds_between
from eventlog.errors import ServersAway

if TYPE_CHECKING:
    from nats.aio.client import Client

    from cli.remote import Remote

OLDEST = (2, 12)
"""Before this version servers ignore that a batch has to be there as a whole, and say nothing."""

PATIENCE = 3.0
"""Seconds for which one server is asked."""

HOW_TO_SYNC = "set `sync_interval: always` in the block `jetstream` of every server and start it again"
"""Without it a server syncs every two minutes, and acknowledges long before: Jepsen's analysis of NATS 2.12.1
shows acknowledged messages that a power cut took from a majority, and with them from the stream."""


class Met(Struct, frozen=True):
    """A server as a client meets it: its `version` and `max_payload`, or `why` it was not met."""

    host: str
    version: str = ""
    max_payload: int = 0
    why: str = ""

    def is_old(self) -> bool:
        """Whether it is too old to hold logs."""
        return bool(self.version) and _number(self.version) < OLDEST


class Monitored(Struct, frozen=True):
    """A server as its monitoring at `url` shows it, or `why` it did not."""

    url: str
    name: str = ""
    syncs: bool = False  # before it acknowledges
    members: int = 1  # servers of its cluster that take part in JetStream
    ahead: float = 0.0  # seconds by which its clock is ahead of ours
    why: str = ""


def meet(remote: Remote) -> list[Met]:
    """Asks every host of the address; raises ServersAway when none answers, StorageFailed when we may not."""
    from eventlog.servers import Address, Servers

    async def both(client: Client) -> tuple[str, int]:
        try:
            version = client.connected_server_version
            return f"{version.major}.{version.minor}.{version.patch}", client.max_payload
        except (ValueError, TypeError):
            return "of unknown version", client.max_payload

    met = []
    away: ServersAway | None = None
    for url, (host, port) in zip(remote.address.urls, remote.address.hosts, strict=True):
        one = Servers(Address(url), credentials=remote.credentials, patience=PATIENCE)
        try:
            version, most = one.run(one.ask(both))
            met.append(Met(f"{host}:{port}", version, most))
        except ServersAway as error:
            away = error
            met.append(Met(f"{host}:{port}", why="it does not answer"))
        finally:
            one.close()
    if away is not None and not any(one.version for one in met):
        raise away
    return met


def monitoring(remote: Remote, given: Sequence[str]) -> list[Monitored]:
    """Asks the monitoring at the `given` URLs, or at port 8222 of every host of the address."""
    urls = given or [
        f"http://{f'[{host}]' if ':' in host else host}:8222" for host, _ in remote.address.hosts
    ]
    return [_in_time(url.rstrip("/")) for url in dict.fromkeys(urls)]


def unproven(servers: Sequence[Monitored]) -> str:
    """Returns why it is not known that all servers sync before they acknowledge, "" when it is."""
    for one in servers:
        if one.why:
            return f"the monitoring at {one.url} does not say whether its server syncs: {one.why}"
        if not one.syncs:
            return f"the server '{one.name}' does not sync what it acknowledges"
    names, members = {one.name for one in servers}, max(one.members for one in servers)
    if len(names) < members:
        asked = f"the cluster has {members} servers, and the monitoring of {len(names)} was asked"
        return f"{asked}: name that of every server with --monitor URL, as often as there are servers"
    return ""


def _in_time(url: str) -> Monitored:
    """Returns what monitoring says, also when it sends a byte now and then and comes to no end."""
    from queue import Empty, SimpleQueue
    from threading import Thread

    said: SimpleQueue[Monitored] = SimpleQueue()
    Thread(target=lambda: said.put(_monitored(url)), daemon=True).start()
    try:
        return said.get(timeout=2 * PATIENCE)
    except Empty:
        return Monitored(url, why="its answer does not end")


def _monitored(url: str) -> Monitored:
    from http.client import HTTPException

    try:
        server, jetstream = _get(f"{url}/varz"), _get(f"{url}/jsz")
        before = now()
        ahead = strict_seconds_between(before, str(_get(f"{url}/varz")["now"]))
        config = (server.get("jetstream") or {}).get("config") or {}
        members = (jetstream.get("meta_cluster") or {}).get("cluster_size", 1)
        if type(members) is not int:
            raise ValueError("its answer is not what NATS says")
        return Monitored(url, str(server["server_name"]), config.get("sync_always") is True, members, ahead)
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        return Monitored(url, why=str(getattr(error, "reason", error)) or type(error).__name__)


def _get(url: str) -> dict[str, Any]:
    """Returns what monitoring answers; raises OSError or ValueError."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class Nowhere(HTTPRedirectHandler):
        """What another server says is not about this one."""

        def redirect_request(self, *_: Any) -> None:
            return None

    if not url.startswith(("http://", "https://")):
        raise ValueError("it is no http:// address")
    try:
        with build_opener(ProxyHandler({}), Nowhere).open(url, timeout=PATIENCE) as answer:
            return msgspec.json.decode(answer.read(1 << 24), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("its answer is not what NATS says") from error


def _number(version: str) -> tuple[int, ...]:
    parts = version.partition("-")[0].split(".")[:2]
    return tuple(int(part) if part.isdigit() else 0 for part in parts)
