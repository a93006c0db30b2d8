"""docs/api.md tells of every request that the server answers, with the role that it takes; and its example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from iale.integrations.label._app import create_app
from iale.integrations.label._exports import _EXPORTS
from iale.integrations.label._roles import NEEDS
from iale.labeling.project import Project
from iale.labeling.record._tokens import ROLES, Tokens
from iale.labeling.record.config import ProjectConfig
from tests.integrations.label_fork import QuickServer
from tests.integrations.label_page import hostile_images

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(GET|POST) (\S+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_the_page_tells_of_every_route_and_of_no_other(tmp_path: Path) -> None:
    hostile_images(tmp_path / "data")
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "data", classes=("cat", "dog")))
    routes = {
        (method, route.path)
        for route in create_app(project).routes
        for method in route.methods - {"HEAD"}
        if route.path.startswith(("/api/", "/samples/", "/export/"))
    }
    project.close()
    assert {(method, path) for method, path, _, _ in ROWS} == routes
    assert len(ROWS) == len(routes)
    assert {path: role for _, path, role, _ in ROWS} == NEEDS


def test_the_page_names_every_role_and_every_export() -> None:
    for role in ROLES:
        assert re.search(rf"^\| {role} \| ", PAGE, re.MULTILINE)
    (row,) = [text for _, path, _, text in ROWS if path.startswith("/export/")]
    assert set(re.findall(r"`([\w.]+)`", row)) == set(_EXPORTS)


def test_the_example_labels_ten_samples(tmp_path: Path) -> None:
    (example,) = re.findall(r"<!-- test: api -->\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "t.csv").write_text("text\n" + "\n".join(f"{'long' * (n % 2)} text {n}" for n in range(30)))
    with QuickServer(tmp_path / "t.csv", tmp_path / "p", "--classes", "cat,dog") as server:
        token = Tokens(tmp_path / "p").invite("program", "annotator")
        where = {"ADDRESS": f"http://127.0.0.1:{server.port}", "TOKEN": token}
        done = subprocess.run(
            [sys.executable, "-c", example], env={**os.environ, **where}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "10"
    assert Project.open(tmp_path / "p").people() == {"program": 10}
