"""What happened: log, tail, replay, and the build as of any moment."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from cli.clock import parse_time
from tests.cli.running import Bo, BoProcess, chain


@pytest.fixture
def row(bo: Bo) -> Bo:
    """A row of three workers; event 2 completes w1 and 3 w2, 4 is a note, 5 completes w3."""
    bo.init("auth", chain(3))
    bo("complete", "-p", "auth", "-w", "w1", "--actor", "ann")
    bo("complete", "-p", "auth", "-w", "w2", "--actor", "ben")
    bo("note", "-p", "auth", "-w", "w1", "look", "--actor", "ann")
    bo("complete", "-p", "auth", "-w", "w3", "--actor", "ben")
    return bo


def test_for_programs_the_log_is_its_own_lines(row: Bo) -> None:
    assert row("log", "-p", "auth").stdout.encode() == row.path("auth", "events.jsonl").read_bytes()
    assert (
        row("tail", "-p", "auth", "-n", "99").stdout.encode() == row.path("auth", "events.jsonl").read_bytes()
    )


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("--type worker_completed", [2, 3, 5]),
        ("--type note_added --type plan_defined", [1, 4]),
        ("-w w1", [2, 4]),
        ("--by ben", [3, 5]),
        ("--by ann --type worker_completed", [2]),
        ("--since 3", [3, 4, 5]),
        ("--since 0", [1, 2, 3, 4, 5]),
        ("--since 6", []),
        ("--until 2", [1, 2]),
        ("--since 2 --until 3", [2, 3]),
        ("-n 2", [4, 5]),
        ("-n 0", []),
        ("-n 1 --type worker_completed", [5]),
        ("-n 2 --until 3", [2, 3]),
        ("--since 2000-01-01", [1, 2, 3, 4, 5]),
        ("--until 2000-01-01", []),
        ("--since 9999-01-01T00:00:00+01:00", []),
    ],
)
def test_the_log_is_filtered(row: Bo, options: str, seqs: list[int]) -> None:
    answer = row("log", "-p", "auth", *options.split())
    assert answer.code == 0
    assert [event["seq"] for event in answer.lines] == seqs
    table = row("log", "-p", "auth", "--table", *options.split())
    assert [int(line.split()[0]) for line in table.stdout.splitlines()] == seqs


def test_a_time_means_the_same_event_for_the_log_and_for_at(row: Bo) -> None:
    moment = row.log()[2]["time"]
    assert [event["seq"] for event in row("log", "-p", "auth", "--until", moment).lines] == [1, 2, 3]
    assert [event["seq"] for event in row("log", "-p", "auth", "--since", moment).lines] == [3, 4, 5]
    assert row("status", "-p", "auth", "--at", moment).json["seq"] == 3


@pytest.mark.parametrize("time_", ["yesterday", "²", "٣", "9" * 5000, "-1", "2026-13-01", ""])
@pytest.mark.parametrize("option", ["log --since", "log --until", "status --at", "replay --at"])
def test_what_is_no_moment_is_refused_with_an_example(row: Bo, option: str, time_: str) -> None:
    command, name = option.split()
    answer = row(command, "-p", "auth", f"{name}={time_}")
    assert (answer.code, answer.json["code"]) == (1, "bad_time")
    assert "2026-11-23" in answer.json["hint"]


@pytest.mark.parametrize("text", ["2026-11-23T04:00:00Z", "2026-11-23T05:00+01:00", "2026-11-23T04:00"])
def test_a_time_without_a_zone_is_utc(text: str) -> None:
    assert parse_time(text) == "2026-11-23T04:00:00.000000Z"


def test_status_ready_and_assignment_show_the_build_as_of_any_event(row: Bo) -> None:
    at = [row("status", "-p", "auth", "--at", str(seq)).json for seq in range(1, 6)]
    assert [answer["seq"] for answer in at] == [1, 2, 3, 4, 5]
    assert [answer["status_counts"]["completed"] for answer in at] == [0, 1, 2, 2, 3]
    ready = [row("ready", "-p", "auth", "--at", str(seq)).json["ready_workers"] for seq in range(1, 6)]
    assert [[worker["id"] for worker in workers] for workers in ready] == [["w1"], ["w2"], ["w3"], ["w3"], []]
    assert row("assignment", "-p", "auth", "-w", "w2", "--at", "1").code == 0
    assert at[4] == row("status", "-p", "auth").json


@pytest.mark.parametrize("at", ["0", "6", "1999-01-01"])
def test_a_moment_outside_the_log_is_refused(row: Bo, at: str) -> None:
    answer = row("status", "-p", "auth", "--at", at)
    assert (answer.code, answer.json["code"]) == (1, "no_such_event")


def test_a_replay_comes_to_the_state_that_status_shows(row: Bo) -> None:
    replayed, shown = row("replay", "-p", "auth").json, row("status", "-p", "auth").json
    assert replayed["status_counts"] == shown["status_counts"]
    assert replayed["workers"] == {worker["id"]: worker["status"] for worker in shown["workers"]}
    assert (replayed["seq"], replayed["hash"]) == (5, row.log()[-1]["hash"])
    early = row("replay", "-p", "auth", "--at", "2").json
    assert early["workers"] == {"w1": "completed", "w2": "pending", "w3": "pending"}
    assert "auth after event 2: active" in row("replay", "-p", "auth", "--at", "2", "--table").stdout


def test_a_replay_at_a_speed_shows_the_events_as_it_goes(row: Bo) -> None:
    lines = row("replay", "-p", "auth", "--speed", "1000000").stdout.split("\n", 5)
    assert [json.loads(line)["seq"] for line in lines[:5]] == [1, 2, 3, 4, 5]
    assert json.loads(lines[5])["seq"] == 5


@pytest.mark.parametrize("speed", ["0", "-1", "fast"])
def test_a_speed_that_would_never_end_is_a_usage_error(row: Bo, speed: str) -> None:
    answer = row("replay", "-p", "auth", f"--speed={speed}")
    assert (answer.code, answer.json["code"]) == (2, "usage")


def test_tail_shows_the_last_events_of_one_project_or_of_all(row: Bo) -> None:
    row.init("other", chain(1))
    assert [event["seq"] for event in row("tail", "-p", "auth", "-n", "2").lines] == [4, 5]
    assert [event["seq"] for event in row("tail", "--all", "-n", "1").lines] == [5, 1]
    table = row("tail", "--all", "-n", "1", "--table").stdout.splitlines()
    assert [line.split(":")[0] for line in table] == ["auth", "other"]


@pytest.mark.parametrize("what", [("-p", "auth"), ("--all",)])
def test_tail_follows_what_is_appended_until_it_is_interrupted(
    process: BoProcess, bo: Bo, what: tuple[str, ...]
) -> None:
    bo.init("auth", chain(3))
    tail = process.start("tail", *what, "-f")
    assert tail.stdout is not None
    assert json.loads(tail.stdout.readline())["seq"] == 1
    for seq, worker in enumerate(("w1", "w2", "w3"), 2):
        bo("complete", "-p", "auth", "-w", worker)
        assert json.loads(tail.stdout.readline()).items() >= {"seq": seq, "worker": worker}.items()
    tail.send_signal(signal.SIGINT)
    rest, errors = tail.communicate(timeout=30)
    assert (tail.returncode, rest) == (130, b"")
    assert b"Traceback" not in errors


def test_a_project_that_begins_later_is_followed_too(process: BoProcess, bo: Bo) -> None:
    bo.init("first", chain(1))
    tail = process.start("tail", "--all", "-f")
    assert tail.stdout is not None
    assert json.loads(tail.stdout.readline())["type"] == "plan_defined"
    bo.init("second", chain(1))
    assert json.loads(tail.stdout.readline())["plan"]["name"] == "A row"
    tail.kill()
    tail.communicate(timeout=30)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="reads the memory of a process from /proc")
def test_a_reader_that_stands_still_holds_up_no_writer_and_takes_no_memory(
    process: BoProcess, bo: Bo
) -> None:
    bo.init("auth", chain(1))
    tail = process.start("tail", "-p", "auth", "-f")
    assert tail.stdout is not None
    tail.stdout.readline()
    before = peak_kib(tail.pid)
    tail.send_signal(signal.SIGSTOP)
    for number in range(40):
        assert bo("note", "-p", "auth", f"{number} " + "x" * 1_000_000).code == 0
    tail.send_signal(signal.SIGCONT)
    seen = [json.loads(tail.stdout.readline())["text"].split()[0] for _ in range(40)]
    assert seen == [str(number) for number in range(40)]
    assert peak_kib(tail.pid) - before < 20_000, "half of what was written"
    tail.kill()
    tail.communicate(timeout=30)


def peak_kib(pid: int) -> int:
    """The most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_events_that_only_a_newer_version_knows_are_shown_and_not_folded(bo: Bo) -> None:
    bo.init("auth", chain(1))
    append_line(bo, {"type": "x_weather", "sky": "blue"})
    assert bo("log", "-p", "auth").lines[-1]["sky"] == "blue"
    assert bo("status", "-p", "auth").json["seq"] == 2
    append_line(bo, {"type": "worker_teleported", "worker": "w1"})
    assert bo("log", "-p", "auth").lines[-1]["type"] == "worker_teleported"
    assert "worker_teleported" in bo("tail", "-p", "auth", "--table").stdout
    for command in ("status", "ready", "complete -w w1", "replay", "rebuild", "verify"):
        answer = bo(*command.split(), "-p", "auth")
        assert answer.code == 3, command
        assert "worker_teleported" in answer.stdout
    assert bo("complete", "-p", "auth", "-w", "w1").json["code"] == "newer_event"


def append_line(bo: Bo, fields: dict[str, str]) -> None:
    """A line as another version of this tool would write it."""
    from eventlog.codec import hash_field, link

    last = bo.log()[-1]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    event = {"seq": last["seq"] + 1, "time": stamp, "actor": "newer"} | fields
    begin = json.dumps(event, separators=(",", ":")).encode()[:-1]
    with bo.path("auth", "events.jsonl").open("ab") as log:
        log.write(begin + hash_field(link(begin, last["hash"])) + b"\n")
