"""Publishing large plans behind the commands: a process of its own renders what several of them changed.

plan.json and README.md cost the plan's size. Up to MANY workers a command renders them before it
returns. Beyond, it starts a publisher that outlives it. At most one renders and one waits for its
turn; whoever finds one waiting needs none of its own, for that one has not read the log yet.
"""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from time import sleep

from cli.handle import Handler
from cli.project import Project
from cli.publish import RENDERING, WAITING, is_held, publish
from cli.remote import LOG_VARIABLE, Remote
from eventlog.names import parse_project_name

MANY = 5_000
"""Workers up to which rendering takes about as long as the rest of what a command does."""


def publish_soon(handler: Handler) -> str | None:
    """Publishes what `handler` has in hand, a large plan's texts shortly after; returns as `publish` does."""
    project, build, head = handler.project, handler.build, handler.head
    if len(build.workers) <= MANY or not os.path.exists(project.path("plan.json")):
        return publish(project, build, head)
    warning = publish(project, build, head, texts=False)
    try:
        if not is_held(project, WAITING):
            _start(project)
    except OSError:
        return publish(project, build, head)
    return warning


def _start(project: Project) -> None:
    os.posix_spawn(
        sys.executable,
        # -I: a folder `cli` where the user stands must not be taken for ours.
        [sys.executable, "-I", "-m", "cli.trailing", project.builds, project.name],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)],
        setsid=True,
    )


def run_publisher(project: Project) -> None:
    """Publishes all that the log says, unless another publisher waits, who is going to do it too."""
    waiting, rendering = _open(project, WAITING), _open(project, RENDERING)
    # Whoever asks whether it is held holds it for a moment.
    tries = 5
    while not _lock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB):
        tries -= 1
        if tries == 0:
            return
        sleep(0.01)
    _lock(rendering, fcntl.LOCK_EX)
    os.close(waiting)
    # Only now is the log read: whoever found us waiting had appended before.
    handler = Handler(project, "").load()
    if handler.build.exists:
        publish(project, handler.build, handler.head)
    os.close(rendering)


def _open(project: Project, name: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(project.path(name), flags, 0o644)


def _lock(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    gc.set_threshold(100_000)  # as the command does, and for the same reason
    log = os.environ.get(LOG_VARIABLE)
    run_publisher(Project(sys.argv[1], parse_project_name(sys.argv[2]), Remote(log) if log else None))
