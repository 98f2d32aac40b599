"""How long a build takes and how long it would: critical-path and what-if on the command line."""

from __future__ import annotations

import json

import networkx
import pytest

from tests.cli.running import PLANS, Bo


def test_the_critical_path_of_a_plan_is_that_of_its_estimates(bo: Bo) -> None:
    bo.init()
    answer = bo("critical-path", "-p", "auth").json
    assert (answer["path"], answer["hours"]) == (["worker_schema", "worker_oauth", "worker_providers"], 9)
    workers = {worker["id"]: worker for worker in answer["workers"]}
    assert {name: worker["slack_hours"] for name, worker in workers.items()} == {
        "worker_schema": 0,
        "worker_oauth": 0,
        "worker_jwt": 4,
        "worker_providers": 0,
    }
    assert [workers[name]["potential_gain_hours"] for name in answer["path"]] == [2, 4, 3]
    assert [workers[name]["start_hours"] for name in workers] == [0, 2, 2, 6]
    assert answer["measured"] is None
    people = bo("critical-path", "-p", "auth", "--table").stdout
    assert people.startswith(
        "auth: the longest path takes 9 h through 3 of 4 workers; all work together 12 h"
    )


def test_what_ran_is_measured(bo: Bo) -> None:
    bo.init()
    bo("spawn-cmd", "-p", "auth", "-w", "worker_schema", "--parent", "x")
    bo("complete", "-p", "auth", "-w", "worker_schema")
    answer = bo("critical-path", "-p", "auth").json
    assert answer["workers"][0]["source"] == "real"
    assert 7 < answer["hours"] < 7.1
    assert answer["measured"]["attempts"] == 1
    assert "at once at most 1" in bo("critical-path", "-p", "auth", "--table").stdout
    assert bo("critical-path", "-p", "auth", "--at", "1").json["hours"] == 9
    same = [bo("critical-path", "-p", "auth", "--at", "2").stdout for _ in range(2)]
    assert same[0] == same[1], "a moment that is past does not change"


@pytest.mark.skipif(not PLANS.is_dir(), reason="other people's plans do not lie beside the checkout")
@pytest.mark.parametrize("name", ["nfcore-rnaseq.json", "montage-2mass-01d.json"])
def test_the_critical_path_of_a_real_plan_is_the_one_that_networkx_finds(bo: Bo, name: str) -> None:
    text = (PLANS / name).read_text()
    bo.init("auth", text)
    answer = bo("critical-path", "-p", "auth").json
    graph = networkx.DiGraph()
    for worker in json.loads(text)["workers"]:
        for needed in worker["dependencies"] or [""]:
            graph.add_edge(needed, worker["id"], weight=worker["estimated_hours"])
    assert answer["hours"] == pytest.approx(networkx.dag_longest_path_length(graph), abs=1e-6)
    assert len(answer["path"]) == len(networkx.dag_longest_path(graph)) - 1


def test_what_if_changes_nothing_and_says_what_would_be(bo: Bo) -> None:
    bo.init()
    log = bo.path("auth", "events.jsonl").read_bytes()
    answer = bo(
        "what-if", "-p", "auth", "--complete", "worker_schema", "--slower", "worker_jwt=3", "-j2"
    ).json
    assert answer["ready"] == ["worker_oauth", "worker_jwt"]
    assert answer["supposed"][:2] == ["worker_schema is completed", "worker_jwt takes 3 times its estimate"]
    assert answer["critical_path"] == {"hours": 9, "path": ["worker_jwt"]}
    assert (answer["finish_hours"], answer["now"]["ready"]) == (9, ["worker_schema"])
    assert answer["difference"]["newly_ready"] == ["worker_oauth", "worker_jwt"]
    assert bo.path("auth", "events.jsonl").read_bytes() == log


def test_what_if_with_fewer_jobs_a_failure_and_a_worker_more(bo: Bo) -> None:
    bo.init()
    assert bo("what-if", "-p", "auth", "-j1").json["finish_hours"] == 12
    failed = bo("what-if", "-p", "auth", "--fail", "worker_oauth", "-j1").json
    assert (failed["never"], failed["finish_hours"]) == (["worker_providers"], 5)
    added = '{"id": "docs", "dependencies": ["worker_providers"], "estimated_hours": 1.5}'
    assert bo("what-if", "-p", "auth", "--add", added, "-j9").json["finish_hours"] == 10.5
    skipped = bo("what-if", "-p", "auth", "--skip", "worker_schema", "-j9").json
    assert (skipped["ready"], skipped["finish_hours"]) == (["worker_oauth", "worker_jwt"], 7)
    people = bo("what-if", "-p", "auth", "--fail", "worker_oauth", "-j1", "--table").stdout
    assert people.startswith("if worker_oauth failed, and is not tried again; 1 run at once instead of ")


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--slower worker_jwt", "invalid_amount"),
        ("--slower worker_jwt=x", "invalid_amount"),
        ("--slower worker_jwt=-1", "invalid_amount"),
        ("--slower worker_jwt=nan", "invalid_amount"),
        ("--slower worker_jtw=2", "unknown_worker"),
        ("--fail ghost", "unknown_worker"),
        ("--add {}", "invalid_plan"),
        ("--add [", "invalid_plan"),
    ],
)
def test_what_cannot_be_supposed_is_refused(bo: Bo, option: str, code: str) -> None:
    bo.init()
    answer = bo("what-if", "-p", "auth", *option.split(" ", 1))
    assert (answer.code, answer.json["code"]) == (1, code)
