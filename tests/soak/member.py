"""One process of a crowd. It works until it is killed, and writes down what it does before and after.

    python -m tests.soak.member ROLE FOLDER NOTEBOOK CLIENT FIRST SEED

`FOLDER` is the project's; `FIRST` the number of the first call of this life.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from cli.handle import Handler
from cli.project import Project
from cli.publish import publish
from eventlog import START, Conflict, Head, JsonlStore
from eventlog.disk import OsDisk
from eventlog.errors import LockTimeout, Refused, StorageFailed
from eventlog.names import parse_project_name
from projections import commands as cmd
from tests.logs import note
from tests.soak.history import Call, Notebook

WORKERS = [f"w{number}" for number in range(1, 9)]
SIZES = [0] * 200 + [300] * 20 + [9_000] * 4 + [80_000]


class Member:
    """What every role has at hand."""

    def __init__(self, folder: Path, notebook: Notebook, client: str, first: int, seed: int) -> None:
        self.folder = folder
        self.notebook = notebook
        self.client = client
        self.number = first
        self.chance = Random(seed)

    @property
    def log(self) -> Path:
        """The log's path."""
        return self.folder / "events.jsonl"

    def calls(self, most: int = 1) -> Iterator[Call]:
        """Call after call, each noted before it is made, with a pause of chance between two."""
        while True:
            yield self.notebook.begin(self.client, self.number, self.chance.randint(1, most))
            self.number += 1
            time.sleep(self.chance.choice([0, 0, 0.002, 0.02]))

    def append(self, store: JsonlStore, call: Call, head: Head) -> Head:
        """Appends the events of a call, again behind the new head when somebody was faster."""
        padding = " " + "x" * self.chance.choice(SIZES)
        while True:
            try:
                batch = store.append([note(f"{token}{padding}") for token in call.tokens()], head)
            except Conflict as conflict:
                head = conflict.actual
                continue
            except LockTimeout:
                self.notebook.end(call, "refused")
                return head
            self.notebook.end(call, "acknowledged", batch.events[0].seq)
            return batch.head


def appender(member: Member) -> None:
    """Appends notes, up to four at once."""
    store = JsonlStore(member.log)
    head = store.head()
    for call in member.calls(most=4):
        head = member.append(store, call, head)


class FailingDisk(OsDisk):
    """A disk whose writes and syncs of the log fail now and then, before or after they did their work."""

    def __init__(self, chance: Random, told: Callable[[str], None]) -> None:
        self.chance = chance
        self.told = told
        self.armed = False

    def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Takes all, a part, or nothing and fails."""
        if self.armed and len(data) > 150 and self.chance.random() < 0.2:
            taken = super().write_at(fd, bytes(data)[: self.chance.randint(1, len(data))], offset)
            if self.chance.random() < 0.5:
                return taken
            self._fail("write")
        return super().write_at(fd, data, offset)

    def sync(self, fd: int) -> None:
        """Syncs, or fails."""
        if self.armed and self.chance.random() < 0.2:
            self._fail("sync")
        super().sync(fd)

    def _fail(self, what: str) -> None:
        number = self.chance.choice([errno.EIO, errno.ENOSPC])
        self.told(f"{what} {errno.errorcode[number]}")
        raise OSError(number, os.strerror(number))


def unlucky(member: Member) -> None:
    """Appends notes on a disk that fails; after a failure its store must not write again, and it ends."""
    disk = FailingDisk(member.chance, member.notebook.fault)
    store = JsonlStore(member.log, disk=disk)
    head = store.head()
    for call in member.calls(most=4):
        disk.armed = True
        try:
            head = member.append(store, call, head)
        except StorageFailed:
            disk.armed = False
            try:
                store.append([note("after a failure")], store.head())
            except StorageFailed:
                return
            member.notebook.wrong("a store wrote again after it had failed")
            return


def decider(member: Member) -> None:
    """Spawns, completes, fails and resets workers that others work on too, and publishes."""
    project = Project(str(member.folder.parent), parse_project_name(member.folder.name))
    handler = Handler(project, member.client).load()
    for call in member.calls():
        if member.chance.random() < 0.1:
            handler = Handler(project, member.client).load()
        try:
            made = handler.handle([_command(member.chance, str(call.tokens()[0]))])
        except (Refused, Conflict, LockTimeout):
            member.notebook.end(call, "refused")
            handler = Handler(project, member.client).load()
            continue
        if made:
            member.notebook.end(call, "acknowledged", made[0].seq)
            publish(project, handler.build, handler.head)
        else:
            member.notebook.end(call, "refused")  # it was so already: nothing of this call is in the log


def _command(chance: Random, token: str) -> cmd.AnyCommand:
    worker = chance.choice(WORKERS)
    commands: list[cmd.AnyCommand] = [
        cmd.Spawn(worker=worker, parent=token),
        cmd.Complete(worker=worker, summary=token),
        cmd.Fail(worker=worker, error=token),
        cmd.Reset(worker=worker, reason=token, force=True),
        cmd.AddNote(text=token, worker=worker),
    ]
    return chance.choice(commands)


def reader(member: Member) -> None:
    """Reads the log, from its beginning or from where it was, and notes how far it came."""
    store = JsonlStore(member.log)
    head = START
    while True:
        begun = time.monotonic_ns()
        for batch in store.read(head):
            head = batch.head
        member.notebook.saw(f"{member.client}-{os.getpid()}", begun, head.seq, head.hash)
        if member.chance.random() < 0.02:
            head = START
        time.sleep(member.chance.uniform(0, 0.05))


def looker(member: Member) -> None:
    """Reads plan.json and README.md, which have to be whole, and notes up to which event the plan is."""
    while True:
        begun = time.monotonic_ns()
        try:
            meta = json.loads((member.folder / "plan.json").read_bytes())["_meta"]
            readme = (member.folder / "README.md").read_text()
        except (ValueError, KeyError, OSError) as error:
            member.notebook.wrong(f"a derived file was not whole: {error!r}")
            return
        if not readme.rstrip("\n").endswith("## Relevant Files"):
            member.notebook.wrong("README.md was not whole")
        member.notebook.saw_published("plan.json", begun, meta["seq"], meta["hash"])
        time.sleep(member.chance.uniform(0, 0.01))


ROLES = {role.__name__: role for role in (appender, unlucky, decider, reader, looker)}


def main() -> None:
    """Plays the role that the command line names."""
    role, folder, notebook, client, first, seed = sys.argv[1:]
    ROLES[role](Member(Path(folder), Notebook(Path(notebook)), client, int(first), int(seed)))


if __name__ == "__main__":
    main()
