"""Known secrets never enter the log, a file or a message: their values are masked in every text."""

from __future__ import annotations

import os

SECRET_VARIABLES = ("ZO_CLIENT_IDENTITY_TOKEN",)
"""The environment variables whose values are secrets of this tool; workers do not inherit them."""

MASK = "***"
_SHORTEST = 6  # a shorter value would be found inside ordinary words


def mask(text: str) -> str:
    """Returns `text` with every known secret's value replaced."""
    for name in SECRET_VARIABLES:
        value = os.environ.get(name, "").strip()
        if len(value) >= _SHORTEST:
            text = text.replace(value, MASK)
    return text
