"""Checks of a machine and an installation: is this a place where the promises hold?"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from typing import NamedTuple

from eventlog.disk import OsDisk

NETWORK_FILE_SYSTEMS = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"))
"""File systems on which locks and syncs are not what they are on a disk."""


class Check(NamedTuple):
    """One check: `state` is ok, warn or bad; `found` says what was seen, and what to do."""

    name: str
    state: str
    found: str


def examine_machine(builds: str) -> list[Check]:
    """Returns the checks, made now; writes one small file for a moment into the folder of all projects."""
    return [
        Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.release()}"),
        _packages(),
        _versions(),
        _file_system(builds),
        _writing(builds),
    ]


def _packages() -> Check:
    """A distribution named `eventlog` exists: installed beside ours it overwrites a floor."""
    places = set()
    for name in ("eventlog", "projections", "cli"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            return Check("packages", "bad", f"the package '{name}' is missing: install again")
        places.add(os.path.dirname(os.path.dirname(spec.origin)))
    if len(places) > 1:
        found = f"they lie in {len(places)} places: install into an environment of its own"
        return Check("packages", "bad", found)
    return Check("packages", "ok", f"side by side in {places.pop()}")


def _versions() -> Check:
    names = ("build-orchestrator", "msgspec", "click", "aiohttp", "aiofiles", "rich")
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            return Check("versions", "bad", f"{name} is not installed: install again")
    return Check("versions", "ok", ", ".join(found))


def _nearest_folder(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _file_system(builds: str) -> Check:
    folder = os.path.realpath(_nearest_folder(builds))
    if sys.platform != "linux":
        return Check("file system", "ok", f"of {folder}: not examined on this system")
    best = ("", "unknown")
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            _, mount, kind, *_ = line.split(" ")
            mount = mount.replace("\\040", " ")
            if (folder + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best[0]):
                best = (mount, kind)
    if best[1] in NETWORK_FILE_SYSTEMS:
        return Check(
            "file system", "warn", f"{best[1]}: not promised on network file systems; use a local disk"
        )
    return Check(
        "file system",
        "warn" if best[1] == "tmpfs" else "ok",
        best[1] + (": in memory, gone with the power" if best[1] == "tmpfs" else ""),
    )


def _writing(builds: str) -> Check:
    folder = _nearest_folder(builds)
    disk = OsDisk()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fd = file.fileno()
            disk.write_at(fd, b"x", 0)
            disk.sync(fd)
            locked = disk.try_lock(fd)
    except OSError as error:
        return Check("writing", "bad", f"{folder}: {error.strerror or error}")
    return Check("writing", "ok" if locked else "bad", f"write, sync and lock in {folder}")
