"""The log's times as numbers, exactly: whole microseconds, as floats would round them away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: str) -> int:
    """Returns microseconds since 1970 (UTC); 0 for what is no time. Without a zone a time is UTC."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return 0
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _EPOCH) // _MICROSECOND


def as_logged(time: object) -> str | None:
    """Returns another tool's ISO 8601 time as the log writes times, None for what is no time."""
    if not isinstance(time, str):
        return None
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
