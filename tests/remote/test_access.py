"""Who may come in: credentials files, and servers that speak TLS."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import nkeys
import pytest

from eventlog import START
from eventlog.errors import OrchestratorError, StorageFailed
from eventlog.jetstream import JetStreamStore
from eventlog.servers import Address, Servers
from eventlog.stream import Stream
from eventlog.stream_settings import settings
from tests.arch.source import ROOT
from tests.logs import notes
from tests.remote.nodes import Node


class Issuer:
    """A key pair that signs tokens, as the tools of NATS make them."""

    def __init__(self, kind: int) -> None:
        self.seed = bytes(nkeys.encode_seed(os.urandom(32), kind))
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.public = self._pair.public_key.decode()

    def sign(self, subject: Issuer, name: str, nats: dict[str, Any]) -> str:
        """A token about `subject`."""
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"jti": name, "iat": 1, "iss": self.public, "name": name, "sub": subject.public, "nats": nats}
        parts = b".".join(_packed(json.dumps(part).encode()) for part in (head, body))
        return (parts + b"." + _packed(self._pair.sign(parts))).decode()


def _packed(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def test_a_credentials_file_opens_the_servers_and_nothing_else_does(tmp_path: Path) -> None:
    operator, system, account, user = (
        Issuer(kind)
        for kind in (
            nkeys.PREFIX_BYTE_OPERATOR,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_USER,
        )
    )
    free = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    store = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    limits = {**free, "wildcards": True}
    tokens = {
        system.public: operator.sign(system, "SYS", {"type": "account", "version": 2, "limits": limits}),
        account.public: operator.sign(
            account, "A", {"type": "account", "version": 2, "limits": {**limits, **store}}
        ),
    }
    us = account.sign(user, "us", {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1})
    credentials = tmp_path / "us.creds"
    credentials.write_text(
        f"-----BEGIN NATS USER JWT-----\n{us}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    preload = "\n".join(f"{name}: {token}" for name, token in tokens.items())
    root = operator.sign(operator, "O", {"type": "operator", "version": 2, "system_account": system.public})
    extra = (
        f"operator: {root}\nsystem_account: {system.public}\n"
        f"resolver: MEMORY\nresolver_preload {{\n{preload}\n}}"
    )
    with Node(tmp_path / "node", extra=extra) as node:
        for given in (None, str(tmp_path / "none.creds")):
            refused = Servers(Address(node.url), credentials=given, patience=1)
            with pytest.raises(OrchestratorError) as error:
                JetStreamStore(str(tmp_path / "x" / "events.jsonl"), "x", refused).exists()
            assert "BO_NATS_CREDS" in error.value.hint
            refused.close()
        servers = Servers(Address(node.url), credentials=str(credentials))
        servers.run(Stream(servers, "x").create(settings("builds", 1, synced=True)))
        one = JetStreamStore(str(tmp_path / "x" / "events.jsonl"), "x", servers)
        assert one.append(notes(2), START).head.seq == 2
        one.close()


@pytest.mark.needs("openssl")
def test_servers_with_tls_are_reached_when_their_certificate_is_trusted(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
            *"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1".split(),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    extra = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'
    with Node(tmp_path / "node", extra=extra) as node:
        address = node.url.replace("nats://", "tls://")
        program = (
            "import sys\n"
            "from eventlog.servers import Address, Servers\n"
            "from eventlog.errors import StorageFailed\n"
            "servers = Servers(Address(sys.argv[1]), patience=1)\n"
            "async def greet(client): return client.connected_url.scheme\n"
            "try: print(servers.run(servers.ask(greet)))\n"
            "except StorageFailed as error: print(error)\n"
        )
        for trusted, said in ((str(certificate), "tls"), ("", "certificate verify failed")):
            environment = {**os.environ, "SSL_CERT_FILE": trusted, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                [sys.executable, "-c", program, address],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert said in done.stdout, done
            assert done.stderr == ""
        with pytest.raises(StorageFailed):
            JetStreamStore(
                str(tmp_path / "events.jsonl"), "x", Servers(Address(node.url), patience=1)
            ).exists()


def test_nothing_secret_goes_to_a_server_without_tls_where_the_address_asks_for_it() -> None:
    received: list[bytes] = []

    def greet() -> None:
        with suppress(TimeoutError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(
                        b'INFO {"version":"2.12.0","auth_required":true,"max_payload":1048576}\r\n'
                    )
                    connection.settimeout(5)
                    received.append(connection.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(3)
        thread = Thread(target=greet)
        thread.start()
        servers = Servers(Address(f"tls://me:pass@127.0.0.1:{listener.getsockname()[1]}"), patience=1)
        with pytest.raises(StorageFailed, match="speaks no TLS") as refused:
            servers.run(Stream(servers, "x").info())
        servers.close()
        thread.join()
    assert received == [b""]
    assert "pass@" not in str(refused.value)
    assert "nats://" in refused.value.hint
