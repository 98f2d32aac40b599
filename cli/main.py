"""The command `bo`: a group whose commands are loaded when they are called, and errors become exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from cli.output import show_error, wants_color, wants_json
from cli.table_of_commands import COMMANDS, SECTIONS
from eventlog.errors import (
    Conflict,
    DamagedLog,
    LockTimeout,
    NewerEvent,
    OrchestratorError,
    StorageFailed,
)

EXIT_CODES: tuple[tuple[type[OrchestratorError], int], ...] = (
    (DamagedLog, 3),
    (NewerEvent, 3),
    (StorageFailed, 4),
    (LockTimeout, 5),
    (Conflict, 5),
    (OrchestratorError, 1),
)
"""The first row that fits an error gives the exit code; usage errors exit with 2."""


class _ReaderGone(Exception):
    """Nobody reads our answer any more."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names, in the order of the help."""
        return [row.name for row in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command, imported now, or None."""
        for row in COMMANDS:
            if row.name == cmd_name:
                module = importlib.import_module(f"cli.commands.{row.module}")
                command: click.Command = getattr(module, row.attribute)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, and names the command that was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), 1)
            if close:
                raise click.UsageError(f"{error.message} Did you mean '{close[0]}'?", ctx) from error
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Like click's, which would make an exit code of its own of a reader that has gone."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Groups the commands by what a person wants."""
        for section in SECTIONS:
            with formatter.section(section):
                formatter.write_dl([(row.name, row.help) for row in COMMANDS if row.section == section])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: bo init -p auth --plan-file plan.json, then bo ready -p auth.",
)
@click.version_option(package_name="build-orchestrator", prog_name="build-orchestrator")
@click.pass_context
def bo(ctx: click.Context) -> None:
    """Build Orchestrator: builds made of many workers, every action an event in a log.

    On a terminal answers are tables, anywhere else one JSON object. Exit codes: 0 done, 1 refused,
    2 usage, 3 damaged log, 4 storage failed or servers away, 5 lock or conflict, 124 `wait` ran out of time.
    """
    if not wants_color():
        ctx.color = False


def main() -> NoReturn:
    """Runs the command line of this process and exits with its code; no traceback reaches a user."""
    if sys.platform not in ("linux", "darwin"):
        sys.exit("error: Build Orchestrator runs on Linux and macOS only")
    _open_closed_streams()
    # A large plan is many objects without cycles: no need to look every 700 of them.
    gc.set_threshold(100_000)
    code = run(sys.argv[1:])
    gc.freeze()  # or the exit looks through every object once more, which costs a tenth of a command
    sys.exit(code)


def _open_closed_streams() -> None:
    """Gives the numbers of closed streams to nothing: the log would be opened with one, and be printed to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: list[str]) -> int:
    """Runs one command line; returns its exit code."""
    try:
        return _run(arguments)
    except (BrokenPipeError, _ReaderGone):
        # Nothing must try to write at exit what could not be written now.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        return 141


def _run(arguments: list[str]) -> int:
    as_json = wants_json(True if "--json" in arguments else False if "--table" in arguments else None)
    try:
        code = bo.main(arguments, prog_name="bo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except OrchestratorError as error:
        show_error(as_json, error)
        return next(code for type_, code in EXIT_CODES if isinstance(error, type_))
    except click.ClickException as error:
        return _usage(as_json, error)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except (BrokenPipeError, _ReaderGone):
        raise
    except OSError as error:
        message = f"{error.filename or 'the system'}: {error.strerror or error}"
        failed = StorageFailed if error.errno in _STORAGE else _SystemSaidNo
        show_error(as_json, failed(message))
        return 4
    except Exception as error:
        if os.environ.get("BO_DEBUG"):
            raise
        show_error(as_json, _Bug(f"unexpected {type(error).__name__}: {error}"))
        return 1


_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class _SystemSaidNo(OrchestratorError):
    code = "system"
    default_hint = "the operating system refused; see that the path is there and may be used"


class _Bug(OrchestratorError):
    code = "bug"
    default_hint = "this is a fault of the tool: please report it; BO_DEBUG=1 shows where it happened"


def _usage(as_json: bool, error: click.ClickException) -> int:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        if not as_json:
            error.show()
            return error.exit_code
        message = "no command was given"
    usage = OrchestratorError(message)
    usage.code = "usage"
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage.hint = f"`{context.command_path} --help` shows how" if context else "`bo --help` shows how"
    show_error(as_json, usage)
    return error.exit_code
