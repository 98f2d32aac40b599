"""Text that others wrote, made harmless for where it is shown: a terminal, Markdown, a Mermaid label.

Nothing is left out: what cannot be shown as itself is shown as its escape (`\\x1b`, `\\u202e`). A
viewer that turns bare addresses into links by itself, behind the parser's back, cannot be kept from it.
"""

from __future__ import annotations

import re

# Patterns as text: `re` compiles each at its first use, and most commands use none.

_UNSEEN = (
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: what drives a terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of text (UAX 9)
    "\u2028\u2029"  # line ends to some programs and not to others
    "\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # text that nobody sees
    "\ud800-\udfff"  # half a character: no encoding can write it
    "]"
)
# The joiners U+200C and U+200D are not in it: Persian words and most emoji are spelled with them.

_BLANKS = r"[ \t\r\n]+"
_NEWLINES = r"\r\n|\r|\n"

_MARKUP = r"""(?xi)
        [\\`*\[\]<|~#$]               # code, emphasis, links, HTML, tables, strikethrough, headings, formulas
      | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9])   # emphasis too, but not inside a word
      | &(?=\#?[A-Za-z0-9]{1,40};)             # character references
      | :(?=//) | (?<=www)\. | @(?=[A-Za-z0-9])  # addresses, to the parsers that make links of them
    """
_PLAIN = r"[A-Za-z][A-Za-z0-9]*(?:[ _/-][A-Za-z0-9]+)*"
"""Ids and names as most are: nothing in them is Markdown, and looking for it costs four times as much."""

_BLOCK_START = r"[-+=>]|[0-9]{1,9}(?=[.)])"
"""What begins a list or a quotation or underlines a heading when a line starts with it."""

_LABEL_UNSAFE = r"[^A-Za-z0-9_.:-]"


def visible(text: str) -> str:
    """Returns `text` on one line, with control, direction and invisible characters written as escapes."""
    return text if text.isprintable() else re.sub(_UNSEEN, _written_out, text)


def markdown(text: str) -> str:
    """Returns `text` as one line of Markdown that is nothing but text, also at the start of a block.

    White space is folded to single spaces, as every Markdown viewer would.
    """
    if re.fullmatch(_PLAIN, text) is not None:
        return text
    line = visible(re.sub(_BLANKS, " ", text).strip(" "))
    line = re.sub(_MARKUP, r"\\\g<0>", line)
    if (start := re.match(_BLOCK_START, line)) is not None:
        at = start.end() if line[0].isdigit() else 0
        line = f"{line[:at]}\\{line[at:]}"
    return line


def markdown_lines(text: str) -> list[str]:
    """Returns the lines of `text` that are not blank, each as `markdown` does."""
    return [line for line in map(markdown, re.split(_NEWLINES, text)) if line]


def markdown_code(text: str) -> str:
    """Returns `text` between back-quotes, with more of them than it holds anywhere in a row."""
    line = visible(re.sub(_BLANKS, " ", text).strip(" "))
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    # A space is taken off each end when both ends have one: so a back-quote can stand at an end.
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}"


def mermaid(text: str) -> str:
    """Returns `text` as a Mermaid label: what is not a letter, a digit or one of `_.:-` as its number."""
    return re.sub(_LABEL_UNSAFE, lambda found: f"#{ord(found[0])};", visible(text))


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    if found[0] in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[found[0]]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
