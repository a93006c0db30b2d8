"""Every example in README.md, docs/ and the docstrings does what it says, tables are complete, and the site builds.

Lines with ``>>>`` are doctests. A fenced block of Python without them is run where the line ``<!-- test -->`` stands
before it; the blocks of one page share their names and a temporary folder, in which they run.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import iale
from iale.benchmark._experiment import ORACLES
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import CLASSIFIERS
from iale.data.catalog import DATASETS
from iale.strategies.catalog import STRATEGIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(iale.__path__, "iale.") if "__main__" not in module.name
)
OPTIONAL = ("ray", "skactiveml", "skorch", "huggingface_hub", "starlette", "uvicorn")
MARKED = re.compile(r"^<!-- test -->\n+```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Parser(doctest.DocTestParser):
    """Doctests in Markdown: the fence behind an example is no output of it."""

    def parse(self, string: str, name: str = "<string>") -> list[str | doctest.Example]:
        return super().parse(re.sub(r"^[ ]*```.*$", "", string, flags=re.MULTILINE), name)


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an example registers is forgotten behind it."""
    for registry in (DATASETS, CLASSIFIERS, STRATEGIES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def check(test: doctest.DocTest) -> None:
    __tracebackhide__ = True
    report: list[str] = []
    with without_missing_extras():
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    text = "".join(report)
    if missing := re.search(rf"ModuleNotFoundError: No module named '({'|'.join(OPTIONAL)})", text):
        pytest.skip(f"{missing[1]} is not installed")
    if result.failed:
        pytest.fail(text, pytrace=False)


@contextlib.contextmanager
def without_missing_extras() -> Any:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    check(Parser().get_doctest(text, {}, page_name(page), str(page), 0))
    names: dict[str, Any] = {"__name__": page.stem}
    for block in MARKED.finditer(text):
        line = text.count("\n", 0, block.start(1))
        with without_missing_extras():
            exec(compile("\n" * line + block[1], str(page), "exec"), names)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with without_missing_extras():
        module = importlib.import_module(name)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        if test.examples:
            check(test)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def unlisted(page: Path, names: Iterable[str]) -> list[str]:
    """The names that do not begin a row of a table, as code or as a link to a page about them."""
    firsts = [line.split("|")[1] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    listed = {name for first in firsts for name in re.findall(r"`([^`]+)`", first)}
    return [name for name in names if name not in listed]


TABLES: dict[str, Iterable[str]] = {
    "strategies/index.md": STRATEGIES,
    "data.md": DATASETS,
    "classifiers.md": [*CLASSIFIERS, *(field.name for field in fields(TrainingConfig))],
    "benchmark.md": [*EXPERIMENTS, *ORACLES],
}


@pytest.mark.parametrize("page", TABLES)
def test_a_table_is_complete(page: str) -> None:
    assert not unlisted(DOCS / page, TABLES[page])


def test_every_strategy_has_a_page() -> None:
    assert not [name for name in STRATEGIES if not (DOCS / "strategies" / f"{name}.md").exists()]


def test_the_navigation_covers_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"^ +- (?:[^:#\n]+: )?([\w/-]+\.md)\b", text, re.MULTILINE)
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(page for page in pages if not page.startswith("reference/"))
    assert re.search(r"^  - Reference: reference/", text, re.MULTILINE)  # whose pages a hook lists


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mkdocstrings"), reason="mkdocstrings is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):  # a doctest without a fence is a quote of a quote of a quote
        assert not re.search(r"<blockquote>\s*<blockquote>", page.read_text(encoding="utf-8")), page


def test_these_tests_would_notice() -> None:
    with pytest.raises(pytest.fail.Exception, match="Expected:"):
        check(Parser().get_doctest("```python\n>>> 1 + 1\n3\n```\n", {}, "page", "page", 0))
    check(Parser().get_doctest("```python\n>>> 1 + 1\n2\n```\n", {}, "page", "page", 0))
    with pytest.raises(pytest.skip.Exception, match="ray is not installed"):
        check(
            Parser().get_doctest(
                ">>> raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n", {}, "", "", 0
            )
        )
    assert unlisted(DOCS / "data.md", ["digits", "no-such-data"]) == ["no-such-data"]
    assert [block[1] for block in MARKED.finditer("<!-- test -->\n```python\nx = 1\n```\n```python\ny\n```\n")] == [
        "x = 1\n"
    ]
