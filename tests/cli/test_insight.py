"""Why, blame and diff on the command line."""

from __future__ import annotations

import pytest

from tests.cli.running import Bo, chain, independent


@pytest.fixture
def auth(bo: Bo) -> Bo:
    """The example: the schema is done, oauth has failed, so providers is blocked. Five events."""
    bo.init()
    for command in (
        "spawn-cmd -w worker_schema --parent con_X",
        "complete -w worker_schema --output schema.sql --actor con_Y",
        "spawn-cmd -w worker_oauth --parent con_X",
        "fail -w worker_oauth --reason key",
    ):
        assert bo(*command.split(), "-p", "auth").code == 0
    return bo


def test_why_tells_the_chain_to_the_root_and_what_would_help(auth: Bo) -> None:
    answer = auth("why", "-p", "auth", "-w", "worker_providers").json
    assert answer["state"] == "blocked"
    assert [(s["worker"], s["status"], s["seq"]) for s in answer["chain"]] == [
        ("worker_providers", "blocked", 1),
        ("worker_oauth", "failed", 5),
    ]
    assert [blocker["path"] for blocker in answer["blockers"]] == [["worker_providers", "worker_oauth"]]
    assert answer["next"] == "`bo reset -w worker_oauth` reopens worker_oauth"
    people = auth("why", "-p", "auth", "-w", "worker_providers", "--table").stdout.splitlines()
    assert people[0] == "worker_providers: blocked"
    assert people[-1].startswith("next: ")
    assert "worker_oauth: failed at event 5" in people[2]


def test_why_tells_a_person_of_a_long_chain_the_ends(bo: Bo) -> None:
    bo.init("auth", chain(40))
    people = bo("why", "-p", "auth", "-w", "w40", "--table").stdout.splitlines()
    assert len(people) == 16
    assert people[-3:-1] == [
        "  and 27 steps between",
        "  w1: ready since event 1, when the plan was defined: it depends on nothing",
    ]


def test_why_tells_of_any_moment(auth: Bo) -> None:
    states = [
        auth("why", "-p", "auth", "-w", "worker_oauth", "--at", str(seq)).json["state"] for seq in range(1, 6)
    ]
    assert states == ["blocked", "blocked", "ready", "in_progress", "failed"]


def test_blame_names_the_event_and_the_actor(auth: Bo) -> None:
    answer = auth("blame", "-p", "auth", "-w", "worker_schema", "output_path").json
    assert (answer["value"], answer["seq"], answer["actor"], answer["type"]) == (
        "schema.sql",
        3,
        "con_Y",
        "worker_completed",
    )
    assert auth("blame", "-p", "auth", "-w", "worker_schema", "output_path", "--at", "2").code == 1
    whole = auth("blame", "-p", "auth", "-w", "worker_schema").json["fields"]
    assert {name: field["seq"] for name, field in whole.items()}.items() >= {
        "id": 1,
        "dependencies": 1,
        "attempt": 2,
        "status": 3,
        "completed_at": 3,
    }.items()
    row = next(
        line
        for line in auth("blame", "-p", "auth", "-w", "worker_schema", "--table").stdout.splitlines()
        if line.startswith(" status")
    )
    assert row.split()[:5] == ["status", "completed", "3", "worker_completed", "con_Y"]


@pytest.mark.parametrize("command", ["why -w ghost", "blame -w ghost status", "blame -w worker_jwt colour"])
def test_what_is_not_there_is_refused_with_a_hint(auth: Bo, command: str) -> None:
    answer = auth(*command.split(), "-p", "auth")
    assert (answer.code, bool(answer.json["hint"])) == (1, True)


def test_a_diff_of_two_moments_has_what_happened_in_between(auth: Bo) -> None:
    answer = auth("diff", "-p", "auth", "1", "3").json
    assert answer["events"] == {"worker_completed": 1, "worker_spawned": 1}
    assert {row["id"]: (row["before"], row["after"]) for row in answer["changed"]} == {
        "worker_schema": ("ready", "completed"),
        "worker_oauth": ("blocked", "ready"),
        "worker_jwt": ("blocked", "ready"),
    }
    assert answer["changed"][0]["seconds"] > 0
    now = auth("diff", "-p", "auth", "4").json
    assert [(row["id"], row["after"]) for row in now["changed"]] == [("worker_oauth", "failed")]
    time = auth.log()[3]["time"]
    assert auth("diff", "-p", "auth", time).json == now
    assert auth("diff", "-p", "auth", "5", "--table").stdout.splitlines()[1] == "nothing happened"


def test_a_person_sees_a_long_diff_in_part_and_a_count_of_the_rest(bo: Bo) -> None:
    bo.init("auth", independent(150))
    bo("complete", *(word for n in range(1, 151) for word in ("-w", f"w{n}")))
    people = bo("diff", "1", "--table").stdout.splitlines()
    assert people[-1] == "50 more workers; --json shows all"
    assert bo("diff", "1").json["changed_count"] == 150


def test_moments_in_the_wrong_order_and_none_at_all_are_refused(auth: Bo) -> None:
    assert auth("diff", "-p", "auth", "3", "1").json["code"] == "moments_reversed"
    assert auth("diff", "-p", "auth").code == 2
    assert auth("diff", "-p", "auth", "9").json["code"] == "no_such_event"


def test_a_project_is_compared_with_its_fork(auth: Bo) -> None:
    assert auth("fork", "-p", "auth", "--at", "3", "--as", "again").code == 0
    auth("complete", "-p", "again", "-w", "worker_oauth")
    answer = auth("diff", "-p", "auth", "--other", "again").json
    assert (answer["same_until"], answer["same_plan"]) == (3, True)
    assert {row["id"]: (row["here"], row["there"]) for row in answer["differing"]} == {
        "worker_oauth": ("failed", "completed"),
        "worker_providers": ("blocked", "ready"),
    }
    before = auth("diff", "-p", "auth", "3", "3", "--other", "again").json
    assert (before["differing"], before["same_until"]) == ([], 3)
    people = auth("diff", "-p", "auth", "--other", "again", "--table").stdout
    assert "the same up to event 3, the same plan" in people


@pytest.mark.parametrize(
    "command", ["why -w worker_jwt", "blame -w worker_jwt", "diff 1", "critical-path", "what-if", "audit"]
)
def test_reading_for_insight_leaves_every_file_as_it_is(auth: Bo, command: str) -> None:
    files = [path for path in auth.path("auth").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    assert auth(*command.split(), "-p", "auth").code == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "command", ["why -w w1", "blame -w w1", "diff 1", "critical-path", "what-if", "audit", "plan", "readme"]
)
def test_a_log_whose_first_write_never_ended_has_no_plan_yet(bo: Bo, command: str) -> None:
    bo.path("auth").mkdir(parents=True)
    bo.path("auth", "events.jsonl").write_bytes(b'{"seq":1,')
    answer = bo(*command.split(), "-p", "auth")
    assert answer.code == 1
    assert answer.json["code"] in ("no_plan", "no_such_event")
