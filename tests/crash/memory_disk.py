"""A disk in memory that behaves as badly as a real one may.

What processes see is the cache; what a loss of power leaves is the platter. Writes reach the
platter at a sync; before it, a loss of power keeps, drops, cuts or garbles each of them, in any
combination. Names reach it at a sync of their folder; before it, the latest of them may be gone.
A failed sync may have written anything of what it was about, and no later sync writes the rest:
that is what Linux does. Any call can be made to fail, or to be the last of its process.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from random import Random

Write = tuple[int, bytes]
"""Offset and bytes; a truncation is a `Cut`."""


class Cut(int):
    """A truncation to this size."""


class Killed(BaseException):
    """The process ended inside a call; nothing of it runs any more."""


class File:
    """A file: what is seen, what is safe, and what lies between."""

    def __init__(self) -> None:
        self.cache = bytearray()
        self.platter = bytearray()
        self.pending: list[Write | Cut] = []
        self.locked_by: int | None = None

    def apply(self, change: Write | Cut) -> None:
        """Makes a change visible, not yet safe."""
        put(self.cache, change)
        self.pending.append(change)

    def sync(self) -> None:
        """Makes safe what was changed since the last sync, failed or not."""
        for change in self.pending:
            put(self.platter, change)
        self.pending.clear()

    def lose(self, chance: Random) -> None:
        """Lets chance decide about each pending change, and forgets them."""
        for change in self.pending:
            put_perhaps(self.platter, change, chance)
        self.pending.clear()


class Folder:
    """A folder: names that are seen, and names that are safe."""

    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.safe: list[dict[str, File | Folder]] = [{}]

    def changed(self) -> None:
        """Notes a state that a loss of power may fall back to, or to one before it."""
        self.safe.append(dict(self.names))

    def sync(self) -> None:
        """Makes the names that are seen the only ones left."""
        self.safe = [dict(self.names)]

    def lose(self, chance: Random) -> None:
        """Falls back to one of the states since the last sync, here and below."""
        self.names = dict(chance.choice(self.safe))
        self.sync()
        for node in self.names.values():
            node.lose(chance)
            if isinstance(node, File):
                node.cache = bytearray(node.platter)


def put(data: bytearray, change: Write | Cut) -> None:
    """Carries a change out."""
    if isinstance(change, Cut):
        data.extend(bytes(max(0, change - len(data))))
        del data[change:]
        return
    offset, content = change
    data.extend(bytes(max(0, offset - len(data))))
    data[offset : offset + len(content)] = content


def put_perhaps(data: bytearray, change: Write | Cut, chance: Random) -> None:
    """Carries a change out whole, in part, wrongly or not at all."""
    fate = chance.choice(["whole", "whole", "nothing", "beginning", "hole", "end only", "garbage"])
    if fate == "whole":
        put(data, change)
    if isinstance(change, Cut) or fate in ("whole", "nothing"):
        return
    offset, content = change
    part = chance.randint(0, len(content))
    if fate == "beginning":
        content = content[:part]
    elif fate == "hole":
        content = content[:part] + bytes(len(content) - part)
    elif fate == "end only":
        content = bytes(part) + content[part:]
    else:
        content = content[:part] + chance.randbytes(len(content) - part)
    # A byte that is written over by itself stays what it is: each append does so to its page's beginning.
    wanted, there = change[1], bytes(data[offset : offset + len(change[1])])
    kept = bytearray(content)
    for place, (new, old) in enumerate(zip(wanted[: len(content)], there, strict=False)):
        if new == old:
            kept[place] = old
    put(data, (offset, bytes(kept)))


def _last(path: str) -> str:
    return path.rpartition("/")[2]


class MemoryDisk:
    """The `Disk` port over such files. One process at a time is inside; `chance` decides what is lost."""

    def __init__(self, chance: Random | None = None) -> None:
        self.chance = chance or Random(0)
        self.root = Folder()
        self.room: int | None = None
        self.calls: list[str] = []
        self._open: dict[int, File] = {}
        self._next_fd = 3
        self._plan: list[tuple[str, int, OSError | Killed]] = []
        self._dead = False

    # --- what a test can do to it

    def fail_next(self, name: str, error: int, skip: int = 0) -> None:
        """Makes the next call of that name ("any": of all) fail with `error`, after `skip` that go well."""
        self._plan.append((name, skip, OSError(error, os.strerror(error))))

    def die_in_next(self, name: str, skip: int = 0) -> None:
        """Ends the process inside that call, which may have done its work, or half of it."""
        self._plan.append((name, skip, Killed()))

    def restart_process(self) -> None:
        """The process is gone, and its descriptors and locks with it; the cache lives on."""
        for file in self._open.values():
            file.locked_by = None
        self._open.clear()
        self._plan.clear()
        self._dead = False

    def lose_power(self) -> None:
        """The cache is gone too."""
        self.restart_process()
        self.root.lose(self.chance)

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended in a call and was not restarted."""
        return self._dead

    @property
    def has_plans(self) -> bool:
        """Whether a fault or an end is still to come."""
        return self._dead or bool(self._plan)

    def survivors(self, path: str) -> list[bytes]:
        """What is safe of a file, once for each state of the names that a loss of power may leave."""
        nodes: list[File | Folder | None] = [self.root]
        for name in filter(None, path.split("/")):
            nodes = [
                state.get(name) if isinstance(node, Folder) else None
                for node in nodes
                for state in (node.safe if isinstance(node, Folder) else [{}])
            ]
        return [bytes(node.platter) if isinstance(node, File) else b"" for node in nodes]

    def file_behind(self, path: str) -> File:
        """The file of that name, to tell it from another one."""
        node = self._find(path)
        assert isinstance(node, File)
        return node

    def content(self, path: str) -> bytes | None:
        """What is seen of a file; None if there is none."""
        node = self._find(path)
        return bytes(node.cache) if isinstance(node, File) else None

    def put_file(self, path: str, content: bytes) -> None:
        """Puts a file there, safe, by other means than a store."""
        file = self._file(path, create=True)
        file.cache, file.platter, file.pending = bytearray(content), bytearray(content), []
        self._folder(path).sync()

    def delete(self, path: str) -> None:
        """Takes a name away."""
        folder = self._folder(path)
        del folder.names[_last(path)]
        folder.changed()

    def listing(self, path: str) -> list[str]:
        """The names in a folder."""
        node = self._find(path)
        assert isinstance(node, Folder)
        return sorted(node.names)

    # --- the port

    def open(self, path: str, *, create: bool) -> int:
        """See Disk."""
        self._call("open")
        return self._descriptor(self._file(path, create=create))

    def open_for_reading(self, path: str) -> int:
        """See Disk."""
        self._call("open_for_reading")
        return self._descriptor(self._file(path, create=False))

    def close(self, fd: int) -> None:
        """See Disk."""
        self._alive()
        file = self._open.pop(fd)
        if file.locked_by == fd:
            file.locked_by = None

    def size(self, fd: int) -> int:
        """See Disk."""
        self._call("size")
        return len(self._open[fd].cache)

    def read_at(self, fd: int, offset: int, size: int) -> bytes:
        """See Disk."""
        if offset < 0 or size < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._call("read_at")
        return bytes(self._open[fd].cache[offset : offset + size])

    def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See Disk. Takes a part only, now and then, and no more than there is room for."""
        file, content = self._open[fd], bytes(data)

        def some(least: int) -> int:
            count = self.chance.randint(least, len(content))
            file.apply((offset, content[:count]))
            return count

        self._call("write_at", lambda: some(0))
        grows = max(0, offset + len(content) - len(file.cache))
        if self.room is not None and grows > self.room:
            content = content[: len(content) - grows + self.room]
            if not content:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            grows = self.room
        count = some(1) if self.chance.random() < 0.1 else len(content)
        if count == len(content):
            file.apply((offset, content))
        if self.room is not None:
            self.room -= grows
        return count

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        self._call("truncate", lambda: self._open[fd].apply(Cut(size)))
        self._open[fd].apply(Cut(size))

    def copy_mode(self, source: int, target: int) -> None:
        """See Disk. There are no permissions here."""
        self._call("copy_mode")

    def sync(self, fd: int) -> None:
        """See Disk. If it fails, the system has forgotten by the next time what it could not write."""
        file = self._open[fd]
        self._call("sync", lambda: file.lose(self.chance), on_error=True)
        file.sync()

    def sync_directory(self, path: str) -> None:
        """See Disk."""
        folder = self._find(path)
        if not isinstance(folder, Folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._call("sync_directory", folder.sync)
        folder.sync()

    def replace(self, source: str, target: str) -> None:
        """See Disk."""
        folder = self._folder(source)

        def act() -> None:
            folder.names[_last(target)] = folder.names.pop(_last(source))
            folder.changed()

        self._call("replace", act)
        act()

    def make_directory(self, path: str) -> None:
        """See Disk."""
        folder = self._folder(path)

        def act() -> None:
            folder.names.setdefault(_last(path), Folder())
            folder.changed()

        self._call("make_directory", act)
        act()

    def exists(self, path: str) -> bool:
        """See Disk."""
        self._alive()
        return self._find(path) is not None

    def try_lock(self, fd: int) -> bool:
        """See Disk."""
        self._call("try_lock")
        file = self._open[fd]
        if file.locked_by not in (None, fd):
            return False
        file.locked_by = fd
        return True

    def unlock(self, fd: int) -> None:
        """See Disk."""
        self._alive()
        if self._open[fd].locked_by == fd:
            self._open[fd].locked_by = None

    def identity(self, fd: int) -> tuple[int, int]:
        """See Disk."""
        self._alive()
        return 0, id(self._open[fd])

    def look(self, path: str) -> tuple[tuple[int, int], int] | None:
        """See Disk."""
        self._alive()
        node = self._find(path)
        return ((0, id(node)), len(node.cache)) if isinstance(node, File) else None

    # --- inside

    def _alive(self) -> None:
        if self._dead:
            raise Killed

    def _call(self, name: str, effect: Callable[[], object] = int, *, on_error: bool = False) -> None:
        """Counts a call and does what was planned for it; `effect` is what an unlucky one may have done."""
        self._alive()
        self.calls.append(name)
        due = next((plan for plan in self._plan if plan[0] in (name, "any")), None)
        if due is None:
            return
        at = self._plan.index(due)
        which, skip, fault = self._plan.pop(at)
        if skip:
            self._plan.insert(at, (which, skip - 1, fault))
            return
        if on_error if isinstance(fault, OSError) else self.chance.random() < 0.5:
            effect()
        self._dead = isinstance(fault, Killed)
        raise fault

    def _descriptor(self, file: File) -> int:
        self._next_fd += 1
        self._open[self._next_fd] = file
        return self._next_fd

    def _find(self, path: str) -> File | Folder | None:
        node: File | Folder | None = self.root
        for name in filter(None, path.split("/")):
            node = node.names.get(name) if isinstance(node, Folder) else None
        return node

    def _folder(self, path: str) -> Folder:
        folder = self._find(path.rpartition("/")[0])
        if not isinstance(folder, Folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return folder

    def _file(self, path: str, *, create: bool) -> File:
        folder, name = self._folder(path), _last(path)
        node = folder.names.get(name)
        if node is None and create:
            node = folder.names[name] = File()
            folder.changed()
        if not isinstance(node, File):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return node
