"""The report: one page that loads nothing and runs nothing, in which hostile text is text."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from eventlog.events import KnownEvent
from eventlog.head import Head
from projections.render.report_html import report_html
from projections.views.story import story
from tests.spec.histories import histories
from tests.unit.projections.render.markup import HOSTILE, hostile_texts
from tests.unit.projections.told import busy, hostile

VOID = {"meta", "input", "rect", "path", "br"}


class Seen(HTMLParser):
    """Every tag with its attributes, every text, and whether what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(events: list[KnownEvent]) -> str:
    return report_html(story(events), "auth", Head(len(events), "ab" * 32, 1))


def test_the_page_tells_the_plan_the_attempts_and_what_was_said() -> None:
    seen = Seen(page(busy("all is well")))
    for expected in (
        "Auth",
        "one login",
        "SQLite",
        "JWT",
        "make tables",
        "all is well",
        "2 attempts",
        "late",
        "timed out",
        "ada@example",
        "as of event 16",
    ):
        assert expected in seen.text, expected


def test_every_link_leads_to_a_place_on_the_page() -> None:
    seen = Seen(page(busy()))
    assert len(seen.ids) == len(set(seen.ids))
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)


def test_a_browser_is_told_to_load_and_run_nothing() -> None:
    text = page(busy())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert text.index("Content-Security-Policy") < text.index("<title>")
    assert re.findall(r"https?://[^\"\s]*", text) == ["http://www.w3.org/2000/svg"] * 2
    seen = Seen(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in seen.tags}
    assert not {name for _, names in seen.tags for name in names if name.startswith("on") or name == "style"}


def test_the_page_is_made_for_phones_and_for_the_dark() -> None:
    text = page(busy())
    assert 'name="viewport" content="width=device-width,initial-scale=1"' in text
    assert "prefers-color-scheme:dark" in text
    assert "max-width:600px" in text


@given(hostile_texts)
@settings(max_examples=50)
def test_hostile_text_makes_no_element_and_no_attribute(said: str) -> None:
    # Blank texts are left out, and with them the elements around them.
    said = f"x{said}"
    made = set(Seen(page(hostile(said))).tags)
    assert made == set(Seen(page(hostile("plain"))).tags)


@pytest.mark.parametrize("said", HOSTILE)
def test_nothing_that_turns_or_hides_text_gets_onto_the_page(said: str) -> None:
    text = page(hostile(said))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufffe\uffff]", text)


@given(histories())
@settings(max_examples=50)
def test_every_history_has_a_report(events: list[KnownEvent]) -> None:
    Seen(page(events))


def test_the_same_log_makes_the_same_page() -> None:
    assert page(busy()) == page(busy())
