"""The states of the page of `iale label`, one after the other: a walk goes on when the test has looked at the state."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect
from sklearn.datasets import load_digits

from iale.labeling.classes._editing import describe_class
from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from iale.labeling.reviewing._deciding import note
from tests.integrations.label_fork import QuickServer
from tests.integrations.label_page import LabelServer

KINDS = ("image", "text", "row")
_GUIDE = {
    "color": "#1e834c",
    "shortcut": "",
    "text": "# Zero\nA **closed** loop, see [more](https://example.org).\n\n- round",
}
_OPTIONS = {"image": ("--person", ""), "text": ("--person", "ann"), "row": ("--person", "ann")}


def make(kind: str, folder: Path) -> LabelServer:
    """A project of this kind in which two people labeled, and its server, which has not been started."""
    data, classes = {"image": _digits, "text": _texts, "row": _rows}[kind](folder)
    config = ProjectConfig(data, classes, classifier="linear", test_share=0.0, twice_share=0.0, fit_every=1000)
    out = folder / "project"
    project = Project.create(out, config)
    if kind != "row":
        _label(project, classes)
    project.close()
    if kind != "row":
        fitted = ProjectReader.open(out)
        fitted.views.make_geometry()
        Refitter(fitted, Reading(fitted.items)).fit()
    shares = ("--test-share", "0", "--twice-share", "0", "--fit-every", "1000")
    return QuickServer(data, out, *shares, *_OPTIONS[kind])


def _digits(folder: Path) -> tuple[Path, tuple[str, ...]]:
    images, labels = load_digits(n_class=3, return_X_y=True)
    (folder / "data").mkdir()
    for number, (pixels, label) in enumerate(zip(images[:100], labels, strict=False)):
        square = (255 - pixels.reshape(8, 8) * 15).astype(np.uint8)
        Image.fromarray(square).resize((64, 64)).save(folder / "data" / f"{number:03}-{label}.png")
    return folder / "data", ("0", "1", "2")


def _texts(folder: Path) -> tuple[Path, tuple[str, ...]]:
    rng, words = np.random.default_rng(0), (["sun", "sea", "sand"], ["snow", "ice", "frost"])
    rows = [f"t{n}-{n % 2},{' '.join(rng.choice(words[n % 2], 200 if n > 12 else 6))}" for n in range(80)]
    (folder / "texts.csv").write_text("sample,text\n" + "\n".join(rows) + "\n")
    return folder / "texts.csv", ("0", "1")


def _rows(folder: Path) -> tuple[Path, tuple[str, ...]]:
    names = ",".join(f"column {n}" for n in range(60))
    rows = [",".join(str(n * k) for k in range(60)) for n in range(4)]
    (folder / "rows.csv").write_text("\n".join([names, *rows]) + "\n")
    return folder / "rows.csv", tuple(f"species {n:03}" for n in range(200))


def truth(name: str) -> str:
    """The class of a sample, which its name gives away."""
    return name.removesuffix(".png").rsplit("-", 1)[1]


def _label(project: Project, classes: tuple[str, ...]) -> None:
    for _ in range(24):
        for ticket in project.next("bo", 1):
            project.label("bo", ticket.sample, truth(project.name(ticket.sample)))
    for at, sample in enumerate(list(project.labels())[:8]):
        project.hold("cy", [sample], "second")
        right = truth(project.name(sample))
        project.label("cy", sample, right if at else next(name for name in classes if name != right))
        note(project, "cy", sample, "a good one", "example" if at % 2 else "look")
    describe_class(project, "bo", "0", _GUIDE)
    describe_class(project, "bo", "", {"text": "What we *look* for."})


def _drawn(page: Page) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-drawn", re.compile("."))


def _dialog(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _leave(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def walk(kind: str, page: Page, server: LabelServer, folder: Path) -> Iterator[str]:
    """The states of a project of this kind; yields the name of each when the page is in it."""
    yield from {"image": _images, "text": _text, "row": _row}[kind](page, server, folder)


def _images(page: Page, server: LabelServer, folder: Path) -> Iterator[str]:
    expect(page.get_by_role("dialog", name="Who is labeling?")).to_be_visible(timeout=30_000)
    yield "name"
    page.keyboard.type("ann")
    page.keyboard.press("Enter")
    _drawn(page)
    expect(page.locator("#accept")).to_be_visible()
    expect(page.locator("#near img").first).to_be_visible()
    yield "suggestion-why"
    page.keyboard.press(" ")
    yield "zoom"
    page.keyboard.press("Escape")
    page.keyboard.press("=")
    expect(page.locator("#guide")).to_contain_text("closed")
    yield "guidelines"
    page.keyboard.press("=")
    yield from _dialogs(page)
    page.keyboard.press("g")
    expect(page.locator("#grid")).to_be_visible()
    page.keyboard.press("2")
    page.wait_for_function("() => [...document.querySelectorAll('#tiles img')].every((i) => i.complete)")
    yield "grid"
    page.keyboard.press("Escape")
    yield from _review(page)
    yield from _class_view(page)
    page.get_by_role("button", name="Label", exact=True).click()
    yield from _trouble(page, server, folder)


def _dialogs(page: Page) -> Iterator[str]:
    for button, state in (("Note", "note"), ("+ Class", "new-class"), ("Help and keys", "keys")):
        _dialog(page, button)
        yield state
        _leave(page)


def _review(page: Page) -> Iterator[str]:
    page.get_by_role("button", name="Review").click()
    expect(page.locator("#rows button").first).to_be_visible(timeout=10_000)
    page.locator("#agreement summary").click()
    expect(page.locator("#agreed table").first).to_be_visible()
    yield "review"
    page.get_by_label("Order").select_option("people")
    expect(page.locator("#review-told")).to_have_text("1 sample.")
    page.get_by_role("button", name="One by one").click()
    _drawn(page)
    expect(page.locator("#said")).to_contain_text("cy:")
    yield "review-one-by-one"
    page.keyboard.press("Escape")
    expect(page.locator("#labeled")).to_be_visible()


def _class_view(page: Page) -> Iterator[str]:
    page.get_by_role("button", name="Classes").click()
    expect(page.locator(".class-list > li")).to_have_count(3)
    yield "classes"
    for button in ("Describe 0", "Rename 0", "Merge 0", "Remove 0"):
        _dialog(page, button)
        yield button.split()[0].lower()
        _leave(page)


def _trouble(page: Page, server: LabelServer, folder: Path) -> Iterator[str]:
    _drawn(page)
    shutil.move(folder / "data", folder / "away")
    for _ in range(20):  # what is loaded can still be labeled
        page.keyboard.press("1")
        page.wait_for_timeout(50)
    expect(page.get_by_role("alert")).to_contain_text("is away: put it back", timeout=10_000)
    yield "data-gone"
    shutil.move(folder / "away", folder / "data")
    _drawn(page)
    server.kill()
    page.keyboard.press("1")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached", timeout=10_000)
    yield "offline"


def _text(page: Page, server: LabelServer, folder: Path) -> Iterator[str]:
    _drawn(page)
    expect(page.locator("#near p").first).to_be_visible()
    yield "text"
    page.keyboard.press("g")
    expect(page.locator("#tiles button").first).to_be_visible()
    yield "text-grid"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Review").click()
    expect(page.locator("#rows button").first).to_be_visible(timeout=10_000)
    yield "text-review"
    page.set_viewport_size({"width": 740, "height": 800})
    page.get_by_role("button", name="Progress").click()
    yield "progress"
    page.set_viewport_size({"width": 1280, "height": 800})


def _row(page: Page, server: LabelServer, folder: Path) -> Iterator[str]:
    _drawn(page)
    yield "table-many-classes"
    page.keyboard.type("species 17")
    expect(page.locator("#classes button")).to_have_count(10)
    yield "type-ahead"
    page.keyboard.press("Enter")
    for _ in range(3):
        _drawn(page)
        page.keyboard.press("1")
    expect(page.locator("#stage h2")).to_have_text("Done", timeout=10_000)
    yield "done"
