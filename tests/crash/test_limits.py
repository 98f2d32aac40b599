"""Appends that end at an exact byte: killed by a limit on the file's size, refused by it, out of space."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventlog import JsonlStore
from eventlog.recovery import Clean, TornTail
from tests.crash.processes import ROOT
from tests.logs import note, notes, sealed, texts, whole_lines

LINES, END = sealed(notes(3))
NEW, _ = sealed([note("new")], END)

SWEEP = """
import json, os, resource, signal, sys
from pathlib import Path
from eventlog import JsonlStore, LogError
from eventlog.events import NoteAdded
from tests.logs import end_of, note, notes

folder, fate, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for size in range(first, last + 1):
    log = folder / str(size) / "events.jsonl"
    store = JsonlStore(log)
    store.append(notes(3), end_of(store) if store.exists() else __import__("eventlog").START)
    store.close()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if fate == "die" else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        store = JsonlStore(log)
        code = "ok"
        try:
            store.append([note("new")], store.head())
        except LogError as error:
            code = error.code
            try:
                store.append([note("again")], store.head())
            except LogError as error:
                code += " " + error.code
        os._exit({"ok": 0, "storage_failed storage_failed": 4}.get(code, 1))
    _, status = os.waitpid(child, 0)
    print(json.dumps([size, os.waitstatus_to_exitcode(status)]))
"""


def sweep(folder: Path, fate: str) -> dict[int, int]:
    """How an append ended, for each size that the log's file was limited to."""
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, str(folder), fate, str(len(LINES)), str(len(LINES) + len(NEW))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="the limit's signal is tested on Linux")
@pytest.mark.parametrize(("fate", "code"), [("die", -25), ("fail", 4)])
def test_an_append_that_ends_at_any_byte_leaves_the_log_as_it_was(
    tmp_path: Path, fate: str, code: int
) -> None:
    ends = sweep(tmp_path, fate)
    whole = len(LINES) + len(NEW)
    assert ends == dict.fromkeys(range(len(LINES), whole), code) | {whole: 0}
    for size in ends:
        log = tmp_path / str(size) / "events.jsonl"
        torn = log.read_bytes()[len(LINES) :]
        assert log.read_bytes() == (LINES + NEW)[:size]
        store = JsonlStore(log)
        found = store.examine()
        if size == whole:
            assert found.verdict == Clean()
            assert len(texts(store)) == 4
            continue
        assert found.head == END
        assert found.verdict == (TornTail(len(LINES), len(torn)) if torn else Clean())
        store.append([note("next")], END)
        assert texts(store) == ["note 1", "note 2", "note 3", "next"]
        assert [file.read_bytes() for file in log.parent.glob("*.torn-*")] == ([torn] if torn else [])
        assert len(whole_lines(log.read_bytes())) == 4


FULL = """
import json, shutil, sys
from pathlib import Path
from eventlog import JsonlStore, LogError, START
from tests.logs import end_of, note, texts

folder = Path(sys.argv[1])
rounds = []
def attempt(store, event, head):
    try:
        return store.append([event], head).head, "ok"
    except LogError as error:
        return head, error.code
    finally:
        store.close()

for pages in range(1, 13):
    log = folder / str(pages) / "events.jsonl"
    ballast = folder / "ballast"
    head, _ = attempt(JsonlStore(log), note("first"), START)
    ballast.write_bytes(b"x" * 4096 * pages)
    written, code, store = 0, "ok", JsonlStore(log)
    while code == "ok":
        head, code = attempt(store, note("x" * 500), head)
        written += 1
    read = len(texts(JsonlStore(log)))
    _, still = attempt(JsonlStore(log), note("x" * 500), head)
    ballast.unlink()
    head, again = attempt(JsonlStore(log), note("space again"), end_of(JsonlStore(log)))
    rounds.append([code, still, read == written, again, type(JsonlStore(log).examine().verdict).__name__])
    shutil.rmtree(log.parent)
print(json.dumps(rounds))
"""


def in_full_tmpfs(folder: Path) -> Any:
    """What the program above says on a disk of 64 KiB; the reason why it could not run, if so."""
    mount = 'mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    try:
        done = subprocess.run(
            ["unshare", "-Urm", "sh", "-c", mount, "sh", str(folder), sys.executable, FULL],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
        )
    except FileNotFoundError:
        pytest.skip("unshare is not here")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system of our own: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_full_disk_is_named_keeps_the_log_and_works_again_when_there_is_space(tmp_path: Path) -> None:
    rounds = in_full_tmpfs(tmp_path)
    assert rounds == [["storage_failed", "storage_failed", True, "ok", "Clean"]] * 12
