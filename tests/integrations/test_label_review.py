"""Review, classes, notes and keys that scroll, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import expect

from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from iale.labeling.reviewing._deciding import note
from tests.integrations.label_fork import QuickServer
from tests.integrations.test_label_browser import CHROMIUM, EVIL, Open, chromium, drawn, photograph, saved, windows

__all__ = ["chromium", "windows"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

QUIET = ("--test-share", "0", "--fit-every", "1000", "--person", "cid")


def events(out: Path, *kinds: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    return [event for event in found if event["kind"] in kinds]


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    """30 texts about cats and dogs, labeled by two people; two labels are wrong, and on three they disagree."""
    data, out = tmp_path / "texts.csv", tmp_path / "project"
    rows = [f"t{n},the {'cat purrs' if n % 2 else 'dog barks'} at the {'moon' if n % 3 else 'sun'}" for n in range(30)]
    data.write_text("\n".join(["sample,text", *rows]) + "\n")
    config = ProjectConfig(data, ("dog", "cat"), test_share=0.0, fit_every=1000)
    project = Project.create(out, config)
    for n in range(30):
        wrong = n in (4, 9)
        project.label("ann", project.items.ids[n], "dog" if (n % 2 == 0) != wrong else "cat")
    for n in range(12):
        sample = project.items.ids[n]
        project.hold("bob", [sample], "second")
        project.label("bob", sample, "dog" if n % 2 == 0 or n == 1 else "cat")
    note(project, "bob", project.items.ids[1], "barks like a cat", "look")
    note(project, "bob", project.items.ids[2], "", "example")
    project.close()
    return data, out


def test_a_review_one_by_one_decides_confirms_and_corrects(texts: tuple[Path, Path], windows: Open) -> None:
    data, out = texts
    with QuickServer(data, out, *QUIET) as server:
        page = windows(server)
        page.get_by_role("button", name="Review").click()
        expect(page.locator("#rows button")).to_have_count(30)
        photograph(page, "review-newest")
        page.get_by_label("Words in the name").fill("LIKE a")
        expect(page.locator("#rows button")).to_have_count(1)
        page.get_by_label("Words in the name").fill("")
        page.get_by_label("Mark").select_option("example")
        expect(page.locator("#review-told")).to_have_text("1 sample.")
        page.get_by_label("Mark").select_option("any")
        page.get_by_label("Order").select_option("people")
        expect(page.locator("#review-told")).to_have_text("3 samples.")  # 1, 4 and 9
        page.locator("#agreement summary").click()
        expect(page.locator("#agreed")).to_contain_text("12 samples have labels of two people")
        expect(page.locator("#agreed")).to_contain_text("Krippendorff’s α is")
        found = server.ask("/api/agreement")
        server.hang_up()
        found["all"] |= {"count": 1, "kappa": dict.fromkeys(("value", "low", "high"))}
        page.route("**/api/agreement", lambda route: route.fulfill(json=found))
        page.locator("#agreement summary").click()
        page.locator("#agreement summary").click()
        expect(page.locator("#agreed")).to_contain_text("1 sample has labels of two people")
        expect(page.locator("#agreed")).not_to_contain_text("Krippendorff’s α is")
        size = page.viewport_size
        assert size is not None
        page.set_viewport_size({"width": 390, "height": 844})
        for table in page.locator("#agreed table").all():
            assert table.evaluate("(it) => it.scrollWidth <= it.clientWidth")
        page.set_viewport_size(size)
        photograph(page, "review-people")

        page.get_by_role("button", name="One by one").click()
        drawn(page)
        expect(page.locator("#said")).to_contain_text("ann: dog · bob: cat")
        expect(page.locator("#live")).to_contain_text("1 of 3")
        photograph(page, "review-step")
        page.keyboard.press("2")  # t9 is a cat
        expect(page.locator("#live")).to_contain_text("2 of 3")
        drawn(page)  # a key for what nobody has seen yet does not count
        page.keyboard.press("1")  # t4 is a dog
        expect(page.locator("#live")).to_contain_text("3 of 3")
        page.keyboard.press("Backspace")  # t4 is there again
        expect(page.locator("#name")).to_have_text("t4")
        drawn(page)
        page.keyboard.press("1")
        expect(page.locator("#name")).to_have_text("t1")
        page.keyboard.press("Escape")
        saved(page)
        expect(page.locator("#review-told")).to_have_text("1 sample.")
        labels = {ProjectReader.open(out).name(s): label for s, label in ProjectReader.open(out).labels().items()}
        assert (labels["t9"], labels["t4"]) == ("cat", "dog")
        reasons = [event["reason"] for event in events(out, "label") if event["person"] == "cid"]
        assert reasons == ["adjudicated"] * 3
        assert len(events(out, "undo")) == 1

        page.get_by_label("Order").select_option("newest")
        page.get_by_label("Class", exact=True).select_option("=cat")
        page.locator("#rows button").first.click()
        drawn(page)
        page.keyboard.press("Enter")
        saved(page)
        assert [event["person"] for event in events(out, "confirm")] == ["cid"]
        expect(page.locator("#pace")).to_contain_text("3 by you")


def test_what_the_model_doubts_is_shown_first(texts: tuple[Path, Path], windows: Open) -> None:
    data, out = texts
    with QuickServer(data, out, *QUIET) as server:
        page = windows(server)
        page.get_by_role("button", name="Review").click()
        page.get_by_label("Order").select_option("model")
        expect(page.locator("#rows button").first).to_contain_text("→", timeout=60_000)
        photograph(page, "review-model")
        found = {page.locator("#rows button").nth(at).get_attribute("title") or "" for at in range(2)}
        assert {text.split(",")[0] for text in found} == {"t4", "t9"}


def test_classes_are_renamed_merged_removed_described_and_all_is_undone(
    texts: tuple[Path, Path], windows: Open
) -> None:
    data, out = texts
    with QuickServer(data, out, *QUIET) as server:
        page = windows(server)
        page.get_by_role("button", name="Classes").click()
        expect(page.locator(".class-list > li")).to_have_count(2)
        page.get_by_role("button", name="Describe cat").click()
        page.get_by_role("textbox", name="Guidelines").fill(
            f"## What\n- it **purrs**\n- {EVIL}\n\n[web](https://example.org) [bad](javascript:alert(1))"
        )
        page.get_by_role("textbox", name="Key").fill("g")
        page.get_by_label("Color", exact=True).fill("#1e834c")
        photograph(page, "describe")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".class-list strong")).to_have_text("purrs")
        expect(page.locator(".class-list .markdown")).to_contain_text(EVIL)
        assert page.locator("#classview img, #classview a[href^=javascript]").count() == 0
        page.get_by_role("button", name="Rename cat").click()
        page.get_by_label("New name").fill("Felis catus")
        page.get_by_role("button", name="Rename", exact=True).click()
        expect(page.locator(".class-list")).to_contain_text("Felis catus")
        page.get_by_role("button", name="Remove dog").click()
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.locator(".class-list > li")).to_have_count(1)
        photograph(page, "classes")
        page.get_by_role("button", name="Undo: removed dog").click()
        expect(page.locator(".class-list > li")).to_have_count(2)
        page.get_by_role("button", name="Merge dog").click()
        photograph(page, "merge")
        page.get_by_role("button", name="Merge", exact=True).click()
        expect(page.locator(".class-list")).to_contain_text("30 labels")
        page.get_by_role("button", name="Undo: merged dog").click()
        expect(page.locator(".class-list > li")).to_have_count(2)
        saved(page)
        assert set(ProjectReader.open(out).labels().values()) == {"dog", "Felis catus"}

        page.get_by_role("button", name="Review").click()
        page.locator("#rows button").first.click()
        drawn(page)
        expect(page.locator("#classes button", has_text="Felis")).to_have_attribute("aria-keyshortcuts", "g")
        assert page.locator("#alike").get_attribute("aria-keyshortcuts") is None  # g is no longer theirs
        assert page.locator("#alike kbd").get_attribute("hidden") is not None
        page.keyboard.press("?")
        expect(page.locator("#dialog td", has_text=re.compile("^g$"))).to_have_count(0)
        page.keyboard.press("Escape")
        page.keyboard.press("=")
        expect(page.locator("#guide")).to_contain_text("it purrs")
        photograph(page, "guidelines")
        page.keyboard.press("=")
        expect(page.locator("#guide")).to_be_hidden()
        page.keyboard.press("=")
        page.set_viewport_size({"width": 844, "height": 390})  # there is no room beside the sample any more
        expect(page.locator("#guidelines")).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("=")
        expect(page.locator("#guide")).to_be_visible()


def test_a_class_that_a_colleague_changes_is_changed_here(texts: tuple[Path, Path], windows: Open) -> None:
    data, out = texts
    with QuickServer(data, out, *QUIET) as server:
        page = windows(server)
        server.ask("/api/class/rename", {"person": "dan", "label": "cat", "into": "tom", "key": "1"})
        expect(page.locator("#classes")).to_contain_text("tom", timeout=10_000)


def test_notes_marks_and_keys_that_scroll(tmp_path: Path, windows: Open) -> None:
    data, out = tmp_path / "long.csv", tmp_path / "p"
    data.write_text("sample,text\n" + "".join(f"t{n},{' '.join(f'word{k}' for k in range(3000))}\n" for n in range(4)))
    with QuickServer(data, out, "--classes", "a,b", *QUIET) as server:
        page = windows(server)
        drawn(page)
        top = "document.querySelector('#stage .text').scrollTop"
        for key, moved in (("ArrowDown", True), ("PageDown", True), ("End", True), ("Home", False)):
            page.keyboard.press(key)
            page.wait_for_function(f"() => ({top} > 0) === {str(moved).lower()}")
        name = page.locator("#name").inner_text()
        page.keyboard.press(",")
        page.get_by_role("textbox", name="Note").fill(f"who wrote {EVIL}?")
        page.get_by_label("Mark").last.select_option("look")
        photograph(page, "note")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_have_text(f"⚑ cid: who wrote {EVIL}?")
        photograph(page, "noted")
        page.keyboard.press("Shift+Digit1")
        expect(page.locator("#said")).to_have_text(f"✎ cid: who wrote {EVIL}?")
        saved(page)
        assert [(e["name"], e.get("flag")) for e in events(out, "note")] == [(name, "look"), (name, None)]
        assert events(out, "label", "skip") == []


def test_two_hundred_classes_leave_the_image_its_size_and_are_found_by_typing(tmp_path: Path, windows: Open) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for number in range(4):
        path = tmp_path / "photos" / f"an animal, in the woods at night, {number}.png"
        Image.new("L", (400, 300), 60 * number).save(path)
    heights = {}
    for count in (12, 200):
        out = tmp_path / f"p{count}"
        names = ",".join(f"species {n:03}" for n in range(count))
        with QuickServer(tmp_path / "photos", out, "--classes", names, *QUIET) as server:
            page = windows(server)
            drawn(page)
            heights[count] = page.locator("#stage").bounding_box()["height"]
            if count == 200:
                photograph(page, "two-hundred-classes")
                expect(page.get_by_role("button", name="Look-alikes").locator("kbd")).to_be_hidden()  # letters search
                page.keyboard.type("species 17")
                expect(page.locator("#classes button")).to_have_count(10)
                page.keyboard.type("3")
                photograph(page, "type-ahead")
                page.keyboard.press("Enter")
                saved(page)
                assert list(ProjectReader.open(out).labels().values()) == ["species 173"]
                expect(page.locator("#classes button").first).to_have_text("1species 173")
                drawn(page)
                page.keyboard.press("1")
                saved(page)
                assert list(ProjectReader.open(out).labels().values()) == ["species 173"] * 2
                page.set_viewport_size({"width": 844, "height": 390})  # a phone in landscape
                page.get_by_role("button", name="Review").click()
                page.get_by_role("button", name="One by one").click()
                expect(page.locator("#said")).to_contain_text("cid: species 173")
                said, filter_ = page.locator("#said").bounding_box(), page.locator("#filter").bounding_box()
                assert said["y"] + said["height"] <= filter_["y"] + 1  # nothing covers what people said
    assert heights[200] >= heights[12] - 60  # no less than the field for the name
