"""The pretended agent as a command."""

from __future__ import annotations

from contextlib import nullcontext

import click

rate = click.FloatRange(0, 1)
seconds = click.FloatRange(min=0)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: any free one).")
@click.option("--delay", type=seconds, default=0.0, help="Seconds until an answer.")
@click.option("--busy", type=rate, default=0.0, help="Share of requests answered with 429.")
@click.option("--errors", type=rate, default=0.0, help="Share answered with 500.")
@click.option("--timeouts", type=rate, default=0.0, help="Share never answered.")
@click.option("--garbage", type=rate, default=0.0, help="Share answered with nonsense.")
@click.option("--retry-after", type=seconds, default=1.0, help="Seconds that a 429 asks for (default: 1).")
@click.option("--limit", type=click.IntRange(min=1), help="Calls at once above which it answers 429.")
@click.option("--seed", type=int, default=0, help="Another seed, another choice of requests.")
@click.option("--ledger", metavar="FILE", type=click.Path(dir_okay=False), help="Also write what it served.")
@click.option("--for", "lifetime", type=seconds, metavar="SECONDS", help="End by itself after this long.")
def fake_agent(
    port: int,
    delay: float,
    busy: float,
    errors: float,
    timeouts: float,
    garbage: float,
    retry_after: float,
    limit: int | None,
    seed: int,
    ledger: str | None,
    lifetime: float | None,
) -> None:
    """Serve a pretended agent on loopback, to try `run --via zo`.

    It prints its address as a JSON line and answers POST /zo/ask as the real one does; any token will
    do. GET /ledger says what it served. The same seed and requests meet the same fate.

    Example: bo fake-agent --port 8700 --delay 0.2 --busy 0.1
    """
    if busy + errors + timeouts + garbage > 1:
        raise click.UsageError("--busy, --errors, --timeouts and --garbage are more than 1 together.")

    import asyncio

    import msgspec

    from cli.dispatch.fake_agent import HOST, FakeAgent, Manners, serve
    from cli.output import show_line

    def announce(opened: int) -> None:
        show_line(msgspec.json.encode({"url": f"http://{HOST}:{opened}", "port": opened}))

    manners = Manners(seed, delay, busy, errors, timeouts, garbage, retry_after, limit)
    with open(ledger, "ab", buffering=0) if ledger else nullcontext() as file:
        asyncio.run(serve(FakeAgent(manners, file), port, lifetime, announce))
