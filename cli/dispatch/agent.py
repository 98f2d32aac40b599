"""The agent's HTTP API: one session, one kind of request, and what can go wrong with it."""

from __future__ import annotations

import io
import socket
from datetime import datetime

import aiohttp
import msgspec
from msgspec import Struct

from cli.clock import now
from cli.dispatch.answer import Answer, retry_after


class Terms(Struct, frozen=True):
    """How an agent is asked. Times in seconds, `largest` in bytes.

    `tries` is how often a request is sent to an agent that puts it off, `knocks` how often a
    connection is tried, `first_pause` the wait after the first of either. `largest` is the longest
    answer that is read; `silence` is how long an agent may say nothing at all.
    """

    url: str
    jobs: int
    tries: int
    knocks: int
    first_pause: float
    largest: int
    connect: float
    silence: float


def open_session(terms: Terms, token: str) -> aiohttp.ClientSession:
    """Returns a session that sends the token to whom it is asked to, and to nobody else."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,  # the limiter knows better
            # A connection that the server is about to close costs an attempt, for what was sent into
            # it is not sent again: only one that was in use a moment ago is used again.
            keepalive_timeout=2.0,
            socket_factory=_new_socket,
        ),
        headers={
            "authorization": token,
            "content-type": "application/json",
            "accept-encoding": "identity",
        },
        timeout=aiohttp.ClientTimeout(
            total=None, connect=terms.connect, sock_connect=terms.connect, sock_read=terms.silence
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # so that a body is never longer than what was received
        trust_env=False,  # no proxy and no netrc
    )


async def post(session: aiohttp.ClientSession, terms: Terms, text: str) -> Answer:
    """Sends one question. Returns the answer, whatever it says; raises what `explain` explains."""
    body = msgspec.json.encode({"input": text})
    # aiohttp sends long bytes in one go, and warns; a file of them it sends piece by piece.
    data = body if len(body) < 1 << 20 else io.BytesIO(body)
    async with session.post(terms.url, data=data, allow_redirects=False) as response:
        asked = response.headers.get("Retry-After")
        return Answer(
            response.status,
            await _read(response, terms.largest),
            None if asked is None else retry_after(asked, datetime.fromisoformat(now())),
            response.headers.get("Location", ""),
        )


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes | None:
    """Returns the body, or None, with the connection closed, as soon as it is known to be too long."""
    size, chunks = 0, []
    if (response.content_length or 0) <= largest:
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > largest:
                break
        else:
            return b"".join(chunks)
    response.close()
    return None


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Returns a socket that shows signs of life: agents are silent for minutes, and NATs forget."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in ("TCP_KEEPIDLE", "TCP_KEEPALIVE"):  # Linux and macOS call it differently
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), 60)
            break
    return made


def is_unreached(error: Exception) -> bool:
    """Whether no connection came about, so that nothing was sent, and one may come about a little later."""
    hopeless = (
        aiohttp.ClientConnectorDNSError,
        aiohttp.ClientSSLError,
        aiohttp.ClientConnectorCertificateError,
    )
    return isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, hopeless)


def explain(error: Exception) -> tuple[str, str]:
    """Returns the reason, `connection`, `bad_answer` or `unexpected`, and the words for people."""
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError():
            return "connection", str(error)
        case aiohttp.ConnectionTimeoutError():
            return "connection", "no connection came about in time"
        case aiohttp.ServerTimeoutError():
            return "connection", "the agent said nothing for too long"
        case aiohttp.ServerDisconnectedError():
            return "connection", "the agent closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "connection", "the connection ended in the middle of the answer"
        case aiohttp.ClientResponseError():
            # Its text quotes pieces of what was received, cut anywhere: a secret could not be found in it.
            return "bad_answer", "the answer is not HTTP"
        case aiohttp.ClientError() | OSError():
            return "connection", f"the connection failed: {error}"
    return "unexpected", f"unexpected {type(error).__name__}: {error}"
