"""Takes a screenshot of the page of `iale label` for the README, in the middle of labeling 1,000 images of clothing.

    python scripts/photograph_page.py [FILE]

A scripted person labels 220 images of Fashion-MNIST (the small copy that ships with iale, enlarged and on white) over
HTTP, and waits for every fit, so that the learning curve in the picture is a real one. Chromium then opens the page.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from playwright.sync_api import sync_playwright

from iale.data.catalog import load_dataset

sys.path.insert(0, str(Path(__file__).parents[1]))  # the page's test driver lives with the tests

from tests.integrations.label_page import LabelServer

FILE = Path(__file__).parents[1] / "docs" / "images" / "page.png"
CLASSES = ["T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
LABELS, EVERY, EDGE = 220, 10, 448
OPTIONS = f"--resize 28,28 --fit-every {EVERY} --test-share 0.25 --person Ada".split()


def write_images(folder: Path) -> dict[str, str]:
    """Writes 1,000 PNG files; returns the class of each by file name. The names do not give the classes away."""
    folder.mkdir()
    clothing = load_dataset("fashion-small")
    truth = {}
    for number, at in enumerate(torch.randperm(len(clothing.test), generator=torch.Generator().manual_seed(0))):
        name = f"item-{number:04}.png"
        pixels = 255 - clothing.test.batch(at[None]).reshape(28, 28).numpy()
        Image.fromarray(pixels).resize((EDGE, EDGE), Image.Resampling.BICUBIC).save(folder / name)
        truth[name] = CLASSES[int(clothing.test_labels[at])]
    return truth


def label(server: LabelServer, truth: dict[str, str]) -> None:
    """Labels what the server asks for, and waits for a fit after every 10 labels."""
    for done in range(LABELS):
        if done and done % EVERY == 0:
            time.sleep(1.0)  # a fit begins a moment after the labels that it was waiting for
            while server.ask("/api/status")["fitting"]:
                time.sleep(0.5)
            print(f"{done} labels", flush=True)
        body = {"person": "Ada", "tab": "http", "count": 1}
        (ticket,) = server.ask("/api/next", body)["tickets"]
        body = {"person": "Ada", "tab": "http", "sample": ticket["sample"], "key": str(done)}
        server.ask("/api/label", {**body, "label": truth[ticket["name"]]})


def photograph(address: str, file: Path) -> None:
    """The page at 1280 x 800 in its light colors."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(address)
        page.wait_for_selector("#stage img")
        page.wait_for_selector("#curve .band", state="attached")
        for _ in range(20):
            page.wait_for_timeout(1000)
            if page.locator("#near img").count():
                break
            page.keyboard.press(".")  # of one of the test share, nothing is told
        page.wait_for_timeout(1000)
        page.screenshot(path=file)
        browser.close()


def main(file: Path) -> None:
    """Labels, then takes the screenshot."""
    with tempfile.TemporaryDirectory(prefix="iale-page-") as name:
        truth = write_images(Path(name) / "clothing")
        out = Path(name) / "Clothing"
        with LabelServer(Path(name) / "clothing", out, "--classes", ",".join(CLASSES), *OPTIONS) as server:
            label(server, truth)
            photograph(server.address, file)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=FILE)
    main(parser.parse_args().file)
