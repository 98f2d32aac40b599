"""What workers and people report: complete, submit, fail, progress, note."""

from __future__ import annotations

from typing import Any

import click

from cli.act import act, act_on_workers
from cli.handle import Handler
from cli.options import (
    Invocation,
    attempt_of,
    attempt_option,
    on_project,
    worker_option,
    workers_option,
)
from cli.output import show
from projections import commands as cmd


@click.command()
@on_project
@workers_option
@click.option("--output", metavar="PATH", help="Where the work lies.")
@click.option("--summary", metavar="TEXT", help="What was done.")
@click.option("--force", is_flag=True, help="Also when dependencies are not completed; recorded as forced.")
@attempt_option
def complete(
    invocation: Invocation,
    workers: tuple[str, ...],
    output: str | None,
    summary: str | None,
    force: bool,
    attempt: int | None,
) -> None:
    """Record that workers are done.

    Saying it twice is fine; another output for a completed worker is refused.

    Example: bo complete -p auth -w worker_schema --output N5/services/auth/schema.sql
    """
    act_on_workers(
        invocation,
        [
            cmd.Complete(
                worker=worker,
                attempt=attempt_of(invocation, worker, attempt),
                output=output,
                summary=summary,
                force=force,
            )
            for worker in workers
        ],
    )


@click.command()
@on_project
@workers_option
@click.option("--files", metavar="TEXT", help="The files that were made.")
@click.option("--summary", metavar="TEXT", help="What was done.")
@attempt_option
def submit(
    invocation: Invocation,
    workers: tuple[str, ...],
    files: str | None,
    summary: str | None,
    attempt: int | None,
) -> None:
    """Hand work in for review.

    Example: bo submit -p auth -w worker_oauth --files src/oauth.py --summary "code flow works"
    """
    act_on_workers(
        invocation,
        [
            cmd.Submit(
                worker=worker, attempt=attempt_of(invocation, worker, attempt), files=files, summary=summary
            )
            for worker in workers
        ],
    )


@click.command()
@on_project
@workers_option
@click.option("--reason", "error", metavar="TEXT", default="", help="What went wrong.")
@attempt_option
def fail(invocation: Invocation, workers: tuple[str, ...], error: str, attempt: int | None) -> None:
    """Record that workers failed.

    Example: bo fail -p auth -w worker_jwt --reason "no signing key"
    """
    act_on_workers(
        invocation,
        [
            cmd.Fail(worker=worker, attempt=attempt_of(invocation, worker, attempt), error=error)
            for worker in workers
        ],
    )


@click.command()
@on_project
@worker_option
@click.option("--message", "-m", metavar="TEXT", default="", help="What is being done.")
@click.option("--percent", type=click.FloatRange(0, 100), help="How much is done.")
@attempt_option
def progress(
    invocation: Invocation, worker: str, message: str, percent: float | None, attempt: int | None
) -> None:
    """Say how far a worker is.

    Example: bo progress -p auth -w worker_oauth -m "tests written" --percent 60
    """
    attempt = attempt_of(invocation, worker, attempt)
    act_on_workers(
        invocation, [cmd.Progress(worker=worker, attempt=attempt, message=message, percent=percent)]
    )


@click.command()
@on_project
@click.option("--worker", "-w", metavar="ID", help="The worker that the remark is about.")
@click.argument("text")
def note(invocation: Invocation, worker: str | None, text: str) -> None:
    """Write a remark into the log.

    Example: bo note -p auth "providers wait for the legal check"
    """
    handler = Handler(invocation.project().require(), invocation.actor).load()
    events, warnings = act(handler, [cmd.AddNote(text=text, worker=worker)])
    data: dict[str, Any] = {
        "success": True,
        "project": handler.project.name,
        "worker_id": worker,
        "seq": events[0].seq,
    }
    if warnings:
        data["warnings"] = warnings
    show(invocation.as_json, data, lambda: f"noted (event {events[0].seq})")
