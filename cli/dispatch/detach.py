"""Dispatchers that outlive the shell: a process of its own session, known to be at work before we return."""

from __future__ import annotations

import os
import subprocess
import sys
from time import monotonic, sleep
from typing import Any

import msgspec

from cli.dispatch.loop import new_name
from cli.dispatch.presence import find_pid
from cli.options import Invocation
from cli.project import Project
from eventlog.errors import OrchestratorError, Refused

OF_ATTEMPTS = ("BO_WORKER", "BO_ATTEMPT", "BO_COMPONENT", "BO_ASSIGNMENT_FILE", "BO_ACTOR")
"""The environment variables that tell a worker which attempt it is."""

PATIENCE = 10.0
"""Seconds in which a new dispatcher must have begun."""


def start_detached(
    invocation: Invocation, project: Project, workers: tuple[str, ...], how: dict[str, Any]
) -> dict[str, Any]:
    """Starts a dispatcher and returns where to look, as soon as it has begun.

    Raises what kept it from beginning, as it said it.
    """
    name = new_name()
    log = project.path(".bo", "dispatchers", f"{name}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    # -I: a folder `cli` where the user stands must not be taken for ours.
    command = [sys.executable, "-I", "-m", "cli", "run", "--json", "--as-dispatcher", name]
    command += ["--project", project.name, "--builds-dir", project.builds, "--actor", invocation.actor]
    for worker in workers:
        command += ["--worker", worker]
    command += _options(how)
    # A worker may start a dispatcher; that one is no part of the worker's attempt, and outlives it.
    environment = {key: value for key, value in os.environ.items() if key not in OF_ATTEMPTS}
    with open(log, "xb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    deadline = monotonic() + PATIENCE
    while find_pid(project, name) is None:
        if process.poll() is not None:
            summary = _summary(log) or {}
            if "dispatcher" in summary:
                break  # it had so little to do that it has ended already
            raise _its_error(summary, log)
        if monotonic() > deadline:
            raise Refused(
                "not_started", f"the dispatcher has not begun within {PATIENCE:g} s", hint=f"see {log}"
            )
        sleep(0.01)
    return {
        "success": True,
        "project": project.name,
        "dispatcher": name,
        "pid": process.pid,
        "log": log,
        "workers": list(workers) or None,
    }


def _options(how: dict[str, Any]) -> list[str]:
    words = []
    for key, value in how.items():
        option = "--" + key.replace("_", "-")
        if key == "fail_fast":
            words += ["--fail-fast"] if value else []
        elif value is not None:
            words += [option, str(value)]
    return words


def _summary(log: str) -> dict[str, Any] | None:
    """Returns the last JSON object in a dispatcher's output."""
    with open(log, "rb") as file:
        text = file.read(1 << 20)
    text = text[text.rfind(b"\n{\n") + 1 :]
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text.startswith(b"{\n") else None
    except msgspec.DecodeError:
        return None


def _its_error(said: dict[str, Any], log: str) -> OrchestratorError:
    return Refused(
        str(said.get("code", "not_started")),
        str(said.get("error", "the dispatcher ended before it began")),
        hint=str(said.get("hint") or f"see {log}"),
    )
