"""``iale label PROJECT --invite NAME``: tokens for people and programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli._options import parse
from iale.cli._output import say, table
from iale.errors import ConfigError
from iale.labeling.record._config_file import has_config
from iale.labeling.record._tokens import Role, Tokens

FLAGS = ("--invite", "--revoke", "--invited")
"""Options with which `iale label` invites instead of serving."""


@dataclass(frozen=True)
class InviteOptions:
    """Invites people to a project: `iale label PROJECT --invite NAME --role reviewer`.

    The token is printed once; the project keeps only its digest. A person opens the page with it, as in
    http://HOST:PORT/?token=TOKEN, and a program sends it as `Authorization: Bearer TOKEN`. A server that is running
    knows at once.

    Attributes:
        project: the folder of the project.
        invite: the name of a person, who gets a new token; an earlier one no longer counts.
        role: annotator (labels what she is given), reviewer (also sees and corrects all answers, adds classes, and
            exports), or owner (everything).
        revoke: the name of a person, whose token no longer counts; labels stay.
        invited: list who was invited.
    """

    project: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})
    invite: str | None = None
    role: Role = "annotator"
    revoke: str | None = None
    invited: bool = False


def invites(argv: Sequence[str]) -> bool:
    """Whether the arguments of `iale label` ask for this."""
    return any(word.split("=", 1)[0] in FLAGS for word in argv)


def invite(argv: Sequence[str]) -> int:
    """Invites, revokes or lists; prints a new token alone on its line."""
    options = parse(InviteOptions, argv, prog="iale label")
    if len(options.project) != 1 or not has_config(options.project[0]):
        where = options.project[0] if len(options.project) == 1 else "that"
        raise ConfigError(f"there is no project in {where}: name its folder, as in iale label PROJECT --invite NAME.")
    tokens = Tokens(options.project[0])
    if sum([options.invite is not None, options.revoke is not None, options.invited]) != 1:
        raise ConfigError("choose one of --invite NAME, --revoke NAME and --invited yes.")
    if options.revoke is not None:
        tokens.revoke(options.revoke)
        say(f"the token of {options.revoke.strip()} no longer counts; the labels stay")
    elif options.invite is not None:
        again = any(one.name == options.invite.strip() for one in tokens.people())
        token = tokens.invite(options.invite, options.role)
        instead = ", instead of the earlier one" if again else ""
        say(f"the token of {options.invite.strip()}, {options.role}{instead}:")
        print(token)
    else:
        rows = [(one.name, one.role, time.strftime("%Y-%m-%d", time.gmtime(one.since))) for one in tokens.people()]
        print(table(("name", "role", "since"), rows))
    return 0
