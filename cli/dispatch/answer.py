"""What an answer of an agent's API means. Pure: status, headers and body in, an outcome out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from cli.dispatch.limiter import LONGEST_PAUSE
from cli.dispatch.runner import Key, Outcome

Clean = Callable[[str], str]
"""Masks secrets in a text."""

BUSY = frozenset({429, 503})
"""The statuses that say: not now. The request was not worked on and may be sent again."""

_HOPELESS = frozenset({400, 401, 403, 404, 405, 413, 422})
_LONGEST_CONVERSATION = 200
_LONGEST_QUOTE = 300

# Only an answer that is nothing but such a message: one that reports about authentication is work done.
_LONGEST_MESSAGE = 500
_AUTHENTICATION_FAILED = re.compile(
    r"""\s*
    (?:(?:api\ error|failed|failure|fatal|http|status)\b[:\s]*)?
    (?:40[13]\b[:\s-]*)?
    (?:authentication[ _](?:failed|failure|error|required) | failed\ to\ authenticate | not\ authenticated
      | unauthori[sz]ed | invalid\ (?:api\ key|token|credentials|authentication)
      | (?:oauth\ |access\ )?token\ (?:has\ |is\ )?expired)
    (?=\s*(?:[.:;!,(\n-]|$|because\b|due\b))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ERROR = re.compile(r"\s*error:", re.IGNORECASE)


class Answer(Struct, frozen=True):
    """An HTTP answer. `body` is None where it was longer than is read; `retry_after` in seconds."""

    status: int
    body: bytes | None
    retry_after: float | None = None
    location: str = ""


class _Said(Struct):
    output: str
    conversation_id: Any = None


def judge(key: Key, answer: Answer, clean: Clean) -> tuple[Outcome, str | None]:
    """Returns the outcome, and what the worker said if it said something; secrets masked in both.

    Reasons: `rate_limited`, `redirect`, `http`, `too_large`, `bad_answer`, `agent_error`.
    """

    def failed(reason: str, error: str, *, retry: bool = True) -> tuple[Outcome, None]:
        return Outcome(*key, "failed", reason, error, retry=retry, again_in=answer.retry_after), None

    status, body = answer.status, answer.body
    if status in BUSY:
        return failed("rate_limited", f"the agent is busy (HTTP {status})")
    if 300 <= status < 400:
        target = quoted(answer.location, clean) or "nowhere"
        return failed(
            "redirect", f"HTTP {status} points to {target}; redirects are not followed", retry=False
        )
    if not 200 <= status < 300:
        text = quoted((body or b"").decode("utf-8", "replace"), clean)
        hint = " (is $ZO_CLIENT_IDENTITY_TOKEN right?)" if status in (401, 403) else ""
        return failed(
            "http", f"HTTP {status}{hint}{': ' if text else ''}{text}", retry=status not in _HOPELESS
        )
    if body is None:
        return failed("too_large", "the answer is longer than is read")
    try:
        said = msgspec.json.decode(body, type=_Said)
    except msgspec.ValidationError as error:
        return failed("bad_answer", f"the answer has no text 'output': {quoted(str(error), clean)}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return failed("bad_answer", "the answer is not JSON")
    return _heard(key, said, clean)


def _heard(key: Key, said: _Said, clean: Clean) -> tuple[Outcome, str]:
    text = clean(said.output)
    conversation = _conversation(said.conversation_id, clean)
    # What the text says is not repeated: it lies in the output file, whole.
    if _ERROR.match(text):
        error = "the agent answered with an error"
    elif len(text) <= _LONGEST_MESSAGE and _AUTHENTICATION_FAILED.match(text):
        error = "the agent could not authenticate itself"
    else:
        return Outcome(*key, "completed", conversation=conversation), text
    return Outcome(*key, "failed", "agent_error", error, conversation), text


def _conversation(value: object, clean: Clean) -> str | None:
    if not isinstance(value, str) or not value.isprintable():
        return None
    value = clean(value)
    return value if 0 < len(value) <= _LONGEST_CONVERSATION else None


def quoted(text: str, clean: Clean) -> str:
    """Returns the beginning of a text on one line, secrets masked before anything is cut off."""
    line = " ".join(clean(text).split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 3] + "..."


def retry_after(value: str, now: datetime) -> float | None:
    """Returns the seconds that a Retry-After header asks for, None if it makes no sense. RFC 9110, 10.2.3.

    At most LONGEST_PAUSE: an agent that is away for a day must not hold a build for one.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return min(float(value), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_PAUSE)
