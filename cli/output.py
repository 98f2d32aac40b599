"""What the tool says: one JSON object for programs, tables for people. The only place that prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cli.secrets import mask
from eventlog.errors import InvalidPlan, OrchestratorError
from projections.render.escape import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

STYLES = {
    "completed": "green",
    "in_progress": "yellow",
    "review_pending": "magenta",
    "failed": "bold red",
    "timed_out": "red",
    "cancelled": "dim",
    "ready": "cyan",
    "blocked": "dim",
}
"""How people see a status on a terminal."""

_UNFOLDED = 10_000
"""Columns of a table that goes into a pipe or file: a row is a line there, for grep."""

# Legal inside JSON strings, but a terminal would act on them: C1 controls, DEL, bidirectional marks.
_TERMINAL_ORDERS = {
    code: f"\\u{code:04x}"
    for code in (
        0x7F,
        *range(0x80, 0xA0),
        0x61C,
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
}


def wants_json(choice: bool | None) -> bool:
    """Whether the answer is JSON: as chosen with --json or --table, else unless a person looks on."""
    return choice if choice is not None else not sys.stdout.isatty()


def wants_color() -> bool:
    """Whether colours are welcome: on a terminal that knows them, and no NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(as_json: bool, data: dict[str, Any], people: Callable[[], RenderableType]) -> None:
    """Prints `data` for a program, or what `people` returns for a person: lines of text, or a table."""
    if as_json:
        show_json(data)
        return
    shown = people()
    if isinstance(shown, str):
        _print("\n".join(visible(line) for line in shown.split("\n")) + "\n")
    else:
        console().print(shown)


def show_json(data: dict[str, Any]) -> None:
    """Prints one JSON object, indented by 2, that no terminal takes for orders."""
    try:
        text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    except UnicodeEncodeError:  # a path or an argument that is not UTF-8
        import json

        text = json.dumps(data, indent=2)
    _print(_harmless(text) + "\n")


def _harmless(text: str) -> str:
    """Returns JSON that means the same, drives no terminal, and can be written in the encoding of stdout."""
    if text.isascii() and "\x7f" not in text:
        return text
    text = text.translate(_TERMINAL_ORDERS)
    return text if (sys.stdout.encoding or "utf-8").lower() == "utf-8" else escaped(text, str.isascii)


def escaped(text: str, kept: Callable[[str], bool]) -> str:
    """Returns JSON that means the same, with the characters in strings that are not `kept` as escapes."""
    if kept(text):
        return text
    from json import dumps

    return "".join(character if kept(character) else dumps(character)[1:-1] for character in text)


def show_line(line: bytes | str) -> None:
    """Prints one line of a stream at once, harmless for a terminal: JSON as bytes, or text for people."""
    _print((_harmless(line.decode()) if isinstance(line, bytes) else visible(line)) + "\n")


def show_lines(lines: bytes) -> None:
    """Prints whole lines of a log at once, as they stand there, harmless for a terminal."""
    if lines.isascii() and b"\x7f" not in lines:
        sys.stdout.flush()
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
    else:
        _print(_harmless(lines.decode()))


def show_document(content: bytes) -> None:
    """Prints a whole file: its very bytes, but on a terminal what would drive it is written out."""
    if sys.stdout.isatty():
        _print("\n".join(visible(line) for line in content.decode().split("\n")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def tell(sentence: str) -> None:
    """Says how something goes on that takes a while, beside the answer."""
    print(visible(sentence), file=sys.stderr, flush=True)


def watches(as_json: bool) -> bool:
    """Whether a person looks at a terminal that can be redrawn."""
    return not as_json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def warn(message: str) -> None:
    """Tells the person, or the log of the program, beside the answer."""
    print(f"warning: {visible(message)}", file=sys.stderr)


def show_error(as_json: bool, error: OrchestratorError) -> None:
    """Says what is wrong and what to do: as a JSON object on standard output, to people on standard error."""
    problems = [mask(problem) for problem in error.problems] if isinstance(error, InvalidPlan) else []
    message, hint = mask(str(error)), mask(error.hint)
    if as_json:
        answer: dict[str, Any] = {"error": message, "code": error.code, "hint": hint}
        show_json(answer | ({"problems": problems} if problems else {}))
        return
    if len(problems) > 1:
        print(f"error: the plan has {len(problems)} problems:", file=sys.stderr)
        for problem in problems:
            print(f"  - {visible(problem)}", file=sys.stderr)
    else:
        print(f"error: {visible(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {visible(hint)}", file=sys.stderr)


def console() -> Console:
    """Returns a console for people; rich is imported only here, because it costs as much as a command."""
    from rich.console import Console

    return Console(
        color_system="auto" if wants_color() else None,
        width=None if sys.stdout.isatty() else _UNFOLDED,
        highlight=False,
        markup=False,
        emoji=False,
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    """Returns a table of texts, made harmless; a cell that is a status has its colour."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        cells = ["" if cell is None else visible(str(cell)) for cell in row]
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    return drawn


def group(*parts: RenderableType | None) -> RenderableType:
    """Returns several renderables, one below the other; texts are made harmless."""
    from rich.console import Group
    from rich.text import Text

    return Group(
        *(Text(visible(part)) if isinstance(part, str) else part for part in parts if part is not None)
    )


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
