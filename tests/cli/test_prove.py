"""Is it true, and is it sound: verify, rebuild, doctor, and exit codes of damage."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator

import pytest

import cli.publish
from cli.commands import carry
from eventlog import jsonl, parallel
from eventlog.recovery import Scan
from tests.cli.running import Bo, chain
from tests.damage import append_nuls, cut_at, delete_line, flip_bit, swap_lines

DERIVED = ("plan.json", "README.md", "spawn_results.jsonl")


@pytest.fixture
def row(bo: Bo) -> Bo:
    """A row of workers with four events, one of which ended an attempt."""
    bo.init("auth", chain(3))
    bo(*"spawn-cmd -p auth -w w1 --parent con_X".split())
    bo("complete", "-p", "auth", "-w", "w1", "--output", "x")
    bo("note", "-p", "auth", "so far")
    return bo


def test_an_intact_log_is_verified_with_its_head(row: Bo) -> None:
    answer = row("verify", "-p", "auth")
    assert answer.code == 0
    log = row.path("auth", "events.jsonl")
    assert (
        answer.json.items()
        >= {
            "ok": True,
            "events": 4,
            "head": row.log()[-1]["hash"],
            "bytes": log.stat().st_size,
            "torn_bytes": 0,
            "drift": [],
            "problems": [],
        }.items()
    )
    assert row("verify", "-p", "auth", "--table").stdout.startswith("auth: intact: 4 events")


def test_a_check_that_takes_a_while_says_how_far_it_is(row: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert row("verify", "-p", "auth").stderr == ""
    monkeypatch.setattr(carry, "SAY_EVERY", -1.0)
    assert row("verify", "-p", "auth").stderr == "4 events folded\n"


def test_without_a_snapshot_a_check_folds_the_log_once(row: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    row.path("auth", ".bo", "snapshot").unlink(missing_ok=True)
    walks: list[int] = []

    class Counted(Scan):
        def __iter__(self) -> Iterator[bytes]:
            walks.append(self.head.offset)
            return super().__iter__()

    monkeypatch.setattr(jsonl, "Scan", Counted)
    monkeypatch.setattr(parallel, "Scan", Counted)
    assert row("verify", "-p", "auth").code == 0
    assert walks.count(0) == 3, "not for the chain, the fold and the results alone"


def test_damage_is_named_by_line_offset_and_first_lost_event_and_nothing_is_written_after_it(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    content = log.read_bytes()
    second = content.index(b"\n") + 1
    damaged = flip_bit(content, second * 8 + 400)
    log.write_bytes(damaged)
    shutil.rmtree(row.path("auth", ".bo"))
    answer = row("verify", "-p", "auth")
    assert answer.code == 3
    assert answer.json.items() >= {"ok": False, "line": 2, "offset": second, "first_lost_seq": 2}.items()
    assert "auth: NOT INTACT: 1 events" in row("verify", "-p", "auth", "--table").stdout
    again = ("init", "--plan", json.dumps(chain(3)))
    for command in (again, *map(str.split, ("complete -w w2", "note x", "rebuild", "replay", "status"))):
        refused = row(*command, "-p", "auth")
        assert (refused.code, refused.json["code"]) == (3, "corrupt_log"), command
        assert "bo verify" in refused.json["hint"]
    assert log.read_bytes() == damaged


@pytest.mark.parametrize("damage", [delete_line, swap_lines])
def test_lines_that_were_moved_or_taken_out_are_found(row: Bo, damage: object) -> None:
    log = row.path("auth", "events.jsonl")
    log.write_bytes(damage(log.read_bytes(), 1))  # type: ignore[operator]
    answer = row("verify", "-p", "auth")
    assert (answer.code, answer.json["line"]) == (3, 2)


def test_a_log_that_lost_its_end_is_noticed_and_the_lost_events_are_named(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]))
    answer = row("verify", "-p", "auth")
    assert (answer.code, answer.json["first_lost_seq"], answer.json["last_lost_seq"]) == (3, 3, 4)
    assert row("status", "-p", "auth").json["code"] == "regressed_log"
    assert row("note", "-p", "auth", "x").code == 3
    assert len(row.log()) == 2


def test_a_snapshot_alone_notices_a_log_that_lost_its_end(row: Bo) -> None:
    row.path("auth", ".bo", "lock").unlink()
    log = row.path("auth", "events.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]))
    assert row("status", "-p", "auth").json["code"] == "regressed_log"
    answer = row("verify", "-p", "auth")
    assert (answer.code, answer.json["ok"]) == (3, False)


def test_a_torn_tail_is_no_damage(row: Bo) -> None:
    log = row.path("auth", "events.jsonl")
    content = log.read_bytes()
    for torn in (content + b'{"seq":5,"ti', append_nuls(content, 100)):
        log.write_bytes(torn)
        answer = row("verify", "-p", "auth")
        assert (answer.code, answer.json["torn_bytes"]) == (0, len(torn) - len(content))
        assert row("status", "-p", "auth").json["seq"] == 4
        assert log.read_bytes() == torn
    assert row("note", "-p", "auth", "goes on").json["seq"] == 5
    assert len(row.log()) == 5


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("edit", ["edited", "cut", "emptied", "deleted", "a folder"])
def test_a_derived_file_that_was_changed_by_hand_is_named_and_healed(row: Bo, name: str, edit: str) -> None:
    path = row.path("auth", name)
    good = path.read_bytes()
    if edit in ("deleted", "a folder"):
        path.unlink()
    if edit == "a folder":
        path.mkdir()
    if edit in ("edited", "cut", "emptied"):
        path.write_bytes({"edited": good + b" ", "cut": cut_at(good, len(good) // 2), "emptied": b""}[edit])
    answer = row("verify", "-p", "auth")
    assert (answer.code, answer.json["ok"], answer.json["drift"]) == (3, False, [name])
    assert answer.json["problems"] == [f"{name} differs from the log; `bo rebuild` writes it anew"]
    if edit == "a folder":
        refused = row("rebuild", "-p", "auth")
        assert (refused.code, refused.json["code"]) == (4, "storage_failed")
        assert not list(row.path("auth", ".bo").glob("*.new"))
        path.rmdir()
    healed = row("rebuild", "-p", "auth")
    assert (healed.code, healed.json["rewritten"]) == (0, [name])
    assert path.read_bytes() == good
    assert row("verify", "-p", "auth").code == 0


def test_a_rebuild_with_nothing_to_do_says_so(row: Bo) -> None:
    assert row("rebuild", "-p", "auth").json["rewritten"] == []
    assert row("rebuild", "-p", "auth", "--table").stdout == "rebuilt from 4 events: nothing had changed\n"


def test_everything_but_the_log_can_be_deleted_and_comes_back(row: Bo) -> None:
    before = {name: row.path("auth", name).read_bytes() for name in DERIVED}
    for name in DERIVED:
        row.path("auth", name).unlink()
    shutil.rmtree(row.path("auth", ".bo"))
    assert row("rebuild", "-p", "auth").json["rewritten"] == list(DERIVED)
    assert {name: row.path("auth", name).read_bytes() for name in DERIVED} == before
    assert row("verify", "-p", "auth").code == 0


def test_the_next_event_brings_lost_files_back_by_itself(row: Bo) -> None:
    for name in DERIVED:
        row.path("auth", name).unlink()
    row("note", "-p", "auth", "on")
    assert row("verify", "-p", "auth").json["drift"] == []


@pytest.mark.parametrize(
    "record", [b"", b"[]", b"\xff", b'[1,0,[9,"x",9],[9,"x",9],0]', b'[1,0,[0,"",0],[2,"x",99],-5]']
)
def test_a_record_of_publishing_that_makes_no_sense_costs_nothing_but_time(row: Bo, record: bytes) -> None:
    row.path("auth", ".bo", "published").write_bytes(record)
    assert row("fail", "-p", "auth", "-w", "w2").code == 0
    row("note", "-p", "auth", "on")
    assert row("rebuild", "-p", "auth").code == 0
    assert row("verify", "-p", "auth").code == 0


def test_a_record_of_publishing_from_another_log_is_not_gone_on_from(row: Bo) -> None:
    size = row.path("auth", "spawn_results.jsonl").stat().st_size
    elsewhere = [2, "f" * 64, 400]
    row.path("auth", ".bo", "published").write_text(json.dumps([1, 0, elsewhere, elsewhere, size]))
    assert row("fail", "-p", "auth", "-w", "w2").code == 0
    assert row("verify", "-p", "auth").json["drift"] == []


@pytest.mark.parametrize("snapshot", [b"", b"short", b"x" * 500])
def test_a_snapshot_that_makes_no_sense_is_passed_over(row: Bo, snapshot: bytes) -> None:
    row.path("auth", ".bo", "snapshot").write_bytes(snapshot)
    assert row.statuses() == {"w1": "completed", "w2": "pending", "w3": "pending"}


def test_an_event_counts_when_its_derived_files_cannot_be_written(row: Bo) -> None:
    row.path("auth", "plan.json").unlink()
    row.path("auth", "plan.json").mkdir()
    answer = row("complete", "-p", "auth", "-w", "w2")
    assert (answer.code, answer.json["success"]) == (0, True)
    assert "bo rebuild" in answer.json["warnings"][0]
    assert answer.stderr.startswith("warning: the event is in the log")
    assert row.types()[-1] == "worker_completed"


def test_a_note_and_a_spawn_say_too_that_derived_files_cannot_be_written(row: Bo) -> None:
    row.path("auth", "plan.json").unlink()
    row.path("auth", "plan.json").mkdir()
    for command in (
        ("note", "-p", "auth", "x"),
        ("spawn-cmd", "-p", "auth", "-w", "w2", "--parent", "con_X"),
    ):
        assert "bo rebuild" in row(*command).json["warnings"][0]


def test_whoever_holds_up_publishing_holds_up_no_event(row: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.publish, "PATIENCE", 0.02)
    with row.path("auth", ".bo", "published").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answer = row("complete", "-p", "auth", "-w", "w2")
        assert (answer.code, answer.json["status"]) == (0, "completed")
        assert "too long" in answer.json["warnings"][0]
        assert row("verify", "-p", "auth").json["drift"] == ["plan.json", "README.md"]
        refused = row("rebuild", "-p", "auth")
        assert (refused.code, refused.json["code"]) == (4, "storage_failed")
    assert row("rebuild", "-p", "auth").code == 0
    assert row("verify", "-p", "auth").code == 0


def test_the_doctor_finds_this_machine_fit_and_a_folder_that_cannot_be_written_unfit(bo: Bo) -> None:
    answer = bo("doctor")
    assert (answer.code, answer.json["ok"]) == (0, True)
    assert [check["check"] for check in answer.json["checks"]] == [
        "python",
        "packages",
        "versions",
        "file system",
        "writing",
    ]
    assert "write, sync and lock" in bo("doctor", "--table").stdout
    unfit = bo("doctor", "--builds-dir", "/proc/self/task")
    assert (unfit.code, unfit.json["ok"], unfit.json["checks"][-1]["state"]) == (1, False, "bad")
