from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.dispatch.answer import Answer, judge, quoted, retry_after
from cli.dispatch.limiter import LONGEST_PAUSE
from cli.dispatch.runner import Outcome

KEY = ("w1", 2)
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def clean(text: str) -> str:
    return text.replace("secret", "***")


def judged(status: int = 200, body: bytes | None = b"{}") -> Outcome:
    return judge(KEY, Answer(status, body), clean)[0]


def said(output: object, conversation: object = None) -> tuple[Outcome, str | None]:
    body = msgspec.json.encode({"output": output, "conversation_id": conversation})
    return judge(KEY, Answer(200, body), clean)


def test_an_answer_with_an_output_completes_the_attempt() -> None:
    assert said("It is done.\n", "con_1") == (
        Outcome("w1", 2, "completed", conversation="con_1"),
        "It is done.\n",
    )


@pytest.mark.parametrize("text", ["Error: no model", "\n  Error: no model", "error: no model", "Error:"])
def test_an_output_that_begins_with_error_is_a_failure_and_is_kept(text: str) -> None:
    outcome, kept = said(text, "con_1")
    assert (outcome.kind, outcome.reason, outcome.conversation) == ("failed", "agent_error", "con_1")
    assert kept == text


@pytest.mark.parametrize(
    "text",
    [
        "Authentication failed",
        "Authentication failed: token expired",
        "authentication_error",
        "Unauthorized",
        "401 Unauthorized",
        "HTTP 401: Unauthorized",
        "Failed to authenticate. Please log in.",
        "Invalid API key.",
        "API Error: 401 authentication_error (invalid token)",
        "Token has expired",
        "  Not authenticated\n",
    ],
)
def test_an_output_that_names_an_authentication_failure_is_a_failure(text: str) -> None:
    assert said(text)[0].reason == "agent_error"


@pytest.mark.parametrize(
    "text",
    [
        "Authentication failures are now answered with 401.",
        "Invalid tokens are refused; see auth.py.",
        "Unauthorized users are sent to the login page.",
        "The handler returns 401 Unauthorized.",
        "I found one Error: it is mended.",
        "Errors are handled.",
        "",
        "Authentication failed: " + "the story of a long night. " * 40,
    ],
)
def test_work_about_errors_and_authentication_is_work(text: str) -> None:
    assert said(text)[0].kind == "completed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b'{"output": null}',
        b'{"output": 3}',
        b'{"output": ["a"]}',
        b'{"output": "cut',
        b'{"output": "\xff"}',
        b'{"output": "a"} and more',
        b'{"x": ' + b"[" * 100_000,
    ],
)
def test_whatever_has_no_text_as_output_is_a_bad_answer(body: bytes) -> None:
    assert judged(200, body).reason == "bad_answer"


@given(st.binary(max_size=200), st.integers(200, 599))
def test_any_answer_has_one_outcome(body: bytes, status: int) -> None:
    outcome = judged(status, body)
    assert outcome.key == KEY
    assert outcome.kind == "completed" or (outcome.reason and outcome.error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_what_cannot_succeed_is_not_to_be_tried_again(status: int) -> None:
    assert (judged(status).reason, judged(status).retry) == ("http", False)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 504, 599])
def test_what_may_succeed_may_be_tried_again(status: int) -> None:
    assert (judged(status).reason, judged(status).retry) == ("http", True)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_agent_is_named_so(status: int) -> None:
    assert (judged(status).reason, judged(status).retry) == ("rate_limited", True)


def test_a_failure_quotes_the_agent_on_one_line_with_secrets_masked_before_the_cut() -> None:
    error = judged(500, b"boom\n\tfor secret " + b"x" * 1000).error
    assert error.startswith("HTTP 500: boom for *** xxx")
    assert len(error) < 400
    assert "sec" not in quoted("y" * 295 + "secret" * 5, clean)


@pytest.mark.parametrize("value", [None, 7, "", ["con_1"], "x" * 201, "con\n1", "con_\x1b[2J"])
def test_a_conversation_is_a_short_printable_text_or_nothing(value: object) -> None:
    assert said("done", value)[0].conversation is None


def test_secrets_are_masked_in_everything_that_is_kept() -> None:
    outcome, text = said("I was given secret.", "con_secret")
    assert (outcome.conversation, text) == ("con_***", "I was given ***.")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        (" 17 ", 17.0),
        ("0.5", 0.5),
        ("999999999", LONGEST_PAUSE),
        ("Mon, 23 Nov 2026 04:00:42 GMT", 42.0),
        ("Mon, 23 Nov 2026 04:00:42 -0000", 42.0),
        ("Mon, 23 Nov 2026 03:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PAUSE),
        ("-1", None),
        ("1e9", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("\u0663", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: float | None) -> None:
    assert retry_after(value, NOW) == expected


@given(st.text(max_size=60))
def test_no_retry_after_is_an_accident(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE
