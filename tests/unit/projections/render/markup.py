"""What a Markdown parser makes of a text, and texts that try to make it see more than text."""

from __future__ import annotations

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

HOSTILE = [
    *"\\`*_{}[]()<>#+-.!|~&=$^:@\"' \t/",
    "[x](http://a.b)",
    "![x](javascript:alert(1))",
    "<b>",
    "</td></table><script>alert(1)</script>",
    "<!--",
    "-->",
    "<a@b.c>",
    "<http://a.b>",
    "http://a.b",
    "www.a.b",
    "# x",
    "x #",
    "---",
    "***",
    "===",
    "1. x",
    "2) x",
    "- x",
    "> x",
    "```",
    "```mermaid",
    "~~~",
    "~~x~~",
    "**x**",
    "_x_",
    "a_b_c",
    "    code",
    "\tcode",
    "[x]: http://a.b",
    "[^1]",
    "| a | b |",
    "|---|---|",
    "\\|",
    "\\\\",
    "&amp;",
    "&#124;",
    "&lt;b&gt;",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\n---\n",
    '"]; click w0 "javascript:alert(1)"',
    "%%{init: {}}%%",
    "\x00",
    "\x07",
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://a.b\x1b\\",
    "\x7f",
    "\x85",
    "\x9b31m",
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\U000e0041",
    "\u00a0",
    "\u3000",
    "é",
    "漢",
    "😀",
]

hostile_texts = st.lists(
    st.sampled_from(HOSTILE) | st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab1"), max_size=8
).map("".join)


def elements(source: str) -> list[tuple[str, str]]:
    """Every element that the parser sees, in order, the texts left out."""
    return [
        (token.type, token.info)
        for block in PARSER.parse(source)
        for token in [block, *(block.children or [])]
        if token.type != "text"
    ]


def text_of(token: Token) -> str:
    """What a reader sees of an inline token: its texts, in a row."""
    return "".join(child.content for child in token.children or [])


def texts(source: str) -> list[str]:
    """The texts that a reader sees, block by block."""
    return [text_of(token) for token in PARSER.parse(source) if token.type == "inline"]
