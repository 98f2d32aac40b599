"""Documents that the tool draws or exports: to standard output as they are, or into a file in one step."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import click

from cli.options import Invocation
from cli.output import show, show_document
from eventlog.errors import OrchestratorError

output_option = click.option(
    "-o", "--output", "file", metavar="FILE", help="Write into this file (default: standard output)."
)


BLOCK = 64 * 1024
"""Bytes that are written at once."""


class FileNotWritten(OrchestratorError):
    """The file that the person named cannot be written."""

    code = "file_not_written"


def deliver(invocation: Invocation, parts: Iterable[bytes], file: str | None, facts: dict[str, Any]) -> None:
    """Writes a document that is made part by part, and says so if it went into a file; `facts` are added.

    The file is the old one or the whole new one, whatever happens meanwhile. Raises FileNotWritten.
    """
    if file is None or file == "-":
        for block in _blocks(parts):
            show_document(block)
        return
    size = replace(file, parts)
    data = {"success": True, "file": os.path.abspath(file), "bytes": size} | facts
    show(invocation.as_json, data, lambda: f"written: {file} ({size:,} bytes)")


def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the parts, small ones together: a write for each event would cost more than the event."""
    block = bytearray()
    for part in parts:
        block += part
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def replace(file: str, parts: Iterable[bytes]) -> int:
    """Gives a file its new content in one step; returns its size. Raises FileNotWritten.

    A symbolic link stays one: what it points to is replaced.
    """
    if os.path.exists(file) and not os.path.isfile(file):
        return _write_into(file, parts)
    folder, name = os.path.split(os.path.realpath(file))
    new = os.path.join(folder, f".{name}.{os.getpid()}.new")
    size = 0
    try:
        # No mode of our own: what is exported is read by whom the person's umask says.
        with open(new, "xb") as stream:
            try:
                for part in parts:
                    size += stream.write(part)
                stream.flush()
                os.replace(new, os.path.join(folder, name))
            except BaseException:
                os.unlink(new)
                raise
    except OSError as error:
        raise _not_written(file, error) from error
    return size


def _write_into(file: str, parts: Iterable[bytes]) -> int:
    """Writes into a device or a pipe, which must stay what it is."""
    try:
        with open(file, "wb") as stream:
            return sum(stream.write(part) for part in parts)
    except OSError as error:
        raise _not_written(file, error) from error


def _not_written(file: str, error: OSError) -> FileNotWritten:
    return FileNotWritten(f"cannot write {file}: {error.strerror}", hint="name another file with -o")
