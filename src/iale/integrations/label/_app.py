"""The web application of one project: the page, its samples, what can be asked, and what can be changed.

Every decision of a person is a POST with its own key. The page sends it again until it is answered, and the journal
takes each key once, so no decision is lost or counted twice.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from iale.data._away import Away
from iale.errors import IaleError, StorageError
from iale.integrations.label._body import Body, clean
from iale.integrations.label._classes import class_changes, class_routes
from iale.integrations.label._exports import export_routes
from iale.integrations.label._late import told_to_the_first, told_to_the_late
from iale.integrations.label._page import LISTED, MOST_HELD, page_routes
from iale.integrations.label._people import people_routes
from iale.integrations.label._pictures import EDGE, THUMB, picture, picture_of_array, read_inside
from iale.integrations.label._respond import Get, Post, excerpt, known, routes_of, whole
from iale.integrations.label._respond import as_json as _json
from iale.integrations.label._reviewing import review_routes
from iale.integrations.label._roles import OWNER, WHO, Who, limited, may, may_answer
from iale.integrations.label._suggesting import Suggesting
from iale.labeling.items._ids import id_of
from iale.labeling.items._images import ImageItems
from iale.labeling.project import Project
from iale.labeling.reader import Labeled
from iale.labeling.record._journal import Event
from iale.labeling.record._same_act import KeyUsed


def create_app(project: Project, *, person: str = "", mark: str = "") -> Starlette:
    """The application, without protection: `Guard` belongs around it.

    Args:
        project: what is labeled.
        person: the default name on the page; without one the page asks.
        mark: tells this project from others of the same name: what a browser has kept unsent for one must not reach
            another.
    """
    api = _Api(project, person, mark)
    gets: dict[str, Get] = {
        "/api/project": api.about,
        "/api/status": api.status,
        "/api/labeled": api.labeled,
        "/api/told": api.told,
        "/api/left": lambda request: _json(**asdict(project.reader.left())),
        "/samples/{sample}": api.sample,
    }
    posts: dict[str, Post] = {
        "/api/next": api.next,
        "/api/label": api.label,
        "/api/skip": api.skip,
        "/api/pass-over": api.pass_over,
        "/api/undo": api.undo,
        "/api/class": api.add_class,
        "/api/release": api.release,
    }
    routes = [
        *page_routes(),
        *export_routes(project),
        *people_routes(project),
        *api.suggesting.routes(),
        *routes_of(gets, posts),
        *review_routes(project),
        *class_routes(project),
    ]
    return Starlette(
        routes=limited(routes),
        exception_handlers={
            HTTPException: _refused,
            StorageError: _not_written,
            Away: lambda request, error: _error(410, error),
            KeyUsed: lambda request, error: _error(409, error),
            IaleError: lambda request, error: _error(422, error),
            OSError: _not_written,
            Exception: _broken,
        },
    )


class _Api:
    """Functions from requests to answers. They run in threads, which `Project` allows."""

    def __init__(self, project: Project, person: str, mark: str) -> None:
        self._project, self._person, self._mark = project, person, mark
        self.suggesting = Suggesting(project)

    def about(self, request: Request) -> Response:
        project = self._project
        told = {"kind": project.kind, "count": project.count, "classes": project.classes, "mark": self._mark}
        who: Who = request.scope.get(WHO, OWNER)
        person = {"person": who.name or self._person, "invited": bool(who.name), "role": who.role}
        return _json(name=clean(project.folder.resolve().name), **person, **told)

    def status(self, request: Request) -> Response:
        project = self._project
        return _json(**asdict(project.status()), classes=project.classes, class_changes=class_changes(project))

    def labeled(self, request: Request) -> Response:
        label = request.query_params.get("label")
        start = whole(request.query_params.get("offset"))
        project = self._project
        rows = project.skipped(start, LISTED) if label is None else project.labeled(label, start, LISTED)
        return _json(rows=[self._row(row) for row in rows])

    def sample(self, request: Request) -> Response:
        project, sample = self._project, known(self._project, request.path_params["sample"])
        name = self._name(sample)
        edge = THUMB if request.query_params.get("edge") == str(THUMB) else EDGE
        if isinstance(project.items, ImageItems):
            data = read_inside(project.items.root, project.path(sample), name)
            headers = {"ETag": f'"{id_of(data):x}-{edge}"', "Cache-Control": "private, no-cache"}
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            shown_picture, kind = picture(data, name, edge)
            return Response(shown_picture, media_type=kind, headers=headers)
        shown = project.show(sample)
        if isinstance(shown, np.ndarray):
            shown_picture, kind = picture_of_array(shown, edge)
            return Response(shown_picture, media_type=kind)
        if isinstance(shown, str):
            return Response(clean(shown), media_type="text/plain")
        return JSONResponse({clean(column): clean(cell) for column, cell in shown.items()})

    def next(self, body: Body) -> Response:
        wanted = min(max(body.number("count"), 0), MOST_HELD)
        person, tab, have = body.text("person"), body.text("tab"), body.texts("have")[:MOST_HELD]
        tickets = self._project.next(person, wanted, tab=tab, have=have)
        return _json(tickets=[{**asdict(each), **self.suggesting.beside(each)} for each in tickets])

    def told(self, request: Request) -> Response:
        who: Who = request.scope.get(WHO, OWNER)
        person, since = who.name or request.query_params.get("person", ""), whole(request.query_params.get("since"))
        return _json(told=told_to_the_first(self._project.reader, person, since))

    def pass_over(self, body: Body) -> Response:
        sample, why = known(self._project, body.text("sample")), body.text("why", most=1000)
        if not may(body.who, "reviewer") and not self._project.reader.was_handed(body.who.name, sample):
            raise HTTPException(409, "this sample was not handed to you: only a reviewer may pass over others.")
        self._project.reader.pass_over(sample, why)
        return _json()

    def label(self, body: Body) -> Response:
        sample, label = self._open(body), body.text("label")
        key, asked = body.text("key"), body.flag("asked")
        return self._done(self._project.label(body.text("person"), sample, label, key=key, asked=asked))

    def skip(self, body: Body) -> Response:
        sample, note = self._open(body), body.text("note", most=1000, empty=True)
        key, asked = body.text("key"), body.flag("asked")
        return self._done(self._project.skip(body.text("person"), sample, note=note, key=key, asked=asked))

    def undo(self, body: Body) -> Response:
        sample = known(self._project, body.text("sample")) if "sample" in body else None
        key, tab, act = body.text("key"), body.text("tab"), body.text("act", empty=True)
        return self._done(self._project.undo(body.text("person"), sample, act=act, key=key, tab=tab))

    def add_class(self, body: Body) -> Response:
        self._project.add_class(body.text("person"), body.text("label").strip(), key=body.text("key"))
        return _json(classes=self._project.classes)

    def release(self, body: Body) -> Response:
        self._project.release(body.text("person"), body.text("tab"))
        return _json()

    def _open(self, body: Body) -> str:
        """The sample of a body, if whoever sent it may answer that."""
        sample = known(self._project, body.text("sample"))
        if not may_answer(self._project.reader, body.who, sample):
            raise HTTPException(409, "somebody else has answered this sample: only a reviewer may change that.")
        return sample

    def _name(self, sample: str) -> str:
        return clean(self._project.name(sample))

    def _done(self, event: Event | None) -> Response:
        """What was recorded, which is on the disk by now; for an undo, its sample; and whose answer came before."""
        if event is None:
            return _json(number=None, sample=None)
        name = self._name(event.sample) if event.sample else None
        late = told_to_the_late(self._project.reader, event)
        holds = self._project.decision(event.sample) if event.sample else None
        now = None if holds is None else holds.label  # after an undo: an earlier answer may hold again
        return _json(number=event.number, sample=event.sample, name=name, late=late, now=now)

    def _row(self, row: Labeled) -> dict[str, object]:
        found: dict[str, object] = {**asdict(row), "name": self._name(row.sample)}
        if self._project.kind != "image":
            found["text"] = excerpt(self._project, row.sample)
        return found


def _error(status: int, error: object) -> Response:
    return JSONResponse({"error": clean(" ".join(str(error).split()))}, status)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail)


def _not_written(request: Request, error: Exception) -> Response:
    sentence = str(error)
    return _error(507, sentence[:1].upper() + sentence[1:])


def _broken(request: Request, error: Exception) -> Response:
    return _error(500, f"the server failed ({type(error).__name__}); its terminal shows more, and the labels are safe.")
