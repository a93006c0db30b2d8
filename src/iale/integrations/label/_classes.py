"""What the page asks and says about classes: what is written about them, and how they change."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iale.integrations.label._body import Body
from iale.integrations.label._respond import as_json, excerpt, routes_of
from iale.labeling.classes._editing import (
    LONGEST_TEXT,
    describe_class,
    merge_class,
    remove_class,
    rename_class,
    take_back_class,
    undo_class_act,
)
from iale.labeling.project import Project
from iale.labeling.record._journal import Event

_EXAMPLES = 12  # of a class


def class_routes(project: Project) -> list[Route]:
    """Routes to everything about classes."""
    asks = _Classes(project)
    return routes_of(
        {"/api/classes": asks.told},
        {
            "/api/class/rename": asks.rename,
            "/api/class/merge": asks.merge,
            "/api/class/remove": asks.remove,
            "/api/class/describe": asks.describe,
            "/api/class/undo": asks.undo,
            "/api/class/take-back": asks.take_back,
        },
    )


def class_changes(project: Project) -> int:
    """How often classes were changed so far, by which a page knows that it must ask again."""
    with project.reader.ledger.reading() as answers:
        return answers.classes.changes


class _Classes:
    def __init__(self, project: Project) -> None:
        self._project = project

    def told(self, request: Request) -> Response:
        return as_json(**self._told())

    def rename(self, body: Body) -> Response:
        event = rename_class(self._project, body.text("person"), body.text("label"), body.text("into"), key=_key(body))
        return self._done(event)

    def merge(self, body: Body) -> Response:
        event = merge_class(self._project, body.text("person"), body.text("label"), body.text("into"), key=_key(body))
        return self._done(event)

    def remove(self, body: Body) -> Response:
        return self._done(remove_class(self._project, body.text("person"), body.text("label"), key=_key(body)))

    def describe(self, body: Body) -> Response:
        about = {
            name: body.text(name, most=LONGEST_TEXT, empty=True, lines=True)
            for name in ("text", "color", "shortcut")
            if name in body
        }
        name = body.text("label", empty=True)
        return self._done(describe_class(self._project, body.text("person"), name, about, key=_key(body)))

    def undo(self, body: Body) -> Response:
        return self._done(undo_class_act(self._project, body.text("person"), body.number("of"), key=_key(body)))

    def take_back(self, body: Body) -> Response:
        return self._done(take_back_class(self._project, body.text("person"), body.text("act"), key=_key(body)))

    def _done(self, event: Event | None) -> Response:
        return as_json(number=event and event.number, **self._told())

    def _told(self) -> dict[str, object]:
        project = self._project
        decisions = project.decisions()
        with project.reader.ledger.reading() as answers:
            book = answers.classes
            examples: dict[str, list[str]] = {name: [] for name in book.names}
            counts = dict.fromkeys(book.names, 0)
            for sample, event in decisions.items():
                if event.label in counts:
                    counts[event.label] += 1
                    noted = answers.notes.get(sample, {})
                    if any(each.flag == "example" for each in noted.values()):
                        examples[event.label].append(sample)
            classes = [
                {"name": n, "count": counts[n], "examples": self._shown(examples[n]), **vars(book.about(n))}
                for n in book.names
            ]
            acts = [_act(event) for event in book.acts()]
            return {"classes": classes, "text": book.about("").text, "acts": acts, "changes": book.changes}

    def _shown(self, samples: list[str]) -> list[dict[str, str]]:
        """The latest of some samples, with the beginnings of their texts."""
        return [{"sample": each, "text": excerpt(self._project, each)} for each in samples[-_EXAMPLES:]]


def _act(event: Event) -> dict[str, object]:
    fields = ("number", "kind", "person", "label", "into", "time")
    return {name: getattr(event, name) for name in fields}


def _key(body: Body) -> str:
    return body.text("key")
