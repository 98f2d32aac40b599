"""Where projects live on disk, and one project with its log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from cli.output import tell
from eventlog.errors import InvalidName, NotFound, Refused
from eventlog.jsonl import JsonlStore
from eventlog.names import ProjectName, parse_project_name

if TYPE_CHECKING:
    from cli.remote import Remote
    from eventlog.jetstream import JetStreamStore
    from eventlog.store import FileStore

LOG = "events.jsonl"
BUILDS = os.path.join("N5", "builds")


class Project:
    """One project: a folder below `builds` with its log, or with the mirror of its log on `remote`.

    Making this object makes no file and reads none. Raises Refused when the folder, or the hidden
    one in it, is a symbolic link: what this tool writes stays below `builds`. `say` is told when
    what is read may be old.
    """

    def __init__(
        self,
        builds: str,
        name: ProjectName,
        remote: Remote | None = None,
        *,
        say: Callable[[str], None] = tell,
    ) -> None:
        self.builds = builds
        self.name = name
        self.remote = remote
        self._say = say
        self.folder = os.path.join(builds, name)
        hidden = [self.path(".bo", *parts) for parts in ((), ("run",), ("dispatchers",))]
        for path in (self.folder, self.path("outputs"), *hidden):
            if os.path.islink(path):
                raise Refused(
                    "symbolic_link",
                    f"{path} is a symbolic link; nothing is read or written through it",
                    hint="put the real folder there, or name its parent with --builds-dir",
                )

    @cached_property
    def on_servers(self) -> JetStreamStore | None:
        """The same log for whoever asks about its servers, None where it is read without any."""
        return None if self.remote is None else self.remote.store(self.path(LOG), self.name)

    @cached_property
    def store(self) -> FileStore:
        """The log: on the servers, or in its file; a mirror without its servers can only be read."""
        if self.on_servers is not None:
            return self.on_servers
        if self.is_mirror():
            from eventlog.mirror import MirrorAlone

            return MirrorAlone(self.path(LOG), say=self._say)
        return JsonlStore(self.path(LOG))

    def is_mirror(self) -> bool:
        """Whether `events.jsonl` here follows a log on servers."""
        return is_mirror(self.folder)

    def path(self, *parts: str) -> str:
        """Returns the path of something in the project's folder."""
        return os.path.join(self.folder, *parts)

    def exists(self) -> bool:
        """Whether the project has a log."""
        return self.store.exists()

    def _where(self) -> str:
        return f"in {self.builds}" if self.remote is None else f"at {self.remote.shown}"

    def require(self) -> Project:
        """Returns itself; raises NotFound when there is no log."""
        if not self.exists():
            imported = os.path.exists(self.path("plan.json"))
            raise NotFound(
                "no_project",
                f"Project '{self.name}' not found",
                hint=f"adopt what is there with `bo import {self.path('plan.json')} -p {self.name}`"
                if imported
                else f"`bo list` shows the projects {self._where()}; `bo init` begins one",
            )
        return self


def is_mirror(folder: str) -> bool:
    """Whether `events.jsonl` in a project's folder follows a log on servers."""
    return os.path.lexists(os.path.join(folder, ".bo", "remote"))


def find_builds(given: str | None) -> str:
    """Returns the folder of all projects.

    That is `given` (--builds-dir or $BO_BUILDS_DIR), else N5/builds below $N5OS_WORKSPACE, else the
    nearest N5/builds at or above the working directory, else N5/builds below it. Raises Refused for
    one that was found and belongs to somebody else.
    """
    if given:
        return os.path.abspath(given)
    workspace = os.environ.get("N5OS_WORKSPACE")
    if workspace:
        return os.path.abspath(os.path.join(workspace, BUILDS))
    folder = here = os.getcwd()
    while not os.path.isdir(os.path.join(folder, BUILDS)):
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.join(here, BUILDS)
        folder = parent
    found = os.path.join(folder, BUILDS)
    if os.stat(found).st_uid != os.geteuid():
        # Whoever owns it says what `run` runs: found by walking upwards, that must not be a stranger.
        raise Refused(
            "foreign_builds",
            f"{found} belongs to somebody else",
            hint=f"if you trust what is in there, name it: --builds-dir {found}",
        )
    return found


def project_names(builds: str) -> Iterator[ProjectName]:
    """Yields the names of the projects in `builds`, sorted: every folder with a project's name and a log."""
    try:
        entries = sorted(os.scandir(builds), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and os.path.lexists(os.path.join(entry.path, LOG)):
            try:
                yield parse_project_name(entry.name)
            except InvalidName:
                continue


def the_only_one(names: Sequence[ProjectName], where: str) -> ProjectName:
    """Returns the name of the only project there is; raises NotFound."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise NotFound(
            "no_project",
            f"there is no project in {where}",
            hint="begin one with `bo init -p NAME --plan-file F`",
        )
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    raise NotFound(
        "which_project", f"there are {len(names)} projects in {where}", hint=f"choose one with -p: {shown}"
    )
