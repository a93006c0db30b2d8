"""Who was invited, for the owner to see."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iale.integrations.label._respond import as_json, routes_of
from iale.labeling.project import Project
from iale.labeling.record._tokens import Tokens


def people_routes(project: Project) -> list[Route]:
    """The route ``/api/people``: names, roles and times, and no digests. ``iale label --invite`` makes tokens."""
    tokens = Tokens(project.folder)

    def people(request: Request) -> Response:
        told = [{"name": one.name, "role": one.role, "since": one.since} for one in tokens.people()]
        return as_json(people=told)

    return routes_of({"/api/people": people}, {})
