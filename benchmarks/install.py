"""How much disk does an installation take?

Counted in this environment: the files of the distribution and of all that it requires at run time,
without bytecode. `.ci/run` installs the wheel into an empty environment and holds the same limit.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from benchmarks.measure import spread
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone

NAME = "build-orchestrator"


def measure(setting: Setting) -> Report:
    """Adds up the files of the distribution and of everything that it requires."""
    report = Report("install", "How much disk does an installation take?")
    sizes = {name: _size(name) for name in sorted(_closure(NAME))}
    report.rows.append(
        Row(
            "installed size without extras",
            spread([sum(sizes.values()) / 1e6]),
            "MB",
            at_most=40,
            promise="installed size without extras",
        )
    )
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:4]
    report.notes.append("the largest: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in largest))
    return report


def _closure(name: str) -> set[str]:
    """Returns the names of a distribution and of what it requires, installed here, extras left out."""
    found: set[str] = set()
    open_: list[str] = [name]
    while open_:
        current = open_.pop()
        if current in found:
            continue
        try:
            required = distribution(current).requires or []
        except PackageNotFoundError:
            continue  # for another system or Python
        found.add(current)
        open_ += [
            re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in required if "extra ==" not in line
        ]
    return found


def _size(name: str) -> int:
    files = [Path(str(file.locate())) for file in distribution(name).files or []]
    if name == NAME:  # an editable installation has its files elsewhere
        root = Path(__file__).parent.parent
        files += [
            path for package in ("eventlog", "projections", "cli") for path in (root / package).rglob("*")
        ]
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")


if __name__ == "__main__":
    run_alone(measure)
