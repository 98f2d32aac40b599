"""What other tools read: export, schema, prime. (`import` is in `define`.)"""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli.document import deliver, output_option
from cli.moment import find_seq, load_at
from cli.options import Invocation, answers, at_option, on_project
from cli.output import show, show_json
from cli.project import Project
from eventlog.errors import NotFound
from eventlog.events import AnyEvent
from eventlog.store import Batch
from projections.decider import require_plan

FORMATS = ("chrome-trace", "otlp-json", "cloudevents", "wfformat", "csv")


@click.command()
@on_project
@at_option
@click.option(
    "--format",
    "format_",
    required=True,
    type=click.Choice(FORMATS),
    help="Who is to read it; see docs/exchange.md.",
)
@output_option
def export(invocation: Invocation, at: str | None, format_: str, file: str | None) -> None:
    """Write the build in a format that other tools read.

    chrome-trace for Perfetto, otlp-json for OpenTelemetry, cloudevents for brokers (one event a line),
    wfformat for WfCommons, csv for spreadsheets (one attempt a row).

    Example: bo export -p auth --format chrome-trace -o trace.json
    """
    project = invocation.project()
    until = find_seq(project.require(), at) if at is not None else None
    require_plan(load_at(project, at).build)
    parts = _parts(project, project.store.read(until=until), format_)
    deliver(invocation, parts, file, {"project": project.name, "format": format_})


def _parts(project: Project, batches: Iterator[Batch], format_: str) -> Iterator[bytes]:
    if format_ == "cloudevents":
        from projections.exchange.cloudevents import cloudevents

        return cloudevents((pair for batch in batches for pair in batch.pairs()), project.name)
    events = (event for batch in batches for event in batch.events)
    if format_ == "chrome-trace":
        from projections.exchange.chrome_trace import chrome_trace

        return chrome_trace(events, project.name)
    if format_ == "otlp-json":
        from projections.exchange.otlp_json import otlp_json

        return otlp_json(events, project.name)
    if format_ == "csv":
        from projections.exchange.attempts_csv import attempts_csv

        return attempts_csv(events)
    return _wfformat(project, events)


def _wfformat(project: Project, events: Iterator[AnyEvent]) -> Iterator[bytes]:
    from projections.exchange.wfformat import to_wfformat
    from projections.views.history import history

    yield to_wfformat(history(events), project.name)


@click.command()
@answers
@click.argument("what", type=click.Choice(("plan", "event")))
def schema(invocation: Invocation, what: str) -> None:
    """Print the JSON Schema of plans, or of events.

    Made from what the tool itself checks, so that a model can be made to write valid plans.

    Example: bo schema plan
    """
    from projections.schema import event_schema, plan_schema

    show_json(plan_schema() if what == "plan" else event_schema())


@click.command()
@on_project
@at_option
def prime(invocation: Invocation, at: str | None) -> None:
    """Tell an agent how to use this project now.

    Commands, state, and what is ready, in fewer than 1,500 tokens.

    Example: bo prime -p auth
    """
    from projections.render.prime import prime as text_of

    try:
        project = invocation.project()
        text = text_of(load_at(project, at).build, project.name)
    except NotFound as error:
        if invocation.project_name or error.code not in ("no_project", "which_project"):
            raise
        text = text_of(None, None, invocation.names())
    show(False, {}, lambda: text.rstrip("\n"))
