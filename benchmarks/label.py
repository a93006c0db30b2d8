"""`iale label` on folders of 10,000 and 100,000 images: time to the first image, memory, and the time of a key press.

    python benchmarks/label.py

The last line is one JSON object:
    start_s_100k  seconds from the start of a new project of 100,000 images until the first image has arrived;
    key_ms_p95    milliseconds from a key press until the next image is on the screen: the 95th percentile over presses
                  during a fit, with 10,000 images, in Chromium. Without Chromium it is measured over HTTP, until the
                  label is on the disk and the next image has arrived;
    label_first_fit_s  seconds from the first label of a second class until the first model, with 5,000 photos of
                  640 x 480 of which the geometry is just being made;
    rss_mb_10k, rss_mb_100k  peak resident memory of the server and its fitting process together during a session.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import record
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # the page's test driver lives with the tests

from tests.integrations.label_page import LabelServer

KINDS, SIDE, A_FOLDER = 400, 64, 1000
CLASSES = ("bars", "dots", "waves")
PRESSES = 200
PHOTOS = 5000
REST_S = 0.25  # seconds between two presses: four labels per second


def make_images(folder: Path, count: int, height: int = SIDE, width: int = SIDE) -> None:
    """Writes JPEG files of three kinds; all but the first few hundred are hard links."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width] / height
    originals = []
    for number in range(KINDS):
        turn, phase = rng.uniform(4, 12), rng.uniform(0, 6)
        pattern = (np.sin(turn * x + phase), np.sin(turn * x) * np.cos(turn * y + phase), np.sin(turn * (x + y) ** 2))
        pixels = np.stack(
            [128 + 80 * pattern[number % 3] + rng.normal(0, 12, (height, width)) for _ in range(3)], axis=2
        )
        file = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
        originals.append(file.getvalue())
    for number in range(count):
        path = folder / f"{number // A_FOLDER:03}" / f"{number:06}-{CLASSES[number % KINDS % 3]}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < KINDS:
            path.write_bytes(originals[number])
        else:
            first = number % KINDS
            os.link(folder / "000" / f"{first:06}-{CLASSES[first % 3]}.jpg", path)


def resident_mb(pid: int) -> dict[int, float]:
    """VmRSS in MB (10^6 bytes) of a process and all its descendants, by process id."""
    found, waiting = {}, [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError, IndexError):  # a process that has just ended has no memory
            status = Path(f"/proc/{one}/status").read_text()
            found[one] = int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())
    return found


class Session:
    """One person who labels over HTTP and reads the class from the name of the file."""

    def __init__(self, server: LabelServer) -> None:
        self.server = server
        self.number = 0
        self.peak = 0.0
        self.peaks: list[float] = []

    def next(self) -> dict[str, Any]:
        body = {"person": "ann", "tab": "http", "count": 1}
        ticket: dict[str, Any] = self.server.ask("/api/next", body)["tickets"][0]
        return ticket

    def label(self, ticket: dict[str, Any]) -> None:
        self.number += 1
        label = ticket["name"].rsplit("-", 1)[1].removesuffix(".jpg")
        body = {"person": "ann", "tab": "http", "sample": ticket["sample"], "label": label, "key": str(self.number)}
        self.server.ask("/api/label", body)

    def look(self) -> dict[str, Any]:
        """Returns the status, and records the memory."""
        resident = resident_mb(self.server.pid)
        if sum(resident.values()) > self.peak:
            self.peak, self.peaks = sum(resident.values()), sorted(resident.values(), reverse=True)
        status: dict[str, Any] = self.server.ask("/api/status")
        return status

    def work(self, fits: int, limit_s: float = 120) -> None:
        """Labels until this many fits are done."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and self.look()["fits"] < fits:
            ticket = self.next()
            self.server.ask(f"/samples/{ticket['sample']}")
            self.label(ticket)
            time.sleep(REST_S / 2)


def start(folder: Path, out: Path) -> tuple[LabelServer, float]:
    """Starts a new project; returns its server and the seconds until its first image has arrived."""
    server = LabelServer(folder, out, "--classes", ",".join(CLASSES), "--person", "ann")
    begun = time.perf_counter()
    server.start()
    server.ask(f"/samples/{Session(server).next()['sample']}")
    return server, time.perf_counter() - begun


def first_fit(folder: Path) -> float:
    """Seconds from the second class to the first model, for somebody who begins to label at once."""
    make_images(folder / "photos", PHOTOS, 480, 640)
    server, _ = start(folder / "photos", folder / "photos.project")
    session = Session(server)
    try:
        seen: set[str] = set()
        while len(seen) < 2:
            time.sleep(1)  # a look
            ticket = session.next()
            seen.add(ticket["name"].rsplit("-", 1)[1])
            session.label(ticket)
        begun = time.perf_counter()
        while session.server.ask("/api/status")["fits"] < 1:
            time.sleep(0.02)
        return time.perf_counter() - begun
    finally:
        server.stop()


WATCH = """() => {
  window.presses = [];
  const stage = document.getElementById("stage");
  addEventListener("keydown", (event) => {
    const before = stage.querySelector("img"), began = event.timeStamp, after = new MessageChannel();
    after.port1.onmessage = () => {  // runs right after the frame is drawn
      const now = stage.querySelector("img");
      if (now && now !== before && now.complete && now.naturalWidth) presses.push(performance.now() - began);
      else requestAnimationFrame(() => after.port2.postMessage(0));
    };
    requestAnimationFrame(() => after.port2.postMessage(0));
  }, { capture: true });
}"""


def key_times(session: Session) -> tuple[list[float], str]:
    """Milliseconds of each press during a fit, and how they were measured."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        chromium = None
    if chromium is None:
        return _presses(session, lambda: _press_over_http(session)), "http"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(session.server.address)
        page.wait_for_selector("#stage img")
        page.evaluate(WATCH)

        def press() -> float:
            page.wait_for_selector("#stage img")
            many = page.evaluate("presses.length")
            kind = page.inner_text("#name").rsplit("-", 1)[1].removesuffix(".jpg")
            page.keyboard.press(str(CLASSES.index(kind) + 1))
            while page.evaluate("presses.length") == many:  # wait_for_function would need eval, which the page forbids
                time.sleep(0.005)
            return float(page.evaluate("presses.at(-1)"))

        times = _presses(session, press)
        browser.close()
    return times, "chromium"


def _presses(session: Session, press: Callable[[], float], limit_s: float = 300) -> list[float]:
    rng, times, deadline = random.Random(0), [], time.monotonic() + limit_s
    while len(times) < PRESSES and time.monotonic() < deadline:
        fitting = session.look()["fitting"]
        took = press()
        if fitting:
            times.append(took)
        time.sleep(REST_S * rng.uniform(0.6, 1.4))
    return times


def _press_over_http(session: Session) -> float:
    ticket = session.next()
    begun = time.perf_counter()
    session.label(ticket)
    session.server.ask(f"/samples/{session.next()['sample']}")
    return 1000 * (time.perf_counter() - begun)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="iale-label-"))
    results: dict[str, float] = {}
    details: dict[str, Any] = {"images": f"{SIDE} x {SIDE} JPEG, {KINDS} different ones, others hard links"}
    try:
        results["label_first_fit_s"] = round(first_fit(folder), 2)
        print(f"first model {results['label_first_fit_s']} s after the second class", flush=True)
        for name, count in (("10k", 10_000), ("100k", 100_000)):
            make_images(folder / name, count)
            server, seconds = start(folder / name, folder / f"{name}.project")
            session = Session(server)
            try:
                session.work(fits=2)
                details[f"start_s_{name}"] = round(seconds, 2)
                print(f"{name}: first image after {seconds:.2f} s", flush=True)
                if name == "10k":
                    times, how = key_times(session)
                    results["key_ms_p95"] = round(float(np.percentile(times, 95)), 1)
                    details["key"] = {
                        "presses": len(times),
                        "measured_in": how,
                        "ms_p50": round(statistics.median(times), 1),
                    }
                    print(f"{len(times)} presses during a fit, {details['key']}", flush=True)
                else:
                    results["start_s_100k"] = round(seconds, 2)
                results[f"rss_mb_{name}"] = round(session.peak, 1)
                details[f"rss_mb_{name}_by_process"] = [round(part, 1) for part in session.peaks]
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder)
    keys = ("start_s_100k", "key_ms_p95", "label_first_fit_s", "rss_mb_10k", "rss_mb_100k")
    record("label", {key: results[key] for key in keys}, details)


if __name__ == "__main__":
    main()
