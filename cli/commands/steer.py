"""What people decide about workers: approve, reject, cancel, reset."""

from __future__ import annotations

import click

from cli.act import act_on_workers
from cli.options import Invocation, on_project, workers_option
from projections import commands as cmd

reason_option = click.option("--reason", metavar="TEXT", default="", help="Why.")


@click.command()
@on_project
@workers_option
def approve(invocation: Invocation, workers: tuple[str, ...]) -> None:
    """Complete work that was handed in.

    Example: bo approve -p auth -w worker_oauth
    """
    act_on_workers(invocation, [cmd.Approve(worker=worker) for worker in workers])


@click.command()
@on_project
@workers_option
@reason_option
def reject(invocation: Invocation, workers: tuple[str, ...], reason: str) -> None:
    """Send handed-in work back.

    The worker is pending again; the reason is part of its next assignment.

    Example: bo reject -p auth -w worker_oauth --reason "no tests"
    """
    act_on_workers(invocation, [cmd.Reject(worker=worker, reason=reason) for worker in workers])


@click.command()
@on_project
@workers_option
@reason_option
def cancel(invocation: Invocation, workers: tuple[str, ...], reason: str) -> None:
    """Decide that workers are not to be done.

    Example: bo cancel -p auth -w worker_providers --reason "not this quarter"
    """
    act_on_workers(invocation, [cmd.Cancel(worker=worker, reason=reason) for worker in workers])


@click.command()
@on_project
@workers_option
@reason_option
@click.option("--force", is_flag=True, help="Also a completed worker that others have built on.")
def reset(invocation: Invocation, workers: tuple[str, ...], reason: str, force: bool) -> None:
    """Reopen finished workers.

    Example: bo reset -p auth -w worker_jwt --reason "the key is there now"
    """
    act_on_workers(invocation, [cmd.Reset(worker=worker, reason=reason, force=force) for worker in workers])
