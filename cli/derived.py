"""Writing a derived file so that readers see the old one or the new one, never a piece."""

from __future__ import annotations

import os

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
    os.replace(new, project.path(name))
