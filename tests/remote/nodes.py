"""Real servers on loopback: one of them, or three whose wires to each other the tests own.

A server is a process of the program `nats-server` that the environment brings. It gets signals only by the
number of the process that was started here, and none outlives the block that started it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count, permutations, zip_longest
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self, TypeVar
from uuid import uuid4

from tests.remote.wires import HOST, Wire

PATIENCE = 60.0
"""Seconds after which what is waited for will not come any more."""

# Below the ports that systems give to those who connect: what was free stays free while a server is down.
# Each process begins elsewhere, and gives none again for long.
FIRST, PORTS = 20_000, 12_000
given = count(os.getpid() * 500)

T = TypeVar("T")


def program() -> str:
    """The server's program: from the environment of this Python, otherwise from the PATH."""
    found = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    assert found, "no nats-server: it comes with the dev group"
    return found


def free_ports(wanted: int) -> list[int]:
    """So many ports on which nobody listens."""
    found: list[int] = []
    while len(found) < wanted:
        port = FIRST + next(given) % PORTS
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
    return found


def until(what: Callable[[], T | None], why: str) -> T:
    """Waits until something is true or is there; returns it."""
    deadline = monotonic() + PATIENCE
    while not (found := what()):
        assert monotonic() < deadline, f"it never came: {why}"
        sleep(0.01)
    return found


class Node:
    """One server with a store of its own, which it keeps when it is killed and started again."""

    def __init__(
        self,
        folder: Path,
        name: str = "alone",
        *,
        sync: str = "always",
        extra: str = "",
        cluster: str = "",
        version: str | Path | None = None,
    ) -> None:
        """`sync` is the `sync_interval`, `extra` more lines of configuration, `version` another program."""
        self.name = name
        self.folder = folder
        self.port, self.monitor_port = free_ports(2)
        self.url = f"nats://{HOST}:{self.port}"
        self.monitor = f"http://{HOST}:{self.monitor_port}"
        self.store = folder / "store"
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self._program = str(version or program())
        self._configuration = folder / "server.conf"
        folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            f'server_name: "{name}"\n'
            f"listen: {HOST}:{self.port}\n"
            f"http: {HOST}:{self.monitor_port}\n"
            "jetstream {\n"
            f'  store_dir: "{self.store}"\n'
            f"  sync_interval: {sync}\n"
            "  max_file_store: 1GB\n"
            "  max_memory_store: 64MB\n"
            "}\n"
            f"{cluster}\n{extra}\n"
        )

    def __repr__(self) -> str:
        return f"<Node {self.name} at {self.url}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        """Whether its process lives, stopped or not."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self.process is not None
        return self.process.pid

    def launch(self) -> Self:
        """Starts its process and does not wait for anything."""
        assert not self.running
        self.stopped = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "-c", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Starts its process, with the ports and the store of the last time, and waits until it answers."""
        return self.launch().wait_ready()

    def wait_ready(self) -> Self:
        """Waits until it takes requests for its store; in a cluster others may still be missing."""
        until(self._ready, f"{self!r}")
        return self

    def get(self, path: str) -> dict[str, Any]:
        """What its monitoring answers, such as `/varz` or `/jsz?streams=1`."""
        with urllib.request.urlopen(self.monitor + path, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def ask(self, path: str) -> dict[str, Any]:
        """The same, and nothing when it does not answer, or answers that it is not well."""
        try:
            return self.get(path) if self.running and not self.stopped else {}
        except (OSError, ValueError):
            return {}

    def request(self, subject: str, body: object, seconds: float = 0.3) -> dict[str, Any]:
        """Its answer to a request of a client that has no library; nothing when there is none so long."""
        data = json.dumps(body).encode()
        try:
            with socket.create_connection((HOST, self.port), seconds) as link, link.makefile("rb") as lines:
                inbox = f"_INBOX.{uuid4().hex}"
                link.sendall(
                    b'CONNECT {"verbose":false}\r\n'
                    + f"SUB {inbox} 1\r\nPUB {subject} {inbox} {len(data)}\r\n".encode()
                    + data
                    + b"\r\n"
                )
                for line in lines:
                    if line.startswith(b"MSG "):
                        answer: dict[str, Any] = json.loads(lines.read(int(line.split()[-1])))
                        return answer
        except OSError:
            pass
        return {}

    def kill(self) -> None:
        """Ends it as a loss of power would, stopped or not."""
        self._signal(signal.SIGKILL)
        self._wait()

    def end(self) -> None:
        """Ends it as a service is ended."""
        self._signal(signal.SIGTERM)
        self._wait()

    def stop(self) -> None:
        """It does nothing any more, and its connections stay open; returns when it has come to a halt."""
        self._signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(self.pid, os.WUNTRACED)[1])
        self.stopped = True

    def cont(self) -> None:
        """It goes on after `stop`."""
        self._signal(signal.SIGCONT)
        self.stopped = False

    def _ready(self) -> bool:
        assert self.running, self.log.read_text()
        return bool(self.ask("/healthz?js-enabled-only=true"))

    def _signal(self, number: signal.Signals) -> None:
        # Popen sends nothing to a process that has ended: its number may be another's by now.
        if self.process is not None:
            self.process.send_signal(number)

    def _wait(self) -> None:
        if self.process is not None:
            self.process.wait(PATIENCE)


class Cluster:
    """Servers that know each other only through wires which the tests cut and mend.

    Clients and monitoring reach each server directly, cut off or not.
    """

    def __init__(
        self, folder: Path, size: int = 3, *, extra: str = "", versions: Sequence[str | Path | None] = ()
    ) -> None:
        """`versions` are other programs, one for each server."""
        names = [f"n{number}" for number in range(1, size + 1)]
        ports = dict(zip(names, free_ports(size), strict=True))
        self._apart: set[Node] = set()
        self._nowhere = Wire(0)
        self._nowhere.cut()
        self.wires = {(here, there): Wire(ports[there]) for here, there in permutations(names, 2)}
        self.nodes = [
            Node(folder / name, name, extra=extra, cluster=self._routed(name, ports[name]), version=version)
            for name, version in zip_longest(names, versions)
        ]

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.launch()
            return self.wait_ready()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ends:
            for wire in (self._nowhere, *self.wires.values()):
                ends.callback(wire.close)
            for node in self.nodes:
                ends.callback(node.kill)

    @property
    def urls(self) -> list[str]:
        """Where clients find the servers."""
        return [node.url for node in self.nodes]

    @property
    def able(self) -> list[Node]:
        """The servers that are neither ended, nor stopped, nor cut off."""
        return [node for node in self.nodes if node.running and not node.stopped and node not in self._apart]

    def others(self, *nodes: Node) -> list[Node]:
        """All but these."""
        return [node for node in self.nodes if node not in nodes]

    def wait_ready(self) -> Self:
        """Waits until the able servers answer, see each other and take a request for a stream on all of them.

        A young leader knows too few others, and refuses such a request or never answers it.
        """
        ids = {node: node.wait_ready().get("/varz")["server_id"] for node in self.able}

        def joined() -> bool:
            return all({*self._seen(node), ids[node]} >= {*ids.values()} for node in ids)

        def placed() -> bool:
            stream = {
                "name": "READY",
                "subjects": ["tests.ready"],
                "storage": "memory",
                "num_replicas": len(ids),
            }
            node = next(iter(ids))
            return "config" in node.request("$JS.API.STREAM.CREATE.READY", stream) and bool(
                node.request("$JS.API.STREAM.DELETE.READY", {}).get("success")
            )

        until(joined, "routes between all")
        self.meta_leader()
        until(placed, "a stream on all")
        return self

    def isolate(self, node: Node) -> None:
        """Cuts the wires between a server and all others."""
        for wire in self._of(node):
            wire.cut()
        self._apart.add(node)
        until(lambda: not self._seen(node), f"{node!r} alone")

    def heal(self, node: Node) -> None:
        """Mends the wires of a server; returns before the servers have noticed."""
        for wire in self._of(node):
            wire.mend()
        self._apart.discard(node)

    def meta_leader(self) -> Node:
        """The server that leads them all; see `leader`."""
        return self._agreed(
            lambda node: str(node.ask("/jsz").get("meta_cluster", {}).get("leader", "")), "a meta leader"
        )

    def leader(self, stream: str) -> Node:
        """The able server that leads a stream, once most of all servers say so."""
        return self._agreed(
            lambda node: str(self.view(node, stream).get("cluster", {}).get("leader", "")),
            f"who leads {stream}",
        )

    def view(self, node: Node, stream: str) -> dict[str, Any]:
        """What one server knows of a stream: its `state`, its `cluster`; nothing when it has none of it."""
        return next(
            (
                detail
                for account in node.ask("/jsz?streams=1").get("account_details", [])
                for detail in account.get("stream_detail", [])
                if detail["name"] == stream
            ),
            {},
        )

    def wait_equal(self, stream: str, messages: int) -> None:
        """Waits until each able server has so many messages of a stream."""
        until(
            lambda: all(
                self.view(node, stream).get("state", {}).get("messages") == messages for node in self.able
            ),
            f"{messages} messages in {stream} everywhere",
        )

    def _agreed(self, ask: Callable[[Node], str], what: str) -> Node:
        def most() -> Node | None:
            said = Counter(ask(node) for node in self.nodes)
            return next((node for node in self.able if said[node.name] > len(self.nodes) / 2), None)

        return until(most, what)

    def _seen(self, node: Node) -> list[str]:
        return [route["remote_id"] for route in node.ask("/routez").get("routes") or []]

    def _of(self, node: Node) -> list[Wire]:
        return [wire for ends, wire in self.wires.items() if node.name in ends]

    def _routed(self, name: str, port: int) -> str:
        # What servers tell each other of a third one would lead around the wires: so it leads nowhere.
        routes = ", ".join(
            f'"nats://{HOST}:{wire.port}"' for (here, _), wire in self.wires.items() if here == name
        )
        return (
            "cluster {\n"
            "  name: tests\n"
            f"  listen: {HOST}:{port}\n"
            f'  advertise: "{HOST}:{self._nowhere.port}"\n'
            "  no_advertise: true\n"
            "  pool_size: -1\n"
            "  compression: off\n"
            f"  routes: [{routes}]\n"
            "}\n"
        )
