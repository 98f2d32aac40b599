"""Known secrets never enter the log, a file or a message: their values are masked in every text."""

from __future__ import annotations

import os
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

SECRET_VARIABLES = ("ZO_CLIENT_IDENTITY_TOKEN",)
"""The environment variables whose values are secrets of this tool; workers do not inherit them."""

MASK = "***"
_SHORTEST = 6  # a shorter value would be found inside ordinary words


def mask(text: str) -> str:
    """Returns `text` with every known secret's value replaced."""
    for value in _values():
        text = text.replace(value, MASK)
    return text


def mask_all(value: Any) -> Any:
    """Returns a command with the secrets masked in all that it holds, however deep."""
    if not _values():
        return value
    match value:
        case str():
            return mask(value)
        case bytes():
            return mask(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        case list():
            return [mask_all(item) for item in value]
        case dict():
            return {mask_all(key): mask_all(item) for key, item in value.items()}
        case Struct():
            return replace(
                value, **{name: mask_all(getattr(value, name)) for name in value.__struct_fields__}
            )
        case _:
            return value


def _values() -> list[str]:
    values = [os.environ.get(name, "").strip() for name in SECRET_VARIABLES]
    if log := os.environ.get("BO_LOG"):
        values += _in_address(log)
    return [value for value in values if len(value) >= _SHORTEST]


def _in_address(address: str) -> list[str]:
    """Returns what of the log's address is a secret: what stands before each host's @, and the passwords."""
    found = []
    for host in address.partition("://")[2].split("/")[0].split(","):
        before, at, _ = host.rpartition("@")
        if at:
            found += [host[: len(before) + 1], before.rpartition(":")[2]]
    return found
