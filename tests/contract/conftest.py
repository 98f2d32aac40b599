"""A test that asks for `bench` or `store` runs once with every store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog import EventStore
from tests.contract.bench import STORES, Bench


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made: Bench = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(bench: Bench) -> EventStore:
    return bench.store
