"""Was another word meant? One slip of the typing finger, no more."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the first of `known` that is one slip from `word`, or None.

    A slip is a letter too many, too few, wrong, or two swapped (Damerau 1964), or other capitals.
    Words of fewer than four letters differ by one letter too easily: only capitals count there.
    """
    if word in (known := list(known)):
        return None
    for candidate in known:
        if candidate.lower() == word.lower() or (
            min(len(word), len(candidate)) > 3 and _slip(word, candidate)
        ):
            return candidate
    return None


def _slip(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and len(rest_a) > 1 and rest_a[2:] == rest_b[2:])
    )
