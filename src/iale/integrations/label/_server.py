"""Serves a project to browsers until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial

from iale._packages import to_install
from iale.errors import ConfigError

try:
    import uvicorn

    from iale.integrations.label._app import create_app
    from iale.integrations.label._patience import close_the_slow
    from iale.integrations.label._security import Guard, is_loopback, project_token
except ModuleNotFoundError as error:
    if error.name not in ("starlette", "uvicorn", "anyio"):
        raise
    raise ConfigError(f"`iale label` needs starlette and uvicorn: {to_install('starlette', 'uvicorn')}.") from error

from iale._storage import sha256
from iale.labeling.project import Project
from iale.labeling.record._tokens import Tokens

_LOOK = 1.0  # seconds between two looks for labels of other processes


def serve(project: Project, *, host: str = "127.0.0.1", port: int = 8414, person: str = "") -> None:
    """Prints the address, token included, and answers until Ctrl-C; the caller starts the project's fitting.

    Args:
        project: what is labeled.
        host: the address to listen at.
        port: 0 takes a free one.
        person: the default name on the page.

    Raises:
        ConfigError: the address is in use, or is not one of this machine.
    """
    with listening(host, port) as serve_there:
        serve_there(project, person=person)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[Callable[..., None]]:
    """Takes the address at once; what it gives serves a ``project`` there, with a ``person`` as the default name.

    So whoever makes a project for minutes knows before that it can be served. Raises ConfigError as `serve`.
    """
    with _listen(host, port) as listener:
        yield partial(_serve, listener, host)


def _serve(listener: socket.socket, host: str, project: Project, *, person: str) -> None:
    port = listener.getsockname()[1]
    token = project_token(project.folder)
    inner = create_app(project, person=person, mark=sha256(token.encode())[:16])
    app = Guard(inner, token, host, port, Tokens(project.folder))
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    print(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={token}", flush=True)
    if not is_loopback(host):
        print(
            "others on the network can reach this page: anyone with this address can label, and nothing is encrypted",
            file=sys.stderr,
        )
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    running = _run(uvicorn.Server(config), listener, project)
    try:
        asyncio.run(running)
    finally:
        running.close()  # after Ctrl-C it may not have begun, and Python would warn about that


async def _run(server: uvicorn.Server, listener: socket.socket, project: Project) -> None:
    beside = [asyncio.create_task(each) for each in (close_the_slow(server), _look_for_labels(project))]
    try:
        await server.serve(sockets=[listener])
    finally:
        for each in beside:
            each.cancel()


async def _look_for_labels(project: Project) -> None:
    """Lets the fits follow what other servers and programs record, and go on here when the other server has ended."""
    while True:
        await asyncio.sleep(_LOOK)
        await asyncio.to_thread(project.poke)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise ConfigError(f"cannot listen at port {port}: choose a --port from 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as opened:  # closed again if nothing can listen there
            listener = opened.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            opened.pop_all()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        hint = "another program listens there; choose another --port" if taken else "check --host and --port"
        raise ConfigError(f"cannot listen at {host}, port {port} ({error.strerror}): {hint}.") from error
    return listener
