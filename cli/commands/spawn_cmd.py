"""Spawning by hand: the command to paste, and the assignment behind it."""

from __future__ import annotations

import os
import shlex
from typing import Any

import click
import msgspec

from cli.act import act
from cli.derived import replace_file
from cli.handle import Handler
from cli.moment import load_at
from cli.options import Invocation, at_option, on_project, worker_option
from cli.output import escaped, show
from projections import assignment as texts
from projections.commands import Spawn
from projections.decider import decide
from projections.worker_rules import find

MAX_ARGUMENT = 100_000
"""Bytes of context that are put on the command line; Linux takes 131,072 in one argument."""


@click.command("spawn-cmd")
@on_project
@worker_option
@click.option("--parent", required=True, metavar="CON", help="The conversation that spawns the worker.")
@click.option("--dry-run", is_flag=True, help="Only print the command; record nothing.")
@click.option("--force", is_flag=True, help="Also when dependencies are not completed; recorded as forced.")
def spawn_cmd(invocation: Invocation, worker: str, parent: str, dry_run: bool, force: bool) -> None:
    """Print the command that spawns a worker, and record the spawn.

    The printed line can be pasted into bash whatever the plan's texts hold. For a worker that is in
    progress already the same command is printed again.

    Example: bo spawn-cmd -p auth -w worker_schema --parent con_7f3a
    """
    handler = Handler(invocation.project().require(), invocation.actor).load()
    project = handler.project
    context = texts.spawn_context(handler.build, find(handler.build, worker), project.name)
    command = Spawn(worker=worker, parent=parent, force=force)
    seq = None
    warnings: list[str] = []
    if dry_run:
        decide(handler.build, command, "", "")  # the same refusals, nothing written
    else:
        events, warnings = act(handler, [command])
        seq = events[0].seq if events else None
    spawned = find(handler.build, worker).attempt
    if spawned is not None and spawned.parent and not dry_run:
        parent = spawned.parent
    text = escaped(msgspec.json.encode(context).decode(), str.isprintable)
    words = ["python3", "N5/scripts/spawn_worker_v2.py", "--parent", parent]
    if len(text.encode()) <= MAX_ARGUMENT:
        words += ["--context", text]
    else:
        name = os.path.join("outputs", f"{worker}.context.json")
        words += ["--context-file", project.path(name)]
        if not dry_run:
            os.makedirs(project.path("outputs"), exist_ok=True)
            replace_file(project, name, text.encode())
    data: dict[str, Any] = {
        "worker_id": worker,
        "command": " ".join(map(_bash_word, words)),
        "context": context,
        "attempt": spawned.number if spawned else None,
        "seq": seq,
    }
    if warnings:
        data["warnings"] = warnings
    show(invocation.as_json, data, lambda: data["command"])


def _bash_word(word: str) -> str:
    """Returns `word` as bash reads it back; what a terminal would act on is written as its bytes."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(f"\\x{byte:02x}" for byte in os.fsencode(word)) + "'"


@click.command()
@on_project
@worker_option
@at_option
def assignment(invocation: Invocation, worker: str, at: str | None) -> None:
    """Print what a worker is told to do.

    Example: bo assignment -p auth -w worker_oauth
    """
    project = invocation.project()
    build = load_at(project, at).build
    text = texts.assignment(build, find(build, worker), project.name)
    data = {"project": project.name, "worker_id": worker, "assignment": text}
    show(invocation.as_json, data, lambda: text.rstrip("\n"))
