from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.dispatch.runner import Site
from cli.dispatch.zo import ZoRunner
from tests.dispatch.agents import TOKEN, everything_below
from tests.dispatch.runs import Runs

NewRunner = Callable[..., ZoRunner]


@pytest.fixture
def bo(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(str(tmp_path / "project"), str(tmp_path / "project/.bo/attempts"))


@pytest.fixture
def new_runner(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[NewRunner]:
    """Makes runners for the agent at an address. Afterwards the token must be nowhere."""
    made: list[ZoRunner] = []

    def new(url: str, **settings: Any) -> ZoRunner:
        monkeypatch.setenv("ZO_CLIENT_IDENTITY_TOKEN", TOKEN)
        monkeypatch.setenv("ZO_API_URL", url)
        made.append(ZoRunner(site, **{"first_pause": 0.01, **settings}))
        return made[-1]

    yield new
    for runner in made:
        runner.close()
        assert TOKEN not in repr(runner) + repr(vars(runner))
    assert TOKEN not in everything_below(tmp_path)
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(capfd.readouterr())
