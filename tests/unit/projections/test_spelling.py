"""One slip of the finger is recognised, anything further is not guessed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.spelling import nearest


@pytest.mark.parametrize("word", ["workr", "workers", "wroker", "worket", "Worker", "orker", "xworker"])
def test_one_slip_is_recognised(word: str) -> None:
    assert nearest(word, ["other", "worker"]) == "worker"


@pytest.mark.parametrize("word", ["worker", "wrk", "reworked", "wokrre", "", "w"])
def test_what_is_right_or_further_away_is_not_guessed_at(word: str) -> None:
    assert nearest(word, ["worker"]) is None


def test_short_words_differ_only_by_capitals() -> None:
    assert nearest("A1", ["a1"]) == "a1"
    assert nearest("a2", ["a1"]) is None


@given(st.text("abc", min_size=5, max_size=8), st.data())
def test_leaving_a_letter_out_is_one_slip(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    assert nearest(word[:at] + word[at + 1 :], [word]) == word
