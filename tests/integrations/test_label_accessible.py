"""Every state of the page for those who do not see it well, or use no mouse.

axe-core checks it if the folder IALE_AXE holds `npm pack axe-core@4.14.1`. With IALE_SCREENSHOTS=FOLDER, there is a picture of
every state.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Page

from tests.integrations.label_states import KINDS, make, walk
from tests.integrations.test_label_browser import CHROMIUM, chromium

__all__ = ["chromium"]  # a fixture
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

AXE = Path(os.environ.get("IALE_AXE", "")) / "axe-core-4.14.1.tgz"
SIZES = [{"width": 1280, "height": 800}, {"width": 740, "height": 800}, {"width": 390, "height": 844}]
VIOLATED = """async (only) => (await axe.run(document, { resultTypes: ['violations'], ...only })).violations.flatMap(
  ({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`))"""
CONTRAST = {"runOnly": ["color-contrast"]}


@pytest.fixture(scope="module")
def axe() -> str:
    """The script, from the package of npm."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: npm pack axe-core@4.14.1 in a folder, and set IALE_AXE to it")
    with tarfile.open(AXE) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def photograph(page: Page, name: str) -> None:
    """Checks that nothing sticks out sideways in any size; saves screenshots if asked to."""
    before = page.viewport_size
    for size in SIZES:
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, size)
        for scheme in ("light", "dark") if os.environ.get("IALE_SCREENSHOTS") else ():
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{os.environ['IALE_SCREENSHOTS']}/{name}-{size['width']}-{scheme}.png")
    page.set_viewport_size(before)


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_in_any_state(kind: str, axe: str, tmp_path: Path, chromium: Any) -> None:
    found: dict[str, list[str]] = {}
    with make(kind, tmp_path) as server:
        page = chromium.new_page(viewport=SIZES[0])
        page.goto(server.address)
        page.evaluate(axe)  # the page's Content Security Policy allows no script from elsewhere, but this is none of the page
        for state in walk(kind, page, server, tmp_path):
            photograph(page, state)
            page.emulate_media(color_scheme="light")
            wrong = page.evaluate(VIOLATED, {})
            page.emulate_media(color_scheme="dark")
            wrong += page.evaluate(VIOLATED, CONTRAST)
            if wrong:
                found[state] = wrong
        page.close()
    assert not found, "\n".join(f"{state}: {line}" for state, wrong in found.items() for line in wrong)
