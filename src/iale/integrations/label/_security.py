"""What stands before the application: who may ask, from which page, under which name, and how much.

Another site that is open in the same browser must not read or change labels. It cannot send the cookie (SameSite), its
Origin is not ours, and if it points its own name at this machine (DNS rebinding), the Host is not ours.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
import re
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from iale._storage import sha256, storage_errors
from iale.integrations.label._patience import PATIENCE

COOKIE = "iale-label"  # begins the cookie's name; the port follows, because a browser keeps cookies by host alone
MOST_BODY = 64 * 1024  # bytes of a request, at most; the page sends a few hundred
_HEADERS = {
    # Nothing from other sites, no inline script or style, no frame around the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def project_token(folder: Path) -> str:
    """The token of a project: random, and made once, so that an open page still works after the server restarts.

    It is in the file ``token``, which only its owner can read. If the file is deleted, a new token is made.
    """
    path = folder / "token"
    with storage_errors("write", path):
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        path.chmod(0o600)
        token = path.read_text().strip()
        if not re.fullmatch(r"[\w-]{40,}", token):  # a full disk cut it short: a short token could be guessed
            path.unlink()
            return project_token(folder)
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


class Guard:
    """Refuses what does not come from the page itself: an ASGI application around another.

    ``host`` is the address the server listens at; unless it is loopback, other addresses and this machine's name also
    count as its own.
    """

    def __init__(self, app: ASGIApp, token: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self._app, self._token = app, token
        self._local, self._patience = is_loopback(host), PATIENCE
        self._names = {"localhost"} if self._local else {"localhost", host.lower(), socket.gethostname().lower()}
        self._cookie = f"{COOKIE}-{port}"
        # The page lives below a path that nobody can guess, and the cookie is for this path alone: a browser would send
        # it to every other port of this machine, too.
        self._place = f"/{sha256(f'path {token}'.encode())[:16]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return  # web sockets are not answered
        if scope["path"].startswith(f"{self._place}/"):
            inner = {name: scope[name][len(self._place) :] for name in ("path", "raw_path") if scope.get(name)}
            scope = {**scope, **inner}
        headers = Headers(scope=scope)
        greeted = scope["path"] == "/" and self._fits(parse_qs(scope["query_string"].decode("latin-1")).get("token"))

        limits = f"Path={self._place}/; HttpOnly; SameSite=Strict"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    ours.setdefault(name, value)
                ours.setdefault("Cache-Control", "no-store")
                if greeted:
                    ours.append("Set-Cookie", f"{self._cookie}={self._token}; {limits}")
            await send(message)

        refusal = self._refusal(scope, headers, greeted)
        if refusal is None and greeted:
            refusal = Response(status_code=303, headers={"Location": f"{self._place}/"})
        if refusal is None and scope["method"] == "POST":
            try:
                body = await asyncio.wait_for(_read(receive), self._patience)
            except TimeoutError:
                body = b""
                refusal = _say(408, "the request did not come to its end: send it again.")
                refusal.headers["Connection"] = "close"
            if body is None:
                refusal = _say(413, f"a request may have at most {MOST_BODY} bytes.")
            else:
                receive = _replay(body)
        await (refusal or self._app)(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers, greeted: bool) -> Response | None:
        host = headers.get("host", "")
        if not self._ours(host):
            return _say(421, "this server does not have the name in the address: open the address it printed.")
        origin = headers.get("origin")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _say(405, "only GET and POST are answered.")
        if (origin is None and scope["method"] == "POST") or origin not in (None, f"http://{host}", f"https://{host}"):
            return _say(403, "the request comes from another page: open the address that the server printed.")
        if not greeted and not self._fits(_cookies(headers, self._cookie)):
            return _say(401, "the key of this page is missing or wrong: open the address that `iale label` printed.")
        if scope["method"] == "POST" and headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return _say(415, "a change must be sent as application/json.")
        return None

    def _ours(self, host: str) -> bool:
        name = _hostname(host)
        address = _address(name)
        if address is None:
            return name in self._names
        return address.is_loopback or not self._local  # unlike a name, an address cannot be rebound

    def _fits(self, offered: list[str] | None) -> bool:
        return any(hmac.compare_digest(text.encode(), self._token.encode()) for text in offered or ())


def _hostname(host: str) -> str:
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", host.lower(), re.ASCII)
    return (found[1] or found[2]) if found else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _cookies(headers: Headers, name: str) -> list[str]:
    found = []
    for line in headers.getlist("cookie"):
        try:
            found += [morsel.value for key, morsel in SimpleCookie(line).items() if key == name]
        except CookieError:
            continue
    return found


async def _read(receive: Receive) -> bytes | None:
    """The body, or None as soon as it is too large."""
    body = b""
    while len(body) <= MOST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= MOST_BODY else None
    return None


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _say(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence[0].upper() + sentence[1:]}, status)
