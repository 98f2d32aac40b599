"""How long it takes, and how long it would: critical-path, what-if."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from cli.clock import now
from cli.commands.define import added_workers
from cli.dispatch.settings import Overrides, read_settings
from cli.moment import load_at, take_in
from cli.options import Invocation, at_option, on_project
from cli.output import group, show, table
from eventlog.errors import Refused
from projections.build import Build
from projections.decider import require_plan
from projections.duration import brief
from projections.views.critical_path import critical_path_view
from projections.views.history import History
from projections.views.what_if import Suppositions, difference, outlook, suppose

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 30
"""Workers of a path, and names of a list, that a person sees; --json has all of them."""

_HEIGHTS = " ▁▂▃▄▅▆▇█"


@click.command("critical-path")
@on_project
@at_option
def critical_path(invocation: Invocation, at: str | None) -> None:
    """Show which workers the length of the build comes from.

    Real durations where they are known, estimates elsewhere. Slack is by how much a worker may be
    late; the potential gain is what would be won if it took no time.

    Example: bo critical-path -p auth
    """
    project = invocation.project()
    told = History()
    take_in(project, at, told.take)
    require_plan(told.build)
    data = critical_path_view(told, project.name, now() if at is None else told.build.updated_at)
    show(invocation.as_json, data, lambda: _path_table(data))


def _path_table(data: dict[str, Any]) -> RenderableType:
    workers = {worker["id"]: worker for worker in data["workers"]}
    rows = [
        (
            name,
            workers[name]["status"],
            _hours(workers[name]["hours"]),
            workers[name]["source"],
            _hours(workers[name]["start_hours"]),
            _hours(workers[name]["potential_gain_hours"]),
            _hours(workers[name]["queue_wait_hours"]),
        )
        for name in data["path"][:MOST_ROWS]
    ]
    hidden = len(data["path"]) - len(rows)
    return group(
        f"{data['project']}: the longest path takes {_hours(data['hours'])} through {len(data['path'])} of "
        f"{len(workers)} workers; all work together {_hours(data['work_hours'])}",
        _measured(data),
        table(("worker", "status", "takes", "known from", "starts at", "would win", "waited"), rows),
        f"{hidden} more workers on the path; --json shows all" if hidden else None,
    )


def _measured(data: dict[str, Any]) -> str | None:
    real = data["measured"]
    if real is None:
        return None
    most = max([part["running"] for part in real["over_time"]], default=0.0) or 1.0
    steps = "".join(
        _HEIGHTS[min(round(part["running"] / most * 8) or (part["running"] > 0), 8)]
        for part in real["over_time"]
    )
    return (
        f"so far {_hours(real['wall_hours'])}: {real['attempts']} attempts ran {_hours(real['run_hours'])} "
        f"and waited {_hours(real['queue_wait_hours'])} in the queue; at once at most {real['most_parallel']}"
        + (f", on average {real['average_parallelism']:.1f} {steps}" if real["over_time"] else "")
    )


def _hours(hours: float | None) -> str:
    return "" if hours is None else brief(hours * 3600)


@click.command("what-if")
@on_project
@click.option("--fail", multiple=True, metavar="ID", help="This worker fails for good; repeatable.")
@click.option("--complete", multiple=True, metavar="ID", help="This worker is completed; repeatable.")
@click.option("--skip", multiple=True, metavar="ID", help="This worker is left out, nobody waits for it.")
@click.option("--slower", multiple=True, metavar="ID=FACTOR", help="It takes FACTOR times its estimate.")
@click.option("--add", metavar="JSON", help="Workers to add: a list of them, or one.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="How many run at once.")
@at_option
def what_if(
    invocation: Invocation,
    fail: tuple[str, ...],
    complete: tuple[str, ...],
    skip: tuple[str, ...],
    slower: tuple[str, ...],
    add: str | None,
    jobs: int | None,
    at: str | None,
) -> None:
    """Suppose that workers fail, are slower, added or left out.

    Nothing is recorded. Says what would be ready, the longest path left and when the build would be
    finished, in hours of the estimates, and how that differs from now.

    Example: bo what-if -p auth --slower worker_oauth=2 --jobs 4
    """
    suppositions = Suppositions(
        add=None if add is None else added_workers(add.encode("utf-8", "surrogateescape")),
        complete=complete,
        fail=fail,
        skip=skip,
        slower=dict(_factor(text) for text in slower),
    )
    project = invocation.project()
    build = load_at(project, at).build
    moment = now() if at is None else build.updated_at
    usual = sum(d.jobs for d in build.dispatchers.values()) or os.cpu_count() or 1
    before = outlook(build, usual, _priorities(build), moment)
    supposed = suppose(build, suppositions, moment)
    if jobs not in (None, usual):
        supposed.append(f"{jobs} run at once instead of {usual}")
    after = outlook(build, jobs or usual, _priorities(build), moment)
    data = {
        "project": project.name,
        "seq": build.seq,
        "supposed": supposed,
        **after,
        "now": before,
        "difference": difference(before, after),
    }
    show(invocation.as_json, data, lambda: _what_if_table(data))


def _factor(text: str) -> tuple[str, float]:
    name, equals, value = text.rpartition("=")
    try:
        factor = float(value)
    except ValueError:
        factor = -1.0
    if not equals or not 0 <= factor < 1e9:
        raise Refused(
            "invalid_amount",
            f"--slower wants ID=FACTOR, not {text!a}",
            hint="a factor is 0 or more, like 1.5",
        )
    return name, factor


def _priorities(build: Build) -> dict[str, float]:
    """As `bo run` would take them from the plan."""
    settings = read_settings(build.plan, Overrides())
    return {name: one.priority for name, one in settings.items() if one.priority}


def _what_if_table(data: dict[str, Any]) -> RenderableType:
    before, change = data["now"], data["difference"]
    rows = [
        ("jobs at once", before["jobs"], data["jobs"], ""),
        ("ready", before["ready_count"], data["ready_count"], _names(change["newly_ready"])),
        ("never begin", len(before["never"]), len(data["never"]), _names(change["newly_never"])),
        (
            "longest path",
            _hours(before["critical_path"]["hours"]),
            _hours(data["critical_path"]["hours"]),
            _signed(change["critical_path_hours"]),
        ),
        (
            "finished in",
            _hours(before["finish_hours"]),
            _hours(data["finish_hours"]),
            _signed(change["finish_hours"]),
        ),
    ]
    pace = data["finish_seconds_at_pace"]
    return group(
        "if " + "; ".join(data["supposed"]) if data["supposed"] else "if all goes on as it is",
        table(("", "now", "then", "difference"), rows),
        f"ready: {_names(data['ready']) or 'none'}",
        f"path: {' > '.join(data['critical_path']['path'][:MOST_ROWS]) or 'nothing is left'}",
        None if pace is None else f"at the pace so far: {brief(pace)}",
    )


def _signed(hours: float) -> str:
    return "" if abs(hours) < 1e-9 else f"{'+' if hours > 0 else '-'}{_hours(abs(hours))}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_ROWS} more" if len(names) > MOST_ROWS else ""
    return ", ".join(names[:MOST_ROWS]) + more
