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
    return _mask(text, _values())


def mask_all(value: Any) -> Any:
    """Returns a command with the secrets masked in all that it holds, however deep."""
    secrets = _values()
    return _mask_all(value, secrets) if secrets else value


def _mask(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _mask_all(value: Any, secrets: list[str]) -> Any:
    match value:
        case str():
            return _mask(value, secrets)
        case bytes():
            return _mask(value.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")
        case list():
            return [_mask_all(item, secrets) for item in value]
        case dict():
            return {_mask_all(key, secrets): _mask_all(item, secrets) for key, item in value.items()}
        case Struct():
            fields = value.__struct_fields__
            return replace(value, **{name: _mask_all(getattr(value, name), secrets) for name in fields})
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
