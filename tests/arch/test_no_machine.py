"""Nothing in the repository tells on which machine it was made."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.arch.source import ROOT

# `workspace` is where the tool that this one follows kept its builds; `user` is anyone.
HOME = re.compile(r"/(?:home|Users)/(?!workspace\b|user\b)[A-Za-z0-9_.-]+/|/roo[t]/")
INDEX = re.compile(r"--(?:extra-)?index-url|--find-link[s]|https?://[^\s/\"']+/simple\b")


def kept_files() -> list[Path]:
    """Files that git keeps or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return [
        path for name in listed.stdout.split(b"\0") if name and (path := ROOT / os.fsdecode(name)).is_file()
    ]


def package_hosts() -> set[str]:
    """The hosts that this machine gets its packages from, as its own settings name them."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60
    ).stdout
    settings += "\n".join(value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_")))
    urls = re.findall(r"https?://[^\s'\"]+", settings)
    return {
        host for url in urls if (host := urlsplit(url).hostname) and host not in {"localhost", "127.0.0.1"}
    }


def found(pattern: re.Pattern[str]) -> list[str]:
    """Each line of a kept file that matches, with its place."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in kept_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_home_folder() -> None:
    places = [re.escape(f"{place}/") for place in (Path.home(), ROOT) if len(place.parts) > 1]
    assert found(re.compile("|".join([HOME.pattern, *places]))) == []


def test_no_file_names_where_packages_come_from() -> None:
    hosts = [re.escape(host) for host in package_hosts()]
    assert found(re.compile("|".join([INDEX.pattern, *hosts]))) == []


@pytest.mark.parametrize("parts", [("home", "someone"), ("Users", "someone"), ("root",)])
def test_a_home_folder_is_recognised(parts: tuple[str, ...]) -> None:
    assert HOME.search("/".join(["", *parts, "file"]))
