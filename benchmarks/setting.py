"""How a measurement is asked for: how large, where its files go, and running one by itself."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from benchmarks.report import Report

_Choice = TypeVar("_Choice")


class Setting(Struct, frozen=True):
    """How large to measure. `work` is a folder for inputs, shared by all measurements of one run."""

    work: Path
    quick: bool = False
    long: bool = False

    def choose(self, usual: _Choice, quick: _Choice) -> _Choice:
        """Returns the size or count that fits."""
        return quick if self.quick else usual

    def folder(self, name: str) -> Path:
        """Returns a new, empty folder for a candidate."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))


Measurement = Callable[[Setting], Report]


def options(description: str) -> argparse.ArgumentParser:
    """Returns a parser with the options that every program here takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="tiny inputs: only to see that it works")
    parser.add_argument("--long", action="store_true", help="ten times more for the curves of growth")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.add_argument("--work", metavar="DIR", help="where inputs are made (default: a temporary folder)")
    return parser


@contextmanager
def setting_of(arguments: argparse.Namespace) -> Iterator[Setting]:
    """Gives the setting that the arguments describe, with a folder that is removed at the end."""
    for name in list(os.environ):
        if name.startswith(("BO_", "ZO_")) or name in ("N5OS_WORKSPACE", "PYTHONDONTWRITEBYTECODE"):
            del os.environ[name]
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.work))
    try:
        yield Setting(work, quick=arguments.quick, long=arguments.long)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run_alone(measurement: Measurement) -> None:
    """Runs one measurement as a program of its own."""
    arguments = options((sys.modules["__main__"].__doc__ or "").partition("\n")[0]).parse_args()
    with setting_of(arguments) as setting:
        report = measurement(setting)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    else:
        print(report.text())
