from pathlib import Path

import pytest

from tests.cli.running import Bo, BoProcess


@pytest.fixture
def bo(tmp_path: Path) -> Bo:
    return Bo(tmp_path)


@pytest.fixture
def process(tmp_path: Path) -> BoProcess:
    return BoProcess(tmp_path)
