"""What does one command cost, from fork to exit, and does it stay the same as the log grows?

The measure is a process of the same Python that only imports what every command has to import.
"""

from __future__ import annotations

import compileall
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Rounds, Spread, interleave, ratio, spread
from benchmarks.processes import BO, run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone

IMPORTS = [sys.executable, "-c", "import click, msgspec, hashlib, fcntl"]
BARE = "only the imports"
COMMANDS = {"status": (), "ready": (), "complete": (), "log": ("-n", "10")}
ACTIVE = 200
"""Workers that the history is about: few enough for the shortest log to leave the state of the longest."""


def measure(setting: Setting) -> Report:
    """Compares whole commands with a process that only imports, over projects of several lengths."""
    report = Report("startup", "What does one command cost, and does it grow with the log?")
    _compile()
    lengths = setting.choose((1_000, 100_000, 1_000_000), (1_000, 3_000))
    for workers in setting.choose((200, inputs.WORKERS), (200,)):
        _measure_commands(setting, report, workers, lengths)
    _measure_list(setting, report, setting.choose(1000, 20))
    return report


def _compile() -> None:
    """Everybody's modules are compiled once, so that no candidate does it while it is measured."""
    for package in ("eventlog", "projections", "cli"):
        compileall.compile_dir(str(Path(__file__).parent.parent / package), quiet=2)
    run(IMPORTS)


def _measure_commands(setting: Setting, report: Report, workers: int, lengths: tuple[int, ...]) -> None:
    active = min(ACTIVE, workers // 2)
    builds = {}
    for length in lengths:
        builds[length] = setting.folder("startup")
        inputs.write_log(builds[length] / "p" / "events.jsonl", length, workers, active)
        run([BO, "rebuild"], environment={"BO_BUILDS_DIR": str(builds[length])})
    for command, arguments in COMMANDS.items():
        candidates: dict[str, Callable[[], float]] = {BARE: lambda: run(IMPORTS).seconds}
        for length in lengths:
            candidates[f"{command}, {length:,} events"] = _command(
                [command, *arguments], builds[length], active if command == "complete" else None
            )
        rounds = interleave(candidates, setting.choose(25, 3))
        about = f"`bo {' '.join((command, *arguments))}`, {workers:,} workers"
        for length in lengths:
            name = f"{command}, {length:,} events"
            report.rows.append(
                Row(
                    f"{about}, {length:,} events / {BARE}",
                    ratio(rounds, name, BARE),
                    at_most=1.25,
                    promise=f"`{command}`, whole process / one that only imports, {workers:,} workers",
                )
            )
        report.rows.append(
            Row(
                f"{about}: slowest / fastest length",
                _flatness(rounds),
                at_most=1.1,
                promise=f"whole commands, longest log / shortest, {workers:,} workers",
            )
        )
        report.add_times({f"{workers:,} workers: {name}": values for name, values in rounds.items()})


def _command(arguments: list[str], builds: Path, first: int | None) -> Callable[[], float]:
    """Returns what runs a command; with `first`, each time about the next worker from there on."""
    places = count(first or 0)

    def once() -> float:
        about = ["-w", inputs.worker_id(next(places))] if first is not None else []
        return run([BO, *arguments, *about], environment={"BO_BUILDS_DIR": str(builds)}).seconds

    return once


def _flatness(rounds: Rounds) -> Spread:
    """Returns the slowest length's median over the fastest one's, with that of their least and most."""
    lengths = [spread(values) for name, values in rounds.items() if name != BARE]
    each = zip(*((s.lowest, s.median, s.highest) for s in lengths), strict=True)
    ratios = [max(values) / min(values) for values in each]
    return Spread(min(ratios), ratios[1], max(ratios))


def _measure_list(setting: Setting, report: Report, projects: int) -> None:
    builds = setting.folder("list")
    for number in range(projects):
        inputs.write_log(builds / f"p{number:04d}" / "events.jsonl", 200, 50)
    few = setting.folder("list-one")
    inputs.write_log(few / "p" / "events.jsonl", 200, 50)
    for folder in (builds, few):
        run([BO, "list"], environment={"BO_BUILDS_DIR": str(folder)})
    many_name, one_name = f"list, {projects:,} projects", "list, 1 project"
    rounds = interleave(
        {
            many_name: _command(["list"], builds, None),
            one_name: _command(["list"], few, None),
            BARE: lambda: run(IMPORTS).seconds,
        },
        setting.choose(10, 2),
    )
    report.rows.append(Row(f"`bo list`, {projects:,} projects / {BARE}", ratio(rounds, many_name, BARE)))
    report.rows.append(Row(f"`bo list`, 1 project / {BARE}", ratio(rounds, one_name, BARE)))
    more = [many - one for many, one in zip(rounds[many_name], rounds[one_name], strict=True)]
    report.rows.append(Row("`bo list`: each further project", spread(more).times(1e6 / projects), unit="us"))


if __name__ == "__main__":
    run_alone(measure)
