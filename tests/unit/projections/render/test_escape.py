"""Text that others wrote stays text: in Markdown, in a Mermaid label, on a terminal."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.render.escape import (
    _BLOCK_START,
    _MARKUP,
    _PLAIN,
    markdown,
    markdown_code,
    markdown_lines,
    mermaid,
    visible,
)
from tests.unit.projections.render.markup import elements, hostile_texts, texts

any_text = st.text() | hostile_texts

DRIVING = [*range(0x20), *range(0x7F, 0xA0)]
TURNING = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
BREAKING = [0x2028, 0x2029]


def seen(text: str) -> str:
    """The text as a reader should see it: blanks folded, the invisible made visible."""
    return visible(re.sub(r"[ \t\r\n]+", " ", text).strip(" "))


@pytest.mark.parametrize("number", [*DRIVING, *TURNING, *BREAKING], ids=hex)
def test_every_control_and_direction_character_is_made_visible(number: int) -> None:
    shown = visible(f"a{chr(number)}b")
    assert re.fullmatch(r"a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt])b", shown)
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb\r\n", r"a\tb\r\n"),
        ("\u202e", r"\u202e"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("plain text", "plain text"),
        ("ünï 漢 😀 👩\u200d💻 \u0645\u06cc\u200c\u062e", "ünï 漢 😀 👩\u200d💻 \u0645\u06cc\u200c\u062e"),
    ],
)
def test_what_can_be_shown_is_shown_and_the_rest_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec=None) | st.sampled_from("\ud800\udfff")))
def test_nothing_that_is_made_visible_drives_a_terminal_or_fails_to_be_written(text: str) -> None:
    shown = visible(text)
    shown.encode()
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Zl", "Zp", "Cs")
        assert unicodedata.bidirectional(character) not in "LRE RLE LRO RLO PDF LRI RLI FSI PDI".split()


@given(any_text)
def test_making_visible_twice_is_making_visible(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@given(st.text("aZ09 _/-.:@w\n", max_size=12))
@example("w_")
@example("_w")
@example("a__b")
@example("a_b-c/d e")
@example("www.a")
def test_what_is_taken_for_plain_is_what_the_long_way_leaves_alone(text: str) -> None:
    if re.fullmatch(_PLAIN, text):
        assert seen(text) == text
        assert re.search(_MARKUP, text) is None
        assert re.match(_BLOCK_START, text) is None
        assert markdown(text) == text


BENIGN = {
    "{}": "paragraph",
    "# {}": "heading",
    "- {}": "bullet",
    "| {} |\n| --- |\n| {} |": "table",
    "before {} after": "within",
    "> {}": "quote",
}


@pytest.mark.parametrize("place", BENIGN, ids=BENIGN.get)
@given(text=any_text)
def test_markdown_sees_nothing_but_text(place: str, text: str) -> None:
    source = place.replace("{}", markdown(text))
    if seen(text):
        assert elements(source) == elements(place.replace("{}", "x"))
        expected = place.replace("{}", seen(text))
        for shown in texts(source):
            assert shown.strip() in expected
            assert seen(text).strip() in shown


@given(any_text)
def test_each_line_is_a_paragraph_of_its_own(text: str) -> None:
    lines = markdown_lines(text)
    expected = [seen(line) for line in re.split(r"\r\n|\r|\n", text) if seen(line)]
    assert (
        texts("\n\n".join(lines)) == [line.strip() for line in expected]
        or texts("\n\n".join(lines)) == expected
    )
    assert elements("\n\n".join(lines)) == elements("\n\n".join("x" for _ in lines))


@example("`")
@example("``` ` ```")
@example(" `a")
@example("a` ")
@given(any_text)
def test_code_is_one_code_span_that_says_what_was_said(text: str) -> None:
    if seen(text):
        source = f"- {markdown_code(text)}"
        assert elements(source) == elements("- `x`")
        assert texts(source) == [seen(text)]


@given(any_text)
def test_a_label_holds_nothing_that_mermaid_understands(text: str) -> None:
    assert re.fullmatch(r"(?:[A-Za-z0-9_.:-]|#[0-9]+;)*", mermaid(text))


@given(any_text)
def test_a_label_says_what_was_said(text: str) -> None:
    assert re.sub(r"#([0-9]+);", lambda found: chr(int(found[1])), mermaid(text)) == visible(text)


@pytest.mark.parametrize(
    "text", ["worker_schema", "a.py, b.py", "N5/services/auth/README.md", "Don't; wait (really)!", "a -> b"]
)
def test_ordinary_text_stays_readable_in_the_source(text: str) -> None:
    assert markdown(text) == text


@pytest.mark.parametrize("text", ["http://a.b", "https://a.b", "www.a.b", "someone@a.b"])
def test_an_address_is_broken_for_parsers_that_make_links_of_them(text: str) -> None:
    assert "\\" in markdown(text)
    assert texts(markdown(text)) == [text]
