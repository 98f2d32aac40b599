"""The runners by name: ours, and those that other distributions bring."""

from __future__ import annotations

from cli.dispatch.runner import Runner, Site
from cli.project import Project
from eventlog.errors import Refused

ENTRY_POINTS = "build_orchestrator.runners"


def make_runner(name: str, project: Project, jobs: int | None = None) -> Runner:
    """Returns the runner `name` for `jobs` at once (None: what it finds sensible); raises Refused."""
    site = Site(project.folder, project.path(".bo", "run"), jobs)
    if name == "command":
        from cli.dispatch.command import CommandRunner

        return CommandRunner(site)
    if name == "zo":
        from cli.dispatch.zo import ZoRunner

        return ZoRunner(site)
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINTS)
    for entry in found:
        if entry.name == name:
            runner: Runner = entry.load()(site)
            return runner
    known = ", ".join(["command", "zo", *sorted(entry.name for entry in found)])
    raise Refused("unknown_runner", f"there is no runner '{name}'", hint=f"there are: {known}")
