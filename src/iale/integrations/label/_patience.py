"""Closes connections that never finish a request: a thousand of them would leave no room for people."""

from __future__ import annotations

import asyncio
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0  # seconds for the headers of a request, and for its body
MOST_WAITING = 200  # connections without a request, at most; beyond that the oldest ones go at the second look
_LOOK = 0.25  # seconds between two looks


async def close_the_slow(server: uvicorn.Server) -> None:
    """Looks at the connections of a server until it is cancelled."""
    since: dict[tuple[H11Protocol, int], float] = {}  # when each began to wait, by what it was asked before
    while True:
        await asyncio.sleep(_LOOK)
        now, found = time.monotonic(), list(server.server_state.connections)
        waiting = [(each, id(each.cycle)) for each in found if isinstance(each, H11Protocol) and _waits(each)]
        since = {each: since.get(each, now) for each in waiting}
        waiting.sort(key=since.__getitem__)
        late = sum(now - begin > PATIENCE for begin in since.values())
        seen = sum(begin < now for begin in since.values())  # whoever has just come had no time for a request
        for connection, _ in waiting[: max(late, min(seen, len(waiting) - MOST_WAITING))]:
            connection.transport.close()


def _waits(connection: H11Protocol) -> bool:
    """Whether a connection has sent no whole request that is not answered."""
    return connection.cycle is None or connection.cycle.response_complete
