from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from iale.classifiers.base import resolve_device
from iale.errors import ConfigError, IaleError
from iale.executors import _EXECUTORS as EXECUTORS
from iale.executors import Executor, ProcessExecutor, as_completed, open_executor
from iale.executors import _SerialExecutor as SerialExecutor


def threads(_: int) -> int:
    return torch.get_num_threads()


def test_serial_work_keeps_its_order_and_starts_when_the_last_has_been_read() -> None:
    started: list[int] = []

    def note(x: int) -> int:
        started.append(x)
        return x

    results = as_completed(SerialExecutor(), note, range(3))
    assert next(results) == 0
    assert started == [0]
    assert list(results) == [1, 2]


@pytest.mark.parametrize("make", [SerialExecutor, lambda: ThreadPoolExecutor(1)])
def test_work_runs_on_one_thread_and_puts_the_number_back(make: Callable[[], Executor]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        executor = make()
        assert list(as_completed(executor, threads, [0])) == [1]
        assert torch.get_num_threads() == 2
        executor.shutdown()
    finally:
        torch.set_num_threads(before)


def test_any_executor_of_concurrent_futures_will_do() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert sorted(as_completed(pool, abs, range(-5, 0), ahead=3)) == [1, 2, 3, 4, 5]


def test_no_more_than_ahead_jobs_are_in_flight() -> None:
    class Counting(SerialExecutor):
        count = 0

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.count += 1
            return super().submit(fn, *args, **kwargs)

    executor = Counting()
    next(as_completed(executor, abs, range(100), ahead=4))
    assert executor.count == 4


def test_processes_give_the_same_on_one_thread_each_and_pass_errors_on() -> None:
    with open_executor(2) as executor:
        assert executor.submit(torch.get_num_threads).result() == 1
        assert sorted(as_completed(executor, abs, range(-5, 0), ahead=3)) == [1, 2, 3, 4, 5]
        with pytest.raises(ConfigError, match="unknown device 'abacus'"):
            list(as_completed(executor, resolve_device, ["cpu", "abacus"]))


def test_a_killed_worker_ends_with_one_sentence() -> None:
    with pytest.raises(IaleError, match="a worker process was killed"), open_executor(2) as executor:
        list(as_completed(executor, signal.raise_signal, [signal.SIGKILL]))


def test_stop_ends_workers_in_the_middle_of_their_work() -> None:
    executor = ProcessExecutor(1)
    executor.submit(abs, 1).result()
    executor.submit(time.sleep, 300)
    begin = time.monotonic()
    executor.stop()
    assert time.monotonic() - begin < 60


def test_ctrl_c_while_a_worker_starts_prints_nothing(tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to all processes. A worker that starts runs the main module first; here, for minutes."""
    (tmp_path / "parent.py").write_text(
        "import pathlib, time\n"
        "from iale.executors import ProcessExecutor\n"
        "if __name__ != '__main__':\n"
        "    pathlib.Path('begun').touch()\n"
        "    time.sleep(300)\n"
        "executor = ProcessExecutor(1)\n"
        "try:\n"
        "    executor.submit(abs, 1)\n"
        "    time.sleep(300)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"  # a worker that is interrupted has the time to say so
        "    executor.stop()\n"
    )
    command, deadline = [sys.executable, "parent.py"], time.monotonic() + 60
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as parent:
        while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(parent.pid, signal.SIGINT)
        _, said = parent.communicate(timeout=60)
    assert (parent.returncode, said) == (0, "")


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, time\n"
        "from iale.executors import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    executor = ProcessExecutor(1)\n"
        "    print(executor.submit(os.getpid).result(), flush=True)\n"
        "    executor.submit(time.sleep, 300)\n"
        "    time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(worker)


def test_workers_that_still_import_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """PyTorch takes seconds to import, or longer on a busy machine; here, minutes. The parent dies meanwhile."""
    (tmp_path / "torch.py").write_text("import pathlib, sys, time\npathlib.Path('begun').touch()\ntime.sleep(300)\n")
    (tmp_path / "parent.py").write_text(
        "import multiprocessing, time\n"
        "from iale.executors import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    executor = ProcessExecutor(1)\n"
        "    executor.submit(abs, 1)\n"
        "    print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "    time.sleep(300)\n"
    )
    command = [sys.executable, "parent.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker, deadline = int(parent.stdout.readline()), time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _alive(worker)
        parent.kill()
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(worker)


def test_tensors_come_back_as_bytes_and_outlive_their_worker() -> None:
    with open_executor(2) as executor:
        results = [executor.submit(torch.full, (3,), value) for value in (1.0, 2.0)]
    assert [future.result().tolist() for future in results] == [[1.0] * 3, [2.0] * 3]
    assert not any(future.result().untyped_storage().is_shared() for future in results)


def test_an_executor_is_named_or_handed_through() -> None:
    with open_executor(1) as executor:
        assert isinstance(executor, SerialExecutor)
    with open_executor(1, "process") as executor:
        assert isinstance(executor, ProcessExecutor)
    with ThreadPoolExecutor(1) as pool:
        with open_executor(1, pool) as executor:
            assert executor is pool
        assert pool.submit(abs, -1).result() == 1  # still open
    assert list(EXECUTORS) == ["serial", "process", "ray"]


@pytest.mark.parametrize(
    ("workers", "name", "address", "sentence"),
    [
        (2, "serial", None, "'serial' is one worker, not 2: use 'process'"),
        (1, "serial", "here:1", "'serial' takes no address: use 'ray'"),
        (2, None, "here:1", "'process' takes no address: use 'ray'"),
        (2, "rayy", None, "did you mean 'ray'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    workers: int, name: str | None, address: str | None, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        open_executor(workers, name, address)


def test_without_ray_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "iale.integrations.ray", raising=False)
    monkeypatch.setitem(EXECUTORS._entries, "ray", "iale.integrations.ray:RayExecutor")  # as before its first use
    with pytest.raises(ConfigError, match="pip install ray"):
        open_executor(1, "ray")


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1, not 0"), open_executor(0):
        pass


def _alive(process: int) -> bool:
    """Whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
