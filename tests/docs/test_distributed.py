"""The page about logs on servers: its three servers start as it says, and its sessions run against them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.test_transcripts import BLOCK, ROOT, matches, workplace
from tests.remote.nodes import free_ports, program, until
from tests.remote.wires import HOST

PAGE = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
SESSIONS = [text for kind, text in BLOCK.findall(PAGE) if kind == "console"]
STEPS = [step for text in SESSIONS for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]

__all__ = ["workplace"]


def elsewhere() -> dict[str, str]:
    """What the page's ports begin with, and what free ones begin with instead."""
    free = set(free_ports(60))  # given to nobody else of this process
    begins = sorted({port // 10 for port in free if free >= {port // 10 * 10 + n for n in (1, 2, 3)}})
    return dict(zip(("422", "622", "822"), map(str, begins), strict=False))


@pytest.fixture
def ports(workplace: Path) -> Iterator[dict[str, str]]:
    """The page's three servers, at other ports than the page's."""
    (start,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ports = elsewhere()
    text = moved(start, ports).replace("nats-server", f"'{program()}'")
    done = subprocess.run(
        ["bash", "-c", f"{text}\njobs -p >pids"],
        cwd=workplace,
        timeout=60,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0
    pids = [int(line) for line in (workplace / "pids").read_text().split()]
    assert len(pids) == 3
    try:
        for monitoring in (int(f"{ports['822']}{n}") for n in (1, 2, 3)):
            until(lambda: answers(monitoring), f"the server at {monitoring}")  # noqa: B023
        yield ports
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def moved(text: str, ports: dict[str, str]) -> str:
    """The text with the ports of `elsewhere`."""
    return re.sub(r"\b(422|622|822)(?=[123]\b|\$n)", lambda found: ports[found[1]], text)


def test_the_servers_start_and_the_sessions_run_as_they_stand(workplace: Path, ports: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BO_", "N5OS"))}
    environment["PYTHONPATH"] = str(ROOT)

    def said(line: str) -> str:
        shell = f'bo() {{ "{sys.executable}" -m cli "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", shell],
            cwd=workplace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        ).stdout

    assert len(SESSIONS) == 2
    for step in STEPS:
        line, _, expected = moved(step, ports).partition("\n")
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            environment[name] = value
            continue
        if line.startswith("bo remote init"):
            expected = f"...{expected}"  # young servers do not answer at once
        actual = said(line)
        assert matches(expected, actual), f"$ {line}\nexpected:\n{expected}\nactual:\n{actual}"


def test_the_files_that_the_page_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
