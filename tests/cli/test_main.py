import os
import subprocess
import sys
from pathlib import Path

import pytest

from iale.cli._main import COMMANDS, SUMMARIES, main

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}


def iale(*argv: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "iale", *argv]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False)


def replace_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def command(argv: list[str]) -> int:
        raise error

    monkeypatch.setitem(COMMANDS._entries, "run", command)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from iale.cli._main import main\n"
        "assert main(['--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'scipy', 'sklearn', 'matplotlib', 'PIL', 'tyro', 'tqdm', 'pooch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {name} " in done.stdout for name in SUMMARIES)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_usage_names_every_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert not err
    assert all(summary in out for summary in SUMMARIES.values())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("iale ")


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert f"usage: iale {name}" in out


def test_help_helps_in_place_of_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    """As the help of label says of --invite."""
    assert main(["label", "--help"]) == 0
    assert "`iale label --invite --help` says more" in capsys.readouterr().out
    assert main(["label", "--invite", "--help"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert "--revoke" in out


@pytest.mark.parametrize(("name", "flag"), [("query", "--images"), ("label", "--data"), ("embed", "--data")])
def test_help_says_that_the_samples_may_come_first(name: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    plain = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert plain.count(f"In front of all options, {flag} may be left out.") == 1


def test_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    out, err = capsys.readouterr()
    assert not out
    known = ", ".join(SUMMARIES)
    assert err == f"iale: unknown command 'trian': did you mean 'train'? the known ones are {known}.\n"


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace_command(monkeypatch, KeyboardInterrupt())
    assert main(["run"]) == 130
    assert capsys.readouterr().err.strip() == "stopped; run the same command to continue"


def test_ctrl_c_while_a_command_is_imported_is_not_lost(tmp_path: Path) -> None:
    """Python drops an exception in a callback of a weak reference, and has such callbacks for its imports."""
    (tmp_path / "slow.py").write_text(
        "import signal, weakref\n"
        "class Dropped: pass\n"
        "one = Dropped()\n"
        "watch = weakref.ref(one, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "del one\n"
        "def main(argv):\n"
        "    print('went on')\n"
        "    return 0\n"
    )
    program = (
        "import sys\n"
        "from iale.cli._main import COMMANDS, main\n"
        "COMMANDS._entries['run'] = 'slow:main'\n"
        "sys.exit(main(['run']))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "\nstopped; run the same command to continue\n"


def test_an_error_of_the_system_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_command(monkeypatch, OSError(28, "No space left on device", "/full/disk"))
    assert main(["run"]) == 2
    expected = "iale: /full/disk: No space left on device; check the path, its permissions and the free space.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes")]
)
def test_lack_of_memory_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_command(monkeypatch, error)
    assert main(["run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("iale: memory ran out: close other programs")
    replace_command(monkeypatch, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        main(["run"])


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_command(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["run"])


def test_module_is_the_command() -> None:
    done = iale("nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("iale: unknown command 'nope'")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_behind_stdout() -> None:
    with open("/dev/full", "w") as full:
        done = iale("--help", stdout=full.fileno())
    assert done.returncode == 2
    assert done.stderr == "iale: No space left on device; check the path, its permissions and the free space.\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = iale("--help", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
