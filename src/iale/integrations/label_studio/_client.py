"""HTTP requests to a Label Studio: one at a time, with the token, and repeated after a failure.

There are two kinds of tokens. A legacy token goes into every request as it is. A personal access token is a JWT refresh
token: it is exchanged for an access token that lasts five minutes, and exchanged again when the server says that this
one has expired. Neither is ever printed or sent to another server, whatever a task or a redirect points to.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from collections.abc import Callable
from email.message import Message
from typing import IO, Any
from urllib import request as web
from urllib.parse import quote, urlencode, urljoin, urlsplit

from iale.errors import ConfigError, DataError, IaleError
from iale.integrations.label_studio._addresses import check_url, is_web, origin_of

_TIMEOUT = 300.0
"""Seconds without a byte before a request fails; a large project is slow to store predictions."""

_FOREIGN_TIMEOUT = 30.0  # the same for other servers, which must not hold up the loop
_BRIEF = 10.0  # seconds of patience with them
_LONGEST_WAIT = 60.0  # seconds between two attempts
_LARGEST = 1 << 28  # bytes of an answer

_SAFE = "%/:?#[]@!$&'()*+,;=~"
"""Characters that stay as they are in an address; all others, such as spaces, are quoted."""

_HANDLERS = (web.ProxyHandler, web.HTTPHandler, web.HTTPSHandler, web.HTTPDefaultErrorHandler, web.HTTPErrorProcessor)
_FAILURES = (urllib.error.URLError, http.client.HTTPException, OSError)


class Client:
    """One Label Studio, as the owner of a token sees it; raises ConfigError if address or token are malformed.

    A failing request is repeated for ``patience`` seconds, after pauses of 1, 2, 4, … up to 60 seconds; ``say`` gets
    one sentence for every failure. The very first request is not repeated: until one has succeeded, a wrong address is
    likelier than a failure.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = 600.0,
        say: Callable[[str], None] = print,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = check_url(url)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError("the token of Label Studio is empty or has characters that no token has: copy it again.")
        self._token, self._access = token, ""
        self._patience, self._say, self._sleep = patience, say, sleep
        self._reached = False
        self._lost: set[str] = set()
        self._opener = web.OpenerDirector()
        for handler in (*_HANDLERS, _Redirects):
            self._opener.add_handler(handler())

    def get(self, path: str, **query: object) -> Any:
        """The parsed JSON that ``GET path?query`` returns."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def send(self, method: str, path: str, body: object) -> Any:
        """Sends ``body`` as JSON; returns the parsed JSON of the answer."""
        return self._call(method, path, json.dumps(body).encode())

    def fetch(self, address: str) -> bytes:
        """The bytes at an address that a task names, on this server or anywhere on the web; DataError without any.

        Label Studio answers 500 if a file is missing, so that is not repeated. Another server gets 10 seconds, once.
        """
        url = quote(urljoin(self.url + "/", address), safe=_SAFE)
        if not is_web(url):
            raise DataError(f"{address:.200} is not a web address: pass a folder with the files as --data.")
        own = origin_of(url) == origin_of(self.url)
        try:
            return self._persist(lambda: self._request("GET", url, None, own), url, own, refusals=501)
        except IaleError as error:
            if own and not isinstance(error, _Refused):
                raise
            raise DataError(str(error)) from error

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        url = self.url + path
        answer = self._persist(lambda: self._request(method, url, body, True), url, True)
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise self.stranger() from error

    def stranger(self) -> ConfigError:
        """The error to raise after an answer that no Label Studio gives."""
        return ConfigError(f"{self.url} does not answer like a Label Studio: check the address.")

    def _persist(self, attempt: Callable[[], bytes], url: str, own: bool, *, refusals: int = 500) -> bytes:
        """Repeats a request until it succeeds, is refused, or the patience runs out.

        Statuses below ``refusals`` are final, except 408 (too slow) and 429 (too many requests).
        """
        wait, began, server = 1.0, time.monotonic(), origin_of(url)
        patience = self._patience if own else 0 if server in self._lost else min(_BRIEF, self._patience)
        while True:
            try:
                answer = attempt()
                self._reached = self._reached or own
                self._lost.discard(server)
                return answer
            except _FAILURES as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < refusals and error.code not in (408, 429):
                    raise self._refusal(error, url) from error
                sentence = f"{server} failed at {urlsplit(url).path} ({_reason(error)})"
                if own and not self._reached:
                    raise ConfigError(f"{sentence}: check the address and that Label Studio runs there.") from error
                if time.monotonic() - began + wait > patience:
                    self._lost.add(server)  # another server is not waited for again
                    raise IaleError(
                        f"{sentence} and kept failing for {patience:g} s: start the same command again later."
                    ) from error
                self._say(f"{sentence}; trying again in {wait:g} s")
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _request(self, method: str, url: str, body: bytes | None, own: bool) -> bytes:
        """One request; if the access token has expired, it is replaced once."""
        if not own:
            return self._open(web.Request(url, headers={"User-Agent": "iale"}), _FOREIGN_TIMEOUT)
        fresh = not self._access
        try:
            return self._open(self._authorized(method, url, body))
        except urllib.error.HTTPError as error:
            if error.code != 401 or not self._access or fresh:
                raise
            self._access = ""
            return self._open(self._authorized(method, url, body))

    def _authorized(self, method: str, url: str, body: bytes | None) -> web.Request:
        headers = {"User-Agent": "iale", "Content-Type": "application/json"}
        is_refresh_token = "." in self._token  # a JWT: three parts separated by dots
        if is_refresh_token and not self._access:
            refresh = json.dumps({"refresh": self._token}).encode()
            answer = self._open(web.Request(self.url + "/api/token/refresh/", refresh, headers, method="POST"))
            try:
                self._access = str(json.loads(answer)["access"])
            except (ValueError, KeyError, TypeError) as error:
                raise self.stranger() from error
        credentials = f"Bearer {self._access}" if is_refresh_token else f"Token {self._token}"
        return web.Request(url, body, {**headers, "Authorization": credentials}, method=method)

    def _open(self, request: web.Request, timeout: float = _TIMEOUT) -> bytes:
        with self._opener.open(request, timeout=timeout) as answer:
            read = bytes(answer.read(_LARGEST + 1))
        if len(read) > _LARGEST:
            raise DataError(f"{request.full_url:.200} is larger than {_LARGEST >> 20} MiB: give a smaller file.")
        return read

    def _refusal(self, error: urllib.error.HTTPError, url: str) -> IaleError:
        """The error for a request that the server refused, with the reason it gave."""
        with error:
            try:
                detail = json.loads(error.read(_LARGEST))
            except (ValueError, *_FAILURES):
                detail = {}
        telling = isinstance(detail, dict) and error.code < 500
        said = detail.get("validation_errors") or detail.get("detail") if telling else None
        reason = f"{error.code}: {said or error.reason!s:.300}"
        if origin_of(error.url) != origin_of(url):
            return _Refused(
                f"{origin_of(url)} redirects to {origin_of(error.url)}, which refuses the request ({reason})."
            )
        if error.code == 401 and origin_of(url) == origin_of(self.url):
            return ConfigError(
                f"{self.url} does not accept the token ({reason}): copy it again from your account page, or create a "
                f"personal access token there."
            )
        return _Refused(
            f"{origin_of(url)} refuses {urlsplit(url).path} ({reason}){self._advice(error.code, url, said)}."
        )

    def _advice(self, status: int, url: str, said: object) -> str:
        """What to do about a refused API request; nothing for a refused file."""
        if status not in (403, 404) or not url.startswith(f"{self.url}/api/"):
            return ""
        if status == 403:
            return ": use the token of a user who may change the project"
        if not said:  # not an answer of Label Studio
            return ": --url takes only the address of its home page, as in http://localhost:8080"
        return ": --project takes the number in the address of the project's page"


class _Refused(ConfigError):
    """The server understood and said no."""


class _Redirects(web.HTTPRedirectHandler):
    """Follows redirects, but never sends the token to another server."""

    def redirect_request(
        self, req: web.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> web.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if new is not None and origin_of(new.full_url) != origin_of(req.full_url):
            new.remove_header("Authorization")
        return new


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
