"""The place for logs on servers: made where they can be relied on, and examined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.remote import RemoteBo, impatient, ok
from tests.cli.running import Bo, chain
from tests.remote.behind import Behind, shared_node
from tests.remote.nodes import Cluster, Node, free_ports, until


@pytest.fixture
def bo(tmp_path: Path) -> RemoteBo:
    """With an address whose stream nobody has made."""
    return RemoteBo(tmp_path / "here", f"{shared_node().url}/t{uuid4().hex}")


def monitored() -> tuple[str, str]:
    """The option that names the monitoring of the server that all share."""
    return "--monitor", shared_node().monitor


def init(bo: RemoteBo, *options: str) -> Any:
    return bo("remote", "init", *(options if "--replicas" in options else ("--replicas", "1", *options)))


def checks(bo: RemoteBo, *options: str) -> dict[str, tuple[str, str]]:
    answer = bo("doctor", *options)
    return {check["check"]: (check["state"], check["found"]) for check in answer.json["checks"]}


def test_a_place_is_made_once_and_holds_logs(bo: RemoteBo) -> None:
    before = bo("init", "-p", "auth", "--plan", json.dumps(chain(1)))
    assert (before.code, before.json["code"]) == (1, "no_stream")
    made = ok(init(bo, *monitored())).json
    assert (made["already"], made["power_safe"], made["replicas"]) == (False, True, 1)
    assert ok(init(bo, *monitored())).json == made | {"already": True}
    bo.init()
    assert ok(bo("status")).json["log"]["power_safe"] is True


def test_servers_of_which_it_is_not_known_that_they_sync_are_refused_unless_that_is_accepted(
    bo: RemoteBo,
) -> None:
    silent = ("--monitor", f"http://127.0.0.1:{free_ports(1)[0]}")
    refused = init(bo, *silent)
    assert (refused.code, refused.json["code"]) == (1, "unsynced")
    for word in ("sync_interval: always", "--monitor", "--accept-unsynced"):
        assert word in refused.json["hint"]
    assert init(bo, "--monitor", "ftp://x").json["code"] == "unsynced"
    assert ok(init(bo, *silent, "--accept-unsynced")).json["power_safe"] is False
    bo.init()
    assert ok(bo("status")).json["log"]["power_safe"] is False
    assert checks(bo, *monitored())["stream"][0] == "warn"
    # It is learnt when it is done again.
    assert ok(init(bo, *monitored())).json["power_safe"] is True
    assert ok(bo("status")).json["log"]["power_safe"] is True


def test_a_server_that_does_not_sync_is_named(tmp_path: Path) -> None:
    with Node(tmp_path / "node", "lazy", sync="2m") as node:
        bo = RemoteBo(tmp_path / "here", node.url)
        answer = init(bo, "--monitor", node.monitor)
        assert (answer.code, answer.json["code"]) == (1, "unsynced")
        assert "'lazy' does not sync" in answer.json["error"]
        assert checks(bo, "--monitor", node.monitor)["power"][0] == "warn"


def test_more_replicas_than_servers_are_refused(bo: RemoteBo) -> None:
    for options in (monitored(), ("--accept-unsynced",)):
        answer = init(bo, "--replicas", "3", *options)
        assert (answer.code, answer.json["code"]) == (1, "too_few_servers"), answer
        assert "3 replicas" in answer.json["error"]


def test_a_stream_with_other_settings_is_refused_with_what_is_wrong(bo: RemoteBo) -> None:
    behind = Behind(shared_node().url)
    behind.damage(max_age=3600 * 10**9)
    bo.address = behind.address
    answer = init(bo, *monitored())
    assert (answer.code, answer.json["code"]) == (1, "other_stream")
    assert "max_age is 3600000000000, not 0" in answer.json["error"]
    state, found = checks(bo, *monitored())["stream"]
    assert state == "bad"
    assert "max_age" in found
    refused = bo("init", "-p", "x", "--plan", json.dumps(chain(1)))
    assert (refused.code, refused.json["code"]) == (1, "unfit_stream")
    behind.close()


def test_a_cluster_is_proven_server_by_server(tmp_path: Path) -> None:
    with Cluster(tmp_path / "cluster") as cluster:
        bo = RemoteBo(tmp_path / "here", ",".join(cluster.urls).replace(",nats://", ","))
        monitors = [word for node in cluster.nodes for word in ("--monitor", node.monitor)]
        some = init(bo, "--replicas", "3", *monitors[:4])
        assert (some.code, some.json["code"]) == (1, "unsynced")
        assert "3 servers" in some.json["error"]
        assert ok(init(bo, "--replicas", "3", *monitors)).json["power_safe"] is True
        found = checks(bo, *monitors)
        assert found["servers"][0] == found["power"][0] == found["clocks"][0] == "ok"
        assert found["replicas"][1].startswith("3")
        cluster.nodes[0].kill()
        state, shown = checks(bo, *monitors)["servers"]
        assert state == "warn"
        assert shown.startswith(f"127.0.0.1:{cluster.nodes[0].port} it does not answer")
        bo.init()
        assert checks(bo, *monitors)["mirrors"][0] == "ok"
        cluster.nodes[1].kill()
        # The one that is left may take itself for the leader for some seconds, or no longer know the stream.
        until(
            lambda: checks(bo, *monitors).get("mirrors", ("",))[0] != "ok", "no word of what was not compared"
        )


def test_the_doctor_examines_servers_stream_and_mirrors(bo: RemoteBo, tmp_path: Path) -> None:
    ok(init(bo, *monitored()))
    bo.init()
    found = checks(bo, *monitored())
    names = ("servers", "max_payload", "power", "clocks", "stream", "replicas", "mirrors")
    assert [found[name][0] for name in names] == ["ok", "ok", "ok", "ok", "ok", "warn", "ok"]
    assert found["mirrors"][1].startswith("1 here")
    assert ok(bo("doctor", "--table")).stdout.count("\n") > len(names)
    with Node(tmp_path / "small") as small:
        bo.address = small.url
        state, shown = checks(bo)["max_payload"]
    assert state == "warn"
    assert "`max_payload: 8MB`" in shown


def test_the_doctor_says_that_servers_are_away(bo: RemoteBo, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    bo.address = f"nats://127.0.0.1:{free_ports(1)[0]}"
    state, found = checks(bo)["log"]
    assert state == "bad"
    assert "does not answer: nobody listens there" in found
    assert "address is right" in found


@pytest.fixture
def monitoring() -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a monitoring, and what it answers."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_clocks_that_are_apart_are_found(bo: RemoteBo, monitoring: tuple[str, dict[str, Any]]) -> None:
    url, answers = monitoring
    config = {"sync_always": True}
    answers["/varz"] = {
        "server_name": "slow",
        "now": "2001-01-01T00:00:00.123456789Z",
        "jetstream": {"config": config},
    }
    answers["/jsz"] = {}
    state, found = checks(bo, "--monitor", url)["clocks"]
    assert state == "warn"
    assert "'slow'" in found


@pytest.mark.parametrize("varz", [None, [], {}, {"server_name": "x", "now": "soon"}, {"jetstream": 3}])
def test_monitoring_that_says_something_else_proves_nothing(
    bo: RemoteBo, monitoring: tuple[str, dict[str, Any]], varz: Any
) -> None:
    url, answers = monitoring
    answers["/varz"], answers["/jsz"] = varz, {}
    assert init(bo, "--monitor", url).json["code"] == "unsynced"


def test_an_old_server_is_refused(bo: RemoteBo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.survey.OLDEST", (99, 0))
    answer = init(bo, *monitored())
    assert (answer.code, answer.json["code"]) == (1, "old_server")
    assert checks(bo, *monitored())["servers"][0] == "bad"


def test_without_an_address_it_is_usage(tmp_path: Path) -> None:
    bo = Bo(tmp_path)
    for command in (["remote", "init", "--replicas", "1"], ["push"], ["pull"]):
        answer = bo(*command)
        assert (answer.code, answer.json["code"]) == (2, "usage")
        assert "--log" in answer.json["error"]
