"""export, import --from, schema and prime on the command line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest

from projections.schema import event_schema, plan_schema
from tests.cli.running import AUTH, Bo, BoProcess

FORMATS = ("chrome-trace", "otlp-json", "cloudevents", "wfformat", "csv")


@pytest.fixture
def worked(bo: Bo) -> Bo:
    """A project in which one worker is completed."""
    bo.init()
    bo("spawn-cmd", "-w", "worker_schema", "--parent", "con_A")
    bo("complete", "-w", "worker_schema", "--output", "schema.sql")
    return bo


def test_events_are_exported_one_a_line_with_the_line_of_the_log_inside(worked: Bo) -> None:
    lines = worked("export", "--format", "cloudevents").lines
    assert [line["data"] for line in lines] == worked.log()
    assert [line["type"] for line in lines][1] == "build_orchestrator.worker_spawned.v1"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_has_what_would_have_been_printed(worked: Bo, format_: str) -> None:
    answer = worked("export", "--format", format_, "-o", "out").json
    content = (worked.folder / "out").read_bytes()
    assert worked("export", "--format", format_).stdout.encode() == content
    assert (answer["format"], answer["bytes"]) == (format_, len(content))


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_as_of_a_moment_says_the_same_later(worked: Bo, format_: str) -> None:
    before = worked("export", "--format", format_, "--at", "2").stdout
    worked("complete", "-w", "worker_jwt")
    assert worked("export", "--format", format_, "--at", "2").stdout == before
    assert worked("export", "--format", format_).stdout != before


def test_the_table_opens_as_a_table(worked: Bo) -> None:
    rows = list(csv.DictReader(io.StringIO(worked("export", "--format", "csv").stdout)))
    assert [row["outcome"] for row in rows] == ["completed", "pending", "pending", "pending"]


def test_an_unknown_format_is_a_matter_of_usage(worked: Bo) -> None:
    assert worked("export", "--format", "yaml").code == 2
    assert worked("export").code == 2


def test_an_export_of_a_damaged_log_fails_and_leaves_no_half_file(worked: Bo) -> None:
    log = worked.path("auth", "events.jsonl")
    content = log.read_bytes()
    log.write_bytes(content[:-100] + b"x" + content[-99:])
    assert worked("export", "--format", "cloudevents", "-o", "out").code == 3
    assert not (worked.folder / "out").exists()


def test_a_build_that_is_exported_and_imported_has_the_same_plan(worked: Bo) -> None:
    worked("export", "--format", "wfformat", "-o", "build.json")
    answer = worked("import", "build.json", "--from", "wfformat", "-p", "copy").json
    assert answer["dropped"] == ["left out, recorded run times: 1 (worker_schema)"]
    assert worked.log("copy")[0]["plan"] == AUTH


def test_a_task_list_is_imported_with_its_statuses_and_says_what_is_left_out(bo: Bo) -> None:
    tasks = [{"id": 1, "status": "done"}, {"id": 2, "status": "deferred", "dependencies": [1]}]
    (bo.folder / "tasks.json").write_text(json.dumps({"master": {"tasks": tasks}, "x": {"tasks": []}}))
    answer = bo("import", "tasks.json", "--from", "taskmaster", "-p", "t").json
    assert answer["dropped"] == ["left out, other tags: 1 (x)", "deferred there, pending here: 1 (2)"]
    assert bo.statuses("t") == {"1": "completed", "2": "pending"}
    people = bo("import", "tasks.json", "--from", "taskmaster", "-p", "t", "--table").stdout
    assert "exists already" in people
    assert "left out, other tags: 1 (x)" in people


def test_issues_are_imported(bo: Bo) -> None:
    issue = {"id": "bd-2", "dependencies": [{"type": "blocks", "depends_on_id": "bd-1"}]}
    (bo.folder / "issues.jsonl").write_text('{"id":"bd-1"}\n' + json.dumps(issue) + "\n")
    assert bo("import", "issues.jsonl", "--from", "beads", "-p", "b").json["ready"] == ["bd-1"]


def test_a_plan_of_others_that_is_none_is_refused_with_all_its_problems(bo: Bo) -> None:
    tasks = [{"id": 1, "dependencies": [2, 7]}, {"id": 2, "dependencies": [1]}]
    (bo.folder / "tasks.json").write_text(json.dumps({"tasks": tasks}))
    answer = bo("import", "tasks.json", "--from", "taskmaster", "-p", "t")
    assert answer.code == 1
    assert len(answer.json["problems"]) == 2
    assert not bo.path("t").exists()


def test_a_tag_is_for_task_lists_only(bo: Bo) -> None:
    (bo.folder / "f").write_text("{}")
    assert bo("import", "f", "--tag", "x", "-p", "t").code == 2
    assert bo("import", "f", "--from", "taskmaster", "--tag", "x", "-p", "t").json["code"] == "invalid_plan"


def test_an_import_without_from_drops_nothing_and_says_nothing_of_it(bo: Bo) -> None:
    (bo.folder / "plan.json").write_text(json.dumps(AUTH))
    assert "dropped" not in bo("import", "plan.json", "-p", "a").json


def test_the_schemas_are_printed_as_json(bo: Bo) -> None:
    assert bo("schema", "plan").json == plan_schema()
    assert bo("schema", "event", "--table").json == event_schema()


def test_prime_tells_of_the_project_or_which_there_are(bo: Bo) -> None:
    assert "There is no project yet." in bo("prime").stdout
    bo.init("auth")
    assert "project auth" in bo("prime").stdout
    assert 'Ready: worker_schema "database_schema"' in bo("prime").stdout
    bo.init("other")
    assert "Projects: auth, other." in bo("prime").stdout
    assert bo("prime", "-p", "third").json["code"] == "no_project"


def test_prime_as_of_a_moment_is_that_of_the_moment(worked: Bo) -> None:
    assert "0 of 4 completed" in worked("prime", "--at", "1").stdout
    assert "1 of 4 completed" in worked("prime").stdout


def test_other_commands_load_none_of_this(process: BoProcess) -> None:
    process.init()
    heavy = ("projections.exchange", "projections.schema", "projections.render.graph_svg", "html")
    probe = f"""
import sys
from cli.main import run
code = run(["status", "-p", "auth"])
loaded = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"loaded: {{loaded}}" if loaded else code)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], env=process.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
