"""Whoever knows the tool before this one finds its commands, flags and keys."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.cli.running import AUTH, Bo


@pytest.fixture
def auth(bo: Bo) -> Bo:
    return bo.init()


def test_init_answers_with_its_keys_and_makes_the_folder(bo: Bo) -> None:
    answer = bo("init", "--project", "auth", "--plan", json.dumps(AUTH))
    assert answer.code == 0
    assert {key: answer.json[key] for key in ("success", "project", "workers_count", "project_dir")} == {
        "success": True,
        "project": "auth",
        "workers_count": 4,
        "project_dir": str(bo.path("auth")),
    }
    assert {"plan.json", "README.md", "events.jsonl"} <= {entry.name for entry in bo.path("auth").iterdir()}


def test_answers_are_indented_by_two(auth: Bo) -> None:
    answer = auth("status", "--project", "auth")
    assert answer.stdout == json.dumps(answer.json, indent=2, ensure_ascii=False) + "\n"


def test_plan_json_is_the_plan_as_given_with_three_keys_a_worker_and_meta_last(bo: Bo) -> None:
    plan: dict[str, Any] = {
        "context": {"deep": [1, 2.5, None]},
        "name": "N",
        "workers": [{"wave": 3, "id": "a", "acceptance_criteria": ["x"]}],
        "zebra": "last",
    }
    bo.init("auth", plan)
    found = bo.plan()
    assert list(found) == ["context", "name", "workers", "zebra", "_meta"]
    assert found["context"] == plan["context"]
    assert list(found["workers"][0].items()) == [
        ("wave", 3),
        ("id", "a"),
        ("acceptance_criteria", ["x"]),
        ("status", "pending"),
        ("completed_at", None),
        ("spawned_conversation", None),
    ]
    assert list(found["_meta"]) == ["project", "created_at", "status", "seq", "hash"]
    assert found["_meta"]["project"] == "auth"
    assert found["_meta"]["status"] == "active"


def test_a_status_that_the_plan_gives_is_kept(bo: Bo) -> None:
    bo.init("auth", {"workers": [{"id": "a", "status": "completed"}, {"id": "b", "dependencies": ["a"]}]})
    assert bo.statuses() == {"a": "completed", "b": "pending"}
    assert bo("ready", "-p", "auth").json["ready_count"] == 1


def test_status_answers_with_its_keys(auth: Bo) -> None:
    answer = auth("status", "--project", "auth").json
    assert {"project", "name", "total_workers", "status_counts", "workers"} <= answer.keys()
    assert (answer["project"], answer["name"], answer["total_workers"]) == (
        "auth",
        "Authentication System",
        4,
    )
    assert {"pending", "in_progress", "review_pending", "completed", "blocked"} <= answer[
        "status_counts"
    ].keys()
    assert [worker["id"] for worker in answer["workers"]] == [worker["id"] for worker in AUTH["workers"]]
    assert answer["workers"] == auth.plan()["workers"]


def test_ready_answers_with_the_full_workers_in_plan_order(auth: Bo) -> None:
    assert auth("ready", "--project", "auth").json == {
        "project": "auth",
        "ready_count": 1,
        "ready_workers": [
            AUTH["workers"][0] | {"status": "pending", "completed_at": None, "spawned_conversation": None}
        ],
    }
    auth("complete", "-p", "auth", "-w", "worker_schema")
    ready = auth("ready", "-p", "auth").json["ready_workers"]
    assert [worker["id"] for worker in ready] == ["worker_oauth", "worker_jwt"]


def test_complete_answers_with_its_keys_and_keeps_the_output(auth: Bo) -> None:
    answer = auth("complete", "--project", "auth", "--worker", "worker_schema", "--output", "a/schema.sql")
    assert answer.code == 0
    assert (
        answer.json.items() >= {"success": True, "worker_id": "worker_schema", "status": "completed"}.items()
    )
    worker = auth.plan()["workers"][0]
    assert (worker["status"], worker["output_path"]) == ("completed", "a/schema.sql")
    assert worker["completed_at"] == auth.log()[1]["time"]


def test_submit_review_approve_answer_with_their_keys(auth: Bo) -> None:
    answer = auth(
        *"submit --project auth --worker worker_schema".split(), "--files", "a b", "--summary", "two files"
    )
    assert answer.json.items() >= {"success": True, "status": "review_pending"}.items()
    worker = auth.plan()["workers"][0]
    assert (worker["submitted_files"], worker["submitted_summary"]) == ("a b", "two files")
    assert worker["submitted_at"] == auth.log()[1]["time"]

    waiting = auth("review", "--project", "auth").json
    assert (waiting["project"], waiting["pending_reviews"]) == ("auth", 1)
    assert waiting["reviews"] == [worker]

    answer = auth("approve", "--project", "auth", "--worker", "worker_schema")
    assert (
        answer.json.items() >= {"success": True, "worker_id": "worker_schema", "status": "completed"}.items()
    )
    assert auth("review", "-p", "auth").json["pending_reviews"] == 0


def test_spawn_cmd_answers_with_the_command_and_its_context(auth: Bo) -> None:
    answer = auth(*"spawn-cmd --project auth --worker worker_schema --parent con_X".split()).json
    assert answer["worker_id"] == "worker_schema"
    words = shlex.split(answer["command"])
    assert words[:5] == ["python3", "N5/scripts/spawn_worker_v2.py", "--parent", "con_X", "--context"]
    assert json.loads(words[5]) == answer["context"]
    assert list(answer["context"]) == [
        "instruction",
        "parent_focus",
        "parent_objective",
        "parent_status",
        "parent_type",
        "key_decisions",
        "relevant_files",
        "additional_context",
    ]
    assert answer["context"]["parent_type"] == "build"
    assert answer["context"]["key_decisions"] == AUTH["key_decisions"]
    assert answer["context"]["relevant_files"] == AUTH["relevant_files"]


def test_list_answers_with_every_project_also_those_of_the_tool_before(auth: Bo) -> None:
    auth.path("older").mkdir()
    auth.path("older", "plan.json").write_text(json.dumps(AUTH))
    auth.path("no-project").mkdir()
    listed = auth("list").json["projects"]
    assert [(entry["project"], entry["status"]) for entry in listed] == [
        ("auth", "active"),
        ("older", "not_imported"),
    ]
    assert all({"project", "name", "status", "workers"} <= entry.keys() for entry in listed)


def test_the_readme_has_its_parts_and_the_dates_of_events(auth: Bo) -> None:
    auth("complete", "-p", "auth", "-w", "worker_schema")
    first, last = auth.log()[0]["time"][:10], auth.log()[-1]["time"][:10]
    text = auth.path("auth", "README.md").read_text()
    assert text.startswith(f"---\ncreated: {first}\nlast_edited: {last}\nversion: 1.0\n---\n")
    parts = [
        "\n# Authentication System\n",
        "\n## Objective\n",
        "\n## Workers\n",
        "| ID | Component | Status | Dependencies | Est. Hours |",
        "| worker_schema | database_schema | completed | - | 2h |",
        "| worker_oauth | oauth_flow | pending | worker_schema | 4h |",
        "\n## Key Decisions\n",
        "- JWT for sessions",
        "\n## Relevant Files\n",
        "- `N5/schemas/auth.sql`",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "ready",
        "review",
        "complete -w x",
        "submit -w x",
        "approve -w x",
        "spawn-cmd -w x --parent c",
    ],
)
def test_a_project_that_is_not_there_is_named_and_is_a_failure(bo: Bo, command: str) -> None:
    answer = bo(*command.split(), "--project", "ghost")
    assert answer.code == 1
    assert answer.json["error"] == "Project 'ghost' not found"
    assert answer.json["code"] == "no_project"
    assert not bo.builds.exists()


@pytest.mark.parametrize("command", ["complete", "submit", "approve", "spawn-cmd --parent c"])
def test_a_worker_that_is_not_there_is_named_and_is_a_failure(auth: Bo, command: str) -> None:
    answer = auth(*command.split(), "--project", "auth", "--worker", "worker_jwtt")
    assert answer.code == 1
    assert answer.json["error"] == "Worker 'worker_jwtt' not found"
    assert answer.json["code"] == "unknown_worker"
    assert "'worker_jwt'" in answer.json["hint"]
    assert len(auth.log()) == 1
