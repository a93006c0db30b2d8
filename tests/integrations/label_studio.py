"""A stand-in for a Label Studio server: the part that `iale label-studio` uses, behaving as version 1.23.2 does.

The tests that talk to it also run against a real server if one is available, which keeps the two alike.
"""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

LEGACY = "0123456789abcdef0123456789abcdef01234567"
"""The legacy token of the only user."""

PERSONAL = "header.payload.signature"
"""Her personal access token; like a real one it has three parts with dots between."""

Json = dict[str, Any]


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class LabelStudio:
    """What the server knows, and what it answers.

    Attributes:
        url: its address.
        requests: method and path of every request so far.
        failures: what the next requests get instead of an answer: a status, 0 for a connection that breaks, 200 for the
            right answer after all.
        authorizations: the Authorization header of every request so far.
        legacy_enabled: whether the organization allows legacy tokens; version 1.23 does not by default.
        redirections: from a path to an address on another server.
        access: the access tokens that are valid now.
        projects: by number.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[str] = []
        self.authorizations: list[str] = []
        self.failures: list[int] = []
        self.legacy_enabled = True
        self.redirections: dict[str, str] = {}
        self.access: set[str] = set()
        self.projects: dict[int, Json] = {}
        self._bought = 0
        self._files: dict[str, bytes] = {}
        self._locked: dict[int, int] = {}
        self._lock = threading.Lock()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer; the body of a redirect is its address."""
        with self._lock:
            self.requests.append(f"{method} {target}")
            self.authorizations.append(headers.get("Authorization", ""))
            if self.failures and (status := self.failures.pop(0)) != 200:
                return status, b"<html>"
            try:
                path, query = urlsplit(target).path, {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
                if path == "/api/token/refresh/":
                    return 200, json.dumps({"access": self._refresh(json.loads(body))}).encode()
                self._check(headers.get("Authorization", ""))
                if path in self.redirections:
                    return 302, self.redirections[path].encode()
                if path in self._files:
                    return 200, self._files[path]
                if path.startswith("/data/upload/"):
                    raise Refusal(500, "'NoneType' object has no attribute 'has_permission'")
                found = self._route(method, path.strip("/").split("/"), query, headers, body)
                return 200 if method in ("GET", "PATCH", "DELETE") else 201, json.dumps(found).encode()
            except Refusal as refusal:
                return refusal.status, json.dumps({"status_code": refusal.status, "detail": refusal.detail}).encode()

    def _refresh(self, body: Json) -> str:
        if body["refresh"] != PERSONAL:
            raise Refusal(401, "Token is invalid")
        self._bought += 1
        self.access.add(f"access.number.{self._bought}")
        return f"access.number.{self._bought}"

    def _check(self, given: str) -> None:
        kind, _, token = given.partition(" ")
        if kind == "Token" and token == LEGACY:
            if not self.legacy_enabled:
                raise Refusal(
                    401, "Authentication token no longer valid: legacy token authentication has been disabled"
                )
        elif kind == "Token":
            raise Refusal(401, "Invalid token.")
        elif kind != "Bearer" or token not in self.access:
            raise Refusal(401, "Authentication credentials were not provided.")

    def _route(self, method: str, steps: list[str], query: dict[str, str], headers: Any, body: bytes) -> Any:
        match [method, *steps]:
            case ["POST", "api", "projects"]:
                return self._create(json.loads(body))
            case ["GET", "api", "projects", number]:
                return _only(self._shown(self._project(number)), query.get("include"))
            case ["PATCH", "api", "projects", number]:
                return self._change(self._project(number), json.loads(body))
            case ["POST", "api", "projects", number, "import"]:
                return self._import(self._project(number), headers.get("Content-Type", ""), body)
            case ["POST", "api", "projects", number, "import", "predictions"]:
                return self._predict(self._project(number), json.loads(body))
            case ["GET", "api", "projects", number, "next"]:
                return self._next(self._project(number))
            case ["GET", "api", "projects", number, "model-versions"]:
                versions = [one["model_version"] for one in self._predictions(self._project(number))]
                return {version: versions.count(version) for version in versions}
            case ["DELETE", "api", "projects", number, "model-versions"]:
                return self._forget(self._project(number), json.loads(body)["model_version"])
            case ["GET", "api", "tasks"]:
                return self._page(self._project(query["project"]), query)
            case ["POST", "api", "tasks", number, "annotations"]:
                return self._annotate(int(number), json.loads(body))
        raise Refusal(404, "Not Found")

    def _project(self, number: str) -> Json:
        if not number.isdigit() or int(number) not in self.projects:
            raise Refusal(404, "No Project matches the given query.")
        return self.projects[int(number)]

    def _create(self, body: Json) -> Json:
        number = len(self.projects) + 1
        self.projects[number] = {
            "id": number,
            "title": body["title"],
            "label_config": body["label_config"],
            "parsed_label_config": _parsed(body["label_config"]),
            "sampling": "Sequential sampling",
            "model_version": "",
            "tasks": {},
        }
        return self._shown(self.projects[number])

    def _shown(self, project: Json) -> Json:
        tasks = project["tasks"].values()
        submitted = sum(not one["was_cancelled"] for task in tasks for one in task["annotations"])
        counts = {"task_number": len(tasks), "total_annotations_number": submitted}
        return {**{name: value for name, value in project.items() if name != "tasks"}, **counts}

    def _change(self, project: Json, body: Json) -> Json:
        versions = {one["model_version"] for one in self._predictions(project)}
        if body.get("model_version", "") not in versions | {"", project["model_version"]}:
            raise Refusal(400, "Model version doesn't exist either as live model or as static predictions.")
        if "label_config" in body:
            body["parsed_label_config"] = _parsed(body["label_config"])
        project.update(body)
        return self._shown(project)

    def _import(self, project: Json, kind: str, body: bytes) -> Json:
        if kind == "application/json":
            found: list[tuple[Json, str | None]] = [(task, None) for task in json.loads(body)]
        else:
            message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            found = []
            for part in message.get_payload():
                name = f"{len(self._files):08x}-{str(part.get_filename()).replace(' ', '_')}"  # type: ignore[union-attr]
                path = f"/data/upload/{project['id']}/{name}"
                self._files[path] = part.get_payload(decode=True)  # type: ignore[union-attr, assignment]
                found.append(({_field(project): path}, name))
        for data, file in found:
            number = sum(len(one["tasks"]) for one in self.projects.values()) + 1
            task = {"id": number, "data": data, "file_upload": file, "annotations": [], "predictions": []}
            project["tasks"][number] = task
        return {"task_count": len(found)}

    def _predict(self, project: Json, body: list[Json]) -> Json:
        allowed = next(iter(project["parsed_label_config"].values()))["labels"]
        created = 0
        for one in body:
            if one["task"] not in project["tasks"]:
                raise Refusal(400, "Validation error")
            if all(choice in allowed for region in one["result"] for choice in region["value"]["choices"]):
                project["tasks"][one["task"]]["predictions"].append(one)
                created += 1  # others are silently dropped
        return {"created": created}

    def _predictions(self, project: Json) -> list[Json]:
        return [one for task in project["tasks"].values() for one in task["predictions"]]

    def _forget(self, project: Json, version: str) -> Json:
        before = len(self._predictions(project))
        for task in project["tasks"].values():
            task["predictions"] = [one for one in task["predictions"] if one["model_version"] != version]
        if project["model_version"] == version:
            project["model_version"] = None
        return {"deleted_predictions": before - len(self._predictions(project))}

    def _page(self, project: Json, query: dict[str, str]) -> Json:
        tasks = [project["tasks"][number] for number in sorted(project["tasks"])]
        page, size = int(query.get("page", 1)), int(query.get("page_size", 100))
        shown = tasks[(page - 1) * size : page * size]
        if page > 1 and not shown:
            raise Refusal(404, "Invalid page.")
        if query.get("fields") != "all":
            shown = [{k: v for k, v in task.items() if k not in ("annotations", "predictions")} for task in shown]
        return {"total": len(tasks), "tasks": _only(shown, query.get("include"))}

    def _annotate(self, number: int, body: Json) -> Json:
        for project in self.projects.values():
            if number in project["tasks"]:
                annotations = project["tasks"][number]["annotations"]
                stamp = f"2026-01-01T00:00:00.{len(self.requests):06d}Z"
                annotations.append({"id": len(annotations), "was_cancelled": False, "updated_at": stamp, **body})
                return dict(annotations[-1])
        raise Refusal(404, "Not found.")

    def _next(self, project: Json) -> Json:
        """The task that the user has open; otherwise the lowest score of the project's version; otherwise any."""
        tasks = [task for task in project["tasks"].values() if not task["annotations"]]
        if not tasks:
            raise Refusal(404, "There are no tasks")
        scores = {
            task["id"]: one["score"]
            for task in tasks
            for one in task["predictions"]
            if one["model_version"] == project["model_version"]
        }
        number = self._locked.get(project["id"], 0)
        if number not in [task["id"] for task in tasks]:
            uncertain = project["sampling"] == "Uncertainty sampling"
            number = min(scores, key=lambda one: scores[one]) if scores and uncertain else tasks[0]["id"]
        self._locked[project["id"]] = number
        return dict(project["tasks"][number])


@contextmanager
def serve() -> Iterator[LabelStudio]:
    """A stand-in that listens on a free local port until the end of the ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = studio.answer(self.command, self.path, dict(self.headers), body)
            if status:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", answer.decode())
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    studio = LabelStudio(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield studio
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parsed(config: str) -> Json:
    """A labeling configuration as the server returns it: its control tags by name."""
    tags = list(ElementTree.fromstring(config).iter())
    shown = {tag.get("name"): tag for tag in tags if "$" in tag.get("value", tag.get("valueList", ""))}
    parsed: Json = {}
    for tag in tags:
        if tag.get("toName"):
            inputs = [
                {
                    "type": shown[name].tag,
                    "valueType": shown[name].get("valueType"),
                    **({"value": shown[name].get("value", "").removeprefix("$")} if shown[name].get("value") else {}),
                }
                for name in str(tag.get("toName")).split(",")
            ]
            labels = [str(choice.get("alias") or choice.get("value")) for choice in tag]
            parsed[tag.get("name", "")] = {
                "type": tag.tag,
                "to_name": str(tag.get("toName")).split(","),
                "inputs": inputs,
                "labels": labels,
            }
    return parsed


def _field(project: Json) -> str:
    field: str = next(iter(project["parsed_label_config"].values()))["inputs"][0]["value"]
    return field


def _only(found: Any, include: str | None) -> Any:
    """The fields that ``include`` names, at every level except inside data and results, like the real server."""
    if include is None:
        return found
    if isinstance(found, list):
        return [_only(one, include) for one in found]
    names = include.split(",")
    kept = {name: value for name, value in found.items() if name in names}
    return {name: _only(value, include) if name == "annotations" else value for name, value in kept.items()}
