"""The page's scripts: modules of one idea that import one way, and limits that come from the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")

from iale.errors import DataError
from iale.integrations.label._app import create_app
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from tests.integrations.asgi import request
from tests.integrations.label_page import MODULES, STATIC, hostile_images

SCRIPTS = {name: (STATIC / name).read_text(encoding="utf-8") for name in MODULES}
IMPORTS = {name: set(re.findall(r'^import .* from "\./([\w.]+)";$', text, re.M)) for name, text in SCRIPTS.items()}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Any]:
    hostile_images(tmp_path / "data")
    project = Project.create(tmp_path / "project", ProjectConfig(tmp_path / "data", classes=("cat", "dog")))
    yield create_app(project)
    project.close()


def test_every_file_of_the_page_is_served(app: Any) -> None:
    for path in STATIC.iterdir():
        answer = request(app, "GET", "/" if path.name == "index.html" else f"/{path.name}", {})
        assert (answer.status, answer.body) == (200, path.read_bytes())
    assert request(app, "GET", "/app.js", {}).headers["content-type"].startswith("text/javascript")


def test_modules_are_small_and_import_one_way() -> None:
    assert len(MODULES) > 10
    tuple(TopologicalSorter(IMPORTS).static_order())  # raises CycleError
    assert set().union(*IMPORTS.values()) | {"app.js"} == set(MODULES)
    for name, text in SCRIPTS.items():
        assert text.startswith("// "), f"{name} does not say what it holds"
        assert text.count("\n") <= 150, name


def test_what_modules_import_is_exported() -> None:
    for name, text in SCRIPTS.items():
        for names, module in re.findall(r'^import \{ (.*) \} from "\./([\w.]+)";$', text, re.M):
            for each in names.split(", "):
                word = rf"(?<![\w$]){re.escape(each)}(?![\w$])"
                assert re.search(rf"^export .*{word}", SCRIPTS[module], re.M), f"{module} does not export {each}"
                assert len(re.findall(word, text)) > 1, f"{name} does not use {each}"


def test_the_limits_are_those_of_the_server(app: Any, tmp_path: Path) -> None:
    limits = request(app, "GET", "/api/limits", {}).json()
    assert limits == {"name": 100, "note": 1000, "text": 10_000, "held": 64, "listed": 60, "thumbnail": 160}
    read = set(re.findall(r"state\.limits\.(\w+)", "\n".join(SCRIPTS.values())))
    assert read == set(limits)
    project = Project.create(tmp_path / "other", ProjectConfig(tmp_path / "data", classes=("cat", "dog")))
    project.add_class("ann", "c" * limits["name"], key="1")
    with pytest.raises(DataError, match="1 to 100 printable characters"):
        project.add_class("ann", "c" * (limits["name"] + 1), key="2")
    project.close()
