"""How soon does somebody who follows a log see a new line?

The measure is `tail -F` of the same file: both get the same lines, each written bare at a known time,
in turns within one run. What counts is from the write until the line is read from the follower's pipe.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep

from benchmarks import inputs
from benchmarks.measure import spread
from benchmarks.processes import BO
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.head import START
from eventlog.store import seal

OURS, THEIRS = "bo tail -f", "tail -F"
PAUSE = 0.003
"""Seconds between a line's arrival and the next write: so that every line has to wake its reader."""


class _Log:
    """A log that is written line by line, without syncs."""

    def __init__(self, folder: Path) -> None:
        self.builds = folder
        self.path = folder / "p" / "events.jsonl"
        self.path.parent.mkdir()
        self._batch = seal([inputs.definition(20)], START)
        self.path.write_bytes(self._batch.lines)
        self._lives = inputs.lives(20)

        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)

    def next_line(self) -> bytes:
        """Returns the line to be written next."""
        self._batch = seal(list(islice(self._lives, 1)), self._batch.head)
        return self._batch.lines

    def write(self, line: bytes) -> None:
        """Appends a line with one write."""
        os.write(self._fd, line)

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self._fd)


def measure(setting: Setting) -> Report:
    """Compares the wake-ups of two followers."""
    report = Report("tail", "How soon does a follower see a new line?")
    if shutil.which("tail") is None:
        report.notes.append("skipped: there is no tail")
        return report
    log = _Log(setting.folder("tail"))
    followers = {
        OURS: [BO, "tail", "-f", "-n", "0", "-p", "p", "--builds-dir", str(log.builds)],
        THEIRS: ["tail", "-n", "0", "-F", str(log.path)],
    }
    lines = setting.choose(300, 20)
    delays: dict[str, list[list[float]]] = {name: [] for name in followers}
    for number in range(setting.choose(10, 2)):
        for name in (OURS, THEIRS) if number % 2 else (THEIRS, OURS):
            delays[name].append(_follow(followers[name], log, lines))
    log.close()
    for percent, at_most in ((50, 1.5), (99, 1.5)):
        found = {name: [quantiles(one, n=100)[percent - 1] for one in each] for name, each in delays.items()}
        value = spread([one / other for one, other in zip(found[OURS], found[THEIRS], strict=True)])
        promise = f"`tail -f`, wake-up p{percent} / `tail -F`"
        report.rows.append(Row(f"p{percent} of {OURS} / {THEIRS}", value, at_most=at_most, promise=promise))
        report.times |= {f"{name}, p{percent}": spread(values) for name, values in found.items()}
    return report


def _follow(command: Sequence[str], log: _Log, lines: int) -> list[float]:
    """Returns the seconds from the write of each line until the follower has passed it on."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as follower:
        assert follower.stdout is not None
        pipe = follower.stdout.fileno()
        try:
            _wake(pipe, log)
            delays = []
            for _ in range(lines):
                sleep(PAUSE)
                line = log.next_line()
                began = perf_counter()
                log.write(line)
                _read_line(pipe, line, 10.0)
                delays.append(perf_counter() - began)
            return delays
        finally:
            follower.kill()


def _wake(pipe: int, log: _Log) -> None:
    """Writes lines until the follower passes them on, then until none is left in its pipe."""
    for _ in range(300):
        log.write(log.next_line())
        if select.select([pipe], [], [], 0.05)[0]:
            break
    while select.select([pipe], [], [], 0.3)[0]:
        os.read(pipe, 65536)


def _read_line(pipe: int, line: bytes, patience: float) -> None:
    """Reads until the whole line has come; raises RuntimeError when it does not or is another."""
    came = b""
    while len(came) < len(line):
        if not select.select([pipe], [], [], patience)[0]:
            raise RuntimeError("the follower did not pass a line on")
        came += os.read(pipe, 65536)
    if came != line:
        raise RuntimeError("the follower passed on another line")


if __name__ == "__main__":
    run_alone(measure)
