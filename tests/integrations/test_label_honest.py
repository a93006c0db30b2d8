"""The page in a browser when things go wrong: it loses nothing, decides nothing by itself, and says what is so."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import expect

from iale.labeling.reader import ProjectReader
from tests.integrations.label_fork import QuickServer
from tests.integrations.test_label_browser import (
    CHROMIUM,
    Open,
    chromium,
    drawn,
    photograph,
    press_truth,
    saved,
    windows,
)

__all__ = ["chromium", "windows"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

OPTIONS = ("--classes", "0,1", "--person", "ann", "--test-share", "0", "--twice-share", "0", "--fit-every", "1000")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """24 images of two classes; the name of each ends with its class."""
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for number in range(24):
        Image.new("L", (40, 30), 10 * number).save(tmp_path / "photos" / f"{number:02}-{number % 2}.png")
    return tmp_path / "photos"


def events(out: Path, *kinds: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    return [event for event in found if event["kind"] in kinds]


def test_a_folder_that_vanishes_costs_nothing_and_is_said(photos: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(photos, out, *OPTIONS) as server:
        page = windows(server)
        press_truth(page)
        saved(page)
        photos.rename(tmp_path / "away")
        pressed = [press_truth(page)]
        for _ in range(20):  # what was fetched before can still be labeled
            page.wait_for_timeout(100)
            if page.locator("#stage").get_attribute("data-drawn") and page.locator("#name").inner_text() != pressed[-1]:
                pressed.append(page.locator("#name").inner_text())
                page.keyboard.press(pressed[-1].removesuffix(".png")[-1])
        expect(page.get_by_role("alert")).to_contain_text("is away: put it back", timeout=10_000)
        assert "You can keep labeling" not in page.get_by_role("alert").inner_text()
        photograph(page, "data-gone")
        saved(page)
        assert events(out, "skip") == []
        (tmp_path / "away").rename(photos)
        for path in photos.iterdir():
            path.touch()
        expect(page.locator("#stage img")).to_be_visible(timeout=10_000)
        for _ in range(24):
            if page.locator("#stage h2").is_visible():
                break
            page.wait_for_timeout(150)
            if page.locator("#stage img").is_visible():
                page.keyboard.press(page.locator("#name").inner_text().removesuffix(".png")[-1])
        expect(page.locator("#stage h2")).to_have_text("Done", timeout=20_000)
        expect(page.get_by_role("alert")).to_have_text("")
        saved(page)
        project = ProjectReader.open(out)
        assert {project.name(s): label for s, label in project.labels().items()} == {
            path.name: path.stem[-1] for path in photos.iterdir()
        }
        assert events(out, "skip") == []


def test_after_three_that_are_away_the_page_waits(photos: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(photos, out, *OPTIONS) as server:
        page = windows(server)
        gone = '{"error": "00-0.png was deleted since the project was opened: it is passed over."}'
        page.route("**/samples/*", lambda r: r.fulfill(status=410, content_type="application/json", body=gone))
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("3 samples in a row are away: the data are gone.")
        page.keyboard.press("0")
        expect(page.locator("#stage")).to_have_text("Waiting…")
        page.unroute("**/samples/*")
        drawn(page)
        for _ in range(3):
            press_truth(page)
            drawn(page)
        expect(page.locator("[data-notice=trouble]")).to_have_count(0)
        saved(page)
        assert (len(events(out, "label")), events(out, "skip")) == (3, [])


def test_undo_tells_what_happened_and_takes_back_the_act_that_was_meant(
    photos: Path, tmp_path: Path, windows: Open
) -> None:
    out = tmp_path / "project"
    known = tmp_path / "known.csv"
    with open(known, "w", newline="") as file:
        csv.writer(file).writerows([("sample", "label"), ("00-0.png", "0")])
    with QuickServer(photos, out, *OPTIONS, "--labels", str(known)) as server:
        page = windows(server)
        older = press_truth(page)
        saved(page)
        refused = '{"error": "good.png was changed."}'
        page.route("**/api/label", lambda r: r.fulfill(status=422, content_type="application/json", body=refused))
        name = press_truth(page)
        expect(page.locator("[data-notice=refused]")).to_contain_text(f"Not saved, {name}")
        page.unroute("**/api/label")
        page.keyboard.press("Backspace")
        expect(page.locator("[data-notice=undo]")).to_contain_text(f"Nothing was taken back for {name}")
        expect(page.locator("#live")).not_to_contain_text("Undone")
        page.get_by_role("button", name="Review").click()
        page.get_by_role("button", name="Correct 00-0.png").click()
        drawn(page)
        page.keyboard.press("1")
        saved(page)
        page.keyboard.press("Escape")
        drawn(page)
        page.keyboard.press("Backspace")
        expect(page.locator("#live")).to_have_text("Undone: 00-0.png.")
        project = ProjectReader.open(out)
        assert {project.name(s): label for s, label in project.labels().items()} == {
            "00-0.png": "0",
            older: older.removesuffix(".png")[-1],
        }
        # A class is an act, too: the key does not take back the label before it.
        page.locator("#more").click()
        page.locator("#dialog input").fill("other")
        page.keyboard.press("Enter")
        expect(page.locator("#classes")).to_contain_text("other")
        page.keyboard.press("Backspace")
        expect(page.locator("#live")).to_have_text("The class other is gone again.")
        expect(page.locator("#classes")).not_to_contain_text("other")
        assert len(ProjectReader.open(out).labels()) == 2


def test_a_late_answer_is_a_second_opinion_and_both_are_told(photos: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(photos, out, *OPTIONS) as server:
        page = windows(server)
        drawn(page)
        name, sample = page.locator("#name").inner_text(), page.locator("#stage").get_attribute("data-drawn")
        body = {"sample": sample, "person": "bo", "tab": "2", "key": "bo 1", "label": "1", "asked": True}
        assert server.ask("/api/label", body)["late"] is None  # ann's lease ran out, and bo got it
        page.keyboard.press("0")
        expect(page.locator("[data-notice=late]")).to_contain_text(f"bo had answered {name} before you: 1. That stands")
        photograph(page, "late")
        page.evaluate("localStorage.clear()")
        page.locator("#person").click()
        page.locator("#dialog input").fill("bo")
        page.keyboard.press("Enter")
        expect(page.locator("[data-notice=told]")).to_contain_text(f"ann answered {name} after you: 0. Your 1 stands")
        page.reload()
        drawn(page)
        page.wait_for_timeout(500)
        assert page.locator("[data-notice=told]").count() == 0  # once
        assert list(ProjectReader.open(out).labels().values()) == ["1"]
        assert server.ask("/api/told?person=bo&since=0")["told"][0]["person"] == "ann"
        server.hang_up()


def test_what_was_never_drawn_is_not_labeled_and_the_numbers_agree(photos: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(photos, out, *OPTIONS) as server:
        page = windows(server)
        drawn(page)
        page.evaluate(
            "for (let i = 0; i < 40; i++) document.body.dispatchEvent("
            "new KeyboardEvent('keydown', {key: '0', code: 'Digit0', bubbles: true}))"
        )
        saved(page)
        assert len(events(out, "label")) == 1
        page.route("**/api/label", lambda route: route.abort())
        for many in range(1, 6):
            press_truth(page)
            drawn(page)
            if many > 1:
                expect(page.locator("#saved")).to_have_text(f"{many} not saved yet")
                expect(page.get_by_role("alert")).to_contain_text(f"{many} decisions are kept")
        page.unroute("**/api/label")
        saved(page)
        expect(page.get_by_role("alert")).to_have_text("")
        assert len(events(out, "label")) == 6
        shutil.rmtree(photos)


LEFT = [
    ({"held": 0, "away": 0, "unshown": 0}, "Done", "Everything is labeled or skipped. Check the labels"),
    (
        {"held": 0, "away": 0, "unshown": 2},
        "Done",
        "Everything that can be shown is labeled or skipped. 2 samples could",
    ),
    ({"held": 1, "away": 0, "unshown": 0}, "Waiting", "right now. Other people or windows hold 1 sample: what"),
    ({"held": 0, "away": 3, "unshown": 0}, "Waiting", "right now. The data of 3 samples are away or were changed"),
    ({"held": 2, "away": 1, "unshown": 1}, "Waiting", "Other people or windows hold 2 samples"),
]


def told(answer: object) -> Callable[[Any], Any]:
    return lambda route: route.fulfill(json=answer)


def test_every_sentence_about_the_end_is_so(photos: Path, tmp_path: Path, windows: Open) -> None:
    with QuickServer(photos, tmp_path / "project", *OPTIONS) as server:
        page = windows(server)
        page.route("**/api/next", told({"tickets": []}))
        for left, heading, sentence in LEFT:
            page.route("**/api/left", told(left))
            page.reload()
            expect(page.locator("#stage h2")).to_have_text(heading)
            expect(page.locator("#stage p").first).to_contain_text(sentence)
            expect(page.locator("#live")).to_contain_text(sentence)
            assert page.locator("#stage a").count() == (3 if heading == "Done" else 0)
            assert ("Other people" in page.locator("#stage").inner_text()) == (left["held"] > 0)
            page.unroute("**/api/left")


def test_the_line_below_is_about_the_sample_above(photos: Path, tmp_path: Path, windows: Open) -> None:
    with QuickServer(photos, tmp_path / "project", *OPTIONS) as server:
        page = windows(server)
        for _ in range(2):
            before = press_truth(page)
            name = page.locator("#name").inner_text()
            expect(page.locator("#live")).to_have_text(f"{before[-5]}: {before}. Next: {name}.")
            drawn(page)
        saved(page)
        page.get_by_role("button", name="Review").click()
        page.get_by_role("button", name=f"Correct {before}").click()
        expect(page.locator("#live")).to_have_text(
            f"Currently {before[-5]}. Enter keeps it, another class corrects it."
        )
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page.locator("#name")).to_have_text(name)
        expect(page.locator("#live")).to_have_text("")
        drawn(page)
        page.keyboard.press("Backspace")
        expect(page.locator("#live")).to_have_text(f"Undone: {before}.")
        page.reload()
        drawn(page)
        page.keyboard.press("Backspace")  # of an earlier page: the server says what it was
        expect(page.locator("#live")).to_contain_text("Undone: ")
        expect(page.locator("#reason")).to_have_text("taken back")
        saved(page)
        page.keyboard.press("Backspace")
        expect(page.locator("#live")).to_have_text("There is nothing to undo.")
