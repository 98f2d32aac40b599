"""What would people use instead, and how does it compare at the same work?

The same events, as the same JSON, one durable append at a time: SQLite (WAL, synchronous FULL) with a
connection that stays open, as a library does, and with one opened for each command; the library
`eventsourcing` on SQLite. Then reading everything back. Then the next task of a list: Taskwarrior.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from benchmarks import inputs
from benchmarks.measure import Rounds, elapsed, interleave, ratio
from benchmarks.processes import BO, run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.events import Event, KnownEvent
from eventlog.head import START
from eventlog.jsonl import JsonlStore
from eventlog.store import seal
from projections.fold import fold

OURS = "events.jsonl"
OPEN, EACH, LIBRARY = "SQLite, connection open", "SQLite, opened for each", "eventsourcing on SQLite"

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""


def measure(setting: Setting) -> Report:
    """Compares appends and replays with other stores, and `ready` with another list of tasks."""
    report = Report("peers", "How does it compare with what people would use instead?")
    _measure_appends(setting, report)
    _measure_replays(setting, report)
    _measure_next(setting, report)
    return report


def _events(count: int) -> list[KnownEvent]:
    return [inputs.definition(50), *islice(inputs.lives(50), count - 1)]


def _measure_appends(setting: Setting, report: Report) -> None:
    events = _events(setting.choose(500, 20))
    candidates = {
        OURS: lambda: _append_ours(setting, events),
        OPEN: lambda: _append_open(setting, events),
        EACH: lambda: _append_each(setting, events),
    }
    if _has_eventsourcing(report):
        candidates[LIBRARY] = lambda: _append_library(setting, events)
    rounds = interleave(candidates, setting.choose(11, 2))
    _compare(report, f"{len(events)} durable appends", rounds)


def _measure_replays(setting: Setting, report: Report) -> None:
    count = setting.choose(100_000, 500)
    path = inputs.usual_log(setting, count)
    database = setting.folder("sqlite") / "events.db"
    with closing(_connect(database)) as connection, connection:
        lines = path.read_bytes().splitlines()
        connection.executemany("INSERT INTO events (body) VALUES (?)", ((line,) for line in lines))
    candidates: dict[str, Callable[[], float]] = {
        OURS: lambda: elapsed(lambda: _replay_ours(path)),
        OPEN: lambda: elapsed(lambda: _replay_sqlite(database)),
    }
    rounds = interleave(candidates, setting.choose(7, 2))
    _compare(report, f"replay of {count:,} events", rounds)
    if _has_eventsourcing(None):
        few = _events(setting.choose(10_000, 50))
        replay = _library_replay(setting, few)
        ours = setting.folder("few") / "events.jsonl"
        ours.write_bytes(seal(few, START).lines)
        rounds = interleave(
            {OURS: lambda: elapsed(lambda: _replay_ours(ours)), LIBRARY: lambda: elapsed(replay)},
            setting.choose(5, 2),
        )
        _compare(report, f"replay of {len(few):,} events", rounds)


def _compare(report: Report, work: str, rounds: Rounds) -> None:
    for name in rounds:
        if name != OURS:
            report.rows.append(Row(f"{work}: time of {name} / {OURS}", ratio(rounds, name, OURS)))
    report.add_times({f"{work}: {name}": values for name, values in rounds.items()})


def _append_ours(setting: Setting, events: list[KnownEvent]) -> float:
    store = JsonlStore(setting.folder("ours") / "events.jsonl")

    def work() -> None:
        head = START
        for event in events:
            head = store.append([event], head).head

    try:
        return elapsed(work)
    finally:
        store.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript(_SCHEMA)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _insert(connection: sqlite3.Connection, event: Event) -> None:
    with connection:
        connection.execute("INSERT INTO events (body) VALUES (?)", (msgspec.json.encode(event),))


def _append_open(setting: Setting, events: list[KnownEvent]) -> float:
    with closing(_connect(setting.folder("open") / "events.db")) as connection:
        began = perf_counter()
        for event in events:
            _insert(connection, event)
        return perf_counter() - began


def _append_each(setting: Setting, events: list[KnownEvent]) -> float:
    path = setting.folder("each") / "events.db"

    began = perf_counter()
    for event in events:
        with closing(_connect(path)) as connection:
            _insert(connection, event)
    return perf_counter() - began


def _replay_ours(path: Path) -> None:
    build = None
    for batch in JsonlStore(path).read():
        build = fold(batch.events, build)


def _replay_sqlite(database: Path) -> None:
    decoder = msgspec.json.Decoder(KnownEvent)
    build = None
    with closing(sqlite3.connect(database)) as connection:
        cursor = connection.execute("SELECT body FROM events ORDER BY seq")
        while rows := cursor.fetchmany(300):
            build = fold([decoder.decode(row[0]) for row in rows], build)


def _has_eventsourcing(report: Report | None) -> bool:
    try:
        import eventsourcing  # noqa: F401
    except ImportError:
        if report is not None:
            report.notes.append("skipped: eventsourcing is not installed")
        return False
    return True


@cache
def _aggregate() -> Any:
    """Returns the library's counterpart of a log; it wants such a class only once."""
    from eventsourcing.domain import Aggregate, event

    class Log(Aggregate):  # type: ignore[misc]
        @event("Appended")  # type: ignore[untyped-decorator]
        def append(self, text: str) -> None:
            self.last = text

    return Log


def _library_log(setting: Setting) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Returns what appends one text to an aggregate of `eventsourcing`, and what reads all of it back."""
    from eventsourcing.application import Application

    application = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(setting.folder("library") / "events.db"),
        }
    )
    log = _aggregate()()
    application.save(log)

    def append(text: str) -> None:
        log.append(text)
        application.save(log)

    def read_back() -> None:
        application.repository.get(log.id)

    return append, read_back


def _append_library(setting: Setting, events: list[KnownEvent]) -> float:
    append, _ = _library_log(setting)
    began = perf_counter()
    for event in events:
        append(msgspec.json.encode(event).decode())
    return perf_counter() - began


def _library_replay(setting: Setting, events: list[KnownEvent]) -> Callable[[], None]:
    append, read_back = _library_log(setting)
    for event in events:
        append(msgspec.json.encode(event).decode())
    return read_back


def _measure_next(setting: Setting, report: Report) -> None:
    """The next task of a list of 2,000, by whole processes."""
    if shutil.which("task") is None:
        report.notes.append("skipped: Taskwarrior is not installed")
        return
    tasks = setting.choose(inputs.WORKERS, 20)
    folder = setting.folder("task")
    (folder / "taskrc").write_text(f"data.location={folder}\nconfirmation=off\nverbose=nothing\n")
    (folder / "tasks.json").write_bytes(
        msgspec.json.encode([{"description": f"Part {n}", "status": "pending"} for n in range(tasks)])
    )
    theirs = {"TASKRC": str(folder / "taskrc"), "HOME": os.fspath(folder)}
    run(["task", "import", str(folder / "tasks.json")], environment=theirs)
    inputs.write_log(folder / "builds" / "p" / "events.jsonl", 500, tasks, tasks // 2)
    ours = {"BO_BUILDS_DIR": str(folder / "builds")}
    run([BO, "rebuild"], environment=ours)
    rounds = interleave(
        {
            "bo ready": lambda: run([BO, "ready"], environment=ours).seconds,
            "task next": lambda: run(["task", "next"], environment=theirs).seconds,
        },
        setting.choose(11, 2),
    )
    value = ratio(rounds, "task next", "bo ready")
    report.rows.append(Row(f"what to do next, of {tasks:,} tasks: time of task next / bo ready", value))
    report.add_times(rounds)


if __name__ == "__main__":
    run_alone(measure)
