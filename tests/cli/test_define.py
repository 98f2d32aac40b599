"""Beginning a project, adopting one, changing its plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.running import AUTH, ROOT, Bo, chain, independent

TEXT = json.dumps(AUTH)


def test_a_plan_comes_from_a_file_from_standard_input_or_from_the_command_line(bo: Bo) -> None:
    file = str(ROOT / "examples" / "auth-system.json")
    assert bo("init", "-p", "a", "--plan-file", file).code == 0
    assert bo("init", "-p", "b", "--plan-file", "-", stdin=TEXT.encode()).code == 0
    assert bo("init", "-p", "c", "--plan", TEXT).code == 0
    assert bo.log("a")[0]["plan"] == bo.log("b")[0]["plan"] == bo.log("c")[0]["plan"] == AUTH


def test_no_two_projects_share_a_build_id(bo: Bo) -> None:
    bo.init("a").init("b")
    assert bo.log("a")[0]["build_id"] != bo.log("b")[0]["build_id"]


def test_the_same_plan_again_is_a_success_that_appends_nothing(bo: Bo) -> None:
    bo.init()
    answer = bo("init", "-p", "auth", "--plan", json.dumps(AUTH, indent=4))
    assert (answer.code, answer.json["success"], answer.json["already"]) == (0, True, True)
    assert bo.types() == ["plan_defined"]


def test_another_plan_for_an_existing_project_is_refused_and_changes_nothing(bo: Bo) -> None:
    bo.init()
    before = bo.path("auth", "plan.json").read_bytes()
    answer = bo("init", "-p", "auth", "--plan", json.dumps(chain(2)))
    assert (answer.code, answer.json["code"]) == (1, "project_exists")
    assert "bo amend" in answer.json["hint"]
    assert bo.path("auth", "plan.json").read_bytes() == before
    assert bo.types() == ["plan_defined"]


def test_a_bad_plan_names_all_its_problems_and_leaves_nothing_behind(bo: Bo) -> None:
    plan = {"workers": [{"id": "a", "dependencies": ["gone"]}, {"id": "a/b"}, {"component": "no id"}]}
    answer = bo("init", "-p", "auth", "--plan", json.dumps(plan))
    assert (answer.code, answer.json["code"], len(answer.json["problems"])) == (1, "invalid_plan", 3)
    assert not bo.builds.exists()
    table = bo("init", "-p", "auth", "--plan", json.dumps(plan), "--table")
    assert (table.code, table.stdout) == (1, "")
    assert table.stderr.startswith("error: the plan has 3 problems:\n  - ")
    assert table.stderr.endswith("hint: mend the plan and try again; nothing was written\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("init", "--plan", TEXT),
        ("init", "-p", "auth"),
        ("init", "-p", "auth", "--plan", TEXT, "--plan-file", "x"),
        ("amend", "-p", "auth"),
        ("amend", "-p", "auth", "--add", "{}", "--add-file", "x"),
        ("amend", "-p", "auth", "--depend", "worker_jwt"),
        ("amend", "-p", "auth", "--hours", "worker_jwt:3"),
    ],
)
def test_half_a_command_is_a_usage_error(bo: Bo, arguments: tuple[str, ...]) -> None:
    answer = bo(*arguments)
    assert (answer.code, answer.json["code"]) == (2, "usage")
    assert not bo.builds.exists()


@pytest.mark.parametrize(
    "arguments", [("init", "-p", "x", "--plan-file"), ("import",), ("amend", "-p", "x", "--add-file")]
)
def test_a_file_that_cannot_be_read_is_named(bo: Bo, arguments: tuple[str, ...]) -> None:
    for file, why in (("gone.json", "No such file"), (".", "Is a directory")):
        answer = bo(*arguments, file)
        assert (answer.code, answer.json["code"]) == (1, "no_such_file")
        assert answer.json["error"].startswith(f"cannot read {file}: {why}")


def test_a_plan_of_another_tool_is_adopted_with_its_statuses_and_times(bo: Bo) -> None:
    done = "2026-01-09T07:18:19.421737+00:00"
    plan = {
        "workers": [
            {"id": "a", "status": "completed", "completed_at": done, "spawned_conversation": "con_1"},
            {"id": "b", "status": "blocked", "dependencies": ["a"]},
            {"id": "c", "status": "review_pending"},
        ],
        "_meta": {"project": "older", "created_at": "2026-01-01", "status": "active"},
    }
    file = bo.folder / "plan.json"
    file.write_text(json.dumps(plan))
    answer = bo("import", str(file))
    assert (answer.code, answer.json["project"], answer.json["ready"]) == (0, "older", ["b"])
    assert bo.types("older") == ["plan_imported"]
    workers = bo.plan("older")["workers"]
    assert [worker["status"] for worker in workers] == ["completed", "pending", "review_pending"]
    assert (workers[0]["completed_at"], workers[0]["spawned_conversation"]) == (done, "con_1")


def test_a_plan_can_be_adopted_where_it_lies(bo: Bo) -> None:
    bo.path("auth").mkdir(parents=True)
    bo.path("auth", "plan.json").write_text(TEXT)
    refusal = bo("init", "-p", "auth", "--plan", TEXT)
    assert (refusal.code, refusal.json["code"]) == (1, "foreign_plan")
    assert f"bo import {bo.path('auth', 'plan.json')} -p auth" in refusal.json["hint"]
    assert "bo import" in bo("status", "-p", "auth").json["hint"]
    assert bo("import", str(bo.path("auth", "plan.json")), "-p", "auth").code == 0
    assert bo.statuses() == dict.fromkeys((worker["id"] for worker in AUTH["workers"]), "pending")


def test_what_is_imported_under_no_name_is_a_usage_error(bo: Bo) -> None:
    (bo.folder / "plan.json").write_text(TEXT)
    answer = bo("import", "plan.json")
    assert (answer.code, answer.json["code"]) == (2, "usage")


def test_workers_are_added_and_dependencies_and_hours_changed_in_one_event(bo: Bo) -> None:
    bo.init("auth", independent(3))
    answer = bo(
        *"amend -p auth --depend w2=w1,w3 --hours w1=1.5 --add".split(),
        '[{"id": "w4", "dependencies": ["w2"], "wave": 9}]',
    )
    assert answer.code == 0
    assert (
        answer.json.items() >= {"workers_count": 4, "already": False, "ready": ["w1", "w3"], "seq": 2}.items()
    )
    workers = {worker["id"]: worker for worker in bo.plan()["workers"]}
    assert workers["w2"]["dependencies"] == ["w1", "w3"]
    assert workers["w1"]["estimated_hours"] == 1.5
    assert (workers["w4"]["wave"], workers["w4"]["status"]) == (9, "pending")
    assert bo.types() == ["plan_defined", "plan_amended"]


def test_the_same_amendment_again_appends_nothing(bo: Bo) -> None:
    bo.init("auth", independent(2))
    amendment = ("amend", "-p", "auth", "--depend", "w2=w1", "--hours", "w1=2", "--add", '{"id": "w3"}')
    assert bo(*amendment).json["already"] is False
    again = bo(*amendment)
    assert (again.code, again.json["already"], again.json["seq"]) == (0, True, None)
    assert "it was so already" in bo(*amendment, "--table").stdout
    assert len(bo.log()) == 2


def test_workers_are_added_from_a_file_or_standard_input_as_a_list_or_as_a_plan(bo: Bo) -> None:
    bo.init("auth", independent(1))
    (bo.folder / "more.json").write_text('{"workers": [{"id": "a"}]}')
    assert bo("amend", "-p", "auth", "--add-file", "more.json").json["workers_count"] == 2
    assert bo("amend", "-p", "auth", "--add-file", "-", stdin=b'[{"id": "b"}]').json["workers_count"] == 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--depend", "w1=w2"), "dependency cycle"),
        (("--depend", "w3=w9"), "'w9', which is not a worker"),
        (("--depend", "w9=w1"), "w9: is not a worker"),
        (("--hours", "w1=many"), "not a number"),
        (("--hours", "w1=nan"), "w1"),
        (("--hours", "w1=-1"), "w1"),
        (("--add", '{"id": "w1", "component": "another"}'), "there is already a worker 'w1'"),
        (("--add", '{"id": "new", "estimated_hours": NaN}'), "not a finite number"),
        (("--add", '{"id": "new", "x": 99999999999999999999}'), "more than 64 bits"),
        (("--add", '{"id": "new", "x": "\\ud800"}'), "surrogate"),
        (("--add", '"new"'), "not a list"),
        (("--add", "[" * 500 + "]" * 500), "nested"),
        (("--add", "{"), "not JSON"),
    ],
)
def test_an_amendment_that_breaks_the_plan_is_refused(bo: Bo, options: tuple[str, ...], problem: str) -> None:
    bo.init("auth", chain(3))
    answer = bo("amend", "-p", "auth", *options)
    assert (answer.code, answer.json["code"]) == (1, "invalid_plan")
    assert problem in answer.json["error"]
    assert len(bo.log()) == 1


def test_dependencies_of_a_worker_that_began_are_settled(bo: Bo) -> None:
    bo.init("auth", independent(2))
    bo("complete", "-p", "auth", "-w", "w1")
    answer = bo("amend", "-p", "auth", "--depend", "w1=w2")
    assert (answer.code, answer.json["code"]) == (1, "already_started")


def test_a_person_reads_what_was_begun(bo: Bo) -> None:
    plan: Any = independent(12)
    first = bo("init", "-p", "auth", "--plan", json.dumps(plan), "--table")
    assert first.stdout == (
        f"auth is defined: 12 workers, in {bo.path('auth')}\n"
        "ready: w1, w2, w3, w4, w5, w6, w7, w8, w9, w10 and 2 more\n"
    )
    again = bo("init", "-p", "auth", "--plan", json.dumps(plan), "--table")
    assert again.stdout.startswith("auth exists already, with the same plan: 12 workers")
