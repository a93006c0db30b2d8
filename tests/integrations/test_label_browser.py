"""The page in a real browser. IALE_SCREENSHOTS=FOLDER saves a screenshot of every state there for people to look at."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from sklearn.datasets import load_digits

from iale.labeling.reader import ProjectReader
from tests.integrations.label_fork import QuickServer
from tests.integrations.label_page import LabelServer, hostile_images

EVIL = "<img src=x onerror=alert(1)>"
LOOKS = [
    (size, scheme)
    for size in ({"width": 1280, "height": 800}, {"width": 390, "height": 844}, {"width": 740, "height": 360})
    for scheme in ("light", "dark")
]
DIGITS = ("--classes", "0,1,2,3,4,5,6,7,8,9", "--person", "ann", "--classifier", "mlp", "--epochs", "5")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def windows(chromium: Any) -> Iterator[Open]:
    """Opens pages. At the end, none may have had a script error or sent a request to anyone but the server."""
    contexts: list[Any] = []
    found: list[str] = []

    def open_page(server: LabelServer, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page: Page = context.new_page()
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("dialog", lambda dialog: found.append(dialog.message) if dialog.type == "alert" else dialog.accept())
        page.on("request", lambda request: found.extend(_foreign(request.url, server)))
        page.on("console", lambda line: found.append(line.text) if "Content Security" in line.text else None)
        page.goto(server.address)
        expect(page.locator("#stage :is(img, .text, .row, .empty h2)")).to_be_visible(timeout=30_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not found


def _foreign(url: str, server: LabelServer) -> list[str]:
    return [] if url.startswith((f"http://127.0.0.1:{server.port}/", "blob:")) else [url]


def photograph(page: Page, name: str) -> None:
    """Checks that nothing sticks out sideways in any size and color scheme, and saves screenshots if asked to."""
    folder = os.environ.get("IALE_SCREENSHOTS")
    before = page.viewport_size
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, size)
        if folder:
            page.screenshot(path=f"{folder}/{name}-{size['width']}-{scheme}.png")
    page.set_viewport_size(before)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 digits; the name of each file ends with the digit that it shows."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    for number, (pixels, label) in enumerate(zip(images[:40], labels, strict=False)):
        square = (255 - pixels.reshape(8, 8) * 15).astype(np.uint8)
        Image.fromarray(square).resize((64, 64)).save(folder / f"{number:02}-{label}.png")
    return folder


def drawn(page: Page) -> None:
    """Waits until the sample is drawn. A key that answers does not count before."""
    expect(page.locator("#stage")).to_have_attribute("data-drawn", re.compile("."), timeout=30_000)


def ready(page: Page) -> str:
    """Waits until the image is drawn, and returns the digit that it shows."""
    expect(page.locator("#stage img")).to_be_visible()
    drawn(page)
    return truth(str(page.locator("#name").inner_text()))


def truth(name: str) -> str:
    return name.removesuffix(".png").rsplit("-", 1)[1]


def press_truth(page: Page) -> str:
    """Labels the sample correctly by its key and waits for the next one; returns the name of the first."""
    name: str = page.locator("#name").inner_text()
    page.keyboard.press(ready(page))
    expect(page.locator("#name")).not_to_have_text(name)
    return name


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text(re.compile("^All saved"), timeout=60_000)


def test_thirty_digits_a_kill_an_undo_a_correction_and_the_export(digits: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(digits, out, *DIGITS) as server:
        page = windows(server, accept_downloads=True)
        assert "token" not in page.url
        photograph(page, "first")
        for _ in range(30):
            press_truth(page)
        saved(page)
        expect(page.locator("#done")).to_have_text("30", timeout=10_000)
        photograph(page, "labeled-30")

        server.kill()
        press_truth(page)  # samples that the page already holds can still be labeled
        press_truth(page)
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.locator("#saved")).to_have_text("2 not saved yet")
        photograph(page, "server-gone")
        server.start()
        saved(page)
        expect(page.get_by_role("alert")).to_be_empty(timeout=30_000)
        assert len(ProjectReader.open(out).labels()) == 32

        name = press_truth(page)
        page.keyboard.press("Backspace")
        expect(page.locator("#name")).to_have_text(name)
        saved(page)
        assert len(ProjectReader.open(out).labels()) == 32
        press_truth(page)
        drawn(page)
        wrong = page.locator("#name").inner_text()
        page.keyboard.press(str((int(truth(wrong)) + 1) % 10))

        page.get_by_role("button", name="Review").focus()
        page.keyboard.press("Enter")
        thumb = page.get_by_role("button", name=f"Correct {wrong}")
        expect(thumb).to_be_visible(timeout=10_000)
        photograph(page, "review")
        thumb.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#name")).to_have_text(wrong)
        expect(page.locator("#reason")).to_have_text(f"now: {(int(truth(wrong)) + 1) % 10}")
        photograph(page, "correction")
        page.keyboard.press(truth(wrong))
        expect(page.locator("#labeled")).to_be_visible()
        page.keyboard.press("Escape")

        while not page.locator("#stage h2").is_visible():
            name = page.locator("#name").inner_text()
            if name and page.locator("#stage img").is_visible():
                page.keyboard.press(truth(name))
            page.wait_for_timeout(20)
        expect(page.locator("#stage h2")).to_have_text("Done")
        photograph(page, "done")
        page.evaluate("document.body.dataset.view = 'progress'")
        photograph(page, "progress")
        saved(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Labels as CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert {row["sample"]: row["label"] for row in rows} == {path.name: truth(path.name) for path in digits.iterdir()}
    assert all(row["person"] == "ann" for row in rows)


def test_a_reload_sends_what_the_last_page_could_not(digits: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(digits, out, *DIGITS) as server:
        page = windows(server)
        page.route("**/api/label", lambda route: route.abort())
        names = {press_truth(page) for _ in range(3)}
        page.unroute("**/api/label")
        page.reload()
        saved(page)
        expect(page.locator("#done")).to_have_text("3", timeout=10_000)
        project = ProjectReader.open(out)
        assert {project.name(sample) for sample in project.labels()} == names
        assert page.locator("#name").inner_text() not in names


def test_two_windows_label_everything_once(digits: Path, tmp_path: Path, windows: Open) -> None:
    out = tmp_path / "project"
    with QuickServer(digits, out, *DIGITS, "--twice-share", "0") as server:
        one = windows(server)
        two = one.context.new_page()
        two.goto(server.address)
        names: list[str] = []
        for _ in range(12):
            names += [press_truth(one), press_truth(two)]
        saved(one)
        saved(two)
        project = ProjectReader.open(out)
        assert len(set(names)) == len(names) == 24 == len(project.labels())
        assert all(len(project.history(sample)) == 1 for sample in project.labels())


def test_a_full_disk_and_files_that_cannot_be_shown(tmp_path: Path, windows: Open) -> None:
    hostile_images(tmp_path / "data", large=True)
    out = tmp_path / "project"
    with QuickServer(tmp_path / "data", out, "--classes", "cat,dog", "--person", "ann", "--test-share", "0") as server:
        page = windows(server)
        expect(page.locator("[data-notice=left-out]")).to_be_visible(timeout=30_000)
        photograph(page, "left-out")
        expect(page.locator("#stage img")).to_be_visible(timeout=30_000)  # a large photograph takes its time
        page.wait_for_function("(i => i && i.complete && i.naturalWidth > 0)(document.querySelector('#stage img'))")
        drawn(page)
        deleted = page.locator("#name").inner_text()
        (tmp_path / "data" / deleted).unlink()
        full = '{"error": "Cannot write journal.jsonl: No space left on device; check the free space."}'
        page.route("**/api/label", lambda r: r.fulfill(status=507, content_type="application/json", body=full))
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("No space left on device")
        photograph(page, "disk-full")
        page.unroute("**/api/label")
        expect(page.locator("#name")).not_to_have_text(deleted, timeout=30_000)  # the label that was pressed stays
        expect(page.locator("#stage img")).to_be_visible(timeout=30_000)
        saved(page)
        drawn(page)
        changed = page.locator("#name").inner_text()
        Image.new("RGB", (9, 9)).save(tmp_path / "data" / changed)
        page.keyboard.press("2")
        expect(page.locator("[data-notice=refused]")).to_contain_text("changed", timeout=30_000)
        for _ in range(12):
            if page.locator("#stage h2").is_visible():
                break
            page.keyboard.press("2")
            page.wait_for_timeout(500)
        # What was changed on the disk is asked for again, so there may be something left to wait for.
        expect(page.locator("#stage h2")).to_have_text(re.compile("Done|Waiting"), timeout=30_000)
        saved(page)
        project = ProjectReader.open(out)
        labeled = {project.name(sample) for sample in project.labels()}
        assert labeled == {"huge.jpg", f"{EVIL}.png", *(f"good-{n}.png" for n in range(4))} - {deleted, changed}
        assert project.skipped() == []  # no person has decided that
        assert server.ask("/api/status")["unshown"] >= 3
        server.hang_up()


def test_an_answer_that_is_no_word_of_the_server_costs_no_label(tmp_path: Path, windows: Open) -> None:
    (tmp_path / "t.csv").write_text("text\n" + "".join(f"note {number}\n" for number in range(6)))
    with QuickServer(tmp_path / "t.csv", tmp_path / "p", "--classes", "a,b", "--person", "ann") as server:
        page = windows(server)
        expect(page.locator("#stage .text")).to_contain_text("note")
        garbled: list[str] = []

        def fail(route: Any) -> None:
            if len(garbled) < 2:
                garbled.append(route.request.url)
                route.fulfill(status=400, content_type="text/plain", body="Invalid HTTP request received.")
            else:
                route.continue_()

        page.route("**/api/label", fail)
        drawn(page)
        first = page.locator("#stage .text").inner_text()
        page.keyboard.press("a")
        expect(page.locator("#stage .text")).not_to_have_text(first)
        saved(page)
        assert len(garbled) == 2
        assert list(ProjectReader.open(tmp_path / "p").labels().values()) == ["a"]


def test_a_sample_that_the_server_cannot_show_is_passed_over(tmp_path: Path, windows: Open) -> None:
    (tmp_path / "t.csv").write_text("text\n" + "".join(f"note\x00 {number}\n" for number in range(6)))
    with QuickServer(tmp_path / "t.csv", tmp_path / "p", "--classes", "a,b", "--person", "ann") as server:
        page = windows(server)
        expect(page.locator("#stage .text")).to_contain_text("note")
        failed = '{"error": "the server failed (ValueError)."}'
        first: list[str] = []

        def fail(route: Any) -> None:
            first.append(route.request.url)
            if route.request.url == first[0]:
                route.fulfill(status=500, content_type="application/json", body=failed)
            else:
                route.continue_()

        page.route("**/samples/*", fail)
        page.reload()
        expect(page.locator("[data-notice=left-out]")).to_contain_text("the server failed", timeout=30_000)
        expect(page.locator("#stage .text")).to_be_visible()
        assert first.count(first[0]) == 1
        saved(page)
        assert ProjectReader.open(tmp_path / "p").skipped() == []
        expect(page.locator("#notes")).to_contain_text("1 sample could not be shown", timeout=10_000)


def test_nothing_that_people_write_runs(tmp_path: Path, windows: Open) -> None:
    hostile_images(tmp_path / "data")
    many = ",".join(["a very long name of a class that no button holds", "طائر", *(f"class {n}" for n in range(40))])
    with QuickServer(tmp_path / "data", tmp_path / "p", "--classes", f"{EVIL},{many}", "--person", EVIL) as server:
        page = windows(server)
        expect(page.locator("#person")).to_have_text(EVIL)
        photograph(page, "many-classes")
        drawn(page)
        page.keyboard.press("1")
        page.get_by_role("button", name="+ Class").click()
        photograph(page, "new-class")
        page.get_by_label("Name of the new class").fill("<script>alert(2)</script>")
        page.keyboard.press("Enter")
        expect(page.locator("#classes button", has_text="<script>alert(2)</script>")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("script")
        photograph(page, "find")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Find a class")).to_have_value("")
        expect(page.get_by_label("Find a class")).not_to_be_focused()
        saved(page)
        page.get_by_role("button", name="Review").click()
        expect(page.locator("#rows button", has_text="<script>alert(2)</script>")).to_be_visible()
        assert page.locator("#labeled img[onerror], #classes img, #person img, #labeled script").count() == 0
        page.get_by_role("button", name="Help and keys").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        photograph(page, "help")


def test_it_is_named_for_those_who_do_not_see_it(digits: Path, tmp_path: Path, windows: Open) -> None:
    with QuickServer(digits, tmp_path / "p", *DIGITS) as server:
        page = windows(server)
        name = page.locator("#name").inner_text()
        expect(page.get_by_role("group", name=name)).to_be_visible()
        expect(page.get_by_role("img", name=f"To label: {name}")).to_be_visible()
        expect(page.get_by_role("progressbar", name="Labeled so far")).to_be_attached()
        for button in (
            "Undo",
            "Cannot tell",
            "Zoom",
            "+ Class",
            "Label",
            "Review",
            "Help and keys",
            "Who is labeling: ann",
            "7",
        ):
            expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
        assert page.evaluate(
            "[...document.querySelectorAll('button')].every((b) => (b.ariaLabel ?? b.innerText).trim())"
        )
        drawn(page)
        page.keyboard.press(truth(name))
        live = page.locator("[aria-live=polite]")
        expect(live).to_contain_text(f"{truth(name)}: {name}. Next: {page.locator('#name').inner_text()}")
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "true")
        photograph(page, "zoom")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "false")
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        assert {"undo", "skip", "zoom", "more", "help", "person"} <= reached


def test_texts_and_rows(tmp_path: Path, windows: Open) -> None:
    (tmp_path / "texts.csv").write_text(
        'id,text\na,"Is it <b>spam</b>? It goes on for quite a while, over lines."\nb,مرحبا\n'
    )
    (tmp_path / "rows.csv").write_text("width,a_column_with_a_long_name\n1.5,2\n3,4\n")
    for name, shown in (("texts.csv", ".text"), ("rows.csv", ".row")):
        with QuickServer(tmp_path / name, tmp_path / f"{name}.p", "--classes", "spam,ham", "--person", "ann") as server:
            page = windows(server)
            expect(page.locator(f"#stage {shown}")).to_be_visible()
            photograph(page, name.split(".")[0])
            drawn(page)
            page.keyboard.press("1")
            saved(page)
            page.get_by_role("button", name="Review").click()
            expect(page.locator(".thumbs button").first).to_be_visible(timeout=10_000)
            photograph(page, f"review-{name.split('.')[0]}")


def test_a_correction_on_a_phone_can_be_left_taken_back_and_be_a_skip(
    digits: Path, tmp_path: Path, windows: Open
) -> None:
    with QuickServer(digits, tmp_path / "p", *DIGITS) as server:
        page = windows(server, has_touch=True, is_mobile=True)
        page.set_viewport_size(LOOKS[2][0])
        name = page.locator("#name").inner_text()
        expect(page.get_by_role("button", name="Keep")).to_be_hidden()
        page.locator("#classes button").first.tap()
        saved(page)
        page.get_by_role("button", name="Review").tap()
        thumb = page.get_by_role("button", name=f"Correct {name}")
        thumb.tap()
        expect(page.locator("#reason")).to_have_text("now: 0")
        page.get_by_role("button", name="Keep").tap()
        thumb.tap()
        page.get_by_role("button", name="Cannot tell").tap()
        saved(page)
        expect(page.locator("#rows small")).to_have_text("skipped", timeout=10_000)
        project = ProjectReader.open(tmp_path / "p")
        assert [project.name(row.sample) for row in project.skipped()] == [name]
        assert project.labels() == {}
        thumb.tap()
        expect(page.locator("#reason")).to_have_text("now: skipped")
        page.get_by_role("button", name="Undo").tap()
        saved(page)
        assert len(ProjectReader.open(tmp_path / "p").labels()) == 1


def test_the_curve_and_the_advice(digits: Path, tmp_path: Path, windows: Open) -> None:
    with QuickServer(digits, tmp_path / "p", *DIGITS) as server:
        page = windows(server)
        status = server.ask("/api/status")
        server.hang_up()
        curve = [
            {"labels": n, "accuracy": {"value": 1 - 3 / n, "low": 1 - 5 / n, "high": 1 - 2 / n}, "fitted": 1 - 3.1 / n}
            for n in range(10, 210, 20)
        ]
        status.update(
            labeled=223, samples=1200, skipped=4, tested=24, fits=len(curve), fitted_on=190, confidence=0.93,
            curve=curve, accuracy=curve[-1]["accuracy"],
            gain={"value": 0.001, "low": -0.002, "high": 0.006}, target=0.98, twice=14,
            ahead=50,
            expected={"value": 0.985, "low": 0.95, "high": 1.0}, at_random={"value": 0.9, "low": 0.8, "high": 0.96},
            random=[{"labels": n, "accuracy": {"value": 1 - 4 / n, "low": 1 - 8 / n, "high": 1 - 2 / n}, "fitted": None}
                    for n in range(10, 191, 20)],
            kappa={"value": 0.8, "low": 0.55, "high": 1.0}, cannot_tell={}, problem="the disk is full.",
            advice={"stop": True, "text": "Stop: more labels would add little.", "reason": "At most 0.6 points come."},
        )  # fmt: skip
        page.route("**/api/status", lambda route: route.fulfill(json=status))
        expect(page.locator("#advice")).to_contain_text("Stop: more labels would add little.", timeout=10_000)
        words = "Accuracy: 98% with 190 labels, 70% with 10. As many random labels would give 80% to 96%. After 50 more"
        expect(page.get_by_role("img", name=words)).to_be_visible()
        expect(page.locator("#curve .points circle")).to_have_count(len(curve))
        expect(page.locator("#curve .band")).to_have_count(1)
        expect(page.locator("#curve .next circle")).to_have_count(1)
        expect(page.locator("#facts")).to_contain_text("Random labels instead90% (80 to 96)")
        expect(page.locator("#facts")).to_contain_text("Target98%")
        photograph(page, "curve")
        page.set_viewport_size(LOOKS[2][0])
        page.get_by_role("button", name="Progress").click()
        photograph(page, "curve-progress")


def test_what_a_person_chose_stays_in_the_browser_for_that_project_alone(
    digits: Path, tmp_path: Path, windows: Open
) -> None:
    with QuickServer(digits, tmp_path / "one", *DIGITS) as server:
        page = windows(server)
        port = server.port
        page.get_by_role("button", name="Who is labeling").click()
        page.get_by_label("Your name").fill("bea")
        page.keyboard.press("Enter")
        expect(page.locator("#person")).to_have_text("bea")
        page.keyboard.press("?")
        photograph(page, "keys")
        page.get_by_label("Use these keys").uncheck()
        page.get_by_role("button", name="Close").click()
        page.reload()
        expect(page.locator("#person")).to_have_text("bea")
        name = ready(page)
        page.keyboard.press(name)
        page.wait_for_timeout(300)
        assert ready(page) == name
        saved(page)
    other = QuickServer(digits, tmp_path / "two", *DIGITS)
    other.port = port
    with other as server:
        page.goto(server.address)
        expect(page.locator("#person")).to_have_text("ann")


def test_a_class_is_added_and_the_keys_go_on(digits: Path, tmp_path: Path, windows: Open) -> None:
    with QuickServer(digits, tmp_path / "p", "--classes", "0", "--person", "ann", "--classifier", "mlp") as server:
        page = windows(server)
        photograph(page, "one-class")
        for name, said in (('un"sure, très', "New class"), ("0", "The class 0 already exists")):
            page.get_by_role("button", name="+ Class").click()
            page.get_by_label("Name of the new class").fill(name)
            page.keyboard.press("Enter")
            expect(page.locator("#live")).to_contain_text(said)
        expect(page.locator("#classes button")).to_have_count(2)
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "true")


def test_who_labels_is_asked_where_nobody_is_named(digits: Path, tmp_path: Path, chromium: Any) -> None:
    with QuickServer(digits, tmp_path / "p", *DIGITS[:2], "--person", "") as server:
        page = chromium.new_page()
        page.goto(server.address)
        expect(page.get_by_role("dialog", name="Who is labeling?")).to_be_visible(timeout=30_000)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Who is labeling?")).to_be_visible()  # a label needs a name
        photograph(page, "who")
        page.keyboard.type("bea")
        page.keyboard.press("Enter")
        press_truth(page)
        saved(page)
        page.close()
    assert ProjectReader.open(tmp_path / "p").people() == {"bea": 1}
