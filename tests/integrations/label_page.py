"""Plays the page's part in talking with ``iale label``, with a server that is killed in the middle of it."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import iale.integrations.label
from iale.labeling.items._ids import id_of
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig

START = 120.0
"""Seconds after which a server that has not started is given up."""

STATIC = Path(iale.integrations.label.__file__).with_name("static")
"""The files of the page."""

MODULES = sorted(path.name for path in STATIC.glob("*.js"))
"""Its scripts."""


_FEWEST = 30  # acts after which a session with kills may end


class Refused(Exception):
    """The server answered with an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status


class LabelServer:
    """``iale label`` in its own process; it keeps its port across restarts.

    Args:
        data: what is labeled.
        out: the project.
        options: other options of the command line.

    Attributes:
        address: the printed address, including the token.
        port: the port of the server.
    """

    def __init__(self, data: Path, out: Path, *options: str) -> None:
        self.address, self.port = "", 0
        self._out, self._log = out, out.with_name(f"{out.name}.log")
        self._command = [sys.executable, "-m", "iale", "label", str(data), "--out", str(out), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self._line: http.client.HTTPConnection | None = None

    def start(self) -> LabelServer:
        """Starts the process and waits until it has printed its address."""
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen([*self._command, "--port", str(self.port)], stdout=log, stderr=log)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            found = [line for line in self._log.read_text().splitlines() if line.startswith("http://")]
            if found:
                self.address = found[0]
                self.port = int(found[0].split("/?")[0].rsplit(":", 1)[1])
                return self
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {self._log.read_text()}")

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Ends the process as a power cut would; its child processes end by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ends the process as Ctrl-C would; returns its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGINT)
        code = self._process.wait(30)
        self.hang_up()
        return code

    def wait(self, seconds: float) -> int:
        """Waits for the end of the process; returns its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def hang_up(self) -> None:
        """Closes the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The server's answer as JSON; raises OSError if it cannot be reached, Refused if it answers with an error."""
        origin = f"http://127.0.0.1:{self.port}"
        headers = {"Cookie": f"iale-label-{self.port}={self.address.split('token=')[1]}", "Origin": origin}
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        if data is not None:
            headers["Content-Type"] = "application/json"
        used = self._line is not None
        try:
            if self._line is None:
                self._line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            self._line.request(method, path, data, headers)
            response = self._line.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.hang_up()
            if used and isinstance(error, http.client.RemoteDisconnected):  # it was idle for too long
                return self.ask(path, body)
            raise ConnectionError(str(error)) from error
        if response.status == 400 and response.headers.get_content_type() != "application/json":
            self.hang_up()  # it is not the page's server that refuses, so the page asks again
            raise ConnectionError(f"garbled: {answer.decode(errors='replace')[:200]}")
        if response.status != 200:
            raise Refused(response.status, answer.decode(errors="replace")[:200])
        return json.loads(answer) if response.headers.get_content_type() == "application/json" else answer

    def __enter__(self) -> LabelServer:
        """Starts the server."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kills the server."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self.hang_up()


@dataclass(frozen=True)
class Tally:
    """The outcome of a session with kills.

    Attributes:
        kills: how often the server was killed.
        acknowledged: labels, skips, and undos that the server said were saved.
        lost: how many of these are not in the journal as they were sent.
        doubled: keys that are in the journal more than once.
        wrong: samples whose label is not what the person said last.
    """

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    wrong: int


def write_old_project(folder: Path, count: int) -> tuple[Path, dict[str, str]]:
    """A table with ids, and its project as version 1 of the journal left it: rows are known by digests of their cells.

    Args:
        folder: gets the table ``rows.csv`` and the project ``project``.
        count: the number of rows; one in ten is labeled.

    Returns:
        The table, and the labels by the ids that their samples have now.
    """
    data, out = folder / "rows.csv", folder / "project"
    rows = [(f"{number / 7:.3f}", f"{number % 5}") for number in range(count)]
    data.write_text("id,x,y\n" + "".join(f"r{number},{x},{y}\n" for number, (x, y) in enumerate(rows)))
    project = Project.create(out, ProjectConfig(data, ("a", "b", "c")))
    config = json.loads((out / "project.json").read_text())
    del config["named"]
    (out / "project.json").write_text(json.dumps(config))
    lines, labels = [], {}
    for number, row in enumerate(range(0, count, 10), start=1):
        label = "abc"[row % 3]
        labels[project.items.ids[row]] = label
        old = f"{id_of(*(cell.encode() for cell in rows[row])):016x}"
        event = {"kind": "label", "label": label, "person": "ann", "reason": "query", "sample": old}
        lines.append(json.dumps({**event, "number": number, "time": 1795745639.0 + number}) + "\n")
    (out / "journal.jsonl").write_text("".join(lines))
    return data, labels


def label_under_kills(
    server: LabelServer,
    out: Path,
    classes: list[str],
    kills: int,
    *,
    seed: int = 0,
    before: dict[str, str] | None = None,
) -> Tally:
    """A person labels, corrects, skips, and undoes as fast as the server answers; it is killed at random moments.

    Now and then somebody else answers first, so that the person's answer is a second opinion; a sample cannot be shown;
    or a class is added. Whatever was not acknowledged is sent again with the same key, as the page does.

    Args:
        server: a server that is not running yet.
        out: its project.
        classes: at least 2 classes.
        kills: the number of kills.
        seed: determines the moments and the labels.
        before: labels that the project holds already, by id.
    """
    rng, moments = random.Random(seed), random.Random(seed + 1)
    acknowledged: dict[str, dict[str, Any]] = {}
    said: dict[str, list[str | None]] = {sample: [label] for sample, label in (before or {}).items()}
    added: list[str] = []
    done = threading.Event()

    def send(path: str, body: dict[str, Any]) -> Any:
        while True:
            try:
                return server.ask(path, body)
            except ConnectionError:
                time.sleep(0.005)

    numbers = itertools.count()

    def act(path: str, sample: str, label: str | None = None, *, decides: bool = True, **more: Any) -> str:
        """Does something about a sample; returns its key. What does not decide is recorded all the same."""
        key = f"{seed}-{next(numbers)}"
        body = {"person": "ann", "tab": "1", "sample": sample, "key": key, **more}
        number = send(path, body if label is None else {**body, "label": label})["number"]
        kind = path.rsplit("/", 1)[1]
        acknowledged[key] = {"number": number, "kind": kind, "sample": sample, "label": label}
        before = said.setdefault(sample, [])
        if decides:
            before[:] = before[:-1] if kind == "undo" else [*before, label]
        return key

    def decide(sample: str, reason: str) -> None:
        label, late = rng.choice(classes), reason == "second" or rng.random() < 0.1
        if late and reason != "second":
            act("/api/label", sample, rng.choice(classes), person="bo", tab="2", asked=True)
        last, decides = act("/api/label", sample, label, asked=True, decides=not late), not late
        if rng.random() < 0.1:
            last, decides = act("/api/label", sample, rng.choice([c for c in classes if c != label])), True
        if rng.random() < 0.1:
            act("/api/undo", sample, act=last, decides=decides)
        if rng.random() < 0.05:
            act("/api/skip", sample)

    def work() -> None:
        while not done.is_set():
            for ticket in send("/api/next", {"person": "ann", "tab": "1", "count": 20})["tickets"]:
                if rng.random() < 0.03:
                    send("/api/pass-over", {"sample": ticket["sample"], "why": "it cannot be decoded."})
                else:
                    decide(ticket["sample"], ticket["reason"])
                if rng.random() < 0.02:
                    name = f"new {len(added)}"
                    send("/api/class", {"person": "ann", "label": name, "key": f"{seed} {name}"})
                    added.append(name)
                if done.is_set():
                    break

    person = threading.Thread(target=work)
    server.start()
    person.start()
    try:
        for _ in range(kills):
            assert person.is_alive(), "the person's thread failed; the traceback is above"
            time.sleep(moments.uniform(0.0, 1.0))
            server.kill()
            server.start()
        deadline = time.monotonic() + 60
        while len(acknowledged) < _FEWEST and person.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)  # on a busy machine, nearly all of the time goes into starts
    finally:
        done.set()
        person.join(60)
        server.stop()
    there = ProjectReader.open(out).classes
    assert list(there) == [*classes, *added], "classes are lost, doubled, or in another order"
    return tally(out, kills, acknowledged, said)


def tally(out: Path, kills: int, acknowledged: dict[str, dict[str, Any]], said: dict[str, list[str | None]]) -> Tally:
    """Compares a project with what its only person remembers.

    Args:
        out: the project.
        kills: the number of kills, for the record.
        acknowledged: number, kind, sample, and label of every acknowledged event, by its key.
        said: the answers to each sample that were not undone, None for a skip.
    """
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    keys = Counter(line["key"] for line in lines if "key" in line)
    written = {line["key"]: {"label": None, **line} for line in lines if "key" in line}
    lost = [
        key
        for key, event in acknowledged.items()
        if any(written.get(key, {}).get(name) != value for name, value in event.items())
    ]
    labels = ProjectReader.open(out).labels()
    wrong = [sample for sample, answers in said.items() if labels.get(sample) != next(reversed(answers), None)]
    unknown = set(labels) - set(said)
    doubled = sum(count > 1 for count in keys.values())
    return Tally(kills, len(acknowledged), len(lost), doubled, len(wrong) + len(unknown))


def hostile_images(folder: Path, *, large: bool = False) -> None:
    """Writes files that no program should trust: names that are markup, links out of the folder, damage, bombs.

    Args:
        folder: the folder to write; ``secret.png`` goes next to it.
        large: also write a decompression bomb and a photograph of 100 megapixels.
    """
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), 7).save(folder.parent / "secret.png")
    for number in range(4):
        Image.new("RGB", (40, 30), (60 * number, 90, 30)).save(folder / f"good-{number}.png")
    Image.new("L", (8, 8)).save(folder / "<img src=x onerror=alert(1)>.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "script.jpg").write_bytes(b"<script>alert(1)</script>")
    (folder / "postscript.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with contextlib.suppress(OSError):
        (folder / "link.png").symlink_to(folder.parent / "secret.png")
    if large:
        Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
        Image.new("L", (10_000, 10_000), 99).save(folder / "huge.jpg", quality=30)
