"""Writers as processes of their own, and what they said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eventlog import JsonlStore
from eventlog.events import NoteAdded
from tests.logs import everything, whole_lines

ROOT = Path(__file__).resolve().parents[2]

SOAK_MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
"""How long each test marked `soak` goes on."""


def writer_command(log: Path, *options: str) -> list[str]:
    """The command line of a writer; see `writer.py`."""
    return [sys.executable, "-m", "tests.crash.writer", str(log), *options]


class Writer:
    """A writer that was started and waits for `go`."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.said() == "ready", self.process.communicate(timeout=30)[1]

    def go(self) -> None:
        """Lets it begin."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self) -> str:
        """The next line that it says; empty when there will be none."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def rest(self) -> list[str]:
        """All lines that it still says, until its end."""
        assert self.process.stdout
        lines = self.process.stdout.read().splitlines()
        self.process.wait(60)
        return lines


@contextmanager
def started(*commands: Sequence[str]) -> Iterator[list[Writer]]:
    """Writers, all of them ready; none outlives the block."""
    writers: list[Writer] = []
    try:
        for command in commands:
            writers.append(Writer(command))  # noqa: PERF401 - those before one that fails have to be ended too
        yield writers
    finally:
        for writer in writers:
            writer.process.kill()
            writer.process.communicate(timeout=60)


def acknowledged(lines: Sequence[str]) -> dict[int, str]:
    """The numbers and texts in acknowledgements; half a line is none."""
    found: dict[int, str] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "ok":
            seq, _, text = rest.partition(" ")
            assert int(seq) not in found, f"number {seq} was acknowledged twice"
            found[int(seq)] = text
    return found


def check_log(log: Path, known: dict[int, str]) -> list[str]:
    """The texts of an intact log, in which each acknowledged event stands in its place."""
    whole = b"".join(whole_lines(log.read_bytes()))
    assert b"\n" not in log.read_bytes()[len(whole) :]
    events = everything(JsonlStore(log))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    texts = [event.text for event in events if isinstance(event, NoteAdded)]
    assert len(texts) == len(events)
    assert {seq: texts[seq - 1] for seq in known} == known
    return texts
