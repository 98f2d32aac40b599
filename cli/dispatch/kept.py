"""Answers on disk: what a worker said, and beside it how its attempt ended.

First the output appears, whole, then a record of the outcome; only then is the outcome told. A
dispatcher that dies before it wrote the outcome into the log leaves both for the next one.
"""

from __future__ import annotations

import os

import msgspec
from msgspec import Struct

from cli.dispatch.runner import Job, Key, Outcome, Site


class Ended(Struct, frozen=True):
    """An attempt that ended. `text` is what its worker said, or None."""

    job: Job
    outcome: Outcome
    text: str | None


class Shelf:
    """Where a runner keeps its answers until they are recorded."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folders: set[str] = set()

    def keep(self, batch: list[Ended]) -> list[Outcome]:
        """Writes what ended to disk. Returns the outcomes to tell, in order; never raises for the disk."""
        return [self._keep(ended) for ended in batch]

    def _keep(self, ended: Ended) -> Outcome:
        outcome, key = ended.outcome, ended.job.key
        if ended.text is not None:
            try:
                path = os.path.join(self._site.folder, ended.job.output)
                self._replace(path, ended.text.encode(), self._file(key, "new"))
            except (OSError, ValueError) as error:
                # Work that was done is not done again only because the disk is full.
                why = f"the answer came but could not be written: {error}"
                outcome = Outcome(*key, "failed", "output", why, outcome.conversation, retry=False)
        try:
            # Half a record is none: the outcome is told only when it is whole.
            self._write(self._file(key, "answer"), msgspec.json.encode(outcome))
        except OSError:
            pass  # it is needed only if this process dies before the outcome is in the log
        return outcome

    def recall(self, job: Job) -> Outcome | None:
        """Returns the outcome that was kept, or None if there is none that can be believed."""
        try:
            with open(self._file(job.key, "answer"), "rb") as file:
                outcome = msgspec.json.decode(file.read(65536), type=Outcome)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if outcome.key != job.key:
            return None  # a file system that does not tell `A` from `a`
        said = os.path.isfile(os.path.join(self._site.folder, job.output))
        return outcome if said or outcome.kind != "completed" else None

    def forget(self, key: Key) -> None:
        """Removes what was kept of an attempt, except what its worker said."""
        for kind in ("answer", "new"):
            _remove(self._file(key, kind))

    def _replace(self, path: str, content: bytes, new: str) -> None:
        """Gives `path` its content in one step, written as `new` before; raises OSError."""
        self._make_folder(os.path.dirname(path))
        try:
            self._write(new, content)
            os.replace(new, path)
        except OSError:
            _remove(new)
            raise

    def _write(self, path: str, content: bytes) -> None:
        self._make_folder(os.path.dirname(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, 0o644)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)

    def _make_folder(self, folder: str) -> None:
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)

    def _file(self, key: Key, kind: str) -> str:
        return os.path.join(self._site.scratch, f"{key[0]}.{key[1]}.{kind}")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # not there, or nothing that can be removed: it is in nobody's way
