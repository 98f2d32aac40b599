"""The only clock of the tool, and times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from eventlog.errors import Refused


def now() -> str:
    """Returns the present as the log writes it: UTC, microseconds, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> str:
    """Returns an ISO 8601 time (`2026-11-23`, `2026-11-23T04:00`, with or without zone) as the log writes it.

    A time without a zone is UTC, as the log's times are. Raises Refused for anything else.
    """
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(
            "bad_time",
            f"'{ascii(text)[1:-1]}' is not a time",
            hint="write it like 2026-11-23 or 2026-11-23T04:00:00Z",
        ) from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_between(start: str, end: str) -> float:
    """Returns the seconds from one of the log's times to another, negative when the clock went back.

    0 where one of them is no time: whoever writes into a log may say anything, and only numbers order events.
    """
    try:
        return strict_seconds_between(start, end)
    except (ValueError, TypeError):
        return 0.0


def strict_seconds_between(start: str, end: str) -> float:
    """The same; raises ValueError or TypeError for what is no time."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
