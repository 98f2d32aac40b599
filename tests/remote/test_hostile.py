"""Whoever answers in the place of the servers: what he says leads to named errors, and to an end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest

from cli.remote import Remote
from eventlog.errors import ServersAway
from eventlog.servers import Address, Servers
from eventlog.stream import Stream

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
