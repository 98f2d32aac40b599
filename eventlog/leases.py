"""Leases: who is at work on a project, told across machines by keys on its servers that go unless renewed.

Whoever's key is gone is dead, or was cut off or stopped for longer than a lease: the others may take
its work for lost, and the numbers of attempts keep apart what it still does. Nobody is gone while
that cannot be known for sure. The keys lie in a key-value bucket as in ADR-8 of the NATS
architecture documents, beside the stream of the logs.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any

from eventlog.errors import NotFound, OrchestratorError, StorageFailed
from eventlog.servers import Servers, Silent
from eventlog.stream import NoMessage, Stream, request

if TYPE_CHECKING:
    from nats.aio.client import Client

LASTS = 30.0
"""Seconds that a lease lasts unless whoever made the bucket said otherwise."""

_LOOK_PATIENCE = 1.0
_PAUSE = 0.1
_STILL_ASKED = 10.0
"""Seconds in which whoever wants to know of a lease asks again."""

_HELD = b"held"
"""The value of a lease; that there is one is all that it says. Who holds it stands in the log."""

_KEY = str.maketrans(".:", "=/")  # a key has other characters than a worker's id, and dots mean something


class Leases:
    """The leases of the dispatchers of `project`, on the servers of its log."""

    def __init__(self, servers: Servers, stream: Stream, project: str) -> None:
        self.servers = servers
        self._stream = stream
        self._bucket = f"{stream.name}-leases"
        self._project = project

    def hold(self, name: str, lasts: float, stop: Callable[[bool], None]) -> Holder:
        """Takes the lease `name` and renews it until the returned Holder ends.

        `lasts` in seconds, where nobody has made the bucket before. `stop` is told, on another
        thread, when somebody asked for the holder's end, and whether at once. Raises ServersAway,
        StorageFailed.
        """
        # A connection of its own: whatever keeps the log's busy is no reason to be taken for dead.
        servers = self.servers.twin()
        leases = Leases(servers, Stream(servers, self._project), self._project)
        try:
            return Holder(leases, name, servers.run(leases.make(lasts)), stop)
        except BaseException:
            servers.close()
            raise

    def look(self, name: str) -> bool | None:
        """Whether somebody holds the lease `name`; None when the servers do not answer soon."""

        async def question(client: Client) -> bool:
            return bool((await self.get(client, self.key(name)))[1])

        try:
            return self.servers.run(self.servers.ask(question, patience=_LOOK_PATIENCE))
        except NotFound:
            return False
        except StorageFailed:
            return None

    def ask_to_stop(self, name: str, *, at_once: bool) -> None:
        """Leaves word for the holder of the lease `name` to end. Raises ServersAway."""
        word = b"now" if at_once else b"stop"
        self.servers.run(self.servers.ask(lambda client: self.put(client, f"stop.{self.key(name)}", word)))

    # --- on the loop

    def key(self, name: str) -> str:
        """Returns the key of the lease `name`."""
        return f"{self._project}.{name.translate(_KEY)}"

    async def put(self, client: Client, key: str, value: bytes) -> None:
        """Gives the key its value, none to delete it; most of the servers have it then. Raises Silent."""
        headers = None if value else {"KV-Operation": "DEL"}
        answer = await request(client, f"$KV.{self._bucket}.{key}", value, headers)
        if "error" in answer:
            raise Silent(answer["error"]["description"])

    async def get(self, client: Client, key: str) -> tuple[int, bytes]:
        """Returns the number of the key's last change, and its value: 0 and nothing when it is gone."""
        question = {"last_by_subj": f"$KV.{self._bucket}.{key}"}
        try:
            answer = await self._stream.api_once(client, f"STREAM.MSG.GET.KV_{self._bucket}", question)
        except NoMessage:
            return 0, b""
        return answer["message"]["seq"], b64decode(answer["message"].get("data", ""))

    async def make(self, lasts: float, *, patience: float | None = None) -> float:
        """Makes the bucket unless it is there; returns how long its leases last, in seconds."""
        api, name = self._stream.api, f"KV_{self._bucket}"
        try:
            made = await api(f"STREAM.INFO.{name}", patience=patience)
        except NotFound:
            replicas = (await self._stream.info(patience=patience))["config"]["num_replicas"]
            settings = _settings(self._bucket, replicas, lasts)
            try:
                made = await api(f"STREAM.CREATE.{name}", settings, patience=patience)
            except StorageFailed as refused:
                try:  # somebody else was faster, and had another idea of how long
                    made = await api(f"STREAM.INFO.{name}", patience=patience)
                except NotFound:
                    raise refused from None
        return float(made["config"]["max_age"]) / 1e9


class Holder:
    """Renews leases, and knows whose are gone. Used by one thread; the work is done on the loop's."""

    def __init__(self, leases: Leases, name: str, lasts: float, stop: Callable[[bool], None]) -> None:
        self.lasts = lasts
        self._leases = leases
        self._name = name
        self._stop = stop
        self._names = frozenset((name,))
        self._renewed: frozenset[str] = frozenset()
        self._asked: dict[str, float] = {}
        self._gone: frozenset[str] = frozenset()
        self._well_since = self._well_at = float("-inf")
        self._word = 0
        servers = leases.servers
        self._changed = servers.run(_new_event())
        servers.run(servers.ask(self._renew_once))
        self._cancel = servers.start(self._go_on())

    def keep(self, names: Iterable[str]) -> None:
        """Renews these leases too from now on; gives back those of the last call that are not among them."""
        wanted = frozenset((self._name, *names))
        if wanted != self._names:
            self._names = wanted
            self._leases.servers.run(self._wake())

    def is_gone(self, name: str) -> bool:
        """Whether nobody has renewed the lease `name` for as long as it lasts; False while it is unknown."""
        known, self._asked[name] = name in self._asked, monotonic()
        if not known:
            self._leases.servers.run(self._wake())
        return name in self._gone

    def end(self, *, give_back: bool) -> None:
        """Renews nothing more. The leases end now, or by themselves if others are to wait for that."""
        self._cancel()
        servers = self._leases.servers
        if give_back:
            self._names = frozenset()
            try:
                servers.run(servers.ask(self._renew_once, patience=_LOOK_PATIENCE))
            except OrchestratorError:
                pass  # they end by themselves
        servers.close()

    # --- on the loop

    async def _wake(self) -> None:
        self._changed.set()

    async def _go_on(self) -> None:
        servers, due = self._leases.servers, self.lasts / 3
        while True:
            began = monotonic()
            self._changed.clear()
            try:
                await servers.ask(self._renew_once, patience=due)
            except Exception:  # whatever it is: who renews no more is taken for dead while at work
                self._gone, self._well_at = frozenset(), float("-inf")
                await self._make_again()
                await asyncio.sleep(_PAUSE)
                continue
            try:
                await asyncio.wait_for(self._changed.wait(), max(_PAUSE, due - (monotonic() - began)))
            except TimeoutError:
                pass

    async def _make_again(self) -> None:
        """Makes the bucket where there is none any more: whoever deletes it deletes no log."""
        try:
            await self._leases.make(self.lasts, patience=_LOOK_PATIENCE)
        except OrchestratorError:
            pass  # tried again with the next renewal

    async def _renew_once(self, client: Client) -> None:
        """Renews what is held, looks who else is gone, and whether we are to stop."""
        leases, names, now = self._leases, self._names, monotonic()
        asked = {name for name, when in list(self._asked.items()) if now - when < self.lasts + _STILL_ASKED}
        for name in names:
            await leases.put(client, leases.key(name), _HELD)
        renewed = monotonic()
        for name in self._renewed - names:
            await leases.put(client, leases.key(name), b"")
        self._renewed = names
        there = {name for name in asked if (await leases.get(client, leases.key(name)))[1]}
        word, what = await leases.get(client, f"stop.{leases.key(self._name)}")
        if word > self._word:
            self._word = word
            self._stop(what == b"now")
        self._gone = frozenset(asked - there if self._may_judge(renewed, monotonic()) else ())

    def _may_judge(self, renewed: float, now: float) -> bool:
        """Whether whoever is not there now had every chance to be.

        Our own renewal was just acknowledged on this connection, so it leads to servers that
        follow each other, and not to one that was cut off and knows only of what ran out since.
        And for as long as a lease lasts the servers were well: after they were away, everybody
        has that long to come back.
        """
        if now - self._well_at > self.lasts / 2:
            self._well_since = now
        self._well_at = now
        return now - self._well_since >= self.lasts and now - renewed < self.lasts / 3


async def _new_event() -> asyncio.Event:
    return asyncio.Event()


def _settings(bucket: str, replicas: int, lasts: float) -> dict[str, Any]:
    age = int(lasts * 1e9)
    return {
        "name": f"KV_{bucket}",
        "subjects": [f"$KV.{bucket}.>"],
        "storage": "file",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "max_age": age,
        "duplicate_window": min(age, 120_000_000_000),
        "discard": "new",
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_direct": False,  # only the leader knows what is there now
    }
