"""Durations and numbers as people read them."""

from __future__ import annotations


def brief(seconds: float) -> str:
    """Returns seconds in at most two units: `40 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for big, small, size, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            units, rest = divmod(whole, size)
            rest //= part
            return f"{units} {big} {rest} {small}" if rest else f"{units} {big}"
    return f"{whole} s"


def hours(estimate: float) -> str:
    """Returns an estimate in hours, as its plan has it where that is short."""
    return f"{estimate:.4g} h" if estimate >= 0.1 or estimate == 0 else brief(estimate * 3600)
