"""One verdict for a build, also for one that is damaged, edited, or holds what nobody decided."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.handle import Handler
from cli.publish import drift
from eventlog.codec import encode
from eventlog.errors import OrchestratorError
from eventlog.events import Event, WorkerCompleted, WorkerSpawned
from eventlog.jsonl import JsonlStore
from eventlog.recovery import find_head
from tests.cli.running import Bo, chain
from tests.damage import flip_bit
from tests.logs import TIME


@pytest.fixture
def row(bo: Bo) -> Bo:
    """A row of three workers; the first was done by an attempt, the second by force and by hand."""
    bo.init("auth", chain(3))
    for command in ("spawn-cmd -w w1 --parent con_X", "complete -w w1", "complete -w w3 --force", "note x"):
        assert bo(*command.split(), "-p", "auth").code == 0
    return bo


def forge(log: Path, *events: Event) -> None:
    """Appends events whose chain is right and that nobody decided."""
    content = log.read_bytes()
    head = find_head(lambda offset, size: content[offset : offset + size], len(content))
    for seq, event in enumerate(events, head.seq + 1):
        line, head = encode([replace(event, seq=seq)], head)
        content += line
    log.write_bytes(content)
    shutil.rmtree(log.parent / ".bo")


def off(answer: dict[str, object]) -> list[str]:
    return [check["check"] for check in answer["checks"] if not check["ok"]]  # type: ignore[attr-defined]


def test_a_sound_build_is_said_to_be_so_with_who_did_what(row: Bo) -> None:
    answer = row("audit", "-p", "auth", "--actor", "nobody")
    assert (answer.code, answer.json["ok"], off(answer.json)) == (0, True, [])
    assert answer.json["totals"].items() >= {"events": 5, "attempts": 1, "forced": 1, "by_hand": 1}.items()
    [one] = answer.json["who"]
    assert one["did"] == {"note_added": 1, "plan_defined": 1, "worker_completed": 2, "worker_spawned": 1}
    people = row("audit", "-p", "auth", "--table").stdout
    assert people.startswith("auth is sound: 2 of 3 workers completed in 5 events\n")
    assert row("audit", "-p", "auth", "--format", "json").json == answer.json


def test_an_audit_is_a_markdown_document_for_who_wants_one(row: Bo) -> None:
    text = row("audit", "-p", "auth", "--format", "markdown").stdout
    assert text.startswith("# Audit of auth\n\n**sound: 2 of 3 workers completed in 5 events.**")
    assert "| 4 | " in text


@pytest.mark.parametrize("name", ["plan.json", "README.md", "spawn_results.jsonl"])
def test_a_file_that_was_edited_by_hand_is_named(row: Bo, name: str) -> None:
    row.path("auth", name).write_text("mine")
    answer = row("audit", "-p", "auth")
    assert (answer.code, off(answer.json)) == (3, ["files"])
    assert answer.json["checks"][3]["problems"] == [
        f"{name} differs from the log: edited by hand or not written"
    ]
    assert answer.json["totals"]["hand_edits"] == 1


def test_what_is_appended_while_the_files_are_compared_changes_no_audit(
    row: Bo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_drift(handler: Handler) -> list[str]:
        assert row("amend", "-p", "auth", "--add", '{"id": "w4"}').code == 0
        return drift(handler)

    monkeypatch.setattr("cli.commands.audit.drift", slow_drift)
    answer = row("audit", "-p", "auth")
    assert (answer.code, answer.json["seq"], answer.json["totals"]["workers"]) == (0, 5, 3)


def test_events_that_no_rule_would_have_made_are_named_though_the_chain_is_intact(row: Bo) -> None:
    forge(
        row.path("auth", "events.jsonl"),
        WorkerSpawned(time=TIME, actor="eve", worker="w2", attempt=1),
        WorkerCompleted(time=TIME, actor="eve", worker="w2", attempt=7),
    )
    assert row("rebuild", "-p", "auth").code == 0
    assert row("verify", "-p", "auth").code == 0
    answer = row("audit", "-p", "auth")
    assert (answer.code, off(answer.json)) == (3, ["transitions"])
    assert answer.json["checks"][1]["problems"] == [
        "event 7 (worker_completed) breaks a rule: its attempt is 7, not 1"
    ]
    assert "NOT SOUND (transitions)" in row("audit", "-p", "auth", "--table").stdout


def test_an_attempt_whose_dispatcher_is_gone_is_named(row: Bo) -> None:
    forge(
        row.path("auth", "events.jsonl"),
        WorkerSpawned(time=TIME, actor="d", worker="w2", attempt=1, via="command", dispatcher="d9"),
    )
    row("rebuild", "-p", "auth")
    assert off(row("audit", "-p", "auth").json) == ["attempts"]


def test_of_a_damaged_log_the_intact_part_is_told(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    content = log.read_bytes()
    fourth = len(b"".join(content.splitlines(keepends=True)[:3]))
    log.write_bytes(flip_bit(content, fourth * 8 + 200))
    answer = row("audit", "-p", "auth")
    assert (answer.code, off(answer.json)) == (3, ["chain"])
    assert answer.json["seq"] == 3
    assert "damaged at line 4" in answer.json["checks"][0]["problems"][0]
    assert answer.json["checks"][3]["found"] == "not compared"
    assert answer.json["totals"]["completed"] == 1


def test_of_a_log_that_lost_its_end_the_rest_is_told(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
    answer = row("audit", "-p", "auth")
    assert (answer.code, answer.json["seq"]) == (3, 2)
    assert "events 3 to 5 are lost" in answer.json["checks"][0]["problems"][0]


def test_a_log_that_is_damaged_from_its_first_line_on_is_an_error(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    log.write_bytes(flip_bit(log.read_bytes(), 300))
    answer = row("audit", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (3, "corrupt_log")


def test_an_event_that_speaks_of_nobody_ends_what_is_told(row: Bo) -> None:
    forge(row.path("auth", "events.jsonl"), WorkerSpawned(time=TIME, actor="eve", worker="ghost", attempt=1))
    answer = row("audit", "-p", "auth")
    assert (answer.code, answer.json["seq"]) == (3, 5)
    assert "chain" in off(answer.json)
    assert "no worker 'ghost'" in str(answer.json["checks"][0]["problems"])


def test_a_forged_log_is_still_one_that_the_store_reads(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    forge(log, WorkerSpawned(time=TIME, actor="eve", worker="w2", attempt=1))
    try:
        read = [event for batch in JsonlStore(str(log)).read() for event in batch.events]
    except OrchestratorError as error:  # or the tests above would prove nothing
        pytest.fail(str(error))
    assert len(read) == 6
