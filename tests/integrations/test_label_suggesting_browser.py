"""Suggestions, sheets of look-alikes, and reasons, in a real browser; screenshots as in `test_label_browser`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect
from sklearn.datasets import load_digits

from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from iale.labeling.suggesting._predictions import import_suggestions
from tests.integrations.label_fork import QuickServer
from tests.integrations.test_label_browser import CHROMIUM, Open, chromium, drawn, photograph, saved, windows

__all__ = ["chromium", "windows"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
OPTIONS = ("--classes", "0,1,2", "--person", "ann", "--classifier", "linear", "--fit-every", "1000")
EVIL = "<img src=x onerror=alert(1)>"


def truth(name: str) -> str:
    return name.removesuffix(".png").rsplit("-", 1)[1]


def fit(out: Path) -> None:
    project = ProjectReader.open(out)
    project.views.make_geometry()
    Refitter(project, Reading(project.items)).fit()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 digits of three kinds, 30 of them labeled, a model, and imported predictions."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(n_class=3, return_X_y=True)
    (folder / "data").mkdir()
    for number, (pixels, label) in enumerate(zip(images[:150], labels, strict=False)):
        square = (255 - pixels.reshape(8, 8) * 15).astype(np.uint8)
        Image.fromarray(square).resize((64, 64)).save(folder / "data" / f"{number:03}-{label}.png")
    config = ProjectConfig(folder / "data", ("0", "1", "2"), classifier="linear", test_share=0.1, fit_every=1000)
    project = Project.create(folder / "project", config)
    for _ in range(30):
        for ticket in project.next("bo", 1):
            project.label("bo", ticket.sample, truth(project.name(ticket.sample)))
    project.close()
    fit(folder / "project")
    rows = "".join(f"{path.name},{truth(path.name)},0.97\n" for path in sorted((folder / "data").iterdir()))
    (folder / "gpt.csv").write_text(f"sample,label,probability\n{rows}")
    return folder


def copy(begun: Path, tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(begun / "project", tmp_path / "project")
    return begun / "data", tmp_path / "project"


def show_one_to_learn_from(page: Page) -> str:
    """Labels samples of the test share truthfully until another one is shown; returns its name."""
    while True:
        expect(page.locator("#stage img")).to_be_visible()
        drawn(page)
        name: str = page.locator("#name").inner_text()
        if (
            "testing" not in page.locator("#reason").inner_text()
            and "opinion" not in page.locator("#reason").inner_text()
        ):
            return name
        expect(page.locator("#accept")).to_be_hidden()
        page.keyboard.press("Enter")  # nothing to accept
        expect(page.locator("#name")).to_have_text(name)
        page.keyboard.press(truth(name))
        expect(page.locator("#name")).not_to_have_text(name)


def acts(out: Path, kind: str = "label") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind and line["person"] == "ann"]


def test_enter_accepts_a_suggestion_and_the_page_says_why(begun: Path, tmp_path: Path, windows: Open) -> None:
    data, out = copy(begun, tmp_path)
    import_suggestions(ProjectReader.open(out), begun / "gpt.csv")
    with QuickServer(data, out, *OPTIONS) as server:
        page = windows(server)
        name = show_one_to_learn_from(page)
        expect(page.locator("#accept")).to_contain_text("97%")
        expect(page.locator("#guess")).to_contain_text("suggested by gpt · the model:")
        expect(page.locator("#near img").first).to_be_visible()
        expect(page.locator("#near figcaption").first).to_be_visible()
        photograph(page, "suggestion")
        page.keyboard.press("Enter")
        expect(page.locator("#name")).not_to_have_text(name)
        saved(page)
        project = ProjectReader.open(out)
        last = acts(out)[-1]
        assert (project.name(last["sample"]), last["label"]) == (name, truth(name))
        expect(page.locator("#facts")).to_contain_text("gpt was right", timeout=10_000)


def test_a_sheet_of_look_alikes_by_keys(begun: Path, tmp_path: Path, windows: Open) -> None:
    data, out = copy(begun, tmp_path)
    with QuickServer(data, out, *OPTIONS) as server:
        page = windows(server)
        show_one_to_learn_from(page)
        before = len(acts(out))
        label = page.locator("#accept span").inner_text()
        page.keyboard.press("g")
        tiles = page.locator("#tiles button")
        expect(page.locator("#grid")).to_be_visible()
        count = tiles.count()
        assert 6 <= count <= 24
        expect(page.locator("#grid-yes")).to_contain_text(f"Label {count} as {label}")
        names = [str(tiles.nth(at).get_attribute("title")) for at in range(count)]
        page.keyboard.press("2")
        expect(tiles.nth(1)).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        tiles.nth(4).click()
        expect(page.locator("#grid-yes")).to_contain_text(f"Label {count - 3} as {label}")
        photograph(page, "sheet")
        page.keyboard.press("5")  # back again
        page.keyboard.press("Enter")
        saved(page)
        given = acts(out)[before:]
        project = ProjectReader.open(out)
        taken = [name for at, name in enumerate(names) if at not in (1, 2)]
        assert [project.name(act["sample"]) for act in given] == taken
        assert len({act["key"] for act in given}) == len(given) == count - 2
        assert {act["label"] for act in given} == {label}
        assert page.locator("#name").inner_text() in (names[1], names[2])  # what was deselected is asked alone
        expect(page.locator("#accept")).to_be_hidden()

        page.keyboard.press("Shift+Backspace")  # one by one
        expect(page.locator("#name")).to_have_text(taken[-1])
        saved(page)
        assert len(acts(out, "undo")) == 1
        page.keyboard.press("Backspace")  # and the rest together
        expect(page.locator("#grid")).to_be_visible()
        saved(page)
        assert len(acts(out, "undo")) == len(taken)
        assert not set(taken) & {project.name(s) for s in ProjectReader.open(out).labels()}
        page.keyboard.press("Enter")
        saved(page)
        assert set(taken[:-1]) <= {project.name(s) for s in ProjectReader.open(out).labels()}


def test_a_sheet_that_stayed_open_too_long_overrides_nobody(begun: Path, tmp_path: Path, windows: Open) -> None:
    data, out = copy(begun, tmp_path)
    with QuickServer(data, out, *OPTIONS) as server:
        page = windows(server)
        show_one_to_learn_from(page)
        page.keyboard.press("g")
        expect(page.locator("#grid")).to_be_visible()
        label = page.locator("#grid-about strong").inner_text()
        name = str(page.locator("#tiles button").nth(1).get_attribute("title"))
        project = ProjectReader.open(out)
        sample = next(each for each in project.items.ids if project.name(each) == name)
        other = "1" if label == "0" else "0"
        body = {"sample": sample, "person": "bo", "tab": "2", "key": "bo 1", "label": other, "asked": True}
        assert server.ask("/api/label", body)["number"]  # the leases of the sheet ran out, and bo got one of it
        server.hang_up()
        page.wait_for_function("() => [...document.querySelectorAll('#tiles img')].every((i) => i.complete)")
        page.keyboard.press("Enter")
        saved(page)
        expect(page.locator("[data-notice=late]")).to_contain_text(f"bo had answered {name} before you: {other}. That")
        after = ProjectReader.open(out)
        assert after.labels()[sample] == other
        assert [event.label for event in after.ledger.answers.answers(sample)] == [other, label]


def test_a_sheet_that_is_closed_gives_its_samples_back(begun: Path, tmp_path: Path, windows: Open) -> None:
    data, out = copy(begun, tmp_path)
    with QuickServer(data, out, *OPTIONS) as server:
        page = windows(server)
        name = show_one_to_learn_from(page)
        before = len(acts(out))
        page.get_by_role("button", name="Look-alikes").click()
        expect(page.locator("#grid")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#stage")).to_be_visible()
        expect(page.locator("#name")).to_have_text(name)
        saved(page)
        assert len(acts(out)) == before
        held = Project.open(out).reader.ledger.answers.leases
        assert sum(lease.person == "ann" for lease in held.values()) <= 10

        drawn(page)
        page.keyboard.press(truth(name))
        expect(page.locator("#name")).not_to_have_text(name)
        size = page.viewport_size
        assert size is not None
        page.set_viewport_size({"width": 844, "height": 390})  # a phone that lies on its side has no such keys
        page.get_by_role("button", name="Like the last").click()
        expect(page.locator("#grid")).to_be_visible()
        page.keyboard.press("Escape")
        page.set_viewport_size(size)
        expect(page.get_by_role("button", name="Like the last")).to_be_hidden()
        page.keyboard.press("Shift+G")  # like the one that was just labeled
        expect(page.locator("#grid")).to_be_visible()
        expect(page.locator("#grid-yes")).to_contain_text(f"as {truth(name)}")
        names = [tile.get_attribute("title") for tile in page.locator("#tiles button").all()]
        assert len(names) >= 6
        assert name not in names
        page.keyboard.press("Enter")
        saved(page)
        assert {truth(name)} == {act["label"] for act in acts(out)[-len(names) :]}


def test_texts_in_a_sheet_are_never_markup(tmp_path: Path, windows: Open) -> None:
    rng = np.random.default_rng(0)
    words = (["sun", "sea", "sand"], ["snow", "ice", "frost"])
    rows = [f'"{EVIL} {" ".join(rng.choice(words[n % 2], 6))} {n}"' for n in range(80)]
    data, out = tmp_path / "texts.csv", tmp_path / "project"
    data.write_text("text\n" + "\n".join(rows) + "\n")
    project = Project.create(
        out, ProjectConfig(data, ("warm", EVIL), classifier="linear", test_share=0.0, twice_share=0.0, fit_every=1000)
    )
    for ticket in project.next("bo", 20):
        project.label("bo", ticket.sample, EVIL if int(project.name(ticket.sample)) % 2 else "warm")
    project.close()
    fit(out)
    with QuickServer(
        data,
        out,
        "--classes",
        "warm",
        "--person",
        "ann",
        "--fit-every",
        "1000",
        "--test-share",
        "0",
        "--twice-share",
        "0",
    ) as server:
        page = windows(server)
        expect(page.locator("#near p").first).to_contain_text(EVIL)
        photograph(page, "suggestion-text")
        page.keyboard.press("g")
        expect(page.locator("#tiles button").first).to_contain_text(EVIL)
        photograph(page, "sheet-text")
