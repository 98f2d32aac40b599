"""The derived files as of any moment: plan, readme."""

from __future__ import annotations

import click

from cli.moment import load_at
from cli.options import Invocation, at_option, on_project
from cli.output import show_document, show_json
from projections.render.plan_json import plan_json
from projections.render.readme_md import readme_md


@click.command()
@on_project
@at_option
def plan(invocation: Invocation, at: str | None) -> None:
    """Print plan.json as the log says it.

    With --at its bytes of that moment: the file as it lay there then.

    Example: bo plan -p auth --at 12
    """
    project = invocation.project()
    handler = load_at(project, at)
    show_document(plan_json(handler.build, project.name, handler.head))


@click.command()
@on_project
@at_option
def readme(invocation: Invocation, at: str | None) -> None:
    """Print README.md as the log says it.

    With --at its bytes of that moment. It is a document and no table: only --json makes an object of it.

    Example: bo readme -p auth --at 2026-11-23T04:00
    """
    project = invocation.project()
    build = load_at(project, at).build
    content = readme_md(build, project.name)
    if click.get_current_context().params["as_json"]:
        show_json({"project": project.name, "seq": build.seq, "readme": content.decode()})
    else:
        show_document(content)
