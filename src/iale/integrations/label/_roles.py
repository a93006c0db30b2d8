"""What each role may do: a route needs a role, and an annotator answers only what was handed to her.

``Guard`` says who asks. An application without a guard asks nobody, and whoever mounts it protects it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from iale.labeling.reader import ProjectReader
from iale.labeling.record._tokens import ROLES, Role

WHO = "iale.who"  # the key of the scope under which the guard says who asks

NEEDS: dict[str, Role] = {
    "/api/limits": "annotator",
    "/api/project": "annotator",
    "/api/status": "annotator",
    "/api/classes": "annotator",
    "/api/told": "annotator",
    "/api/left": "annotator",
    "/api/next": "annotator",
    "/api/label": "annotator",
    "/api/skip": "annotator",
    "/api/pass-over": "annotator",
    "/api/undo": "annotator",
    "/api/release": "annotator",
    "/api/why": "annotator",
    "/api/grid": "annotator",
    "/api/ungrid": "annotator",
    "/api/note": "annotator",
    "/api/notes/{sample}": "annotator",
    "/samples/{sample}": "annotator",
    "/api/labeled": "reviewer",
    "/api/review": "reviewer",
    "/api/agreement": "reviewer",
    "/api/class": "reviewer",
    "/api/class/take-back": "reviewer",
    "/api/class/describe": "reviewer",
    "/export/{name}": "reviewer",
    "/api/class/rename": "owner",
    "/api/class/merge": "owner",
    "/api/class/remove": "owner",
    "/api/class/undo": "owner",
    "/api/people": "owner",
}
"""The least role for each route; a route that is not here needs an owner, and the files of the page an annotator."""


@dataclass(frozen=True)
class Who:
    """Who asks.

    Attributes:
        name: of the person; empty for the owner's own page, which says who labels.
        role: what this person may do.
    """

    name: str
    role: Role


OWNER = Who("", "owner")
"""Whoever has the token of the project itself."""


def role_for(path: str) -> Role:
    """The least role for the path of a route."""
    inside = path.startswith(("/api/", "/samples/", "/export/"))
    return NEEDS.get(path, "owner" if inside else "annotator")


def may(who: Who, role: Role) -> bool:
    """Whether somebody has a role, or one above it."""
    return ROLES.index(who.role) >= ROLES.index(role)


def limited(routes: Sequence[Route]) -> Sequence[Route]:
    """The routes, each of which now refuses whoever lacks its role."""
    for route in routes:
        route.app = _Limited(route.app, role_for(route.path))
    return routes


def may_answer(reader: ProjectReader, who: Who, sample: str) -> bool:
    """Whether somebody may answer a sample: an annotator may not choose one that somebody else has answered."""
    decision = reader.decision(sample)
    mine = decision is None or decision.person == who.name or not reader.holds(decision)
    return mine or may(who, "reviewer") or reader.was_handed(who.name, sample)


class _Limited:
    """An application that answers 403 to whoever lacks a role."""

    def __init__(self, app: ASGIApp, role: Role) -> None:
        self._app, self._role = app, role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = scope.get(WHO, OWNER)
        answer: ASGIApp = self._app
        if not may(who, self._role):
            sentence = f"this takes the role {self._role}, and {who.name} is {who.role}: ask the owner of the project."
            answer = JSONResponse({"error": sentence[0].upper() + sentence[1:], "final": True}, 403)
        await answer(scope, receive, send)
