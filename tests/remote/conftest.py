"""Real servers for tests: one that many share, one that is a test's own, and three that know each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.nodes import Cluster, Node


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server that writes through, for all tests of a process: they take their own names and let it run."""
    with Node(tmp_path_factory.mktemp("node")) as started:
        yield started


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """The same for one test, which may kill it."""
    with Node(tmp_path / "node") as started:
        yield started


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers that see each other and have a leader."""
    with Cluster(tmp_path / "cluster") as started:
        yield started
