"""The facts: events, the line format, and stores that keep a log safe. The lowest of three floors."""

from eventlog.errors import Conflict, CorruptLog, DamagedLog, LogError, OrchestratorError, RegressedLog
from eventlog.events import AnyEvent, Event, Unrecognised
from eventlog.head import START, Head
from eventlog.jsonl import JsonlStore
from eventlog.memory import MemoryStore
from eventlog.store import Batch, EventStore

__all__ = [
    "START",
    "AnyEvent",
    "Batch",
    "Conflict",
    "CorruptLog",
    "DamagedLog",
    "Event",
    "EventStore",
    "Head",
    "JsonlStore",
    "LogError",
    "MemoryStore",
    "OrchestratorError",
    "RegressedLog",
    "Unrecognised",
]
