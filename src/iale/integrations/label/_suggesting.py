"""What helps a person to decide, over HTTP: suggestions beside a sample, sheets of look-alikes, and why it is asked."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iale.errors import DataError
from iale.integrations.label._body import Body, clean
from iale.integrations.label._respond import as_json, excerpt, routes_of
from iale.labeling.project import Project, Ticket
from iale.labeling.suggesting._near import Near
from iale.labeling.suggesting._sheets import MOST, Sheets
from iale.labeling.suggesting._sources import Suggested
from iale.labeling.suggesting._why import why


class Suggesting:
    """The part of the application that suggests. Its functions run in threads, which all of it allows."""

    def __init__(self, project: Project) -> None:
        reader = project.reader
        self._project, self._suggested, self._near = project, Suggested(reader), Near(reader)
        self._sheets = Sheets(reader, self._suggested, self._near)

    def routes(self) -> list[Route]:
        """Of the sheets, and of the reasons."""
        return routes_of({"/api/why": self.why}, {"/api/grid": self.grid, "/api/ungrid": self.ungrid})

    def beside(self, ticket: Ticket) -> dict[str, object]:
        """What a page gets with a ticket: the name, and what is suggested, unless that would bias the answer."""
        blind = ticket.reason in ("test", "second")
        found = () if blind else self._suggested.of(ticket.sample)
        return {"name": clean(self._project.name(ticket.sample)), "suggestions": [asdict(each) for each in found]}

    def why(self, request: Request) -> Response:
        """Why a sample is asked for, and labeled ones that look like it."""
        sample = request.query_params.get("sample", "")
        found = why(self._project.reader, self._suggested, self._near, sample)
        examples = [{**asdict(each), "samples": list(map(self._shown, each.samples))} for each in found.examples]
        return as_json(words=found.words, examples=examples)

    def grid(self, body: Body) -> Response:
        """A sheet of look-alikes, which the tab holds from now on."""
        wanted = min(body.number("count"), MOST)
        sheet = self._sheets.lay(body.text("person"), body.text("tab"), body.text("sample"), wanted)
        return as_json(label=sheet.label, samples=list(map(self._shown, sheet.samples)))

    def ungrid(self, body: Body) -> Response:
        """Gives back what of a sheet was not labeled."""
        samples = body.texts("samples")
        if len(samples) > MOST:
            raise DataError(f"at most {MOST} samples are given back at a time.")
        self._sheets.give_back(body.text("person"), body.text("tab"), samples)
        return as_json()

    def _shown(self, sample: str) -> dict[str, str]:
        """What is shown of a sample beside others: its name, and its text if it is no image."""
        found = {"sample": sample, "name": clean(self._project.name(sample))}
        return found if self._project.kind == "image" else {**found, "text": excerpt(self._project, sample)}
