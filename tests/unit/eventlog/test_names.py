"""Project names and worker ids: what is one, and that nothing else ever becomes one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import InvalidName
from eventlog.names import parse_project_name, parse_worker_id

HOSTILE = [
    "", ".", "..", "../x", "a/b", "a\\b", "/etc", "~", "~root", "a\0b", "a b", " a", "a\n", "\na", "-a", "_a",
    "a.b/..", "\u2024\u2024", "\uff0e\uff0e", "\u0661", "é", "a\u200b", "a\u202e", "\ud800", "A" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", [*HOSTILE, "a.b", "a:b", "a" * 64])
def test_what_could_leave_its_folder_is_no_project_name(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_project_name(text)


@pytest.mark.parametrize("text", [*HOSTILE, ".a", ":a", "a" * 201])
def test_what_is_outside_the_alphabet_is_no_worker_id(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_worker_id(text)


@pytest.mark.parametrize("text", ["a", "7", "auth-system", "A_b-c9", "a" * 63])
def test_a_project_name_stays_as_it_is(text: str) -> None:
    assert parse_project_name(text) == text


@pytest.mark.parametrize("text", ["a", "7", "worker_schema", "a.b:c-d_e", "a" * 200])
def test_a_worker_id_stays_as_it_is(text: str) -> None:
    assert parse_worker_id(text) == text


@given(st.text(max_size=70))
def test_only_the_alphabet_passes(text: str) -> None:
    allowed = set(string.ascii_letters + string.digits + "_-")
    good = 0 < len(text) <= 63 and set(text) <= allowed and text[0] not in "_-"
    try:
        assert parse_project_name(text) == text
        assert good
    except InvalidName:
        assert not good


@given(st.text().map(lambda text: f"/{text}"))
def test_a_refusal_shows_the_name_in_plain_ascii_and_short(text: str) -> None:
    with pytest.raises(InvalidName) as refused:
        parse_project_name(text)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1_000
