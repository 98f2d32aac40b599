"""Whoever answers in the place of the servers: what he says leads to named errors, and to an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from time import sleep
from typing import Any

import pytest

from cli.project import is_mirror
from cli.remote import Remote
from cli.survey import monitoring, unproven
from eventlog import START, Head, JsonlStore
from eventlog.errors import ServersAway, StorageFailed
from eventlog.mirror import Mirror
from eventlog.servers import Address, Servers
from eventlog.stream import Stream
from tests.arch.source import ROOT
from tests.logs import note
from tests.remote.behind import Behind, shared_node

GREETING = {"server_id": "x", "version": "2.14.0", "headers": True, "max_payload": 1 << 20, "proto": 1}
SETTINGS = {"name": "builds", "num_replicas": 1}


class Impostor(ThreadingTCPServer):
    """Greets with `greeting`, and gives every question that is no subscription the same `answer`."""

    daemon_threads = True

    def __init__(self, greeting: bytes, answer: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.greeting = greeting
        self.answer = answer
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.server_address[1]}"


class _Talk(StreamRequestHandler):
    server: Impostor

    def handle(self) -> None:
        try:
            self._talk()
        except OSError:
            pass

    def _talk(self) -> None:
        self.wfile.write(self.server.greeting + b"\r\n")
        while line := self.rfile.readline():
            word, *more = line.split()
            if word == b"PING":
                self.wfile.write(b"PONG\r\n")
            elif word in (b"PUB", b"HPUB"):
                self.rfile.read(int(more[-1]) + 2)
                answer = self.server.answer
                if len(more) > 2:
                    self.wfile.write(b"MSG %s 1 %d\r\n%s\r\n" % (more[1], len(answer), answer))


@pytest.fixture
def impostor() -> Iterator[Any]:
    made: list[Impostor] = []

    def make(answer: bytes, greeting: bytes = b"INFO " + json.dumps(GREETING).encode()) -> Impostor:
        made.append(Impostor(greeting, answer))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"error":{"description":"\xff"}}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"error":"no"}',
        b'{"error":[]}',
        b'{"config":null,"state":null,"message":null,"seq":null}',
        b'{"config":"x","state":"x","message":"x","seq":"x"}',
        b'{"config":{},"state":{},"message":{},"seq":-1}',
        b'{"config":{"name":"builds","num_replicas":1},"state":{"subjects":[]},"seq":18446744073709551616}',
        b'{"message":{"seq":1,"data":"!"}}',
    ],
    ids=lambda answer: repr(answer[:30]),
)
def test_an_answer_of_another_shape_is_none(impostor: Any, answer: bytes) -> None:
    servers = Servers(Address(impostor(answer).url), patience=0)
    stream = Stream(servers, "project")
    try:
        for question in (stream.info, stream.last, lambda: stream.publish([b"x\n"], 0)):
            with pytest.raises(ServersAway, match="an answer that cannot be read"):
                servers.run(question())
    finally:
        servers.close()


@pytest.mark.parametrize(
    "greeting",
    [
        b"INFO []",
        b"INFO {",
        b"INFO \xff",
        b'INFO {"max_payload":"x"}',
        b'INFO {"connect_urls":[7]}',
        b"INFO " + b"x" * 1_000_000,
        b"HTTP/1.1 400 Bad Request",
        b"INFO " + json.dumps(GREETING).encode() + b"\r\n-ERR '\xff'",
    ],
    ids=lambda greeting: repr(greeting[:30]),
)
def test_a_greeting_that_is_none_is_a_server_that_does_not_answer(
    impostor: Any, greeting: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    servers = Servers(Address(impostor(b"{}", greeting).url), patience=0)
    try:
        with pytest.raises(ServersAway):
            servers.run(Stream(servers, "project").last())
    finally:
        servers.close()
    assert capfd.readouterr() == ("", "")


def test_a_list_of_projects_that_never_ends_has_an_end_and_none_of_them_is_a_path(impostor: Any) -> None:
    subjects = {f"builds.{name}": 1 for name in ("../x", "a/b", "", "fine", "a\x1b[31m")}
    for named, names in ((subjects, ["fine"]), ({}, []), (None, [])):
        answer = {"config": SETTINGS, "state": {"subjects": named}, "total": len(subjects)}
        remote = Remote(impostor(json.dumps({**answer, "total": 5 if named else 1 << 50}).encode()).url)
        assert remote.projects() == names
        remote.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff nonsense\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.0 200 OK\r\n\r\n\xff",
        b"HTTP/1.0 200 OK\r\n\r\n" + b'{"a":' + b"[" * 100_000,
        b"HTTP/1.0 200 OK\r\n\r\n"
        b'{"server_name":"x","now":"2026-01-01T00:00:00Z","meta_cluster":{"cluster_size":"x"}}',
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_monitoring_of_another_kind_says_nothing(answer: bytes) -> None:
    with _Pages(answer) as pages:
        Thread(target=pages.serve_forever, daemon=True).start()
        (found,) = monitoring(Remote("nats://127.0.0.1"), [f"http://127.0.0.1:{pages.server_address[1]}"])
        pages.shutdown()
    assert not found.syncs
    assert "does not say whether" in unproven([found])


def test_monitoring_whose_answer_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.survey.PATIENCE", 0.2)
    with _Pages(b"HTTP/1.0 200 OK\r\n\r\n", drips=100) as pages:
        Thread(target=pages.serve_forever, daemon=True).start()
        (found,) = monitoring(Remote("nats://127.0.0.1"), [f"http://127.0.0.1:{pages.server_address[1]}"])
        pages.shutdown()
    assert found.why == "its answer does not end"


class _Pages(ThreadingTCPServer):
    """Gives every question the same bytes, and then one more now and then."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: bytes, drips: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.answer = answer
        self.drips = drips


class _Page(StreamRequestHandler):
    server: _Pages

    def handle(self) -> None:
        try:
            self.request.recv(65_536)
            self.wfile.write(self.server.answer)
            for _ in range(self.server.drips):
                sleep(0.05)
                self.wfile.write(b" ")
        except OSError:
            pass


def test_whoever_waits_for_lines_hears_of_any_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = Behind(shared_node().url)
    try:
        reader, writer = behind.store(tmp_path / "reader"), behind.store(tmp_path / "writer")
        head = writer.append([note("first")], START).head

        def fail(*_: object) -> None:
            raise RuntimeError("nobody thought of this")

        with reader.watch() as watch:
            assert watch.wait(30)  # it has caught up
            monkeypatch.setattr(reader._upkeep._mirror, "take", fail)
            writer.append([note("second")], head)
            assert watch.wait(30)
            with pytest.raises(StorageFailed, match="nobody thought of this"):
                list(reader.read(head))
    finally:
        behind.close()


def test_a_mirror_is_known_as_one_before_it_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = Behind(shared_node().url)
    append_lines = JsonlStore.append_lines

    def killed(*_: object) -> None:
        """Nothing of what comes behind the line is done."""

    def append(store: JsonlStore, lines: bytes, expected: Head) -> Head:
        (record,) = Path(store.path).parent.glob(".bo/remote")
        assert record.read_bytes()
        return append_lines(store, lines, expected)

    monkeypatch.setattr(JsonlStore, "append_lines", append)
    monkeypatch.setattr(Mirror, "note", killed)
    try:
        behind.store(tmp_path / "writer").append([note("first")], START)
        assert len(list(behind.store(tmp_path / "reader").read())) == 1
        for name in ("reader", "writer"):
            assert is_mirror(str(tmp_path / name))
            assert behind.store(tmp_path / name).head().seq == 1
    finally:
        behind.close()


def test_a_pipe_in_the_place_of_the_record_holds_nobody_up(tmp_path: Path) -> None:
    behind = Behind(shared_node().url)
    (tmp_path / ".bo").mkdir()
    os.mkfifo(tmp_path / ".bo" / "remote")
    try:
        store = behind.store(tmp_path)
        store.append([note("first")], START)
        assert store.head().seq == 1
    finally:
        behind.close()


class _Busy(StreamRequestHandler):
    """Greets, and then says what a server says that had no time to look at who came."""

    def handle(self) -> None:
        try:
            self.wfile.write(b"INFO " + json.dumps(GREETING).encode() + b"\r\n")
            self.rfile.readline()
            self.wfile.write(b"-ERR 'Authentication Timeout'\r\n")
        except OSError:
            pass


def test_a_server_that_is_too_busy_to_let_us_in_is_asked_again_and_refuses_nobody() -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), _Busy) as busy:
        busy.daemon_threads = True
        Thread(target=busy.serve_forever, daemon=True).start()
        servers = Servers(Address(f"nats://127.0.0.1:{busy.server_address[1]}"), patience=0.5)
        with pytest.raises(ServersAway):
            servers.run(Stream(servers, "x").info(patience=0.5))
        servers.close()
        busy.shutdown()


def test_threads_that_read_their_first_answers_and_events_at_once_all_do() -> None:
    program = (
        "import sys\n"
        "from threading import Barrier, Thread\n"
        "from eventlog.answers import Described, Found, read_answer\n"
        "from eventlog.codec import decode_lines\n"
        "from eventlog.head import START\n"
        "sys.setswitchinterval(1e-6)\n"
        "start, done = Barrier(16), []\n"
        'found = b\'{"message":{"seq":1}}\'\n'
        'told = b\'{"config":{"name":"x","num_replicas":1},"state":{},"cluster":{"replicas":[]}}\'\n'
        "def read():\n"
        "    start.wait()\n"
        "    read_answer(found, Found), read_answer(told, Described), decode_lines(b'', START)\n"
        "    done.append(1)\n"
        "threads = [Thread(target=read) for _ in range(16)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(len(done))"
    )
    for _ in range(10):
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"16\n", b"")
