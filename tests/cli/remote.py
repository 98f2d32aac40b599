"""The tool with its log on a real server, and with other folders that mirror the same log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.running import Answer, Bo

HERE: Mapping[str, str] = {"BO_LOG": ""}
"""The environment of a command that is told nothing of servers."""


class RemoteBo(Bo):
    """The command `bo` with its log at an address."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.address = address

    def environment(self) -> dict[str, str]:
        """With the address of the log."""
        return super().environment() | {"BO_LOG": self.address}

    def elsewhere(self, name: str = "elsewhere") -> RemoteBo:
        """The same log from another folder, as on another machine."""
        return RemoteBo(self.folder.parent / f"{self.folder.name}-{name}", self.address)


def ok(answer: Answer) -> Answer:
    """The answer, which has to be a good one."""
    assert answer.code == 0, answer
    return answer


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes commands give up on silent servers at once."""
    monkeypatch.setattr("cli.remote.PATIENCE", 0.2)
    monkeypatch.setattr("cli.remote.LISTING_PATIENCE", 0.2)
    monkeypatch.setattr("cli.survey.PATIENCE", 0.2)
    monkeypatch.setattr("eventlog.jetstream.READING_PATIENCE", 0.2)
