"""HTTP to a Label Studio: with the token, one request at a time, again after a failure.

Two kinds of tokens are known. A legacy token goes into every request as it is. A personal access token is a JWT refresh
token: it buys an access token that lasts five minutes, and a new one when the server says that it has expired. Neither
is sent to another server, whatever a task or a redirection points to, and neither is ever printed.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from collections.abc import Callable
from email.message import Message
from typing import IO, Any
from urllib.parse import quote, urlencode, urljoin, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from iale.errors import ConfigError, DataError, IaleError

_TIMEOUT = 300.0
"""Seconds without a byte after which a request is given up; a large project takes its time to store predictions."""

_FOREIGN_TIMEOUT = 30.0
_LONGEST_WAIT = 60.0
_BRIEF = 10.0
_LARGEST = 1 << 28

_SAFE = "%/:?#[]@!$&'()*+,;=~"
"""What may stand in an address as it is; the rest, spaces for instance, is quoted."""

_HANDLERS = (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor)
_FAILURES = (urllib.error.URLError, http.client.HTTPException, OSError)


class Client:
    """One Label Studio, as the owner of a token sees it.

    Args:
        url: where it is, http(s)://HOST[:PORT][/PATH].
        token: a legacy token or a personal access token.
        patience: seconds for which a failing request is tried again, after pauses of 1, 2, 4, … up to 60 seconds. The
            first request of all must succeed at once: until then, a wrong address is likelier than a failure.
        say: hears of every failure, in one sentence.
        sleep: pauses for some seconds.

    Raises:
        ConfigError: the address or the token cannot be one.
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
        self._opener = OpenerDirector()
        for handler in _HANDLERS:
            self._opener.add_handler(handler())
        self._opener.add_handler(_Redirects())

    def get(self, path: str, **query: object) -> Any:
        """What ``GET path?query`` answers, parsed."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def send(self, method: str, path: str, body: object) -> Any:
        """What the server answers to ``body``, sent as JSON."""
        return self._call(method, path, json.dumps(body).encode())

    def fetch(self, address: str) -> bytes:
        """The bytes at an address that a task names: a path on this server, or a page anywhere.

        Raises:
            DataError: there is nothing, or it is no address of the web. Another server is not waited for long, and only
                once; an "internal error" not at all: that is how Label Studio says that a file is missing.
        """
        url = quote(urljoin(self.url + "/", address), safe=_SAFE)
        if not _usable(url):
            raise DataError(f"{address:.200} is no address of the web: name a folder with the files in --data.")
        own = _origin(url) == _origin(self.url)
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
            raise self._stranger() from error

    def _stranger(self) -> ConfigError:
        return ConfigError(f"{self.url} does not answer as a Label Studio does: check the address.")

    def _persist(self, attempt: Callable[[], bytes], url: str, own: bool, *, refusals: int = 500) -> bytes:
        """The answer to a request that is tried until it succeeds, is refused or the patience is over.

        Statuses below ``refusals`` are final, but for "too slow" and "too many requests".
        """
        wait, began, server = 1.0, time.monotonic(), _origin(url)
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
                    self._lost.add(server)  # of another server, nothing more is waited for
                    raise IaleError(
                        f"{sentence} and was tried again for {patience:g} s: start the same command again later."
                    ) from error
                self._say(f"{sentence}; trying again in {wait:g} s")
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _request(self, method: str, url: str, body: bytes | None, own: bool) -> bytes:
        """One request; a JWT that has expired meanwhile is replaced, once."""
        if not own:
            return self._open(Request(url, headers={"User-Agent": "iale"}), _FOREIGN_TIMEOUT)
        fresh = not self._access
        try:
            return self._open(self._authorized(method, url, body))
        except urllib.error.HTTPError as error:
            if error.code != 401 or not self._access or fresh:
                raise
            self._access = ""
            return self._open(self._authorized(method, url, body))

    def _authorized(self, method: str, url: str, body: bytes | None) -> Request:
        headers = {"User-Agent": "iale", "Content-Type": "application/json"}
        if "." in self._token:  # a JWT: three parts with dots between
            if not self._access:
                refresh = json.dumps({"refresh": self._token}).encode()
                answer = self._open(Request(self.url + "/api/token/refresh/", refresh, headers, method="POST"))
                try:
                    self._access = str(json.loads(answer)["access"])
                except (ValueError, KeyError, TypeError) as error:
                    raise self._stranger() from error
            return Request(url, body, {**headers, "Authorization": f"Bearer {self._access}"}, method=method)
        return Request(url, body, {**headers, "Authorization": f"Token {self._token}"}, method=method)

    def _open(self, request: Request, timeout: float = _TIMEOUT) -> bytes:
        with self._opener.open(request, timeout=timeout) as answer:
            read = bytes(answer.read(_LARGEST + 1))
        if len(read) > _LARGEST:
            raise DataError(f"{request.full_url:.200} is larger than {_LARGEST >> 20} MiB: give a smaller file.")
        return read

    def _refusal(self, error: urllib.error.HTTPError, url: str) -> IaleError:
        """What a request that makes no sense to repeat was refused for."""
        with error:
            try:
                detail = json.loads(error.read(_LARGEST))
            except (ValueError, *_FAILURES):
                detail = {}
        said = detail.get("validation_errors") or detail.get("detail") if isinstance(detail, dict) else None
        said = said if error.code < 500 else None
        reason = f"{error.code}: {said or error.reason!s:.300}"
        if _origin(error.url) != _origin(url):
            return _Refused(f"{_origin(url)} sends on to {_origin(error.url)}, which refuses ({reason}).")
        if error.code == 401 and _origin(url) == _origin(self.url):
            return ConfigError(
                f"{self.url} does not take the token ({reason}): copy it again from your account page, or make a "
                f"personal access token there."
            )
        return _Refused(f"{_origin(url)} refuses {urlsplit(url).path} ({reason}){self._advice(error.code, url, said)}.")

    def _advice(self, status: int, url: str, said: object) -> str:
        """What to do about a refusal of the interface; nothing where a file was refused."""
        if status not in (403, 404) or not url.startswith(f"{self.url}/api/"):
            return ""
        if status == 403:
            return ": use the token of a user who may change the project"
        if not said:  # nothing of Label Studio's lies there
            return ": --url takes the address of its first page alone, as in http://localhost:8080"
        return ": --project takes the number in the address of the project's page"


class _Refused(ConfigError):
    """The server understood and said no."""


class _Redirects(HTTPRedirectHandler):
    """Follows, but keeps the token from other servers."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if new is not None and _origin(new.full_url) != _origin(req.full_url):
            new.remove_header("Authorization")
        return new


def check_url(url: str) -> str:
    """``url`` without a slash at its end; raises ConfigError where it is no address of a server."""
    parts = urlsplit(url) if _usable(url) and url.isprintable() and url.isascii() and " " not in url else None
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("--url takes the address of a Label Studio, as in http://localhost:8080.")
    return url.rstrip("/")


def _usable(url: str) -> bool:
    """Whether this is an address of the web."""
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        return False


def _origin(url: str) -> str:
    """The server of an address; what is no address of the web is a server of its own."""
    if not _usable(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
