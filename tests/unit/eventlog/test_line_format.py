"""The line format, byte for byte: what `docs/log-format.md` promises to other programs."""

import json
import shutil
import subprocess
from hashlib import sha256

import pytest

from eventlog.codec import encode
from eventlog.events import EVENT_TYPES, Event, NoteAdded, WorkerCompleted
from eventlog.head import FORMAT, START, Head
from tests.logs import TIME, sealed, ten_events, whole_lines

COMPLETED = WorkerCompleted(
    seq=1,
    time=TIME,
    actor="con_X",
    worker="worker_schema",
    attempt=1,
    output="N5/services/auth/schema.sql",
)


def test_a_line_is_these_bytes() -> None:
    line, head = encode([COMPLETED], START)
    assert line == (
        b'{"seq":1,"time":"2026-11-23T04:00:00.123456Z","actor":"con_X","type":"worker_completed",'
        b'"worker":"worker_schema","attempt":1,"output":"N5/services/auth/schema.sql",'
        b'"hash":"425eedc64f1ce7fddf48f8d2c34251600be03fd43437f894d2f0eaa10dd277d4"}\n'
    )
    assert head == Head(1, "425eedc64f1ce7fddf48f8d2c34251600be03fd43437f894d2f0eaa10dd277d4", len(line))


def test_the_chain_begins_with_the_hash_of_the_format_and_its_version() -> None:
    assert FORMAT == "build-orchestrator event log 1"
    assert Head(0, "bc94a7ac91a29b881a3036750f321439fd4783b9b5cfeb087ad0477ea39c4fe5", 0) == START


def test_the_hash_is_sha_256_over_the_hash_before_and_the_bytes_before_the_field() -> None:
    data, head = sealed(ten_events())
    previous = sha256(b"build-orchestrator event log 1").hexdigest()
    for line in data.splitlines():
        begin, _, end = line.rpartition(b',"hash":"')
        previous = sha256(previous.encode() + begin).hexdigest()
        assert end == previous.encode() + b'"}'
    assert previous == head.hash


@pytest.mark.needs("sha256sum")
def test_the_hash_can_be_had_with_sha256sum() -> None:
    line, head = encode([COMPLETED], START)
    begin = line[: line.rindex(b',"hash"')]
    program = shutil.which("sha256sum")
    assert program
    said = subprocess.run(
        [program], input=START.hash.encode() + begin, capture_output=True, check=True, timeout=60
    )
    assert said.stdout.split()[0].decode() == head.hash


def test_lines_are_numbered_from_one_without_gaps() -> None:
    data, head = sealed(ten_events())
    assert [json.loads(line)["seq"] for line in data.splitlines()] == list(range(1, 11))
    assert head.seq == 10
    assert head.offset == len(data)
    assert len(whole_lines(data)) == 10


def test_every_line_has_its_fields_in_the_same_order() -> None:
    data, _ = sealed(ten_events())
    for line in data.splitlines():
        keys = list(json.loads(line))
        assert keys[:4] == ["seq", "time", "actor", "type"]
        assert keys[-1] == "hash"


def test_fields_that_hold_their_default_are_not_written() -> None:
    line, _ = encode([NoteAdded(seq=1, time=TIME, actor="a", text="x")], START)
    assert list(json.loads(line)) == ["seq", "time", "actor", "type", "text", "hash"]


def test_text_outside_ascii_is_written_as_utf_8_and_line_ends_are_escaped() -> None:
    line, _ = encode([NoteAdded(seq=1, time=TIME, actor="ä", text="🙂\n\r\u2028\0")], START)
    assert '"actor":"ä"'.encode() in line
    assert "🙂\\n\\r\u2028\\u0000".encode() in line
    assert line.count(b"\n") == 1


def tag(type_: type[Event]) -> str:
    return str(type_.__struct_config__.tag)


def test_the_tags_are_stable() -> None:
    assert (
        [tag(type_) for type_ in EVENT_TYPES]
        == """
        plan_defined plan_imported plan_amended worker_spawned worker_progressed worker_submitted
        worker_rejected worker_completed worker_failed worker_timed_out worker_cancelled worker_reset
        late_result_received note_added forked dispatcher_started dispatcher_stopped
    """.split()
    )


def test_no_tag_looks_like_an_extension() -> None:
    assert not [type_ for type_ in EVENT_TYPES if tag(type_).startswith("x_")]
