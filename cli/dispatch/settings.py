"""How each worker is run. The worker's own key goes before the command line, that before `defaults`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from eventlog.errors import Refused

DEFAULT_TIMEOUT = 600.0
"""Seconds that an attempt may take unless the plan or the command line says otherwise."""

LONGEST_TIMEOUT = 1e9
"""Seconds: thirty years, which a clock can still add up."""


class Overrides(Struct, frozen=True):
    """What the command line said; None where it said nothing. `timeout` in seconds."""

    command: str | None = None
    timeout: float | None = None
    retries: int | None = None


class Settings(Struct, frozen=True):
    """How one worker is run. `timeout` in seconds; `command` is empty where nothing names one."""

    command: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT
    retries: int = 0
    priority: float = 0.0


class _Keys(Struct):
    command: str | list[str] | None = None
    timeout_minutes: float | None = None
    retries: int | None = None
    priority: float | None = None


class _PlannedWorker(_Keys):
    id: str = ""


class _Plan(Struct):
    workers: list[_PlannedWorker]
    defaults: _Keys = msgspec.field(default_factory=_Keys)


def read_settings(plan: bytes, overrides: Overrides) -> dict[str, Settings]:
    """Returns the settings of every worker in the plan's text.

    Raises Refused for a command line of `overrides` that cannot be split. A worker whose own command
    cannot be split has none: no plan can be mended, so it fails alone and does not keep the others.
    """
    if overrides.command is not None:
        split_command(overrides.command)
    decoded = msgspec.json.decode(plan, type=_Plan)
    defaults = decoded.defaults
    named = _Keys(
        command=overrides.command,
        timeout_minutes=None if overrides.timeout is None else overrides.timeout / 60,
        retries=overrides.retries,
    )
    return {worker.id: _settings((worker, named, defaults)) for worker in decoded.workers}


def _settings(sources: tuple[_Keys, ...]) -> Settings:
    command = next((s.command for s in sources if s.command is not None), None)
    minutes = next((s.timeout_minutes for s in sources if s.timeout_minutes is not None), None)
    return Settings(
        command=_words(command),
        timeout=DEFAULT_TIMEOUT if minutes is None else min(minutes * 60, LONGEST_TIMEOUT),
        retries=next((s.retries for s in sources if s.retries is not None), 0),
        priority=next((s.priority for s in sources if s.priority is not None), 0.0),
    )


def split_command(line: str) -> tuple[str, ...]:
    """Returns the line split once, as a shell would do it, by no shell. Raises Refused."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Refused("bad_command", f"the command cannot be split into words: {error}") from error
    if not words:
        raise Refused("bad_command", "the command is empty")
    return tuple(words)


def _words(command: str | list[str] | None) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(command or ())
    try:
        return split_command(command)
    except Refused:
        return ()


_PLACEHOLDER = re.compile(r"\{(id|component|description|assignment|assignment_file|project|attempt)\}")


def fill(command: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the command with its placeholders filled: each stays within its one argument.

    What is filled in is never looked at again, so a description that says `{id}` stays that.
    """
    return tuple(_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in command)
