"""How close does a run come to the shortest time that its graph allows?

`python -m benchmarks.makespan [PLAN] [--jobs N] [--scale X]` runs a plan whose workers sleep for their
estimated hours divided by X, and prints one JSON object. The bound is Graham's: no schedule ends before
the longest path, nor before the work divided by the jobs. What a run costs beside the work is measured
with workers that do nothing: once to start and end, and for each worker on a path.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

CHAIN = 40
"""Workers in a row, by which the cost of one is measured."""


def main() -> int:
    """Returns the exit code: 1 when the run did not complete everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", nargs="?", type=Path, help="a plan (default: a generated one of 200 workers)")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--scale", type=float, default=1000.0, help="by which recorded times are divided")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    workers = json.loads(arguments.plan.read_text())["workers"] if arguments.plan else generated()
    seconds = {one["id"]: (one.get("estimated_hours") or 0) * 3600 / arguments.scale for one in workers}
    path, depth = longest_path(workers, seconds)
    bound = max(path, sum(seconds.values()) / arguments.jobs)
    start = median(timed([idle("w0")], 1) for _ in range(arguments.rounds))
    row = [idle(f"w{n}", f"w{n - 1}" if n else None) for n in range(CHAIN)]
    each = (median(timed(row, 1) for _ in range(arguments.rounds)) - start) / (CHAIN - 1)
    asleep = [one | {"command": ["sleep", f"{seconds[one['id']]:.6f}"]} for one in workers]
    makespan = median(timed(asleep, arguments.jobs) for _ in range(arguments.rounds))
    report = {
        "workers": len(workers),
        "jobs": arguments.jobs,
        "scale": arguments.scale,
        "longest_path_seconds": round(path, 4),
        "work_seconds": round(sum(seconds.values()), 4),
        "bound_seconds": round(bound, 4),
        "makespan_seconds": round(makespan, 4),
        "start_seconds": round(start, 4),
        "each_worker_seconds": round(each, 5),
        "ratio": round(makespan / bound, 4),
        "ratio_without_start": round((makespan - start) / bound, 4),
        "ratio_without_start_and_spawns_on_the_path": round((makespan - start - depth * each) / bound, 4),
    }
    print(json.dumps(report, indent=2))
    return 0


def idle(name: str, needs: str | None = None) -> dict[str, Any]:
    """Returns a worker that does nothing."""
    return {"id": name, "dependencies": [needs] if needs else [], "command": ["true"]}


def generated() -> list[dict[str, Any]]:
    """Returns 200 workers that need up to three of the twenty before them; an hour each at most."""
    chance = Random(8)
    return [
        {
            "id": f"w{place}",
            "dependencies": [f"w{n}" for n in chance.sample(range(max(0, place - 20), place), min(place, 3))],
            "estimated_hours": chance.uniform(0.001, 0.1),
        }
        for place in range(200)
    ]


def longest_path(workers: list[dict[str, Any]], seconds: dict[str, float]) -> tuple[float, int]:
    """Returns the seconds of the longest path, and how many workers are on it."""
    needs = {one["id"]: one.get("dependencies", []) for one in workers}
    found: dict[str, tuple[float, int]] = {}
    waiting = list(needs)
    while waiting:
        name = waiting[-1]
        missing = [needed for needed in needs[name] if needed not in found]
        if missing:
            waiting += missing
            continue
        before = max((found[needed] for needed in needs[name]), default=(0.0, 0))
        found[name] = (before[0] + seconds[name], before[1] + 1)
        waiting.pop()
    return max(found.values())


def timed(workers: list[dict[str, Any]], jobs: int) -> float:
    """Returns the seconds of one `bo run` of a new project, from its start as a process to its end."""
    with tempfile.TemporaryDirectory(prefix="makespan-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BO_")}
        environment |= {"BO_BUILDS_DIR": folder, "BO_PROJECT": "run"}
        tool = [sys.executable, "-m", "cli"]
        plan = json.dumps({"name": "Makespan", "workers": workers}).encode()
        begin = [*tool, "init", "--plan-file", "-"]
        subprocess.run(begin, input=plan, env=environment, check=True, capture_output=True)
        began = perf_counter()
        run = [*tool, "run", "--json", "-j", str(jobs)]
        subprocess.run(run, env=environment, check=True, capture_output=True)
        return perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
