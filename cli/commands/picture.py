"""Pictures of a build: graph, timeline, report. The texts are drawn in `projections/render/`."""

from __future__ import annotations

import os
import sys

import click

from cli.document import deliver, output_option
from cli.moment import find_seq, load_at
from cli.options import Invocation, at_option, on_project
from cli.output import show, warn
from cli.project import Project
from eventlog.head import START, Head
from projections.build import Build
from projections.decider import require_plan
from projections.views.status import plan_name
from projections.views.story import Story

SUFFIXES = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".txt": "text",
}
"""What the name of a file says about its format."""


@click.command()
@on_project
@at_option
@click.option("--format", "format_", type=click.Choice(("svg", "mermaid", "dot")), help="What to draw it as.")
@output_option
def graph(invocation: Invocation, at: str | None, format_: str | None, file: str | None) -> None:
    """Draw who waits for whom, and how far each is.

    Without --format the name of the file says it, else: Mermaid for people, the nodes and edges as
    JSON for programs.

    Example: bo graph -p auth -o graph.svg
    """
    project = invocation.project()
    build = load_at(project, at).build
    title = plan_name(build) or project.name
    format_ = _format(format_, file) or ("svg" if file else None)
    if format_ is None and invocation.as_json:
        from projections.views.graph import graph_view

        show(True, graph_view(build, project.name), str)
        return
    drawn = _drawn(build, title, format_ or "mermaid")
    deliver(invocation, [drawn.encode()], file, _facts(project, build, format_ or "mermaid"))


def _drawn(build: Build, title: str, format_: str) -> str:
    if format_ == "svg":
        from projections.render.graph_svg import graph_svg

        return graph_svg(build, title)
    if format_ == "dot":
        from projections.render.graph_dot import graph_dot

        return graph_dot(build, title)
    from projections.render.mermaid import fits, flowchart

    if not fits(build):
        warn("the graph is larger than Mermaid draws by default; --format svg draws any size")
    return "\n".join(flowchart(build)) + "\n"


@click.command()
@on_project
@at_option
@click.option("--format", "format_", type=click.Choice(("svg", "text")), help="What to draw it as.")
@click.option(
    "--width", type=click.IntRange(min=60), help="Letters in a line of text (default: the terminal)."
)
@output_option
def timeline(
    invocation: Invocation, at: str | None, format_: str | None, width: int | None, file: str | None
) -> None:
    """Draw when each worker waited and ran, and the critical path.

    Without --format the name of the file says it, else: text for people, the bars as JSON for programs.

    Example: bo timeline -p auth
    """
    from projections.views.timeline import critical_workers, timeline_view
    from projections.views.timeline import timeline as timeline_of

    project = invocation.project()
    account, _ = _account(project, at)
    build = account.told.build
    shown = timeline_of(account.told, critical_workers(account.told))
    format_ = _format(format_, file) or ("svg" if file else None)
    if format_ == "svg":
        from projections.render.timeline_svg import timeline_svg

        drawn = timeline_svg(shown, build, plan_name(build) or project.name)
        deliver(invocation, [drawn.encode()], file, _facts(project, build, format_))
        return
    if format_ is None and invocation.as_json:
        show(True, {"project": project.name, "seq": build.seq} | timeline_view(shown), str)
        return
    from projections.render.timeline_text import timeline_text

    plain = file is None and (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    lines = timeline_text(shown, width or _terminal_width(), plain=plain)
    deliver(invocation, [f"{line}\n".encode() for line in lines], file, _facts(project, build, "text"))


@click.command()
@on_project
@at_option
@output_option
def report(invocation: Invocation, at: str | None, file: str | None) -> None:
    """Write one page that tells the whole build, for any browser.

    Both pictures, key decisions, what was out of the usual way, and the story of every worker. The
    page loads nothing and runs nothing.

    Example: bo report -p auth -o report.html
    """
    from projections.render.report_html import report_html

    project = invocation.project()
    account, head = _account(project, at)
    page = report_html(account, project.name, head)
    deliver(invocation, [page.encode()], file, _facts(project, account.told.build, "html"))


def _account(project: Project, at: str | None) -> tuple[Story, Head]:
    """Returns the account of the log up to a moment, every line of it checked; raises as `load_at` does."""
    account, head = Story(), START
    until = find_seq(project.require(), at) if at is not None else None
    for batch in project.require().store.read(until=until):
        for event in batch.events:
            account.take(event)
        head = batch.head
    require_plan(account.told.build)
    return account, head


def _format(given: str | None, file: str | None) -> str | None:
    return given or SUFFIXES.get(os.path.splitext(file or "")[1].lower())


def _facts(project: Project, build: Build, format_: str) -> dict[str, object]:
    return {"project": project.name, "seq": build.seq, "format": format_}


def _terminal_width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 100
