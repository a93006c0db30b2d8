"""Every state of the page for those who do not see it well, or use no mouse.

axe-core checks it if the folder IALE_AXE holds `npm pack axe-core@4.14.1`. IALE_SCREENSHOTS=FOLDER saves pictures of
all states.
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
SIZES = [
    {"width": 1280, "height": 800},
    {"width": 740, "height": 800},
    {"width": 390, "height": 844},
    {"width": 844, "height": 390},
]
VIOLATED = """async (only) => (await axe.run(document, { resultTypes: ['violations'], ...only })).violations.flatMap(
  ({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`))"""
CONTRAST = {"runOnly": ["color-contrast"]}
CONTROLS = """() => {
  const within = document.querySelector('dialog[open]') ?? document;
  const all = within.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]');
  window.controls = [...all].filter((each) => !each.disabled && each.checkVisibility({ visibilityProperty: true }));
  window.missed = new Set(controls);
  return controls.length;
}"""
REACHED = """() => { // what is wrong with what has the focus
  const it = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(it);
  if (it === document.body) return [];
  missed.delete(it);
  const labels = [...(it.labels ?? [])].map((label) => label.innerText).join(''), alt = it.querySelector('img')?.alt;
  const name = it.ariaLabel ?? (it.hasAttribute('aria-labelledby') || labels || it.innerText || alt);
  const unseen = outlineStyle === 'none' || parseFloat(outlineWidth) < 2;
  return [!name && 'has no name', unseen && 'shows no focus'].filter(Boolean)
    .map((why) => `${it.outerHTML.slice(0, 120)} ${why}`);
}"""


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


def violated(page: Page) -> list[str]:
    """What axe-core finds in light colors, and the contrast that it finds too low in dark ones."""
    page.emulate_media(color_scheme="light")
    wrong = page.evaluate(VIOLATED, {})
    page.emulate_media(color_scheme="dark")
    return [*wrong, *page.evaluate(VIOLATED, CONTRAST)]


def unreached(page: Page) -> list[str]:
    """Controls that Tab does not reach, or whose focus cannot be seen or heard."""
    wrong: list[str] = []
    before = page.evaluate_handle("document.activeElement")
    for _ in range(page.evaluate(CONTROLS) + 3):
        page.keyboard.press("Tab")
        wrong += page.evaluate(REACHED)
    before.evaluate("(it) => it.focus({ preventScroll: true })")
    return [*wrong, *page.evaluate("[...missed].map((it) => `${it.outerHTML.slice(0, 120)} is not reached`)")]


@pytest.fixture(scope="module", params=KINDS)
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chromium: Any
) -> dict[str, list[str]]:
    """One walk through all states: what is wrong, by "axe" and "keys"."""
    wrong: dict[str, list[str]] = {"axe": [], "keys": []}
    folder = tmp_path_factory.mktemp("states")
    with make(request.param, folder) as server:
        page = chromium.new_page(viewport=SIZES[0])
        page.goto(server.address)
        if AXE.is_file():  # evaluated, because the page's Content Security Policy lets no script element in
            with tarfile.open(AXE) as package:
                page.evaluate(package.extractfile("package/axe.min.js").read().decode())  # type: ignore[union-attr]
        for state in walk(request.param, page, server, folder):
            photograph(page, state)
            wrong["keys"] += [f"{state}: {line}" for line in unreached(page)]
            if AXE.is_file():
                wrong["axe"] += [f"{state}: {line}" for line in violated(page)]
        page.close()
    return wrong


@pytest.mark.skipif(
    not AXE.is_file(), reason="no axe-core: npm pack axe-core@4.14.1 in a folder, and set IALE_AXE to it"
)
def test_axe_finds_nothing_in_any_state(found: dict[str, list[str]]) -> None:
    assert not found["axe"], "\n".join(found["axe"])


def test_tab_reaches_every_control_which_has_a_name_and_shows_its_focus(found: dict[str, list[str]]) -> None:
    assert not found["keys"], "\n".join(found["keys"])


def test_a_link_in_the_guidelines_keeps_the_focus_when_what_is_told_comes_again(tmp_path: Path, chromium: Any) -> None:
    """Opening them draws what is known, and again once the server has told what others marked meanwhile."""
    with make("image", tmp_path) as server:
        page = chromium.new_page(viewport=SIZES[0])
        page.goto(server.address)
        page.get_by_role("dialog", name="Who is labeling?").wait_for()
        page.keyboard.type("ann")
        page.keyboard.press("Enter")
        page.locator("#accept").wait_for()
        page.keyboard.press("=")
        link = page.locator("#guide a").first
        link.wait_for()
        page.keyboard.press("=")
        held: list[Any] = []
        page.route("**/api/classes*", lambda route: held.append(route))
        with page.expect_request("**/api/classes*"):
            page.keyboard.press("=")
        link.focus()
        with page.expect_response("**/api/classes*"):
            held[0].continue_()
        page.wait_for_timeout(200)
        assert page.evaluate("document.activeElement.getAttribute('href')") == "https://example.org"
        page.close()
