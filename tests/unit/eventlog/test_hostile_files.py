"""Files that nobody would write as a log: named errors, bounded memory, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog import START, CorruptLog, JsonlStore, LogError
from eventlog.errors import StorageFailed
from tests.logs import chained_line, end_of, everything, note, notes, sealed

ROOT = Path(__file__).resolve().parents[3]

LIMITED = """
import resource, sys
from eventlog import JsonlStore, LogError
from tests.logs import everything, note, end_of
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) << 20,) * 2)
store = JsonlStore(sys.argv[1])
for act in (lambda: everything(store), store.head, lambda: store.head(3), lambda: store.examine().verdict,
            lambda: store.append([note("x")], store.head())):
    try:
        print(type(act()).__name__)
    except LogError as error:
        print(error.code)
"""


def in_300_mib(path: Path) -> list[str]:
    """What each way to use a log says in a process that may have 300 MiB."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), "300"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="limits on address space are Linux")
@pytest.mark.parametrize("size", [65 << 20, 1 << 30])
@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_line_of_a_gibibyte_is_damage_in_bounded_memory(tmp_path: Path, size: int, newline: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(sealed(notes(5))[0])
    with path.open("r+b") as file:
        file.seek(size)
        file.write(newline or b"x")
    read, head, *rest = in_300_mib(path)
    assert read == "corrupt_log"
    assert head == ("corrupt_log" if newline else "Head")
    assert rest == ["Head", "Corrupt", "corrupt_log"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits on address space are Linux")
def test_a_long_log_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    store, head = JsonlStore(path), START
    for _ in range(14):
        head = store.append([note("x" * 200_000) for _ in range(40)], head).head
    assert path.stat().st_size > 100 << 20
    program = LIMITED.replace("everything(store)", "sum(len(batch.events) for batch in store.read())")
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout.split() == ["int", "Head", "Head", "Clean", "Batch"], done.stderr


CONTENTS = {
    "100,000 brackets": chained_line(b"[" * 100_000),
    "nested objects": chained_line(b'{"a":' * 100_000),
    "a number of 5,000 digits": chained_line(b'{"seq":' + b"1" * 5_000 + b"}"),
    "a byte order mark": b"\xef\xbb\xbf" + sealed(notes(1))[0],
    "invalid UTF-8": chained_line(b'{"seq":1,"time":"t","actor":"\xff","type":"note_added","text":"x"}'),
    "a surrogate": chained_line(
        b'{"seq":1,"time":"t","actor":"\xed\xa0\x80","type":"note_added","text":"x"}'
    ),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50 + b"\n",
    "an empty line": b"\n",
    "a chained line that is empty": chained_line(b""),
    "another program's lines": b'{"level":"info"}\n' * 100,
    "UTF-16": sealed(notes(3))[0].decode().encode("utf-16"),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_that_is_no_log_is_damaged_at_its_first_line_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    store = JsonlStore(path)
    with pytest.raises(CorruptLog) as found:
        everything(store)
    assert (found.value.line, found.value.offset) == (1, 0)
    with pytest.raises(LogError):
        store.append([note("x")], end_of(store))
    assert path.read_bytes() == content


def test_a_log_that_cannot_be_followed_is_not_written_to_when_the_chain_is_intact(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(chained_line({"seq": 5, "time": "t", "actor": "a", "type": "note_added", "text": "x"}))
    with pytest.raises(CorruptLog, match="its seq is 5, not 1"):
        everything(JsonlStore(path))


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "dangling link"])
def test_what_is_not_a_plain_file_is_refused_and_nothing_waits(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "events.jsonl"
    target = tmp_path / "target"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(target)
        if kind == "link":
            target.write_bytes(b"")
    store = JsonlStore(path)
    for act in (
        lambda: everything(store),
        store.examine,
        lambda: store.append([note("x")], START),
    ):
        with pytest.raises(StorageFailed):
            act()
    assert not target.exists() or target.read_bytes() == b""
