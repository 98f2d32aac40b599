"""graph, timeline and report on the command line: what goes where, as of when, and what files become."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.running import Bo, BoProcess


@pytest.fixture
def worked(bo: Bo) -> Bo:
    """A project in which one worker is completed and one has failed."""
    bo.init()
    for step in (
        "spawn-cmd -w worker_schema --parent con_A",
        "complete -w worker_schema --output schema.sql",
        "spawn-cmd -w worker_jwt --parent con_A",
        "fail -w worker_jwt --reason key",
    ):
        assert bo(*step.split(), "-p", "auth").code == 0, step
    return bo


def test_a_program_gets_the_graph_as_data(worked: Bo) -> None:
    answer = worked("graph").json
    assert answer["workers"][0] == {"id": "worker_schema", "status": "completed", "column": 0}
    statuses = {worker["id"]: worker["status"] for worker in answer["workers"]}
    assert statuses["worker_providers"] == worked("why", "-w", "worker_providers").json["state"] == "blocked"
    assert ["worker_oauth", "worker_providers"] in answer["edges"]
    assert (answer["seq"], answer["columns"]) == (5, 3)


def test_a_person_gets_mermaid(worked: Bo) -> None:
    text = worked("graph", "--table").stdout
    assert text.startswith("flowchart LR\n")
    assert 'w2["worker_jwt"]:::failed' in text


def test_a_format_that_is_asked_for_is_printed_as_it_is(worked: Bo) -> None:
    svg = worked("graph", "--format", "svg").stdout
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert worked("graph", "--format", "dot").stdout.startswith('digraph "Authentication System" {')
    assert ElementTree.fromstring(worked("timeline", "--format", "svg").stdout).tag.endswith("svg")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("g.svg", "<svg "),
        ("g.mmd", "flowchart "),
        ("g.dot", "digraph "),
        ("g.GV", "digraph "),
        ("g", "<svg "),
    ],
)
def test_the_name_of_a_file_says_its_format(worked: Bo, name: str, begins: str) -> None:
    answer = worked("graph", "-o", name).json
    content = (worked.folder / name).read_text()
    assert content.startswith(begins)
    assert answer["success"] is True
    assert (answer["bytes"], answer["file"]) == (len(content.encode()), str(worked.folder / name))


def test_a_graph_as_of_a_moment_is_that_of_the_moment(worked: Bo) -> None:
    assert worked("graph", "--at", "1").json["workers"][0]["status"] == "ready"
    before = worked("graph", "--format", "svg", "--at", "3").stdout
    worked("reset", "-w", "worker_jwt")
    assert worked("graph", "--format", "svg", "--at", "3").stdout == before


def test_a_large_graph_in_mermaid_comes_with_a_warning(bo: Bo) -> None:
    bo.init("auth", {"workers": [{"id": f"w{n}"} for n in range(100)]})
    assert "warning: the graph is larger than Mermaid draws" in bo("graph", "--format", "mermaid").stderr


def test_a_timeline_is_data_for_programs_and_bars_for_people(worked: Bo) -> None:
    data = worked("timeline").json
    assert data["workers"][0]["worker"] == "worker_schema"
    assert [bar["kind"] for bar in data["workers"][0]["bars"]] == ["wait", "completed"]
    text = worked("timeline", "--table", "--width", "90").stdout
    assert "worker_schema" in text
    assert "not ready yet" in text
    assert worked("timeline", "--format", "text").stdout.splitlines()[1].startswith("worker_schema")


def test_a_timeline_for_a_terminal_that_knows_only_ascii_is_ascii(tmp_path: Path) -> None:
    bo = BoProcess(tmp_path)
    bo.init()
    bo("complete", "-w", "worker_schema")
    answer = bo("timeline", "--format", "text", env={"PYTHONIOENCODING": "ascii"})
    assert answer.stdout.isascii()
    assert "worker_schema" in answer.stdout


def test_a_report_is_one_page_in_one_file(worked: Bo) -> None:
    answer = worked("report", "-o", "report.html").json
    page = (worked.folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "worker_jwt" in page
    assert (answer["format"], answer["seq"]) == ("html", 5)
    assert worked("report").stdout == page


def test_a_report_as_of_a_moment_knows_nothing_of_later(worked: Bo) -> None:
    assert "schema.sql" in worked("report").stdout
    assert "schema.sql" not in worked("report", "--at", "2").stdout


def test_a_person_is_told_what_was_written(worked: Bo) -> None:
    assert worked("report", "-o", "r.html", "--table").stdout.startswith("written: r.html (")


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(worked: Bo) -> None:
    answer = worked("report", "-o", "no/such/folder/r.html")
    assert (answer.code, answer.json["code"]) == (1, "file_not_written")
    (worked.folder / "taken").mkdir()
    assert worked("report", "-o", "taken").json["code"] == "file_not_written"
    assert sorted(path.name for path in worked.folder.iterdir()) == ["builds", "taken"]


def test_a_file_has_the_mode_that_the_umask_gives(worked: Bo) -> None:
    before = os.umask(0o027)
    try:
        worked("report", "-o", "r.html")
    finally:
        os.umask(before)
    assert stat.S_IMODE((worked.folder / "r.html").stat().st_mode) == 0o640


@pytest.mark.parametrize("command", ["graph", "timeline", "report"])
def test_a_moment_or_a_project_that_is_not_there_is_refused(worked: Bo, command: str) -> None:
    assert worked(command, "--at", "99").json["code"] == "no_such_event"
    assert worked(command, "-p", "other").json["code"] == "no_project"
