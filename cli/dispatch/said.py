"""What a worker said, from its output file into its event: whole when short, else the beginning."""

from __future__ import annotations

import os
from hashlib import sha256
from stat import S_ISREG

from cli.secrets import mask
from eventlog.disk import OsDisk
from eventlog.events import Answer

WHOLE = 16 * 1024
"""Bytes up to which an answer is kept whole in its event."""

BEGINNING = 500
"""Characters of a longer answer that are kept in its event."""


def answer_of(folder: str, name: str) -> Answer | None:
    """Returns what lies in the project's file `name`, or None when there is nothing. Memory is bounded."""
    try:
        # Never through a link, never waiting for a pipe: the worker could write what it wanted there.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(os.path.join(folder, name), flags)
    except OSError:
        return None
    try:
        if not S_ISREG(os.fstat(fd).st_mode):
            return None
        beginning = os.read(fd, WHOLE + 1)
        if not beginning:
            return None
        if len(beginning) <= WHOLE:
            return Answer(text=_text(beginning), size=len(beginning))
        digest, size = sha256(beginning), len(beginning)
        while block := os.read(fd, 1 << 20):
            digest.update(block)
            size += len(block)
        # The event will name this file, so it has to last as long.
        disk = OsDisk()
        disk.sync(fd)
        disk.sync_directory(os.path.join(folder, os.path.dirname(name)))
    except OSError:
        return None
    finally:
        os.close(fd)
    return Answer(text=_text(beginning)[:BEGINNING], file=name, sha256=digest.hexdigest(), size=size)


def last_line(answer: Answer | None) -> str:
    """Returns the last line of a short answer: where programs say what went wrong."""
    if answer is None or answer.file is not None:
        return ""
    lines = answer.text.rstrip().rpartition("\n")[2]
    return lines if len(lines) <= 300 else lines[:297] + "..."


def _text(content: bytes) -> str:
    return mask(content.decode("utf-8", "replace"))
