"""Whole processes: their wall time, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from msgspec import Struct

BO = str(Path(sys.executable).with_name("bo"))
"""The console script that is installed beside this Python."""


class Ran(Struct, frozen=True):
    """One process that ended. Times in seconds, `peak` (resident memory) in bytes."""

    seconds: float
    processor: float
    peak: int


def run(command: Sequence[str], cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """Runs a process to its end, its output thrown away; raises RuntimeError unless it exits with 0."""
    variables = {**os.environ, **(environment or {})}
    began = perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]} exited with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
