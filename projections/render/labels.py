"""Worker ids as labels: short, and still told apart."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 30
"""Letters of an id that a box shows."""


def short_ids(names: Sequence[str], most: int = LONGEST) -> list[str]:
    """Returns the ids as labels: where some are long, without the beginning that all share."""
    shared = 0
    if len(names) > 1 and max(map(len, names)) > most:
        first, last = min(names), max(names)
        while shared < min(len(first), len(last)) and first[shared] == last[shared]:
            shared += 1
        shared = max((at + 1 for at in range(shared) if first[at] in "._:-"), default=0)
    return [_shortened(name[shared:], most) for name in names]


def _shortened(name: str, most: int) -> str:
    """Returns the last whole parts of a name, or leaves out its middle: ids are told apart by their ends."""
    if len(name) <= most:
        return name
    cuts = [at for at in range(len(name) - most + 1, len(name) - most // 3) if name[at - 1] in ".:"]
    return f"…{name[cuts[0] :]}" if cuts else f"{name[: most // 3]}…{name[most // 3 + 1 - most :]}"
