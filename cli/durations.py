"""Durations as people type and read them."""

from __future__ import annotations

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """`90`, `90s`, `1.5m`, `2h`, `200ms`: seconds as a float, above 0."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Returns the seconds; fails the usage for anything else."""
        text = str(value).strip()
        unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
        try:
            seconds = float(text.removesuffix(unit)) * _UNITS.get(unit, 1.0)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < 10**9:
            self.fail(f"{text!a} is not a duration; write it like 90, 90s, 10m or 2h", param, ctx)
        return seconds


def shown(seconds: float) -> str:
    """Returns a duration for people: `0.3 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
