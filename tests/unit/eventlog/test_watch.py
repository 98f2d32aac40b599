"""Waiting for a file to change: with inotify and without it, the same answers."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from eventlog import watch
from eventlog.watch import Watch

LONG = 30.0
"""Seconds after which a wait that should have ended has failed; never spent where all is well."""


@pytest.fixture(
    params=[
        pytest.param("inotify", marks=pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")),
        "polling",
    ]
)
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "polling":
        monkeypatch.setattr(watch, "_inotify", lambda folder: -1)
    path = tmp_path / "log"
    path.write_bytes(b"1\n")
    return path


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"2\n")


def rename_over(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"1\n")
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 0)


def later(act: Callable[[], None]) -> None:
    timer = Timer(0.02, act)
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("change", [append, rename_over, cut])
def test_a_change_while_waiting_wakes(path: Path, change: Callable[[Path], None]) -> None:
    with Watch(str(path)) as watching:
        later(lambda: change(path))
        assert watching.wait(LONG)


@pytest.mark.parametrize("change", [append, rename_over, cut])
def test_a_change_before_the_wait_is_not_missed(path: Path, change: Callable[[Path], None]) -> None:
    with Watch(str(path)) as watching:
        change(path)
        assert watching.wait(LONG)


def test_a_file_that_appears_wakes(path: Path) -> None:
    path.unlink()
    with Watch(str(path)) as watching:
        later(lambda: append(path))
        assert watching.wait(LONG)


def test_a_change_is_told_once(path: Path) -> None:
    with Watch(str(path)) as watching:
        append(path)
        assert watching.wait(LONG)
        assert not watching.wait(0)


def test_changes_of_other_files_are_no_news(path: Path) -> None:
    with Watch(str(path)) as watching:
        append(path.with_name("other"))
        assert not watching.wait(0.02)


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_without_news_the_wait_ends(path: Path, timeout: float) -> None:
    with Watch(str(path)) as watching:
        assert not watching.wait(timeout)


def test_every_wait_after_a_change_wakes_again(path: Path) -> None:
    with Watch(str(path)) as watching:
        for _ in range(20):
            append(path)
            assert watching.wait(LONG)


def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "later" / "log"

    def appear() -> None:
        path.parent.mkdir()
        append(path)

    with Watch(str(path)) as watching:
        later(appear)
        assert watching.wait(LONG)


def test_a_process_with_thousands_of_open_files_can_wait_too(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1200 if hard == resource.RLIM_INFINITY else min(1200, hard)
    if wanted < 1100:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        with Watch(str(path)) as watching:
            append(path)
            assert watching.wait(LONG)
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_watch_gives_its_descriptor_back(path: Path) -> None:
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208
    with Watch(str(path)):
        pass
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208
