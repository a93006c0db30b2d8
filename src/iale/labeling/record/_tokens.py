"""Who was invited to a project, and with which role: the file ``people.json``, which only its owner can read.

A token is 32 random bytes. The file holds its SHA-256 alone, so whoever reads the file cannot act for anybody; a slow
hash is for passwords, which can be guessed, and this cannot.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from iale import _storage as storage
from iale.errors import ConfigError, DataError, StorageError
from iale.labeling.record._names import clean

Role = Literal["annotator", "reviewer", "owner"]
"""What somebody may do; each role may do all that those before it may."""

ROLES: tuple[Role, ...] = get_args(Role)
_FILE = "people.json"


@dataclass(frozen=True)
class Invited:
    """Somebody who was invited."""

    name: str
    role: Role
    digest: str  # SHA-256 of the token
    since: float  # in seconds since 1970


_OWN = ("import", "command line", "repair")
"""Names under which the project itself records what no person did on the page."""


class Tokens:
    """The people who were invited to the project in ``folder``; read again whenever the file has changed.

    Threads and processes may share it. Raises StorageError if the file is damaged or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._known: tuple[tuple[int, int, int] | None, tuple[Invited, ...]] = (None, ())

    def people(self) -> tuple[Invited, ...]:
        """Everybody who has a token, in the order of the invitations."""
        with storage.storage_errors("read", self._path):
            stamp = storage.stamp(self._path)
        if stamp is None:
            return ()
        if stamp != self._known[0]:
            self._known = stamp, _read(self._path)
        return self._known[1]

    def find(self, token: str) -> Invited | None:
        """Who has this token; None if nobody has."""
        digest = _digest(token)
        every = [one for one in self.people() if hmac.compare_digest(one.digest, digest)]
        return every[0] if every else None

    def invite(self, name: str, role: str) -> str:
        """A new token for a person, whose earlier one no longer counts.

        Raises ConfigError for an unknown role, and DataError for a name under which the project itself records.
        """
        name = clean(name, "the name of a person")
        if name.casefold() in _OWN:
            raise DataError(f"{name!r} is what the project calls its own records: invite the person by another name.")
        known = next((each for each in ROLES if each == role), None)
        if known is None:
            raise ConfigError(f"{role!r} is no role: choose {', '.join(ROLES)}.")
        token = secrets.token_urlsafe(32)
        with self._changing() as people:
            others = [one for one in people if one.name != name]
            self._write([*others, Invited(name, known, _digest(token), time.time())])
        return token

    def revoke(self, name: str) -> None:
        """Takes back a person's token; labels stay. Raises DataError if there is nobody of that name."""
        name = clean(name, "the name of a person")
        with self._changing() as people:
            others = [one for one in people if one.name != name]
            if len(others) == len(people):
                known = ", ".join(one.name for one in people) or "nobody"
                raise DataError(f"{name!r} was not invited: {known} was.")
            self._write(others)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[Invited, ...]]:
        """The people there are, while no other process can change them."""
        with storage.alone_in(self._path.parent):
            self._known = (None, ())
            yield self.people()

    def _write(self, people: list[Invited]) -> None:
        storage.write_json(self._path, {"people": [asdict(one) for one in people]}, mode=0o600)


def _read(path: Path) -> tuple[Invited, ...]:
    values = storage.read_json(path)
    try:
        people = tuple(Invited(**each) for each in values["people"])
        if any(one.role not in ROLES or not one.name.strip() or len(one.digest) != 64 for one in people):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(
            f"{path} is not readable: restore it, or delete it and invite everybody again; no label is in it."
        ) from error
    return people


def _digest(token: str) -> str:
    return storage.sha256(token.encode("utf-8", "surrogatepass"))
