"""Derived files: written so that readers see the old one or the new one, read without trusting them."""

from __future__ import annotations

import os
from stat import S_ISREG

from cli.project import Project


def replace_file(project: Project, name: str, content: bytes) -> None:
    """Gives the project's file `name` its new content in one step; raises OSError.

    No sync: what is derived comes back from the log. The name it is written under carries the
    process and is in the hidden folder, so nothing that a person made is ever overwritten.
    """
    new = project.path(".bo", f"{os.path.basename(name)}.{os.getpid()}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
    except BaseException:
        os.unlink(new)
        raise
    finally:
        os.close(fd)
    try:
        os.replace(new, project.path(name))
    except OSError:
        os.unlink(new)
        raise


def read_file(project: Project, name: str) -> bytes | None:
    """Returns the content of the project's file `name`; None where no regular file has that name.

    Never through a symbolic link, and never waiting for a pipe to speak.
    """
    try:
        fd = os.open(project.path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not S_ISREG(os.fstat(fd).st_mode):
            return None
        with open(fd, "rb", buffering=0, closefd=False) as file:
            return file.read()
    except OSError:
        return None
    finally:
        os.close(fd)
