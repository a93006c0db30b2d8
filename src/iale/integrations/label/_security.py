"""What stands before the application: who may ask, from which page, under which name, and how much.

Another site that is open in the same browser must not read or change labels. It cannot send the cookie (SameSite), its
Origin is not ours, and if it points its own name at this machine (DNS rebinding), the Host is not ours.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from iale._storage import alone_in, sha256, storage_errors, write_bytes
from iale.errors import StorageError
from iale.integrations.label._patience import PATIENCE
from iale.integrations.label._roles import OWNER, WHO, Who
from iale.labeling.record._tokens import Tokens

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
    with storage_errors("write", path), alone_in(folder):  # two servers that start at once have one token
        token = path.read_text().strip() if path.exists() else ""
        if not re.fullmatch(r"[\w-]{40,}", token):  # a short token could be guessed
            token = secrets.token_urlsafe(32)
            write_bytes(path, token.encode(), mode=0o600)
        path.chmod(0o600)
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
    count as its own. Whoever has the project's ``token`` is its owner, under any name; ``tokens`` knows who was
    invited, and each of these acts under that name alone. A program sends a token as ``Authorization: Bearer TOKEN``,
    which no other page can do, so it needs no Origin.
    """

    def __init__(
        self, app: ASGIApp, token: str, host: str = "127.0.0.1", port: int = 0, tokens: Tokens | None = None
    ) -> None:
        self._app, self._token, self._tokens = app, token, tokens
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
        headers, who, greeting = Headers(scope=scope), None, _greeting(scope)
        try:
            who, greeting = self._who(headers, greeting)
            refusal = self._refusal(scope, headers, who)
        except StorageError as error:
            refusal = _say(507, str(error))
        welcome = greeting[0] if greeting and refusal is None else ""

        limits = f"Path={self._place}/; HttpOnly; SameSite=Strict"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    ours.setdefault(name, value)
                ours.setdefault("Cache-Control", "no-store")
                if welcome:
                    ours.append("Set-Cookie", f"{self._cookie}={welcome}; {limits}")
            await send(message)

        if welcome:
            refusal = Response(status_code=303, headers={"Location": f"{self._place}/"})
        if refusal is None and who is not None:
            scope[WHO] = who
            if scope["method"] == "POST":
                refusal, receive = await self._body(who, receive)
        await (refusal or self._app)(scope, receive, answer)

    async def _body(self, who: Who, receive: Receive) -> tuple[Response | None, Receive]:
        """What a POST carries, or why it is refused."""
        try:
            body = await asyncio.wait_for(_read(receive), self._patience)
        except TimeoutError:
            refusal = _say(408, "the request did not come to its end: send it again.")
            refusal.headers["Connection"] = "close"
            return refusal, receive
        if body is None:
            return _say(413, f"a request may have at most {MOST_BODY} bytes."), receive
        return _spoken(who, body)

    def _who(self, headers: Headers, greeting: list[str]) -> tuple[Who | None, list[str]]:
        """Who asks, and the token of the address if that is what tells it; a header counts before a cookie."""
        if bearer := headers.getlist("authorization"):
            found = re.fullmatch(r"bearer +([\w-]+)", bearer[0], re.ASCII | re.IGNORECASE)
            return (self._fits([found[1]]) if found and len(bearer) == 1 else None), []
        if (who := self._fits(greeting)) is not None:
            return who, [text for text in greeting if self._fits([text])][:1]
        return self._fits(_cookies(headers, self._cookie)), []

    def _refusal(self, scope: Scope, headers: Headers, who: Who | None) -> Response | None:
        host = headers.get("host", "")
        if not self._ours(host):
            return _say(421, "this server does not have the name in the address: open the address it printed.")
        origin, program = headers.get("origin"), "authorization" in headers
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _say(405, "only GET and POST are answered.")
        missing = origin is None and scope["method"] == "POST" and not program
        if missing or origin not in (None, f"http://{host}", f"https://{host}"):
            return _say(403, "the request comes from another page: open the address that the server printed.")
        if who is None and program:
            return _say(401, "the token in Authorization: Bearer TOKEN is wrong or was taken back: ask for another.")
        if who is None:
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

    def _fits(self, offered: list[str]) -> Who | None:
        for text in offered:
            if hmac.compare_digest(text.encode("utf-8", "replace"), self._token.encode()):
                return OWNER
            invited = None if self._tokens is None else self._tokens.find(text)
            if invited is not None:
                return Who(invited.name, invited.role)
        return None


def _greeting(scope: Scope) -> list[str]:
    """Tokens in the address of the page."""
    query = parse_qs(scope["query_string"].decode("latin-1")) if scope["path"] == "/" else {}
    return query.get("token", [])


def _spoken(who: Who, body: bytes) -> tuple[Response | None, Receive]:
    """The body as an invited person may send it: under no other name, and never over another person's answer.

    It is written anew, so that what is checked here is what the application reads. What is no JSON object is left for
    the application to refuse.
    """
    try:
        values = json.loads(body) if who.name else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return None, _replay(body)
    said = values.get("person", who.name)
    if not isinstance(said, str) or said.strip() != who.name:
        sentence = f"this token belongs to {who.name}: leave person out, or ask for a token of your own."
        return _say(403, sentence), _replay(body)
    values["person"] = who.name
    if who.role == "annotator":
        values["asked"] = True
    return None, _replay(json.dumps(values).encode())


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
