"""What the page asks and says when labels are looked at again: rows, decisions, notes, and how well people agree."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iale.integrations.label._body import Body, clean
from iale.integrations.label._page import LISTED
from iale.integrations.label._respond import as_json, excerpt, known, routes_of, whole
from iale.integrations.label._roles import OWNER, WHO, Who
from iale.labeling.project import Project
from iale.labeling.record._journal import Event
from iale.labeling.reviewing._agreement import agreement
from iale.labeling.reviewing._deciding import LONGEST_NOTE, decide, note, notes_for
from iale.labeling.reviewing._doubts import Doubter, Doubts
from iale.labeling.reviewing._rows import Order, Row, Wish, rows

_MOST_WORDS = 200  # characters of a search


def review_routes(project: Project) -> list[Route]:
    """Routes to everything about reviews."""
    asks = _Reviews(project)
    return routes_of(
        {"/api/review": asks.rows, "/api/agreement": asks.agreement, "/api/notes/{sample}": asks.notes},
        {"/api/review": asks.decide, "/api/note": asks.note},
    )


class _Reviews:
    def __init__(self, project: Project) -> None:
        self._project, self._doubter = project, Doubter(project.reader)

    def rows(self, request: Request) -> Response:
        asked = request.query_params
        wish = Wish(
            order=cast(Order, asked.get("order", "newest")),
            label=asked.get("label"),
            person=asked.get("person", ""),
            since=whole(asked.get("since")),
            until=whole(asked.get("until")) or float("inf"),
            words=asked.get("words", "")[:_MOST_WORDS],
            flag=asked.get("flag", ""),
        )
        by_model = wish.order in ("model", "confidence")
        doubts = self._doubter.doubts() if by_model else Doubts()
        found = rows(self._project.reader, wish, doubts)
        start = whole(asked.get("offset"))
        told = [self._row(row) for row in found[start : start + LISTED]]
        return as_json(rows=told, total=len(found), why_not=doubts.why_not, left=doubts.left)

    def agreement(self, request: Request) -> Response:
        return as_json(**asdict(agreement(self._project.reader)))

    def notes(self, request: Request) -> Response:
        sample = known(self._project, request.path_params["sample"])
        who: Who = request.scope.get(WHO, OWNER)
        person = who.name or request.query_params.get("person", "")
        return as_json(notes=[_said(each) for each in notes_for(self._project, person, sample)])

    def decide(self, body: Body) -> Response:
        sample = known(self._project, body.text("sample"))
        label = body.text("label") if "label" in body else None
        key, seen = body.text("key"), body.number("seen")
        event = decide(self._project, body.text("person"), sample, label, seen=seen, key=key)
        return as_json(number=event and event.number, kind=event and event.kind, reason=event and event.reason)

    def note(self, body: Body) -> Response:
        sample, text = known(self._project, body.text("sample")), body.text("note", most=LONGEST_NOTE, empty=True)
        flag, key = body.text("flag", empty=True), body.text("key")
        event = note(self._project, body.text("person"), sample, text, flag, key=key)
        return as_json(number=event and event.number)

    def _row(self, row: Row) -> dict[str, object]:
        event, project = row.decision, self._project
        sample = project.items.ids.now(event.sample or "")
        return {
            "sample": sample,
            "name": clean(project.name(sample)),
            "text": excerpt(project, sample),
            "label": event.label,
            "person": event.person,
            "time": event.answered,
            "note": event.note,
            "reason": event.reason,
            "seen": event.number,
            "answers": [_said(each) for each in row.answers],
            "notes": [_said(each) for each in row.notes],
            "guess": row.guess,
            "given": row.given,
            "disputed": row.disputed,
            "confirmed": row.confirmed,
        }


def _said(event: Event) -> dict[str, object]:
    fields = ("person", "label", "note", "flag", "reason")
    return {"time": event.answered, **{name: getattr(event, name) for name in fields}}
