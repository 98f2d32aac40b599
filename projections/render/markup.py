"""Text that others wrote, inside SVG and HTML: always text, never an element, an attribute or an entity."""

from __future__ import annotations

from html import escape

from projections.render.escape import visible

_NO_XML = {code: f"\\u{code:04x}" for code in (0xFFFE, 0xFFFF)}
"""What no XML document may hold (XML 1.0, production 2) and `visible` lets pass."""


def text(said: object) -> str:
    """Returns `said` for an element's content or a quoted attribute; control characters as escapes."""
    return escape(visible(str(said)).translate(_NO_XML))


def lines(said: str) -> str:
    """Like `text`, and line ends stay line ends: for what is shown with its white space."""
    return "\n".join(text(line.replace("\t", "    ")) for line in said.splitlines())


def cut(said: str, most: int) -> str:
    """Returns at most `most` characters of one line of `said`, with an ellipsis for the rest."""
    line = " ".join(said.split())
    return line if len(line) <= most else line[: most - 1] + "…"
