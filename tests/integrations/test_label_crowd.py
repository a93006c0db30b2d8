"""Many connections, two servers, and the end of one: nobody is kept waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from uvicorn.protocols.http.h11_impl import H11Protocol

from iale.integrations.label import _security
from iale.integrations.label._patience import MOST_WAITING, close_the_slow
from iale.integrations.label._security import Guard
from iale.labeling.project import Project
from tests.integrations.label_page import LabelServer

OPTIONS = ("--classes", "a,b", "--person", "ann", "--test-share", "0", "--fit-every", "5")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32))
    return tmp_path / "rows.npz"


def label(server: LabelServer, count: int, person: str = "ann") -> None:
    for ticket in server.ask("/api/next", {"person": person, "tab": "1", "count": count})["tickets"]:
        key = {"person": person, "tab": "1", "key": f"{person} {ticket['sample']}"}
        server.ask("/api/label", {**key, "sample": ticket["sample"], "label": "ab"[int(ticket["name"]) % 2]})


def closed(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_who_never_finishes_a_request_keeps_nobody_out(rows: Path, tmp_path: Path) -> None:
    with LabelServer(rows, tmp_path / "p", *OPTIONS) as server:
        lines = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(MOST_WAITING + 100)]
        try:
            for line in lines:
                line.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert server.ask("/api/status")["labeled"] == 0
            deadline = time.monotonic() + 60
            while sum(map(closed, lines)) < 100 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert sum(map(closed, lines)) >= 100
            server.hang_up()  # its own idle connection may have ended, too
            label(server, 3)
            assert server.ask("/api/status")["labeled"] == 3
        finally:
            for line in lines:
                line.close()
            server.hang_up()


def test_of_many_that_come_at_once_none_goes_before_it_could_send_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[int] = []

    def connect(number: int) -> H11Protocol:
        made = object.__new__(H11Protocol)
        made.cycle = None
        made.transport = SimpleNamespace(close=lambda: gone.append(number))
        return made

    crowd = {connect(number) for number in range(MOST_WAITING + 100)}
    server: Any = SimpleNamespace(server_state=SimpleNamespace(connections=crowd))
    looks = 0

    async def rest(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            assert not gone  # all of them came since the last look
            crowd.update(connect(1000 + number) for number in range(50))
        elif looks == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", rest)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(close_the_slow(server))
    assert len(gone) == 150
    assert max(gone) < 1000


def test_a_body_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_security, "PATIENCE", 0.1)
    token = "t" * 43

    async def never(*_: object) -> None:
        raise AssertionError("it was let through")

    guard = Guard(never, token, "127.0.0.1", 8414)
    headers = {
        b"host": b"127.0.0.1:8414",
        b"origin": b"http://127.0.0.1:8414",
        b"content-type": b"application/json",
        b"cookie": f"iale-label-8414={token}".encode(),
    }
    scope = {"type": "http", "method": "POST", "path": "/api/label", "query_string": b"", "headers": [*headers.items()]}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def endless() -> Any:
        await asyncio.sleep(3600)

    asyncio.run(guard(scope, endless, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def another(status: dict[str, Any]) -> bool:
    """Whether a status says that another server fits the project."""
    return any("another `iale label`" in notice for notice in status["notices"])


def test_the_second_server_of_a_project_says_so_and_fits_nothing(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "p"
    with LabelServer(rows, out, *OPTIONS) as first, LabelServer(rows, out, *OPTIONS) as second:
        log = out.with_name("p.log").read_text()  # of the second, which was started last
        assert "another `iale label` serves this project" in log
        label(second, 12, "bo")
        deadline = time.monotonic() + 60
        while not (status := second.ask("/api/status"))["fits"] and time.monotonic() < deadline:
            time.sleep(0.1)  # the first one fits what it was not told, and nobody looks at its page
        assert status["fits"]
        assert not status["fitting"]
        assert status["labeled"] == 12
        assert another(status)
        assert not another(first.ask("/api/status"))
        refused = subprocess.run([sys.executable, "-m", "iale", "repair", str(out)], capture_output=True, text=True)
        assert refused.returncode == 2
        assert "serves" in refused.stderr
        assert first.stop() == 130
        first.hang_up()
        second.hang_up()  # it may have been idle for too long
        deadline = time.monotonic() + 60
        while (found := another(second.ask("/api/status"))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not found
        fits = second.ask("/api/status")["fits"]
        label(second, 6, "bo")  # now the second one fits
        while second.ask("/api/status")["fits"] == fits and time.monotonic() < deadline:
            time.sleep(0.1)
        assert second.ask("/api/status")["fits"] > fits
        second.hang_up()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_whatever_is_going_on(rows: Path, tmp_path: Path, how: signal.Signals) -> None:
    """Within 2 s on an idle machine; a busy one gets more."""
    out = tmp_path / "p"
    with LabelServer(rows, out, *OPTIONS, "--classifier", "mlp", "--epochs", "100000") as server:
        label(server, 10)
        while not server.ask("/api/status")["fitting"]:
            time.sleep(0.05)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        fitting = [int(each) for each in children.read_text().split()] if children.exists() else []
        cookie = f"Cookie: iale-label-{server.port}={server.address.split('token=')[1]}"
        begun = f"Host: 127.0.0.1:{server.port}\r\n{cookie}\r\nOrigin: http://127.0.0.1:{server.port}\r\n"
        head = f"POST /api/label HTTP/1.1\r\n{begun}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        with (
            socket.create_connection(("127.0.0.1", server.port)) as slow,
            socket.create_connection(("127.0.0.1", server.port)) as slower,
        ):
            slow.sendall(head.encode())
            slower.sendall(b"GET / HTTP/1.1\r\n")
            time.sleep(0.2)
            begin = time.monotonic()
            os.kill(server.pid, how)
            code = server.wait(20)
            print(f"ended in {time.monotonic() - begin:.2f} s")
        assert code == 128 + how
        assert "semaphore" not in out.with_name(f"{out.name}.log").read_text()  # nothing is left to others
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{each}").exists() for each in fitting) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(Path(f"/proc/{each}").exists() for each in fitting)
        server.hang_up()
    project = Project.open(out)
    assert len(project.labels()) == 10
    project.close()
