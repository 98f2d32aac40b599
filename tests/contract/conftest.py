"""A test that asks for `bench` or `store` runs once with every store."""

from pathlib import Path

import pytest

from eventlog import EventStore
from tests.contract.bench import STORES, Bench


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    made: Bench = request.param(tmp_path)
    return made


@pytest.fixture
def store(bench: Bench) -> EventStore:
    return bench.store
