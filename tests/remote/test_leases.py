"""Leases on real servers: held, given back, run out, and nobody taken for gone while that is not certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventlog.errors import ServersAway
from eventlog.leases import Holder, Leases
from eventlog.servers import Address, Servers
from eventlog.stream import Stream
from tests.remote.behind import Behind, shared_node
from tests.remote.nodes import Cluster, Node, until

LASTS = 1.0


class Machine:
    """The leases as seen from one machine, with a connection of its own."""

    def __init__(self, address: str, project: str = "project") -> None:
        self.servers = Servers(Address(address), patience=10)
        self.leases = Leases(self.servers, Stream(self.servers, project), project)
        self.told: list[bool] = []
        self._holders: list[Holder] = []

    def hold(self, name: str, lasts: float = LASTS) -> Holder:
        """Takes a lease, which ends with this object at the latest."""
        self._holders.append(self.leases.hold(name, lasts, self.told.append))
        return self._holders[-1]

    def die(self) -> None:
        """Renews nothing more and says nothing, as a process that was killed."""
        while self._holders:
            self._holders.pop().end(give_back=False)
        self.servers.close()


Machines = Callable[..., Machine]


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url)
    yield made
    made.api(f"STREAM.DELETE.KV_{made.stream.name}-leases")
    made.close()


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machines]:
    """Makes machines, on servers of its own for whoever names an address."""
    made: list[Machine] = []

    def new(address: str = "", project: str = "project") -> Machine:
        made.append(Machine(address or request.getfixturevalue("behind").address, project))
        return made[-1]

    yield new
    for one in made:
        one.die()


def test_a_lease_is_there_while_it_is_held_and_goes_when_it_is_given_back(machine: Machines) -> None:
    here, there = machine(), machine()
    assert there.leases.look("ada") is False
    holder = here.hold("ada")
    assert there.leases.look("ada") is True
    assert machine(project="another").leases.look("ada") is False
    holder.end(give_back=True)
    assert there.leases.look("ada") is False


def test_a_lease_that_nobody_renews_runs_out_and_one_that_is_renewed_does_not(machine: Machines) -> None:
    here, there = machine(), machine()
    here.hold("ada")
    bob = there.hold("bob")
    here.die()
    until(lambda: bob.is_gone("ada"), "the end of ada's lease")
    assert machine().leases.look("bob") is True
    assert there.leases.look("ada") is False


def test_whoever_just_came_takes_nobody_for_gone_before_a_lease_s_time(machine: Machines) -> None:
    here, there = machine(), machine()
    bob = there.hold("bob", lasts=60)
    assert not bob.is_gone("ada")
    until(lambda: bob._renewed and bob._well_at > bob._asked["ada"], "a look at the servers")
    assert not bob.is_gone("ada")  # nobody holds it, but who knows for how long
    here.hold("ada")
    assert not bob.is_gone("ada")


def test_the_lease_of_one_that_died_is_renewed_by_whoever_has_its_work_in_hand(machine: Machines) -> None:
    here, heir, there = machine(), machine(), machine()
    here.hold("ada")
    standing_in = heir.hold("eve")
    standing_in.keep(["ada"])
    here.die()
    bob, nobody = there.hold("bob"), "nobody"
    until(lambda: bob.is_gone(nobody), "the time of a lease")  # long enough for ada's to run out
    assert not bob.is_gone("ada")
    standing_in.keep([])
    until(lambda: bob.is_gone("ada"), "the end of ada's lease")
    assert there.leases.look("eve") is True


def test_one_lease_lasts_as_long_as_the_other_whatever_each_asked_for(machine: Machines) -> None:
    first, second = machine().hold("ada", lasts=5), machine().hold("bob", lasts=50)
    assert (first.lasts, second.lasts) == (5, 5)


def test_the_holder_is_told_that_somebody_wants_it_to_end(machine: Machines) -> None:
    here, there = machine(), machine()
    here.hold("ada")
    there.leases.ask_to_stop("ada", at_once=False)
    until(lambda: here.told == [False], "the word to stop")
    there.leases.ask_to_stop("ada", at_once=True)
    until(lambda: here.told == [False, True], "the word to stop at once")
    assert there.leases.look("ada") is True


@pytest.mark.parametrize("name", ["a.b:c", "a..b", "a."])
def test_any_name_of_a_dispatcher_is_a_key(machine: Machines, name: str) -> None:
    here = machine()
    assert here.leases.look(name) is False
    here.hold(name)
    assert here.leases.look(name) is True


def test_nobody_is_gone_while_the_servers_are_away_nor_until_all_had_time_to_come_back(
    own_node: Node, machine: Machines
) -> None:
    address = Behind(own_node.url).address
    here, there = machine(address), machine(address)
    here.hold("ada")
    bob = there.hold("bob")
    until(lambda: bob.is_gone("nobody"), "the time of a lease")
    assert not bob.is_gone("ada")
    own_node.kill()
    until(lambda: not bob.is_gone("nobody"), "the doubt")
    assert there.leases.look("ada") is None
    own_node.start()  # whatever ran out meanwhile is gone there
    until(lambda: bob.is_gone("ada") or bob.is_gone("nobody"), "certainty again")
    assert not bob.is_gone("ada")
    assert there.leases.look("ada") is True


def test_a_lease_cannot_be_taken_while_the_servers_are_away(own_node: Node, machine: Machines) -> None:
    one = machine(Behind(own_node.url).address)
    one.servers.patience = 0.1
    own_node.kill()
    with pytest.raises(ServersAway):
        one.hold("ada")


def test_a_bucket_that_somebody_deleted_is_made_again(behind: Behind, machine: Machines) -> None:
    here, there = machine(), machine()
    here.hold("ada")
    behind.api(f"STREAM.DELETE.KV_{behind.stream.name}-leases")
    until(lambda: there.leases.look("ada"), "the lease of ada")


def test_whoever_is_alone_with_a_server_that_was_cut_off_takes_nobody_for_gone(
    cluster: Cluster, tmp_path: Path, machine: Machines
) -> None:
    behind = Behind(cluster.nodes[0].url, replicas=3)
    stream = behind.stream.name
    alone, *others = cluster.urls
    here = machine(",".join([others[0], others[1].removeprefix("nats://")]) + f"/{stream}")
    there = machine(f"{alone}/{stream}")
    bob = there.hold("bob")
    here.hold("ada")
    until(lambda: bob.is_gone("nobody"), "the time of a lease")
    cluster.isolate(cluster.nodes[0])
    until(lambda: not bob.is_gone("nobody"), "the doubt")
    until(lambda: not here.leases.look("bob"), "the end of bob's lease")
    assert not bob.is_gone("ada")
    cluster.heal(cluster.nodes[0])
    until(lambda: here.leases.look("bob"), "bob's return")
    until(lambda: bob.is_gone("nobody"), "certainty again")
    assert not bob.is_gone("ada")
