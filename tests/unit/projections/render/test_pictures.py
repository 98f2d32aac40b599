"""The pictures: well-formed, deterministic, readable on light and dark, and hostile text is text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from eventlog.events import KnownEvent
from projections import fold
from projections.duration import brief
from projections.render.graph_dot import graph_dot
from projections.render.graph_svg import graph_svg
from projections.render.labels import short_ids
from projections.render.palette import DARK, LIGHT, PAPER, Ink
from projections.render.timeline_svg import timeline_svg
from projections.render.timeline_text import timeline_text
from projections.views.history import history
from projections.views.timeline import critical_workers, timeline
from tests.spec.histories import histories
from tests.unit.projections.render.markup import HOSTILE, hostile_texts
from tests.unit.projections.told import begun, busy, hostile, numbered

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "style", "title", "rect", "path", "text", "g"}


class Drawn(SingleFileSnapshotExtension):
    """One reviewed picture a file, to be opened in a browser."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT


def graph_of(events: list[KnownEvent]) -> str:
    build = fold(events)
    return graph_svg(build, "Auth")


def timeline_of(events: list[KnownEvent]) -> str:
    told = history(events)
    return timeline_svg(timeline(told, critical_workers(told)), told.build, "Auth")


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [
        element.text or "" for element in parsed(svg).iter() if element.tag in (f"{SVG}text", f"{SVG}title")
    ]


def test_the_graph_is_the_reviewed_picture(snapshot: SnapshotAssertion) -> None:
    assert graph_of(busy()) == snapshot(extension_class=Drawn)


def test_the_timeline_is_the_reviewed_picture(snapshot: SnapshotAssertion) -> None:
    assert timeline_of(busy()) == snapshot(extension_class=Drawn)


@given(histories())
def test_every_history_is_drawn_as_well_formed_xml(events: list[KnownEvent]) -> None:
    for svg in (graph_of(events), timeline_of(events)):
        assert {element.tag.removeprefix(SVG) for element in parsed(svg).iter()} <= ELEMENTS


@given(hostile_texts)
def test_hostile_text_makes_no_element_and_no_attribute(said: str) -> None:
    for draw in (graph_of, timeline_of):
        elements = [(e.tag, sorted(e.attrib)) for e in parsed(draw(hostile(said))).iter()]
        assert elements == [(e.tag, sorted(e.attrib)) for e in parsed(draw(hostile("plain"))).iter()]


@pytest.mark.parametrize("said", HOSTILE)
def test_nothing_that_turns_or_hides_text_gets_into_a_picture(said: str) -> None:
    for svg in (graph_of(hostile(said)), timeline_of(hostile(said))):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufffe\uffff]", svg)


def test_a_tooltip_says_what_the_worker_is_for() -> None:
    assert any("make tables" in text for text in texts(graph_of(busy())))


def test_a_picture_refers_to_nothing_outside_itself() -> None:
    for svg in (graph_of(busy()), timeline_of(busy())):
        assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
        assert "url(" not in svg
        assert "@import" not in svg


def test_every_status_has_colours_on_light_and_on_dark_paper() -> None:
    svg = graph_of(busy())
    light, dark = svg.split("prefers-color-scheme:dark", 1)
    for status in LIGHT:
        assert f".{status} rect" in light
        assert f".{status} rect" in dark


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("inks", "paper"), [(LIGHT, "light"), (DARK, "dark")])
def test_text_has_the_contrast_that_people_need(inks: dict[str, Ink], paper: str) -> None:
    for status, ink in inks.items():
        assert contrast(ink.text, ink.fill) >= 4.5, status
        assert contrast(ink.edge, PAPER[paper]) >= 1.9, status


def test_the_same_build_is_drawn_the_same() -> None:
    assert graph_of(busy()) == graph_of(busy())
    assert timeline_of(busy()) == timeline_of(busy())


def test_dot_text_is_quoted_whatever_it_is() -> None:
    for said in HOSTILE:
        drawn = graph_dot(fold(hostile(said)), said)
        rest = re.sub(r'"(?:[^"\\]|\\.)*"', "", drawn)
        assert re.fullmatch(r"[\sa-z=\[\],;{}.0-9LR>-]*", rest), rest


def test_short_ids_stay_and_long_ones_lose_what_all_share_or_their_beginning() -> None:
    assert short_ids(["worker_a", "worker_b"]) == ["worker_a", "worker_b"]
    stem = "pipeline.of.very.long.names."
    assert short_ids([f"{stem}sort_1", f"{stem}index_2"]) == ["sort_1", "index_2"]
    assert short_ids(["x", f"{stem}sort_1"], 20) == ["x", "…long.names.sort_1"]
    assert short_ids(["x", "y" * 50], 12) == ["x", "yyyy…yyyyyyy"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.04, "40 ms"),
        (4.25, "4.2 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (356_400, "4 d 3 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, shown: str) -> None:
    assert brief(seconds) == shown


def test_the_text_timeline_shows_waits_attempts_failures_and_the_critical_path() -> None:
    told = history(busy())
    lines = timeline_text(timeline(told, critical_workers(told)), 80)
    by_worker = {line.split()[0]: line for line in lines[1:-1]}
    assert max(map(len, lines[:-1])) <= 80
    assert "✗" in by_worker["oauth"]
    assert "x2" in by_worker["oauth"]
    assert "·" in by_worker["oauth"]
    assert "timed out" in by_worker["jwt:v2"]
    assert " * " in by_worker["schema"]
    assert "1 not ready yet" in lines[-1]


def test_the_plain_text_timeline_is_ascii() -> None:
    told = history(busy())
    assert "\n".join(timeline_text(timeline(told), 70, plain=True)).isascii()


@given(histories())
def test_every_history_has_a_text_timeline(events: list[KnownEvent]) -> None:
    told = history(events)
    shown = timeline(told, critical_workers(told))
    assert len(timeline_text(shown, 100)) == len(shown.rows) + 2


def test_a_build_of_one_worker_that_never_began_is_drawn() -> None:
    events = numbered([begun({"workers": [{"id": "only"}]})])
    assert "only" in "".join(texts(graph_of(events)))
    assert "only" in "".join(texts(timeline_of(events)))
