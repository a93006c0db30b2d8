"""Plays the page's part in talking with ``iale label``, whose server may be killed in the middle of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import iale.integrations.label

START = 900.0
"""Seconds after which a server that has not started is given up. It takes four of the processor's, and on a machine
that is busy with work of a higher priority it gets a thirtieth of those that go by."""

STATIC = Path(iale.integrations.label.__file__).with_name("static")
"""The files of the page."""

MODULES = sorted(path.name for path in STATIC.glob("*.js"))
"""Its scripts."""


class Refused(Exception):
    """The server answered with an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """The exit code of a process that has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended."""

    def send_signal(self, number: int, /) -> None:
        """Sends it a signal, unless it has ended."""

    def kill(self) -> None:
        """Ends it as a power cut would."""


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
        self._process: Process | None = None
        self._line: http.client.HTTPConnection | None = None

    def start(self) -> LabelServer:
        """Starts the process and waits until it has printed its address."""
        # A new file: the children of a process that was killed still write to the old one, at the place where it was.
        self._log.unlink(missing_ok=True)
        with open(self._log, "wb") as log:
            self._process = self._begin([*self._command, "--port", str(self.port)], log)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            whole = self._log.read_text().split("\n")[:-1]
            found = [line for line in whole if line.startswith("http://")]
            if found:
                self.address = found[0]
                self.port = int(found[0].split("/?")[0].rsplit(":", 1)[1])
                return self
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {self._stacks()}{self._log.read_text()}")

    def _begin(self, command: list[str], log: IO[bytes]) -> Process:
        told = {**os.environ, "PYTHONFAULTHANDLER": "1"}  # one that hangs says where, see `_stacks`
        return subprocess.Popen(command, stdout=log, stderr=log, env=told)

    def _stacks(self) -> str:
        """What is known of a process that has printed no address: how it ended, or where it hangs (into its log)."""
        assert self._process is not None
        if (code := self._process.poll()) is not None:
            return f"exit code {code}; "
        used = Path(f"/proc/{self._process.pid}/stat")
        ticks = used.read_text().rsplit(")", 1)[1].split()[11:13] if used.exists() else []
        self._process.send_signal(signal.SIGABRT)  # Python's fault handler writes the stacks of all threads
        self._process.wait(30)
        return f"it hung for {START:.0f} s, and used {sum(map(int, ticks))} ticks of the processor; "

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
