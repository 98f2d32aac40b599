"""What a build is now: status, ready, review, list."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.activity import activity, sentences
from cli.handle import Handler
from cli.moment import load_at
from cli.options import Invocation, answers, at_option, on_project
from cli.output import group, show, table, tell
from cli.project import Project, project_names
from cli.remote import Remote
from cli.whereabouts import sentence, whereabouts
from eventlog.errors import OrchestratorError
from eventlog.names import ProjectName
from projections.build import Build
from projections.views.status import plan_name, ready_view, review_view, status_counts, status_view

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 200
"""Beyond this many workers a person sees what is active first, and counts of the rest."""


@click.command()
@on_project
@at_option
def status(invocation: Invocation, at: str | None) -> None:
    """Show all workers and their status.

    Example: bo status -p auth
    """
    project = invocation.project()
    build = load_at(project, at).build
    active = activity(project, build, past=at is not None)
    where = whereabouts(project)
    data = status_view(build, project.name) | active | where if invocation.as_json else {}
    lines = [*filter(None, [sentence(where)]), *sentences(active)]
    show(invocation.as_json, data, lambda: _status_table(build, project.name, lines))


def _status_table(build: Build, project: str, activities: list[str]) -> RenderableType:
    counts = {name: count for name, count in status_counts(build).items() if count and name != "pending"}
    counts["ready"] = len(build.ready)
    done = build.counts.get("completed", 0)
    rows = []
    for place, worker in enumerate(build.workers):
        status = build.shown_status(place)
        error = worker.result.error if worker.result and worker.result.error else None
        progress = worker.attempt.message if worker.attempt and worker.status == "in_progress" else None
        waits = [build.workers[d].id for d in worker.dependencies if build.workers[d].status != "completed"]
        about = error or progress or ("waits for " + _some(waits) if waits and status == "blocked" else "")
        rows.append((worker.id, status, worker.attempts or "", about))
    if len(rows) > MOST_ROWS:
        rows = [row for row in rows if row[1] not in ("completed", "blocked")][:MOST_ROWS]
    hidden = len(build.workers) - len(rows)
    return group(
        f"{plan_name(build) or project}: {build.status}, {done} of {len(build.workers)} completed "
        f"(event {build.seq}, {build.updated_at})",
        ", ".join(f"{count} {name}" for name, count in counts.items() if count),
        *activities,
        table(("worker", "status", "attempts", "about"), rows),
        f"{hidden} more workers are completed, blocked or left out here; --json shows all"
        if hidden
        else None,
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@click.command()
@on_project
@at_option
def ready(invocation: Invocation, at: str | None) -> None:
    """Show the workers that can be spawned now.

    Example: bo ready -p auth
    """
    project = invocation.project()
    data = ready_view(load_at(project, at).build, project.name)

    def people() -> RenderableType:
        if not data["ready_workers"]:
            return "no worker is ready"
        return table(
            ("worker", "component", "hours", "description"),
            [
                (w["id"], w.get("component"), w.get("estimated_hours"), _first_line(w.get("description")))
                for w in data["ready_workers"]
            ],
        )

    show(invocation.as_json, data, people)


@click.command()
@on_project
@at_option
def review(invocation: Invocation, at: str | None) -> None:
    """List what awaits review.

    Example: bo review -p auth
    """
    project = invocation.project()
    data = review_view(load_at(project, at).build, project.name)

    def people() -> RenderableType:
        if not data["reviews"]:
            return "nothing awaits review"
        return table(
            ("worker", "submitted", "files", "summary"),
            [
                (w["id"], w["submitted_at"], w.get("submitted_files"), w.get("submitted_summary"))
                for w in data["reviews"]
            ],
        )

    show(invocation.as_json, data, people)


def _first_line(text: object) -> str:
    line = str(text or "").partition("\n")[0]
    return line if len(line) <= 100 else line[:97] + "..."


@click.command("list")
@answers
def list_command(invocation: Invocation) -> None:
    """List all projects.

    Example: bo list
    """
    projects = _on_servers(invocation) if invocation.remote else _here(invocation)
    data = {"projects": projects + _foreign(invocation.builds, {entry["project"] for entry in projects})}

    def people() -> RenderableType:
        if not data["projects"]:
            return f"there is no project in {invocation.builds}"
        return table(
            ("project", "name", "status", "completed", "workers", "last event"),
            [
                (p["project"], p["name"], p["status"], p.get("completed"), p["workers"], _short_time(p))
                for p in data["projects"]
            ],
        )

    show(invocation.as_json, data, people)


def _short_time(listed: dict[str, Any]) -> str:
    return str(listed.get("updated_at") or "")[:16].replace("T", " ")


def _here(invocation: Invocation) -> list[dict[str, Any]]:
    """Returns the projects in the folder; what follows a log on servers is shown as it is here."""
    mirrors: list[str] = []
    projects = [
        _listed(invocation.builds, name, None, mirrors.append) for name in project_names(invocation.builds)
    ]
    if mirrors:
        tell(f"{len(mirrors)} of these are mirrors of logs on servers, as old as `bo status` says")
    return projects


def _on_servers(invocation: Invocation) -> list[dict[str, Any]]:
    """Returns the projects on the servers, and those here that are not there."""
    here = set(project_names(invocation.builds))
    there = invocation.names()
    # Or each of them would wait for servers that are away.
    remote = None if invocation.away else invocation.remote
    projects = []
    for name in sorted(here.union(there)):
        if name not in here or name not in there:
            status = "not_mirrored" if name in there else "not_pushed"
            projects.append({"project": name, "name": None, "status": status, "workers": None})
            continue
        projects.append(_listed(invocation.builds, name, remote, lambda _: None))
    return projects


def _listed(
    builds: str, name: ProjectName, remote: Remote | None, say: Callable[[str], None]
) -> dict[str, Any]:
    try:
        build = Handler(Project(builds, name, remote, say=say), "").load().build
    except OrchestratorError as error:
        return {
            "project": name,
            "name": None,
            "status": error.code,
            "workers": None,
            "error": str(error),
        }
    return {
        "project": name,
        "name": plan_name(build) if build.exists else None,
        "status": build.status if build.exists else "empty",
        "workers": len(build.workers),
        "completed": build.counts.get("completed", 0),
        "updated_at": build.updated_at,
    }


def _foreign(builds: str, ours: set[str]) -> list[dict[str, Any]]:
    """Returns the folders with a plan.json of another tool: the origin's `list` showed them too."""
    try:
        names = sorted(os.listdir(builds))
    except OSError:
        return []
    return [
        {"project": name, "name": None, "status": "not_imported", "workers": None}
        for name in names
        if name not in ours and os.path.isfile(os.path.join(builds, name, "plan.json"))
    ]
