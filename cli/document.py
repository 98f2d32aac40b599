"""Documents that the tool draws or exports: to standard output as they are, or into a file in one step."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from cli.options import Invocation
from cli.output import show
from eventlog.errors import OrchestratorError

output_option = click.option(
    "-o", "--output", "file", metavar="FILE", help="Write into this file (default: standard output)."
)


class FileNotWritten(OrchestratorError):
    """The file that the person named cannot be written."""

    code = "file_not_written"


def deliver(invocation: Invocation, parts: Iterable[bytes], file: str | None, facts: dict[str, Any]) -> None:
    """Writes a document that is made part by part, and says so if it went into a file; `facts` are added.

    The file is the old one or the whole new one, whatever happens meanwhile. Raises FileNotWritten.
    """
    if file is None or file == "-":
        stdout = sys.stdout.buffer
        for part in parts:
            stdout.write(part)
        stdout.flush()
        return
    size = replace(file, parts)
    data = {"success": True, "file": os.path.abspath(file), "bytes": size} | facts
    show(invocation.as_json, data, lambda: f"written: {file} ({size:,} bytes)")


def replace(file: str, parts: Iterable[bytes]) -> int:
    """Gives a file its new content in one step; returns its size. Raises FileNotWritten."""
    folder, name = os.path.split(file)
    new = os.path.join(folder, f".{name}.{os.getpid()}.new")
    size = 0
    try:
        # No mode of our own: what is exported is read by whom the person's umask says.
        with open(new, "xb") as stream:
            try:
                for part in parts:
                    size += stream.write(part)
            except BaseException:
                os.unlink(new)
                raise
        os.replace(new, file)
    except OSError as error:
        raise FileNotWritten(
            f"cannot write {file}: {error.strerror}", hint="name another file with -o"
        ) from error
    return size
