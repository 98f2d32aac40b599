"""What does it cost to run 1,000 commands that do nothing, two at a time?

The same graph for ninja and make, which keep no record of results (ninja: a log of times, unsynced);
a plain list for GNU parallel with a job log. Ours keeps every spawn and every result durable.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial

import msgspec

from benchmarks import inputs
from benchmarks.measure import interleave, ratio
from benchmarks.processes import BO, run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone

OURS = "bo run"
JOBS = "2"


def measure(setting: Setting) -> Report:
    """Compares whole runs of one graph of no-op commands."""
    report = Report("run", "What does it cost to run 1,000 commands that do nothing?")
    edges = inputs.edges(setting.choose(1000, 20))
    candidates: dict[str, Callable[[], float]] = {OURS: lambda: _ours(setting, len(edges))}
    others = {"ninja": _ninja, "make": _make, "parallel": _parallel}
    for name, other in others.items():
        if name == "parallel" and not _is_gnu_parallel():
            report.notes.append("skipped: GNU parallel is not installed")
        elif shutil.which(name) is None:
            report.notes.append(f"skipped: {name} is not installed")
        else:
            candidates[name] = partial(other, setting, edges)
    rounds = interleave(candidates, setting.choose(7, 2))
    bounds = {"ninja": 2.5, "parallel": 1.0}
    for name in rounds:
        if name != OURS:
            what = f"time of {OURS} / {name}{' --joblog' if name == 'parallel' else ''}"
            value, at_most = ratio(rounds, OURS, name), bounds.get(name)
            promise = f"`run` of 1,000 no-op commands, `-j 2`: time / {name}" if at_most else ""
            report.rows.append(Row(what, value, at_most=at_most, promise=promise))
    report.add_times(rounds)
    return report


def _ours(setting: Setting, workers: int) -> float:
    folder = setting.folder("bo")
    (folder / "plan.json").write_bytes(inputs.plan(workers, command=["true"]))
    environment = {"BO_BUILDS_DIR": str(folder), "BO_PROJECT": "p"}
    run([BO, "init", "--plan-file", str(folder / "plan.json")], environment=environment)
    seconds = run([BO, "run", "--via", "command", "-j", JOBS], environment=environment).seconds
    status = subprocess.run(
        [BO, "status", "-p", "p", "--builds-dir", str(folder)], capture_output=True, check=True
    )
    if msgspec.json.decode(status.stdout)["status_counts"]["completed"] != workers:
        raise RuntimeError("bo run did not complete every worker")
    return seconds


def _ninja(setting: Setting, edges: list[list[int]]) -> float:
    folder = setting.folder("ninja")
    lines = ["rule r", "  command = true"]
    lines += [f"build w{place}: r {' '.join(f'w{b}' for b in before)}" for place, before in enumerate(edges)]
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")
    return run(["ninja", "-j", JOBS], cwd=folder).seconds


def _make(setting: Setting, edges: list[list[int]]) -> float:
    folder = setting.folder("make")
    names = " ".join(f"w{place}" for place in range(len(edges)))
    lines = [f".PHONY: all {names}", f"all: {names}"]
    for place, before in enumerate(edges):
        lines += [f"w{place}: {' '.join(f'w{b}' for b in before)}", "\t@true"]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")
    return run(["make", "-j", JOBS], cwd=folder).seconds


def _parallel(setting: Setting, edges: list[list[int]]) -> float:
    folder = setting.folder("parallel")
    (folder / "list").write_text("".join(f"{place}\n" for place in range(len(edges))))
    return run(
        ["parallel", "--will-cite", "-j", JOBS, "--joblog", "joblog", "-a", "list", "true"], cwd=folder
    ).seconds


def _is_gnu_parallel() -> bool:
    """There is another program of that name, which has no job log."""
    found = shutil.which("parallel")
    if found is None:
        return False
    asked = subprocess.run([found, "--version"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return b"GNU parallel" in asked.stdout


if __name__ == "__main__":
    run_alone(measure)
